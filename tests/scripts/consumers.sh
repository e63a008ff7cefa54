# SPDX-License-Identifier: MIT
#
# C and C++ programs use the library in every way that README.md shows, and
# print the same bits.

. "$(dirname "$0")/common.sh"
need cc c++ pkg-config

consumers=$source/tests/consumers

# ran <what> <program>...: every program must print what the first one printed.
ran() {
    what=$1
    shift
    for program; do
        "$program" >"$scratch/answer" || fail "$what: $program does not run"
        [ -e "$scratch/first" ] || cp "$scratch/answer" "$scratch/first"
        diff "$scratch/first" "$scratch/answer" ||
            fail "$what: $program answers something else"
    done
    echo "works: $what"
}

# consumer <folder> <what> <cmake option>...: builds a project of
# tests/consumers and runs its programs.
consumer() {
    folder=$1
    what=$2
    shift 2
    build_into "$folder" "$consumers/$folder" "$@"
    ran "$what" "$scratch/$folder/app_c" "$scratch/$folder/app_cxx"
}

# Files of an earlier run must not help.
rm -rf "$scratch"
mkdir -p "$scratch"

consumer subdirectory "add_subdirectory" -DMLP_SOURCE="$source"

# The parent project's flags for arithmetic and warnings must not change ours.
consumer subdirectory "add_subdirectory with -ffast-math -Werror" \
    -DMLP_SOURCE="$source" -DCMAKE_C_FLAGS="-O2 -ffast-math -Werror"

# The archive holds what a release needs at least.
(cd "$source" && cmake -E tar cf "$scratch/mlp.tar" CMakeLists.txt include src)
consumer fetchcontent "FetchContent, without threads" \
    -DMLP_ARCHIVE="$scratch/mlp.tar" -DMLP_THREADS=OFF

# The installed package is moved to another place before it is used.
quietly cmake --install "$build" --prefix "$scratch/installed"
mv "$scratch/installed" "$scratch/moved"
version=$(sed -n 's/^#define MLP_VERSION_[A-Z]* //p' "$source/include/mlp.h" |
    paste -s -d .)
consumer package "find_package" -DCMAKE_PREFIX_PATH="$scratch/moved" \
    -DMLP_VERSION="$version"

pc=$(find "$scratch/moved" -name mlp.pc)
export PKG_CONFIG_PATH="${pc%/*}"
[ "$(pkg-config --modversion mlp)" = "$version" ] || fail "mlp.pc's version"
# pkg-config escapes blanks in paths for a second reading by the shell.
flags=$(pkg-config --cflags --libs --static mlp)
eval "cc '$consumers/app.c' -o '$scratch/pkg_c' $flags"
eval "c++ '$consumers/app.cc' -o '$scratch/pkg_cxx' $flags"
ran "pkg-config" "$scratch/pkg_c" "$scratch/pkg_cxx"

# What comes along: the documents, and the examples, which are programs to copy.
documents=$scratch/moved/share/doc/mlp
for file in README.md LICENSE examples/mlp_file.py examples/data/digits.csv; do
    cmp "$source/$file" "$documents/$file" || fail "$file is not installed"
done
cmp "$source/include/mlp.f90" "$scratch/moved/include/mlp.f90" ||
    fail "mlp.f90 is not installed"
all_flags=$(pkg-config --cflags --libs --static mlp_show mlp_data mlp)
for example in "$documents"/examples/*.c; do
    case $example in # these need mlp_show or mlp_data
    */adversarial.c | */digits.c | */fashion_mnist.c | */figures.c | \
        */regression.c)
        some_flags="-DEXAMPLE_SHOW $all_flags" ;;
    *) some_flags=$flags ;;
    esac
    compiler=cc
    case $example in */mpi_digits.c)
        [ -e "$build/libmlp_mpi.a" ] && command -v mpicc >/dev/null || continue
        compiler=mpicc
        some_flags=$(pkg-config --cflags --libs --static mlp_mpi mlp_data) ;;
    esac
    eval "$compiler -std=c11 '$example' -o '$scratch/example' $some_flags" ||
        fail "$example does not compile"
    "$scratch/example" --help >"$scratch/log" || fail "$example does not run"
done
echo "works: the installed examples"

"$scratch/package/app_data" || fail "app_data does not run"
flags=$(pkg-config --cflags --libs --static mlp_data)
eval "cc -std=c11 '$consumers/app_data.c' -o '$scratch/pkg_data' $flags"
"$scratch/pkg_data" || fail "mlp_data: the program does not run"
echo "works: mlp_data by find_package and pkg-config"

"$scratch/package/app_show" >"$scratch/summary" || fail "app_show does not run"
flags=$(pkg-config --cflags --libs --static mlp_show)
eval "cc -std=c11 '$consumers/app_show.c' -o '$scratch/pkg_show' $flags"
"$scratch/pkg_show" >"$scratch/summary" || fail "mlp_show: the program does not run"
echo "works: mlp_show by find_package and pkg-config"

foreign=$scratch/package/app_foreign
"$foreign" || fail "$foreign does not run"
flags=$(pkg-config --cflags --libs --static mlp_foreign)
eval "cc -std=c11 '$consumers/app_foreign.c' -o '$scratch/pkg_foreign' $flags"
"$scratch/pkg_foreign" || fail "mlp_foreign: the program does not run"
echo "works: mlp_foreign by find_package and pkg-config"

if [ -e "$build/libmlp_mpi.a" ] && command -v mpicc >/dev/null; then
    "$scratch/package/app_mpi" || fail "app_mpi does not run"
    flags=$(pkg-config --cflags --libs --static mlp_mpi)
    eval "mpicc -std=c11 '$consumers/app_mpi.c' -o '$scratch/pkg_mpi' $flags"
    "$scratch/pkg_mpi" || fail "mlp_mpi: the program does not run"
    echo "works: mlp_mpi by find_package and pkg-config"
fi

if [ -e "$build/libmlp_onnx.a" ]; then
    onnx=$scratch/package/app_onnx
    "$onnx" >"$scratch/size" || fail "$onnx does not run"
    flags=$(pkg-config --cflags --libs --static mlp_onnx)
    eval "cc -std=c11 '$consumers/app_onnx.c' -o '$scratch/pkg_onnx' $flags"
    "$scratch/pkg_onnx" | diff "$scratch/size" - ||
        fail "mlp_onnx: the programs differ"
    echo "works: mlp_onnx by find_package and pkg-config"
fi

# The program mlp with its manual, and what it makes.
if [ -e "$build/mlp" ]; then
    tool=$scratch/moved/bin/mlp
    [ "$("$tool" --version)" = "mlp $version" ] || fail "mlp's version"
    cmp "$source/src/tool/mlp.1" "$scratch/moved/share/man/man1/mlp.1" ||
        fail "mlp.1 is not installed"
    quietly "$tool" train "$documents/examples/data/iris.csv" species \
        -o "$scratch/iris.mlp"
    quietly "$tool" export "$scratch/iris.mlp" "$scratch/iris.c"
    cc -DIRIS_SELF_TEST "$scratch/iris.c" -o "$scratch/iris" -lm
    "$scratch/iris" || fail "the exported network predicts something else"
    echo "works: the installed mlp"
fi

cc "$consumers/app.c" -o "$scratch/plain" -I"$scratch/moved/include" \
    -L"${pc%/*}/.." -lmlp -lm
ran "cc app.c -lmlp -lm" "$scratch/plain"
