# SPDX-License-Identifier: MIT
#
# What mlp_export_c writes compiles everywhere without a warning, predicts what
# the library predicts (10,000 rows of each network of export_tool.c), computes
# its Jacobians, and has the size that it states. It is compiled as C99 by gcc,
# clang and tcc, as C++11, and for Cortex-M4 and AVR. The int8 form contains no
# floating-point instruction, and computes the same integers with the
# instructions of ARM for two products.

. "$(dirname "$0")/common.sh"
need cc size

tests=$source/tests/formats/c
strict='-pedantic -Wall -Wextra -Wconversion -Wshadow -Werror'
cd "$scratch"
rm -f ./*.c ./*.h ./*.o

"$build/tests/export/export_tool" . >stated || fail "export_tool"

has() {
    command -v "$1" >/dev/null
}

# run_as <name> <compiler and options>: the network predicts the same.
run_as() {
    network=$1
    shift
    case $network in
    *_int8) program=run_int8.c ;;
    *) program=run.c ;;
    esac
    # shellcheck disable=SC2086
    quietly "$@" $strict -I. "-DNAMES=\"${network}_run.h\"" -DNET_FLOAT \
        "$tests/$program" "$network.c" -o run -lm
    ./run "$network.bin" >log || {
        cat log
        fail "$network differs: $*"
    }
}

# The sections of constants may be larger than stated by 5 %, or by 256 bytes
# where that is more: compilers add constants of their own and gaps between
# arrays.
check_size() {
    size -A "$1.o" | awk -v name="$1" -v stated="$2" '
        $1 ~ /^\.rodata/ { constants += $2 }
        $1 ~ /^\.(data|bss)/ { variables += $2 }
        END {
            slack = stated / 20 > 256 ? stated / 20 : 256
            if (constants < stated || constants > stated + slack || variables) {
                print name ": stated " stated ", got " constants " and " \
                    variables + 0 " that vary"
                exit 1
            }
        }' || fail "sizes"
}

while read -r network constants scratch_bytes; do
    case $network in
    *_int8) upper=NET ;;
    *) upper=$(echo "$network" | tr '[:lower:]' '[:upper:]') ;;
    esac
    run_as "$network" cc -std=c99 -O1
    # Small code sums in another order of loops, fast code in vectors.
    case $network in
    *_bits | digits)
        run_as "$network" cc -std=c99 -Os
        run_as "$network" cc -std=c99 -O3
        ;;
    esac
    case $network in
    deep_f32 | deep_f64_bits | deep_int8 | moons | forward | scaled_bits)
        # shellcheck disable=SC2086
        quietly cc -std=c99 $strict "-D${upper}_SELF_TEST" "$network.c" \
            -o self -lm
        ./self || fail "the self-test of $network"
        ;;
    esac
    case $network in
    deep_f32 | moons_bits | digits | digits_int8 | moons_int8)
        quietly cc -std=c99 -Os -c "$network.c" -o "$network.o"
        check_size "$network" "$constants"
        ;;
    esac
    echo "$network: $constants bytes of constants, $scratch_bytes of scratch"
done <stated

# In this network of int8 each output has a table of its own.
# shellcheck disable=SC2086
quietly cc -std=c99 $strict -DNET_SELF_TEST -DNET_FLOAT quantities.c -o self -lm
grep -q look_up_each quantities.c || fail "there are no tables"
./self || fail "the self-test of quantities"

# A self-test fails for another network.
sed '/^static const double w3/,/^};/ s/,$/ + 1e-5,/' moons.c >other.c
quietly cc -std=c99 -DMOONS_SELF_TEST other.c -o self -lm
! ./self || fail "the self-test sees nothing"
# It fails for another Jacobian, too, one without the scaling of the inputs.
sed '/ scale_rows_down(2, 1, input_scaling, jacobian);/d' moons.c >other.c
! cmp -s moons.c other.c || fail "there is no such line in moons.c"
quietly cc -std=c99 -DMOONS_SELF_TEST other.c -o self -lm
! ./self || fail "the self-test does not see a Jacobian"
# The compiler refuses the header of another export.
sed 's/MOONS_ID 0x/MOONS_ID 0x1/' moons.h >other.h
sed 's/moons\.h/other.h/' moons.c >other.c
! cc -c other.c -o other.o 2>log || fail "another header is no error"

for compiler in clang tcc g++ clang++; do
    has "$compiler" || { echo "skipped: there is no $compiler"; continue; }
    case $compiler in
    clang) language='-std=c99 -O2 -march=native' ;;
    tcc) language='-std=c99 -O2' ;;
    *) language='-x c++ -std=c++11 -O2 -march=native' ;;
    esac
    links cc -march=native || language=${language% -march*}
    for network in deep_f32_bits digits_bits deep_f64 forward_bits deep_int8; do
        [ $compiler != clang++ ] || [ $network = deep_f32_bits ] || continue
        # shellcheck disable=SC2086
        run_as $network $compiler $language
    done
    echo "$compiler: the same"
done

# The emulated processor has the same instructions for int8 as a Cortex-M4.
arm='arm-linux-gnueabihf-gcc -mcpu=cortex-a7 -mthumb -static'
if has qemu-arm && links $arm; then
    for network in digits_int8 deep_int8 moons_int8; do
        for optimized in -O0 -O2 -Os; do
            # shellcheck disable=SC2086
            quietly $arm $optimized -std=c99 $strict -DNET_SELF_TEST \
                $network.c -o self
            qemu-arm ./self ||
                fail "the self-test of $network on ARM with $optimized"
        done
        quietly $arm -O2 -std=c99 -S $network.c -o arm.s
        grep -q smlad arm.s || fail "$network does not use SMLAD"
    done
    echo "ARM: the same integers, by SMLAD"
else
    echo "skipped: there is no arm-linux-gnueabihf-gcc or no qemu-arm"
fi

# Cortex-M4 has no hardware for double, and none for float with soft-float.
if has arm-none-eabi-gcc; then
    for network in deep_f32 deep_f32_bits digits; do
        float='-mfloat-abi=hard -mfpu=fpv4-sp-d16'
        [ $network != digits ] || float=-mfloat-abi=soft
        # shellcheck disable=SC2086
        quietly arm-none-eabi-gcc -std=c99 -Os -mcpu=cortex-m4 $float $strict \
            -c $network.c -o arm.o
    done
    # The int8 code may use neither helper functions for floats nor instructions
    # of the floating-point unit.
    for network in digits_int8 deep_int8; do
        float='-mfloat-abi=hard -mfpu=fpv4-sp-d16'
        [ $network != digits_int8 ] || float=-mfloat-abi=soft
        # shellcheck disable=SC2086
        quietly arm-none-eabi-gcc -std=c99 -Os -mcpu=cortex-m4 $float $strict \
            -c $network.c -o arm.o
        arm-none-eabi-nm -u arm.o >log
        arm-none-eabi-objdump -d arm.o >>log
        ! grep -E '__aeabi_([fd]|[a-z]*2[fd])|[^a-z]v[a-z]+(\.|[[:space:]])' log ||
            fail "$network has floats"
    done
    grep -qE 'smull|smlal|mla' log || fail "objdump shows no instructions"
    echo "Cortex-M4: compiles; int8 without floats"
else
    echo "skipped: there is no arm-none-eabi-gcc"
fi
if has avr-gcc; then
    for network in linear deep_f32_bits small_f32 moons_int8; do
        # shellcheck disable=SC2086
        quietly avr-gcc -std=c99 -Os -mmcu=atmega328p $strict -c $network.c \
            -o avr.o
    done
    echo "AVR: compiles"
else
    echo "skipped: there is no avr-gcc"
fi
