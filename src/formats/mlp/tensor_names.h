/* SPDX-License-Identifier: MIT */
/*
 * Names of tensors, and their order.
 *
 * A name is a text of UTF-8 whose escapes have been resolved already, unlike
 * other spans (base/json.h): a backslash in it is a backslash. PyTorch composes
 * names of modules and of the parts of a module, with points between them:
 *
 *     encoder.layers.0.weight      the weight of "encoder.layers.0."
 *
 * Files list tensors in any order, mostly that of the characters, in which
 * "fc10" comes before "fc2". Here numbers in names are compared by their
 * values, and everything else byte by byte:
 *
 *     fc1  fc2  fc10               the numbers tell the order of the layers
 *     hidden  input  output        nothing does
 */
#ifndef MLPI_FORMATS_MLP_TENSOR_NAMES_H
#define MLPI_FORMATS_MLP_TENSOR_NAMES_H

#include "base/json.h"

/* Compare names, or parts of them, with each other and with ASCII. */
bool mlpi_names_equal(mlpi_span a, mlpi_span b);
bool mlpi_name_is(mlpi_span name, const char *ascii);

/* Returns a number below, at or above 0. Only equal names compare equal. */
int mlpi_names_compare(mlpi_span a, mlpi_span b);

/* True if two names first differ in the value of a number: "fc2" and "fc10",
 * but not "fc" and "fc2", "fc1_up" and "fc1_down", or "fc1" and "fc01". Then
 * their order is what somebody has counted. */
bool mlpi_names_differ_by_number(mlpi_span a, mlpi_span b);

#endif
