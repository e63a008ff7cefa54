/* SPDX-License-Identifier: MIT */
/*
 * Networks of int8 in C. Predicting uses integers alone, so that it runs on
 * machines without floating point; converting inputs and outputs from and to
 * float is compiled only with -D<PREFIX>_FLOAT.
 *
 * quantise.c makes the integers. Here the network is tried before it is
 * written: if the caller gives targets, both networks are scored on the
 * caller's rows, and nothing is written if int8 loses more than the caller
 * allows.
 *
 * For layer l the code holds the constants n<l> (counts, shift, zero), w<l>
 * (weights), c<l> (bias and multiplier of each neuron), and for some
 * activations t<l> (the table of look_up, or the tables of look_up_each). Its
 * functions use them so:
 *
 *     dense(&n1, w1, c1, x, a);
 *     look_up(t1, n1.outputs, a);
 *     dense(&n2, w2, c2, a, y);
 *
 * The self-test compares integers, so it demands the same result on every
 * machine: the arithmetic of runtime/int8.h leaves nothing to the compiler.
 */
#include "formats/c/export_common.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/data_check.h"
#include "model/loss.h"

/* ---------------------------------------------------------------------------
 * Scores
 */

/* What scoring m rows needs. */
typedef struct trial {
    const mlp_net *net;
    size_t m;
    mlp_view A;    /* real [m][n[L]]: outputs */
    void *targets; /* real [m][n[L]]; unused for regression */
    int8_t *x;     /* [n[0]]: one row of inputs */
    int8_t *y;     /* [n[L]]: one row of outputs */
} trial;

static void lay_out_trial(void *object, mlpi_cursor *cursor)
{
    trial *t = object;
    const mlp_net *net = t->net;
    size_t n = mlpi_net_outputs(net);
    size_t size = net->kernels->real_size;
    void *A = mlpi_take(cursor, t->m, n * size);
    t->A = (mlp_view){net->kernels->dtype, t->m, n, n, 1, A};
    t->targets = mlpi_take(cursor, t->m, n * size);
    t->x = mlpi_take(cursor, mlpi_net_inputs(net), 1);
    t->y = mlpi_take(cursor, n, 1);
}

/* Sets *result to the score of the outputs t->A: R2 for regression, else the
 * accuracy. */
static mlp_status score(const mlp_net *net, mlp_cview Y, const trial *t,
                        double *result)
{
    size_t m = t->A.rows;
    size_t n = t->A.cols;
    if (mlpi_is_regression(net->loss)) {
        mlp_regression_scores scores = {.r2 = 0};
        /* The first outputs of gaussian_nll are its means. */
        mlp_cview A = mlp_cview_cols(mlp_view_const(t->A), 0, Y.cols);
        TRY(mlp_score_regression(Y, A, &net->hooks, NULL, &scores));
        *result = scores.r2;
    } else if (net->loss == MLP_LOSS_CCE) {
        /* A row is correct if the largest output is the target's class. */
        size_t hits = net->kernels->scalar->count_correct_rows(m, n, t->A.data,
                                                               t->targets);
        *result = (double)hits / (double)m;
    } else {
        size_t hits =
            net->kernels->scalar->count_correct(m * n, t->A.data, t->targets);
        *result = (double)hits / ((double)m * (double)n);
    }
    return MLP_OK;
}

/* Sets q[n[0]] to the integers that stand for row i of X. Inputs are rounded to
 * float first, as the exported conversion takes them. */
static void quantise_row(const mlpi_int8 *net, mlp_cview X, size_t i, int8_t *q)
{
    for (size_t k = 0; k < X.cols; k++) {
        q[k] = quantised((float)mlp_cview_at(X, i, k), net->in[2 * k],
                         net->in[2 * k + 1]);
    }
}

/* Sets t->A to the numbers that the network's integer outputs stand for, in the
 * precision of the network. For softmax these are its arguments, whose largest
 * is the largest probability's, so the accuracy is the same. */
static void predict_in_int8(const mlpi_int8 *net, mlp_cview X, const trial *t)
{
    for (size_t i = 0; i < X.rows; i++) {
        quantise_row(net, X, i, t->x);
        mlpi_int8_run(net, t->x, t->y);
        for (size_t j = 0; j < t->A.cols; j++) {
            float offset = net->out[2 * j + 1] * (float)t->y[j];
            (void)mlp_view_set(t->A, i, j, (double)(net->out[2 * j] + offset));
        }
    }
}

/* Sets both scores of the report: before, of the network of real numbers, and
 * after, of its integers. Both use the rows that gave the ranges. */
static mlp_status score_both(const mlpi_export *e, const trial *t)
{
    mlp_cview X = e->options->X;
    mlp_cview Y = e->options->Y;
    /* Kernels that count correct rows compare with targets in the network's
     * precision; R2 reads Y itself. */
    if (!mlpi_is_regression(e->net->loss)) {
        mlpi_loss_targets(e->net, &(mlpi_targets){.m = Y.rows, .Y = &Y},
                          t->targets);
    }
    TRY(mlp_predict(e->net, X, t->A));
    TRY(score(e->net, Y, t, &e->report->score_before));
    predict_in_int8(e->int8, X, t);
    return score(e->net, Y, t, &e->report->score_after);
}

/* Scores both networks if there are targets, in a block of memory for this
 * alone. MLP_ERR_ACCURACY if int8 loses too much: its score is below that of
 * the real numbers by more than options->max_score_drop, in the unit of the
 * score. */
static mlp_status check_accuracy(const mlpi_export *e)
{
    if (e->options->Y.rows == 0) {
        return MLP_OK;
    }
    trial t = {.net = e->net, .m = e->options->Y.rows};
    void *block = NULL;
    TRY(mlpi_allocate_layout(&e->net->hooks, lay_out_trial, &t, "outputs",
                             &block));
    mlp_status status = score_both(e, &t);
    mlpi_release(&e->net->hooks, block);
    TRY(status);
    double lost = e->report->score_before - e->report->score_after;
    /* A limit, or a score, that is a NaN refuses, too. */
    if (!(lost <= e->options->max_score_drop)) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ACCURACY,
                          "int8: expects a score of %g, less %g at most, got "
                          "%g",
                          e->report->score_before, e->options->max_score_drop,
                          e->report->score_after);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Before writing
 */

/* Rows are demanded, since ranges follow from them; targets are not. */
static mlp_status check_rows(const mlpi_export *e)
{
    const mlp_net *net = e->net;
    if (e->options->X.rows == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "X: int8 expects rows, which show the usual range of "
                          "each number (set options.X)");
    }
    TRY(mlpi_check_inputs(net, &net->hooks, &e->options->X, 1));
    TRY(mlpi_check_finite(net, &net->hooks, "X", e->options->X));
    if (e->options->Y.rows > 0) {
        TRY(mlpi_check_shapes(net, &net->hooks, &e->options->X,
                              &e->options->Y));
        TRY(mlpi_check_values(net, &net->hooks, &e->options->X,
                              &e->options->Y));
    }
    return MLP_OK;
}

/* Returns the bytes of the constants of a layer: w, c, n and t. */
static size_t layer_bytes(const mlpi_int8_layer *layer)
{
    /* w is int8 [n][inputs], c is int32 [n][2], and t has 256 entries a
     * table. */
    size_t n = (size_t)layer->numbers.outputs;
    return n * (size_t)layer->numbers.inputs + 2 * n * sizeof(int32_t) +
           sizeof layer->numbers + 256 * layer->tables;
}

/* Returns the function that a layer's tables need. */
static const char *look_up_of(const mlpi_int8_layer *layer)
{
    return layer->tables == 1 ? "look_up" : "look_up_each";
}

/* Only the conversions of floats call `quantised`, so it is chosen apart: it is
 * written between #ifdef and #endif, and the rest stays free of floats. */
static mlp_status prepare(mlpi_export *e)
{
    if (e->options->jacobian) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ARGUMENT,
                          "jacobian: expects an export of real numbers, got "
                          "int8, whose outputs change in steps");
    }
    TRY(check_rows(e));
    TRY(mlpi_quantise(e->net, e->options->X, &e->int8));
    e->type = "int8_t";
    e->size = sizeof(int8_t);
    e->snippets.table = &mlpi_snippets_int8;
    e->float_snippets.table = &mlpi_snippets_int8;
    mlpi_export_require(&e->snippets, "dense");
    mlpi_export_require(&e->float_snippets, "quantised");
    for (size_t l = 1; l <= e->int8->L; l++) {
        e->report->constant_bytes += layer_bytes(&e->int8->layer[l]);
        if (e->int8->layer[l].tables > 0) {
            mlpi_export_require(&e->snippets, look_up_of(&e->int8->layer[l]));
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The header
 */

/* Writes center and scale of n inputs or outputs. They are a macro, not an
 * array, so that only a program that uses them holds them. */
static void put_scaling(mlpi_writer *to, const mlpi_export *e, const char *name,
                        size_t n, const float *scaling)
{
    mlpi_put_text(to, "#define %s_%s_SCALING { \\\n", e->upper, name);
    mlpi_list list = {to, 0, " \\\n"};
    for (size_t i = 0; i < 2 * n; i++) {
        mlpi_list_put_real(&list, MLP_F32, (double)scaling[i]);
    }
    mlpi_list_break(&list);
    mlpi_put_text(to, "}\n");
}

/* Declares the conversions. A program without floats, which gets its integers
 * from a sensor or a table, has no use for them. */
static void put_header_functions(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to,
                  "\n#ifdef %s_FLOAT /* to be defined for the code, too */\n"
                  "/* Convert inputs to the nearest int8, and int8 to the "
                  "outputs they stand for. */\n"
                  "void %s_quantise(const float *x, int8_t *q);\n"
                  "void %s_dequantise(const int8_t *q, float *y);\n#endif\n",
                  e->upper, e->prefix, e->prefix);
}

/* A program that converts inputs itself needs to know what the integers stand
 * for. */
static void put_header_constants(mlpi_writer *to, const mlpi_export *e)
{
    const mlp_net *net = e->net;
    bool softmax =
        net->layout.layer[net->layout.L].activation == MLP_ACT_SOFTMAX;
    mlpi_put_text(
        to, "\n#include <stdint.h>\n"
            "\n/* Inputs are center + scale q, with q from -127 to 127. This "
            "is a list of center\n * and scale of each input. With a scale "
            "of 0 the value of q does not matter. */\n");
    put_scaling(to, e, "INPUT", mlpi_net_inputs(net), e->int8->in);
    mlpi_put_text(to, "\n/* Center and scale of each output%s. */\n",
                  softmax ? ", before softmax" : "");
    put_scaling(to, e, "OUTPUT", mlpi_net_outputs(net), e->int8->out);
}

/* ---------------------------------------------------------------------------
 * Code
 */

/* Writes an array of n integers of layer l: its weights w<l> or table t<l>. */
static void put_int8(mlpi_writer *to, const char *name, size_t l, size_t n,
                     const int8_t *values)
{
    mlpi_list list =
        mlpi_list_open(to, "static const int8_t %s%zu[%zu] FLASH", name, l, n);
    for (size_t i = 0; i < n; i++) {
        mlpi_list_put_number(&list, values[i]);
    }
    mlpi_list_close(&list);
}

/* The struct of a layer stays in RAM on an AVR, because `dense` reads its
 * members as they are; it has four numbers. */
static void put_layer_constants(mlpi_writer *to, size_t l,
                                const mlpi_int8_layer *layer)
{
    const layer_numbers *numbers = &layer->numbers;
    size_t n = (size_t)numbers->outputs;
    mlpi_put_text(to, "\nstatic const layer_numbers n%zu = {%d, %d, %d, %d};\n",
                  l, numbers->inputs, numbers->outputs, numbers->shift,
                  numbers->zero);
    put_int8(to, "w", l, n * (size_t)numbers->inputs, layer->w);
    mlpi_list list =
        mlpi_list_open(to, "static const int32_t c%zu[%zu] FLASH", l, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) {
        mlpi_list_put_number(&list, layer->channels[i]);
    }
    mlpi_list_close(&list);
    if (layer->tables > 0) {
        put_int8(to, "t", l, 256 * layer->tables, layer->table);
    }
}

static void put_constants(mlpi_writer *to, const mlpi_export *e)
{
    for (size_t l = 1; l <= e->int8->L; l++) {
        put_layer_constants(to, l, &e->int8->layer[l]);
    }
}

/* There are no variables of its own; an empty line follows the declarations of
 * scratch. Inputs come as integers, so nothing is standardised. */
static void begin_predict(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, e->int8->L > 1 ? "\n" : "");
}

/* The activation is in `dense` (identity, ReLU) or in a table. */
static void put_layer(mlpi_writer *to, const mlpi_export *e, size_t l,
                      const char *in, const char *out)
{
    mlpi_put_text(to, "    dense(&n%zu, w%zu, c%zu, %s, %s);\n", l, l, l, in,
                  out);
    if (e->int8->layer[l].tables > 0) {
        mlpi_put_text(to, "    %s(t%zu, n%zu.outputs, %s);\n",
                      look_up_of(&e->int8->layer[l]), l, l, out);
    }
}

/* A single output names class 1 if it is at least 0.5. The smallest such q may
 * lie outside of int8; then the class is a constant, because compilers warn of
 * comparisons that always have the same result. */
static void put_binary_class(mlpi_writer *to, const mlpi_export *e)
{
    const float *out = e->int8->out;
    /* The scale is positive, so outputs grow with q. */
    int q = -128;
    while (q < 128 && !(out[0] + out[1] * (float)q >= 0.5f)) {
        q++;
    }
    if (q > -128 && q < 128) {
        mlpi_put_text(to, "    return *y >= %d;\n", q);
    } else {
        mlpi_put_text(to, "    (void)y;\n    return %d;\n", q < 128);
    }
}

/* Writes the conversions, and the snippet that they call. Their loops read the
 * macros of the header as arrays. */
static void put_functions(mlpi_writer *to, const mlpi_export *e)
{
    const char *upper = e->upper;
    mlpi_put_text(to, "\n#ifdef %s_FLOAT\n", upper);
    mlpi_snippets_put(&e->float_snippets, to);
    mlpi_put_text(to,
                  "\nvoid %s_quantise(const float *x, int8_t *q)\n{\n"
                  "    static const float scaling[] = %s_INPUT_SCALING;\n"
                  "    for (int i = 0; i < %s_INPUTS; i++) {\n"
                  "        q[i] = quantised(x[i], scaling[2 * i], "
                  "scaling[2 * i + 1]);\n    }\n}\n",
                  e->prefix, upper, upper);
    mlpi_put_text(to,
                  "\nvoid %s_dequantise(const int8_t *q, float *y)\n{\n"
                  "    static const float scaling[] = %s_OUTPUT_SCALING;\n"
                  "    for (int i = 0; i < %s_OUTPUTS; i++) {\n"
                  "        y[i] = scaling[2 * i] + scaling[2 * i + 1] * "
                  "(float)q[i];\n    }\n}\n\n#endif\n",
                  e->prefix, upper, upper);
}

/* Writes row i of the self-test: the caller's row as integers, or the integers
 * that the network computes from it. Both are computed anew for each list,
 * since storing them would need another block. */
static void put_test_row(mlpi_list *list, const mlpi_export *e, size_t i,
                         bool outputs)
{
    /* The real rows are no longer needed, so their memory is used. */
    int8_t *x = e->X.data;
    int8_t *y = e->A.data;
    quantise_row(e->int8, e->options->X, i, x);
    mlpi_int8_run(e->int8, x, y);
    for (size_t j = 0; j < (outputs ? e->A.cols : e->X.cols); j++) {
        mlpi_list_put_number(list, outputs ? y[j] : x[j]);
    }
}

/* Integers must be equal, on every machine. */
static void put_comparison(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to,
                  "            wrong += y[j] != test_y[i * %s_OUTPUTS + j];\n",
                  e->upper);
}

/* Writes a score with four decimal places, unless it is too large for them, as
 * an R2 may be: 0.98765432 becomes 0.9877. The
 * text of a float ends with an f, which is left out. */
static void put_score(mlpi_writer *to, double score)
{
    char text[MLPI_REAL_SIZE];
    double x = score * 1e4;
    if (fabs(x) < 1e15) {
        score = (double)(int64_t)(x < 0 ? x - 0.5 : x + 0.5) / 1e4;
    }
    mlpi_real_text(MLP_F32, score, text);
    mlpi_put_text(to, "%.*s", (int)strlen(text) - 1, text);
}

/* The head of the code says what int8 costs, if that is known. */
static void put_remarks(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(
        to, " *\n * Computes with integers alone: int8, summed in 32 bits.\n");
    if (e->options->Y.rows > 0) {
        mlpi_put_text(to, " * Score on %zu rows: ", e->options->Y.rows);
        put_score(to, e->report->score_after);
        mlpi_put_text(to, "; with real numbers: ");
        put_score(to, e->report->score_before);
        mlpi_put_text(to, ".\n");
    }
}

/* Writes the function that adds four products on an ARM processor with
 * instructions for two at once, such as a Cortex-M4. SXTB16 takes bytes 0 and 2
 * of a word as two numbers of 16 bits, and SMLAD adds the products of two such
 * pairs to a sum. A sum is exact, so its order does not matter. Small code does
 * without the function. */
static void put_four_products(mlpi_writer *to)
{
    mlpi_put_text(
        to,
        "\n#if defined(__ARM_FEATURE_SIMD32) && !defined(__OPTIMIZE_SIZE__)\n"
        "#include <arm_acle.h>\n"
        "#include <string.h>\n"
        "#define FOURS(n) ((n) - (n) %% 4)\n"
        "#define ADD_FOUR(sum, w, x) four_added(sum, w, x)\n\n"
        "/* Adds the products of two bytes, 0 and 2 of each word. */\n"
        "static inline int32_t two_added(int32_t sum, uint32_t w, uint32_t x)\n"
        "{\n    return __smlad(__sxtb16((int8x4_t)w), "
        "__sxtb16((int8x4_t)x), sum);\n}\n\n"
        "/* Adds the products of four bytes. */\n"
        "static inline int32_t four_added(int32_t sum, const int8_t *w,\n"
        "                                 const int8_t *x)\n{\n"
        "    uint32_t a = 0;\n    uint32_t b = 0;\n"
        "    memcpy(&a, w, sizeof a);\n    memcpy(&b, x, sizeof b);\n"
        "    return two_added(two_added(sum, a, b), a >> 8, b >> 8);\n}\n\n"
        "#else\n#define FOURS(n) 0\n#define ADD_FOUR(sum, w, x) (sum)\n"
        "#endif\n");
}

/* On an AVR constants stay in flash only if they are marked, and are read by
 * functions. The casts keep the sign, which those functions ignore. */
static void put_preamble(mlpi_writer *to, const mlpi_export *e)
{
    (void)e;
    mlpi_put_text(to, "\n#ifdef __AVR__\n#include <avr/pgmspace.h>\n"
                      "#define FLASH PROGMEM\n"
                      "#define READ8(p) ((int8_t)pgm_read_byte(p))\n"
                      "#define READ32(p) ((int32_t)pgm_read_dword(p))\n#else\n"
                      "#define FLASH\n#define READ8(p) (*(p))\n"
                      "#define READ32(p) (*(p))\n#endif\n");
    put_four_products(to);
}

const mlpi_export_kind mlpi_export_int8 = {
    .scratch_unit = "bytes",
    .index_type = "int",
    .libraries = "",
    .class_remark = "",
    .prepare = prepare,
    .check_accuracy = check_accuracy,
    .put_header_constants = put_header_constants,
    .put_header_functions = put_header_functions,
    .put_remarks = put_remarks,
    .put_preamble = put_preamble,
    .put_constants = put_constants,
    .begin_predict = begin_predict,
    .put_layer = put_layer,
    .put_binary_class = put_binary_class,
    .put_functions = put_functions,
    .put_test_row = put_test_row,
    .put_comparison = put_comparison,
};
