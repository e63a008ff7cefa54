/* SPDX-License-Identifier: MIT */
/*
 * Networks of real numbers in C. For each layer the code holds an array of
 * constants, a call of `dense`, and a loop over its activation:
 *
 *     dense(2, 16, w1, b, a);
 *     for (i = 0; i < 16; i++) {
 *         a[i] = relu_of(a[i]);
 *     }
 *
 * The constants of layer l are w<l>[n[l-1] + 1][n[l]]: for each input its
 * weights to all neurons, then all biases. So neighbours in memory belong to
 * neighbouring outputs, whose sums do not depend on each other: a compiler may
 * compute them side by side without changing the order within a sum.
 *
 * The functions are snippets, of two kinds:
 *
 *     runtime/libm.h        the default. Activations call the C library, which
 *                           is small and fast; outputs are within 1e-6 of this
 *                           library's.
 *     runtime/canonical.h   options->canonical. Activations, and the order of
 *                           sums, are this library's own, so that outputs have
 *                           its bits.
 *
 * Both define the same names, so that the rest of the file does not depend on
 * the choice.
 */
#include "formats/c/export_jacobian.h"

#include "base/error.h"

/* ---------------------------------------------------------------------------
 * Snippets
 */

/* There is a table for each arithmetic and each precision. */
static const mlpi_snippet_table *table_of(const mlpi_export *e)
{
    if (e->net->kernels->dtype == MLP_F32) {
        return e->options->canonical ? &mlpi_snippets_canonical_f32
                                     : &mlpi_snippets_libm_f32;
    }
    return e->options->canonical ? &mlpi_snippets_canonical_f64
                                 : &mlpi_snippets_libm_f64;
}

/* Requires the function of an activation. The identity has none, and softmax is
 * a function of a whole row. */
static void require_activation(mlpi_export *e, mlp_activation f)
{
    if (f == MLP_ACT_SOFTMAX) {
        mlpi_export_require(&e->snippets, "probabilities");
    } else if (f != MLP_ACT_IDENTITY) {
        mlpi_export_require_activation(&e->snippets, f, "_of");
    }
}

/* All parameters become constants; so do the means and deviations of scaled
 * inputs and outputs, and the polynomials of canonical functions. */
static mlp_status prepare(mlpi_export *e)
{
    const mlp_net *net = e->net;
    e->type = net->kernels->dtype == MLP_F32 ? "float" : "double";
    e->size = net->kernels->real_size;
    e->standardises = net->in.scales;
    e->snippets.table = table_of(e);
    mlpi_export_require(&e->snippets, "real");
    mlpi_export_require(&e->snippets, "dense");
    for (size_t l = 1; l <= net->layout.L; l++) {
        require_activation(e, net->layout.layer[l].activation);
    }
    if (net->in.scales) {
        mlpi_export_require(&e->snippets, "standardise");
    }
    if (net->out.scales) {
        mlpi_export_require(&e->snippets, "rescale");
    }
    TRY(mlpi_export_prepare_jacobian(e));
    size_t numbers = net->layout.parameters +
                     mlpi_snippets_constants(&e->snippets) +
                     (net->in.scales ? 2 * net->in.n : 0) +
                     (net->out.scales ? 2 * net->out.n : 0);
    e->report->constant_bytes = numbers * e->size;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Constants
 */

/* Every float is a double, so widening loses nothing. */
static double number_at(const mlp_net *net, const void *reals, size_t i)
{
    double x = 0;
    net->kernels->to_double(1, mlpi_const_at(net->kernels, reals, i), &x);
    return x;
}

/* Writes mean and standard deviation of each column in pairs, so that both are
 * read from one place in memory. */
static void put_scaling(mlpi_writer *to, const mlpi_export *e, const char *name,
                        const mlpi_scaling *scaling)
{
    const mlp_net *net = e->net;
    if (!scaling->scales) {
        return;
    }
    mlpi_list list = mlpi_list_open(to, "\nstatic const %s %s[%zu] FLASH",
                                    e->type, name, 2 * scaling->n);
    for (size_t i = 0; i < scaling->n; i++) {
        mlpi_list_put_real(&list, net->kernels->dtype,
                           number_at(net, scaling->mean, i));
        mlpi_list_put_real(&list, net->kernels->dtype,
                           number_at(net, scaling->std, i));
    }
    mlpi_list_close(&list);
}

/* Adds a row of n parameters to a list, in a line of its own, so that a reader
 * finds it. */
static void put_row(mlpi_list *list, const mlp_net *net, size_t at, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        mlpi_list_put_real(list, net->kernels->dtype,
                           number_at(net, net->parameters, at + j));
    }
    mlpi_list_break(list);
}

/* Writes w<l>. The network stores its weights in the same order. */
static void put_weights(mlpi_writer *to, const mlpi_export *e, size_t l)
{
    const mlpi_layer_layout *layer = &e->net->layout.layer[l];
    size_t inputs = e->net->layout.layer[l - 1].width;
    mlpi_list list = mlpi_list_open(to, "\nstatic const %s w%zu[%zu] FLASH",
                                    e->type, l, (inputs + 1) * layer->width);
    for (size_t k = 0; k < inputs; k++) {
        put_row(&list, e->net, layer->W_offset + k * layer->width,
                layer->width);
    }
    put_row(&list, e->net, layer->b_offset, layer->width);
    mlpi_list_close(&list);
}

/* Constants are marked FLASH, which means something on an AVR alone. */
static void put_constants(mlpi_writer *to, const mlpi_export *e)
{
    put_scaling(to, e, "input_scaling", &e->net->in);
    put_scaling(to, e, "output_scaling", &e->net->out);
    for (size_t l = 1; l <= e->net->layout.L; l++) {
        put_weights(to, e, l);
    }
}

/* ---------------------------------------------------------------------------
 * Code
 */

/* Writes the includes and macros that the snippets expect; REAL_BITS and
 * MLPI_LANES are the parameters of the kernels' templates. Canonical code is
 * refused where a compiler would round otherwise: with -ffast-math, or where
 * intermediate results have more digits than their type. It forbids the
 * compiler to fuse a product and a sum on its own. On an AVR constants stay in
 * flash only if they are marked, and are read by a function. C++ has C's
 * restrict under another name. */
static void put_preamble(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, "\n#include <math.h>\n#include <stddef.h>\n");
    if (e->options->canonical) {
        mlpi_put_text(
            to,
            "#include <float.h>\n#include <stdbool.h>\n#include <stdint.h>\n"
            "#include <string.h>\n\n"
            "#if defined(__FAST_MATH__) || \\\n"
            "    (defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0)\n"
            "#error \"each result must be rounded, to its own type\"\n"
            "#endif\n\n"
            "/* Products and sums are rounded one by one. */\n"
            "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n"
            "#elif defined(__GNUC__)\n"
            "#pragma GCC optimize(\"fp-contract=off\")\n#endif\n\n"
            "#define REAL_BITS %d\n#define MLPI_LANES %d\n",
            (int)(8 * e->net->kernels->real_size), MLPI_LANES);
    }
    mlpi_put_text(to, "\n#ifdef __AVR__\n#include <avr/pgmspace.h>\n"
                      "#define FLASH PROGMEM\n"
                      "#define READ(p) pgm_read_float(p)\n#else\n"
                      "#define FLASH\n#define READ(p) (*(p))\n#endif\n"
                      "\n#if defined(__OPTIMIZE_SIZE__) || defined(__AVR__) || "
                      "defined(__ARM_ARCH_6M__)\n"
                      "#define SMALL_CODE 1\n#else\n#define SMALL_CODE 0\n"
                      "#endif\n"
                      "\n#if defined(__cplusplus) || defined(_MSC_VER)\n"
                      "#define restrict __restrict\n#endif\n");
}

/* Writes the activation of layer l, in place. */
static void put_activation(mlpi_writer *to, const mlpi_export *e, size_t l,
                           const char *array)
{
    const mlpi_layer_layout *layer = &e->net->layout.layer[l];
    if (layer->activation == MLP_ACT_SOFTMAX) { /* needs the whole row */
        mlpi_put_text(to, "    probabilities(%zu, %s);\n", layer->width, array);
    } else if (layer->activation != MLP_ACT_IDENTITY) {
        mlpi_put_text(to, "    for (i = 0; i < %zu; i++) {\n", layer->width);
        mlpi_export_put_activation(to, e, l, "_of", array, array);
        mlpi_put_text(to, "    }\n");
    }
}

/* True if an activation is a loop, which needs a variable: an unused one draws
 * a warning from the user's compiler. */
static bool has_loops(const mlp_net *net)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        mlp_activation f = net->layout.layer[l].activation;
        if (f != MLP_ACT_IDENTITY && f != MLP_ACT_SOFTMAX) {
            return true;
        }
    }
    return false;
}

/* Writes the loops' variable, and the call that standardises inputs into
 * `b`. */
static void begin_predict(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, has_loops(e->net) ? "    size_t i;\n\n" : "\n");
    if (e->standardises) {
        mlpi_put_text(to, "    standardise(%zu, input_scaling, x, b);\n",
                      mlpi_net_inputs(e->net));
    }
}

/* Writes Z = W x + b, then the activation in the same array. */
static void put_layer(mlpi_writer *to, const mlpi_export *e, size_t l,
                      const char *in, const char *out)
{
    const mlpi_layer_layout *layer = e->net->layout.layer;
    mlpi_put_text(to, "    dense(%zu, %zu, w%zu, %s, %s);\n",
                  layer[l - 1].width, layer[l].width, l, in, out);
    put_activation(to, e, l, out);
}

/* Outputs of a network with scaled targets return to the targets' range. */
static void end_predict(mlpi_writer *to, const mlpi_export *e)
{
    if (e->net->out.scales) {
        mlpi_put_text(to, "    rescale(%zu, output_scaling, y);\n",
                      e->net->out.n);
    }
}

/* Neither comparison with 0 holds for a NaN. */
static void put_binary_class(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, "    return *y >= 0 || *y < 0 ? *y >= %s : -1;\n",
                  e->net->kernels->dtype == MLP_F32 ? "0.5f" : "0.5");
}

/* The expected outputs are those that mlp_predict computed. */
static void put_test_row(mlpi_list *list, const mlpi_export *e, size_t i,
                         bool outputs)
{
    mlp_cview rows = mlp_view_const(outputs ? e->A : e->X);
    for (size_t j = 0; j < rows.cols; j++) {
        mlpi_list_put_real(list, rows.dtype, mlp_cview_at(rows, i, j));
    }
}

/* Canonical outputs must be equal. The others may differ by 1e-6, absolutely
 * for small numbers and relatively for large ones. Both forms refuse a NaN. */
static void put_comparison(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, "            %s t = test_y[i * %s_OUTPUTS + j];\n",
                  e->type, e->upper);
    mlpi_put_text(to,
                  e->options->canonical
                      ? "            wrong += !(y[j] <= t && y[j] >= t);\n"
                      : "            double d = (double)y[j] - (double)t;\n"
                        "            double most = 1e-6 * (1 + (double)(t < "
                        "0 ? -t : t));\n"
                        "            wrong += !(d <= most && d >= -most);"
                        "\n");
}

/* The head of the code says how near it is to the library. */
static void put_remarks(mlpi_writer *to, const mlpi_export *e)
{
    if (e->options->canonical) {
        mlpi_put_text(to,
                      " *\n * Canonical arithmetic %d: gives the library's "
                      "bits, wherever fma rounds once.\n",
                      MLP_NUMERICS);
    } else {
        mlpi_put_text(to, " *\n * Gives the library's numbers within 1e-6.\n");
    }
}

const mlpi_export_kind mlpi_export_real = {
    .scratch_unit = "numbers",
    .index_type = "size_t",
    .libraries = " -lm",
    .class_remark = "; -1 if one is a NaN",
    .prepare = prepare,
    .put_remarks = put_remarks,
    .put_header_constants = mlpi_export_put_jacobian_size,
    .put_header_functions = mlpi_export_put_jacobian_prototype,
    .put_preamble = put_preamble,
    .put_constants = put_constants,
    .begin_predict = begin_predict,
    .put_layer = put_layer,
    .end_predict = end_predict,
    .put_binary_class = put_binary_class,
    .put_functions = mlpi_export_put_jacobian,
    .put_test_row = put_test_row,
    .put_comparison = put_comparison,
    .put_test_functions = mlpi_export_put_jacobian_test,
};
