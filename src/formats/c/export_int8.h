/* SPDX-License-Identifier: MIT */
#ifndef MLPI_FORMATS_C_EXPORT_INT8_H
#define MLPI_FORMATS_C_EXPORT_INT8_H

#include "formats/c/export_common.h"

/* Networks of integers (quantise.h). They are prepared from the rows X of the
 * options: MLP_ERR_ARGUMENT if there are none, MLP_ERR_ACCURACY if there are
 * targets Y and the score drops by more than the options allow. */
extern const mlpi_export_kind mlpi_export_int8;

#endif
