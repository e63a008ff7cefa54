# SPDX-License-Identifier: MIT
#
# The Fortran module. mlp.f90 has the functions, constants and types of mlp.h; it
# compiles without a warning; views, texts and callbacks work; and a training in
# Fortran gives the bits of the same training in C.

. "$(dirname "$0")/common.sh"
need cc gfortran
python=$(command -v python3) || skip "there is no python3"

cd "$scratch"
rm -f ./*.mod ./*.mlp
"$python" "$source/tests/scripts/fortran.py" "$source" . ||
    fail "include/mlp.f90 must follow mlp.h"

arithmetic='-O2 -ffp-contract=off'
fortran() {
    gfortran $arithmetic -std=f2018 -Wall -Wextra -Wpedantic -Werror \
        -Wno-compare-reals "$@"
}
fortran -c "$source/include/mlp.f90" -o mlp_f90.o

# linked <program> <file>: compiles and links a program.
linked() {
    case $2 in
    *.f90) fortran "$2" mlp_f90.o "$build/libmlp.a" -lm -pthread -o "$1" ;;
    *.c) cc $arithmetic -I"$source/include" "$2" "$build/libmlp.a" -lm -pthread \
        -o "$1" ;;
    esac || fail "$2 does not compile"
}

linked layout_c layout.c
linked layout_fortran layout.f90
./layout_c >layout_c.txt
./layout_fortran >layout_fortran.txt
diff layout_c.txt layout_fortran.txt ||
    fail "a type of mlp.h ('<') has other places or sizes in mlp.f90 ('>')"
echo "equal: $(wc -l <layout_c.txt) sizes and offsets"

linked views "$source/tests/fortran/views.f90"
./views "$scratch/views.mlp" || fail "views.f90"

# The example in the first comment of mlp.f90 learns XOR.
{
    echo "program first"
    sed -n '/^!   use mlp$/,/^!$/s/^!//p' "$source/include/mlp.f90"
    echo "if (s /= MLP_OK .or. any(nint(A) /= [0, 1, 1, 0])) stop 1"
    echo "end program"
} >first.f90
linked first first.f90
./first || fail "the example in mlp.f90 does not learn"

linked moons_c "$source/tests/fortran/moons.c"
linked moons_fortran "$source/examples/fortran_moons.f90"
./moons_c >moons_c.txt || fail "moons.c"
./moons_fortran >moons_fortran.txt || fail "fortran_moons.f90"
cat moons_fortran.txt
tail -1 moons_fortran.txt | diff moons_c.txt - ||
    fail "C ('<') and Fortran ('>') train different parameters"
