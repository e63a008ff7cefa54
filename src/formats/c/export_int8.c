/* SPDX-License-Identifier: MIT */
/*
 * Networks of int8 in C, which are tried here before they are written: they are
 * scored on the caller's rows, as the network of real numbers is.
 */
#include <math.h>
#include <string.h>

#include "formats/c/export_common.h"
#include "formats/c/c_writer.h"
#include "base/error.h"
#include "model/data_check.h"

static const char *const sources[] = {mlpi_text_int8, NULL};

/* ---------------------------------------------------------------------------
 * Scores
 */

/* Outputs of rows, real (m, n[L]); their targets likewise, unless they are
 * numbers; and a row in int8. */
typedef struct trial {
    mlp_view A;
    void *targets;
    int8_t *x, *y;
} trial;

static void lay_out_trial(trial *t, const mlp_net *net, size_t m,
                          mlpi_cursor *cursor)
{
    size_t n = mlpi_net_outputs(net);
    size_t size = net->kernels->real_size;
    void *A = mlpi_take(cursor, m, n * size);
    t->A = (mlp_view){net->kernels->dtype, m, n, n, 1, A};
    t->targets = mlpi_take(cursor, m, n * size);
    t->x = mlpi_take(cursor, mlpi_net_inputs(net), 1);
    t->y = mlpi_take(cursor, n, 1);
}

/* Accuracy; of numbers R2. */
static mlp_status score(const mlp_net *net, mlp_cview Y, const trial *t,
                        double *result)
{
    size_t m = t->A.rows;
    size_t n = t->A.cols;
    if (mlpi_is_regression(net->loss)) {
        mlp_regression_scores scores = {.r2 = 0};
        TRY(mlp_score_regression(Y, mlp_view_const(t->A), &scores));
        *result = scores.r2;
    } else if (net->loss == MLP_LOSS_CCE) {
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

static void quantise_row(const mlpi_int8 *net, mlp_cview X, size_t i, int8_t *q)
{
    for (size_t k = 0; k < X.cols; k++) {
        q[k] = quantised((float)mlp_cview_at(X, i, k), net->in[2 * k],
                         net->in[2 * k + 1]);
    }
}

static void predict_in_int8(const mlpi_int8 *net, mlp_cview X, const trial *t)
{
    for (size_t i = 0; i < X.rows; i++) {
        quantise_row(net, X, i, t->x);
        mlpi_int8_run(net, t->x, t->y);
        for (size_t j = 0; j < t->A.cols; j++) {
            float step = net->out[2 * j + 1] * (float)t->y[j];
            (void)mlp_view_set(t->A, i, j, (double)(net->out[2 * j] + step));
        }
    }
}

static mlp_status score_both(const mlpi_export *e, const trial *t)
{
    mlp_cview X = e->options->X;
    mlp_cview Y = e->options->Y;
    if (!mlpi_is_regression(e->net->loss)) {
        mlpi_loss_targets(e->net, &(mlpi_targets){.m = Y.rows, .Y = &Y},
                          t->targets);
    }
    TRY(mlp_predict(e->net, X, t->A));
    TRY(score(e->net, Y, t, &e->report->score_before));
    predict_in_int8(e->int8, X, t);
    return score(e->net, Y, t, &e->report->score_after);
}

static mlp_status try_int8(const mlpi_export *e)
{
    trial t;
    void *block = NULL;
    size_t m = e->options->Y.rows;
    mlpi_cursor measure = {0};
    lay_out_trial(&t, e->net, m, &measure);
    TRY(mlpi_allocate(&e->net->hooks, &measure, "outputs", &block));
    mlpi_cursor carve = {.base = block};
    lay_out_trial(&t, e->net, m, &carve);
    mlp_status status = score_both(e, &t);
    mlpi_release(&e->net->hooks, block);
    TRY(status);
    double lost = e->report->score_before - e->report->score_after;
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

static mlp_status check_rows(const mlpi_export *e)
{
    const mlp_net *net = e->net;
    if (e->options->X.rows == 0) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "X: int8 expects rows that say what is usual");
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

static size_t layer_bytes(const mlpi_int8_layer *layer)
{
    size_t n = (size_t)layer->numbers.outputs;
    return n * (size_t)layer->numbers.inputs + 2 * n * sizeof(int32_t) +
           sizeof layer->numbers + (layer->table ? 256 : 0);
}

/* Bytes that array `a` (odd = 1) or `b` has. */
static size_t room(const mlp_net *net, size_t odd)
{
    size_t most = 0;
    for (size_t l = 1; l < net->layout.L; l++) {
        size_t n = l % 2 == odd ? net->layout.layer[l].width : 0;
        most = most < n ? n : most;
    }
    return most;
}

static mlp_status need_pieces(mlpi_export *e)
{
    const mlp_hooks *hooks = &e->net->hooks;
    mlp_dtype dtype = e->net->kernels->dtype;
    TRY(mlpi_snippets_read(hooks, sources, dtype, &e->snippets));
    TRY(mlpi_snippets_read(hooks, sources, dtype, &e->float_pieces));
    mlpi_snippets_require(e->float_pieces, "quantised");
    mlpi_snippets_require(e->snippets, "dense");
    for (size_t l = 1; l <= e->int8->L; l++) {
        if (e->int8->layer[l].table) {
            mlpi_snippets_require(e->snippets, "look_up");
        }
    }
    if (mlpi_export_has_classes(e->net) && mlpi_net_outputs(e->net) > 1) {
        mlpi_snippets_require(e->snippets, "first_largest");
    }
    return MLP_OK;
}

mlp_status mlpi_export_int8_prepare(mlpi_export *e)
{
    TRY(check_rows(e));
    TRY(mlpi_quantise(e->net, e->options->X, &e->int8));
    e->report->constant_bytes = mlpi_export_class_bytes(e->net);
    for (size_t l = 1; l <= e->int8->L; l++) {
        e->report->constant_bytes += layer_bytes(&e->int8->layer[l]);
    }
    e->report->scratch_bytes = room(e->net, 0) + room(e->net, 1);
    if (e->options->Y.rows > 0) {
        TRY(try_int8(e));
    }
    return need_pieces(e);
}

/* ---------------------------------------------------------------------------
 * The header
 */

/* As a macro. */
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

static void put_functions(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to,
                  "/* y[%s_OUTPUTS] = network(x[%s_INPUTS]). The three arrays "
                  "are apart;\n * scratch[%s_SCRATCH] need not be kept. "
                  "*/\nvoid %s_predict(const int8_t *x, int8_t *y, int8_t "
                  "*scratch);\n",
                  e->upper, e->upper, e->upper, e->prefix);
    if (mlpi_export_has_classes(e->net)) {
        mlpi_put_text(to,
                      "\n/* The class that the outputs y name, from 0. */\n"
                      "int %s_class(const int8_t *y);\n",
                      e->prefix);
    }
    mlpi_put_text(to,
                  "\n#ifdef %s_FLOAT /* for the code, too */\n"
                  "/* The nearest int8 to inputs, and the outputs that int8 "
                  "stand for. */\n"
                  "void %s_quantise(const float *x, int8_t *q);\n"
                  "void %s_dequantise(const int8_t *q, float *y);\n#endif\n",
                  e->upper, e->prefix, e->prefix);
}

void mlpi_export_int8_header(mlpi_writer *to, const mlpi_export *e)
{
    const mlp_net *net = e->net;
    size_t scratch = room(net, 0) + room(net, 1);
    bool softmax =
        net->layout.layer[net->layout.L].activation == MLP_ACT_SOFTMAX;
    mlpi_export_open_header(to, e);
    mlpi_put_text(
        to,
        "#define %s_SCRATCH %zu /* bytes */\n\n#include <stdint.h>\n"
        "\n/* Inputs are center + step q, with q from -127 to 127. Of "
        "each input stand here\n * center and step; a step of 0 says "
        "that q does not matter. */\n",
        e->upper, scratch > 0 ? scratch : 1);
    put_scaling(to, e, "INPUT", mlpi_net_inputs(net), e->int8->in);
    mlpi_put_text(to, "\n/* The same of outputs%s. */\n",
                  softmax ? ", before softmax" : "");
    put_scaling(to, e, "OUTPUT", mlpi_net_outputs(net), e->int8->out);
    mlpi_put_text(to, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    put_functions(to, e);
    mlpi_export_close_header(to, e);
}

/* ---------------------------------------------------------------------------
 * Code
 */

static void put_int8(mlpi_writer *to, const char *name, size_t l, size_t n,
                     const int8_t *values)
{
    mlpi_put_text(to, "static const int8_t %s%zu[%zu] FLASH = {\n", name, l, n);
    mlpi_list list = {to, 0, NULL};
    for (size_t i = 0; i < n; i++) {
        mlpi_list_put_number(&list, values[i]);
    }
    mlpi_list_break(&list);
    mlpi_put_text(to, "};\n");
}

static void put_layer(mlpi_writer *to, size_t l, const mlpi_int8_layer *layer)
{
    const layer_numbers *numbers = &layer->numbers;
    size_t n = (size_t)numbers->outputs;
    mlpi_put_text(to, "\nstatic const layer_numbers n%zu = {%d, %d, %d, %d};\n",
                  l, numbers->inputs, numbers->outputs, numbers->shift,
                  numbers->zero);
    put_int8(to, "w", l, n * (size_t)numbers->inputs, layer->w);
    mlpi_put_text(to, "static const int32_t c%zu[%zu] FLASH = {\n", l, 2 * n);
    mlpi_list list = {to, 0, NULL};
    for (size_t i = 0; i < 2 * n; i++) {
        mlpi_list_put_number(&list, layer->channels[i]);
    }
    mlpi_list_break(&list);
    mlpi_put_text(to, "};\n");
    if (layer->table) {
        put_int8(to, "t", l, 256, layer->table);
    }
}

static void put_predict(mlpi_writer *to, const mlpi_export *e)
{
    size_t L = e->int8->L;
    mlpi_put_text(to,
                  "\nvoid %s_predict(const int8_t *x, int8_t *y, int8_t "
                  "*scratch)\n{\n",
                  e->prefix);
    if (L > 1) {
        mlpi_put_text(to, "    int8_t *a = scratch;\n");
    }
    if (L > 2) {
        mlpi_put_text(to, "    int8_t *b = scratch + %zu;\n", room(e->net, 1));
    }
    mlpi_put_text(to, L > 1 ? "\n" : "    (void)scratch;\n");
    const char *in = "x";
    for (size_t l = 1; l <= L; l++) {
        const char *hidden = l % 2 ? "a" : "b";
        const char *out = l < L ? hidden : "y";
        mlpi_put_text(to, "    dense(&n%zu, w%zu, c%zu, %s, %s);\n", l, l, l,
                      in, out);
        if (e->int8->layer[l].table) {
            mlpi_put_text(to, "    look_up(t%zu, n%zu.outputs, %s);\n", l, l,
                          out);
        }
        in = out;
    }
    mlpi_put_text(to, "}\n");
}

/* A single output names class 1 from 0.5 on, which may be out of its range:
 * compilers warn of comparisons that cannot fail. */
static void put_class(mlpi_writer *to, const mlpi_export *e)
{
    size_t outputs = mlpi_net_outputs(e->net);
    if (!mlpi_export_has_classes(e->net)) {
        return;
    }
    mlpi_put_text(to, "\nint %s_class(const int8_t *y)\n{\n", e->prefix);
    if (outputs > 1) {
        mlpi_put_text(to, "    return first_largest(%zu, y);\n}\n", outputs);
        return;
    }
    const float *out = e->int8->out;
    int q = -128;
    while (q < 128 && !(out[0] + out[1] * (float)q >= 0.5f)) {
        q++;
    }
    if (q > -128 && q < 128) {
        mlpi_put_text(to, "    return *y >= %d;\n}\n", q);
    } else {
        mlpi_put_text(to, "    (void)y;\n    return %d;\n}\n", q < 128);
    }
}

static void put_float(mlpi_writer *to, const mlpi_export *e)
{
    const char *upper = e->upper;
    mlpi_put_text(to, "\n#ifdef %s_FLOAT\n", upper);
    mlpi_snippets_put(e->float_pieces, to);
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

/* The rows of the self-test, or what comes of them. */
static void put_rows(mlpi_writer *to, const mlpi_export *e, bool outputs)
{
    size_t n = outputs ? e->A.cols : e->X.cols;
    mlpi_put_text(to, "\nstatic const int8_t test_%s[%zu] = {\n",
                  outputs ? "y" : "x", e->X.rows * n);
    mlpi_list list = {to, 0, NULL};
    for (size_t i = 0; i < e->X.rows; i++) {
        /* In the room of the real ones, which are no longer needed. */
        int8_t *x = e->X.data;
        int8_t *y = e->A.data;
        quantise_row(e->int8, e->options->X, i, x);
        mlpi_int8_run(e->int8, x, y);
        for (size_t j = 0; j < n; j++) {
            mlpi_list_put_number(&list, outputs ? y[j] : x[j]);
        }
        mlpi_list_break(&list);
    }
    mlpi_put_text(to, "};\n");
}

static void put_self_test(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to, "\n#ifdef %s_SELF_TEST\n", e->upper);
    put_rows(to, e, false);
    put_rows(to, e, true);
    mlpi_put_text(
        to,
        "\nint main(void)\n{\n    static int8_t y[%s_OUTPUTS];\n"
        "    static int8_t scratch[%s_SCRATCH];\n    int wrong = 0;\n",
        e->upper, e->upper);
    mlpi_put_text(to,
                  "    for (int i = 0; i < %zu; i++) {\n"
                  "        %s_predict(test_x + i * %s_INPUTS, y, scratch);\n"
                  "        for (int j = 0; j < %s_OUTPUTS; j++) {\n"
                  "            wrong += y[j] != test_y[i * %s_OUTPUTS + j];\n"
                  "        }\n    }\n    return wrong != 0;\n}\n\n#endif\n",
                  e->X.rows, e->prefix, e->upper, e->upper, e->upper);
}

/* With four places, where there is room for them. */
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

void mlpi_export_int8_code(mlpi_writer *to, mlpi_export *e)
{
    mlpi_export_head(to, e, e->code);
    mlpi_put_text(to,
                  " *\n * In integers alone: int8, summed up in 32 bits.\n");
    if (e->options->Y.rows > 0) {
        mlpi_put_text(to, " * Score on %zu rows: ", e->options->Y.rows);
        put_score(to, e->report->score_after);
        mlpi_put_text(to, "; of real numbers: ");
        put_score(to, e->report->score_before);
        mlpi_put_text(to, ".\n");
    }
    mlpi_put_text(to, " *\n * Test it: cc -D%s_SELF_TEST %s && ./a.out\n",
                  e->upper, e->code);
    mlpi_export_open_code(to, e);
    mlpi_put_text(to, "\n#ifdef __AVR__\n#include <avr/pgmspace.h>\n"
                      "#define FLASH PROGMEM\n"
                      "#define READ8(p) ((int8_t)pgm_read_byte(p))\n"
                      "#define READ32(p) ((int32_t)pgm_read_dword(p))\n#else\n"
                      "#define FLASH\n#define READ8(p) (*(p))\n"
                      "#define READ32(p) (*(p))\n#endif\n");
    mlpi_snippets_put(e->snippets, to);
    for (size_t l = 1; l <= e->int8->L; l++) {
        put_layer(to, l, &e->int8->layer[l]);
    }
    put_predict(to, e);
    put_class(to, e);
    mlpi_export_class_names(to, e);
    put_float(to, e);
    put_self_test(to, e);
}
