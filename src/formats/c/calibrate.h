/* SPDX-License-Identifier: MIT */
/*
 * The first stage of quantising (quantise.h): which range has each layer's z on
 * the rows that the caller gives? A layer has one range for all its neurons.
 * For the last layer there is one for each output, too, because outputs may
 * have different units: a temperature in degrees beside a pressure in pascals.
 */
#ifndef MLPI_FORMATS_C_CALIBRATE_H
#define MLPI_FORMATS_C_CALIBRATE_H

#include "model/net.h"

/* ---------------------------------------------------------------------------
 * Ranges
 */

typedef struct mlpi_range {
    double least, most;
} mlpi_range;

/* The range of no number, which is not finite. */
extern const mlpi_range mlpi_no_range;

/* Extends a range by a number. A NaN makes it infinite. */
mlpi_range mlpi_range_with(mlpi_range r, double x);

bool mlpi_range_is_finite(mlpi_range r);

/* Extends the ranges of n columns by `count` reals, which are float or double
 * and lie row by row. */
void mlpi_range_columns(const mlp_net *net, size_t count, const void *reals,
                        size_t n, mlpi_range *ranges);

/* ---------------------------------------------------------------------------
 * Calibration
 */

/* What an integer q stands for: the number center + scale (q - zero). */
typedef struct mlpi_int8_unit {
    double center, scale;
    int zero;
} mlpi_int8_unit;

typedef struct mlpi_calibration {
    const mlp_net *net;
    mlpi_range *z;    /* [L + 1]: of each layer, the first unused */
    mlpi_range *each; /* [n[L]]: of each z of the last layer */
    /* For the layer that is being quantised, [widest]: units of its neurons'
     * sums, and what their q stand for. */
    double *s;
    mlpi_int8_unit *unit;
    void *X;    /* real [CHUNK][n[0]] */
    void *Z;    /* real [CHUNK][widest] */
    void *A[2]; /* real [CHUNK][widest], by turns */
    void *scratch;
} mlpi_calibration;

/* Takes the arrays of an mlpi_calibration, for mlpi_allocate_layout. */
void mlpi_calibration_lay_out(void *object, mlpi_cursor *cursor);

/* Sets the ranges from the rows X. Finite rows may still overflow:
 * MLP_ERR_NOT_FINITE. */
mlp_status mlpi_calibrate(const mlp_net *net, const mlpi_calibration *c,
                          mlp_cview X);

#endif
