/* SPDX-License-Identifier: MIT */
/* This target tests the reader of CSV files. */
#include "fuzz/tables.h"

static void build(fuzz_file *f, fuzz_draw *d)
{
    fuzz_build_csv(f, d);
    fuzz_end_table(f, d);
}

const fuzz_target fuzz_this = {build, fuzz_lie_in_table, fuzz_check_table,
                               NULL};
