/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints as files: an .mlp file of the trainer's network, with the state
 * of the trainer (checkpoint.c) as one more tensor behind those of the network.
 *
 *     n u64 | header | tensors of the network | optim.state
 *
 * The parameters are in such a file twice, because the state holds everything
 * that it needs to be loaded alone. That costs one more copy of them, but a
 * program that only predicts can load the file like any other: readers of
 * networks ignore the state (model_format.h).
 */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/mlp/model_format.h"
#include "formats/mlp/model_writer.h"
#include "train/trainer_state.h"

/* Composes the file in memory, because the checksum in its header covers the
 * state at its end. mlpi_file_write then replaces an old file at once: a
 * crash while a checkpoint is saved leaves the one before. */
mlp_status mlp_trainer_save(const mlp_trainer *trainer, const char *path)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks *hooks = &trainer->hooks;
    TRY(mlpi_check_pointer(hooks, path, "the path"));
    size_t state = mlp_trainer_save_size(trainer); /* in bytes */
    size_t size = 0;                               /* of the file, in bytes */
    TRY(mlpi_model_measure(trainer->net, state, &size));
    void *block = NULL;
    TRY(mlpi_allocate_array(hooks, size, 1, "a file", &block));
    unsigned char *bytes = block;
    mlpi_model_write(trainer->net, state, bytes);
    mlp_status status =
        mlp_trainer_save_memory(trainer, bytes + (size - state), state);
    if (status == MLP_OK) {
        mlpi_model_seal(bytes, size);
        status = mlpi_file_write(hooks, path, bytes, size);
    }
    mlpi_release(hooks, block);
    return status;
}

/* Finds the state in the file and loads it. The tensors of the network are not
 * read: the state has the same parameters. */
static mlp_status load_bytes(mlp_trainer *trainer,
                             const mlpi_file_content *disk)
{
    mlpi_safetensors file;
    TRY(mlpi_model_open(&trainer->hooks, disk->bytes, disk->size, &file));
    const mlpi_tensor_entry *state =
        mlpi_safetensors_find(&file, MLPI_STATE_NAME);
    mlp_status status = MLP_OK;
    if (!state) {
        status = mlpi_error(&trainer->hooks, MLP_ERR_FORMAT,
                            "model file: expects a trainer's state, got a "
                            "network alone");
    } else {
        status = mlp_trainer_load_memory(
            trainer, mlpi_safetensors_data(&file) + state->begin, state->size);
    }
    mlpi_safetensors_close(&trainer->hooks, &file);
    return status;
}

mlp_status mlp_trainer_load(mlp_trainer *trainer, const char *path)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, path, "the path"));
    static const mlpi_file_kind kind = {"a checkpoint",
                                        mlpi_safetensors_may_begin};
    mlpi_file_content disk;
    TRY(mlpi_file_read(&trainer->hooks, path, &kind, &disk));
    mlp_status status = load_bytes(trainer, &disk);
    mlpi_release(&trainer->hooks, disk.bytes);
    return status;
}
