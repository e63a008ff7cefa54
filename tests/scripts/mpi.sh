# SPDX-License-Identifier: MIT
#
# A fit on 1, 2, 4 and 8 ranks has the bits of a fit in one process, ranks fail
# together, after each fault, and a checkpoint goes on with another number of
# ranks. All ranks refuse each bad value of each parameter. With the argument
# `everywhere` the library is built again with each MPI that Debian has, and with
# sanitizers for two ranks.
#
#     sh tests/scripts/mpi.sh <build folder> [everywhere]

. "$(dirname "$0")/common.sh"

# A test may have more ranks than cores, and run in a container as root. Open
# MPI asks for permission; others ignore these.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe

# ranks <number> <argument>...: runs $program. Ranks that wait for each other
# for ever are killed.
ranks() {
    count=$1
    shift
    timeout 120 "$launcher" -n "$count" "$program" "$@" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        fail "$launcher -n $count ${program##*/} $*"
    }
}

# Runs everything with 1 to $1 ranks.
all_of() {
    for n in 1 2 4 8; do
        [ "$n" -le "$1" ] || continue
        for what in equal uneven long failures misuse; do
            ranks "$n" "$what"
        done
    done
    # Ranks that wait take the time of others, so four of them have fewer faults.
    # A third rank sees the failure of one in the state that the root sent.
    fit=$program
    program=${program%_fit}_faults
    for n in 1 2 4; do
        [ "$n" -le "$1" ] || continue
        case $n in
        4) ranks "$n" mlp_mpi_broadcast ;;
        *) ranks "$n" ;;
        esac
        grep "^faults on" "$scratch/log"
    done
    # Without Python there are no calls of misuse.
    program=${fit%_fit}_misuse
    for n in 1 2; do
        [ -x "$program" ] || continue
        ranks "$n" "$scratch/misuse"
        echo "on $n: $(tail -n 1 "$scratch/log")"
    done
    program=$fit
    rm -f "$scratch/checkpoint.mlp"
    ranks 2 save "$scratch/checkpoint.mlp"
    for n in 1 2 4; do
        [ "$n" -le "$1" ] || continue
        ranks "$n" resume "$scratch/checkpoint.mlp"
    done
    echo "equal bits on 1 to $1 ranks: $2"
}

# build_for_mpi <folder> <compiler of MPI> <cmake option>...: builds $program.
build_for_mpi() {
    into=$scratch/$1
    mpicc=$2
    shift 2
    quietly cmake -S "$source" -B "$into" -DMPI_C_COMPILER="$mpicc" \
        -DCMAKE_BUILD_TYPE=Release -DMLP_DATA=OFF -DMLP_FOREIGN=OFF \
        -DMLP_SHOW=OFF -DMLP_ONNX=OFF -DMLP_BUILD_EXAMPLES=OFF "$@"
    set -- mpi_fit mpi_faults
    ! command -v python3 >/dev/null || set -- "$@" mpi_misuse
    quietly cmake --build "$into" --parallel 2 --target "$@"
    program=$into/tests/mpi/mpi_fit
}

if [ "${2:-}" != everywhere ]; then
    program=$build/tests/mpi/mpi_fit
    [ -x "$program" ] || skip "CMake has found no MPI"
    launcher=$(sed -n 's/^MPIEXEC_EXECUTABLE:[A-Z]*=//p' "$build/CMakeCache.txt")
    [ -x "$launcher" ] || skip "there is no mpiexec"
    all_of 8 "$launcher"
    if [ -x "$build/examples/mpi_digits" ]; then
        program=$build/examples/mpi_digits
        for n in 1 2 4; do
            ranks "$n"
            tail -n 2 "$scratch/log" |
                diff - "$source/tests/vectors/example_mpi_digits.txt" ||
                fail "mpi_digits ('<') has other numbers on $n ranks"
        done
        echo "equal bits on 1 to 4 ranks: examples/mpi_digits"
    fi
    exit 0
fi

tried=0
for mpi in openmpi mpich; do
    command -v "mpicc.$mpi" >/dev/null || continue
    launcher=$(command -v "mpirun.$mpi") || continue
    build_for_mpi "$mpi" "$(command -v "mpicc.$mpi")"
    all_of 8 "$mpi"
    tried=$((tried + 1))
    # MPI itself never releases some blocks. The program counts ours.
    export ASAN_OPTIONS=detect_leaks=0
    if links gcc -fsanitize=address,undefined; then
        build_for_mpi "$mpi-sanitized" "$(command -v "mpicc.$mpi")" \
            -DCMAKE_C_COMPILER=gcc -DMLP_SANITIZE=address,undefined
        all_of 2 "$mpi with sanitizers"
    fi
done
[ "$tried" -gt 0 ] || skip "there is no MPI"
