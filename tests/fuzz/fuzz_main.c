/* SPDX-License-Identifier: MIT */
/*
 * The main function of a fuzz target that is built without libFuzzer:
 *
 *     fuzz_<name> <runs> <file> ...
 *
 * A run changes one of the files at one to five random places, sometimes cuts
 * it, and passes the bytes to the target. The runs are divided evenly among the
 * files. The seed is fixed, so a failure can be repeated.
 */
#include <stdlib.h>

#include "support/damage.h"

/* The target has the name that libFuzzer calls.
 * NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Only this many bytes of a file are read. */
enum { MAX_BYTES = 1 << 16 };

static size_t read_file(const char *path, unsigned char *bytes)
{
    FILE *stream = fopen(path, "rb");
    size_t n = stream ? fread(bytes, 1, MAX_BYTES, stream) : 0;
    if (stream) {
        (void)fclose(stream);
    }
    return n;
}

int main(int argc, char **argv)
{
    static unsigned char bytes[MAX_BYTES];
    static unsigned char changed[MAX_BYTES];
    size_t runs = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    mlp_rng rng = mlp_rng_seeded(1);
    if (runs == 0) {
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        size_t size = read_file(argv[i], bytes);
        if (size < 16) {
            (void)fprintf(stderr, "%s: no model file\n", argv[i]);
            return 1;
        }
        for (size_t run = (size_t)i; run < runs; run += (size_t)argc - 2) {
            memcpy(changed, bytes, size);
            for (size_t n = 1 + draw_below(&rng, 5); n > 0; n--) {
                edit_file(changed, size, &rng);
            }
            (void)LLVMFuzzerTestOneInput(
                changed, draw_below(&rng, 8) ? size : draw_below(&rng, size));
        }
    }
    return 0;
}
