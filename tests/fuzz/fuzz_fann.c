/* SPDX-License-Identifier: MIT */
/* This target tests the reader of FANN's training data. */
#include "fuzz/tables.h"

static void build(fuzz_file *f, fuzz_draw *d)
{
    size_t rows = 1 + fuzz_below(d, 4);
    size_t inputs = 1 + fuzz_below(d, 3);
    size_t outputs = 1 + fuzz_below(d, 2);
    fuzz_print(f, "%zu %zu %zu\n", rows, inputs, outputs);
    for (size_t i = 0; i < rows * (inputs + outputs); i++) {
        size_t j = i % (inputs + outputs) + 1;
        bool ends = j == inputs || j == inputs + outputs;
        fuzz_print(f, "%g%s", ((double)fuzz_below(d, 2001) - 1000) / 8,
                   ends ? "\n" : " ");
    }
    fuzz_end_table(f, d);
}

const fuzz_target fuzz_this = {build, fuzz_lie_in_table, fuzz_check_table,
                               NULL};
