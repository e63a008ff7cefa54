/* SPDX-License-Identifier: MIT */
#include "formats/onnx/layer_chain.h"

#include <math.h>
#include <string.h>

#include "formats/onnx/activation_match.h"
#include "base/error.h"

enum {
    MOST_OUTPUTS = 16, /* each of which is followed some way */
    NORM_OF_MODE = 14  /* before, batch norm trained if it gave moments, too */
};

/* Where one is on the way from output to input. */
typedef struct walk {
    const mlpi_graph_reader *r;
    mlpi_layer_chain *chain;
    const char *value;
    size_t width; /* of the value; 0: not known yet */
    mlpi_affine_operation step[MLPI_MAX_AFFINE];
    size_t steps;               /* found since the last activation or layer */
    mlpi_activation_match gate; /* found since the last layer, if any */
    bool flat;                  /* since then the value was made flat */
} walk;

static mlp_status refuse(const walk *w, const onnx_node *node, const char *why)
{
    return mlpi_graph_unsupported(w->r, node, why);
}

/* The value has this width, says a node. */
static mlp_status agree(walk *w, const onnx_node *node, size_t width)
{
    if (w->width != 0 && w->width != width) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_SHAPE,
                          "node %.64s: expects %zu columns, got %zu",
                          node->name ? node->name : "without a name", w->width,
                          width);
    }
    w->width = width;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Maps
 */

void mlpi_affine_at(const mlpi_affine *map, size_t j, double *s, double *t)
{
    *s = 1;
    *t = 0;
    for (size_t i = 0; i < map->n; i++) {
        const mlpi_affine_operation *step = &map->step[i];
        double c = step->kind == MLPI_AFFINE_FACTOR
                       ? step->number
                       : mlpi_constant_broadcast(&step->c[0], j);
        switch (step->kind) {
        case MLPI_AFFINE_ADD:
            *t += *s * c;
            break;
        case MLPI_AFFINE_SUB:
            *t -= *s * c;
            break;
        case MLPI_AFFINE_SUB_FROM:
            *t += *s * c;
            *s = -*s;
            break;
        case MLPI_AFFINE_MUL:
        case MLPI_AFFINE_FACTOR:
            *s *= c;
            break;
        case MLPI_AFFINE_DIV:
            *s /= c;
            break;
        case MLPI_AFFINE_NORM:
            c /= sqrt(mlpi_constant_broadcast(&step->c[3], j) + step->number);
            *t += *s * (mlpi_constant_broadcast(&step->c[1], j) -
                        c * mlpi_constant_broadcast(&step->c[2], j));
            *s *= c;
            break;
        }
    }
}

/* The steps so far become a map of their own. */
static mlp_status close_map(walk *w, mlpi_affine *map)
{
    map->n = w->steps;
    map->step = mlpi_arena_allocate(w->r->arena, w->steps, sizeof *map->step);
    TRY(w->r->arena->status);
    if (w->steps > 0) {
        memcpy(map->step, w->step, w->steps * sizeof *map->step);
    }
    w->steps = 0;
    return MLP_OK;
}

/* A constant of one row, for the step's columns. */
static mlp_status check_columns(walk *w, const onnx_node *node,
                                const mlpi_constant *c)
{
    size_t n = mlpi_constant_count(c);
    if (!mlpi_constant_is_real(c) || c->rows != 1 || (w->flat && n != 1)) {
        return refuse(w, node, "expects a number, or one for each column");
    }
    return n == 1 ? MLP_OK : agree(w, node, n);
}

static mlp_status add_step(walk *w, mlpi_affine_operation step,
                           const char *value)
{
    if (w->steps == MLPI_MAX_AFFINE) {
        return refuse(w, step.node, "follows too many of its kind");
    }
    w->step[w->steps++] = step;
    w->value = value;
    return MLP_OK;
}

static mlp_status add_norm(walk *w, const onnx_node *node)
{
    mlpi_affine_operation step = {
        .kind = MLPI_AFFINE_NORM,
        .number = mlpi_node_get_float(node, "epsilon", 1e-5),
        .node = node};
    if (mlpi_node_get_int(node, "training_mode", 0) != 0 ||
        (w->r->opset < NORM_OF_MODE && node->n_output > 1)) {
        return refuse(w, node, "is for training");
    }
    for (size_t i = 0; i < 4; i++) {
        TRY(mlpi_graph_get_constant(w->r, mlpi_node_input(node, i + 1),
                                    &step.c[i]));
        TRY(check_columns(w, node, &step.c[i]));
    }
    return add_step(w, step, mlpi_node_input(node, 0));
}

/* (x - offset) scale */
static mlp_status add_scaler(walk *w, const onnx_node *node)
{
    const onnx_attribute *offset = mlpi_node_attribute(node, "offset");
    const onnx_attribute *scale = mlpi_node_attribute(node, "scale");
    mlpi_affine_operation mul = {.kind = MLPI_AFFINE_MUL, .node = node};
    mlpi_affine_operation sub = {.kind = MLPI_AFFINE_SUB, .node = node};
    if (!offset || !scale || offset->n_floats == 0 || scale->n_floats == 0) {
        return refuse(w, node, "expects offset and scale");
    }
    mul.c[0] = mlpi_constant_from_floats(scale->n_floats, scale->floats);
    sub.c[0] = mlpi_constant_from_floats(offset->n_floats, offset->floats);
    TRY(check_columns(w, node, &mul.c[0]));
    TRY(check_columns(w, node, &sub.c[0]));
    TRY(add_step(w, mul, w->value));
    return add_step(w, sub, mlpi_node_input(node, 0));
}

static const struct {
    const char *op;
    mlpi_affine_kind left, right; /* with the constant as the second, first */
} maps[] = {{"Add", MLPI_AFFINE_ADD, MLPI_AFFINE_ADD},
            {"Sub", MLPI_AFFINE_SUB, MLPI_AFFINE_SUB_FROM},
            {"Mul", MLPI_AFFINE_MUL, MLPI_AFFINE_MUL},
            {"Div", MLPI_AFFINE_DIV, MLPI_AFFINE_DIV}};

/* A step of a map, if the node is one. */
static mlp_status take_map(walk *w, const onnx_node *node, bool *taken)
{
    *taken = true;
    if (mlpi_node_is_op(node, "BatchNormalization")) {
        return add_norm(w, node);
    }
    if (mlpi_node_is_ml_op(node, "Scaler")) {
        return add_scaler(w, node);
    }
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        if (!mlpi_node_is_op(node, maps[i].op) || node->n_input != 2) {
            continue;
        }
        size_t c = mlpi_graph_is_constant(w->r, node->input[1]) ? 1 : 0;
        mlpi_affine_operation step = {
            .kind = c == 1 ? maps[i].left : maps[i].right, .node = node};
        if (!mlpi_graph_is_constant(w->r, node->input[c]) ||
            (c == 0 && step.kind == MLPI_AFFINE_DIV)) {
            break;
        }
        TRY(mlpi_graph_get_constant(w->r, node->input[c], &step.c[0]));
        TRY(check_columns(w, node, &step.c[0]));
        return add_step(w, step, node->input[1 - c]);
    }
    *taken = false;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Layers
 */

static mlp_status read_gemm(walk *w, const onnx_node *node, mlpi_dense *d)
{
    const char *C = mlpi_node_input(node, 2);
    d->alpha = mlpi_node_get_float(node, "alpha", 1);
    d->beta = mlpi_node_get_float(node, "beta", 1);
    if (mlpi_node_get_int(node, "transA", 0) != 0) {
        return refuse(w, node, "expects transA = 0");
    }
    if (d->W.rank == 2 && mlpi_node_get_int(node, "transB", 0) != 0) {
        size_t rows = d->W.rows;
        d->W.rows = d->W.cols;
        d->W.cols = rows;
        d->W.transposed = !d->W.transposed;
    }
    d->has_C = *C != '\0';
    if (d->has_C) {
        TRY(mlpi_graph_get_constant(w->r, C, &d->C));
        size_t n = mlpi_constant_count(&d->C);
        if (!mlpi_constant_is_real(&d->C) || d->C.rows != 1 ||
            (n != 1 && n != d->W.cols)) {
            return refuse(w, node, "expects C of one row");
        }
    }
    return MLP_OK;
}

/* A layer, if the node is one. */
static mlp_status take_dense(walk *w, const onnx_node *node, bool *taken)
{
    mlpi_layer_chain *chain = w->chain;
    bool is_gemm = mlpi_node_is_op(node, "Gemm");
    *taken = is_gemm || mlpi_node_is_op(node, "MatMul");
    if (!*taken) {
        return MLP_OK;
    }
    if (node->n_input < 2 || !mlpi_graph_is_constant(w->r, node->input[1])) {
        return refuse(w, node, "expects constants as the second input");
    }
    if (chain->L == MLP_MAX_LAYERS) {
        return refuse(w, node, "is one of too many layers");
    }
    mlpi_dense *d = &chain->dense[chain->L];
    *d = (mlpi_dense){.alpha = 1,
                      .activation = w->gate.activation,
                      .slope = w->gate.slope,
                      .node = node};
    TRY(mlpi_graph_get_constant(w->r, node->input[1], &d->W));
    if (is_gemm) {
        TRY(read_gemm(w, node, d));
    }
    if (d->W.rank != 2 || !mlpi_constant_is_real(&d->W)) {
        return refuse(w, node, "expects weights of two dimensions");
    }
    d->inputs = d->W.rows;
    d->outputs = d->W.cols;
    TRY(agree(w, node, d->outputs));
    TRY(close_map(w, &d->behind));
    chain->L++;
    w->width = d->inputs;
    w->gate.found = false;
    w->gate.activation = MLP_ACT_IDENTITY;
    w->gate.slope = 0;
    w->flat = false;
    w->value = node->input[0];
    return MLP_OK;
}

/* The map that is found goes before the layer behind it. */
static mlp_status end_map(walk *w)
{
    size_t L = w->chain->L;
    return close_map(w, L > 0 ? &w->chain->dense[L - 1].before
                              : &w->chain->output);
}

/* The number that the last step multiplies by, and the step is no more. */
static double pop_factor(walk *w)
{
    const mlpi_affine_operation *step =
        w->steps > 0 ? &w->step[w->steps - 1] : NULL;
    if (!step || step->kind != MLPI_AFFINE_MUL ||
        mlpi_constant_count(&step->c[0]) != 1) {
        return 1;
    }
    w->steps--;
    return mlpi_constant_broadcast(&step->c[0], 0);
}

static mlp_status take_gate(walk *w, const onnx_node *node, bool *taken)
{
    mlpi_activation_match gate;
    TRY(mlpi_match_activation(w->r, node, &gate));
    *taken = gate.found;
    if (!gate.found) {
        return MLP_OK;
    }
    if (w->gate.found) {
        return refuse(w, node, "stands before another activation");
    }
    if (mlpi_node_is_op(node, "LogSoftmax") &&
        (w->chain->L > 0 || w->steps > 0)) {
        return refuse(w, node, "expects nothing behind it");
    }
    double factor = gate.factor * pop_factor(w); /* 2 and 1/2, for gelu */
    if (factor != 1) {
        TRY(add_step(w,
                     (mlpi_affine_operation){.kind = MLPI_AFFINE_FACTOR,
                                             .number = factor,
                                             .node = node},
                     w->value));
    }
    TRY(end_map(w));
    w->gate = gate;
    w->value = gate.input;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Shapes that stay rows
 */

/* The input's dimensions, if the file says them. */
static const onnx_shape *shape_of_input(const walk *w)
{
    const onnx_type *type = w->r->input->type;
    return type && type->value_case == MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
               ? type->tensor_type->shape
               : NULL;
}

/* 0: it is not said, or a name. */
static int64_t dim_of_input(const walk *w, size_t i)
{
    const onnx_shape *shape = shape_of_input(w);
    return shape && i < shape->n_dim &&
                   shape->dim[i]->value_case ==
                       MLPI_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
               ? shape->dim[i]->dim_value
               : 0;
}

/* The only integer of a constant; -2, which no shape has, if it is none. */
static int64_t integer_of(const walk *w, const char *name)
{
    mlpi_constant c = {.type = 0};
    return mlpi_graph_is_constant(w->r, name) &&
                   mlpi_graph_get_constant(w->r, name, &c) == MLP_OK &&
                   !mlpi_constant_is_real(&c) && mlpi_constant_count(&c) == 1
               ? mlpi_constant_int(&c, 0)
               : -2;
}

/* Is it the number of rows of this value, Unsqueeze(Gather(Shape(value), 0))?
 * So PyTorch writes x.size(0). A shape may start elsewhere, since opset 15. */
static bool counts_rows(const walk *w, const char *name, const char *value)
{
    static const char *const kernels[] = {"Unsqueeze", "Gather", "Shape"};
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        const onnx_node *node = mlpi_graph_producer(w->r, name);
        if (!node || !mlpi_node_is_op(node, kernels[i]) ||
            (i == 1 && integer_of(w, mlpi_node_input(node, 1)) != 0) ||
            (i == 2 && mlpi_node_get_int(node, "start", 0) != 0)) {
            return false;
        }
        name = mlpi_node_input(node, 0);
    }
    return strcmp(mlpi_graph_skip_identities(w->r, name),
                  mlpi_graph_skip_identities(w->r, value)) == 0;
}

/* The two numbers of a shape; 0 stands for as many rows as there were. */
static mlp_status find_shape(const walk *w, const onnx_node *node,
                             int64_t shape[2])
{
    mlpi_constant c;
    const char *name = mlpi_node_input(node, 1);
    const onnx_node *parts = mlpi_graph_producer(w->r, name);
    if (parts && mlpi_node_is_op(parts, "Concat") && parts->n_input == 2 &&
        counts_rows(w, parts->input[0], mlpi_node_input(node, 0))) {
        shape[0] = 0;
        shape[1] = integer_of(w, parts->input[1]);
        return MLP_OK;
    }
    if (!mlpi_graph_is_constant(w->r, name)) {
        return refuse(w, node, "expects a constant shape");
    }
    TRY(mlpi_graph_get_constant(w->r, name, &c));
    if (mlpi_constant_is_real(&c) || mlpi_constant_count(&c) != 2) {
        return refuse(w, node, "expects two dimensions");
    }
    shape[0] = mlpi_constant_int(&c, 0);
    shape[1] = mlpi_constant_int(&c, 1);
    bool zero_is_none = mlpi_node_get_int(node, "allowzero", 0) != 0;
    if (shape[0] > 0 && shape[0] == dim_of_input(w, 0)) {
        shape[0] = 0; /* exported for so many rows */
    } else if (shape[0] == 0 && zero_is_none) {
        shape[0] = -2;
    }
    return MLP_OK;
}

/* (N, n): one of both may be -1, which is found out. */
static mlp_status read_reshape(walk *w, const onnx_node *node)
{
    int64_t shape[2] = {0, 0};
    TRY(find_shape(w, node, shape));
    if (shape[0] == 0 && shape[1] == -1) {
        return MLP_OK;
    }
    if ((shape[0] != 0 && shape[0] != -1) || shape[1] < 1 ||
        (uint64_t)shape[1] > SIZE_MAX) {
        return refuse(w, node, "expects rows as they were");
    }
    return agree(w, node, (size_t)shape[1]);
}

/* (N) of a last column, which is (N, 1) here. A softmax of (N) would be one of
 * all rows together. */
static mlp_status read_squeeze(walk *w, const onnx_node *node)
{
    const onnx_attribute *axes = mlpi_node_attribute(node, "axes");
    int64_t axis = axes && axes->n_ints == 1
                       ? axes->ints[0]
                       : integer_of(w, mlpi_node_input(node, 1));
    bool is_row_by_row = w->gate.activation != MLP_ACT_SOFTMAX;
    if (w->chain->L > 0 || w->steps > 0 || !is_row_by_row ||
        (axis != 1 && axis != -1)) {
        return refuse(w, node, "expects to come last, for axis 1");
    }
    return agree(w, node, 1);
}

static mlp_status take_shape(walk *w, const onnx_node *node, bool *taken)
{
    *taken = true;
    if (mlpi_node_is_op(node, "Flatten")) {
        if (mlpi_node_get_int(node, "axis", 1) != 1) {
            return refuse(w, node, "expects axis 1");
        }
    } else if (mlpi_node_is_op(node, "Reshape")) {
        TRY(read_reshape(w, node));
    } else if (mlpi_node_is_op(node, "Squeeze")) {
        TRY(read_squeeze(w, node));
    } else {
        *taken = false;
        return MLP_OK;
    }
    w->flat = true;
    w->value = mlpi_node_input(node, 0);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Both ends
 */

/* 1 - p beside p, as scikit-learn's converter writes two classes. */
static void take_two(walk *w)
{
    const mlpi_graph_reader *r = w->r;
    const char *name = mlpi_graph_skip_identities(r, w->value);
    const onnx_node *both = mlpi_graph_producer(r, name);
    if (!both || !mlpi_node_is_op(both, "Concat") || both->n_input != 2) {
        return;
    }
    const char *p = mlpi_graph_skip_identities(r, both->input[1]);
    const onnx_node *rest =
        mlpi_graph_producer(r, mlpi_graph_skip_identities(r, both->input[0]));
    int64_t axis = mlpi_node_get_int(both, "axis", 1);
    if ((axis == 1 || axis == -1) && rest && mlpi_node_is_op(rest, "Sub") &&
        rest->n_input == 2 && mlpi_graph_is_number(r, rest->input[0], 1) &&
        strcmp(mlpi_graph_skip_identities(r, rest->input[1]), p) == 0) {
        w->value = p;
        w->width = 1;
    }
}

/* Is it floating point, as far as is said? */
static bool may_be_real(const onnx_value *value)
{
    const onnx_type *type = value->type;
    if (!type || type->value_case != MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !type->tensor_type->has_elem_type) {
        return !type ||
               type->value_case == MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    }
    int32_t element = type->tensor_type->elem_type;
    return element == ONNX_FLOAT || element == ONNX_DOUBLE;
}

/* The output that is numbers: labels, which are none, stand beside them. */
static mlp_status find_output(walk *w)
{
    const onnx_graph *g = w->r->graph;
    const onnx_node *label = NULL;
    if (g->n_output > MOST_OUTPUTS) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects one output of numbers, got %zu outputs",
                          g->n_output);
    }
    for (size_t i = 0; i < g->n_output; i++) {
        const onnx_value *value = g->output[i];
        const char *name =
            value->name ? mlpi_graph_skip_identities(w->r, value->name) : "";
        const onnx_node *node = mlpi_graph_producer(w->r, name);
        if (node && mlpi_node_is_ml_op(node, "ZipMap")) {
            w->chain->names = node;
            name = mlpi_graph_skip_identities(w->r, mlpi_node_input(node, 0));
        } else if (!node || !may_be_real(value)) {
            label = node ? node : label;
            continue;
        }
        if (w->value && strcmp(w->value, name) != 0) {
            return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                              "expects one output of numbers, got %.64s and "
                              "%.64s",
                              w->value, name);
        }
        w->value = name;
    }
    if (!w->value && label) {
        return refuse(w, label, "expects an output of numbers");
    }
    if (!w->value) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects an output of numbers, got none");
    }
    return MLP_OK;
}

/* The input's columns, if the file says how many there are. */
static mlp_status check_input(walk *w)
{
    const onnx_shape *shape = shape_of_input(w);
    const onnx_node *first = w->chain->dense[w->chain->L - 1].node;
    uint64_t cols = 1;
    if (!shape) {
        return MLP_OK;
    }
    if (shape->n_dim != 2 && !(w->flat && shape->n_dim > 2)) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "input %.64s: expects rows, (N, %zu), got %zu "
                          "dimensions",
                          w->r->input->name, w->width, shape->n_dim);
    }
    for (size_t i = 1; i < shape->n_dim; i++) {
        int64_t n = dim_of_input(w, i);
        if (n == 0) {
            return MLP_OK;
        }
        cols = n > 0 && n <= MLP_MAX_WIDTH && cols <= MLP_MAX_WIDTH
                   ? cols * (uint64_t)n
                   : 0;
    }
    return agree(w, first, (size_t)cols);
}

static mlp_status take_node(walk *w, const onnx_node *node)
{
    bool taken = false;
    TRY(take_map(w, node, &taken));
    if (!taken) {
        TRY(take_dense(w, node, &taken));
    }
    if (!taken) {
        TRY(take_shape(w, node, &taken));
    }
    if (!taken) {
        TRY(take_gate(w, node, &taken));
    }
    return taken ? MLP_OK : refuse(w, node, NULL);
}

mlp_status mlpi_find_layer_chain(const mlpi_graph_reader *r,
                                 mlpi_layer_chain *chain)
{
    walk w = {.r = r, .chain = chain};
    *chain = (mlpi_layer_chain){.L = 0};
    chain->dense =
        mlpi_arena_allocate(r->arena, MLP_MAX_LAYERS, sizeof *chain->dense);
    TRY(r->arena->status);
    TRY(find_output(&w));
    take_two(&w);
    for (;;) {
        w.value = mlpi_graph_skip_identities(r, w.value);
        const onnx_node *node = mlpi_graph_producer(r, w.value);
        if (!node) {
            break;
        }
        if (strcmp(node->output[0], w.value) != 0) {
            return refuse(&w, node, "only its first output is known");
        }
        TRY(take_node(&w, node));
    }
    if (!mlpi_graph_is_input(r, w.value) || chain->L == 0 || w.gate.found) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects layers between output and input, of which "
                          "Gemm or MatMul is the first");
    }
    TRY(check_input(&w));
    return close_map(&w, &chain->input);
}
