/* SPDX-License-Identifier: MIT */
/* Tests the reader of NPY files with libFuzzer. */
#define MARK "\x93NUMPY"
#define IS_RECIPE false

#include "fuzz/fuzz_table.h"
