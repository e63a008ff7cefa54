/* SPDX-License-Identifier: MIT */
/*
 * The order of the modules of a file that is imported (import.c): either the
 * caller gives it, or names and shapes tell it.
 *
 * Names tell it where they are numbered. Else modules of different shapes can
 * stand in one order only, if the network's layers are given; but for modules
 * of one shape every order fits, and a wrong one would compute something else
 * without an error. So such a file is refused until the caller gives the order.
 */
#ifndef MLPI_FORMATS_MLP_IMPORT_ORDER_H
#define MLPI_FORMATS_MLP_IMPORT_ORDER_H

#include "base/memory.h"
#include "formats/mlp/safetensors.h"
#include "model/net.h"

/* ---------------------------------------------------------------------------
 * Modules
 */

/* The tensors of one module; NULL where the file has none. */
typedef struct mlpi_module {
    mlpi_span name; /* with the point at its end: "fc1." */
    const mlpi_tensor_entry *weight, *bias, *mean, *variance;
} mlpi_module;

/* The modules of one kind, layers or norms, that a file has. They are listed in
 * the order of their names first, and then in that of the network's layers. */
typedef struct mlpi_module_list {
    mlpi_module *module; /* [count] */
    mlpi_module *spare;  /* [count]: space for another order */
    size_t *widths;      /* [count][2]: what the network has at each place */
    size_t count;
    bool by_shape; /* shapes told the order, since names did not */
} mlpi_module_list;

/* Takes the arrays of a list whose count is known. */
void mlpi_module_list_lay_out(mlpi_module_list *list, mlpi_cursor *cursor);

/* ---------------------------------------------------------------------------
 * Their order
 */

/* Puts the modules into the order of n names, in which layers and norms may
 * alternate. MLP_ERR_ARGUMENT: the names are not those of the modules. */
mlp_status mlpi_import_order_given(const mlp_hooks *hooks,
                                   const char *const *names, size_t n,
                                   mlpi_module_list *layers,
                                   mlpi_module_list *norms);

/* Puts modules that are sorted by their names into the order in which they fit
 * the network. If no order fits, that of the names stays. MLP_ERR_ARGUMENT:
 * several orders fit. */
mlp_status mlpi_import_order_find(const mlp_net *net, mlpi_module_list *layers,
                                  mlpi_module_list *norms);

/* Tells the log hook the order of a list if shapes told it: "hint: ...". `kind`
 * names the modules. */
void mlpi_import_order_tell(const mlp_hooks *hooks, const char *kind,
                            const mlpi_module_list *list);

#endif
