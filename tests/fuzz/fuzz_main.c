/* SPDX-License-Identifier: MIT */
/*
 * A driver where there is no libFuzzer: `fuzz_... <runs> <file>...` changes
 * the files by chance, one to five times each, and tries them.
 */
#include <stdlib.h>

#include "support/damage.h"

/* libFuzzer's name. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MOST = 1 << 16 };

static size_t read_file(const char *path, unsigned char *bytes)
{
    FILE *stream = fopen(path, "rb");
    size_t n = stream ? fread(bytes, 1, MOST, stream) : 0;
    if (stream) {
        (void)fclose(stream);
    }
    return n;
}

int main(int argc, char **argv)
{
    static unsigned char bytes[MOST];
    static unsigned char changed[MOST];
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
