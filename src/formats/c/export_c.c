/* SPDX-License-Identifier: MIT */
/*
 * mlp_export_c: a network becomes a C file and its header.
 *
 *   1. Batch norm is folded into the layers before it.
 *   2. Names and rows are checked; the library predicts some rows, which become
 *      the self-test.
 *   3. The kind of arithmetic prepares: it chooses snippets, and for int8 makes
 *      and scores the integers.
 *   4. Both files are written into memory, and then to the disk, both or none.
 *
 * The texts are written twice, at first by a writer that only measures, so that
 * one block of the right size can be allocated. The checksum of the code goes
 * into both files.
 *
 * If anything fails, no file is written or changed, and all memory is released.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_replace.h"
#include "base/number_text.h"
#include "formats/c/export_common.h"
#include "model/data_check.h"
#include "model/tensors.h"

enum { TEST_ROWS = 8 }; /* of the self-test, at most */

/* All other options are off: no prefix, no rows, real numbers from the C
 * library. */
mlp_export_options mlp_export_defaults(void)
{
    return (mlp_export_options){.max_score_drop = 0.01};
}

/* ---------------------------------------------------------------------------
 * Names
 */

/* The prefix begins names and, in upper case, macros. The letters are listed,
 * because isalpha depends on the locale. */
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

/* Sets the prefix, and the prefix in upper case. The message shows at most 80
 * bytes of a wrong one. */
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

/* tolower would depend on the locale. */
static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* True if the header of a file, given by its name without ".c", would have the
 * name of a header of C, of POSIX or of this library. Whoever compiles with the
 * file's folder among the folders of headers would get the wrong one. File
 * systems may not distinguish upper case. */
static bool hides_header(size_t n, const char *name)
{
    static const char headers[] =
        " assert complex ctype errno fenv float inttypes iso646 limits locale "
        "math setjmp signal stdalign stdarg stdatomic stdbit stdbool stdckdint "
        "stddef stdint stdio stdlib stdnoreturn string tgmath threads time "
        "uchar wchar wctype aio cpio dirent dlfcn endian fcntl fmtmsg fnmatch "
        "ftw glob grp iconv langinfo libgen malloc monetary mqueue ndbm netdb "
        "nl_types poll pthread pwd regex sched search semaphore spawn strings "
        "syslog tar termios unistd utmpx wordexp memory mlp mlp_data "
        "mlp_foreign mlp_mpi mlp_onnx mlp_show ";
    const char *at = headers; /* a blank, before a name */
    for (; at[1] != '\0'; at = strchr(at + 1, ' ')) {
        size_t i = 0;
        while (i < n && lower(name[i]) == at[i + 1]) {
            i++;
        }
        if (i == n && at[i + 1] == ' ') {
            return true;
        }
    }
    return false;
}

/* Sets both files' names and the prefix, which by default is the name of the
 * code without ".c". The path of the header goes into `header`. The names stand
 * in comments and string constants, so they must not have characters that end
 * those or that could begin a trigraph. */
static mlp_status take_names(mlpi_export *e, const char *path, char *header)
{
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = n - (size_t)(name - path);
    bool good = length > 2 && memcmp(path + n - 2, ".c", 3) == 0;
    for (const char *at = name; *at; at++) {
        /* A line's end would end the comment's line or the string constant. */
        good = good && (unsigned char)*at >= ' ' && !strchr("\"\\*?", *at);
    }
    char shown[MLPI_SHOWN_PATH];
    if (!good) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ARGUMENT,
                          "path: expects the name of a C file, which ends in "
                          "\".c\", got \"%s\"",
                          mlpi_shown_path(path, shown));
    }
    if (hides_header(length - 2, name)) {
        return mlpi_error(&e->net->hooks, MLP_ERR_ARGUMENT,
                          "path: expects a name that is not that of a header "
                          "of the system, got \"%s\"",
                          mlpi_shown_path(path, shown));
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
 * Rows for the self-test
 */

/* Makes rows for the self-test if the caller gives none: each input is uniform
 * within two standard deviations of its mean, as far as the network knows
 * these. */
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
            /* The seed is fixed: exports of equal networks are equal. */
            double x = mean + std * mlp_rng_uniform(&rng, -2, 2);
            (void)mlp_view_set(X, i, j, x);
        }
    }
    return MLP_OK;
}

/* Sets the rows e->X, and e->A to what the network predicts for them. The
 * self-test of an exported file demands these outputs, whatever the compiler
 * there. */
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
    /* C has no constants for what is not finite, so such rows, or outputs,
     * could not be written. */
    TRY(mlpi_check_finite(e->net, &e->net->hooks, "X", mlp_view_const(e->X)));
    TRY(mlp_predict(e->net, mlp_view_const(e->X), e->A));
    return mlpi_check_finite(e->net, &e->net->hooks, "outputs of X",
                             mlp_view_const(e->A));
}

/* Returns a view of rows without gaps between them, in the network's
 * precision. */
static mlp_view dense_view(const mlp_net *net, size_t rows, size_t cols,
                           void *data)
{
    return (mlp_view){net->kernels->dtype, rows, cols, cols, 1, data};
}

/* Allocates the rows of the self-test and their outputs, whose block is
 * e->X.data, and fills them: the first of the caller's, if there are any. */
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
    void *block = NULL;
    TRY(mlpi_allocate_array(&net->hooks, m * (inputs + outputs),
                            net->kernels->real_size, "rows", &block));
    e->X = dense_view(net, m, inputs, block);
    e->A =
        dense_view(net, m, outputs, mlpi_at(net->kernels, block, m * inputs));
    return fill_rows(e);
}

/* ---------------------------------------------------------------------------
 * The files
 */

/* C has no constant for an infinity or a NaN. */
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

/* Replaces the eight zeros in the code by its checksum, which covers them. */
static void seal(mlpi_export *e, mlpi_writer *code)
{
    e->checksum = mlpi_crc32(code->used, code->bytes);
    mlpi_put_hex32(e->checksum, (char *)code->bytes + e->checksum_offset);
}

/* Writes both files, or leaves both as they were: MLP_ERR_IO if the disk
 * refuses. */
static mlp_status write_files(mlpi_export *e, const char *path,
                              const char *header_path)
{
    mlpi_writer code = {.bytes = NULL};
    mlpi_writer header = {.bytes = NULL};
    /* Without memory the writers only count. */
    mlpi_export_put_code(&code, e);
    mlpi_export_put_header(&header, e);
    void *block = NULL;
    TRY(mlpi_allocate_array(&e->net->hooks, code.used + header.used, 1, "files",
                            &block));
    header = (mlpi_writer){.bytes = (unsigned char *)block + code.used};
    code = (mlpi_writer){.bytes = block};
    /* The header comes last, since it holds the checksum. */
    mlpi_export_put_code(&code, e);
    seal(e, &code);
    mlpi_export_put_header(&header, e);
    /* Either both files are replaced or none. */
    const mlpi_new_file files[] = {{header_path, header.bytes, header.used},
                                   {path, code.bytes, code.used}};
    mlp_status status = mlpi_file_write_all(&e->net->hooks, files, 2);
    mlpi_release(&e->net->hooks, block);
    return status;
}

/* Exports e->net, which has no batch norm, and releases what `e` holds. */
static mlp_status export_folded(mlpi_export *e, const char *path, char *header)
{
    TRY(take_names(e, path, header));
    TRY(check_parameters(e->net));
    mlp_status status = take_rows(e);
    if (status == MLP_OK) {
        status = mlpi_export_prepare(e);
    }
    if (status == MLP_OK) {
        status = write_files(e, path, header);
    }
    mlpi_release(&e->net->hooks, e->int8);
    mlpi_release(&e->net->hooks, e->jacobians.data);
    mlpi_release(&e->net->hooks, e->X.data);
    return status;
}

/* Exports a copy of the network without batch norm, so that exported code needs
 * no arithmetic for it. */
static mlp_status export_net(const mlp_net *net, const char *path,
                             const mlp_export_options *options,
                             mlp_export_report *report)
{
    mlp_net *folded = NULL;
    void *header = NULL;
    TRY(mlpi_allocate_array(&net->hooks, strlen(path) + 1, 1, "a name",
                            &header));
    mlp_status status = mlp_net_fold_batch_norm(net, &folded);
    if (status == MLP_OK) {
        mlpi_export e = {.net = folded,
                         .options = options,
                         .kind = options->int8 ? &mlpi_export_int8
                                               : &mlpi_export_real,
                         .report = report};
        status = export_folded(&e, path, header);
    }
    mlp_net_free(folded);
    mlpi_release(&net->hooks, header);
    return status;
}

/* The report is filled on success, and if int8 loses too much, because then its
 * scores tell how much. */
mlp_status mlp_export_c(const mlp_net *net, const char *path,
                        const mlp_export_options *options,
                        mlp_export_report *report)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, path, "the path"));
    const mlp_export_options defaults = mlp_export_defaults();
    options = options ? options : &defaults;
    TRY(CHECK_RESERVED(&net->hooks, "options", options));
    mlpi_allow_cancellation();
    mlp_export_report made = {.score_before = NAN, .score_after = NAN};
    mlp_status status = export_net(net, path, options, &made);
    if (report && (status == MLP_OK || status == MLP_ERR_ACCURACY)) {
        *report = made;
    }
    return status;
}
