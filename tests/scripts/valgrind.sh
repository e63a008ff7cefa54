# SPDX-License-Identifier: MIT
#
# Unit tests and examples under valgrind: no wrong access, nothing undefined
# used, nothing lost. Not test_math: it needs the 80-bit long double, which
# valgrind does not have, and it is slow. Nor what is no test, nor what trains
# for minutes here: each of its steps other tests do too, and the sanitizers see
# it whole. Nor test_softmax and test_disk: valgrind gives c - a b, fused, the
# wrong sign where it is exactly 0, and cannot write its own report from a child
# that may write no more.

. "$(dirname "$0")/common.sh"
need valgrind

# Two at a time, each with its own log, shown if it fails.
cat >"$scratch/one" <<'END'
log=$1/$(basename "$2").log
if valgrind -q --error-exitcode=9 --leak-check=full "$2" >"$log" 2>&1; then
    echo "clean: $(basename "$2")"
else
    cat "$log"
    echo "FAILED: $(basename "$2")"
    exit 1
fi
END
find "$build/tests" "$build/examples" -maxdepth 1 -type f -perm -u+x \
    ! -name 'test_math*' ! -name bits ! -name test_moons ! -name moons \
    ! -name experiments ! -name regression ! -name circles ! -name digits \
    ! -name test_footprint ! -name model_tool ! -name onnx_tool \
    ! -name test_softmax ! -name test_disk ! -name test_gradient_matrix \
    ! -name test_check_gradients ! -name test_optimizer | sort | tr '\n' '\0' |
    xargs -0 -n 1 -P 2 sh "$scratch/one" "$scratch"
