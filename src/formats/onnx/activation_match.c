/* SPDX-License-Identifier: MIT */
#include "formats/onnx/activation_match.h"

#include <string.h>

#include "base/error.h"

enum { FACTORS = 3, STEPS = 16, SOFTMAX_OF_LAST = 13 };

#define SQRT_2 1.4142135623730951
#define SQRT_2_OVER_PI 0.7978845608028654
#define CUBIC 0.044715

/* A product taken apart: numbers, and the values that are none. */
typedef struct product {
    double factor;
    const char *values[FACTORS];
    size_t count, steps;
} product;

/* Both inputs of a node that has two. */
static bool is_pair(const onnx_node *node, const char *op)
{
    return node && mlpi_node_is_op(node, op) && node->n_input == 2;
}

/* False if there are more factors, or steps, than any activation has. */
static bool take_apart(const mlpi_graph_reader *r, const char *name,
                       product *into)
{
    double x = 0;
    name = mlpi_graph_skip_identities(r, name);
    const onnx_node *node = mlpi_graph_producer(r, name);
    if (++into->steps > STEPS) {
        return false;
    }
    if (mlpi_graph_get_number(r, name, &x)) {
        into->factor *= x;
        return true;
    }
    if (is_pair(node, "Mul")) {
        return take_apart(r, node->input[0], into) &&
               take_apart(r, node->input[1], into);
    }
    if (is_pair(node, "Div") && mlpi_graph_get_number(r, node->input[1], &x)) {
        into->factor /= x;
        return take_apart(r, node->input[0], into);
    }
    if (is_pair(node, "Pow")) { /* a whole one, of few factors */
        bool good = mlpi_graph_is_number(r, node->input[1], 3) ||
                    mlpi_graph_is_number(r, node->input[1], 2);
        size_t n = mlpi_graph_is_number(r, node->input[1], 3) ? 3 : 2;
        for (size_t i = 0; good && i < n; i++) {
            good = take_apart(r, node->input[0], into);
        }
        return good;
    }
    if (into->count == FACTORS) {
        return false;
    }
    into->values[into->count++] = name;
    return true;
}

static bool is_near(double x, double expected)
{
    double apart = x > expected ? x - expected : expected - x;
    return apart <= 1e-6 * expected;
}

/* Is it a product of this number and x, `power` times? */
static bool is_power(const mlpi_graph_reader *r, const char *name,
                     double factor, const char *x, size_t power)
{
    product p = {.factor = 1};
    if (!take_apart(r, name, &p) || p.count != power ||
        !is_near(p.factor, factor)) {
        return false;
    }
    for (size_t i = 0; i < power; i++) {
        if (strcmp(p.values[i], x) != 0) {
            return false;
        }
    }
    return true;
}

/* x + 0.044715 x^3, or x (1 + 0.044715 x^2), times sqrt(2 / pi) */
static bool is_cubic(const mlpi_graph_reader *r, const char *name,
                     const char *x)
{
    product p = {.factor = 1};
    if (!take_apart(r, name, &p) || !is_near(p.factor, SQRT_2_OVER_PI) ||
        p.count < 1 || p.count > 2) {
        return false;
    }
    bool is_first = p.count == 2 && strcmp(p.values[0], x) == 0;
    const char *other = p.count == 2 ? p.values[is_first ? 0 : 1] : x;
    const onnx_node *sum = mlpi_graph_producer(r, p.values[is_first ? 1 : 0]);
    if (strcmp(other, x) != 0 || !is_pair(sum, "Add")) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        const char *first = mlpi_graph_skip_identities(r, sum->input[i]);
        bool begins = p.count == 2 ? mlpi_graph_is_number(r, first, 1)
                                   : strcmp(first, x) == 0;
        if (begins &&
            is_power(r, sum->input[1 - i], CUBIC, x, p.count == 2 ? 2 : 3)) {
            return true;
        }
    }
    return false;
}

/* Is it 1 + op(...)? What goes into op. */
static const char *behind_one_plus(const mlpi_graph_reader *r, const char *name,
                                   const char *op)
{
    const onnx_node *sum = mlpi_graph_producer(r, name);
    for (size_t i = 0; is_pair(sum, "Add") && i < 2; i++) {
        const char *part = mlpi_graph_skip_identities(r, sum->input[i]);
        const onnx_node *node = mlpi_graph_producer(r, part);
        if (node && mlpi_node_is_op(node, op) &&
            mlpi_graph_is_number(r, sum->input[1 - i], 1)) {
            return mlpi_node_input(node, 0);
        }
    }
    return NULL;
}

/* Is the value what an activation multiplies x by? */
static bool match_factor(const mlpi_graph_reader *r, const char *x,
                         const char *name, mlpi_activation_match *gate)
{
    const onnx_node *node = mlpi_graph_producer(r, name);
    const char *erf = behind_one_plus(r, name, "Erf");
    const char *tanh = behind_one_plus(r, name, "Tanh");
    if (node && mlpi_node_is_op(node, "Sigmoid") &&
        strcmp(mlpi_graph_skip_identities(r, mlpi_node_input(node, 0)), x) ==
            0) {
        gate->activation = MLP_ACT_SILU;
        return true;
    }
    if (erf && is_power(r, erf, 1 / SQRT_2, x, 1)) {
        gate->activation = MLP_ACT_GELU;
        gate->factor *= 2;
        return true;
    }
    if (tanh && is_cubic(r, tanh, x)) {
        gate->activation = MLP_ACT_GELU_TANH;
        gate->factor *= 2;
        return true;
    }
    return false;
}

static void match_product(const mlpi_graph_reader *r, const onnx_node *node,
                          mlpi_activation_match *gate)
{
    product p = {.factor = 1};
    if (!take_apart(r, node->output[0], &p) || p.count != 2) {
        return;
    }
    for (size_t i = 0; i < 2 && !gate->found; i++) {
        gate->factor = p.factor;
        gate->value = p.values[i];
        gate->found = match_factor(r, p.values[i], p.values[1 - i], gate);
    }
}

/* Rows are of one dimension, so that the last axis is the second of all. */
static mlp_status match_softmax(const mlpi_graph_reader *r,
                                const onnx_node *node,
                                mlpi_activation_match *gate)
{
    int64_t axis =
        mlpi_node_get_int(node, "axis", r->opset < SOFTMAX_OF_LAST ? 1 : -1);
    if (axis != 1 && axis != -1) {
        return mlpi_graph_unsupported(r, node, "expects axis 1");
    }
    gate->found = true;
    gate->activation = MLP_ACT_SOFTMAX;
    return MLP_OK;
}

static const struct {
    const char *op;
    mlp_activation activation;
    double slope; /* by default, where there is one */
} operators[] = {
    {"Relu", MLP_ACT_RELU, 0},
    {"Sigmoid", MLP_ACT_SIGMOID, 0},
    {"Tanh", MLP_ACT_TANH, 0},
    {"Softplus", MLP_ACT_SOFTPLUS, 0},
    {"LeakyRelu", MLP_ACT_LEAKY_RELU, 0.01},
    {"Elu", MLP_ACT_ELU, 1},
};

mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *gate)
{
    *gate =
        (mlpi_activation_match){.factor = 1, .value = mlpi_node_input(node, 0)};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (mlpi_node_is_op(node, operators[i].op)) {
            gate->found = true;
            gate->activation = operators[i].activation;
            gate->slope =
                operators[i].slope != 0
                    ? mlpi_node_get_float(node, "alpha", operators[i].slope)
                    : 0;
            return MLP_OK;
        }
    }
    if (mlpi_node_is_op(node, "Softmax") ||
        mlpi_node_is_op(node, "LogSoftmax")) {
        return match_softmax(r, node, gate);
    }
    if (mlpi_node_is_op(node, "Gelu")) {
        const onnx_attribute *how = mlpi_node_attribute(node, "approximate");
        bool is_tanh =
            how && how->s.len == 4 && memcmp(how->s.data, "tanh", 4) == 0;
        gate->found = true;
        gate->activation = is_tanh ? MLP_ACT_GELU_TANH : MLP_ACT_GELU;
    } else if (mlpi_node_is_op(node, "Mul")) {
        match_product(r, node, gate);
    }
    return MLP_OK;
}
