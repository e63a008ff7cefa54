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
 * on z. z may itself be a product, such as a scaled output of a layer, which
 * must not be expanded then. So match_product tries each value that an
 * expansion meets as z. The arguments of erf and tanh are expanded in the same
 * manner. So it does not matter whether a file has a Div by sqrt(2) or a Mul by
 * 0.7071, and whether it has two products or a Pow to 3. Numbers must agree
 * within 1e-6 of their size, since most files have them as floats.
 *
 * A product that is no activation is left to the caller, which refuses its node
 * by name. A gate such as z tanh(y) with another value y is never mistaken for
 * an activation, because every function below compares the names of values.
 */
#include "formats/onnx/activation_match.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/onnx/operators.h"

/* The limits of a product. 0.044715 z z z, the longest one, has three
 * factors beside its coefficient, and seven values with its intermediate
 * products. Without MAX_VISITS, a hostile chain of products could take a time
 * exponential in its length. */
enum { MAX_FACTORS = 3, MAX_VISITS = 16 };

/* Since this opset, the bounds of Clip are inputs. */
enum { CLIP_INPUTS_OPSET = 11 };

/* The largest bound c of a Clip, Max or Min. From here on, relu(z - c) + c of
 * floats differs from z by up to 1e-5. */
static const double max_bound = 64;

/* The product coefficient * factor[0] * ... * factor[count - 1]. */
typedef struct product {
    double coefficient;
    const char *factor[MAX_FACTORS]; /* names of values that are no numbers */
    size_t count;                    /* of the factors */
    size_t visits;                   /* values that were met so far */
    const char *visited[MAX_VISITS];
    const char *z; /* a value that is not expanded, or NULL */
} product;

/* Returns true if the node has this operator and two inputs. */
static bool is_binary(const onnx_node *node, const char *op)
{
    return node && mlpi_node_is_op(node, op) && node->n_input == 2;
}

/* Multiplies the product by a value that is not expanded. Returns false if it
 * has too many factors. */
static bool add_factor(const char *name, product *p)
{
    if (p->count == MAX_FACTORS) {
        return false;
    }
    p->factor[p->count++] = name;
    return true;
}

/* Multiplies the product by the value `name`. Returns false if the limits are
 * reached: then the value is no activation. */
static bool expand_product(const mlpi_graph_reader *r, const char *name,
                           product *p)
{
    double x = 0;
    name = mlpi_graph_skip_identities(r, name);
    const onnx_node *node = mlpi_graph_producer(r, name);
    if (p->visits == MAX_VISITS) {
        return false;
    }
    p->visited[p->visits++] = name;
    if (p->z && strcmp(name, p->z) == 0) {
        return add_factor(name, p);
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
    return add_factor(name, p);
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
    product p = {.coefficient = 1, .z = z};
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
    product p = {.coefficient = 1, .z = z};
    if (!expand_product(r, name, &p) ||
        !is_near(p.coefficient, MLPI_GELU_SQRT_2_OVER_PI) || p.count < 1 ||
        p.count > 2) {
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
        if (is_first_term && is_power(r, sum->input[1 - i], MLPI_GELU_CUBIC, z,
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
 * so the scale of the match is twice that coefficient. */
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
    if (erf && is_power(r, erf, 1 / MLPI_GELU_SQRT_2, z, 1)) {
        match->activation = MLP_ACT_GELU;
        match->after.scale *= 2;
        return true;
    }
    if (tanh && is_gelu_cubic(r, tanh, z)) {
        match->activation = MLP_ACT_GELU_TANH;
        match->after.scale *= 2;
        return true;
    }
    return false;
}

/* Finds an activation that is a product, whatever the order of its factors. If
 * there is none, match->found stays false. The first expansion only lists the
 * candidates for z; it need not succeed. A further one that does has z as one
 * of its factors, since it comes to z on the same way. */
static void match_product(const mlpi_graph_reader *r, const onnx_node *node,
                          mlpi_activation_match *match)
{
    product all = {.coefficient = 1};
    (void)expand_product(r, node->output[0], &all);
    for (size_t i = 1; i < all.visits && !match->found; i++) {
        const char *z = all.visited[i];
        product p = {.coefficient = 1, .z = z};
        if (expand_product(r, node->output[0], &p) && p.count == 2) {
            bool is_first = strcmp(p.factor[0], z) == 0;
            match->after.scale = p.coefficient;
            match->input = z;
            match->found =
                match_multiplier(r, z, p.factor[is_first ? 1 : 0], match);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Operators
 */

/* Returns true if there is an attribute and it is this text. */
static bool is_text(const onnx_attribute *a, const char *text)
{
    size_t n = strlen(text);
    return a && a->s.len == n && memcmp(a->s.data, text, n) == 0;
}

/* Reads the attributes of an operator of the table. The slope of a PRelu is its
 * second input: one number, or the same number for each column. */
static mlp_status match_operator(const mlpi_graph_reader *r,
                                 const onnx_node *node, const mlpi_operator *op,
                                 mlpi_activation_match *match)
{
    double alpha =
        op->alpha != 0 ? mlpi_node_get_float(node, "alpha", op->alpha) : 0;
    match->found = true;
    match->activation = op->activation;
    match->slope = alpha;
    if (op->gamma != 0) {
        match->after.scale = mlpi_node_get_float(node, "gamma", op->gamma);
    }
    if (strcmp(op->op, "Celu") == 0) {
        match->slope = 1;
        match->before.scale = 1 / alpha;
        match->after.scale = alpha;
        match->found = alpha > 0 && isfinite(alpha);
    } else if (strcmp(op->op, "PRelu") == 0) {
        match->found =
            mlpi_graph_get_number(r, mlpi_node_input(node, 1), &match->slope);
    } else if (strcmp(op->op, "Gelu") == 0) {
        const onnx_attribute *mode = mlpi_node_attribute(node, "approximate");
        bool is_tanh = is_text(mode, "tanh");
        if (mode && !is_tanh && !is_text(mode, "none")) {
            return mlpi_graph_unsupported(
                r, node, "expects the approximation none or tanh");
        }
        match->activation = is_tanh ? MLP_ACT_GELU_TANH : MLP_ACT_GELU;
    }
    match->is_log = strcmp(op->op, "LogSoftmax") == 0;
    match->has_axis = op->has_axis;
    match->axis = mlpi_node_get_int(
        node, "axis", r->opset < MLPI_SOFTMAX_LAST_AXIS_OPSET ? 1 : -1);
    return match->found && match->slope >= 0 && isfinite(match->slope)
               ? MLP_OK
               : mlpi_graph_unsupported(r, node,
                                        "expects one slope of 0 or more");
}

/* Gets a bound of a Clip: an attribute, or since opset 11 the input `i`. A
 * bound that is left out, or at the limit of a float, is infinite. Returns
 * false if it is not known from the file. */
static bool get_bound(const mlpi_graph_reader *r, const onnx_node *node,
                      size_t i, double *bound)
{
    double infinite = i == 1 ? -INFINITY : INFINITY;
    bool is_attribute = r->opset < CLIP_INPUTS_OPSET;
    *bound = infinite;
    if (is_attribute) {
        *bound = mlpi_node_get_float(node, i == 1 ? "min" : "max", infinite);
    } else if (*mlpi_node_input(node, i) != '\0' &&
               !mlpi_graph_get_number(r, node->input[i], bound)) {
        return false;
    }
    if (fabs(*bound) >= (double)FLT_MAX) {
        *bound = *bound > 0 ? (double)INFINITY : -(double)INFINITY;
    }
    return !isnan(*bound);
}

/* Makes the match of a value that is cut below `low` or above `high`: a relu of
 * the distance to the bound. Both bounds together are no activation of the
 * library, nor is a large bound. */
static void match_bounds(double low, double high, mlpi_activation_match *match)
{
    bool is_low = fabs(low) <= max_bound && high == (double)INFINITY;
    bool is_high = fabs(high) <= max_bound && low == -(double)INFINITY;
    match->found = is_low || is_high;
    match->activation = MLP_ACT_RELU;
    match->before =
        is_low ? (mlpi_scale_shift){1, -low} : (mlpi_scale_shift){-1, high};
    match->after =
        is_low ? (mlpi_scale_shift){1, low} : (mlpi_scale_shift){-1, high};
}

/* Recognises Clip, and Max and Min of a value and a number, in any order. */
static void match_clip(const mlpi_graph_reader *r, const onnx_node *node,
                       mlpi_activation_match *match)
{
    double low = 0;
    double high = 0;
    double x = 0;
    bool is_max = is_binary(node, "Max");
    if (mlpi_node_is_op(node, "Clip") && get_bound(r, node, 1, &low) &&
        get_bound(r, node, 2, &high)) {
        match_bounds(low, high, match);
    }
    for (size_t i = 0; !match->found && i < 2; i++) {
        if ((is_max || is_binary(node, "Min")) &&
            mlpi_graph_get_number(r, node->input[i], &x)) {
            match->input = node->input[1 - i];
            match_bounds(is_max ? x : -(double)INFINITY,
                         is_max ? (double)INFINITY : x, match);
        }
    }
}

/* LogSoftmax counts as softmax here. layer_chain.c accepts it only as the last
 * node of a graph, and there the network gives p where the graph gives
 * log p. */
mlp_status mlpi_match_activation(const mlpi_graph_reader *r,
                                 const onnx_node *node,
                                 mlpi_activation_match *match)
{
    *match = (mlpi_activation_match){.activation = MLP_ACT_IDENTITY,
                                     .before = {1, 0},
                                     .after = {1, 0},
                                     .input = mlpi_node_input(node, 0)};
    const mlpi_operator *op =
        node->op_type && mlpi_node_is_op(node, node->op_type)
            ? mlpi_operator_named(node->op_type)
            : NULL;
    if (op) {
        TRY(match_operator(r, node, op, match));
    } else if (mlpi_node_is_op(node, "Mul")) {
        match_product(r, node, match);
    } else {
        match_clip(r, node, match);
    }
    bool has_slope = match->activation == MLP_ACT_LEAKY_RELU ||
                     match->activation == MLP_ACT_ELU;
    if (has_slope && match->slope == 0) {
        match->activation = MLP_ACT_RELU;
    }
    return MLP_OK;
}
