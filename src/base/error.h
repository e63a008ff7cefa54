/* SPDX-License-Identifier: MIT */
/* How a failure travels: a status to the caller, a sentence to the log hook. */
#ifndef MLPI_BASE_ERROR_H
#define MLPI_BASE_ERROR_H

#include "mlp.h"

/* Hands the message to the log hook, if there is one, and returns `status`, so
 * that a check reads `return mlpi_error(hooks, MLP_ERR_..., "expects ...")`.
 * Messages above 255 characters are cut. */
mlp_status mlpi_error(const mlp_hooks *hooks, mlp_status status,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Goes on if the call succeeds, else forwards its status. */
#define TRY(call)                                                              \
    do {                                                                       \
        mlp_status try_status = (call);                                        \
        if (try_status != MLP_OK) {                                            \
            return try_status;                                                 \
        }                                                                      \
    } while (0)

#endif
