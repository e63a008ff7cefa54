/* SPDX-License-Identifier: MIT */
/*
 * The messages of an ONNX file, by short names. protobuf-c makes them of the
 * system's onnx.proto, in a package whose names are ours: a program that has
 * made its own of the same file can be linked with these.
 */
#ifndef MLPI_FORMATS_ONNX_PROTO_H
#define MLPI_FORMATS_ONNX_PROTO_H

#include <mlpi_onnx.pb-c.h>

typedef MlpiOnnx__ModelProto onnx_model;
typedef MlpiOnnx__GraphProto onnx_graph;
typedef MlpiOnnx__NodeProto onnx_node;
typedef MlpiOnnx__AttributeProto onnx_attribute;
typedef MlpiOnnx__TensorProto onnx_tensor;
typedef MlpiOnnx__ValueInfoProto onnx_value;
typedef MlpiOnnx__TypeProto onnx_type;
typedef MlpiOnnx__TensorShapeProto onnx_shape;
typedef MlpiOnnx__TensorShapeProto__Dimension onnx_dim;
typedef MlpiOnnx__StringStringEntryProto onnx_property;

enum {
    ONNX_FLOAT = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    ONNX_DOUBLE = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
    ONNX_INT32 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
    ONNX_INT64 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__INT64
};

/* Of protobuf: lengths and sizes are of 31 bits. */
#define ONNX_MAX_BYTES ((size_t)INT32_MAX)

#endif
