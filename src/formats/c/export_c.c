/* SPDX-License-Identifier: MIT */
/*
 * A network as C: what is common to all kinds of arithmetic. Files are written
 * twice, first to nowhere, to be measured. The code knows the checksum of
 * itself, and so does its header: files of two exports do not compile together.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "formats/c/export_common.h"
#include "formats/c/c_writer.h"
#include "base/error.h"
#include "model/data_check.h"
#include "model/tensors.h"

enum { TEST_ROWS = 8, ID_DIGITS = 8 };

mlp_export_options mlp_export_defaults(void)
{
    return (mlp_export_options){.max_score_drop = 0.01};
}

/* ---------------------------------------------------------------------------
 * Names
 */

static bool is_identifier(size_t n, const char *text)
{
    static const char first[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < n; i++) {
        if (!strchr(first, text[i]) &&
            (i == 0 || !strchr("0123456789_", text[i]))) {
            return false;
        }
    }
    return n > 0 && n < MLPI_PREFIX_SIZE;
}

static mlp_status take_prefix(mlpi_export *e, size_t n, const char *text)
{
    if (!is_identifier(n, text)) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ARGUMENT,
                          "prefix: expects letters, digits and _, a letter "
                          "first, at most %d, got \"%.*s\"",
                          MLPI_PREFIX_SIZE - 1, (int)(n < 80 ? n : 80), text);
    }
    memcpy(e->prefix, text, n);
    e->prefix[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        e->upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    e->upper[n] = '\0';
    return MLP_OK;
}

/* The files' names, of which the header's goes into `header`, and from the
 * first of them the prefix. They stand in comments and strings: without what
 * ends those, or might begin a trigraph. */
static mlp_status take_names(mlpi_export *e, const char *path, char *header)
{
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = n - (size_t)(name - path);
    bool good = length > 2 && memcmp(path + n - 2, ".c", 3) == 0;
    for (const char *at = name; *at; at++) {
        good = good && (unsigned char)*at >= ' ' && !strchr("\"\\*?", *at);
    }
    if (!good) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ARGUMENT,
                          "path: expects the name of a C file, which ends in "
                          "\".c\", got \"%s\"",
                          path);
    }
    memcpy(header, path, n + 1);
    header[n - 1] = 'h';
    e->code = name;
    e->header = header + (name - path);
    const char *prefix = e->options->prefix;
    return prefix ? take_prefix(e, strlen(prefix), prefix)
                  : take_prefix(e, length - 2, name);
}

/* ---------------------------------------------------------------------------
 * Text that all have
 */

static void put_layers(mlpi_writer *to, const mlp_net *net)
{
    const mlpi_layout *layout = &net->layout;
    mlpi_put_text(to, " * %zu inputs%s\n", layout->layer[0].width,
                  net->in.scales ? ", standardised" : "");
    for (size_t l = 1; l <= layout->L; l++) {
        mlpi_put_text(to, " * %zu %s\n", layout->layer[l].width,
                      mlp_activation_name(layout->layer[l].activation));
    }
    mlpi_put_text(to, "%s", net->out.scales ? " * and scaled back\n" : "");
}

void mlpi_export_head(mlpi_writer *to, const mlpi_export *e, const char *file)
{
    mlpi_put_text(to, "/*\n * %s: a network in C, made by libmlp %s.\n *\n",
                  file, mlp_version());
    put_layers(to, e->net);
    mlpi_put_text(to,
                  " *\n * Constants (flash): %zu bytes.\n"
                  " * Scratch (RAM): %zu bytes, the caller's.\n",
                  e->report->constant_bytes, e->report->scratch_bytes);
}

void mlpi_export_open_header(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_export_head(to, e, e->header);
    mlpi_put_text(to,
                  " */\n#ifndef %s_H\n#define %s_H\n\n"
                  "/* Of the code that belongs to this header. */\n"
                  "#define %s_ID 0x%08lx\n\n"
                  "#define %s_INPUTS %zu\n#define %s_OUTPUTS %zu\n",
                  e->upper, e->upper, e->upper, (unsigned long)e->id, e->upper,
                  mlpi_net_inputs(e->net), e->upper, mlpi_net_outputs(e->net));
}

void mlpi_export_close_header(mlpi_writer *to, const mlpi_export *e)
{
    if (e->net->class_names.count > 0) {
        mlpi_put_text(
            to,
            "\n/* The name of a class, UTF-8; \"\" for other numbers. "
            "*/\nconst char *%s_class_name(int number);\n",
            e->prefix);
    }
    mlpi_put_text(to, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

void mlpi_export_open_code(mlpi_writer *to, mlpi_export *e)
{
    mlpi_put_text(to, " */\n#include \"%s\"\n\n#if %s_ID != 0x", e->header,
                  e->upper);
    e->id_at = to->used;
    mlpi_put_text(to, "00000000\n#error \"%s is of another export\"\n#endif\n",
                  e->header);
}

static size_t longest_name(const mlp_net *net)
{
    size_t most = 0;
    for (size_t i = 0; i < net->class_names.count; i++) {
        size_t n = strlen(net->class_names.text[i]) + 1;
        most = most < n ? n : most;
    }
    return most;
}

size_t mlpi_export_class_bytes(const mlp_net *net)
{
    return net->class_names.count * longest_name(net);
}

/* Without pointers, which a loader might have to relocate. */
void mlpi_export_class_names(mlpi_writer *to, const mlpi_export *e)
{
    const mlpi_string_list *names = &e->net->class_names;
    if (names->count == 0) {
        return;
    }
    mlpi_put_text(to, "\nstatic const char class_names[%zu][%zu] = {\n",
                  names->count, longest_name(e->net));
    for (size_t i = 0; i < names->count; i++) {
        mlpi_put_text(to, "    ");
        mlpi_put_literal(to, names->text[i]);
        mlpi_put_text(to, ",\n");
    }
    mlpi_put_text(to,
                  "};\n\nconst char *%s_class_name(int number)\n{\n"
                  "    return number >= 0 && number < %zu ? "
                  "class_names[number] : \"\";\n}\n",
                  e->prefix, names->count);
}

/* ---------------------------------------------------------------------------
 * Rows for the self-test
 */

/* Of a network that knows no rows, some about where its inputs lie. */
static mlp_status make_rows(const mlp_net *net, mlp_view X)
{
    mlp_rng rng = mlp_rng_seeded(1);
    for (size_t i = 0; i < X.rows; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            double mean = 0;
            double std = 1;
            if (net->in.scales) {
                net->kernels->to_double(
                    1, mlpi_at(net->kernels, net->in.mean, j), &mean);
                net->kernels->to_double(
                    1, mlpi_at(net->kernels, net->in.std, j), &std);
            }
            double x = mean + std * mlp_rng_uniform(&rng, -2, 2);
            (void)mlp_view_set(X, i, j, x);
        }
    }
    return MLP_OK;
}

static mlp_status fill_rows(mlpi_export *e)
{
    const mlp_cview *given = &e->options->X;
    if (given->rows == 0) {
        TRY(make_rows(e->net, e->X));
    }
    for (size_t i = 0; given->rows > 0 && i < e->X.rows; i++) {
        for (size_t j = 0; j < e->X.cols; j++) {
            (void)mlp_view_set(e->X, i, j, mlp_cview_at(*given, i, j));
        }
    }
    TRY(mlpi_check_finite(e->net, &e->net->hooks, "X", mlp_view_const(e->X)));
    TRY(mlp_predict(e->net, mlp_view_const(e->X), e->A));
    return mlpi_check_finite(e->net, &e->net->hooks, "outputs of X",
                             mlp_view_const(e->A));
}

static mlp_view dense_view(const mlp_net *net, size_t rows, size_t cols,
                           void *data)
{
    return (mlp_view){net->kernels->dtype, rows, cols, cols, 1, data};
}

/* Allocates; e->X.data is the block. */
static mlp_status take_rows(mlpi_export *e)
{
    const mlp_net *net = e->net;
    size_t given = e->options->X.rows;
    size_t m = given == 0 || given > TEST_ROWS ? TEST_ROWS : given;
    size_t inputs = mlpi_net_inputs(net);
    size_t outputs = mlpi_net_outputs(net);
    if (given > 0) {
        TRY(mlpi_check_inputs(net, &net->hooks, &e->options->X, 0));
    }
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, m * (inputs + outputs), net->kernels->real_size);
    TRY(mlpi_allocate(&net->hooks, &measure, "rows", &block));
    e->X = dense_view(net, m, inputs, block);
    e->A =
        dense_view(net, m, outputs, mlpi_at(net->kernels, block, m * inputs));
    return fill_rows(e);
}

/* ---------------------------------------------------------------------------
 * The files
 */

static mlp_status check_parameters(const mlp_net *net)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        TRY(mlpi_check_finite(
            net, &net->hooks, "W",
            mlp_view_const(mlpi_net_weights_in(net, net->parameters, l))));
        TRY(mlpi_check_finite(
            net, &net->hooks, "b",
            mlp_view_const(mlpi_net_biases_in(net, net->parameters, l))));
    }
    return MLP_OK;
}

static void seal(mlpi_export *e, mlpi_writer *code)
{
    static const char digits[] = "0123456789abcdef";
    e->id = mlpi_crc32(code->used, code->bytes);
    uint32_t rest = e->id;
    for (size_t i = ID_DIGITS; i-- > 0; rest >>= 4) {
        code->bytes[e->id_at + i] = (unsigned char)digits[rest & 15];
    }
}

static void put_code(mlpi_writer *to, mlpi_export *e)
{
    if (e->options->int8) {
        mlpi_export_int8_code(to, e);
    } else {
        mlpi_export_real_code(to, e);
    }
}

static void put_header(mlpi_writer *to, const mlpi_export *e)
{
    if (e->options->int8) {
        mlpi_export_int8_header(to, e);
    } else {
        mlpi_export_real_header(to, e);
    }
}

static mlp_status write_files(mlpi_export *e, const char *path,
                              const char *header_path)
{
    mlpi_writer code = {.bytes = NULL};
    mlpi_writer header = {.bytes = NULL};
    put_code(&code, e);
    put_header(&header, e);
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, code.used, 1);
    (void)mlpi_take(&measure, header.used, 1);
    TRY(mlpi_allocate(&e->net->hooks, &measure, "files", &block));
    mlpi_cursor carve = {.base = block};
    code = (mlpi_writer){.bytes = mlpi_take(&carve, code.used, 1)};
    header = (mlpi_writer){.bytes = mlpi_take(&carve, header.used, 1)};
    put_code(&code, e);
    seal(e, &code);
    put_header(&header, e);
    const mlpi_new_file parts[] = {{header_path, header.bytes, header.used},
                                   {path, code.bytes, code.used}};
    mlp_status status = mlpi_file_write_all(&e->net->hooks, parts, 2);
    mlpi_release(&e->net->hooks, block);
    return status;
}

static mlp_status export_folded(mlpi_export *e, const char *path, char *header)
{
    TRY(take_names(e, path, header));
    TRY(check_parameters(e->net));
    mlp_status status = take_rows(e);
    if (status == MLP_OK) {
        status = e->options->int8 ? mlpi_export_int8_prepare(e)
                                  : mlpi_export_real_prepare(e);
    }
    if (status == MLP_OK) {
        status = write_files(e, path, header);
    }
    mlpi_release(&e->net->hooks, e->float_pieces);
    mlpi_release(&e->net->hooks, e->snippets);
    mlpi_release(&e->net->hooks, e->int8);
    mlpi_release(&e->net->hooks, e->X.data);
    return status;
}

static mlp_status export_net(const mlp_net *net, const char *path,
                             const mlp_export_options *options,
                             mlp_export_report *report)
{
    mlp_net *folded = NULL;
    void *header = NULL;
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, strlen(path) + 1, 1);
    TRY(mlpi_allocate(&net->hooks, &measure, "a name", &header));
    mlp_status status = mlp_net_fold_batch_norm(net, &folded);
    if (status == MLP_OK) {
        mlpi_export e = {.net = folded, .options = options, .report = report};
        status = export_folded(&e, path, header);
    }
    mlp_net_free(folded);
    mlpi_release(&net->hooks, header);
    return status;
}

mlp_status mlp_export_c(const mlp_net *net, const char *path,
                        const mlp_export_options *options,
                        mlp_export_report *report)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!path) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the path is NULL");
    }
    const mlp_export_options defaults = mlp_export_defaults();
    mlp_export_report made = {.score_before = NAN, .score_after = NAN};
    mlp_status status =
        export_net(net, path, options ? options : &defaults, &made);
    if (report && (status == MLP_OK || status == MLP_ERR_ACCURACY)) {
        *report = made;
    }
    return status;
}
