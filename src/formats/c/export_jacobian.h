/* SPDX-License-Identifier: MIT */
/*
 * The Jacobian in exported code of real numbers, for options->jacobian. For the
 * prefix `net` it adds
 *
 *     #define NET_JACOBIAN_SCRATCH 3122
 *     void net_jacobian(const float *x, float *jacobian, float *scratch);
 *
 * and its comparison to the self-test. The order of operations is that of
 * predict/jacobian.c, whose names the code shares, with the snippets of
 * runtime/real.h for the kernels. So canonical code gives the bits of
 * mlp_jacobian.
 *
 * The matrix that goes through the layers lies in two arrays of the scratch by
 * turns, `a` and `b`: at layer l in array l % 2 (mlpi_export_array). Before,
 * the outputs of the hidden layers lie there. Each layer with an activation
 * other than the identity also has an array of its own, d<l>, for the
 * derivatives; only these layers, and those before them, have to be predicted.
 * The last product of forward mode writes into the caller's array. So does that
 * of reverse mode if there is one output, because a single column is its own
 * transpose in memory.
 *
 *     scratch:   a | b | d1 | d2 | ...
 */
#ifndef MLPI_FORMATS_C_EXPORT_JACOBIAN_H
#define MLPI_FORMATS_C_EXPORT_JACOBIAN_H

#include "formats/c/export_common.h"

/* Marks the snippets as needed, sets the bytes of scratch in the report, and
 * allocates and computes e->jacobians, whose data the caller releases, also on
 * failure. Does nothing if the option is off. MLP_ERR_LIMIT, MLP_ERR_MEMORY;
 * MLP_ERR_NOT_FINITE: a Jacobian is not finite, so that C has no constants for
 * it. */
mlp_status mlpi_export_prepare_jacobian(mlpi_export *e);

/* Write the parts of an export that mlpi_export_kind names: a size and a
 * prototype for the header, the function for the code. They write nothing if
 * the option is off. */
void mlpi_export_put_jacobian_size(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_put_jacobian_prototype(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_put_jacobian(mlpi_writer *to, const mlpi_export *e);

/* Writes the Jacobians that the library computed, and a function
 * wrong_jacobians, which returns how many numbers differ. */
void mlpi_export_put_jacobian_test(mlpi_writer *to, const mlpi_export *e);

#endif
