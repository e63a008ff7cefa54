# SPDX-License-Identifier: MIT
#
# Shared libraries: each exports exactly the functions of its header and is
# named after the version of its interface; programs of C link them after an
# installation; Python loads libmlp.so with ctypes and trains XOR; and all of
# these run with the libraries of a later version, whose structs have more fields.

. "$(dirname "$0")/common.sh"
need nm readelf python3 cc pkg-config

build_into build "$source" -DBUILD_SHARED_LIBS=ON
rm -rf "$scratch/installed" "$scratch/moved"
quietly cmake --install "$scratch/build" --prefix "$scratch/installed"
mv "$scratch/installed" "$scratch/moved"
libraries=$(dirname "$(find "$scratch/moved" -name libmlp.so)")
export LD_LIBRARY_PATH="$libraries"

interface=$(sed -n "s/^#define MLP_VERSION_MAJOR //p" "$source/include/mlp.h")

for header in "$source"/include/*.h; do
    name=$(basename "$header" .h)
    file=$libraries/lib$name.so
    if [ ! -e "$file" ]; then
        case $name in
        mlp_mpi | mlp_onnx) ;;
        *) fail "there is no $file" ;;
        esac
        echo "not built: lib$name.so"
        continue
    fi
    python3 "$source/tests/scripts/shared.py" functions "$header" |
        sort >"$scratch/declared"
    nm -D --defined-only "$file" | awk '{ print $3 }' | sort >"$scratch/exported"
    diff "$scratch/declared" "$scratch/exported" ||
        fail "lib$name.so exports something else than $name.h declares"
    readelf -d "$file" | grep -q "soname: \[lib$name\.so\.$interface\]" ||
        fail "lib$name.so has another name than lib$name.so.$interface"
    echo "lib$name.so.$interface: $(wc -l <"$scratch/exported") functions"
done

# Runs what was linked with the first libraries.
run_all() {
    python3 "$source/tests/scripts/shared.py" train "$LD_LIBRARY_PATH/libmlp.so"
    for name in $apps; do
        "$scratch/$name" >"$scratch/log" 2>&1 || {
            cat "$scratch/log"
            fail "app${name#mlp}.c does not run with $LD_LIBRARY_PATH/lib$name.so"
        }
    done
    sh "$source/tests/scripts/expect.sh" \
        "$source/tests/vectors/tutorial_xor.txt" "$scratch/build/examples/xor" \
        >"$scratch/log" || fail "xor has other numbers"
}

export PKG_CONFIG_PATH="$libraries/pkgconfig"
apps=
for name in mlp mlp_data mlp_foreign mlp_mpi mlp_onnx mlp_show; do
    [ -e "$libraries/lib$name.so" ] || continue
    compiler=cc
    if [ $name = mlp_mpi ]; then
        if ! command -v mpicc >/dev/null; then
            echo "not run: app_mpi.c, there is no mpicc"
            continue
        fi
        compiler=mpicc
    fi
    app=$source/tests/consumers/app${name#mlp}
    flags=$(pkg-config --cflags --libs $name)
    eval "$compiler -std=c11 '$app.c' -o '$scratch/$name' $flags"
    apps="$apps $name"
done
run_all

# A later version keeps every promise of the list in tests/api, and runs the
# programs as they are.
rm -rf "$scratch/later"
mkdir -p "$scratch/later/tests"
cp -R "$source/CMakeLists.txt" "$source/LICENSE" "$source/README.md" \
    "$source/include" "$source/src" "$source/examples" "$scratch/later"
cp -R "$source/tests/api" "$scratch/later/tests"
grown=$(python3 "$source/tests/scripts/shared.py" grow \
    "$scratch"/later/include/*.h)
python3 "$source/tests/scripts/api.py" "$scratch/later" "$scratch" --write
build_into later_build "$scratch/later" -DBUILD_SHARED_LIBS=ON \
    -DBUILD_TESTING=OFF -DMLP_BUILD_EXAMPLES=OFF -DMLP_TOOL=OFF
export LD_LIBRARY_PATH="$scratch/later_build"
run_all
echo "programs of this version run with a later one, in which $grown structs" \
    "have one more field:$apps"
