/* SPDX-License-Identifier: MIT */
#include "formats/onnx/graph_reader.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/sort.h"

/* How many operators may stand between a constant and its use. */
enum { HOPS = 16, OLDEST_OPSET = 7 };

/* Of a value: the tensor that it is, or the node that makes it. */
typedef struct mlpi_maker {
    const char *name;
    onnx_tensor *tensor;
    const onnx_node *node;
    size_t index; /* of the node, from 1; of a tensor 0 */
} maker;

static bool is_before(const void *a, const void *b)
{
    return strcmp(((const maker *)a)->name, ((const maker *)b)->name) < 0;
}

static const maker *find(const mlpi_graph_reader *r, const char *name)
{
    size_t low = 0;
    size_t high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->makers[middle].name, name);
        if (order == 0) {
            return &r->makers[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static const char *name_of(const onnx_node *node)
{
    return node->name && *node->name != '\0' ? node->name
           : node->n_output > 0              ? node->output[0]
                                             : "without a name";
}

mlp_status mlpi_graph_unsupported(const mlpi_graph_reader *r,
                                  const onnx_node *node, const char *why)
{
    return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                      "unsupported operator %.64s (node %.64s)%s%s",
                      node->op_type ? node->op_type : "without a name",
                      name_of(node), why ? ": " : "", why ? why : "");
}

/* ---------------------------------------------------------------------------
 * Opening
 */

static mlp_status list_makers(mlpi_graph_reader *r)
{
    const onnx_graph *g = r->graph;
    size_t most = g->n_initializer;
    for (size_t i = 0; i < g->n_node; i++) {
        most += g->node[i]->n_output;
    }
    r->makers = mlpi_arena_allocate(r->arena, most, sizeof *r->makers);
    TRY(r->arena->status);
    for (size_t i = 0; i < g->n_initializer; i++) {
        onnx_tensor *t = g->initializer[i];
        r->makers[r->count++] = (maker){t->name ? t->name : "", t, NULL, 0};
    }
    for (size_t i = 0; i < g->n_node; i++) {
        const onnx_node *node = g->node[i];
        for (size_t j = 0; j < node->n_output; j++) {
            if (*node->output[j] != '\0') {
                r->makers[r->count++] =
                    (maker){node->output[j], NULL, node, i + 1};
            }
        }
    }
    mlpi_sort(r->makers, r->count, sizeof *r->makers, is_before);
    for (size_t i = 0; i + 1 < r->count; i++) {
        if (strcmp(r->makers[i].name, r->makers[i + 1].name) == 0) {
            return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                              "value %.64s: is made twice", r->makers[i].name);
        }
    }
    return MLP_OK;
}

/* Files of IR version 3 list initializers as inputs, too. */
static mlp_status find_input(mlpi_graph_reader *r)
{
    for (size_t i = 0; i < r->graph->n_input; i++) {
        const onnx_value *value = r->graph->input[i];
        if (!value->name || find(r, value->name)) {
            continue;
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

/* Attributes that are looked at: of ONNX's own operators, each has one type. */
static const struct {
    const char *name;
    MlpiOnnx__AttributeProto__AttributeType type;
} types[] = {
    {"allowzero", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"alpha", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"approximate", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING},
    {"axis", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"beta", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"epsilon", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT},
    {"perm", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS},
    {"start", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"to", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"training_mode", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"transA", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
    {"transB", MLPI_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT},
};

static bool has_its_type(const onnx_attribute *a)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (a->name && strcmp(a->name, types[i].name) == 0) {
            return a->type == types[i].type;
        }
    }
    return true;
}

/* A number of another type would read as 0. */
static mlp_status check_attributes(const mlpi_graph_reader *r,
                                   const onnx_node *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const onnx_attribute *a = node->attribute[i];
        if (a->has_type && !has_its_type(a)) {
            return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                              "node %.64s: its %.64s is of another type",
                              name_of(node), a->name);
        }
    }
    return MLP_OK;
}

static mlp_status check_order(const mlpi_graph_reader *r)
{
    for (size_t i = 0; i < r->graph->n_node; i++) {
        const onnx_node *node = r->graph->node[i];
        for (size_t j = 0; j < node->n_input; j++) {
            const char *name = node->input[j];
            const maker *m = find(r, name);
            if (*name != '\0' && !mlpi_graph_is_input(r, name) &&
                (!m || m->index > i)) {
                return mlpi_error(&r->arena->hooks, MLP_ERR_FORMAT,
                                  "node %.64s: its input %.64s is not there",
                                  name_of(node), name);
            }
        }
        if (node->op_type && mlpi_node_is_op(node, node->op_type)) {
            TRY(check_attributes(r, node));
        }
    }
    return MLP_OK;
}

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
    TRY(list_makers(r));
    TRY(find_input(r));
    return check_order(r);
}

/* ---------------------------------------------------------------------------
 * Nodes
 */

const onnx_node *mlpi_graph_producer(const mlpi_graph_reader *r,
                                     const char *name)
{
    const maker *m = find(r, name);
    return m ? m->node : NULL;
}

bool mlpi_graph_is_input(const mlpi_graph_reader *r, const char *name)
{
    return strcmp(r->input->name, name) == 0;
}

const char *mlpi_node_input(const onnx_node *node, size_t i)
{
    return i < node->n_input ? node->input[i] : "";
}

static bool is_op(const onnx_node *node, const char *op)
{
    return node->op_type && strcmp(node->op_type, op) == 0 &&
           node->n_output > 0;
}

bool mlpi_node_is_op(const onnx_node *node, const char *op)
{
    const char *domain = node->domain ? node->domain : "";
    return is_op(node, op) &&
           (*domain == '\0' || strcmp(domain, "ai.onnx") == 0);
}

bool mlpi_node_is_ml_op(const onnx_node *node, const char *op)
{
    return is_op(node, op) && node->domain &&
           strcmp(node->domain, "ai.onnx.ml") == 0;
}

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
                          int64_t other)
{
    const onnx_attribute *attribute = mlpi_node_attribute(node, name);
    return attribute ? attribute->i : other;
}

double mlpi_node_get_float(const onnx_node *node, const char *name,
                           double other)
{
    const onnx_attribute *attribute = mlpi_node_attribute(node, name);
    return attribute ? mlpi_shortest_decimal(attribute->f) : other;
}

/* ---------------------------------------------------------------------------
 * Values
 */

static bool is_real_type(int64_t type)
{
    return type == ONNX_FLOAT || type == ONNX_DOUBLE;
}

/* A single bool, as bytes or in a list? */
static bool is_false(const onnx_tensor *t)
{
    return t->has_raw_data ? t->raw_data.len == 1 && t->raw_data.data[0] == 0
                           : t->n_int32_data == 1 && t->int32_data[0] == 0;
}

/* Does the first output of a node hold the numbers of its first input? */
static bool passes(const mlpi_graph_reader *r, const onnx_node *node)
{
    if (mlpi_node_is_op(node, "Identity")) {
        return true;
    }
    if (mlpi_node_is_op(node, "Cast")) {
        return is_real_type(mlpi_node_get_int(node, "to", 0));
    }
    if (!mlpi_node_is_op(node, "Dropout")) {
        return false;
    }
    /* In training it does something; that mode is false, or left out. */
    const char *mode = mlpi_node_input(node, 2);
    const maker *m = find(r, mode);
    return *mode == '\0' || (m && m->tensor && is_false(m->tensor));
}

const char *mlpi_graph_skip_identities(const mlpi_graph_reader *r,
                                       const char *name)
{
    const onnx_node *node = mlpi_graph_producer(r, name);
    while (node && passes(r, node) && strcmp(node->output[0], name) == 0) {
        name = mlpi_node_input(node, 0);
        node = mlpi_graph_producer(r, name);
    }
    return name;
}

static mlp_status constant_node(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_constant *c)
{
    const onnx_attribute *a = node->n_attribute > 0 ? node->attribute[0] : NULL;
    const char *name = a && a->name ? a->name : "";
    if (strcmp(name, "value") == 0 && a->t) {
        return mlpi_constant_from_tensor(r->arena, r->path, a->t, c);
    }
    if (strcmp(name, "value_float") == 0) {
        *c = mlpi_constant_from_floats(1, &a->f);
        return MLP_OK;
    }
    if (strcmp(name, "value_int") == 0) {
        *c = mlpi_constant_from_ints(1, &a->i);
        return MLP_OK;
    }
    if (strcmp(name, "value_floats") == 0 && a->n_floats > 0) {
        *c = mlpi_constant_from_floats(a->n_floats, a->floats);
        return MLP_OK;
    }
    if (strcmp(name, "value_ints") == 0 && a->n_ints > 0) {
        *c = mlpi_constant_from_ints(a->n_ints, a->ints);
        return MLP_OK;
    }
    return mlpi_graph_unsupported(r, node, NULL);
}

/* The tensor or Constant that a value comes from, and what happened to it since
 * then; NULL: it comes from elsewhere. */
static const maker *constant_source(const mlpi_graph_reader *r,
                                    const char *name, bool *transposed,
                                    bool *narrow)
{
    *transposed = *narrow = false;
    for (size_t hop = 0; hop < HOPS; hop++) {
        const maker *m = find(r, name);
        if (!m || m->tensor || mlpi_node_is_op(m->node, "Constant")) {
            return m;
        }
        if (mlpi_node_is_op(m->node, "Transpose")) {
            const onnx_attribute *perm = mlpi_node_attribute(m->node, "perm");
            if (perm && (perm->n_ints != 2 || perm->ints[0] != 1)) {
                return NULL;
            }
            *transposed = !*transposed;
        } else if (!mlpi_node_is_op(m->node, "Dropout") && passes(r, m->node)) {
            *narrow =
                *narrow || mlpi_node_get_int(m->node, "to", 0) == ONNX_FLOAT;
        } else {
            return NULL;
        }
        name = mlpi_node_input(m->node, 0);
    }
    return NULL;
}

bool mlpi_graph_is_constant(const mlpi_graph_reader *r, const char *name)
{
    bool transposed = false;
    bool narrow = false;
    return constant_source(r, name, &transposed, &narrow) != NULL;
}

mlp_status mlpi_graph_get_constant(const mlpi_graph_reader *r, const char *name,
                                   mlpi_constant *c)
{
    bool transposed = false;
    bool narrow = false;
    const maker *m = constant_source(r, name, &transposed, &narrow);
    if (!m) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "value %.64s: expects a constant", name);
    }
    TRY(m->tensor ? mlpi_constant_from_tensor(r->arena, r->path, m->tensor, c)
                  : constant_node(r, m->node, c));
    c->round_to_float = narrow;
    if (transposed && c->rank == 2) {
        size_t rows = c->rows;
        c->rows = c->cols;
        c->cols = rows;
        c->transposed = true;
    }
    return MLP_OK;
}

bool mlpi_graph_get_number(const mlpi_graph_reader *r, const char *name,
                           double *x)
{
    mlpi_constant c = {.type = 0};
    if (!mlpi_graph_is_constant(r, name) ||
        mlpi_graph_get_constant(r, name, &c) != MLP_OK ||
        !mlpi_constant_is_real(&c) || mlpi_constant_count(&c) != 1) {
        return false;
    }
    *x = mlpi_constant_broadcast(&c, 0);
    return true;
}

bool mlpi_graph_is_number(const mlpi_graph_reader *r, const char *name,
                          double value)
{
    double x = 0;
    return mlpi_graph_get_number(r, name, &x) &&
           fabs(x - value) <= 1e-6 * value;
}
