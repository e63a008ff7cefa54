/* SPDX-License-Identifier: MIT */
/*
 * Exported networks of integers (quantise.h). Beside the functions of
 * export_real.h, with int8_t for float, the header declares two conversions,
 * which are compiled with -DNET_FLOAT:
 *
 *     void net_quantise(const float *x, int8_t *q);
 *     void net_dequantise(const int8_t *q, float *y);
 */
#ifndef MLPI_FORMATS_C_EXPORT_INT8_H
#define MLPI_FORMATS_C_EXPORT_INT8_H

#include "formats/c/export_common.h"

/* The rows options->X tell the ranges of all numbers: MLP_ERR_ARGUMENT if there
 * are none. If there are targets Y, both networks are scored on the rows:
 * MLP_ERR_ACCURACY if the score drops by more than the options allow. */
extern const mlpi_export_kind mlpi_export_int8;

#endif
