/* SPDX-License-Identifier: MIT */
/*
 * What an .mlp file is beyond a safetensors file, for all who write or read
 * one: the names of its tensors, and its checksum.
 *
 * The checksum is text inside of the bytes that it covers, because safetensors
 * has no place for anything else. So it is computed as if its eight digits were
 * zeros, and a reader feeds zeros to the CRC in the place of the digits.
 */
#include "formats/mlp/model_format.h"

#include "base/error.h"
#include "base/number_text.h"

/* The names are those that PyTorch gives the parameters of a Linear, and of a
 * BatchNorm1d called "norm". In a layer with batch norm the network's b is the
 * bias of the norm, because b is added after the normalisation. */
static const mlpi_layer_tensor plain_tensors[] = {
    {MLP_W, "weight"}, {MLP_B, "bias"}, {MLP_W, NULL}};
static const mlpi_layer_tensor norm_tensors[] = {
    {MLP_W, "weight"},
    {MLP_SCALE, "norm.weight"},
    {MLP_B, "norm.bias"},
    {MLP_MEAN, "norm.running_mean"},
    {MLP_VARIANCE, "norm.running_var"},
    {MLP_W, NULL}};

const mlpi_layer_tensor *mlpi_layer_tensors(bool batch_norm)
{
    return batch_norm ? norm_tensors : plain_tensors;
}

/* The longest name is layers.255.norm.running_mean, of 28 characters, as
 * MLP_MAX_LAYERS is 256: MLPI_NAME_SIZE is more than enough. */
void mlpi_layer_tensor_name(size_t l, const mlpi_layer_tensor *tensor,
                            char name[MLPI_NAME_SIZE])
{
    mlpi_writer to = {.bytes = (unsigned char *)name};
    mlpi_json_writer w = {&to, false};
    mlpi_json_put(w, "layers.");
    mlpi_json_put_number(w, l - 1);
    mlpi_json_put(w, ".");
    mlpi_json_put(w, tensor->name);
    name[to.used] = '\0';
}

const char *mlpi_model_dtype(mlp_dtype precision)
{
    return precision == MLP_F32 ? "F32" : "F64";
}

/* Reports a file that is not of this format. */
static mlp_status refuse(const mlp_hooks *hooks, const char *expected)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT, "model file: expects %s",
                      expected);
}

/* Compares the checksum of the file with its eight digits, which lie anywhere
 * in the header. */
static bool is_undamaged(const mlpi_safetensors *file, mlpi_span digits)
{
    size_t before = (size_t)((const unsigned char *)digits.text - file->bytes);
    size_t after = before + MLPI_HEX32_DIGITS;
    uint32_t crc = mlpi_crc32(before, file->bytes);
    crc = mlpi_crc32_on(crc, MLPI_HEX32_DIGITS,
                        (const unsigned char *)"00000000");
    crc = mlpi_crc32_on(crc, file->size - after, file->bytes + after);
    /* Digits that are no hexadecimal digits are a wrong checksum, too. */
    uint32_t stored = 0;
    return mlpi_get_hex32(digits.text, &stored) && stored == crc;
}

/* Checks the two values of the metadata that every .mlp file has. The
 * description is looked for first: a file without one is some other safetensors
 * file, not a damaged one, and the message says what can be done with it. */
static mlp_status check_metadata(const mlp_hooks *hooks,
                                 const mlpi_safetensors *file)
{
    mlpi_span value;
    if (!mlpi_safetensors_metadata(file, "mlp", &value)) {
        return refuse(hooks, "a description (other safetensors files can be "
                             "imported into a network)");
    }
    if (!mlpi_safetensors_metadata(file, "mlp.crc32", &value) ||
        value.size != MLPI_HEX32_DIGITS) {
        return refuse(hooks, "a checksum");
    }
    if (!is_undamaged(file, value)) {
        return refuse(hooks, "a valid checksum: it is damaged");
    }
    return MLP_OK;
}

/* The checksum is checked before the description is read, so that damage is
 * reported as damage, and not as whatever it did to the description. */
mlp_status mlpi_model_open(const mlp_hooks *hooks, const void *bytes,
                           size_t size, mlpi_safetensors *file)
{
    TRY(mlpi_safetensors_open(hooks, bytes, size, file));
    mlp_status status = check_metadata(hooks, file);
    if (status != MLP_OK) {
        mlpi_safetensors_close(hooks, file);
    }
    return status;
}
