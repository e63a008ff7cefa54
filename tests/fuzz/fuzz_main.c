/* SPDX-License-Identifier: MIT */
/*
 * The main function of a fuzz target that is built without libFuzzer:
 *
 *     fuzz_<name> <runs> [<file> ...]
 *
 * A run makes a new input as libFuzzer would, from one of the files or from a
 * valid file that the target builds, and passes it to the target. The seed is
 * fixed, so a failure can be repeated.
 */
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "support/damage.h"

/* Only this many bytes of a file are read. */
enum { MAX_BYTES = 1 << 14 };

/* Stands for libFuzzer's function: changes some bytes, and sometimes cuts.
 * NOLINTNEXTLINE(readability-identifier-naming) */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room)
{
    static mlp_rng rng; /* all zeros count as a seed */
    (void)room;
    for (size_t n = 1 + draw_below(&rng, 5); size >= 16 && n > 0; n--) {
        edit_file(bytes, size, &rng);
    }
    return size < 2 || draw_below(&rng, 8) ? size : draw_below(&rng, size);
}

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
    static unsigned char file[MAX_BYTES];
    static unsigned char changed[MAX_BYTES];
    size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size_t files = argc > 2 ? (size_t)argc - 2 : 1;
    if (runs == 0 || (argc == 2 && !fuzz_this.build)) {
        (void)fprintf(stderr, "fuzz_<name> <runs> [<file> ...]\n");
        return 1;
    }
    for (size_t i = 0; i < files; i++) {
        size_t size = argc > 2 ? read_file(argv[i + 2], file) : 0;
        for (size_t run = i; run < runs; run += files) {
            memcpy(changed, file, size);
            size_t n = LLVMFuzzerCustomMutator(changed, size, MAX_BYTES,
                                               (unsigned)run);
            (void)LLVMFuzzerTestOneInput(changed, n);
        }
    }
    return 0;
}
