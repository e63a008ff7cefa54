/* SPDX-License-Identifier: MIT */
/*
 * Replaces files that belong together (a source and its header), or one. Each
 * of them goes through the stages of file_stages.h: first all are written under
 * temporary names, then all are renamed. Before the first of two is renamed,
 * its old file gets a second name, so that it can come back if the other cannot
 * be renamed:
 *
 *     keep a as a.old | rename a.tmp to a | rename b.tmp to b | remove a.old
 *                                           fails: rename a.old to a
 *
 * Space for the names is allocated before anything is written.
 */
#include "base/file_replace.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* The names beside the path of one file. */
typedef struct names_beside {
    char *temporary; /* of the new file until it is renamed */
    char *kept;      /* of the old file meanwhile; "": there is none */
} names_beside;

/* Renames all files, or none. Nothing can fail after the last rename, so the
 * old file under that name needs no second name. */
static mlp_status rename_all(const mlp_hooks *hooks, const mlpi_new_file *files,
                             size_t n, const names_beside *names)
{
    mlp_status status = MLP_OK;
    size_t kept = 0;    /* old files with a second name, or none */
    size_t renamed = 0; /* new files with their final name */
    for (size_t i = 0; status == MLP_OK && i < n; i++) {
        if (i + 1 < n) {
            status = mlpi_stage_keep(hooks, files[i].path, names[i].kept);
            kept += status == MLP_OK;
        }
        if (status == MLP_OK) {
            status =
                mlpi_stage_rename(hooks, files[i].path, names[i].temporary);
            renamed += status == MLP_OK;
        }
    }
    for (size_t i = 0; i < kept; i++) {
        if (status != MLP_OK) {
            mlpi_stage_restore(files[i].path, names[i].kept, i < renamed);
        } else if (names[i].kept[0] != '\0') {
            mlpi_stage_remove(names[i].kept);
        }
    }
    return status;
}

/* Writes all files, then renames all. After a failure the temporary files are
 * removed, as far as they still have those names. */
static mlp_status write_files(const mlp_hooks *hooks,
                              const mlpi_new_file *files, size_t n,
                              const names_beside *names)
{
    mlp_status status = MLP_OK;
    size_t written = 0;
    while (status == MLP_OK && written < n) {
        status =
            mlpi_stage_write(hooks, &files[written], names[written].temporary);
        written += status == MLP_OK;
    }
    if (status == MLP_OK) {
        status = rename_all(hooks, files, n, names);
    }
    for (size_t i = 0; status != MLP_OK && i < written; i++) {
        mlpi_stage_remove(names[i].temporary);
    }
    return status;
}

/* The places of the names, in one block. */
typedef struct name_space {
    const mlpi_new_file *files;
    size_t n;
    names_beside names[MLPI_FILE_MAX_WRITES];
} name_space;

/* Computes where each name goes; it is written there later. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    name_space *s = object;
    for (size_t i = 0; i < s->n; i++) {
        size_t bytes = strlen(s->files[i].path) + MLPI_NAME_BESIDE + 1;
        s->names[i].temporary = mlpi_take(cursor, bytes, 1);
        s->names[i].kept = mlpi_take(cursor, bytes, 1);
    }
}

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n)
{
    name_space s = {.files = files, .n = n};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &s, "a name", &block));
    int cancellation = mlpi_defer_cancellation();
    mlp_status status = write_files(hooks, files, n, s.names);
    mlpi_restore_cancellation(cancellation);
    mlpi_release(hooks, block);
    return status;
}

mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n)
{
    const mlpi_new_file file = {path, bytes, n};
    return mlpi_file_write_all(hooks, &file, 1);
}
