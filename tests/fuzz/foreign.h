/* SPDX-License-Identifier: MIT */
/* What the fuzz targets of FANN and genann files share. */
#ifndef TESTS_FUZZ_FOREIGN_H
#define TESTS_FUZZ_FOREIGN_H

#include "fuzz/fuzz.h"

/* Write a small network, as the libraries FANN and genann do. */
void fuzz_build_fann(fuzz_file *f, fuzz_draw *d);
void fuzz_build_genann(fuzz_file *f, fuzz_draw *d);

#endif
