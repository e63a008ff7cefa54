/* SPDX-License-Identifier: MIT */
/*
 * Reading safetensors, the container of model files. A file is
 *
 *     n u64 | header, n bytes: JSON, then spaces | data
 *
 * with the lowest byte of each number first. The header is one JSON object. It
 * has a member for each tensor, and may have strings of metadata:
 *
 *     {"__metadata__": {"key": "text", ...},
 *      "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * Offsets are in bytes and count from the beginning of the data. Tensors fill
 * the data without gaps, and no two of them share a byte. Elements of a tensor
 * are stored row by row.
 *
 * Anybody may have written the file. So no number in it is used before it has
 * been compared with the number of bytes that there are.
 */
#ifndef MLPI_FORMATS_MLP_SAFETENSORS_H
#define MLPI_FORMATS_MLP_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"
#include "kernels/kernels.h"

/* The largest n in bytes; other readers of the format have the same limit. */
#define MLPI_HEADER_MAX 100000000

/* The number n takes 8 bytes. */
enum { MLPI_LENGTH_BYTES = 8 };

/* What the header says of one tensor. */
typedef struct mlpi_tensor_entry {
    mlpi_span name;     /* characters, escapes resolved: see tensor_names.h */
    size_t module;      /* bytes of the name up to its last point */
    mlpi_span dtype;    /* points into the header */
    int type;           /* index into the known dtypes, or -1 */
    size_t rank;        /* number of dimensions */
    size_t shape[2];    /* the first two dimensions, as far as they exist */
    size_t begin, size; /* in the data, in bytes */
} mlpi_tensor_entry;

typedef struct mlpi_safetensors {
    const unsigned char *bytes; /* the whole file, owned by the caller */
    size_t size;
    size_t header_size; /* n */
    size_t metadata;    /* offset of the metadata in the header; 0: none */
    mlpi_tensor_entry *tensor; /* [count], sorted: see mlpi_safetensors_open */
    size_t count;
    size_t data;  /* bytes of all tensors together */
    char *names;  /* names that have escapes in the header, without these */
    size_t named; /* bytes of them, at most */
} mlpi_safetensors;

/* Returns the header: header_size bytes of text. */
static inline const char *mlpi_safetensors_header(const mlpi_safetensors *file)
{
    return (const char *)file->bytes + MLPI_LENGTH_BYTES;
}

/* Returns the data, which begin behind the header. */
static inline const unsigned char *
mlpi_safetensors_data(const mlpi_safetensors *file)
{
    return file->bytes + MLPI_LENGTH_BYTES + file->header_size;
}

/* True if a file of `size` bytes may begin with the MLPI_LENGTH_BYTES at
 * `head`. */
bool mlpi_safetensors_may_begin(const unsigned char *head, size_t size);

/* What mlpi_file_read_headed must know of the format, to read no file whose
 * header says something else than its size. */
extern const mlpi_file_rules mlpi_safetensors_rules;

/* Reads the header and allocates the table of tensors, which takes at most
 * three times the bytes of the header, plus one entry. The file's bytes must
 * stay until the table is closed.
 *
 * The table is sorted by the names of modules, then by the names behind them
 * (mlpi_split_name), with numbers in names compared by their values: "fc2.bias"
 * stands before "fc2.weight", and both before "fc10.bias". So the tensors of
 * one module are neighbours, and modules come in the order of their layers.
 *
 * MLP_ERR_FORMAT if the bytes are no safetensors file, MLP_ERR_MEMORY; there is
 * nothing to close then. */
mlp_status mlpi_safetensors_open(const mlp_hooks *hooks, const void *bytes,
                                 size_t size, mlpi_safetensors *file);
void mlpi_safetensors_close(const mlp_hooks *hooks, mlpi_safetensors *file);

/* Splits a tensor's name behind its last point, as PyTorch composes names:
 * "fc1.weight" gives *module = "fc1." and returns "weight". A name without a
 * point has the empty module. */
mlpi_span mlpi_split_name(const mlpi_tensor_entry *t, mlpi_span *module);

/* Returns the tensor of this name, or NULL if there is none. */
const mlpi_tensor_entry *mlpi_safetensors_find(const mlpi_safetensors *file,
                                               const char *name);

/* Finds the value of a key of the metadata. Returns false if the file has no
 * such key. */
bool mlpi_safetensors_metadata(const mlpi_safetensors *file, const char *key,
                               mlpi_span *value);

/* Returns a reader that stands before the first key of the metadata, for
 * mlpi_json_more, mlpi_json_key and mlpi_json_string. The syntax has been
 * checked. Without metadata it reads an empty object. */
mlpi_json mlpi_safetensors_pairs(const mlpi_safetensors *file);

/* True if the elements are real numbers that mlpi_tensor_real can read: their
 * dtype is F64, F32, F16 or BF16. */
bool mlpi_tensor_is_real(const mlpi_tensor_entry *t);

/* Returns element `index` of a real tensor. A double holds it exactly. */
double mlpi_tensor_real(const mlpi_safetensors *file,
                        const mlpi_tensor_entry *t, size_t index);

/* Copies a real tensor into a view that has its number of elements, rounded to
 * the precision of `kernels`, which is that of the view. */
void mlpi_safetensors_copy(const mlpi_safetensors *file,
                           const mlpi_tensor_entry *t,
                           const mlpi_kernels *kernels, mlp_view view);

#endif
