/* SPDX-License-Identifier: MIT */
/*
 * Exported networks of floats or doubles, in the precision of the network. Its
 * header declares, for the prefix `net`:
 *
 *     void net_predict(const float *x, float *y, float *scratch);
 *     int net_class(const float *y);             if outputs name classes
 *     const char *net_class_name(int number);    if classes have names
 */
#ifndef MLPI_FORMATS_C_EXPORT_REAL_H
#define MLPI_FORMATS_C_EXPORT_REAL_H

#include "formats/c/export_common.h"

/* The outputs have the library's bits if options->canonical, else they are
 * within 1e-6 of the library's. Preparing cannot fail. */
extern const mlpi_export_kind mlpi_export_real;

#endif
