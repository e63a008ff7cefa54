/* SPDX-License-Identifier: MIT */
/*
 * Networks of real numbers in C: for each layer an array of constants and a
 * line that calls `dense`, then a loop of its activation.
 *
 * Outputs of hidden layers lie in two arrays of the caller's scratch by turns,
 * `a` of layers 1, 3, ... and `b` of layers 2, 4, ... and of scaled inputs.
 */
#include "formats/c/export_common.h"
#include "formats/c/c_writer.h"
#include "base/error.h"

static const char *const plain_sources[] = {mlpi_text_libm, mlpi_text_real,
                                            NULL};
/* Words of the templates that are for speed: before they define them. */
static const char slow_words[] = "#define ALWAYS_INLINE\n"
                                 "#define NEVER_INLINE\n"
                                 "#define UNROLL\n";
static const char *const canonical_sources[] = {
    slow_words,
    mlpi_text_vec_portable,
    mlpi_text_loops_tmpl,
    mlpi_text_elementary_tmpl,
    mlpi_text_column_sums_tmpl,
    mlpi_text_softmax_tmpl,
    mlpi_text_activation_functions_tmpl,
    mlpi_text_canonical,
    mlpi_text_real,
    NULL};

static const char *type_of(const mlp_net *net)
{
    return net->kernels->dtype == MLP_F32 ? "float" : "double";
}

/* How many numbers array `a` (odd = 1) or `b` has room for. */
static size_t room(const mlp_net *net, size_t odd)
{
    const mlpi_layout *layout = &net->layout;
    size_t most = odd == 0 && net->in.scales ? layout->layer[0].width : 0;
    for (size_t l = 1; l < layout->L; l++) {
        size_t n = l % 2 == odd ? layout->layer[l].width : 0;
        most = most < n ? n : most;
    }
    return most;
}

/* ---------------------------------------------------------------------------
 * Pieces
 */

static void need_activations(mlpi_export *e)
{
    char name[64];
    for (size_t l = 1; l <= e->net->layout.L; l++) {
        mlp_activation f = e->net->layout.layer[l].activation;
        mlpi_writer to = {.bytes = (unsigned char *)name};
        mlpi_put_text(&to, "%s_of", mlp_activation_name(f));
        name[to.used] = '\0';
        mlpi_snippets_require(e->snippets,
                              f == MLP_ACT_SOFTMAX ? "probabilities" : name);
    }
}

mlp_status mlpi_export_real_prepare(mlpi_export *e)
{
    const mlp_net *net = e->net;
    TRY(mlpi_snippets_read(
        &net->hooks, e->options->canonical ? canonical_sources : plain_sources,
        net->kernels->dtype, &e->snippets));
    mlpi_snippets_require(e->snippets, "real");
    mlpi_snippets_require(e->snippets, "dense");
    need_activations(e);
    if (net->in.scales) {
        mlpi_snippets_require(e->snippets, "standardise");
    }
    if (net->out.scales) {
        mlpi_snippets_require(e->snippets, "rescale");
    }
    if (mlpi_export_has_classes(net) && mlpi_net_outputs(net) > 1) {
        mlpi_snippets_require(e->snippets, "first_largest");
    }
    size_t numbers = net->layout.parameters +
                     mlpi_snippets_numbers(e->snippets) +
                     (net->in.scales ? 2 * net->in.n : 0) +
                     (net->out.scales ? 2 * net->out.n : 0);
    e->report->constant_bytes =
        numbers * net->kernels->real_size + mlpi_export_class_bytes(net);
    e->report->scratch_bytes =
        (room(net, 0) + room(net, 1)) * net->kernels->real_size;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The header
 */

void mlpi_export_real_header(mlpi_writer *to, const mlpi_export *e)
{
    const mlp_net *net = e->net;
    const char *type = type_of(net);
    size_t scratch = room(net, 0) + room(net, 1);
    mlpi_export_open_header(to, e);
    mlpi_put_text(to,
                  "#define %s_SCRATCH %zu /* numbers */\n\n"
                  "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
                  e->upper, scratch > 0 ? scratch : 1);
    mlpi_put_text(to,
                  "/* y[%s_OUTPUTS] = network(x[%s_INPUTS]). The three arrays "
                  "are apart;\n * scratch[%s_SCRATCH] need not be kept. "
                  "*/\nvoid %s_predict(const %s *x, %s *y, %s *scratch);\n",
                  e->upper, e->upper, e->upper, e->prefix, type, type, type);
    if (mlpi_export_has_classes(net)) {
        mlpi_put_text(to,
                      "\n/* The class that the outputs y name, from 0; -1 "
                      "where one is no number. */\n"
                      "int %s_class(const %s *y);\n",
                      e->prefix, type);
    }
    mlpi_export_close_header(to, e);
}

/* ---------------------------------------------------------------------------
 * Constants
 */

static double number_at(const mlp_net *net, const void *reals, size_t i)
{
    double x = 0;
    net->kernels->to_double(1, mlpi_const_at(net->kernels, reals, i), &x);
    return x;
}

static void put_scaling(mlpi_writer *to, const mlp_net *net, const char *name,
                        const mlpi_scaling *scaling)
{
    if (!scaling->scales) {
        return;
    }
    mlpi_put_text(to, "\nstatic const %s %s[%zu] FLASH = {\n", type_of(net),
                  name, 2 * scaling->n);
    mlpi_list list = {to, 0, NULL};
    for (size_t i = 0; i < scaling->n; i++) {
        mlpi_list_put_real(&list, net->kernels->dtype,
                           number_at(net, scaling->mean, i));
        mlpi_list_put_real(&list, net->kernels->dtype,
                           number_at(net, scaling->std, i));
    }
    mlpi_list_break(&list);
    mlpi_put_text(to, "};\n");
}

static void put_weights(mlpi_writer *to, const mlpi_export *e, size_t l)
{
    const mlp_net *net = e->net;
    const mlpi_shape *shape = &net->layout.layer[l];
    size_t inputs = net->layout.layer[l - 1].width;
    mlpi_put_text(to, "\nstatic const %s w%zu[%zu] FLASH = {\n", type_of(net),
                  l, shape->width * (inputs + 1));
    mlpi_list list = {to, 0, NULL};
    for (size_t j = 0; j < shape->width; j++) {
        for (size_t k = 0; k < inputs; k++) {
            size_t at = shape->W + k * shape->width + j;
            mlpi_list_put_real(&list, net->kernels->dtype,
                               number_at(net, net->parameters, at));
        }
        mlpi_list_put_real(&list, net->kernels->dtype,
                           number_at(net, net->parameters, shape->b + j));
        mlpi_list_break(&list);
    }
    mlpi_put_text(to, "};\n");
}

/* ---------------------------------------------------------------------------
 * Code
 */

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
                      "#define FLASH\n#define READ(p) (*(p))\n#endif\n");
}

static void put_activation(mlpi_writer *to, const mlpi_export *e, size_t l,
                           const char *array)
{
    const mlpi_shape *shape = &e->net->layout.layer[l];
    mlp_activation f = shape->activation;
    char slope[2 + MLPI_REAL_SIZE] = "";
    if (f == MLP_ACT_IDENTITY) {
        return;
    }
    if (f == MLP_ACT_SOFTMAX) {
        mlpi_put_text(to, "    probabilities(%zu, %s);\n", shape->width, array);
        return;
    }
    if (mlpi_has_slope(f)) {
        slope[0] = ',';
        slope[1] = ' ';
        mlpi_real_text(e->net->kernels->dtype,
                       e->net->kernels->scalar->round(shape->slope), slope + 2);
    }
    mlpi_put_text(to,
                  "    for (i = 0; i < %zu; i++) {\n"
                  "        %s[i] = %s_of(%s[i]%s);\n    }\n",
                  shape->width, array, mlp_activation_name(f), array, slope);
}

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

static void put_predict(mlpi_writer *to, const mlpi_export *e)
{
    const mlp_net *net = e->net;
    const char *type = type_of(net);
    size_t L = net->layout.L;
    mlpi_put_text(to, "\nvoid %s_predict(const %s *x, %s *y, %s *scratch)\n{\n",
                  e->prefix, type, type, type);
    if (L > 1) {
        mlpi_put_text(to, "    %s *a = scratch;\n", type);
    }
    if (L > 2 || net->in.scales) {
        mlpi_put_text(to, "    %s *b = scratch + %zu;\n", type, room(net, 1));
    }
    mlpi_put_text(to, has_loops(net) ? "    size_t i;\n\n" : "\n");
    if (L == 1 && !net->in.scales) {
        mlpi_put_text(to, "    (void)scratch;\n");
    }
    if (net->in.scales) {
        mlpi_put_text(to, "    standardise(%zu, input_scaling, x, b);\n",
                      net->layout.layer[0].width);
    }
    const char *in = net->in.scales ? "b" : "x";
    for (size_t l = 1; l <= L; l++) {
        const char *hidden = l % 2 ? "a" : "b";
        const char *out = l < L ? hidden : "y";
        mlpi_put_text(to, "    dense(%zu, %zu, w%zu, %s, %s);\n",
                      net->layout.layer[l - 1].width,
                      net->layout.layer[l].width, l, in, out);
        put_activation(to, e, l, out);
        in = out;
    }
    if (net->out.scales) {
        mlpi_put_text(to, "    rescale(%zu, output_scaling, y);\n", net->out.n);
    }
    mlpi_put_text(to, "}\n");
}

static void put_class(mlpi_writer *to, const mlpi_export *e)
{
    const char *type = type_of(e->net);
    size_t outputs = mlpi_net_outputs(e->net);
    if (!mlpi_export_has_classes(e->net)) {
        return;
    }
    mlpi_put_text(to, "\nint %s_class(const %s *y)\n{\n", e->prefix, type);
    if (outputs > 1) {
        mlpi_put_text(to, "    return first_largest(%zu, y);\n}\n", outputs);
    } else {
        mlpi_put_text(to, "    return *y >= 0 || *y < 0 ? *y >= %s : -1;\n}\n",
                      e->net->kernels->dtype == MLP_F32 ? "0.5f" : "0.5");
    }
}

/* ---------------------------------------------------------------------------
 * The self-test
 */

static void put_rows(mlpi_writer *to, const mlpi_export *e, const char *name,
                     mlp_view rows)
{
    mlpi_put_text(to, "\nstatic const %s %s[%zu] = {\n", type_of(e->net), name,
                  rows.rows * rows.cols);
    mlpi_list list = {to, 0, NULL};
    for (size_t i = 0; i < rows.rows; i++) {
        for (size_t j = 0; j < rows.cols; j++) {
            mlpi_list_put_real(&list, rows.dtype,
                               mlp_cview_at(mlp_view_const(rows), i, j));
        }
        mlpi_list_break(&list);
    }
    mlpi_put_text(to, "};\n");
}

/* Ends with 0 if all outputs are what the library said. */
static void put_self_test(mlpi_writer *to, const mlpi_export *e)
{
    const char *type = type_of(e->net);
    mlpi_put_text(to, "\n#ifdef %s_SELF_TEST\n", e->upper);
    put_rows(to, e, "test_x", e->X);
    put_rows(to, e, "test_y", e->A);
    mlpi_put_text(to,
                  "\nint main(void)\n{\n    static %s y[%s_OUTPUTS];\n"
                  "    static %s scratch[%s_SCRATCH];\n    int wrong = 0;\n",
                  type, e->upper, type, e->upper);
    mlpi_put_text(to,
                  "    for (size_t i = 0; i < %zu; i++) {\n"
                  "        %s_predict(test_x + i * %s_INPUTS, y, scratch);\n"
                  "        for (size_t j = 0; j < %s_OUTPUTS; j++) {\n"
                  "            %s t = test_y[i * %s_OUTPUTS + j];\n",
                  e->X.rows, e->prefix, e->upper, e->upper, type, e->upper);
    mlpi_put_text(to,
                  e->options->canonical
                      ? "            wrong += !(y[j] <= t && y[j] >= t);\n"
                      : "            double d = (double)y[j] - (double)t;\n"
                        "            double most = 1e-6 * (1 + (double)(t < "
                        "0 ? -t : t));\n"
                        "            wrong += !(d <= most && d >= -most);"
                        "\n");
    mlpi_put_text(to, "        }\n    }\n    return wrong != 0;\n}\n"
                      "\n#endif\n");
}

void mlpi_export_real_code(mlpi_writer *to, mlpi_export *e)
{
    const mlp_net *net = e->net;
    mlpi_export_head(to, e, e->code);
    if (e->options->canonical) {
        mlpi_put_text(to,
                      " *\n * Canonical arithmetic %d: gives the library's "
                      "bits, wherever fma is exact.\n",
                      MLP_NUMERICS);
    } else {
        mlpi_put_text(to, " *\n * Gives the library's numbers within 1e-6.\n");
    }
    mlpi_put_text(to, " *\n * Test it: cc -D%s_SELF_TEST %s -lm && ./a.out\n",
                  e->upper, e->code);
    mlpi_export_open_code(to, e);
    put_preamble(to, e);
    mlpi_snippets_put(e->snippets, to);
    put_scaling(to, net, "input_scaling", &net->in);
    put_scaling(to, net, "output_scaling", &net->out);
    for (size_t l = 1; l <= net->layout.L; l++) {
        put_weights(to, e, l);
    }
    put_predict(to, e);
    put_class(to, e);
    mlpi_export_class_names(to, e);
    put_self_test(to, e);
}
