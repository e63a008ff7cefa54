/* SPDX-License-Identifier: MIT */
/*
 * The frame of an exported network: a header and a code file, of which a kind
 * of arithmetic fills in its own parts (export_common.h shows where).
 *
 * Every function here writes text, and may be called twice: with a writer that
 * only measures, then with one that has the memory. So it must write the same
 * number of bytes both times.
 *
 * The functions that a program calls, for the prefix `net`, are:
 *
 *     net_predict(x, y, scratch)   outputs of a row of inputs
 *     net_class(y)                 the class that outputs name, if they do
 *     net_class_name(number)       the name of a class, if classes have names
 *     net_jacobian(x, j, scratch)  derivatives of all outputs, if asked for
 *
 * None of them allocates or has variables of its own, so they may run in
 * several threads at once, each with its own scratch.
 */
#include "formats/c/export_common.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "model/loss.h"

/* Lets a kind write its part, if it has one. */
static void put(mlpi_export_text *text, mlpi_writer *to, const mlpi_export *e)
{
    if (text) {
        text(to, e);
    }
}

/* Writes the caller's own text, if there is one, behind an empty line. */
static void put_own(mlpi_writer *to, const char *text)
{
    if (text) {
        mlpi_put_text(to, "\n");
        mlpi_put_bytes(to, strlen(text), text);
    }
}

/* ---------------------------------------------------------------------------
 * What a network needs
 */

void mlpi_export_require(mlpi_snippets *snippets, const char *name)
{
    /* The tests ask for every name, so a missing one does not get far. */
    bool found = mlpi_snippets_require(snippets, name);
    assert(found);
    (void)found;
}

void mlpi_export_require_activation(mlpi_snippets *snippets, mlp_activation f,
                                    const char *end)
{
    char name[64];
    mlpi_writer to = {.bytes = (unsigned char *)name};
    mlpi_put_text(&to, "%s%s", mlp_activation_name(f), end);
    name[to.used] = '\0';
    mlpi_export_require(snippets, name);
}

/* A slope is the second argument: leaky_relu_of(a[i], 0.1f). It is rounded to
 * the precision of the network, as the network itself does. */
void mlpi_export_put_activation(mlpi_writer *to, const mlpi_export *e, size_t l,
                                const char *end, const char *from,
                                const char *to_array)
{
    const mlpi_kernels *kernels = e->net->kernels;
    const mlpi_layer_layout *layer = &e->net->layout.layer[l];
    mlpi_put_text(to, "        %s[i] = %s%s(%s[i]", to_array,
                  mlp_activation_name(layer->activation), end, from);
    if (mlpi_has_slope(layer->activation)) {
        char slope[MLPI_REAL_SIZE];
        mlpi_real_text(kernels->dtype,
                       kernels->scalar->round_to_real(layer->slope), slope);
        mlpi_put_text(to, ", %s", slope);
    }
    mlpi_put_text(to, ");\n");
}

/* An array is as long as the longest of the outputs that lie in it by turns.
 * The last layer writes into the caller's y, and needs none. */
size_t mlpi_export_array_length(const mlpi_export *e, mlpi_export_array array)
{
    const mlpi_layout *layout = &e->net->layout;
    bool has_inputs = array == MLPI_ARRAY_B && e->standardises;
    size_t most = has_inputs ? layout->layer[0].width : 0;
    for (size_t l = 1; l < layout->L; l++) {
        if (l % 2 == array) {
            most = mlpi_max_size(most, layout->layer[l].width);
        }
    }
    return most;
}

/* `a` comes first in scratch, and `b` behind it. */
static size_t scratch_length(const mlpi_export *e)
{
    return mlpi_export_array_length(e, MLPI_ARRAY_A) +
           mlpi_export_array_length(e, MLPI_ARRAY_B);
}

/* True if an output, or the largest of the outputs, names a class: after
 * categorical cross-entropy, after binary cross-entropy with a single output,
 * and wherever the classes have names. */
static bool has_classes(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ||
           (net->loss == MLP_LOSS_BCE && mlpi_net_outputs(net) == 1) ||
           net->class_names.count > 0;
}

/* Returns the bytes of the longest class name, with its closing 0. */
static size_t longest_name(const mlp_net *net)
{
    size_t most = 0;
    for (size_t i = 0; i < net->class_names.count; i++) {
        most = mlpi_max_size(most, strlen(net->class_names.text[i]) + 1);
    }
    return most;
}

/* The kind counts its own constants; class names are constants of every
 * kind. */
mlp_status mlpi_export_prepare(mlpi_export *e)
{
    const mlp_net *net = e->net;
    TRY(e->kind->prepare(e));
    if (has_classes(net) && mlpi_net_outputs(net) > 1) {
        mlpi_export_require(&e->snippets, "first_largest");
    }
    e->report->constant_bytes += net->class_names.count * longest_name(net);
    e->report->scratch_bytes = scratch_length(e) * e->size;
    return e->kind->check_accuracy ? e->kind->check_accuracy(e) : MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The comment at the head of both files
 */

/* Lists the layers: " * 64 inputs, standardised", " * 16 relu", ... */
static void put_layers(mlpi_writer *to, const mlp_net *net)
{
    const mlpi_layout *layout = &net->layout;
    mlpi_put_text(to, " * %zu inputs%s\n", layout->layer[0].width,
                  net->in.scales ? ", standardised" : "");
    for (size_t l = 1; l <= layout->L; l++) {
        mlpi_put_text(to, " * %zu %s\n", layout->layer[l].width,
                      mlp_activation_name(layout->layer[l].activation));
    }
    mlpi_put_text(to, "%s", net->out.scales ? " * outputs scaled back\n" : "");
}

/* Begins the comment that opens a file. It stays open, because the code adds
 * remarks of its kind. */
static void put_head(mlpi_writer *to, const mlpi_export *e, const char *file)
{
    mlpi_put_text(to, "/*\n * %s: a network in C, made by libmlp %s.\n *\n",
                  file, mlp_version());
    put_layers(to, e->net);
    mlpi_put_text(to,
                  " *\n * Constants (flash): %zu bytes.\n"
                  " * Scratch (RAM): %zu bytes, from the caller.\n",
                  e->report->constant_bytes, e->report->scratch_bytes);
}

/* ---------------------------------------------------------------------------
 * The header
 */

/* Writes the macros that a program needs to declare its arrays. Scratch is at
 * least 1, because C has no arrays of length 0. */
static void put_sizes(mlpi_writer *to, const mlpi_export *e)
{
    const char *upper = e->upper;
    size_t scratch = scratch_length(e);
    mlpi_put_text(to,
                  "#ifndef %s_H\n#define %s_H\n\n"
                  "/* Identifies the code that belongs to this header. */\n"
                  "#define %s_ID 0x%08lx\n\n"
                  "#define %s_INPUTS %zu\n#define %s_OUTPUTS %zu\n"
                  "#define %s_SCRATCH %zu /* %s */\n",
                  upper, upper, upper, (unsigned long)e->checksum, upper,
                  mlpi_net_inputs(e->net), upper, mlpi_net_outputs(e->net),
                  upper, scratch > 0 ? scratch : 1, e->kind->scratch_unit);
}

/* Writes the declarations, each with its contract. A program sees nothing else
 * of the network. */
static void put_prototypes(mlpi_writer *to, const mlpi_export *e)
{
    mlpi_put_text(to,
                  "/* Computes y[%s_OUTPUTS] from x[%s_INPUTS]. The\n"
                  " * arrays must not overlap; scratch[%s_SCRATCH] holds "
                  "nothing between calls. */\nvoid %s_predict(const %s *x, %s "
                  "*y, %s *scratch);\n",
                  e->upper, e->upper, e->upper, e->prefix, e->type, e->type,
                  e->type);
    if (has_classes(e->net)) {
        mlpi_put_text(
            to,
            "\n/* Returns the class that the outputs y name, from 0%s. "
            "*/\n"
            "int %s_class(const %s *y);\n",
            e->kind->class_remark, e->prefix, e->type);
    }
    put(e->kind->put_header_functions, to, e);
    if (e->net->class_names.count > 0) {
        mlpi_put_text(
            to,
            "\n/* Returns the name of a class in UTF-8; \"\" for any other "
            "number. */\nconst char *%s_class_name(int number);\n",
            e->prefix);
    }
}

/* C++ programs may include the header, too. */
void mlpi_export_put_header(mlpi_writer *to, const mlpi_export *e)
{
    put_head(to, e, e->header);
    mlpi_put_text(to, " */\n");
    put_sizes(to, e);
    put(e->kind->put_header_constants, to, e);
    mlpi_put_text(to, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    put_prototypes(to, e);
    put_own(to, e->options->header_text);
    mlpi_put_text(to, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

/* ---------------------------------------------------------------------------
 * Functions
 */

/* Layer l reads what layer l - 1 wrote, and writes into the other array; the
 * last layer writes into y. Without `a` and `b` scratch is not used, and
 * compilers are told so. */
static void put_predict(mlpi_writer *to, const mlpi_export *e)
{
    const char *type = e->type;
    size_t L = e->net->layout.L;
    bool has_a = L > 1;
    bool has_b = L > 2 || e->standardises;
    mlpi_put_text(to, "\nvoid %s_predict(const %s *x, %s *y, %s *scratch)\n{\n",
                  e->prefix, type, type, type);
    if (has_a) {
        mlpi_put_text(to, "    %s *a = scratch;\n", type);
    }
    if (has_b) {
        mlpi_put_text(to, "    %s *b = scratch + %zu;\n", type,
                      mlpi_export_array_length(e, MLPI_ARRAY_A));
    }
    put(e->kind->begin_predict, to, e);
    if (!has_a && !has_b) {
        mlpi_put_text(to, "    (void)scratch;\n");
    }
    /* The first layer reads x, or its standardised copy. */
    const char *in = e->standardises ? "b" : "x";
    for (size_t l = 1; l <= L; l++) {
        const char *out = l < L ? mlpi_export_array_name(l) : "y";
        e->kind->put_layer(to, e, l, in, out);
        in = out;
    }
    put(e->kind->end_predict, to, e);
    mlpi_put_text(to, "}\n");
}

/* Writes the function that names a class. With one output, the kind decides
 * between class 0 and class 1. */
static void put_class(mlpi_writer *to, const mlpi_export *e)
{
    size_t outputs = mlpi_net_outputs(e->net);
    if (!has_classes(e->net)) {
        return;
    }
    mlpi_put_text(to, "\nint %s_class(const %s *y)\n{\n", e->prefix, e->type);
    if (outputs > 1) {
        mlpi_put_text(to, "    return first_largest(%zu, y);\n", outputs);
    } else {
        put(e->kind->put_binary_class, to, e);
    }
    mlpi_put_text(to, "}\n");
}

/* The names are an array of arrays of equal length. An array of pointers would
 * be relocated by some loaders, and then lie in RAM. */
static void put_class_names(mlpi_writer *to, const mlpi_export *e)
{
    const mlpi_string_list *names = &e->net->class_names;
    if (names->count == 0) {
        return;
    }
    mlpi_put_text(to, "\nstatic const char class_names[%zu][%zu] = {\n",
                  names->count, longest_name(e->net));
    for (size_t i = 0; i < names->count; i++) {
        mlpi_put_text(to, "    ");
        mlpi_put_literal(to, names->text[i]);
        mlpi_put_text(to, ",\n");
    }
    mlpi_put_text(to,
                  "};\n\nconst char *%s_class_name(int number)\n{\n"
                  "    return number >= 0 && number < %zu ? "
                  "class_names[number] : \"\";\n}\n",
                  e->prefix, names->count);
}

/* ---------------------------------------------------------------------------
 * The self-test
 *
 * With -D<PREFIX>_SELF_TEST the code is a program. It holds some rows and the
 * outputs that the library computed for them.
 */

/* Writes the array test_x of inputs, or test_y of the outputs expected. */
static void put_test_rows(mlpi_writer *to, const mlpi_export *e, bool outputs)
{
    const mlp_view *rows = outputs ? &e->A : &e->X;
    mlpi_list list =
        mlpi_list_open(to, "\nstatic const %s test_%s[%zu]", e->type,
                       outputs ? "y" : "x", rows->rows * rows->cols);
    for (size_t i = 0; i < rows->rows; i++) {
        e->kind->put_test_row(&list, e, i, outputs);
        mlpi_list_break(&list);
    }
    mlpi_list_close(&list);
}

/* The program predicts each row and ends with 0 if all outputs are as
 * expected. */
static void put_self_test(mlpi_writer *to, const mlpi_export *e)
{
    const char *type = e->type;
    const char *upper = e->upper;
    const char *index = e->kind->index_type;
    mlpi_put_text(to, "\n#ifdef %s_SELF_TEST\n", upper);
    put_test_rows(to, e, false);
    put_test_rows(to, e, true);
    put(e->kind->put_test_functions, to, e);
    mlpi_put_text(to,
                  "\nint main(void)\n{\n    static %s y[%s_OUTPUTS];\n"
                  "    static %s scratch[%s_SCRATCH];\n    int wrong = %s;\n",
                  type, upper, type, upper,
                  e->options->jacobian ? "wrong_jacobians()" : "0");
    mlpi_put_text(to,
                  "    for (%s i = 0; i < %zu; i++) {\n"
                  "        %s_predict(test_x + i * %s_INPUTS, y, scratch);\n"
                  "        for (%s j = 0; j < %s_OUTPUTS; j++) {\n",
                  index, e->X.rows, e->prefix, upper, index, upper);
    put(e->kind->put_comparison, to, e);
    mlpi_put_text(to, "        }\n    }\n    return wrong != 0;\n}\n"
                      "\n#endif\n");
}

/* ---------------------------------------------------------------------------
 * The code
 */

/* Both files hold the checksum of the code, so that files of two exports do not
 * compile together. Here eight zeros stand for the checksum, since it covers
 * the finished text. */
static void put_check_of_header(mlpi_writer *to, mlpi_export *e)
{
    mlpi_put_text(to, "#include \"%s\"\n\n#if %s_ID != 0x", e->header,
                  e->upper);
    e->checksum_offset = to->used;
    mlpi_put_text(to,
                  "00000000\n#error \"%s belongs to another export\"\n#endif\n",
                  e->header);
}

/* Everything but the public functions is static, so that a program may hold
 * several networks. Definitions come before their uses; only the header has
 * declarations. */
void mlpi_export_put_code(mlpi_writer *to, mlpi_export *e)
{
    put_head(to, e, e->code);
    put(e->kind->put_remarks, to, e);
    mlpi_put_text(to,
                  " *\n * Test it: cc -D%s_SELF_TEST %s%s && ./a.out\n */\n",
                  e->upper, e->code, e->kind->libraries);
    put_check_of_header(to, e);
    put(e->kind->put_preamble, to, e);
    mlpi_snippets_put(&e->snippets, to);
    put(e->kind->put_constants, to, e);
    put_predict(to, e);
    put_class(to, e);
    put_class_names(to, e);
    put(e->kind->put_functions, to, e);
    put_own(to, e->options->code_text);
    put_self_test(to, e);
}
