/* SPDX-License-Identifier: MIT */
/*
 * What the library asks of the system, for a machine that has none, such as a
 * microcontroller. Only the amalgamation has this file, which takes it instead
 * of clock.c, file.c, file_replace.c, file_stages.c and host.c if MLP_BARE is
 * defined. Networks are saved to memory and loaded from memory there; a call
 * with a path is refused. All times are 0.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_replace.h"
#include "base/host.h"

double mlpi_seconds(void)
{
    return 0;
}

/* ---------------------------------------------------------------------------
 * Files
 */

static mlp_status refuse(const mlp_hooks *hooks, const char *path)
{
    char shown[MLPI_SHOWN_PATH];
    return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                      "%s: expects a system with files, got a library that was "
                      "compiled with MLP_BARE: use the function for memory",
                      mlpi_shown_path(path, shown));
}

mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          const mlpi_file_kind *kind, mlpi_file_content *file)
{
    (void)kind;
    *file = (mlpi_file_content){.size = 0};
    return refuse(hooks, path);
}

mlp_status mlpi_file_read_headed(const mlp_hooks *hooks, const char *path,
                                 const mlpi_file_kind *kind,
                                 const mlpi_file_rules *rules,
                                 mlpi_file_content *file)
{
    (void)kind, (void)rules;
    *file = (mlpi_file_content){.size = 0};
    return refuse(hooks, path);
}

mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n)
{
    (void)bytes, (void)n;
    return refuse(hooks, path);
}

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n)
{
    (void)n;
    return refuse(hooks, files[0].path);
}

/* ---------------------------------------------------------------------------
 * The process and the CPU
 */

/* Whatever the environment of its numbers is, nobody changes it there. */
bool mlpi_rounds_to_nearest(void)
{
    return true;
}

bool mlpi_keeps_subnormals(void)
{
    return true;
}

/* There are no threads to cancel. */
int mlpi_defer_cancellation(void)
{
    return 0;
}

void mlpi_restore_cancellation(int previous)
{
    (void)previous;
}

void mlpi_allow_cancellation(void)
{
}

/* There is one process, which cannot fork. */
mlpi_process mlpi_this_process(void)
{
    return (mlpi_process){.number = 1};
}

void mlpi_forget_process(mlpi_process *process)
{
    *process = (mlpi_process){.mark = NULL};
}

bool mlpi_is_this_process(const mlpi_process *process)
{
    return process->number == 1;
}
