/* SPDX-License-Identifier: MIT */
/* Tests the reader of IDX files with libFuzzer. */
#define MARK "\0\0"
#define IS_RECIPE false

#include "fuzz/fuzz_table.h"
