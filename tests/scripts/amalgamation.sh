# SPDX-License-Identifier: MIT
#
# The library as one file. gcc and clang compile it without a warning; a
# training gives the file, byte for byte, that the library gives, also on an
# emulated AArch64; the unit tests pass when they are linked with it; and it
# compiles for a Cortex-M4, where it needs no system.

. "$(dirname "$0")/common.sh"
need cc cmake awk

cmake --build "$build" --target amalgamation >/dev/null || fail "the target"
one=$build/amalgamation
wc -lc "$one/mlp.c"
head -2 "$one/mlp.c"

# Whoever copies the file sees no path of this machine in it.
if grep -n "$source\|$build" "$one/mlp.c"; then
    fail "a path"
fi

cat >"$scratch/train.c" <<'END'
#include "mlp.h"
int main(int argc, char **argv)
{
    double X[8][2], Y[8];
    mlp_rng rng = mlp_rng_seeded(1);
    for (int i = 0; i < 8; i++) {
        X[i][0] = mlp_rng_randn(&rng), X[i][1] = mlp_rng_randn(&rng);
        Y[i] = X[i][0] * X[i][1] > 0;
    }
    mlp_layer layers[] = {{.width = 9, .activation = MLP_ACT_TANH},
                          {.width = 8, .activation = MLP_ACT_GELU},
                          {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2, config.layers = layers, config.n_layers = 3;
    mlp_net *net = 0;
    mlp_cview x = mlp_cview_f64(X[0], 8, 2), y = mlp_cview_f64(Y, 8, 1);
    return argc < 2 || mlp_net_create(&config, &net) ||
           mlp_fit(net, x, y, 0, 0) || mlp_net_save(net, argv[1]);
}
END
cc -I"$one" "$scratch/train.c" "$build/libmlp.a" -lm -pthread \
    -o "$scratch/train" && "$scratch/train" "$scratch/library.mlp" ||
    fail "the library does not train"

# same <what> <command>...: the program trains as the library does.
same() {
    what=$1
    shift
    "$@" "$scratch/one.mlp" || fail "$what does not train"
    cmp "$scratch/library.mlp" "$scratch/one.mlp" || fail "$what: other bits"
    echo "the same bits: $what"
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for options in '-O0 -DMLP_THREADS -pthread' \
        '-O3 -march=native -Wall -Wextra'; do
        # Unquoted, because they are several.
        "$compiler" $options -c "$one/mlp.c" -o "$scratch/mlp.o" \
            2>"$scratch/log" || fail "$compiler $options"
        [ ! -s "$scratch/log" ] || fail "warnings: $(cat "$scratch/log")"
        "$compiler" -I"$one" "$scratch/train.c" "$scratch/mlp.o" -lm -pthread \
            -o "$scratch/train"
        same "$compiler $options" "$scratch/train"
    done
done

if command -v aarch64-linux-gnu-gcc >/dev/null &&
    command -v qemu-aarch64 >/dev/null; then
    aarch64-linux-gnu-gcc -O2 -static -I"$one" "$scratch/train.c" "$one/mlp.c" \
        -lm -o "$scratch/train" || fail "AArch64"
    same AArch64 qemu-aarch64 "$scratch/train"
fi

if command -v arm-none-eabi-gcc >/dev/null; then
    arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -Wall -Wextra -DMLP_BARE \
        -c "$one/mlp.c" -o "$scratch/m4.o" 2>"$scratch/log" || fail "Cortex-M4"
    [ ! -s "$scratch/log" ] || fail "warnings: $(cat "$scratch/log")"
    arm-none-eabi-size "$scratch/m4.o"
fi

# With no system, a path is refused and memory works.
cat >"$scratch/bare.c" <<'END'
#include "mlp.h"
#include <stdlib.h>
int main(void)
{
    mlp_layer layer = {.width = 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2, config.layers = &layer, config.n_layers = 1;
    mlp_net *net = 0, *copy = 0;
    if (mlp_net_create(&config, &net)) return 1;
    size_t size = mlp_net_save_size(net);
    void *bytes = malloc(size);
    return mlp_net_save(net, "net.mlp") != MLP_ERR_UNSUPPORTED ||
           mlp_net_load("net.mlp", 0, &copy) != MLP_ERR_UNSUPPORTED ||
           mlp_export_c(net, "net.c", 0, 0) != MLP_ERR_UNSUPPORTED ||
           mlp_net_save_memory(net, bytes, size) ||
           mlp_net_load_memory(bytes, size, 0, &copy);
}
END
cc -DMLP_BARE -I"$one" "$scratch/bare.c" "$one/mlp.c" -lm -o "$scratch/bare" &&
    "$scratch/bare" || fail "MLP_BARE"
cc -DMLP_BARE -c "$one/mlp.c" -o "$scratch/bare.o"
if nm -u "$scratch/bare.o" | grep -wE 'open|write|read|mmap|pthread_create'; then
    fail "MLP_BARE calls the system"
fi

# The unit tests, with the one file in the place of the library.
tests=$scratch/tests
quietly cmake -S "$source" -B "$tests" -DMLP_KERNELS= -DMLP_ONNX=OFF \
    -DMLP_FOREIGN=OFF -DMLP_DATA=OFF -DMLP_SHOW=OFF -DMLP_BUILD_EXAMPLES=OFF
quietly cmake --build "$tests" --parallel 2 --target mlp
# Where the machine has fma, plain C that calls the C library's takes minutes.
cc -O2 -march=native -fPIC -DMLP_THREADS -pthread -c "$one/mlp.c" \
    -o "$scratch/mlp.o"
rm "$tests/libmlp.a"
ar rcs "$tests/libmlp.a" "$scratch/mlp.o"
quietly cmake --build "$tests" --parallel 2
quietly ctest --test-dir "$tests" -L unit --parallel 2
grep 'tests passed' "$scratch/log"
