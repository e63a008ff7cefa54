/* SPDX-License-Identifier: MIT */
/*
 * Puts the modules of a file in order (import_order.h). If neighbours in the
 * order of names differ by numbers alone ("fc1.", "fc2."), that order is taken
 * as it is. Else each place in the network, from the first on, takes the first
 * module of its shape that is left:
 *
 *     places     (3, 2)  (3, 3)  (1, 3)
 *     modules    hidden (3, 3), input (3, 2), output (1, 3)
 *     order      input   hidden  output
 *
 * The result is the only order if modules of one shape differ by numbers, and
 * if it keeps the order of all modules that do.
 */
#include "formats/mlp/import_order.h"

#include <string.h>

#include "base/error.h"
#include "formats/mlp/tensor_names.h"

void mlpi_module_list_lay_out(mlpi_module_list *list, mlpi_cursor *cursor)
{
    list->module = mlpi_take(cursor, list->count, sizeof *list->module);
    list->spare = mlpi_take(cursor, list->count, sizeof *list->spare);
    list->widths = mlpi_take(cursor, 2 * list->count, sizeof *list->widths);
}

/* ---------------------------------------------------------------------------
 * Messages
 */

/* The names of modules, as far as a message has room for them. */
typedef struct name_text {
    char text[112];
    size_t size;
} name_text;

/* Writes the names of modules with commas between them, without the points at
 * their ends, and "..." instead of those that do not fit. */
static void put_names(name_text *to, const mlpi_module_list *list)
{
    to->size = 0;
    for (size_t i = 0; i < list->count; i++) {
        mlpi_span name = list->module[i].name;
        name.size -= name.size > 0;
        bool fits = to->size + name.size + sizeof ", , ..." < sizeof to->text;
        mlpi_span shown = fits ? name : (mlpi_span){"...", 3};
        if (i > 0) {
            memcpy(to->text + to->size, ", ", 2);
            to->size += 2;
        }
        memcpy(to->text + to->size, shown.text, shown.size);
        to->size += shown.size;
        if (!fits) {
            break;
        }
    }
    to->text[to->size] = '\0';
}

/* ---------------------------------------------------------------------------
 * The caller's order
 */

/* True if a module has the name that the caller gives, without the point at its
 * end. */
static bool has_name(const mlpi_module *m, const char *name)
{
    size_t n = strlen(name);
    size_t own = m->name.size - (m->name.size > 0);
    return n == own && memcmp(m->name.text, name, n) == 0;
}

/* Exchanges the module of this name with the one at `place`. Modules before
 * `place` have been named already. Returns false if there is none. */
static bool place_named(const mlpi_module_list *list, size_t place,
                        const char *name)
{
    for (size_t i = place; i < list->count; i++) {
        if (has_name(&list->module[i], name)) {
            mlpi_module found = list->module[i];
            list->module[i] = list->module[place];
            list->module[place] = found;
            return true;
        }
    }
    return false;
}

mlp_status mlpi_import_order_given(const mlp_hooks *hooks,
                                   const char *const *names, size_t n,
                                   mlpi_module_list *layers,
                                   mlpi_module_list *norms)
{
    if (n != layers->count + norms->count) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "modules: expects the names of %zu layer%s and %zu "
                          "batch norm%s, got %zu in all",
                          layers->count, mlpi_plural(layers->count),
                          norms->count, mlpi_plural(norms->count), n);
    }
    size_t layer = 0;
    size_t norm = 0;
    for (size_t i = 0; i < n; i++) {
        TRY(mlpi_check_pointer(hooks, names[i], "a name of a module"));
        if (place_named(layers, layer, names[i])) {
            layer++;
        } else if (place_named(norms, norm, names[i])) {
            norm++;
        } else {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "modules: expects the name of each module of "
                              "the file once, got \"%.64s\" at index %zu",
                              names[i], i);
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The order that names and shapes tell
 */

/* True if the names of modules i and j differ by a number. */
static bool are_counted(const mlpi_module_list *list, size_t i, size_t j)
{
    return mlpi_names_differ_by_number(list->module[i].name,
                                       list->module[j].name);
}

/* True if numbers tell the order of all modules. */
static bool are_all_counted(const mlpi_module_list *list)
{
    size_t i = 1;
    while (i < list->count && are_counted(list, i - 1, i)) {
        i++;
    }
    return i >= list->count;
}

/* True if a module fits a place. A norm has one width only; its weight may be
 * missing. */
static bool fits(const mlpi_module *m, const size_t widths[2])
{
    const mlpi_tensor_entry *t = m->mean ? m->mean : m->weight;
    return t->shape[0] == widths[0] && (m->mean || t->shape[1] == widths[1]);
}

/* True if two modules fit the same places. */
static bool have_one_shape(const mlpi_module *a, const mlpi_module *b)
{
    const mlpi_tensor_entry *t = b->mean ? b->mean : b->weight;
    return fits(a, (const size_t[2]){t->shape[0], b->mean ? 0 : t->shape[1]});
}

/* Returns the first module whose order among those of its shape no number
 * tells; the count of modules if there is none. */
static size_t first_uncounted(const mlpi_module_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        size_t j = i; /* becomes the module before i that has its shape, + 1 */
        while (j > 0 &&
               !have_one_shape(&list->module[j - 1], &list->module[i])) {
            j--;
        }
        if (j > 0 && !are_counted(list, j - 1, i)) {
            return i;
        }
    }
    return list->count;
}

/* Fills the places from the first on, each with the first module that fits and
 * is left, into `spare`. Returns false if a place stays empty, or if two
 * modules whose order numbers tell would come in the other order. */
static bool fill_places(const mlpi_module_list *list)
{
    for (size_t place = 0; place < list->count; place++) {
        mlpi_module *to = &list->spare[place];
        to->name.text = NULL;
        for (size_t i = 0; i < list->count && !to->name.text; i++) {
            const mlpi_module *m = &list->module[i];
            bool is_left = true;
            for (size_t k = 0; k < place; k++) {
                is_left = is_left && list->spare[k].name.text != m->name.text;
            }
            if (is_left && fits(m, list->widths + 2 * place)) {
                *to = *m;
            }
        }
        for (size_t k = 0; k < place && to->name.text; k++) {
            mlpi_span before = list->spare[k].name;
            if (mlpi_names_differ_by_number(before, to->name) &&
                mlpi_names_compare(before, to->name) > 0) {
                return false;
            }
        }
        if (!to->name.text) {
            return false;
        }
    }
    return true;
}

/* Puts one list in order; `kind` names it in messages. */
static mlp_status find_order(const mlp_hooks *hooks, const char *kind,
                             mlpi_module_list *list)
{
    name_text names;
    if (are_all_counted(list)) {
        return MLP_OK;
    }
    if (first_uncounted(list) < list->count) {
        put_names(&names, list);
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "%s %s: expects numbers in names, since several "
                          "orders fit the shapes; mlp_net_import_ordered takes "
                          "the order",
                          kind, names.text);
    }
    if (fill_places(list)) {
        memcpy(list->module, list->spare, list->count * sizeof *list->module);
        list->by_shape = true;
    }
    return MLP_OK;
}

void mlpi_import_order_tell(const mlp_hooks *hooks, const char *kind,
                            const mlpi_module_list *list)
{
    name_text names;
    if (list->by_shape) {
        put_names(&names, list);
        mlpi_hint(hooks,
                  "import takes the %s in the order %s, the only "
                  "one that fits the shapes",
                  kind, names.text);
    }
}

mlp_status mlpi_import_order_find(const mlp_net *net, mlpi_module_list *layers,
                                  mlpi_module_list *norms)
{
    size_t norm = 0;
    for (size_t l = 1; l <= net->layout.L; l++) {
        const mlpi_layer_layout *layer = &net->layout.layer[l];
        layers->widths[2 * l - 2] = layer->width;
        layers->widths[2 * l - 1] = layer[-1].width;
        if (layer->batch_norm) {
            norms->widths[2 * norm++] = layer->width;
        }
    }
    TRY(find_order(&net->hooks, "layers", layers));
    return find_order(&net->hooks, "batch norms", norms);
}
