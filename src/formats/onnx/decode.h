/* SPDX-License-Identifier: MIT */
/*
 * Decoding: from the bytes of an ONNX file, which nobody vouches for, to a
 * message.
 *
 * protobuf-c trusts its input. It recurses on the stack as deep as messages are
 * nested, and it merges a message that occurs twice, again and again. A small
 * hostile file could therefore exhaust the stack, the memory or the time. For
 * this reason the bytes are checked before protobuf-c sees them; decode.c lists
 * the limits.
 */
#ifndef MLPI_FORMATS_ONNX_DECODE_H
#define MLPI_FORMATS_ONNX_DECODE_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

/* Decodes `size` bytes. *model and all that it points to lie in the arena.
 * MLP_ERR_FORMAT: the bytes are not an ONNX message, or they exceed a limit
 * that no network reaches. MLP_ERR_UNSUPPORTED: a function has ONNX's own
 * domain. MLP_ERR_MEMORY. */
mlp_status mlpi_decode_model(mlpi_arena *arena, const void *bytes, size_t size,
                             onnx_model **model);

#endif
