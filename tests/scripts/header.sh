# SPDX-License-Identifier: MIT
#
# Each public header needs no other: included first, and twice, it compiles
# without a warning as C11 and as C++11.

. "$(dirname "$0")/common.sh"

tried=0
for header in mlp mlp_data mlp_foreign mlp_onnx mlp_show; do
    printf '#include "%s.h"\n#include "%s.h"\n' $header $header \
        >"$scratch/$header.c"
done
for compiler in 'gcc -std=c11' 'clang -std=c11' \
    'g++ -x c++ -std=c++11' 'clang++ -x c++ -std=c++11'; do
    command -v "${compiler%% *}" >/dev/null || continue
    tried=$((tried + 1))
    echo "$compiler"
    # Unquoted, because it is a command with its options.
    $compiler -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only \
        -I"$source/include" "$scratch/mlp.c" "$scratch/mlp_data.c" \
        "$scratch/mlp_foreign.c" "$scratch/mlp_onnx.c" "$scratch/mlp_show.c"
done
# mpi.h itself is not compiled without warnings everywhere.
if command -v mpicc >/dev/null; then
    printf '#include "mlp_mpi.h"\n#include "mlp_mpi.h"\n' >"$scratch/mlp_mpi.c"
    mpicc -std=c11 -Wall -Wextra -Wconversion -fsyntax-only -Werror \
        -I"$source/include" "$scratch/mlp_mpi.c"
    echo "mpicc"
fi
[ "$tried" -gt 0 ] || skip "there is neither gcc nor clang"
