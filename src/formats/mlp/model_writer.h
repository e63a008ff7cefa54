/* SPDX-License-Identifier: MIT */
/*
 * Writing .mlp files (model_format.h) to memory, in three calls, because the
 * state of a trainer may come between the second and the third:
 *
 *     TRY(mlpi_model_measure(net, state, &size));
 *     (allocate `size` bytes)
 *     mlpi_model_write(net, state, bytes);
 *     (write the state to the last `state` bytes)
 *     mlpi_model_seal(bytes, size);
 *
 * Here `state` is the size of that state in bytes, and 0 for a network alone.
 * The state is the last tensor, so its bytes are the last of the file.
 */
#ifndef MLPI_FORMATS_MLP_MODEL_WRITER_H
#define MLPI_FORMATS_MLP_MODEL_WRITER_H

#include "model/net.h"

/* Computes the size of the file in bytes. MLP_ERR_LIMIT if the user's names and
 * metadata make a header of more than MLPI_HEADER_MAX bytes. */
mlp_status mlpi_model_measure(const mlp_net *net, size_t state, size_t *size);

/* Writes the file but for the state, and zeros for the digits of the checksum.
 * mlpi_model_measure must have succeeded with the same arguments. */
void mlpi_model_write(const mlp_net *net, size_t state, void *bytes);

/* Writes the checksum of all `size` bytes. No byte may change afterwards. */
void mlpi_model_seal(void *bytes, size_t size);

#endif
