/* SPDX-License-Identifier: MIT */
/*
 * Loading a table: the options are checked, the file is read and unpacked, and
 * the reader for its kind fills a table, which is freed if that fails.
 */
#include <string.h>

#include "data/arrays.h"
#include "data/csv.h"
#include "data/input_file.h"

mlp_data_options mlp_data_defaults(void)
{
    return (mlp_data_options){
        .separator = '\0', .header = MLP_DATA_HEADER_AUTO, .sorted = true};
}

/* Sets *used to the hooks, or to none, and checks that they come together. */
static mlp_status use_hooks(const mlp_hooks *hooks, mlp_hooks *used)
{
    *used = hooks ? *hooks : (mlp_hooks){.allocate = NULL};
    if ((used->allocate == NULL) != (used->release == NULL)) {
        return mlpi_data_error(used, MLP_ERR_ARGUMENT,
                               "hooks: expects allocate and release together, "
                               "got one of them");
    }
    return MLP_OK;
}

static mlp_status check_options(const mlp_hooks *hooks,
                                const mlp_data_options *options)
{
    unsigned char c = (unsigned char)options->separator;
    bool is_separator =
        c == '\t' || c == '\0' || (c >= ' ' && c < 0x7f && !strchr("\"+-.", c));
    if (!is_separator || (c >= '0' && c <= '9') ||
        (options->decimal_comma && c == ',')) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "separator: expects a character of ASCII that "
                               "is no part of a number and no quote, got %u",
                               (unsigned)c);
    }
    if ((unsigned)options->header > MLP_DATA_HEADER_NO) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "header: expects a constant of mlp_data_header, "
                               "got %d",
                               (int)options->header);
    }
    if (options->n_categories > 0 && !options->categories) {
        return mlpi_data_error(hooks, MLP_ERR_NULL, "categories is NULL");
    }
    return MLP_OK;
}

/* Fills a table by the reader for the kind of file that the bytes begin as.
 * Whatever has no mark of its own is CSV. A separator says that too. */
static mlp_status read_by_kind(const unsigned char *bytes, size_t size,
                               const mlp_data_options *options, mlp_data *data)
{
    bool is_idx = mlpi_idx_begins(bytes, size);
    bool is_npy = mlpi_npy_begins(bytes, size);
    bool is_fann = options->separator == '\0' && mlpi_fann_begins(bytes, size);
    if (!is_idx && !is_npy && !is_fann) {
        return mlpi_csv_read((const char *)bytes, size, options, data);
    }
    if (options->n_categories > 0) {
        return mlpi_data_error(&data->hooks, MLP_ERR_ARGUMENT,
                               "%s: expects no categories for a file that is "
                               "not CSV, got %zu",
                               data->path, options->n_categories);
    }
    return is_idx   ? mlpi_idx_read(bytes, size, data)
           : is_npy ? mlpi_npy_read(bytes, size, data)
                    : mlpi_fann_read(bytes, size,
                                     options->decimal_comma ? ',' : '.', data);
}

/* Makes a table from bytes that are not packed. */
static mlp_status read_bytes(const unsigned char *bytes, size_t size,
                             const char *name, const mlp_data_options *options,
                             const mlp_hooks *hooks, mlp_data **data)
{
    mlp_data *fresh = NULL;
    TRY(mlpi_table_create(hooks, name, &fresh));
    mlp_status status = read_by_kind(bytes, size, options, fresh);
    if (status != MLP_OK) {
        mlp_data_free(fresh);
        return status;
    }
    *data = fresh;
    return MLP_OK;
}

mlp_status mlp_data_load_memory(const void *bytes, size_t size,
                                const char *name,
                                const mlp_data_options *options,
                                const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    mlp_data_options defaults = mlp_data_defaults();
    unsigned char *unpacked = NULL;
    size_t n = 0;
    TRY(use_hooks(hooks, &used));
    if (!name || !data || (!bytes && size > 0)) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !name   ? "name"
                               : !data ? "the place for the table"
                                       : "bytes");
    }
    options = options ? options : &defaults;
    bytes = size > 0 ? bytes : "";
    TRY(check_options(&used, options));
    if (!mlpi_input_is_packed(bytes, size)) {
        return read_bytes(bytes, size, name, options, &used, data);
    }
    TRY(mlpi_input_unpack(&used, name, bytes, size, &unpacked, &n));
    mlp_status status = read_bytes(unpacked, n, name, options, &used, data);
    mlpi_data_release(&used, unpacked);
    return status;
}

mlp_status mlp_data_load(const char *path, const mlp_data_options *options,
                         const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(use_hooks(hooks, &used));
    if (!path || !data) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !path ? "path" : "the place for the table");
    }
    TRY(mlpi_input_file_read(&used, path, &bytes, &size));
    mlp_status status =
        mlp_data_load_memory(bytes, size, path, options, &used, data);
    mlpi_data_release(&used, bytes);
    return status;
}
