/* SPDX-License-Identifier: MIT */
/*
 * Builds the messages of a graph in the arena.
 *
 * Every message is allocated with all bytes 0, initialised by protobuf-c's
 * generated function, and then filled. Its lists are allocated at once with
 * space for the most elements that they can get, so that no list ever grows:
 * mlpi_graph_begin is told the numbers of nodes and tensors, and a node has
 * MAX_INPUTS inputs and MAX_ATTRIBUTES attributes. An assertion guards each
 * list, because a list that overflows is an error of this library.
 *
 * A value has the name of the node that computes it, and a node is named after
 * its operator and its position: Gemm_0, Relu_1, Gemm_2. So names are unique
 * within the graph. The caller names the initializers, with a small letter
 * first, while operators have a capital one; so both kinds of names differ.
 */
#include "formats/onnx/graph_writer.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

/* A Gemm has three inputs: x, W and b. No node that is written has more, and
 * none has more than two attributes. */
enum { MAX_INPUTS = 3, MAX_ATTRIBUTES = 2 };

/* Returns the element type of all tensors of a network. */
static int32_t element_type(mlp_dtype dtype)
{
    return dtype == MLP_F32 ? ONNX_FLOAT : ONNX_DOUBLE;
}

/* The lists are allocated before the status is checked once; that is safe since
 * the arena returns NULL after a failure. */
void mlpi_graph_begin(mlpi_graph_writer *w, size_t nodes, size_t tensors)
{
    w->graph = mlpi_arena_allocate(&w->arena, 1, sizeof *w->graph);
    onnx_node **node = mlpi_arena_pointers(&w->arena, nodes);
    onnx_tensor **tensor = mlpi_arena_pointers(&w->arena, tensors);
    if (w->arena.status == MLP_OK) {
        mlpi_onnx__graph_proto__init(w->graph);
        w->graph->name = mlpi_arena_printf(&w->arena, "mlp");
        w->graph->node = node;
        w->graph->initializer = tensor;
        w->max_nodes = nodes;
        w->max_tensors = tensors;
    }
}

/* ---------------------------------------------------------------------------
 * Nodes
 *
 * The last node of the list is the one that is being completed. Its inputs are
 * names of values, which the message only points to: they live in the arena, or
 * are literals.
 */

/* Returns the node that is being completed; NULL after a failure, so that the
 * callers do nothing then. */
static onnx_node *last_node(const mlpi_graph_writer *w)
{
    return w->arena.status == MLP_OK ? w->graph->node[w->graph->n_node - 1]
                                     : NULL;
}

/* The name of the node is also the name of its output. */
const char *mlpi_graph_add_node(mlpi_graph_writer *w, const char *op,
                                const char *a, const char *b)
{
    mlpi_arena *arena = &w->arena;
    onnx_node *node = mlpi_arena_allocate(arena, 1, sizeof *node);
    char **inputs = mlpi_arena_pointers(arena, MAX_INPUTS);
    char **outputs = mlpi_arena_pointers(arena, 1);
    onnx_attribute **attributes = mlpi_arena_pointers(arena, MAX_ATTRIBUTES);
    char *type = mlpi_arena_printf(arena, "%s", op);
    char *name = arena->status == MLP_OK
                     ? mlpi_arena_printf(arena, "%s_%zu", op, w->graph->n_node)
                     : NULL;
    if (arena->status != MLP_OK) {
        return NULL;
    }
    assert(w->graph->n_node < w->max_nodes);
    mlpi_onnx__node_proto__init(node);
    node->op_type = type;
    node->name = name;
    node->input = inputs;
    node->n_output = 1;
    node->output = outputs;
    node->output[0] = name;
    node->attribute = attributes;
    w->graph->node[w->graph->n_node++] = node;
    mlpi_graph_add_input(w, a);
    if (b) {
        mlpi_graph_add_input(w, b);
    }
    return name;
}

/* The cast removes const, because protobuf-c has no const strings. It does not
 * write to them. */
void mlpi_graph_add_input(mlpi_graph_writer *w, const char *input)
{
    onnx_node *node = last_node(w);
    if (node) {
        assert(node->n_input < MAX_INPUTS);
        node->input[node->n_input++] = (char *)input;
    }
}

/* Adds an attribute without a value to the last node. Returns NULL after a
 * failure. */
static onnx_attribute *add_attribute(mlpi_graph_writer *w, const char *name)
{
    onnx_node *node = last_node(w);
    onnx_attribute *attribute =
        mlpi_arena_allocate(&w->arena, 1, sizeof *attribute);
    if (!node || !attribute) {
        return NULL;
    }
    assert(node->n_attribute < MAX_ATTRIBUTES);
    mlpi_onnx__attribute_proto__init(attribute);
    attribute->name = (char *)name;
    attribute->has_type = 1;
    node->attribute[node->n_attribute++] = attribute;
    return attribute;
}

/* Since IR version 2 the type of an attribute must be stated. */
void mlpi_graph_set_int(mlpi_graph_writer *w, const char *name, int64_t value)
{
    onnx_attribute *attribute = add_attribute(w, name);
    if (attribute) {
        attribute->type = MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        attribute->has_i = 1;
        attribute->i = value;
    }
}

void mlpi_graph_set_float(mlpi_graph_writer *w, const char *name, double value)
{
    onnx_attribute *attribute = add_attribute(w, name);
    if (attribute) {
        attribute->type = MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        attribute->has_f = 1;
        attribute->f = (float)value;
    }
}

/* ---------------------------------------------------------------------------
 * Initializers
 *
 * An initializer holds its numbers as raw_data, the form that all software
 * reads, and that costs no conversion of the numbers to text or varints.
 */

/* Copies the elements of a view row by row, in little-endian order, which is
 * the form of raw_data on every machine. */
static unsigned char *copy_raw_data(mlpi_arena *arena, mlp_cview view,
                                    size_t size)
{
    unsigned char *bytes =
        mlpi_arena_allocate(arena, view.rows * view.cols, size);
    const unsigned char *data = view.data;
    mlpi_writer to = {.bytes = bytes};
    for (size_t i = 0; bytes && i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            size_t index = i * view.row_stride + j * view.col_stride;
            mlpi_put_reals(&to, size, 1, data + index * size);
        }
    }
    return bytes;
}

/* When the writer only measures, the tensor has the length of its data but no
 * data. protobuf-c counts the length, so the size of the file is exact, and the
 * weights need not be copied to know it. */
const char *mlpi_graph_add_tensor(mlpi_graph_writer *w, const char *name,
                                  mlp_cview view, size_t dims)
{
    mlpi_arena *arena = &w->arena;
    size_t size = w->dtype == MLP_F32 ? sizeof(float) : sizeof(double);
    onnx_tensor *t = mlpi_arena_allocate(arena, 1, sizeof *t);
    int64_t *shape = mlpi_arena_allocate(arena, 2, sizeof *shape);
    char *copy = mlpi_arena_printf(arena, "%s", name);
    unsigned char *bytes =
        w->only_measure ? NULL : copy_raw_data(arena, view, size);
    if (arena->status != MLP_OK) {
        return NULL;
    }
    assert(w->graph->n_initializer < w->max_tensors);
    mlpi_onnx__tensor_proto__init(t);
    t->name = copy;
    t->n_dims = dims;
    t->dims = shape;
    if (dims > 0) {
        t->dims[0] = (int64_t)(dims == 1 ? view.cols : view.rows);
        t->dims[1] = (int64_t)view.cols;
    }
    t->has_data_type = 1;
    t->data_type = element_type(w->dtype);
    t->has_raw_data = 1;
    t->raw_data.len = view.rows * view.cols * size;
    t->raw_data.data = bytes;
    w->graph->initializer[w->graph->n_initializer++] = t;
    return copy;
}

/* A graph has few initializers that are constants, so the names are compared
 * one by one. */
const char *mlpi_graph_add_constant(mlpi_graph_writer *w, const char *name,
                                    double value)
{
    for (size_t i = 0; w->arena.status == MLP_OK && i < w->graph->n_initializer;
         i++) {
        if (strcmp(w->graph->initializer[i]->name, name) == 0) {
            return w->graph->initializer[i]->name;
        }
    }
    float rounded = (float)value;
    return mlpi_graph_add_tensor(w, name,
                                 w->dtype == MLP_F32
                                     ? mlp_cview_f32(&rounded, 1, 1)
                                     : mlp_cview_f64(&value, 1, 1),
                                 0);
}

/* ---------------------------------------------------------------------------
 * Input and output
 *
 * ONNX requires the type and the shape of each graph input and output. The
 * messages are nested five deep: value, type, tensor type, shape, dimension.
 */

/* Returns a list of one declared value with the shape (N, cols). N is a
 * symbolic dimension, so the graph takes any number of rows. Input and output
 * have the same name for it, which tells that they have equally many rows. */
static onnx_value **declare(mlpi_graph_writer *w, const char *name, size_t cols)
{
    mlpi_arena *arena = &w->arena;
    onnx_value **list = mlpi_arena_pointers(arena, 1);
    onnx_value *value = mlpi_arena_allocate(arena, 1, sizeof *value);
    onnx_type *type = mlpi_arena_allocate(arena, 1, sizeof *type);
    MlpiOnnx__TypeProto__Tensor *tensor =
        mlpi_arena_allocate(arena, 1, sizeof *tensor);
    onnx_shape *shape = mlpi_arena_allocate(arena, 1, sizeof *shape);
    onnx_dim **dims = mlpi_arena_pointers(arena, 2);
    onnx_dim *dim = mlpi_arena_allocate(arena, 2, sizeof *dim);
    if (arena->status != MLP_OK) {
        return NULL;
    }
    mlpi_onnx__value_info_proto__init(value);
    mlpi_onnx__type_proto__init(type);
    mlpi_onnx__type_proto__tensor__init(tensor);
    mlpi_onnx__tensor_shape_proto__init(shape);
    for (size_t i = 0; i < 2; i++) {
        mlpi_onnx__tensor_shape_proto__dimension__init(&dim[i]);
        dims[i] = &dim[i];
    }
    dim[0].value_case =
        MLPI_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    dim[0].dim_param = (char *)"N";
    dim[1].value_case =
        MLPI_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    dim[1].dim_value = (int64_t)cols;
    shape->n_dim = 2;
    shape->dim = dims;
    tensor->has_elem_type = 1;
    tensor->elem_type = element_type(w->dtype);
    tensor->shape = shape;
    type->value_case = MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    value->name = (char *)name;
    value->type = type;
    list[0] = value;
    return list;
}

/* The output of the last node is renamed to "output", so that no node is needed
 * only to name it. */
void mlpi_graph_end(mlpi_graph_writer *w, size_t inputs, size_t outputs)
{
    onnx_value **input = declare(w, "input", inputs);
    onnx_value **output = declare(w, "output", outputs);
    if (w->arena.status == MLP_OK) {
        w->graph->n_input = 1;
        w->graph->input = input;
        w->graph->n_output = 1;
        w->graph->output = output;
        last_node(w)->output[0] = output[0]->name;
    }
}
