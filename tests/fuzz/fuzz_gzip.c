/* SPDX-License-Identifier: MIT */
/* Tests the reader of packed files with libFuzzer. */
#define MARK "\x1f\x8b\x08"
#define IS_RECIPE false

#include "fuzz/fuzz_table.h"
