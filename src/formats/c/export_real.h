/* SPDX-License-Identifier: MIT */
#ifndef MLPI_FORMATS_C_EXPORT_REAL_H
#define MLPI_FORMATS_C_EXPORT_REAL_H

#include "formats/c/export_common.h"

/* Networks of floats or doubles, in the precision of the network. */
extern const mlpi_export_kind mlpi_export_real;

#endif
