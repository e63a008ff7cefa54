/* SPDX-License-Identifier: MIT */
/* What statuses say, from the list in mlp.h, and the version. */
#include "mlp.h"

#define CASE_TEXT(constant, number, text)                                      \
    case (constant):                                                           \
        return text;

#define STRING_OF(number) #number
#define STRING(number) STRING_OF(number)

const char *mlp_version(void)
{
    return STRING(MLP_VERSION_MAJOR) "." STRING(MLP_VERSION_MINOR) "." STRING(
        MLP_VERSION_PATCH);
}

int mlp_numerics(void)
{
    return MLP_NUMERICS;
}

const char *mlp_status_text(mlp_status status)
{
    switch (status) {
        MLP_STATUS_LIST(CASE_TEXT)
    }
    return "unknown status";
}
