/* SPDX-License-Identifier: MIT */
#ifndef TESTS_IGNORE_H
#define TESTS_IGNORE_H

#include "mlp.h"

/* Ignores a status where a test does not depend on it. A cast to void does not
 * keep gcc from warning. */
static inline void ignore(mlp_status status)
{
    (void)status;
}

#endif
