/* SPDX-License-Identifier: MIT */
/* Tests the reader of CSV files with libFuzzer. */
#define MARK ""
#define IS_RECIPE false

#include "fuzz/fuzz_table.h"
