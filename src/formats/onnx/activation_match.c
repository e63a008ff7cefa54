/* SPDX-License-Identifier: MIT */
/*
 * How activations that are products are recognised.
 *
 * expand_product follows Mul, Div by a number and Pow to 2 or 3 from the last
 * node backwards. The result is a coefficient and at most three other factors:
 *
 *     1/2 z (1 + erf(z / sqrt(2)))  ->  0.5       [z, 1 + erf(...)]
 *     z sigmoid(z)                  ->  1         [z, sigmoid(z)]
 *     0.044715 z^3                  ->  0.044715  [z, z, z]
 *
 * An activation is a product of two factors: z, and a multiplier that depends
 * on z. match_product tries both orders. The arguments of erf and tanh are
 * expanded in the same manner. So it does not matter whether a file has a Div
 * by sqrt(2) or a Mul by 0.7071, and whether it has two products or a Pow to 3.
 * Numbers must agree within 1e-6 of their size, since most files have them as
 * floats.
 *
 * A product that is no activation is left to the caller, which refuses its node
 * by name. A gate such as z tanh(y) with another value y is never mistaken for
 * an activation, because every function below compares the names of values.
 */
#include "formats/onnx/activation_match.h"

#include <string.h>

#include "base/error.h"

/* The limits of a product. 0.044715 z z z, the longest one, has three
 * factors beside its coefficient, and seven values with its intermediate
 * products. Without MAX_VISITS, a hostile chain of products could take a time
 * exponential in its length. */
enum { MAX_FACTORS = 3, MAX_VISITS = 16 };

/* Since this opset, the default axis of Softmax is the last one. */
enum { SOFTMAX_LAST_AXIS_OPSET = 13 };

/* The formulas of gelu and gelu_tanh contain these constants. */
#define SQRT_2 1.4142135623730951
#define SQRT_2_OVER_PI 0.7978845608028654
#define GELU_TANH_CUBIC 0.044715

/* The product coefficient * factor[0] * ... * factor[count - 1]. */
typedef struct product {
    double coefficient;
    const char *factor[MAX_FACTORS]; /* names of values that are no numbers */
    size_t count;                    /* of the factors */
    size_t visits;                   /* values that were expanded so far */
} product;

/* Returns true if the node has this operator and two inputs. */
static bool is_binary(const onnx_node *node, const char *op)
{
    return node && mlpi_node_is_op(node, op) && node->n_input == 2;
}

/* Multiplies the product by the value `name`. Returns false if the limits are
 * reached: then the value is no activation. */
static bool expand_product(const mlpi_graph_reader *r, const char *name,
                           product *p)
{
    double x = 0;
    name = mlpi_graph_skip_identities(r, name);
    const onnx_node *node = mlpi_graph_producer(r, name);
    if (++p->visits > MAX_VISITS) {
        return false;
    }
    if (mlpi_graph_get_number(r, name, &x)) {
        p->coefficient *= x;
        return true;
    }
    if (is_binary(node, "Mul")) {
        return expand_product(r, node->input[0], p) &&
               expand_product(r, node->input[1], p);
    }
    if (is_binary(node, "Div") &&
        mlpi_graph_get_number(r, node->input[1], &x)) {
        p->coefficient /= x;
        return expand_product(r, node->input[0], p);
    }
    if (is_binary(node, "Pow")) {
        /* Other exponents occur in no activation. */
        bool is_cube = mlpi_graph_is_number(r, node->input[1], 3);
        bool good = is_cube || mlpi_graph_is_number(r, node->input[1], 2);
        for (size_t i = 0; good && i < (is_cube ? 3 : 2); i++) {
            good = expand_product(r, node->input[0], p);
        }
        return good;
    }
    if (p->count == MAX_FACTORS) {
        return false;
    }
    p->factor[p->count++] = name;
    return true;
}

/* Returns true if x is `expected`, which is above 0, within 1e-6 of it. */
static bool is_near(double x, double expected)
{
    double difference = x > expected ? x - expected : expected - x;
    return difference <= 1e-6 * expected;
}

/* Returns true if the value is coefficient z^power: expanded, it has z as a
 * factor `power` times and no other factor. */
static bool is_power(const mlpi_graph_reader *r, const char *name,
                     double coefficient, const char *z, size_t power)
{
    product p = {.coefficient = 1};
    if (!expand_product(r, name, &p) || p.count != power ||
        !is_near(p.coefficient, coefficient)) {
        return false;
    }
    for (size_t i = 0; i < power; i++) {
        if (strcmp(p.factor[i], z) != 0) {
            return false;
        }
    }
    return true;
}

/* Returns true if the value is the argument of tanh in gelu_tanh. Files have it
 * in two forms:
 *
 *     sqrt(2 / pi) (z + 0.044715 z^3)       one factor: a sum with z
 *     sqrt(2 / pi) z (1 + 0.044715 z^2)     two factors: z and a sum with 1
 */
static bool is_gelu_cubic(const mlpi_graph_reader *r, const char *name,
                          const char *z)
{
    product p = {.coefficient = 1};
    if (!expand_product(r, name, &p) ||
        !is_near(p.coefficient, SQRT_2_OVER_PI) || p.count < 1 || p.count > 2) {
        return false;
    }
    /* The factor that is not z must be the sum. */
    bool is_factored = p.count == 2;
    bool z_is_first = is_factored && strcmp(p.factor[0], z) == 0;
    const char *other = is_factored ? p.factor[z_is_first ? 0 : 1] : z;
    const onnx_node *sum = mlpi_graph_producer(r, p.factor[z_is_first ? 1 : 0]);
    if (strcmp(other, z) != 0 || !is_binary(sum, "Add")) {
        return false;
    }
    /* The two terms of the sum may have either order. */
    for (size_t i = 0; i < 2; i++) {
        const char *term = mlpi_graph_skip_identities(r, sum->input[i]);
        bool is_first_term = is_factored ? mlpi_graph_is_number(r, term, 1)
                                         : strcmp(term, z) == 0;
        if (is_first_term && is_power(r, sum->input[1 - i], GELU_TANH_CUBIC, z,
                                      is_factored ? 2 : 3)) {
            return true;
        }
    }
    return false;
}

/* If the value is 1 + op(y) or op(y) + 1, returns the name of y, else NULL.
 * This is the multiplier of gelu with Erf, and that of gelu_tanh with Tanh. */
static const char *argument_of_one_plus(const mlpi_graph_reader *r,
                                        const char *name, const char *op)
{
    const onnx_node *sum = mlpi_graph_producer(r, name);
    for (size_t i = 0; is_binary(sum, "Add") && i < 2; i++) {
        const char *term = mlpi_graph_skip_identities(r, sum->input[i]);
        const onnx_node *node = mlpi_graph_producer(r, term);
        if (node && mlpi_node_is_op(node, op) &&
            mlpi_graph_is_number(r, sum->input[1 - i], 1)) {
            return mlpi_node_input(node, 0);
        }
    }
    return NULL;
}

/* Returns true if z times the value `name` is an activation, and sets it. The
 * library's gelu contains the 1/2 that expand_product counts as a coefficient,
 * so the factor of the match is twice that coefficient. */
static bool match_multiplier(const mlpi_graph_reader *r, const char *z,
                             const char *name, mlpi_activation_match *match)
{
    const onnx_node *node = mlpi_graph_producer(r, name);
    const char *erf = argument_of_one_plus(r, name, "Erf");
    const char *tanh = argument_of_one_plus(r, name, "Tanh");
    if (node && mlpi_node_is_op(node, "Sigmoid") &&
        strcmp(mlpi_graph_skip_identities(r, mlpi_node_input(node, 0)), z) ==
            0) {
        match->activation = MLP_ACT_SILU;
        return true;
    }
    if (erf && is_power(r, erf, 1 / SQRT_2, z, 1)) {
        match->activation = MLP_ACT_GELU;
        match->factor *= 2;
        return true;
    }
    if (tanh && is_gelu_cubic(r, tanh, z)) {
        match->activation = MLP_ACT_GELU_TANH;
        match->factor *= 2;
        return true;
    }
    return false;
}

/* Finds an activation that is a product, whatever the order of its factors. If
 * there is none, match->found stays false. */
static void match_product(const mlpi_graph_reader *r, const onnx_node *node,
                          mlpi_activation_match *match)
{
    product p = {.coefficient = 1};
    if (!expand_product(r, node->output[0], &p) || p.count != 2) {
        return;
    }
    for (size_t i = 0; i < 2 && !match->found; i++) {
        match->factor = p.coefficient;
        match->input = p.factor[i];
        match->found = match_multiplier(r, p.factor[i], p.factor[1 - i], match);
    }
}

/* Values are matrices (N, n), so axis 1 is the last one, which is also -1.
 * Before opset 13, Softmax normalised over all axes from `axis` on, which is
 * the same for a matrix. */
static mlp_status match_softmax(const mlpi_graph_reader *r,
                                const onnx_node *node,
                                mlpi_activation_match *match)
{
    int64_t axis = mlpi_node_get_int(
        node, "axis", r->opset < SOFTMAX_LAST_AXIS_OPSET ? 1 : -1);
    if (axis != 1 && axis != -1) {
        return mlpi_graph_unsupported(r, node, "expects axis 1");
    }
    match->found = true;
    match->activation = MLP_ACT_SOFTMAX;
    return MLP_OK;
}

/* The activations that are one operator, and the default of its attribute
 * alpha, which is the slope; 0 if it has none. */
static const struct {
    const char *op;
    mlp_activation activation;
    double slope;
} operators[] = {
    {"Relu", MLP_ACT_RELU, 0},
    {"Sigmoid", MLP_ACT_SIGMOID, 0},
    {"Tanh", MLP_ACT_TANH, 0},
    {"Softplus", MLP_ACT_SOFTPLUS, 0},
    {"LeakyRelu", MLP_ACT_LEAKY_RELU, 0.01},
    {"Elu", MLP_ACT_ELU, 1},
};

/* LogSoftmax counts as softmax here. layer_chain.c accepts it only as the last
 * node of a graph, and there the network gives p where the graph gives
 * log p. */
mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *match)
{
    *match =
        (mlpi_activation_match){.factor = 1, .input = mlpi_node_input(node, 0)};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (mlpi_node_is_op(node, operators[i].op)) {
            match->found = true;
            match->activation = operators[i].activation;
            match->slope =
                operators[i].slope != 0
                    ? mlpi_node_get_float(node, "alpha", operators[i].slope)
                    : 0;
            return MLP_OK;
        }
    }
    if (mlpi_node_is_op(node, "Softmax") ||
        mlpi_node_is_op(node, "LogSoftmax")) {
        return match_softmax(r, node, match);
    }
    if (mlpi_node_is_op(node, "Gelu")) {
        const onnx_attribute *mode = mlpi_node_attribute(node, "approximate");
        bool is_tanh =
            mode && mode->s.len == 4 && memcmp(mode->s.data, "tanh", 4) == 0;
        match->found = true;
        match->activation = is_tanh ? MLP_ACT_GELU_TANH : MLP_ACT_GELU;
    } else if (mlpi_node_is_op(node, "Mul")) {
        match_product(r, node, match);
    }
    return MLP_OK;
}
