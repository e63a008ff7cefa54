/* SPDX-License-Identifier: MIT */
/*
 * How a failure is reported: the caller of the library gets a status, and the
 * log hook gets a sentence for people, with what was expected and what came:
 *
 *     X: expects 4 columns, got 3
 *
 * The library never prints, exits or throws. A status is for the program, which
 * decides with it; a message is for the person who has to find the mistake.
 *
 * A hint has the status MLP_OK: the call goes on, but the data or the options
 * look like a mistake.
 *
 * A public function begins with its checks, so that it can fail before it has
 * changed anything:
 *
 *     if (!net) {
 *         return MLP_ERR_NULL; (without a network there is no log hook)
 *     }
 *     TRY(mlpi_check_pointer(&net->hooks, view, "the place for the view"));
 *     TRY(mlpi_net_check_layer(net, l, 1));
 */
#ifndef MLPI_BASE_ERROR_H
#define MLPI_BASE_ERROR_H

#include "base/host.h"
#include "mlp.h"

/* Formats a message like printf, hands it to the log hook if there is one, and
 * returns `status`, so that a check is one statement:
 *
 *     return mlpi_error(hooks, MLP_ERR_SHAPE, "X: expects %zu row%s", m,
 *                       mlpi_plural(m));
 *
 * Messages of more than 255 characters are cut. Without a hook nothing is
 * formatted. No memory is allocated, so that a lack of memory can be reported.
 */
mlp_status mlpi_error(const mlp_hooks *hooks, mlp_status status,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like mlpi_error, but for what is allowed and seldom meant: the message begins
 * with "hint: ", and the log hook gets MLP_OK. */
void mlpi_hint(const mlp_hooks *hooks, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns MLP_ERR_NULL, with the message "<what> is NULL", if a pointer that is
 * needed is NULL. The function is inline because mlp_predict_with calls it for
 * every row. */
static inline mlp_status mlpi_check_pointer(const mlp_hooks *hooks,
                                            const void *pointer,
                                            const char *what)
{
    return pointer ? MLP_OK
                   : mlpi_error(hooks, MLP_ERR_NULL, "%s is NULL", what);
}

/* Checks that the words which a struct of mlp.h reserves for later versions are
 * 0: MLP_ERR_ARGUMENT. Otherwise a program that was compiled with a later
 * header has set an option that this library does not know, or the struct was
 * never set. `what` names the struct in the message. */
mlp_status mlpi_check_reserved(const mlp_hooks *hooks, const char *what,
                               const uint64_t *reserved, size_t n);

/* Does so for the struct that `object` points to. */
#define CHECK_RESERVED(hooks, what, object)                                    \
    mlpi_check_reserved(hooks, what, (object)->reserved,                       \
                        sizeof(object)->reserved / sizeof(uint64_t))

/* Returns MLP_ERR_UNSUPPORTED if the calling thread does not round to nearest:
 * then every result would have other bits. */
static inline mlp_status mlpi_check_rounding(const mlp_hooks *hooks)
{
    return mlpi_rounds_to_nearest()
               ? MLP_OK
               : mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                            "floating-point environment: expects rounding to "
                            "nearest, got another mode; see fesetround");
}

/* Gives a hint if the calling thread takes 0 for subnormal numbers. That is no
 * error, because whole programs are linked in this way, and few networks ever
 * meet such a number. */
static inline void mlpi_hint_about_subnormals(const mlp_hooks *hooks)
{
    if (!mlpi_keeps_subnormals()) {
        mlpi_hint(hooks, "floating-point environment: takes 0 for subnormal "
                         "numbers, so that results may have other bits than "
                         "elsewhere; see fesetenv(FE_DFL_ENV), and -ffast-math "
                         "in the link command");
    }
}

/* Returns what a noun in a message needs behind it: "s", or nothing for 1. For
 * example: "%zu row%s", rows, mlpi_plural(rows). */
static inline const char *mlpi_plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* Ignores the status of a call that cannot fail. A cast to void does not keep
 * gcc from warning. */
static inline void mlpi_ignore(mlp_status status)
{
    (void)status;
}

/* Calls a function that returns a status, and returns from the calling function
 * with that status unless it is MLP_OK. A function that holds a block of memory
 * must not leave it in this way: it keeps the status in a variable, releases
 * the block, and returns the status at its end. */
#define TRY(call)                                                              \
    do {                                                                       \
        mlp_status try_status = (call);                                        \
        if (try_status != MLP_OK) {                                            \
            return try_status;                                                 \
        }                                                                      \
    } while (0)

#endif
