/* SPDX-License-Identifier: MIT */
/*
 * Names of the public constants and texts of the statuses, generated from the
 * lists in mlp.h, and the version of the library.
 *
 * Each list X(constant, number, name) becomes the cases of a switch. None has a
 * default, so that the compiler warns if an enumeration gets a value that its
 * list does not have; the return behind the switch is for numbers that are no
 * constant, which a caller may have cast from an int. NULL ends a loop over all
 * names, as mlp.h promises.
 */
#include "mlp.h"

/* Makes one case of a switch that returns a text. */
#define CASE_TEXT(constant, number, text)                                      \
    case (constant):                                                           \
        return text;

const char *mlp_dtype_name(mlp_dtype dtype)
{
    switch (dtype) {
        MLP_DTYPE_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_activation_name(mlp_activation activation)
{
    switch (activation) {
        MLP_ACTIVATION_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_loss_name(mlp_loss loss)
{
    switch (loss) {
        MLP_LOSS_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_weight_init_name(mlp_weight_init init)
{
    switch (init) {
        MLP_INIT_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_optimizer_name(mlp_optimizer_kind kind)
{
    switch (kind) {
        MLP_OPTIMIZER_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_schedule_name(mlp_schedule_kind kind)
{
    switch (kind) {
        MLP_SCHEDULE_LIST(CASE_TEXT)
    }
    return NULL;
}

const char *mlp_tensor_name(mlp_tensor which)
{
    switch (which) {
        MLP_TENSOR_LIST(CASE_TEXT)
    }
    return NULL;
}

/* Makes a string of what a macro stands for. Two macros are needed, because the
 * operand of # is not expanded. */
#define STRING_OF(number) #number
#define STRING(number) STRING_OF(number)

/* "1.2.3", put together by the preprocessor. */
const char *mlp_version(void)
{
    return STRING(MLP_VERSION_MAJOR) "." STRING(MLP_VERSION_MINOR) "." STRING(
        MLP_VERSION_PATCH);
}

/* The number of the rules by which results are computed; mlp.h says when it
 * changes. A program compares it with MLP_NUMERICS of its header. */
int mlp_numerics(void)
{
    return MLP_NUMERICS;
}

/* A status always has a text, so that it can be printed without a check. */
const char *mlp_status_text(mlp_status status)
{
    switch (status) {
        MLP_STATUS_LIST(CASE_TEXT)
    }
    return "unknown status";
}
