/* SPDX-License-Identifier: MIT */
/*
 * Writes ONNX files field by field, for tests of files that are too long for
 * onnx_files.h or lack a part. A message is a sequence of fields; a field that
 * is a message itself is put into it when it is complete:
 *
 *     wire graph = {0};
 *     put_node(&graph, "Relu", "x", NULL, "y");
 *     put_value(&graph, GRAPH_INPUT, "x");
 *     put_value(&graph, GRAPH_OUTPUT, "y");
 *     wire model = {0};
 *     put_model(&model, &graph);
 *     ...
 *     free(model.bytes);
 */
#ifndef TESTS_ONNX_WIRE_H
#define TESTS_ONNX_WIRE_H

#include "support/support.h"

/* The numbers of the fields in onnx.proto. */
enum {
    MODEL_IR = 1,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_PROPERTY = 14,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_TENSOR = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_OP = 4,
    TENSOR_DIM = 1,
    TENSOR_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    TENSOR_EXTERNAL = 13,
    TENSOR_LOCATION = 14,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TENSOR_TYPE_ELEMENT = 1,
    TENSOR_TYPE_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_NAME = 2,
    PROPERTY_KEY = 1,
    PROPERTY_VALUE = 2
};

/* The bytes of a message. */
typedef struct wire {
    unsigned char *bytes;
    size_t size, room;
} wire;

static inline void put_bytes(wire *to, const void *bytes, size_t n)
{
    if (!to->bytes || to->size + n > to->room) {
        to->room = 2 * (to->size + n) + 64;
        to->bytes = realloc(to->bytes, to->room);
        assert_non_null(to->bytes);
    }
    memcpy(to->bytes + to->size, bytes, n);
    to->size += n;
}

static inline void put_varint(wire *to, uint64_t value)
{
    do {
        unsigned char byte =
            (unsigned char)((value & 0x7f) | (value >= 0x80 ? 0x80 : 0));
        put_bytes(to, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void put_int(wire *to, unsigned field, uint64_t value)
{
    put_varint(to, field << 3);
    put_varint(to, value);
}

static inline void put_field(wire *to, unsigned field, const void *bytes,
                             size_t n)
{
    put_varint(to, field << 3 | 2);
    put_varint(to, n);
    if (n > 0) {
        put_bytes(to, bytes, n);
    }
}

static inline void put_text(wire *to, unsigned field, const char *text)
{
    put_field(to, field, text, strlen(text));
}

/* Puts a message into another one, and frees it. */
static inline void put_message(wire *to, unsigned field, wire *message)
{
    put_field(to, field, message->bytes, message->size);
    free(message->bytes);
    *message = (wire){NULL, 0, 0};
}

/* Adds a pair of strings. One that is NULL is absent. */
static inline void put_property(wire *to, unsigned field, const char *key,
                                const char *value)
{
    wire property = {NULL, 0, 0};
    if (key) {
        put_text(&property, PROPERTY_KEY, key);
    }
    if (value) {
        put_text(&property, PROPERTY_VALUE, value);
    }
    put_message(to, field, &property);
}

/* Adds a node with one or two inputs. */
static inline void put_node(wire *graph, const char *op, const char *a,
                            const char *b, const char *output)
{
    wire node = {NULL, 0, 0};
    put_text(&node, NODE_INPUT, a);
    if (b) {
        put_text(&node, NODE_INPUT, b);
    }
    put_text(&node, NODE_OUTPUT, output);
    put_text(&node, NODE_OP, op);
    put_message(graph, GRAPH_NODE, &node);
}

/* Adds a graph input or output of a type that is not stated. */
static inline void put_value(wire *graph, unsigned field, const char *name)
{
    wire value = {NULL, 0, 0};
    put_text(&value, VALUE_NAME, name);
    put_message(graph, field, &value);
}

/* Begins a tensor of rows x cols floats, which lacks its numbers. */
static inline wire tensor_without_numbers(const char *name, size_t rows,
                                          size_t cols)
{
    wire tensor = {NULL, 0, 0};
    put_int(&tensor, TENSOR_DIM, rows);
    put_int(&tensor, TENSOR_DIM, cols);
    put_int(&tensor, TENSOR_TYPE, 1);
    put_text(&tensor, TENSOR_NAME, name);
    return tensor;
}

/* Adds an initializer of rows x cols floats that are 1. */
static inline void put_ones(wire *graph, const char *name, size_t rows,
                            size_t cols)
{
    static const unsigned char one[] = {0, 0, 0x80, 0x3f};
    wire tensor = tensor_without_numbers(name, rows, cols);
    wire raw = {NULL, 0, 0};
    for (size_t i = 0; i < rows * cols; i++) {
        put_bytes(&raw, one, sizeof one);
    }
    put_message(&tensor, TENSOR_RAW, &raw);
    put_message(graph, GRAPH_TENSOR, &tensor);
}

/* Writes a model of opset 13 with this graph, which is freed. */
static inline void put_model(wire *to, wire *graph)
{
    wire opset = {NULL, 0, 0};
    put_int(&opset, OPSET_VERSION, 13);
    put_int(to, MODEL_IR, 7);
    put_message(to, MODEL_OPSET, &opset);
    put_message(to, MODEL_GRAPH, graph);
}

#endif
