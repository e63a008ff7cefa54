/* SPDX-License-Identifier: MIT */
/*
 * Checks a graph and answers questions about it.
 *
 * ONNX connects nodes by the names of values. The reader therefore sorts the
 * definitions of all values by name, once, and finds each by binary search:
 * n log n for a whole graph, where a search through the nodes would take n^2.
 *
 * Graphs that are read: those with one graph input, in an opset of 7 or later.
 * ONNX wants the nodes in the order of computation, but some tools write them
 * in another, which ONNX Runtime reads; so it is read here, too. Graphs that
 * are refused:
 *
 *   - a value is defined twice or nowhere, or depends on itself. ONNX forbids
 *     all of it, and a walk through such a graph might not end.
 *   - several graph inputs. A network has one matrix X of inputs.
 *   - an opset below 7. There, Add and Mul broadcast by attributes, and
 *     BatchNormalization and Dropout train unless an attribute forbids it.
 *   - an attribute of another type than ONNX gives it. Its number would be in
 *     another field of the message, and this one would read as 0.
 *
 * Files of IR version 3 list all initializers as graph inputs, too, because an
 * initializer was the default of an input then. They are no inputs here.
 */
#include "formats/onnx/graph_reader.h"

#include <string.h>

#include "base/error.h"
#include "base/sort.h"

/* The oldest opset that is read. */
enum { OLDEST_OPSET = 7 };

/* The definition of a value: either a tensor or a node is not NULL. */
typedef struct mlpi_definition {
    const char *name;
    onnx_tensor *tensor;
    const onnx_node *node;
    size_t index; /* of the node in the graph; unused for a tensor */
} definition;

/* Orders definitions by name, for mlpi_sort. The order of the bytes serves, as
 * only equality matters to the caller. */
static bool is_before(const void *a, const void *b)
{
    return strcmp(((const definition *)a)->name,
                  ((const definition *)b)->name) < 0;
}

/* Returns the definition of a value, NULL if there is none: for the graph
 * input, and for names that occur nowhere. Binary search: the name, if it
 * exists, is at an index of low to high - 1. */
static const definition *find(const mlpi_graph_reader *r, const char *name)
{
    size_t low = 0;
    size_t high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->definitions[middle].name, name);
        if (order == 0) {
            return &r->definitions[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Returns a name for messages. Nodes need not have one; then the name of the
 * first output serves, which is unique. */
static const char *display_name(const onnx_node *node)
{
    return node->name && *node->name != '\0' ? node->name
           : node->n_output > 0              ? node->output[0]
                                             : "without a name";
}

mlp_status mlpi_graph_unsupported(const mlpi_graph_reader *r,
                                  const onnx_node *node, const char *why)
{
    return r->arena->status != MLP_OK
               ? r->arena->status
               : mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                            "unsupported operator %.64s (node %.64s)%s%s",
                            node->op_type ? node->op_type : "without a name",
                            display_name(node), why ? ": " : "",
                            why ? why : "");
}

mlp_status mlpi_graph_wrong_width(const mlpi_graph_reader *r,
                                  const onnx_node *node, size_t expected,
                                  size_t got)
{
    return mlpi_error(&r->arena->hooks, MLP_ERR_SHAPE,
                      "node %.64s: expects a width of %zu, got %zu",
                      display_name(node), expected, got);
}

/* ---------------------------------------------------------------------------
 * Opening
 *
 * All checks are made here, before anything is read from the graph. They visit
 * each node and each of its inputs once, and search the definition of each
 * input.
 */

/* Lists the definitions of all values, sorted by name, and refuses a name that
 * occurs twice: equal names are neighbours after sorting. An output with an
 * empty name is one that the node leaves out. */
static mlp_status list_definitions(mlpi_graph_reader *r)
{
    const onnx_graph *g = r->graph;
    size_t capacity = g->n_initializer;
    for (size_t i = 0; i < g->n_node; i++) {
        capacity += g->node[i]->n_output;
    }
    r->definitions =
        mlpi_arena_allocate(r->arena, capacity, sizeof *r->definitions);
    TRY(r->arena->status);
    for (size_t i = 0; i < g->n_initializer; i++) {
        onnx_tensor *t = g->initializer[i];
        r->definitions[r->count++] =
            (definition){t->name ? t->name : "", t, NULL, 0};
    }
    for (size_t i = 0; i < g->n_node; i++) {
        const onnx_node *node = g->node[i];
        for (size_t j = 0; j < node->n_output; j++) {
            if (*node->output[j] != '\0') {
                r->definitions[r->count++] =
                    (definition){node->output[j], NULL, node, i};
            }
        }
    }
    mlpi_sort(r->definitions, r->count, sizeof *r->definitions, is_before);
    for (size_t i = 0; i + 1 < r->count; i++) {
        if (strcmp(r->definitions[i].name, r->definitions[i + 1].name) == 0) {
            return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                              "value %.64s: is made twice",
                              r->definitions[i].name);
        }
    }
    return MLP_OK;
}

/* Finds the one graph input that is not an initializer. */
static mlp_status find_input(mlpi_graph_reader *r)
{
    for (size_t i = 0; i < r->graph->n_input; i++) {
        const onnx_value *value = r->graph->input[i];
        if (!value->name || find(r, value->name)) {
            continue; /* an initializer has a definition, an input none */
        }
        if (r->input) {
            return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                              "expects one input, got %.64s and %.64s",
                              r->input->name, value->name);
        }
        r->input = value;
    }
    if (!r->input) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                          "expects a graph with an input");
    }
    return MLP_OK;
}

/* The attributes that this library reads, and their types. In ONNX's own
 * operators each name has one type, whatever the operator. */
static const struct {
    const char *name;
    MlpiOnnx__AttributeProto__AttributeType type;
} attribute_types[] = {
    {"allowzero", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"alpha", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"approximate", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING},
    {"axes", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS},
    {"axis", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"beta", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"ends", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS},
    {"epsilon", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"gamma", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"max", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"min", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"perm", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS},
    {"ratio", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"start", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"starts", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS},
    {"to", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"training_mode", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"transA", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"transB", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
};

/* Returns true if the attribute is not in the table or has the type of the
 * table. */
static bool has_expected_type(const onnx_attribute *a)
{
    for (size_t i = 0; i < sizeof attribute_types / sizeof attribute_types[0];
         i++) {
        if (a->name && strcmp(a->name, attribute_types[i].name) == 0) {
            return a->type == attribute_types[i].type;
        }
    }
    return true;
}

/* Checks all attributes of a node. Old files do not state the types of
 * attributes (has_type is 0), and those are read as they are. */
static mlp_status check_attributes(const mlpi_graph_reader *r,
                                   const onnx_node *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const onnx_attribute *a = node->attribute[i];
        if (a->has_type && !has_expected_type(a)) {
            return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                              "node %.64s: its %.64s is of another type",
                              display_name(node), a->name);
        }
    }
    return MLP_OK;
}

/* Checks the nodes: each input must be the graph input, an initializer or an
 * output of a node, and nodes of ONNX's own domain (those for which
 * mlpi_node_is_op recognises their own op_type) must have valid attributes. An
 * input with an empty name is one that the node leaves out. */
static mlp_status check_nodes(const mlpi_graph_reader *r)
{
    for (size_t i = 0; i < r->graph->n_node; i++) {
        const onnx_node *node = r->graph->node[i];
        for (size_t j = 0; j < node->n_input; j++) {
            const char *name = node->input[j];
            if (*name != '\0' && !mlpi_graph_is_input(r, name) &&
                !find(r, name)) {
                return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                                  "node %.64s: its input %.64s is not there",
                                  display_name(node), name);
            }
        }
        if (node->op_type && mlpi_node_is_op(node, node->op_type)) {
            TRY(check_attributes(r, node));
        }
    }
    return MLP_OK;
}

/* How far the search for cycles has come at a node. */
typedef struct progress {
    size_t input; /* the next input to follow */
    enum { NEW, OPEN, DONE } state;
} progress;

/* Checks that no node depends on its own output: a depth-first search, which
 * follows the inputs of each node to the nodes that compute them. `stack` holds
 * the nodes whose inputs are being followed, and these are OPEN; an input that
 * comes from an OPEN node closes a cycle. The search visits each input once. */
static mlp_status check_cycles(const mlpi_graph_reader *r)
{
    const onnx_graph *g = r->graph;
    size_t *stack = mlpi_arena_allocate(r->arena, g->n_node, sizeof *stack);
    progress *at = mlpi_arena_allocate(r->arena, g->n_node, sizeof *at);
    TRY(r->arena->status);
    for (size_t root = 0; root < g->n_node; root++) {
        size_t depth = 0;
        if (at[root].state == NEW) {
            at[root].state = OPEN;
            stack[depth++] = root;
        }
        while (depth > 0) {
            size_t top = stack[depth - 1];
            const onnx_node *node = g->node[top];
            if (at[top].input == node->n_input) {
                at[top].state = DONE;
                depth--;
                continue;
            }
            const definition *d = find(r, node->input[at[top].input++]);
            if (d && d->node && at[d->index].state == OPEN) {
                return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                                  "node %.64s: depends on its own output",
                                  display_name(node));
            }
            if (d && d->node && at[d->index].state == NEW) {
                at[d->index].state = OPEN;
                stack[depth++] = d->index;
            }
        }
    }
    return MLP_OK;
}

/* Opsets are listed by domain; that of ONNX's own operators is empty or
 * "ai.onnx". The opset of ai.onnx.ml does not matter, because Scaler and
 * ZipMap have not changed. */
mlp_status mlpi_graph_open(mlpi_graph_reader *r, const onnx_model *model)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (!domain || *domain == '\0' || strcmp(domain, "ai.onnx") == 0) {
            r->opset = model->opset_import[i]->version;
        }
    }
    if (!model->graph || model->graph->n_node == 0) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                          "expects an ONNX file with a graph");
    }
    if (r->opset < OLDEST_OPSET) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects ONNX's operators of opset %d or later, got "
                          "%lld",
                          OLDEST_OPSET, (long long)r->opset);
    }
    r->graph = model->graph;
    TRY(list_definitions(r));
    TRY(find_input(r));
    TRY(check_nodes(r));
    return check_cycles(r);
}

/* ---------------------------------------------------------------------------
 * Nodes
 *
 * The functions below never fail. A part that a node does not have is "", NULL
 * or the default that the caller names, and then the node matches no pattern.
 */

/* For a tensor the node of the definition is NULL, too. */
const onnx_node *mlpi_graph_producer(const mlpi_graph_reader *r,
                                     const char *name)
{
    const definition *d = find(r, name);
    return d ? d->node : NULL;
}

onnx_tensor *mlpi_graph_initializer(const mlpi_graph_reader *r,
                                    const char *name)
{
    const definition *d = find(r, name);
    return d ? d->tensor : NULL;
}

/* The input has no definition, so it is compared by its name. */
bool mlpi_graph_is_input(const mlpi_graph_reader *r, const char *name)
{
    return strcmp(r->input->name, name) == 0;
}

/* The type of a graph input is optional, and it may be a sequence or a map
 * instead of a tensor. */
const onnx_shape *mlpi_graph_input_shape(const mlpi_graph_reader *r)
{
    const onnx_type *type = r->input->type;
    return type && type->value_case == MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
               ? type->tensor_type->shape
               : NULL;
}

/* A dimension is a number, a name such as "batch", or absent. */
int64_t mlpi_graph_input_dim(const mlpi_graph_reader *r, size_t i)
{
    const onnx_shape *shape = mlpi_graph_input_shape(r);
    const onnx_dim *dim = shape && i < shape->n_dim ? shape->dim[i] : NULL;
    bool is_number =
        dim && dim->value_case ==
                   MLPI_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    return is_number && dim->dim_value > 0 ? dim->dim_value : 0;
}

const char *mlpi_node_input(const onnx_node *node, size_t i)
{
    return i < node->n_input ? node->input[i] : "";
}

/* Compares the operator only; the callers compare the domain. A node without
 * outputs computes nothing that a pattern could use, so it never matches. */
static bool has_op_type(const onnx_node *node, const char *op)
{
    return node->op_type && strcmp(node->op_type, op) == 0 &&
           node->n_output > 0;
}

/* An empty domain and "ai.onnx" are the same. Operators of the same name in
 * other domains may compute anything, so they do not match. */
bool mlpi_node_is_op(const onnx_node *node, const char *op)
{
    const char *domain = node->domain ? node->domain : "";
    return has_op_type(node, op) &&
           (*domain == '\0' || strcmp(domain, "ai.onnx") == 0);
}

bool mlpi_node_is_ml_op(const onnx_node *node, const char *op)
{
    return has_op_type(node, op) && node->domain &&
           strcmp(node->domain, "ai.onnx.ml") == 0;
}

/* Nodes have few attributes, so they are searched from front to back. */
const onnx_attribute *mlpi_node_attribute(const onnx_node *node,
                                          const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const char *other = node->attribute[i]->name;
        if (other && strcmp(other, name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

int64_t mlpi_node_get_int(const onnx_node *node, const char *name,
                          int64_t absent)
{
    const onnx_attribute *attribute = mlpi_node_attribute(node, name);
    return attribute ? attribute->i : absent;
}

/* The attribute is a float, even if the exporter had a double; see
 * mlpi_shortest_decimal. */
double mlpi_node_get_float(const onnx_node *node, const char *name,
                           double absent)
{
    const onnx_attribute *attribute = mlpi_node_attribute(node, name);
    return attribute ? mlpi_shortest_decimal(attribute->f) : absent;
}
