/* SPDX-License-Identifier: MIT */
/* What the parts of mlp_export_c share: a network on its way into C. */
#ifndef MLPI_FORMATS_C_EXPORT_COMMON_H
#define MLPI_FORMATS_C_EXPORT_COMMON_H

#include "formats/c/source_extract.h"
#include "model/loss.h"
#include "formats/c/quantise.h"

enum { MLPI_PREFIX_SIZE = 64 };

typedef struct mlpi_export {
    const mlp_net *net; /* without batch norm */
    const mlp_export_options *options;
    const char *code, *header; /* the files' names, without a folder */
    char prefix[MLPI_PREFIX_SIZE], upper[MLPI_PREFIX_SIZE];
    mlp_view X, A;   /* rows for the self-test, and what the net says of them */
    mlpi_int8 *int8; /* NULL: of real numbers */
    mlpi_snippets *snippets, *float_pieces;
    mlp_export_report *report;
    size_t id_at; /* where in the code the checksum stands, in 8 digits */
    uint32_t id;
} mlpi_export;

/* Does an output, or the largest of them, name a class? */
static inline bool mlpi_export_has_classes(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ||
           (net->loss == MLP_LOSS_BCE && mlpi_net_outputs(net) == 1) ||
           net->class_names.count > 0;
}

/* The parts of both files that are the same whatever the arithmetic. */
void mlpi_export_head(mlpi_writer *to, const mlpi_export *e, const char *file);
void mlpi_export_open_header(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_close_header(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_open_code(mlpi_writer *to, mlpi_export *e);
void mlpi_export_class_names(mlpi_writer *to, const mlpi_export *e);
size_t mlpi_export_class_bytes(const mlp_net *net);

/* Networks of real numbers: the snippets that they need, then the files. */
mlp_status mlpi_export_real_prepare(mlpi_export *e);
void mlpi_export_real_header(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_real_code(mlpi_writer *to, mlpi_export *e);

/* Of integers, likewise. MLP_ERR_ACCURACY. */
mlp_status mlpi_export_int8_prepare(mlpi_export *e);
void mlpi_export_int8_header(mlpi_writer *to, const mlpi_export *e);
void mlpi_export_int8_code(mlpi_writer *to, mlpi_export *e);

#endif
