/* SPDX-License-Identifier: MIT */
/* This target tests the reader of recipes. */
#include "fuzz/tables.h"

static void lie(fuzz_file *f, fuzz_draw *d)
{
    (void)fuzz_lie_in_text(f, d, 0, f->size);
}

const fuzz_target fuzz_this = {fuzz_build_recipe, lie, fuzz_check_recipe, NULL};
