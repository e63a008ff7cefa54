/* SPDX-License-Identifier: MIT */
/*
 * The protobuf messages of an ONNX file, under short names.
 *
 * protobuf-c generates the structs from the system's onnx.proto. The build
 * renames the package to mlpi_onnx, so that a program that has generated code
 * from the same file can be linked with this library. These messages matter
 * here:
 *
 *     onnx_model                        the file
 *         opset_import[]                versions of the operators
 *         metadata_props[]              key and value: onnx_property
 *         graph: onnx_graph
 *             input[], output[]         onnx_value: name, onnx_type, onnx_shape
 *             initializer[]             onnx_tensor: named constants
 *             node[]                    onnx_node, in order of computation;
 *                                       some exporters do not sort them
 *                 op_type               such as "Gemm"
 *                 input[], output[]     names of values
 *                 attribute[]           onnx_attribute: name and a value
 *
 * A value is known by its name only: it is a graph input, an initializer, or
 * an output of one node.
 *
 * protobuf-c represents the parts of a message like this: a list x has its
 * length in n_x; an optional number x is present if has_x is not 0; a string
 * that is absent is NULL, or "" in some versions of protobuf-c; a message that
 * is absent is NULL; and one of several alternatives is told by value_case.
 * Strings and lists are not const, although this library never changes those of
 * a message that it has read.
 */
#ifndef MLPI_FORMATS_ONNX_PROTO_H
#define MLPI_FORMATS_ONNX_PROTO_H

#include <mlpi_onnx.pb-c.h>

/* Names of messages. onnx_value declares a graph input or output, and
 * onnx_property is a pair of strings. */
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

/* The element types of tensors that the library reads; it writes the first
 * two. */
enum {
    ONNX_FLOAT = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    ONNX_DOUBLE = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
    ONNX_FLOAT16 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
    ONNX_BFLOAT16 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16,
    ONNX_INT32 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
    ONNX_INT64 = MLPI_ONNX__TENSOR_PROTO__DATA_TYPE__INT64
};

/* The largest message that protobuf allows: its lengths have 31 bits. */
#define ONNX_MAX_BYTES ((size_t)INT32_MAX)

#endif
