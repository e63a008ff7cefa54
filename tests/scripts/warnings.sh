# SPDX-License-Identifier: MIT
#
# Each compiler builds the whole tree without a warning.

. "$(dirname "$0")/common.sh"

tried=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    tried=$((tried + 1))
    echo "$compiler"
    build_into "$compiler" "$source" -DCMAKE_C_COMPILER="$compiler" \
        -DMLP_WERROR=ON
done
[ "$tried" -gt 0 ] || skip "there is neither gcc nor clang"
