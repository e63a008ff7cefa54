/* SPDX-License-Identifier: MIT */
/*
 * The name of every public constant but statuses, from the lists in mlp.h. A
 * switch made from a list has one case for each entry, so an entry without a
 * name cannot exist.
 */
#include "mlp.h"

#define CASE_NAME(constant, number, name)                                      \
    case (constant):                                                           \
        return name;

const char *mlp_dtype_name(mlp_dtype dtype)
{
    switch (dtype) {
        MLP_DTYPE_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_activation_name(mlp_activation activation)
{
    switch (activation) {
        MLP_ACTIVATION_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_loss_name(mlp_loss loss)
{
    switch (loss) {
        MLP_LOSS_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_init_name(mlp_init init)
{
    switch (init) {
        MLP_INIT_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_rule_name(mlp_rule rule)
{
    switch (rule) {
        MLP_RULE_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_schedule_name(mlp_schedule_kind kind)
{
    switch (kind) {
        MLP_SCHEDULE_LIST(CASE_NAME)
    }
    return NULL;
}

const char *mlp_tensor_name(mlp_tensor which)
{
    switch (which) {
        MLP_TENSOR_LIST(CASE_NAME)
    }
    return NULL;
}
