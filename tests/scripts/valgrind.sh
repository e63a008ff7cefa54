# SPDX-License-Identifier: MIT
#
# Valgrind runs unit tests and examples: no wrong access, no use of undefined
# values, no leak. The sanitizers run all of them; valgrind leaves out these.

# These programs are no tests, or need data or an argument.
left_out='bits model_tool onnx_tool show_demo elementary_errors figures
    fashion_mnist'
# MPI loses memory of its own. mpi_fit counts ours.
left_out="$left_out mpi_digits"
# These need what valgrind lacks: the 80-bit long double, the right sign of a
# fused c - a b that is or becomes 0, a report from a child process that may
# write no more, the exit status of a child whose memory valgrind calls lost,
# and subnormal numbers taken for 0.
left_out="$left_out test_elementary* test_softmax test_fma_windows test_file
    test_host test_pictures test_drawing"
# These replace malloc themselves, have system calls watched, or run for
# minutes.
left_out="$left_out test_faults_* test_plain_memory test_real_time test_load"
# These take long under valgrind and run code that other tests run, too.
left_out="$left_out moons experiments regression circles digits save_and_load
    test_moons test_footprint test_gradient test_gradient_matrix
    test_gradient_check test_optimizer test_lbfgs test_gemm test_fused
    test_batch_norm test_dropout test_hard_data test_thread_team
    test_micro_batch test_parts test_exchange committee adversarial"

. "$(dirname "$0")/common.sh"
need valgrind

# Two programs run at a time. Each has a log, which is shown if it fails. One that
# ends with 77 has passed: valgrind does not show system calls, so it left those
# out.
cat >"$scratch/one" <<'END'
log=$1/$(basename "$2").log
began=$(date +%s)
status=0
valgrind -q --error-exitcode=9 --leak-check=full "$2" >"$log" 2>&1 || status=$?
if [ $status = 0 ] || [ $status = 77 ]; then
    echo "clean: $(basename "$2"), $(($(date +%s) - began)) s"
else
    cat "$log"
    echo "FAILED: $(basename "$2")"
    exit 1
fi
END
set -f # the patterns are find's
set -- "$build/tests" "$build/examples" -maxdepth 1 -type f -perm -u+x
for name in $left_out; do
    set -- "$@" ! -name "$name"
done
find "$@" | sort | tr '\n' '\0' |
    xargs -0 -n 1 -P 2 sh "$scratch/one" "$scratch"
