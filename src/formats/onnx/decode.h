/* SPDX-License-Identifier: MIT */
/*
 * From bytes of anybody to a message. protobuf-c believes what it reads: it
 * follows messages as deep as they are nested, on the stack, and joins those
 * that come twice, again and again. So the bytes are looked through before.
 */
#ifndef MLPI_FORMATS_ONNX_DECODE_H
#define MLPI_FORMATS_ONNX_DECODE_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

/* The message, in the arena. MLP_ERR_FORMAT: the bytes are none, or nested or
 * numerous as no network is; MLP_ERR_MEMORY. */
mlp_status mlpi_decode_model(mlpi_arena *arena, const void *bytes, size_t size,
                             onnx_model **model);

#endif
