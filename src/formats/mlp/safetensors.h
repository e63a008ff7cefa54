/* SPDX-License-Identifier: MIT */
/*
 * safetensors, the container of model files:
 *
 *     n u64 | n bytes of JSON, then spaces | data
 *     {"__metadata__": {"key": "text", ...},
 *      "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * with the lowest byte of each number first. Offsets count from the beginning
 * of the data, which tensors fill without gaps and without sharing a byte.
 * Nothing that the bytes claim is believed before it has been compared with
 * how many there are.
 */
#ifndef MLPI_FORMATS_MLP_SAFETENSORS_H
#define MLPI_FORMATS_MLP_SAFETENSORS_H

#include "base/json.h"

/* The most bytes a header may have, as the format's other readers have it. */
#define MLPI_HEADER_MOST 100000000

enum { MLPI_HEAD_BYTES = 8 };

/* A tensor of a file. */
typedef struct mlpi_tensor_entry {
    mlpi_span name, dtype;
    int type; /* the dtype's place in a list of known ones, or -1 */
    size_t rank, shape[2]; /* of more than two dimensions the first two */
    size_t begin, size;    /* bytes in the data */
} mlpi_tensor_entry;

typedef struct mlpi_safetensors {
    const unsigned char *bytes; /* all of them */
    size_t size;
    const char *header; /* n bytes, behind which the data begin */
    size_t header_size;
    size_t metadata; /* where in the header its value is; 0: nowhere */
    mlpi_tensor_entry
        *tensor; /* [count], by owners, then parts: layer 2 before 10 */
    size_t count;
} mlpi_safetensors;

/* May a file of so many bytes begin with these MLPI_HEAD_BYTES? */
bool mlpi_safetensors_begins(const unsigned char *head, size_t size);

/* Reads the header. Allocates the table, as long as the header has tensors; the
 * bytes are borrowed. MLP_ERR_FORMAT. */
mlp_status mlpi_safetensors_open(const mlp_hooks *hooks, const void *bytes,
                                 size_t size, mlpi_safetensors *c);
void mlpi_safetensors_close(const mlp_hooks *hooks, mlpi_safetensors *c);

/* The name behind its last point, and its owner: what stands before. */
mlpi_span mlpi_name_part(mlpi_span name, mlpi_span *owner);

/* The tensor of this name, of at most 63 characters, none of them to be
 * escaped; NULL if there is none. */
const mlpi_tensor_entry *mlpi_safetensors_find(const mlpi_safetensors *c,
                                               const char *name);

/* The value of a key of the metadata; false if it is not there. */
bool mlpi_safetensors_metadata(const mlpi_safetensors *c, const char *key,
                               mlpi_span *value);

/* At the metadata's first key, for mlpi_json_more and so on; its syntax has
 * been checked. An empty object if there is none. */
mlpi_json mlpi_safetensors_pairs(const mlpi_safetensors *c);

/* Can mlpi_stored_real read the elements? F64, F32, F16 and BF16. */
bool mlpi_stored_is_real(const mlpi_tensor_entry *t);

/* Element `index`, widened. */
double mlpi_stored_real(const mlpi_safetensors *c, const mlpi_tensor_entry *t,
                        size_t index);

#endif
