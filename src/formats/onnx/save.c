/* SPDX-License-Identifier: MIT */
/*
 * Writes a network as an ONNX graph. The value x passes through these nodes, in
 * this order:
 *
 *     Sub mean, Div std           if the network scales its inputs
 *     Gemm W^T, b; activation     for each layer
 *     Mul std, Add mean           if the network scales its targets
 *
 * Batch norm does not appear: a copy of the network is made in which it is
 * folded into W and b; the predictions of both differ by rounding only.
 * Activations for which opset 13 has no operator (gelu, gelu_tanh, silu) are
 * written as the same few nodes that PyTorch's exporter writes, because graph
 * optimizers recognise those patterns.
 *
 * The size of the file must be known before its bytes are written. The function
 * that builds the message therefore also measures: it builds everything but the
 * numbers of the tensors, and protobuf-c adds up the lengths. Folding changes
 * no shape, so the network itself is measured.
 */
#include "mlp_onnx.h"

#include <string.h>

#include "base/error.h"
#include "base/file_replace.h"
#include "base/memory.h"
#include "formats/onnx/graph_writer.h"
#include "formats/onnx/operators.h"

/* The most nodes and initializers that a graph can have. gelu_tanh has the most
 * nodes: three products and a sum for the cubic, a product with sqrt(2 / pi),
 * the Tanh, and three nodes of add_half_product. */
enum {
    NODES_OF_LAYER = 10, /* Gemm, and at most nine nodes for an activation */
    TENSORS_OF_LAYER = 2,
    CONSTANTS = 5, /* the numbers that activations contain */
    SCALING = 4    /* nodes, and as many tensors, for inputs and targets */
};

/* ---------------------------------------------------------------------------
 * Activations
 *
 * Each of these functions takes the name of the value z, adds nodes that
 * compute the activation, and returns the name of their result.
 */

/* Returns the constant 1. Constants are initializers without dimensions, which
 * ONNX broadcasts to all elements, and layers share them. */
static const char *one(mlpi_graph_writer *w)
{
    return mlpi_graph_add_constant(w, "one", 1.0);
}

/* Adds z (1 + x) / 2, the last part of both kinds of gelu. */
static const char *add_half_product(mlpi_graph_writer *w, const char *z,
                                    const char *x)
{
    const char *sum = mlpi_graph_add_node(w, "Add", x, one(w));
    const char *twice = mlpi_graph_add_node(w, "Mul", z, sum);
    return mlpi_graph_add_node(w, "Mul", twice,
                               mlpi_graph_add_constant(w, "half", 0.5));
}

/* Adds gelu: z / 2 (1 + erf(z / sqrt(2))). */
static const char *add_gelu(mlpi_graph_writer *w, const char *z)
{
    const char *root = mlpi_graph_add_constant(w, "sqrt_2", MLPI_GELU_SQRT_2);
    const char *x = mlpi_graph_add_node(w, "Div", z, root);
    return add_half_product(w, z, mlpi_graph_add_node(w, "Erf", x, NULL));
}

/* Adds gelu_tanh: z / 2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))). */
static const char *add_gelu_tanh(mlpi_graph_writer *w, const char *z)
{
    const char *square = mlpi_graph_add_node(w, "Mul", z, z);
    const char *cube = mlpi_graph_add_node(w, "Mul", z, square);
    const char *term = mlpi_graph_add_node(
        w, "Mul", cube,
        mlpi_graph_add_constant(w, "gelu_cubic", MLPI_GELU_CUBIC));
    const char *sum = mlpi_graph_add_node(w, "Add", z, term);
    const char *x = mlpi_graph_add_node(
        w, "Mul", sum,
        mlpi_graph_add_constant(w, "sqrt_2_over_pi", MLPI_GELU_SQRT_2_OVER_PI));
    return add_half_product(w, z, mlpi_graph_add_node(w, "Tanh", x, NULL));
}

/* Adds an operator of the table. Its attribute alpha is the slope, a float in
 * every file, so a slope of a float64 network may be rounded. The axis is
 * written although it is the default, because the default has changed between
 * opsets. */
static const char *add_operator(mlpi_graph_writer *w, const mlpi_operator *op,
                                const char *z, double slope)
{
    const char *a = mlpi_graph_add_node(w, op->op, z, NULL);
    if (op->alpha != 0) {
        mlpi_graph_set_float(w, "alpha", slope);
    }
    if (op->has_axis) {
        mlpi_graph_set_int(w, "axis", 1);
    }
    return a;
}

/* Adds the nodes of a layer's activation: an operator or a product. The
 * identity needs none: the result is z itself. */
static const char *add_activation(mlpi_graph_writer *w, const mlp_layer *layer,
                                  const char *z)
{
    const mlpi_operator *op = mlpi_operator_of(layer->activation);
    if (op) {
        return add_operator(w, op, z, layer->slope);
    }
    switch (layer->activation) {
    case MLP_ACT_GELU:
        return add_gelu(w, z);
    case MLP_ACT_GELU_TANH:
        return add_gelu_tanh(w, z);
    case MLP_ACT_SILU:
        return mlpi_graph_add_node(w, "Mul", z,
                                   mlpi_graph_add_node(w, "Sigmoid", z, NULL));
    default:
        return z;
    }
}

/* ---------------------------------------------------------------------------
 * The graph
 *
 * The functions below add the nodes of a part of the network. To get a view of
 * a network's parameters cannot fail here; its status still goes to the arena,
 * so that a failure could not pass in silence.
 */

/* Adds an initializer of n numbers, one for each column, in the network's
 * precision. The conversion to float is exact: the network keeps the numbers in
 * its precision, and its getter has only widened them. */
static const char *add_row(mlpi_graph_writer *w, const char *name, double *x,
                           size_t n)
{
    if (w->dtype == MLP_F64) {
        return mlpi_graph_add_tensor(w, name, mlp_cview_f64(x, 1, n), 1);
    }
    float *floats = mlpi_arena_allocate(&w->arena, n, sizeof *floats);
    if (!floats) {
        return NULL;
    }
    for (size_t j = 0; j < n; j++) {
        floats[j] = (float)x[j];
    }
    return mlpi_graph_add_tensor(w, name, mlp_cview_f32(floats, 1, n), 1);
}

/* mlp_net_scaling and mlp_net_output_scaling have this type. */
typedef mlp_status scaling_getter(const mlp_net *net, double *mean,
                                  double *std);

/* Gets n means, scaling[0], and n standard deviations, scaling[1]. Returns true
 * if they change any number, so that nodes are needed. */
static bool get_scaling(mlpi_graph_writer *w, const mlp_net *net,
                        scaling_getter *get, size_t n, double *scaling[2])
{
    double *mean = scaling[0] = mlpi_arena_allocate(&w->arena, n, sizeof *mean);
    double *std = scaling[1] = mlpi_arena_allocate(&w->arena, n, sizeof *std);
    bool scales = false;
    if (w->arena.status != MLP_OK) {
        return false;
    }
    w->arena.status = get(net, mean, std);
    for (size_t j = 0; j < n; j++) {
        scales = scales || mean[j] != 0.0 || std[j] != 1.0;
    }
    return scales;
}

/* Adds Sub and Div, which compute (x - mean) / std, and returns the result;
 * returns x itself if the network does not scale its inputs. */
static const char *add_scaling(mlpi_graph_writer *w, const mlp_net *net,
                               const char *x)
{
    size_t n = mlp_net_inputs(net);
    double *scaling[2];
    if (get_scaling(w, net, mlp_net_scaling, n, scaling)) {
        const char *mean = add_row(w, "input.mean", scaling[0], n);
        const char *std = add_row(w, "input.std", scaling[1], n);
        x = mlpi_graph_add_node(w, "Sub", x, mean);
        x = mlpi_graph_add_node(w, "Div", x, std);
    }
    return x;
}

/* Adds Mul and Add, which compute a std + mean, if the network scales its
 * targets. They are the last nodes, whose output mlpi_graph_end declares. */
static void add_target_scaling(mlpi_graph_writer *w, const mlp_net *net,
                               const char *a)
{
    size_t n = mlp_net_outputs(net);
    double *scaling[2];
    if (get_scaling(w, net, mlp_net_output_scaling, n, scaling)) {
        const char *mean = add_row(w, "output.mean", scaling[0], n);
        const char *std = add_row(w, "output.std", scaling[1], n);
        const char *y = mlpi_graph_add_node(w, "Mul", a, std);
        (void)mlpi_graph_add_node(w, "Add", y, mean);
    }
}

/* Adds W (n[l], n[l-1]) or b (n[l]) of layer l under the name that PyTorch
 * would give it. Names count layers from 0. */
static const char *add_parameter(mlpi_graph_writer *w, const mlp_net *net,
                                 mlp_tensor which, size_t l)
{
    mlp_cview view;
    char *name = mlpi_arena_printf(&w->arena, "layers.%zu.%s", l - 1,
                                   which == MLP_W ? "weight" : "bias");
    if (!name) {
        return NULL;
    }
    w->arena.status = mlp_net_ctensor(net, which, l, &view);
    return mlpi_graph_add_tensor(w, name, view, which == MLP_W ? 2 : 1);
}

/* Adds layer l. Gemm computes x W^T + b, since transB is 1, and so W is stored
 * as it is. */
static const char *add_layer(mlpi_graph_writer *w, const mlp_net *net, size_t l,
                             const char *x)
{
    mlp_layer layer = {.width = 0};
    w->arena.status = mlp_net_layer(net, l, &layer);
    const char *W = add_parameter(w, net, MLP_W, l);
    const char *b = add_parameter(w, net, MLP_B, l);
    const char *z = mlpi_graph_add_node(w, "Gemm", x, W);
    mlpi_graph_add_input(w, b);
    mlpi_graph_set_int(w, "transB", 1);
    return add_activation(w, &layer, z);
}

/* Adds the nodes in the order of computation, as ONNX requires. */
static void build_graph(mlpi_graph_writer *w, const mlp_net *net)
{
    size_t L = mlp_net_layer_count(net);
    mlpi_graph_begin(w, SCALING + L * NODES_OF_LAYER,
                     SCALING + CONSTANTS + L * TENSORS_OF_LAYER);
    const char *x = add_scaling(w, net, "input");
    for (size_t l = 1; l <= L && w->arena.status == MLP_OK; l++) {
        x = add_layer(w, net, l, x);
    }
    add_target_scaling(w, net, x);
    mlpi_graph_end(w, mlp_net_inputs(net), mlp_net_outputs(net));
}

/* ---------------------------------------------------------------------------
 * The model: the graph, its opset and its metadata
 *
 * Producer, opset and IR version identify the file. Keys that begin with "mlp."
 * are reserved for this library, so metadata of the user cannot be confused
 * with names of classes.
 */

/* Returns the number of metadata_props: one for each class that has a name, and
 * one for each key. */
static size_t count_properties(const mlp_net *net)
{
    size_t classes = 0;
    size_t keys = 0;
    while (mlp_net_class_name(net, classes)) {
        classes++;
    }
    while (mlp_net_metadata_key(net, keys)) {
        keys++;
    }
    return classes + keys;
}

/* Adds the names of the classes as mlp.class.0, mlp.class.1, ..., and the
 * network's metadata under its own keys. The texts stay the network's. */
static void add_properties(mlpi_graph_writer *w, const mlp_net *net,
                           onnx_model *model)
{
    size_t n = count_properties(net);
    onnx_property *property =
        mlpi_arena_allocate(&w->arena, n, sizeof *property);
    onnx_property **list = mlpi_arena_pointers(&w->arena, n);
    size_t classes = 0;
    for (size_t i = 0; w->arena.status == MLP_OK && i < n; i++) {
        const char *text = mlp_net_class_name(net, classes);
        const char *key = mlp_net_metadata_key(net, i - classes);
        if (text) {
            key = mlpi_arena_printf(&w->arena, "mlp.class.%zu", classes);
            classes++;
        } else {
            text = mlp_net_metadata(net, key);
        }
        mlpi_onnx__string_string_entry_proto__init(&property[i]);
        property[i].key = (char *)key;
        property[i].value = (char *)text;
        list[i] = &property[i];
    }
    model->n_metadata_props = n;
    model->metadata_props = list;
}

/* Builds the message of a network without batch norm, or of any network if the
 * writer only measures. Returns NULL after a failure, whose status is in the
 * arena. */
static onnx_model *build(mlpi_graph_writer *w, const mlp_net *net)
{
    onnx_model *model = mlpi_arena_allocate(&w->arena, 1, sizeof *model);
    MlpiOnnx__OperatorSetIdProto *opset =
        mlpi_arena_allocate(&w->arena, 1, sizeof *opset);
    MlpiOnnx__OperatorSetIdProto **opsets = mlpi_arena_pointers(&w->arena, 1);
    if (w->arena.status != MLP_OK) {
        return NULL;
    }
    mlpi_onnx__model_proto__init(model);
    mlpi_onnx__operator_set_id_proto__init(opset);
    opset->domain = (char *)"";
    opset->has_version = 1;
    opset->version = MLP_ONNX_OPSET;
    opsets[0] = opset;
    model->has_ir_version = 1;
    model->ir_version = MLP_ONNX_IR;
    model->n_opset_import = 1;
    model->opset_import = opsets;
    model->producer_name = (char *)"libmlp";
    model->producer_version = (char *)mlp_version();
    build_graph(w, net);
    model->graph = w->graph;
    add_properties(w, net, model);
    return w->arena.status == MLP_OK ? model : NULL;
}

/* Returns a writer with the hooks and the precision of a network. */
static mlpi_graph_writer writer_for(const mlp_net *net, bool only_measure)
{
    return (mlpi_graph_writer){.arena = {.hooks = mlp_net_hooks(net)},
                               .dtype = mlp_net_precision(net),
                               .only_measure = only_measure};
}

/* Computes the size of the file in bytes, from a message without the numbers of
 * its tensors. MLP_ERR_LIMIT: the size is more than protobuf allows. */
static mlp_status measure(const mlp_net *net, size_t *size)
{
    mlpi_graph_writer w = writer_for(net, true);
    const onnx_model *model = build(&w, net);
    mlp_status status = w.arena.status;
    size_t bytes = model ? mlpi_onnx__model_proto__get_packed_size(model) : 0;
    if (status == MLP_OK && bytes > ONNX_MAX_BYTES) {
        status = mlpi_error(&w.arena.hooks, MLP_ERR_LIMIT,
                            "an ONNX file has at most %zu bytes, this network "
                            "needs %zu",
                            ONNX_MAX_BYTES, bytes);
    }
    mlpi_arena_free(&w.arena);
    *size = bytes;
    return status;
}

/* Writes the file to `bytes`, which has the measured size. The message is built
 * from a copy of the network without batch norm; both are freed before the
 * call returns. */
static mlp_status pack(const mlp_net *net, unsigned char *bytes)
{
    mlp_net *folded = NULL;
    TRY(mlp_net_fold_batch_norm(net, &folded));
    mlpi_graph_writer w = writer_for(net, false);
    const onnx_model *model = build(&w, folded);
    mlp_status status = w.arena.status;
    if (model) {
        (void)mlpi_onnx__model_proto__pack(model, bytes);
    }
    mlpi_arena_free(&w.arena);
    mlp_net_free(folded);
    return status;
}

/* The size depends on the shape of the network, its names and its metadata, but
 * on no weight. So the size that a caller has asked for stays right while the
 * network is trained. */
size_t mlp_onnx_save_size(const mlp_net *net)
{
    size_t size = 0;
    return net && measure(net, &size) == MLP_OK ? size : 0;
}

/* A wrong size is refused before anything is written. */
mlp_status mlp_onnx_save_memory(const mlp_net *net, void *bytes, size_t size)
{
    size_t needed = 0;
    if (!net) {
        return MLP_ERR_NULL;
    }
    mlp_hooks hooks = mlp_net_hooks(net);
    if (!bytes) {
        return mlpi_error(&hooks, MLP_ERR_NULL,
                          "the place for an ONNX file "
                          "is NULL");
    }
    TRY(measure(net, &needed));
    if (size != needed) {
        return mlpi_error(&hooks, MLP_ERR_SHAPE,
                          "an ONNX file: expects %zu bytes, got %zu", needed,
                          size);
    }
    return pack(net, bytes);
}

/* The file is built in memory and written at once, so that an error of the disk
 * leaves the old file as it was; see base/file_replace.h. */
mlp_status mlp_onnx_save(const mlp_net *net, const char *path)
{
    size_t size = 0;
    if (!net) {
        return MLP_ERR_NULL;
    }
    mlpi_arena arena = {.hooks = mlp_net_hooks(net)};
    TRY(mlpi_check_pointer(&arena.hooks, path, "the path"));
    mlpi_allow_cancellation();
    TRY(measure(net, &size));
    unsigned char *bytes = mlpi_arena_allocate(&arena, size, 1);
    mlp_status status = bytes ? pack(net, bytes) : arena.status;
    if (status == MLP_OK) {
        status = mlpi_file_write(&arena.hooks, path, bytes, size);
    }
    mlpi_arena_free(&arena);
    return status;
}
