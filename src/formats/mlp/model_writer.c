/* SPDX-License-Identifier: MIT */
/*
 * Writes networks as .mlp files, to memory or to disk. The format is specified
 * in model_format.h; this writer puts its parts in a fixed order, so that equal
 * networks give equal bytes:
 *
 *     n u64 | header, then spaces up to a multiple of 8 bytes
 *           | tensors of layer 1: W, b
 *           | tensors of layer 2, with batch norm: W, scale, b, mean, variance
 *           | ...
 *           | mean and std of the inputs | mean and std of the outputs
 *           | state of a trainer
 *
 * A file is measured by writing it with an mlpi_writer that has no memory and
 * only counts. So one function says what each part is, and the measured size
 * and the written bytes cannot disagree.
 */
#include <string.h>

#include "base/error.h"
#include "base/file_replace.h"
#include "base/memory.h"
#include "base/number_text.h"
#include "formats/mlp/description.h"
#include "formats/mlp/model_format.h"
#include "formats/mlp/model_writer.h"
#include "model/tensors.h"

/* The checksum is the first value of the header. So its digits are at the same
 * offset in every file, and mlpi_model_seal need not search for them. */
#define BEGINNING "{\"__metadata__\":{\"mlp.crc32\":\""

enum { CRC_OFFSET = MLPI_LENGTH_BYTES + sizeof BEGINNING - 1 };

/* The data begin at a multiple of 8 bytes, as the safetensors format advises: a
 * program that maps the file into memory can then read F64 in place. */
enum { DATA_ALIGNMENT = 8 };

/* ---------------------------------------------------------------------------
 * The header
 */

/* The header as it grows. */
typedef struct header {
    mlpi_json_writer w;
    size_t offset; /* of the next tensor in the data, in bytes */
} header;

/* Writes the entry of a tensor of `bytes` bytes up to its shape, whose numbers
 * and closing brackets the caller writes. */
static void put_entry(header *h, const char *name, const char *type,
                      size_t bytes)
{
    mlpi_json_put(h->w, ",");
    mlpi_json_put_string(h->w, name);
    mlpi_json_put(h->w, ":{\"dtype\":");
    mlpi_json_put_string(h->w, type);
    mlpi_json_put(h->w, ",\"data_offsets\":[");
    mlpi_json_put_number(h->w, h->offset);
    h->offset += bytes;
    mlpi_json_put(h->w, ",");
    mlpi_json_put_number(h->w, h->offset);
    mlpi_json_put(h->w, "],\"shape\":[");
}

/* Writes the entry of a tensor of the network's precision. Its shape is
 * [rows, cols], or [cols] if rows is 0. */
static void put_tensor(header *h, const mlp_net *net, const char *name,
                       size_t rows, size_t cols)
{
    put_entry(h, name, mlpi_model_dtype(net->kernels->dtype),
              (rows ? rows : 1) * cols * net->kernels->real_size);
    if (rows) {
        mlpi_json_put_number(h->w, rows);
        mlpi_json_put(h->w, ",");
    }
    mlpi_json_put_number(h->w, cols);
    mlpi_json_put(h->w, "]}");
}

/* Writes the entries of a scaling of inputs or outputs, if there is one. */
static void put_scaling(header *h, const mlp_net *net, const mlpi_scaling *s,
                        const char *mean, const char *std)
{
    if (s->scales) {
        put_tensor(h, net, mean, 0, s->n);
        put_tensor(h, net, std, 0, s->n);
    }
}

/* Writes the entries of all tensors, in the order of put_data: the offsets
 * count on from entry to entry, so the data must follow in the same order. */
static void put_tensors(header *h, const mlp_net *net, size_t state)
{
    char name[MLPI_NAME_SIZE];
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_layer_tensor *tensor =
            mlpi_layer_tensors(net->layout.layer[l].batch_norm);
        for (; tensor->name; tensor++) {
            mlp_view view = mlpi_net_tensor(net, tensor->which, l);
            mlpi_layer_tensor_name(l, tensor, name);
            put_tensor(h, net, name, tensor->which == MLP_W ? view.rows : 0,
                       view.cols);
        }
    }
    put_scaling(h, net, &net->in, MLPI_IN_MEAN, MLPI_IN_STD);
    put_scaling(h, net, &net->out, MLPI_OUT_MEAN, MLPI_OUT_STD);
    if (state > 0) {
        put_entry(h, MLPI_STATE_NAME, "U8", state);
        mlpi_json_put_number(h->w, state);
        mlpi_json_put(h->w, "]}");
    }
}

/* Writes the JSON of the header. The description is JSON too, inside of a
 * string: the writer with `true` escapes its quotes once more. */
static void put_header(mlpi_writer *to, const mlp_net *net, size_t state)
{
    header h = {.w = {to, false}};
    mlpi_json_put(h.w, BEGINNING "00000000\",\"mlp\":\"");
    mlpi_description_put((mlpi_json_writer){to, true}, net);
    mlpi_json_put(h.w, "\"");
    for (size_t i = 0; i < net->metadata.count; i++) {
        mlpi_json_put(h.w, i % 2 == 0 ? "," : ":");
        mlpi_json_put_string(h.w, net->metadata.text[i]);
    }
    mlpi_json_put(h.w, "}");
    put_tensors(&h, net, state);
    mlpi_json_put(h.w, "}");
}

/* Returns the size of the header, with the spaces that align the data. */
static size_t header_size(const mlp_net *net, size_t state)
{
    mlpi_writer count = {.bytes = NULL};
    put_header(&count, net, state);
    return (count.used + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
}

/* ---------------------------------------------------------------------------
 * The data, and the whole file
 */

/* Writes a view row by row, as safetensors stores tensors. W is stored
 * column by column in memory, so elements are fetched one by one. A writer that
 * only counts adds their bytes at once. */
static void put_view(mlpi_writer *to, const mlp_net *net, mlp_view view)
{
    size_t size = net->kernels->real_size;
    for (size_t i = 0; to->bytes && i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            mlpi_put_reals(to, size, 1,
                           mlpi_at(net->kernels, view.data,
                                   i * view.row_stride + j * view.col_stride));
        }
    }
    to->used += to->bytes ? 0 : view.rows * view.cols * size;
}

/* Writes mean and standard deviation of each column, if they are used. */
static void put_moments(mlpi_writer *to, const mlp_net *net,
                        const mlpi_scaling *s)
{
    if (s->scales) {
        mlpi_put_reals(to, net->kernels->real_size, s->n, s->mean);
        mlpi_put_reals(to, net->kernels->real_size, s->n, s->std);
    }
}

/* Writes the elements of all tensors but the state of a trainer, which comes
 * last and which the caller of mlpi_model_write adds. */
static void put_data(mlpi_writer *to, const mlp_net *net)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_layer_tensor *tensor =
            mlpi_layer_tensors(net->layout.layer[l].batch_norm);
        for (; tensor->name; tensor++) {
            put_view(to, net, mlpi_net_tensor(net, tensor->which, l));
        }
    }
    put_moments(to, net, &net->in);
    put_moments(to, net, &net->out);
}

/* The limit is checked here, before anything is written: readers refuse a
 * longer header, so the file could not be loaded again. */
mlp_status mlpi_model_measure(const mlp_net *net, size_t state, size_t *size)
{
    size_t n = header_size(net, state);
    if (n > MLPI_HEADER_MAX) {
        return mlpi_error(&net->hooks, MLP_ERR_LIMIT,
                          "names and metadata: expect a header of at most %d "
                          "bytes, got %zu",
                          MLPI_HEADER_MAX, n);
    }
    mlpi_writer count = {.bytes = NULL};
    put_data(&count, net);
    *size = MLPI_LENGTH_BYTES + n + count.used + state;
    return MLP_OK;
}

/* The spaces between header and data are part of the header for safetensors:
 * JSON may end with white space. */
void mlpi_model_write(const mlp_net *net, size_t state, void *bytes)
{
    mlpi_writer to = {.bytes = bytes};
    size_t n = header_size(net, state);
    mlpi_put_u64(&to, n);
    put_header(&to, net, state);
    while (to.used < MLPI_LENGTH_BYTES + n) {
        mlpi_put_bytes(&to, 1, " ");
    }
    put_data(&to, net);
}

/* mlpi_model_write has left zeros where the digits go, as the checksum is
 * defined. */
void mlpi_model_seal(void *bytes, size_t size)
{
    mlpi_put_hex32(mlpi_crc32(size, bytes), (char *)bytes + CRC_OFFSET);
}

/* ---------------------------------------------------------------------------
 * Public functions
 */

/* Returns no status: the size of a file that cannot be written is 0, and the
 * log hook gets the reason. */
size_t mlp_net_save_size(const mlp_net *net)
{
    size_t size = 0;
    return net && mlpi_model_measure(net, 0, &size) == MLP_OK ? size : 0;
}

/* The size must be exact, so that `bytes` is the file and nothing else. */
mlp_status mlp_net_save_memory(const mlp_net *net, void *bytes, size_t size)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, bytes, "the place for the network"));
    size_t needed = 0;
    TRY(mlpi_model_measure(net, 0, &needed));
    if (size != needed) {
        return mlpi_error(&net->hooks, MLP_ERR_SHAPE,
                          "network: expects room for %zu bytes, got %zu",
                          needed, size);
    }
    mlpi_model_write(net, 0, bytes);
    mlpi_model_seal(bytes, size);
    return MLP_OK;
}

/* The file is composed in memory and written at once: mlpi_file_write replaces
 * an old file only when the new one is whole and on the disk. */
mlp_status mlp_net_save(const mlp_net *net, const char *path)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, path, "the path"));
    mlpi_allow_cancellation();
    size_t size = 0;
    void *block = NULL;
    TRY(mlpi_model_measure(net, 0, &size));
    TRY(mlpi_allocate_array(&net->hooks, size, 1, "a file", &block));
    mlpi_model_write(net, 0, block);
    mlpi_model_seal(block, size);
    mlp_status status = mlpi_file_write(&net->hooks, path, block, size);
    mlpi_release(&net->hooks, block);
    return status;
}
