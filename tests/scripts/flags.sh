# SPDX-License-Identifier: MIT
#
# The flags of the examples. A wrong flag ends the program with status 2 and one
# line that says what was expected. The extreme values that are allowed work.

. "$(dirname "$0")/common.sh"

moons=$build/examples/moons
xor=$build/examples/xor

refused() {
    status=0
    "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    cat "$scratch/err"
    [ "$status" -eq 2 ] || fail "status $status from $*"
    [ ! -s "$scratch/out" ] || fail "output from $*"
    [ "$(wc -l <"$scratch/err")" -eq 1 ] || fail "not one line from $*"
    grep -q "expected .*, got '" "$scratch/err" || fail "a bare line from $*"
}

# allowed <line that is printed> <command>...
allowed() {
    line=$1
    shift
    "$@" >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/err"
        fail "status $? from $*"
    }
    grep -qxF "$line" "$scratch/out" || fail "no line '$line' from $*"
}

for flag in --epochs --lr --hidden --noise --samples --seed --every \
    --precision; do
    refused "$moons" "$flag"
    for value in '' ' ' 1x -1 -0.5 nan inf 1e999 0x 99999999999999999999 \
        184467440737095516160; do
        case $flag$value in
        --lr9* | --lr1844* | --noise9* | --noise1844*) ;; # numbers, after all
        *) refused "$moons" "$flag" "$value" ;;
        esac
    done
done
for pair in '--lr 0' '--lr 0.0' '--lr 1e-999' '--samples 0' '--samples 1' \
    '--samples 501' '--samples 1000002' '--samples +4' '--seed 4294967296' \
    '--every 0' '--epochs 1000000001' '--epochs 1.5' '--hidden 0' \
    '--hidden ,' '--hidden 16,' '--hidden ,8' '--hidden 16,,8' \
    '--hidden 16;8' '--hidden 4,-1' '--hidden 10001' '--precision f16' \
    '--precision i32' '--depth 3' 'moons 1' '--help-me 1'; do
    # Unquoted, because it is a flag and its value.
    refused "$moons" $pair
done
refused "$moons" --hidden "16, 8"
refused "$moons" --hidden "$(printf '1,%.0s' $(seq 255))1"
refused "$moons" --epochs 5 --lr
refused "$xor" --precision
refused "$xor" --precision f16
refused "$xor" --epochs 5

# Every example tells on --help what it shows, and refuses what it does not know.
for example in "$source"/examples/*.c; do
    example=$build/examples/$(basename "$example" .c)
    [ -x "$example" ] || continue # it needs a library that is not built
    allowed "$("$example" --help | sed -n 2p)" "$example" --help
    [ "$(sed -n 2p "$scratch/out")" ] || fail "$example --help says too little"
    refused "$example" --nonsense
    refused "$example" --nonsense 1
done
refused "$build/examples/digits" one.csv two.csv
allowed "  --help                this text" "$moons" --help
allowed "  --help                this text" "$moons" --epochs 5 --help
allowed "xor [--precision f64|f32] [--plot FILE]" "$xor" --help
allowed "Test Accuracy: nan%" "$moons" --samples 2 --epochs 10
allowed "Training samples: 400" "$moons" --epochs 0
allowed "Architecture: 2 → 1 → 1" "$moons" --hidden 1 --epochs 1
allowed "Architecture: 2 → 7 → 1" "$moons" --hidden 3 --hidden 7 --epochs 1
allowed "Total parameters: 509" "$moons" --epochs 1 \
    --hidden "$(printf '1,%.0s' $(seq 252))1"
