/* SPDX-License-Identifier: MIT */
/*
 * Trainers in files: the network's file, with the trainer's state behind the
 * network's tensors. The state says all that there is to say, the network once
 * more too; so who wants the network alone need not know of states.
 */
#include "base/file.h"
#include "formats/mlp/model_format.h"
#include "base/error.h"
#include "train/trainer_state.h"

mlp_status mlp_trainer_save(const mlp_trainer *trainer, const char *path)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks *hooks = &trainer->hooks;
    if (!path) {
        return mlpi_error(hooks, MLP_ERR_NULL, "the path is NULL");
    }
    size_t state = mlp_trainer_save_size(trainer);
    size_t size = 0;
    TRY(mlpi_model_measure(trainer->net, state, &size));
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, size, 1);
    TRY(mlpi_allocate(hooks, &measure, "a file", &block));
    unsigned char *bytes = block;
    mlpi_model_write(trainer->net, state, bytes);
    mlp_status status =
        mlp_trainer_save_memory(trainer, bytes + (size - state), state);
    if (status == MLP_OK) {
        mlpi_model_seal(bytes, size);
        status = mlpi_disk_write(hooks, path, bytes, size);
    }
    mlpi_release(hooks, block);
    return status;
}

static mlp_status load_bytes(mlp_trainer *trainer, const mlpi_disk_file *file)
{
    mlpi_safetensors c;
    TRY(mlpi_model_open(&trainer->hooks, file->bytes, file->size, &c));
    const mlpi_tensor_entry *state = mlpi_safetensors_find(&c, MLPI_STATE_NAME);
    mlp_status status = MLP_OK;
    if (!state) {
        status = mlpi_error(&trainer->hooks, MLP_ERR_FORMAT,
                            "model file: expects a trainer's state, got a "
                            "network alone");
    } else {
        status = mlp_trainer_load_memory(
            trainer, c.header + c.header_size + state->begin, state->size);
    }
    mlpi_safetensors_close(&trainer->hooks, &c);
    return status;
}

mlp_status mlp_trainer_load(mlp_trainer *trainer, const char *path)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!path) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL, "the path is NULL");
    }
    mlpi_disk_file file;
    TRY(mlpi_disk_read(&trainer->hooks, path, mlpi_safetensors_begins, &file));
    mlp_status status = load_bytes(trainer, &file);
    mlpi_release(&trainer->hooks, file.bytes);
    return status;
}
