/* SPDX-License-Identifier: MIT */
/* Networks into bytes, and files. What is written is measured by writing it to
 * nowhere. */
#include <string.h>

#include "formats/mlp/description.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/mlp/model_format.h"
#include "base/error.h"

/* So that the checksum is at a known place: first of all. */
#define BEGINNING "{\"__metadata__\":{\"mlp.crc32\":\""

enum { CRC_AT = MLPI_HEAD_BYTES + sizeof BEGINNING - 1, CRC_DIGITS = 8 };

/* Data begin at a multiple of this, as the format advises. */
enum { STEP = 8 };

static const mlpi_part plain_parts[] = {
    {MLP_W, "weight"}, {MLP_B, "bias"}, {MLP_W, NULL}};
static const mlpi_part norm_parts[] = {{MLP_W, "weight"},
                                       {MLP_SCALE, "norm.weight"},
                                       {MLP_B, "norm.bias"},
                                       {MLP_MEAN, "norm.running_mean"},
                                       {MLP_VARIANCE, "norm.running_var"},
                                       {MLP_W, NULL}};

const mlpi_part *mlpi_layer_tensors(bool batch_norm)
{
    return batch_norm ? norm_parts : plain_parts;
}

void mlpi_part_name(size_t l, const mlpi_part *part, char name[MLPI_NAME_SIZE])
{
    mlpi_writer to = {.bytes = (unsigned char *)name};
    mlpi_json_writer w = {&to, false};
    mlpi_json_put(w, "layers.");
    mlpi_json_put_number(w, l - 1);
    mlpi_json_put(w, ".");
    mlpi_json_put(w, part->name);
    name[to.used] = '\0';
}

mlp_view mlpi_net_tensor(const mlp_net *net, size_t l, const mlpi_part *part)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    if (part->which == MLP_W) {
        return mlpi_net_weights_in(net, net->parameters, l);
    }
    if (part->which == MLP_B) {
        return mlpi_net_biases_in(net, net->parameters, l);
    }
    if (part->which == MLP_SCALE) {
        return mlpi_net_row_in(net, net->parameters, l, shape->scale);
    }
    return mlpi_net_row_in(net, net->running, l,
                           part->which == MLP_MEAN ? shape->mean
                                                   : shape->variance);
}

const char *mlpi_type_name(mlp_dtype precision)
{
    return precision == MLP_F32 ? "F32" : "F64";
}

/* ---------------------------------------------------------------------------
 * The header
 */

typedef struct header {
    mlpi_json_writer w;
    size_t offset; /* where the next tensor begins */
} header;

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

/* rows = 0: one dimension. */
static void put_tensor(header *h, const mlp_net *net, const char *name,
                       size_t rows, size_t cols)
{
    put_entry(h, name, mlpi_type_name(net->kernels->dtype),
              (rows ? rows : 1) * cols * net->kernels->real_size);
    if (rows) {
        mlpi_json_put_number(h->w, rows);
        mlpi_json_put(h->w, ",");
    }
    mlpi_json_put_number(h->w, cols);
    mlpi_json_put(h->w, "]}");
}

static void put_scaling(header *h, const mlp_net *net, const mlpi_scaling *s,
                        const char *mean, const char *std)
{
    if (s->scales) {
        put_tensor(h, net, mean, 0, s->n);
        put_tensor(h, net, std, 0, s->n);
    }
}

static void put_tensors(header *h, const mlp_net *net, size_t state)
{
    char name[MLPI_NAME_SIZE];
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_part *part =
            mlpi_layer_tensors(net->layout.layer[l].batch_norm);
        for (; part->name; part++) {
            mlp_view view = mlpi_net_tensor(net, l, part);
            mlpi_part_name(l, part, name);
            put_tensor(h, net, name, part->which == MLP_W ? view.rows : 0,
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

static size_t header_size(const mlp_net *net, size_t state)
{
    mlpi_writer count = {.bytes = NULL};
    put_header(&count, net, state);
    return (count.used + STEP - 1) / STEP * STEP;
}

/* ---------------------------------------------------------------------------
 * The whole
 */

/* Row by row, however the view lies in memory. */
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

static void put_moments(mlpi_writer *to, const mlp_net *net,
                        const mlpi_scaling *s)
{
    if (s->scales) {
        mlpi_put_reals(to, net->kernels->real_size, s->n, s->mean);
        mlpi_put_reals(to, net->kernels->real_size, s->n, s->std);
    }
}

static void put_data(mlpi_writer *to, const mlp_net *net)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_part *part =
            mlpi_layer_tensors(net->layout.layer[l].batch_norm);
        for (; part->name; part++) {
            put_view(to, net, mlpi_net_tensor(net, l, part));
        }
    }
    put_moments(to, net, &net->in);
    put_moments(to, net, &net->out);
}

mlp_status mlpi_model_measure(const mlp_net *net, size_t state, size_t *size)
{
    size_t n = header_size(net, state);
    if (n > MLPI_HEADER_MOST) {
        return mlpi_error(&net->hooks, MLP_ERR_LIMIT,
                          "names and metadata: expect a header of at most %d "
                          "bytes, got %zu",
                          MLPI_HEADER_MOST, n);
    }
    mlpi_writer count = {.bytes = NULL};
    put_data(&count, net);
    *size = MLPI_HEAD_BYTES + n + count.used + state;
    return MLP_OK;
}

void mlpi_model_write(const mlp_net *net, size_t state, void *bytes)
{
    mlpi_writer to = {.bytes = bytes};
    size_t n = header_size(net, state);
    mlpi_put_u64(&to, n);
    put_header(&to, net, state);
    while (to.used < MLPI_HEAD_BYTES + n) {
        mlpi_put_bytes(&to, 1, " ");
    }
    put_data(&to, net);
}

void mlpi_model_seal(unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t crc = mlpi_crc32(size, bytes);
    for (size_t i = CRC_DIGITS; i-- > 0; crc >>= 4) {
        bytes[CRC_AT + i] = (unsigned char)digits[crc & 15];
    }
}

size_t mlp_net_save_size(const mlp_net *net)
{
    size_t size = 0;
    return net && mlpi_model_measure(net, 0, &size) == MLP_OK ? size : 0;
}

mlp_status mlp_net_save_memory(const mlp_net *net, void *bytes, size_t size)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!bytes) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the network is NULL");
    }
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

mlp_status mlp_net_save(const mlp_net *net, const char *path)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!path) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "the path is NULL");
    }
    mlpi_cursor measure = {0};
    size_t size = 0;
    void *block = NULL;
    TRY(mlpi_model_measure(net, 0, &size));
    (void)mlpi_take(&measure, size, 1);
    TRY(mlpi_allocate(&net->hooks, &measure, "a file", &block));
    mlpi_model_write(net, 0, block);
    mlpi_model_seal(block, size);
    mlp_status status = mlpi_file_write(&net->hooks, path, block, size);
    mlpi_release(&net->hooks, block);
    return status;
}
