/* SPDX-License-Identifier: MIT */
/* Tests the reader of recipes with libFuzzer. */
#define MARK "libmlp data recipe 1\n"
#define IS_RECIPE true

#include "fuzz/fuzz_table.h"
