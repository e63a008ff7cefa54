/* SPDX-License-Identifier: MIT */
/*
 * Metadata of a network: texts that it carries along and does not compute with,
 * class names and pairs of a key and a value. They are saved in the model file
 * beside entries of the library's own, so some keys are reserved.
 */
#ifndef MLPI_MODEL_METADATA_H
#define MLPI_MODEL_METADATA_H

#include "mlp.h"

/* True if the library uses the key itself in model files: "mlp", or anything
 * that begins with "mlp.". Users cannot set such keys, and a reader of model
 * files does not hand them out as metadata. */
bool mlpi_is_reserved(const char *key);

#endif
