/* SPDX-License-Identifier: MIT */
/* Tests the reader of FANN's training data with libFuzzer. */
#define MARK ""
#define IS_RECIPE false

#include "fuzz/fuzz_table.h"
