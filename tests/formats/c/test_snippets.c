/* SPDX-License-Identifier: MIT */
/*
 * The snippets that cut_snippets.cmake makes of the library's sources: every
 * name that an exporter asks for is there, and every text is a whole
 * definition. That the texts compile is tests/scripts/exported_c.sh.
 */
#include "support/training.h"

#include <ctype.h>

#include "formats/c/snippets.h"

static const mlpi_snippet_table *const real_tables[] = {
    &mlpi_snippets_libm_f32, &mlpi_snippets_libm_f64,
    &mlpi_snippets_canonical_f32, &mlpi_snippets_canonical_f64};

static const mlpi_snippet_table *const all_tables[] = {
    &mlpi_snippets_libm_f32, &mlpi_snippets_libm_f64,
    &mlpi_snippets_canonical_f32, &mlpi_snippets_canonical_f64,
    &mlpi_snippets_int8};

static void assert_provides(const mlpi_snippet_table *table, const char *name)
{
    mlpi_snippets snippets = {.table = table};
    if (!mlpi_snippets_require(&snippets, name)) {
        fail_msg("no snippet is called %s", name);
    }
}

static void all_functions_of_the_exporter_are_there(void **state)
{
    (void)state;
    static const char *const real_names[] = {"real",          "dense",
                                             "standardise",   "rescale",
                                             "first_largest", "probabilities"};
    static const char *const int8_names[] = {"dense", "look_up", "look_up_each",
                                             "first_largest", "quantised"};
    for (size_t t = 0; t < COUNT(real_tables); t++) {
        for (size_t i = 0; i < COUNT(real_names); i++) {
            assert_provides(real_tables[t], real_names[i]);
        }
        for (mlp_activation f = MLP_ACT_AUTO + 1; mlp_activation_name(f); f++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s_of", mlp_activation_name(f));
            if (f != MLP_ACT_IDENTITY && f != MLP_ACT_SOFTMAX) {
                assert_provides(real_tables[t], name);
            }
        }
    }
    for (size_t i = 0; i < COUNT(int8_names); i++) {
        assert_provides(&mlpi_snippets_int8, int8_names[i]);
    }
}

static void unknown_names_mark_nothing(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(all_tables); t++) {
        mlpi_snippets snippets = {.table = all_tables[t]};
        assert_false(mlpi_snippets_require(&snippets, "identity_of"));
        assert_false(mlpi_snippets_require(&snippets, ""));
        for (size_t i = 0; i < COUNT(snippets.needed); i++) {
            assert_false(snippets.needed[i]);
        }
    }
}

/* Asserts that brackets and braces close in order, outside of comments, that no
 * comment is cut, and that no directive but #define is left. */
static void assert_is_whole(const mlpi_snippet *snippet)
{
    char open[32] = "";
    size_t depth = 0;
    for (const char *at = snippet->text; *at; at++) {
        bool first = at == snippet->text || at[-1] == '\n';
        if (strncmp(at, "/*", 2) == 0) {
            at = strstr(at + 2, "*/");
            assert_non_null(at);
            at++;
        } else if (first && *at == '#') {
            assert_memory_equal(at, "#define ", 8);
        } else if (strchr("([{", *at)) {
            assert_true(depth < sizeof open);
            open[depth++] = *at;
        } else if (strchr(")]}", *at)) {
            assert_true(depth > 0);
            const char *pair = strchr("([{", open[--depth]);
            if (")]}"[pair - "([{"] != *at) {
                fail_msg("%s: brackets cross", snippet->name);
            }
        }
    }
    if (depth != 0) {
        fail_msg("%s: a bracket stays open", snippet->name);
    }
}

/* Asserts that the text defines the name: the name is a word of it. */
static void assert_has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        bool begins =
            at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        if (begins && !isalnum((unsigned char)at[n]) && at[n] != '_') {
            return;
        }
    }
    fail_msg("expected the word %s in:\n%s", word, text);
}

static void texts_are_whole_definitions(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(all_tables); t++) {
        const mlpi_snippet_table *table = all_tables[t];
        assert_in_range(table->count, 4, MLPI_MAX_SNIPPETS);
        for (size_t i = 0; i < table->count; i++) {
            const mlpi_snippet *snippet = &table->snippet[i];
            assert_is_whole(snippet);
            assert_has_word(snippet->text, snippet->name);
            assert_int_equal(snippet->text[strlen(snippet->text) - 1], '\n');
            assert_null(strstr(snippet->text, "SPDX"));
            for (const short *k = snippet->dependencies; *k >= 0; k++) {
                assert_true((size_t)*k < i);
            }
            for (size_t k = 0; k < i; k++) {
                assert_string_not_equal(snippet->name, table->snippet[k].name);
            }
        }
    }
}

/* Dependencies are followed to their ends, whichever snippet is asked for. */
static void dependencies_of_dependencies_are_needed(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(all_tables); t++) {
        const mlpi_snippet_table *table = all_tables[t];
        for (size_t i = 0; i < table->count; i++) {
            mlpi_snippets snippets = {.table = table};
            const char *name = table->snippet[i].name;
            assert_true(mlpi_snippets_require(&snippets, name));
            assert_true(snippets.needed[i]);
            for (size_t k = 0; k < table->count; k++) {
                const short *need = table->snippet[k].dependencies;
                for (; snippets.needed[k] && *need >= 0; need++) {
                    assert_true(snippets.needed[*need]);
                }
            }
        }
    }
}

/* Returns the text of the snippets that `name` needs, to be freed. */
static char *text_for(const mlpi_snippet_table *table, const char *name,
                      size_t *numbers)
{
    mlpi_snippets snippets = {.table = table};
    mlpi_writer measure = {.bytes = NULL};
    assert_true(mlpi_snippets_require(&snippets, name));
    mlpi_snippets_put(&snippets, &measure);
    char *text = calloc(1, measure.used + 1);
    assert_non_null(text);
    mlpi_snippets_put(&snippets, &(mlpi_writer){(unsigned char *)text, 0});
    assert_int_equal(strlen(text), measure.used);
    *numbers = mlpi_snippets_constants(&snippets);
    return text;
}

static void each_precision_has_its_lines(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(real_tables); t++) {
        bool is_float = t % 2 == 0;
        size_t numbers = 0;
        char *text = text_for(real_tables[t], "softplus_of", &numbers);
        assert_int_equal(strstr(text, "typedef float real;\n") != NULL,
                         is_float);
        assert_int_equal(strstr(text, "typedef double real;\n") != NULL,
                         !is_float);
        /* Only the canonical functions have polynomials of their own. */
        assert_int_equal(numbers, t < 2 ? 0 : is_float ? 5 + 3 : 10 + 8);
        assert_null(strstr(text, "0x1."));
        free(text);
    }
}

/* ln 2 with 15 bits is 0x1.62e4p-1. */
static void hexadecimal_floats_become_decimal(void **state)
{
    (void)state;
    size_t numbers = 0;
    char *text = text_for(&mlpi_snippets_canonical_f32, "LN2_HIGH", &numbers);
    assert_non_null(strstr(text, "#define LN2_HIGH 0.693145752f"));
    free(text);
}

/* The exponent may have a sign, and the number an f. Whole numbers and names
 * that look like floats stay. */
static void each_form_of_a_hexadecimal_float_is_known(void **state)
{
    (void)state;
    static const short none[] = {-1};
    static const mlpi_snippet snippet = {
        .name = "x",
        .dependencies = none,
        .text = "x(0x1.8p-3f, 0x1p3, 0x1p+0, -0x1.8p1f, 0x10, 0xp1, e0x);\n"};
    static const mlpi_snippet_table table = {1, &snippet};
    mlpi_snippets snippets = {.table = &table, .needed = {true}};
    char text[256] = "";
    mlpi_writer to = {.bytes = (unsigned char *)text};
    mlpi_snippets_put(&snippets, &to);
    assert_string_equal(text,
                        "\nx(0.1875f, 8.0, 1.0, -3.0f, 0x10, 0xp1, e0x);\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_a_hexadecimal_float_is_known),
        cmocka_unit_test(all_functions_of_the_exporter_are_there),
        cmocka_unit_test(unknown_names_mark_nothing),
        cmocka_unit_test(texts_are_whole_definitions),
        cmocka_unit_test(dependencies_of_dependencies_are_needed),
        cmocka_unit_test(each_precision_has_its_lines),
        cmocka_unit_test(hexadecimal_floats_become_decimal),
    };
    return cmocka_run_group_tests_name("snippets", tests, NULL, NULL);
}
