/* SPDX-License-Identifier: MIT */
/*
 * The name of every public constant but statuses, from the lists in mlp.h. They
 * are numbered from 0 without gaps. So the names of one list are a string, each
 * ended by a zero, and counted off, which is short, if not quick: such names
 * are rarely asked for.
 */
#include "mlp.h"

#define AND_END(constant, number, name) name "\0"

/* Name `number` of some that end with an empty one; NULL if there is none. */
static const char *name_of(const char *names, unsigned number)
{
    for (; *names != '\0' && number != 0; number--) {
        while (*names++ != '\0') {
        }
    }
    return *names != '\0' ? names : NULL;
}

const char *mlp_dtype_name(mlp_dtype dtype)
{
    return name_of(MLP_DTYPE_LIST(AND_END), (unsigned)dtype);
}

const char *mlp_activation_name(mlp_activation activation)
{
    return name_of(MLP_ACTIVATION_LIST(AND_END), (unsigned)activation);
}

const char *mlp_loss_name(mlp_loss loss)
{
    return name_of(MLP_LOSS_LIST(AND_END), (unsigned)loss);
}

const char *mlp_weight_init_name(mlp_weight_init init)
{
    return name_of(MLP_INIT_LIST(AND_END), (unsigned)init);
}

const char *mlp_optimizer_name(mlp_optimizer_kind kind)
{
    return name_of(MLP_OPTIMIZER_LIST(AND_END), (unsigned)kind);
}

const char *mlp_schedule_name(mlp_schedule_kind kind)
{
    return name_of(MLP_SCHEDULE_LIST(AND_END), (unsigned)kind);
}

const char *mlp_tensor_name(mlp_tensor which)
{
    return name_of(MLP_TENSOR_LIST(AND_END), (unsigned)which);
}
