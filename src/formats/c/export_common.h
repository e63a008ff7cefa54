/* SPDX-License-Identifier: MIT */
/*
 * What exported networks share, whatever their arithmetic. There are two kinds:
 * real numbers (export_real.c) and int8 (export_int8.c).
 *
 * The files of both kinds have the same frame. A kind adds its own text to it
 * through the functions of mlpi_export_kind, in brackets here:
 *
 *     header   comment | sizes | [put_header_constants] | predict | class |
 *              [put_header_functions] | class_name | the caller's header_text
 *     code     comment [put_remarks] | check of header | [put_preamble] |
 *              snippets | [put_constants] | predict: [begin_predict], then for
 *              each layer [put_layer], then [end_predict] | class, for a single
 *              output [put_binary_class] | class_name | [put_functions] | the
 *              caller's code_text | self-test: [put_test_row] for each row,
 *              [put_test_functions], [put_comparison]
 *
 * Outputs of hidden layers lie in two arrays of the caller's scratch by turns,
 * `a` and `b` (mlpi_export_array).
 */
#ifndef MLPI_FORMATS_C_EXPORT_COMMON_H
#define MLPI_FORMATS_C_EXPORT_COMMON_H

#include "formats/c/c_writer.h"
#include "formats/c/quantise.h"
#include "formats/c/snippets.h"
#include "model/net.h"

enum { MLPI_PREFIX_SIZE = 64 };

typedef struct mlpi_export_kind mlpi_export_kind;

/* An export in progress: what is written, and what is known about it. */
typedef struct mlpi_export {
    const mlp_net *net; /* without batch norm */
    const mlp_export_options *options;
    const mlpi_export_kind *kind;
    const char *code, *header; /* the files' names, without a folder */
    char prefix[MLPI_PREFIX_SIZE], upper[MLPI_PREFIX_SIZE];
    mlp_view X, A;      /* rows for the self-test, and the network's outputs */
    mlp_view jacobians; /* for the self-test; without the option no data */
    /* The kind sets the members from here to the snippets. */
    const char *type;  /* of inputs and outputs in C, such as "float" */
    size_t size;       /* bytes of that type */
    bool standardises; /* the code scales inputs itself, into `b` */
    mlpi_int8 *int8;   /* NULL for real numbers */
    mlpi_snippets snippets;
    mlpi_snippets float_snippets; /* int8: written only for -D<PREFIX>_FLOAT */
    mlp_export_report *report;
    uint32_t checksum;      /* of the code; both files hold it */
    size_t checksum_offset; /* of its digits in the code, in bytes */
} mlpi_export;

/* A function that writes one part of a file. */
typedef void mlpi_export_text(mlpi_writer *to, const mlpi_export *e);

/* One kind of arithmetic. The four texts and these functions must be there:
 * prepare, put_layer, put_binary_class, put_test_row and put_comparison. Any
 * other function may be NULL: its part of the file is then empty. */
struct mlpi_export_kind {
    const char *scratch_unit; /* what scratch is counted in */
    const char *index_type;   /* C's type of a loop variable */
    const char *libraries;    /* for the linker, with a blank before each */
    const char *class_remark; /* the end of the comment on <prefix>_class */

    /* Checks the options, chooses the snippets, and counts the bytes of its own
     * constants in the report, to which class names are added later; runs once,
     * before any text is written. */
    mlp_status (*prepare)(mlpi_export *e);

    /* Checks what the exported network predicts, once the report has its sizes:
     * a caller whose network is refused still learns what it would need. */
    mlp_status (*check_accuracy)(const mlpi_export *e);

    mlpi_export_text *put_header_constants, *put_header_functions;
    mlpi_export_text *put_remarks, *put_preamble, *put_constants;
    mlpi_export_text *begin_predict, *end_predict;
    void (*put_layer)(mlpi_writer *to, const mlpi_export *e, size_t l,
                      const char *in, const char *out);
    mlpi_export_text *put_binary_class, *put_functions;

    /* The self-test needs a row of inputs or of outputs, and the statements
     * that compare y[j] with the expected number. */
    void (*put_test_row)(mlpi_list *list, const mlpi_export *e, size_t i,
                         bool outputs);
    mlpi_export_text *put_comparison;
    mlpi_export_text *put_test_functions; /* before main */
};

/* Marks a snippet as needed. The build has checked that the table has it:
 * cut_snippets.cmake lists the names. */
void mlpi_export_require(mlpi_snippets *snippets, const char *name);

/* Marks the snippet of an activation as needed: its name and `end`, such as
 * tanh_of. */
void mlpi_export_require_activation(mlpi_snippets *snippets, mlp_activation f,
                                    const char *end);

/* Writes the statement `to_array[i] = <activation><end>(from[i]);` for layer l,
 * inside a loop. */
void mlpi_export_put_activation(mlpi_writer *to, const mlpi_export *e, size_t l,
                                const char *end, const char *from,
                                const char *to_array);

/* The two arrays in scratch. Hidden layer l writes into array l % 2, so that it
 * never overwrites what it reads. */
typedef enum mlpi_export_array {
    MLPI_ARRAY_B = 0, /* `b`: layers 2, 4, ... and the standardised inputs */
    MLPI_ARRAY_A = 1  /* `a`: layers 1, 3, ... */
} mlpi_export_array;

/* Returns how many numbers an array holds. */
size_t mlpi_export_array_length(const mlpi_export *e, mlpi_export_array array);

/* Returns the name of the array that hidden layer l writes into. */
static inline const char *mlpi_export_array_name(size_t l)
{
    return l % 2 == MLPI_ARRAY_A ? "a" : "b";
}

/* Lets the kind prepare, sets the bytes of constants and scratch in the report,
 * and lets the kind check its accuracy. May allocate e->int8 or
 * e->jacobians.data, which the caller releases, also on failure. */
mlp_status mlpi_export_prepare(mlpi_export *e);

/* Writes the header. e->checksum must be that of the code. */
void mlpi_export_put_header(mlpi_writer *to, const mlpi_export *e);

/* Writes the code with a checksum of 0, and sets e->checksum_offset. */
void mlpi_export_put_code(mlpi_writer *to, mlpi_export *e);

/* The kind of real numbers, in the precision of the network. The outputs have
 * the library's bits if options->canonical, else they are within 1e-6 of the
 * library's. Preparing fails only with the option `jacobian`, as
 * mlpi_export_prepare_jacobian. For the prefix `net` the header declares
 *
 *     void net_predict(const float *x, float *y, float *scratch);
 *     void net_jacobian(const float *x, float *jacobian, float *scratch);
 *                                                if it is asked for
 *     int net_class(const float *y);             if outputs name classes
 *     const char *net_class_name(int number);    if classes have names
 */
extern const mlpi_export_kind mlpi_export_real;

/* The kind of integers (quantise.h). The rows options->X tell the ranges of all
 * numbers: MLP_ERR_ARGUMENT if there are none. If there are targets Y, both
 * networks are scored on the rows: MLP_ERR_ACCURACY if the score drops by more
 * than the options allow; MLP_ERR_ARGUMENT also with the option `jacobian`. The
 * header declares the other functions above with int8_t for float, and two
 * conversions, which are compiled with -DNET_FLOAT:
 *
 *     void net_quantise(const float *x, int8_t *q);
 *     void net_dequantise(const int8_t *q, float *y);
 */
extern const mlpi_export_kind mlpi_export_int8;

#endif
