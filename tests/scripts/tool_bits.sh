# SPDX-License-Identifier: MIT
#
# The same command makes the same network everywhere: mlp train of this build,
# of other compilers and kernels, and on emulated machines writes files of the
# same bytes, and predictions from them are the same text.

. "$(dirname "$0")/common.sh"
[ -x "$build/mlp" ] || skip "the program mlp was not built"

cp "$source/examples/data/iris.csv" "$scratch/iris.csv"
# A number of two numbers and a category. Cells are empty here and there.
awk 'BEGIN {
    print "a,b,colour,y"
    split("red,green,blue,", colours, ",")
    for (i = 0; i < 240; i++) {
        a = i * 37 % 101
        b = i * 53 % 89
        print (i % 17 ? a : "") "," b / 4 "," colours[i % 4 + 1] "," \
            a * b + 100 * (i % 4)
    }
}' >"$scratch/numbers.csv"

# built <title> <folder> <command that runs a program>: every build must make
# what the first one made.
built() {
    title=$1
    mlp="$3 $2/mlp"
    made=$2/made
    mkdir -p "$made"
    $mlp train "$scratch/iris.csv" species -o "$made/iris.mlp" \
        2>"$made/iris.talk" || fail "$title: iris"
    $mlp train "$scratch/numbers.csv" y --layers 24,12 --dropout 0.1 \
        --epochs 20 -o "$made/numbers.mlp" 2>"$made/numbers.talk" ||
        fail "$title: numbers"
    for name in iris numbers; do
        $mlp predict "$made/$name.mlp" "$scratch/$name.csv" \
            >"$made/$name.out" || fail "$title: predict"
        sed -n 's/.*\(weights .*\)/\1/p' "$made/$name.talk" >"$made/$name.hash"
        [ -s "$made/$name.hash" ] || fail "$title prints no hash"
        for kind in hash mlp out; do
            [ -e "$scratch/$name.$kind" ] ||
                cp "$made/$name.$kind" "$scratch/$name.$kind"
            cmp "$scratch/$name.$kind" "$made/$name.$kind" ||
                fail "$title makes something else"
        done
    done
    echo "equal bytes: $title"
}

rm -f "$scratch"/*.hash "$scratch"/*.mlp "$scratch"/*.out
rm -rf "$scratch/here"
mkdir "$scratch/here"
cp "$build/mlp" "$scratch/here"
built "this build" "$scratch/here" ""
cat "$scratch/iris.hash" "$scratch/numbers.hash"

set -- "$source" mlp_tool -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF \
    -DMLP_ONNX=OFF -DMLP_FOREIGN=OFF
build_for portable "" cc -O2 "$@" -DMLP_KERNELS=
# A tool without the readers of other software's models names the one it lacks.
printf 'FANN_FLO_2.1\n' >"$scratch/net.fann"
status=0
"$scratch/portable/mlp" info "$scratch/net.fann" >"$scratch/log" 2>&1 ||
    status=$?
[ $status = 1 ] && grep -q 'was built without the reader of FANN files$' \
    "$scratch/log" || fail "mlp info net.fann: $status, $(cat "$scratch/log")"
build_for avx2 "" cc -O2 "$@" -DMLP_KERNELS=avx2
everywhere "$@"
