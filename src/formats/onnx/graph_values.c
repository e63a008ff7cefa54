/* SPDX-License-Identifier: MIT */
/*
 * How values are followed to their origin.
 *
 * Two walks exist. One passes nodes that change nothing in a prediction, from a
 * value that depends on the graph input. The other goes from the use of a
 * constant to the tensor: there a Transpose and the roundings of Cast nodes
 * matter, and are kept with the constant. The weights of a network that was
 * stored in half precision, for example, come as
 *
 *     tensor of float16 -> Cast to float -> Transpose -> MatMul
 *
 * Between the layers a Cast to a shorter type is passed as well, although it
 * rounds: the network computes in its own precision, which is at least that of
 * the file.
 */
#include "formats/onnx/graph_values.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* The most values on the way from the use of a constant to the constant, of
 * which exporters write two or three, and the most nodes that are skipped at
 * once. They bound the time, since many nodes of a hostile file can ask for the
 * same value. */
enum { MAX_HOPS = 16, MAX_SKIPPED = 256 };

/* Returns the tensor of an initializer or of a Constant node, possibly followed
 * by Identity; NULL if the value is anything else. */
static const onnx_tensor *tensor_of(const mlpi_graph_reader *r,
                                    const char *name)
{
    const onnx_node *node = mlpi_graph_producer(r, name);
    for (size_t hop = 0; node && hop < MAX_HOPS; hop++) {
        if (mlpi_node_is_op(node, "Constant")) {
            const onnx_attribute *value = mlpi_node_attribute(node, "value");
            return value ? value->t : NULL;
        }
        name =
            mlpi_node_is_op(node, "Identity") ? mlpi_node_input(node, 0) : "";
        node = mlpi_graph_producer(r, name);
    }
    return mlpi_graph_initializer(r, name);
}

/* Returns true if the value is a single bool that is false. Bools are raw
 * bytes or int32 numbers. */
static bool is_false(const mlpi_graph_reader *r, const char *name)
{
    const onnx_tensor *t = tensor_of(r, name);
    return t &&
           (t->has_raw_data ? t->raw_data.len == 1 && t->raw_data.data[0] == 0
                            : t->n_int32_data == 1 && t->int32_data[0] == 0);
}

/* Returns true if a Dropout changes nothing: its third input, training_mode,
 * is left out or false, or its second one, the share of elements that it
 * drops, is 0. */
static bool drops_nothing(const mlpi_graph_reader *r, const onnx_node *node)
{
    double ratio = 1;
    const char *mode = mlpi_node_input(node, 2);
    return *mode == '\0' || is_false(r, mode) ||
           (mlpi_graph_get_number(r, mlpi_node_input(node, 1), &ratio) &&
            ratio == 0);
}

/* Returns true if the first output of a node holds the numbers of its first
 * input. A Cast to an integer type rounds, so it does not; a Sum of one value
 * does. */
static bool is_identity(const mlpi_graph_reader *r, const onnx_node *node)
{
    return mlpi_node_is_op(node, "Identity") ||
           (mlpi_node_is_op(node, "Sum") && node->n_input == 1) ||
           (mlpi_node_is_op(node, "Cast") &&
            mlpi_type_is_real(mlpi_node_get_int(node, "to", 0))) ||
           (mlpi_node_is_op(node, "Dropout") && drops_nothing(r, node));
}

/* Only the first output is followed: the second one of a Dropout is its
 * mask. */
const char *mlpi_graph_skip_identities(const mlpi_graph_reader *r,
                                       const char *name)
{
    const onnx_node *node = mlpi_graph_producer(r, name);
    for (size_t i = 0; i < MAX_SKIPPED && node && is_identity(r, node) &&
                       strcmp(node->output[0], name) == 0;
         i++) {
        name = mlpi_node_input(node, 0);
        node = mlpi_graph_producer(r, name);
    }
    return name;
}

/* Gets the constant of a Constant node. Such a node has a single attribute: a
 * tensor, a number, or a list of numbers. Its other forms, strings and sparse
 * tensors, are no numbers of a layer and are refused. */
static mlp_status read_constant_node(const mlpi_graph_reader *r,
                                     const onnx_node *node, mlpi_constant *c)
{
    const onnx_attribute *a = node->n_attribute > 0 ? node->attribute[0] : NULL;
    const char *name = a && a->name ? a->name : "";
    if (strcmp(name, "value") == 0 && a->t) {
        return mlpi_constant_from_tensor(r->arena, r->path, a->t, c);
    }
    if (strcmp(name, "value_float") == 0) {
        *c = mlpi_constant_from_floats(1, &a->f);
        c->rank = 0;
        return MLP_OK;
    }
    if (strcmp(name, "value_int") == 0) {
        *c = mlpi_constant_from_ints(1, &a->i);
        c->rank = 0;
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

/* Where a constant comes from. */
typedef struct origin {
    const char *name; /* of an initializer or the output of a Constant node */
    bool transposed;
    size_t n_casts; /* Cast nodes on the way, that nearest to the use first */
    int32_t casts[MLPI_MAX_CASTS];
} origin;

/* Walks from a value back to the initializer or Constant node that it comes
 * from. Returns false if the value is not a constant.
 *
 * A Transpose of a matrix has no perm, or the perm (1, 0). A Dropout is not
 * followed, for nobody drops constants. MAX_HOPS bounds the time, since the
 * walk is repeated for each use of a constant. */
static bool find_constant(const mlpi_graph_reader *r, const char *name,
                          origin *o)
{
    *o = (origin){.name = name};
    for (size_t hop = 0; hop < MAX_HOPS; hop++) {
        const onnx_node *node = mlpi_graph_producer(r, o->name);
        if (!node) {
            return mlpi_graph_initializer(r, o->name) != NULL;
        }
        if (mlpi_node_is_op(node, "Constant")) {
            return true;
        }
        if (mlpi_node_is_op(node, "Transpose")) {
            const onnx_attribute *perm = mlpi_node_attribute(node, "perm");
            if (perm && (perm->n_ints != 2 || perm->ints[0] != 1)) {
                return false;
            }
            o->transposed = !o->transposed;
        } else if (mlpi_node_is_op(node, "Cast") && is_identity(r, node) &&
                   o->n_casts < MLPI_MAX_CASTS) {
            o->casts[o->n_casts++] = (int32_t)mlpi_node_get_int(node, "to", 0);
        } else if (!mlpi_node_is_op(node, "Identity")) {
            return false;
        }
        o->name = mlpi_node_input(node, 0);
    }
    return false;
}

bool mlpi_graph_is_constant(const mlpi_graph_reader *r, const char *name)
{
    origin o;
    return find_constant(r, name, &o);
}

/* A transposition exchanges rows and columns, and mlpi_constant_at exchanges
 * the indices; the numbers themselves stay where they are. Only a matrix is
 * transposed so: a constant of one dimension is its own transpose, and one of
 * more dimensions would get them in reverse order. */
mlp_status mlpi_graph_get_constant(const mlpi_graph_reader *r, const char *name,
                                   mlpi_constant *c)
{
    origin o;
    if (!find_constant(r, name, &o)) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "value %.64s: expects a constant", name);
    }
    onnx_tensor *tensor = mlpi_graph_initializer(r, o.name);
    const onnx_node *node = mlpi_graph_producer(r, o.name);
    TRY(tensor ? mlpi_constant_from_tensor(r->arena, r->path, tensor, c)
               : read_constant_node(r, node, c));
    for (; c->n_casts < o.n_casts; c->n_casts++) {
        c->casts[c->n_casts] = o.casts[o.n_casts - 1 - c->n_casts];
    }
    if (o.transposed && c->rank > 2) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "value %.64s: expects a transpose of two dimensions",
                          name);
    }
    if (o.transposed && c->rank == 2) {
        size_t rows = c->rows;
        c->rows = c->dims[0] = c->cols;
        c->cols = c->dims[1] = rows;
        c->transposed = true;
    }
    return MLP_OK;
}

/* After a failure the answer is always no, so that it is logged once. */
bool mlpi_graph_try_constant(const mlpi_graph_reader *r, const char *name,
                             mlpi_constant *c)
{
    if (r->arena->status != MLP_OK || !mlpi_graph_is_constant(r, name)) {
        return false;
    }
    r->arena->status = mlpi_graph_get_constant(r, name, c);
    return r->arena->status == MLP_OK;
}

bool mlpi_graph_get_number(const mlpi_graph_reader *r, const char *name,
                           double *x)
{
    mlpi_constant c = {.type = 0};
    if (!mlpi_graph_try_constant(r, name, &c) || !mlpi_constant_is_real(&c) ||
        mlpi_constant_count(&c) != 1 || c.rank > 2) {
        return false;
    }
    *x = mlpi_constant_broadcast(&c, 0);
    return true;
}

/* The tolerance allows for a number that was stored as a float. */
bool mlpi_graph_is_number(const mlpi_graph_reader *r, const char *name,
                          double number)
{
    double x = 0;
    return mlpi_graph_get_number(r, name, &x) &&
           fabs(x - number) <= 1e-6 * number;
}

/* ---------------------------------------------------------------------------
 * The output of the network
 *
 * Each graph output is followed past the nodes that change nothing and past a
 * ZipMap. Those that are left out are labels: values whose type in the file is
 * not one of real numbers. If several are left, and the caller has named none,
 * the choice is clear in one case only: the graph gives both a value and its
 * softmax or sigmoid. Then the latter has the probabilities, and the last
 * activation of the network.
 */

/* Returns true unless the file says that a value is not a tensor of real
 * numbers. */
static bool may_be_real(const onnx_value *value)
{
    const onnx_type *type = value->type;
    if (!type) {
        return true;
    }
    if (type->value_case != MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        return false;
    }
    return !type->tensor_type->has_elem_type ||
           mlpi_type_is_real(type->tensor_type->elem_type);
}

/* Follows a graph output to the value that the network computes. Returns false
 * if it is a label or has no node. */
static bool follow(const mlpi_graph_reader *r, const onnx_value *declared,
                   mlpi_graph_output *output)
{
    const char *name =
        mlpi_graph_skip_identities(r, declared->name ? declared->name : "");
    const onnx_node *node = mlpi_graph_producer(r, name);
    bool is_zip_map = node && mlpi_node_is_ml_op(node, "ZipMap");
    *output = (mlpi_graph_output){.value = name};
    if (is_zip_map) {
        output->zip_map = node;
        output->value = mlpi_graph_skip_identities(r, mlpi_node_input(node, 0));
    }
    return is_zip_map || (node && may_be_real(declared));
}

/* The room for a list of names in a message. */
enum { LIST_ROOM = 128 };

/* Lists the names of the outputs that can be chosen, as many as there is room
 * for. */
static void list_outputs(const mlpi_graph_reader *r, char list[LIST_ROOM])
{
    mlpi_graph_output output;
    size_t used = 0;
    list[0] = '\0';
    for (size_t i = 0; i < r->graph->n_output; i++) {
        const char *name = r->graph->output[i]->name;
        size_t n = name ? strlen(name) : 0;
        if (n == 0 || !follow(r, r->graph->output[i], &output)) {
            continue;
        }
        if (n + sizeof ", , ..." > LIST_ROOM - used) {
            memcpy(list + used, ", ...", sizeof ", ...");
            return;
        }
        memcpy(list + used, ", ", used > 0 ? 2 : 0);
        used += used > 0 ? 2 : 0;
        memcpy(list + used, name, n + 1);
        used += n;
    }
}

/* Finds the output that the caller has named. */
static mlp_status find_named(const mlpi_graph_reader *r, const char *name,
                             mlpi_graph_output *output)
{
    const onnx_graph *g = r->graph;
    for (size_t i = 0; i < g->n_output; i++) {
        if (g->output[i]->name && strcmp(g->output[i]->name, name) == 0) {
            (void)follow(r, g->output[i], output);
            return r->arena->status;
        }
    }
    char list[LIST_ROOM];
    list_outputs(r, list);
    return mlpi_error(&r->arena->hooks, MLP_ERR_ARGUMENT,
                      "output %.64s: expects the name of an output of the "
                      "graph, which are: %s",
                      name, list);
}

/* Returns true if `later` is the softmax or the sigmoid of `earlier`. */
static bool is_probability_of(const mlpi_graph_reader *r, const char *later,
                              const char *earlier)
{
    const onnx_node *node = mlpi_graph_producer(r, later);
    return node &&
           (mlpi_node_is_op(node, "Softmax") ||
            mlpi_node_is_op(node, "Sigmoid")) &&
           strcmp(mlpi_graph_skip_identities(r, mlpi_node_input(node, 0)),
                  earlier) == 0;
}

/* Reports that the caller must choose. */
static mlp_status refuse_several(const mlpi_graph_reader *r)
{
    char list[LIST_ROOM];
    list_outputs(r, list);
    return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                      "expects one output of numbers, or the name of one in "
                      "mlp_onnx_options, got: %s",
                      list);
}

/* Finds the only output of real numbers, or the one that is clear. */
static mlp_status find_only(const mlpi_graph_reader *r,
                            mlpi_graph_output *output)
{
    const onnx_graph *g = r->graph;
    const onnx_node *label = NULL;
    output->value = NULL;
    for (size_t i = 0; i < g->n_output; i++) {
        mlpi_graph_output next;
        bool is_real = follow(r, g->output[i], &next);
        TRY(r->arena->status);
        if (!is_real) {
            const onnx_node *node = mlpi_graph_producer(r, next.value);
            label = node ? node : label;
        } else if (!output->value ||
                   is_probability_of(r, next.value, output->value)) {
            *output = next;
        } else if (strcmp(output->value, next.value) != 0 &&
                   !is_probability_of(r, output->value, next.value)) {
            return refuse_several(r);
        } else if (next.zip_map) {
            output->zip_map = next.zip_map;
        }
    }
    if (!output->value && label) {
        return mlpi_graph_unsupported(r, label, "expects an output of numbers");
    }
    return output->value ? MLP_OK
                         : mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                                      "expects an output of numbers, got none");
}

/* Skips Concat(1 - p, p), by which scikit-learn's converter gives a binary
 * classifier two columns. */
static void skip_complement(const mlpi_graph_reader *r,
                            mlpi_graph_output *output)
{
    const onnx_node *concat = mlpi_graph_producer(r, output->value);
    if (!concat || !mlpi_node_is_op(concat, "Concat") || concat->n_input != 2) {
        return;
    }
    const char *p = mlpi_graph_skip_identities(r, concat->input[1]);
    const onnx_node *complement =
        mlpi_graph_producer(r, mlpi_graph_skip_identities(r, concat->input[0]));
    int64_t axis = mlpi_node_get_int(concat, "axis", 1);
    if ((axis == 1 || axis == -1) && complement &&
        mlpi_node_is_op(complement, "Sub") && complement->n_input == 2 &&
        mlpi_graph_is_number(r, complement->input[0], 1) &&
        strcmp(mlpi_graph_skip_identities(r, complement->input[1]), p) == 0) {
        output->value = p;
        output->complement = concat;
    }
}

mlp_status mlpi_graph_find_output(const mlpi_graph_reader *r, const char *name,
                                  mlpi_graph_output *output)
{
    if (r->graph->n_output > MLPI_MAX_OUTPUTS) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects at most %d outputs, got %zu",
                          MLPI_MAX_OUTPUTS, r->graph->n_output);
    }
    TRY(name ? find_named(r, name, output) : find_only(r, output));
    skip_complement(r, output);
    return MLP_OK;
}
