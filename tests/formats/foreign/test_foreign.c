/* SPDX-License-Identifier: MIT */
/*
 * mlp_foreign: networks that FANN and genann have saved predict here what they
 * predicted there; other files and unsupported kinds are refused. Texts end
 * where readable memory ends, so that reading past the end is a fault.
 */
#include "support/training.h"
#include "support/ignore.h"

#include "formats/foreign/scan.h"
#include "mlp_foreign.h"

/* ---------------------------------------------------------------------------
 * Texts
 */

typedef struct text {
    char *at;
    size_t size;
} text;

static text text_of(const char *from, size_t size)
{
    text t = {guarded_alloc(size), size};
    memcpy(t.at, from, size);
    return t;
}

static char *path_of(const char *name)
{
    static char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", MLP_TEST_VECTORS, name);
    return path;
}

static text fixture(const char *name)
{
    static char bytes[1 << 14];
    FILE *stream = fopen(path_of(name), "rb");
    assert_non_null(stream);
    size_t n = fread(bytes, 1, sizeof bytes, stream);
    (void)fclose(stream);
    assert_in_range(n, 1, sizeof bytes - 1);
    return text_of(bytes, n);
}

/* Returns a copy of the text in which the first `old` is replaced by `new`. */
static text changed(text t, const char *old, const char *new)
{
    size_t n = strlen(old);
    size_t m = strlen(new);
    size_t i = 0;
    while (i + n <= t.size && memcmp(t.at + i, old, n) != 0) {
        i++;
    }
    assert_true(i + n <= t.size);
    text c = {guarded_alloc(t.size - n + m), t.size - n + m};
    memcpy(c.at, t.at, i);
    memcpy(c.at + i, new, m);
    memcpy(c.at + i + m, t.at + i + n, t.size - i - n);
    return c;
}

typedef mlp_status load_function(const void *bytes, size_t size,
                                 const mlp_foreign_options *options,
                                 mlp_net **net);

/* Loads a text that may be damaged. If it loads, the network must be able to
 * predict; if not, there must be one message. */
static mlp_status tried(load_function *load, text t)
{
    hook_record record = {0};
    mlp_foreign_options options = mlp_foreign_defaults();
    options.hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    mlp_status status = load(t.at, t.size, &options, &net);
    assert_true((status == MLP_OK) == (net != NULL));
    assert_true((status != MLP_OK) == (record.messages == 1));
    if (net) {
        assert_predicts_a_row(net);
    }
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
    return status;
}

/* ---------------------------------------------------------------------------
 * Numbers
 */

static bool scanned(const char *number, double *x)
{
    text t = text_of(number, strlen(number));
    mlpi_scanner s = {t.at, t.at + t.size};
    bool good = mlpi_scan_real(&s, x) && mlpi_scan_end(&s);
    guarded_free(t.at);
    return good;
}

static void printed_numbers_come_back(void **state)
{
    (void)state;
    enum { NUMBERS = 5000 };
    mlp_rng rng = mlp_rng_seeded(3);
    char number[64];
    double back = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        double x = mlp_rng_randn(&rng);
        int64_t power = 0;
        ignore(mlp_rng_randint(&rng, -1000, 1000, &power));
        x = i % 2 ? ldexp(x, (int)power) : (double)(float)x;
        (void)snprintf(number, sizeof number, "%.20e", x);
        mlpi_scanner s = {number, number + strlen(number)};
        assert_true(mlpi_scan_real(&s, &back) && back == x);
        (void)snprintf(number, sizeof number, "%.9g", x);
        s = (mlpi_scanner){number, number + strlen(number)};
        assert_true(mlpi_scan_real(&s, &back));
        assert_ulps(back, strtod(number, NULL), 1);
    }
}

/* Tests each power of ten of the two tables in scan.c. Numbers of 19 digits
 * must become the nearest double, except a few that lie nearly halfway between
 * two. */
static void each_power_is_exact_enough(void **state)
{
    (void)state;
    enum { NUMBERS = 400, MAX_HALFWAY = NUMBERS / 30 };
    mlp_rng rng = mlp_rng_seeded(5);
    char number[64];
    for (int power = 1; power < 512; power *= 2) {
        for (int sign = -1; sign <= 1; sign += 2) {
            size_t halfway = 0;
            for (size_t i = 0; i < NUMBERS; i++) {
                int64_t digits = 0;
                double back = 0;
                ignore(mlp_rng_randint(&rng, 1000000000000000000,
                                       9000000000000000000, &digits));
                (void)snprintf(number, sizeof number, "%llde%d",
                               (long long)digits, sign * power);
                mlpi_scanner s = {number, number + strlen(number)};
                assert_true(mlpi_scan_real(&s, &back));
                double nearest = strtod(number, NULL);
                assert_ulps(back, nearest, 1);
                halfway += back != nearest;
            }
            assert_in_range(halfway, 0, MAX_HALFWAY);
        }
    }
}

static void numbers_are_read_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},
        {"-0.000", -0.0},
        {"+7", 7},
        {" \r\n\t1,5e-3", 0.0015},
        {"0000000000000000000000000000001", 1},
        {"123456789012345678901234567890", 123456789012345678901234567890.},
        {"0.00000000000000000000000000000012345", 1.2345e-31},
        {"1.7976931348623157e308", 0x1.fffffffffffffp1023},
        {"2.2250738585072014e-308", 0x1p-1022},
        {"4.9406564584124654e-324", 0x1p-1074},
        {"1e-400", 0},
        {"1E-99999999999999999999", 0},
        {"0e99999999999999999999", 0},
        {"1.e3", NAN},
        {"0.1e+01", 1}};
    static const char *const bad[] = {
        "",      "-",   "+-1", ".5",
        "1e",    "1e+", "nan", "inf",
        "1e400", "0x1", "1 2", "1.5.",
        "1,,5",  "--1", "e5",  "1e99999999999999999999"};
    double x = 0;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (isnan(good[i].value)) {
            assert_false(scanned(good[i].text, &x));
            continue;
        }
        assert_true(scanned(good[i].text, &x));
        assert_true(same_number(x, good[i].value));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(scanned(bad[i], &x));
    }
}

/* The power stops at 2^20 digits. */
static void millions_of_digits_are_survived(void **state)
{
    (void)state;
    enum { MANY = 1200000 };
    char *digits = malloc(MANY + 1);
    double x = 7;
    assert_non_null(digits);
    memset(digits, '0', MANY);
    digits[MANY] = '\0';
    digits[1] = '.';
    digits[MANY - 1] = '1';
    assert_true(scanned(digits, &x));
    assert_true(same_number(x, 0));
    digits[1] = '0';
    assert_true(scanned(digits, &x));
    assert_true(same_number(x, 1));
    memset(digits, '9', MANY);
    assert_false(scanned(digits, &x));
    free(digits);
}

static void counts_do_not_overflow(void **state)
{
    (void)state;
    const char *const most = "18446744073709551615";
    mlpi_scanner s = {most, most + strlen(most)};
    size_t n = 0;
    assert_true(mlpi_scan_count(&s, &n) == (SIZE_MAX == UINT64_MAX));
    const char *const more = "18446744073709551616";
    s = (mlpi_scanner){more, more + strlen(more)};
    assert_false(mlpi_scan_count(&s, &n));
    s = (mlpi_scanner){more, more};
    assert_false(mlpi_scan_count(&s, &n));
}

/* ---------------------------------------------------------------------------
 * Predictions
 */

/* Compares predictions with those of the fixture. `most` is the largest error:
 * absolute for numbers up to 1, relative above, because FANN's numbers are
 * floats. */
static void assert_predicts(const mlp_net *net, const char *rows, double most)
{
    mlp_dtype p = mlp_net_precision(net);
    size_t n = mlp_net_inputs(net);
    size_t outputs = mlp_net_outputs(net);
    vector v = read_vector(rows);
    assert_int_equal(v.cols, n + outputs);
    mlp_view X = new_matrix(p, v.rows, n, NULL);
    mlp_view A = new_matrix(p, v.rows, outputs, NULL);
    for (size_t i = 0; i < v.rows; i++) {
        for (size_t j = 0; j < n; j++) {
            put(X, i, j, v.data[i * v.cols + j]);
        }
    }
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    for (size_t i = 0; i < v.rows; i++) {
        for (size_t j = 0; j < outputs; j++) {
            double expected = v.data[i * v.cols + n + j];
            double larger = fmax(1, fabs(expected));
            assert_absolute(at(A, i, j), expected, most * larger);
        }
    }
    free(X.data);
    free(A.data);
    free(v.data);
}

static void fann_predicts_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *file, *rows;
        double most;
    } cases[] = {{"fann_xor.net", "fann_xor", 1e-6},
                 {"fann_mushrooms.net", "fann_mushrooms", 1e-6},
                 {"fann_mixed.net", "fann_mixed", 1e-6},
                 {"fann_scaled.net", "fann_scaled", 1e-6},
                 {"fann_steps.net", "fann_steps", 0.04}};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(cases); i++) {
            mlp_foreign_options options = mlp_foreign_defaults();
            options.precision = p;
            options.smooth_steps = i == 4;
            text t = fixture(cases[i].file);
            mlp_net *net[2] = {NULL, NULL};
            assert_int_equal(
                mlp_fann_load_memory(t.at, t.size, &options, &net[0]), MLP_OK);
            assert_int_equal(
                mlp_fann_load(path_of(cases[i].file), &options, &net[1]),
                MLP_OK);
            guarded_free(t.at);
            assert_same_net(net[0], net[1]);
            assert_int_equal(mlp_net_precision(net[0]), p);
            assert_int_equal(mlp_net_loss(net[0]), MLP_LOSS_MSE);
            assert_predicts(net[0], cases[i].rows, cases[i].most);
            mlp_net_free(net[0]);
            mlp_net_free(net[1]);
        }
    }
}

/* FANN holds its scaling as floats. Computed from the same floats in double,
 * the numbers may differ by rounding in double only. The table contains the
 * lines of fann_scaled.net. */
static void fann_scaling_is_computed_from_floats(void **state)
{
    (void)state;
    static const struct {
        float mean, deviation, new_min, factor;
    } sides[2][2] = {{{325.987000F, 13.081475F, -1, 1.25F},
                      {-6.510358F, 0.282799F, -1, 1.25F}},
                     {{21.243340F, 1.007981F, -0.5F, 0.75F},
                      {0.030099F, 0.400082F, -0.5F, 0.75F}}};
    double mean[2][2];
    double std[2][2];
    mlp_net *net = NULL;
    assert_int_equal(mlp_fann_load(path_of("fann_scaled.net"), NULL, &net),
                     MLP_OK);
    assert_int_equal(mlp_net_scaling(net, mean[0], std[0]), MLP_OK);
    assert_int_equal(mlp_net_target_scaling(net, mean[1], std[1]), MLP_OK);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++) {
            double deviation = (double)sides[i][j].deviation;
            double S = deviation / (double)sides[i][j].factor;
            double M = (double)sides[i][j].mean - deviation -
                       (double)sides[i][j].new_min * S;
            assert_true(std[i][j] == S);
            assert_relative(mean[i][j], M, 1e-14);
        }
    }
    mlp_net_free(net);
}

/* Returns true if a file of the network says that the inputs are scaled. */
static bool saves_scaling(const mlp_net *net)
{
    static const char name[] = "inputs.mean";
    size_t size = mlp_net_save_size(net);
    char *bytes = malloc(size);
    bool found = false;
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    for (size_t i = 0; i + sizeof name < size; i++) {
        found = found || memcmp(bytes + i, name, sizeof name - 1) == 0;
    }
    free(bytes);
    return found;
}

/* With the mean 0, the deviation and the factor 1, and -1 for -1 all numbers
 * stay. A scaling of which this holds for all columns is no scaling. */
static void fann_scaling_that_changes_nothing_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *mean, *deviation; /* of two columns */
        bool is_left_out;
    } cases[] = {{"0 0 ", "1 1 ", true},
                 {"0 3 ", "1 1 ", false},
                 {"1 1 ", "2 2 ", false},
                 {"0 1 ", "1 2 ", false}};
    static const char *const keys[] = {"scale_mean_in=", "scale_deviation_in=",
                                       "scale_new_min_in=", "scale_factor_in="};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const columns[] = {cases[i].mean, cases[i].deviation,
                                       "-1 -1 ", "1 1 "};
        text t = fixture("fann_scaled.net");
        for (size_t k = 0; k < COUNT(keys); k++) {
            char line[64];
            (void)snprintf(line, sizeof line, "%s%s", keys[k], columns[k]);
            text more = changed(t, keys[k], line);
            guarded_free(t.at);
            t = more;
        }
        mlp_net *net = NULL;
        assert_int_equal(mlp_fann_load_memory(t.at, t.size, NULL, &net),
                         MLP_OK);
        assert_true(saves_scaling(net) == !cases[i].is_left_out);
        mlp_net_free(net);
        guarded_free(t.at);
    }
}

/* A column that was constant in training has the deviation 0, which counts as
 * 1: x' = ((x - mean) / 1 + 1) factor + new_min. */
static void fann_constant_columns_are_read(void **state)
{
    (void)state;
    static const char *const lists[] = {"scale_deviation_in=13.081475",
                                        "scale_deviation_out=1.007981"};
    text t = fixture("fann_scaled.net");
    for (size_t i = 0; i < COUNT(lists); i++) {
        char zero[64];
        (void)snprintf(zero, sizeof zero, "%s", lists[i]);
        (void)snprintf(strchr(zero, '=') + 1, 16, "0.000000");
        hook_record record = {0};
        mlp_foreign_options options = mlp_foreign_defaults();
        options.hooks = recording_hooks(&record);
        text constant = changed(t, lists[i], zero);
        mlp_net *net = NULL;
        double mean[2];
        double std[2];
        assert_int_equal(
            mlp_fann_load_memory(constant.at, constant.size, &options, &net),
            MLP_OK);
        assert_int_equal(record.hints, 1);
        assert_non_null(strstr(record.hint,
                               "hint: FANN file: the scaling of 1 column has"));
        assert_int_equal(i ? mlp_net_target_scaling(net, mean, std)
                           : mlp_net_scaling(net, mean, std),
                         MLP_OK);
        double factor = i ? 0.75 : 1.25;
        double new_min = i ? -0.5 : -1;
        double centre = (double)(i ? 21.243340F : 325.987000F);
        assert_true(std[0] == 1 / factor);
        assert_relative(mean[0], centre - 1 - new_min / factor, 1e-14);
        mlp_net_free(net);
        guarded_free(constant.at);
    }
    guarded_free(t.at);
}

static void fann_layers_keep_their_activations(void **state)
{
    (void)state;
    static const mlp_layer expected[] = {
        {.width = 4, .activation = MLP_ACT_SIGMOID},
        {.width = 4, .activation = MLP_ACT_TANH},
        {.width = 3, .activation = MLP_ACT_IDENTITY}};
    mlp_net *net = NULL;
    assert_int_equal(mlp_fann_load(path_of("fann_mixed.net"), NULL, &net),
                     MLP_OK);
    assert_int_equal(mlp_net_layer_count(net), COUNT(expected));
    for (size_t l = 1; l <= COUNT(expected); l++) {
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
        assert_int_equal(layer.width, expected[l - 1].width);
        assert_int_equal(layer.activation, expected[l - 1].activation);
    }
    mlp_net_free(net);
}

static void genann_predicts_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *file, *rows;
        mlp_activation hidden, output;
    } cases[] = {
        {"genann_sigmoids.ann", "genann_sigmoids", MLP_ACT_SIGMOID,
         MLP_ACT_SIGMOID},
        {"genann_linear.ann", "genann_linear", MLP_ACT_SIGMOID,
         MLP_ACT_IDENTITY},
        {"genann_tanh.ann", "genann_tanh", MLP_ACT_TANH, MLP_ACT_IDENTITY}};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(cases); i++) {
            mlp_foreign_options options = mlp_foreign_defaults();
            options.precision = p;
            options.hidden = cases[i].hidden;
            options.output = cases[i].output;
            text t = fixture(cases[i].file);
            mlp_net *net[2] = {NULL, NULL};
            assert_int_equal(
                mlp_genann_load_memory(t.at, t.size,
                                       i == 0 && p == MLP_F64 ? NULL : &options,
                                       &net[0]),
                MLP_OK);
            assert_int_equal(
                mlp_genann_load(path_of(cases[i].file), &options, &net[1]),
                MLP_OK);
            guarded_free(t.at);
            assert_same_net(net[0], net[1]);
            assert_predicts(net[0], cases[i].rows, p == MLP_F64 ? 1e-14 : 2e-6);
            mlp_net_free(net[0]);
            mlp_net_free(net[1]);
        }
    }
}

/* The file does not tell the activations, so none is guessed. */
static void genann_needs_the_activations(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_foreign_options options = {.precision = MLP_F64};
    options.hooks = recording_hooks(&record);
    const char *path = path_of("genann_sigmoids.ann");
    mlp_net *net = NULL;
    assert_told(&record, mlp_genann_load(path, &options, &net),
                MLP_ERR_ARGUMENT,
                "hidden: expects the activation that the program with genann "
                "used, got auto (start from mlp_foreign_defaults())");
    options.hidden = MLP_ACT_ELU;
    assert_told(&record, mlp_genann_load(path, &options, &net),
                MLP_ERR_ARGUMENT, "output: expects the activation");
    assert_null(net);
    options.output = MLP_ACT_SIGMOID;
    assert_int_equal(mlp_genann_load(path, &options, &net), MLP_OK);
    mlp_layer layer = {.width = 0};
    assert_int_equal(mlp_net_layer(net, 1, &layer), MLP_OK);
    assert_true(layer.slope == MLP_SLOPE_ELU);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* A program in a locale with a decimal comma writes such files. */
static void decimal_commas_are_read(void **state)
{
    (void)state;
    static const char *const files[] = {"fann_scaled.net",
                                        "genann_sigmoids.ann"};
    load_function *const load[] = {mlp_fann_load_memory,
                                   mlp_genann_load_memory};
    for (size_t k = 0; k < COUNT(files); k++) {
        text t = fixture(files[k]);
        mlp_net *expected = NULL;
        mlp_net *net = NULL;
        assert_int_equal(load[k](t.at, t.size, NULL, &expected), MLP_OK);
        for (size_t i = strlen("FANN_FLO_2.1"); i < t.size; i++) {
            t.at[i] = t.at[i] == '.' ? ',' : t.at[i];
        }
        assert_int_equal(load[k](t.at, t.size, NULL, &net), MLP_OK);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        guarded_free(t.at);
    }
}

/* Lines may end as those of Windows, and the numbers of a genann file may stand
 * between blanks of any kind. */
static void blanks_of_any_kind_are_read(void **state)
{
    (void)state;
    static const struct {
        load_function *load;
        const char *file, *old, *new;
    } cases[] = {
        {mlp_fann_load_memory, "fann_xor.net", "FANN_FLO_2.1\n",
         "FANN_FLO_2.1\r\n"},
        {mlp_genann_load_memory, "genann_tanh.ann", " ", "\t"},
        {mlp_genann_load_memory, "genann_tanh.ann", " ", "\n"},
        {mlp_genann_load_memory, "genann_tanh.ann", " ", "\r\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        text t = fixture(cases[i].file);
        text other = changed(t, cases[i].old, cases[i].new);
        mlp_net *expected = NULL;
        mlp_net *net = NULL;
        assert_int_equal(cases[i].load(t.at, t.size, NULL, &expected), MLP_OK);
        assert_int_equal(cases[i].load(other.at, other.size, NULL, &net),
                         MLP_OK);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        guarded_free(other.at);
        guarded_free(t.at);
    }
}

/* A genann file on disk is known by its first eight bytes, which are digits and
 * blanks. */
static void genann_files_begin_with_digits_and_blanks(void **state)
{
    (void)state;
    static const struct {
        const char *begin; /* in the place of "3 2 4 2 " */
        bool is_one;
    } cases[] = {{"3 2 4 2 ", true},    {"3\t2\n4\r2 ", true},
                 {"0003 2 4 2 ", true}, {"3 2 4 2/", false},
                 {"3 2:4 2 ", false},   {"3 2 4 2-", false},
                 {"\f3 2 4 2 ", false}};
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/mlp_genann_%ld", (long)getpid());
    text t = fixture("genann_sigmoids.ann");
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_foreign_options options = mlp_foreign_defaults();
        mlp_net *net = NULL;
        options.hooks = recording_hooks(&record);
        text other = changed(t, "3 2 4 2 ", cases[i].begin);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(other.at, 1, other.size, file), other.size);
        assert_int_equal(fclose(file), 0);
        if (cases[i].is_one) {
            assert_int_equal(mlp_genann_load(path, &options, &net), MLP_OK);
            assert_int_equal(mlp_net_inputs(net), 3);
        } else {
            assert_told(&record, mlp_genann_load(path, &options, &net),
                        MLP_ERR_FORMAT, "not a genann file");
            assert_null(net);
        }
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
        guarded_free(other.at);
    }
    assert_int_equal(remove(path), 0);
    guarded_free(t.at);
}

/* ---------------------------------------------------------------------------
 * Refusals
 */

typedef struct refusal {
    const char *old, *new; /* `old` is replaced by `new` in the file */
    mlp_status status;
    const char *said;
} refusal;

static void assert_refused(load_function *load, const char *file,
                           const refusal *cases, size_t n)
{
    text t = fixture(file);
    for (size_t i = 0; i < n; i++) {
        hook_record record = {0};
        mlp_foreign_options options = mlp_foreign_defaults();
        options.precision = MLP_F32;
        options.hooks = recording_hooks(&record);
        text bad = changed(t, cases[i].old, cases[i].new);
        mlp_net *net = NULL;
        assert_told(&record, load(bad.at, bad.size, &options, &net),
                    cases[i].status, cases[i].said);
        assert_null(net);
        assert_int_equal(record.live, 0);
        guarded_free(bad.at);
    }
    guarded_free(t.at);
}

static void fann_unsupported_kinds_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"FLO_2.1", "FLO_2.0", MLP_ERR_UNSUPPORTED, "FANN_FLO_2.1"},
        {"FLO_2.1", "FLO_2.15", MLP_ERR_UNSUPPORTED, "FANN_FLO_2.1"},
        {"FLO_2.1\n", "FLO_2.1 ", MLP_ERR_UNSUPPORTED, "FANN_FLO_2.1"},
        {"FLO_2.1", "FIX_2.0", MLP_ERR_UNSUPPORTED, "fixed point"},
        {"FANN_FLO_2.1", "FUNN", MLP_ERR_FORMAT, "FANN_FLO_2.1"},
        {"network_type=0", "network_type=1", MLP_ERR_UNSUPPORTED, "shortcut"},
        {"connection_rate=1.0", "connection_rate=0.5", MLP_ERR_UNSUPPORTED,
         "not all connections"},
        {"(3, 5,", "(3, 7,", MLP_ERR_UNSUPPORTED, "got FANN_GAUSSIAN"},
        {"(3, 5,", "(3, 1,", MLP_ERR_UNSUPPORTED, "got FANN_THRESHOLD"},
        {"(3, 5,", "(3, 17,", MLP_ERR_UNSUPPORTED, "got FANN_COS"},
        {"(3, 5,", "(3, 18,", MLP_ERR_UNSUPPORTED, "activation 18"},
        {"(3, 5,", "(3, 6,", MLP_ERR_UNSUPPORTED,
         "FANN_SIGMOID_SYMMETRIC_STEPWISE (which smooth_steps"},
        {"(3, 5,", "(3, 3,", MLP_ERR_UNSUPPORTED, "several activations"},
    };
    assert_refused(mlp_fann_load_memory, "fann_xor.net", cases, COUNT(cases));
}

static void fann_impossible_numbers_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"num_layers=3", "num_layers=1", MLP_ERR_FORMAT, "2 to 257"},
        {"num_layers=3", "num_layers=258", MLP_ERR_LIMIT, "2 to 257"},
        {"num_layers=3", "num_layers=-3", MLP_ERR_FORMAT, "whole numbers"},
        {"num_layers=", "number=", MLP_ERR_FORMAT, "num_layers="},
        {"connection_rate=1", "connection_rate=x", MLP_ERR_FORMAT,
         "connection rate"},
        {"layer_sizes=3 4 2", "layer_sizes=3 4", MLP_ERR_FORMAT, "bias"},
        {"layer_sizes=3 4 2", "layer_sizes=3 1 2", MLP_ERR_FORMAT, "bias"},
        {"layer_sizes=3 4 2", "layer_sizes=3 5 2", MLP_ERR_FORMAT, "see"},
        {"layer_sizes=3 4 2", "layer_sizes=4294967296 4294967296 2",
         MLP_ERR_FORMAT, "see"},
        {"scale_included=0", "scale_included=", MLP_ERR_FORMAT,
         "whole numbers"},
        {"scale_included=0", "scale_included=1", MLP_ERR_FORMAT,
         "scale_mean_in="},
        {"neurons (", "neuron (", MLP_ERR_FORMAT, "neurons (num"},
        {"connections (", "connection (", MLP_ERR_FORMAT, "connections (con"},
        {"(0, 0, 0", "(1, 0, 0", MLP_ERR_FORMAT, "see"},
        {"(3, 5, ", "(3, 5, x", MLP_ERR_FORMAT, "see"},
        {"weight)=(0, ", "weight)=(1, ", MLP_ERR_FORMAT, "in order"},
        {"weight)=(0, ", "weight)=(0, 1e999", MLP_ERR_FORMAT, "finite"},
        {"(6, 1.95483922958374023438e-01", "(6, 1.9e+39", MLP_ERR_FORMAT,
         "finite"},
        {"(6, 1.95483922958374023438e-01)", "(6, 1.9) (7, 0)", MLP_ERR_FORMAT,
         "nothing more"},
        {"weight)=", "weight)=(0, 1.0) ", MLP_ERR_FORMAT, "in order"},
    };
    assert_refused(mlp_fann_load_memory, "fann_xor.net", cases, COUNT(cases));
    static const refusal scalings[] = {
        {"deviation_in=", "deviation_in=-1.000000 ", MLP_ERR_FORMAT,
         "above 0, got -1 and"},
        {"factor_out=0", "factor_out=-0", MLP_ERR_FORMAT, "got 1.00798 and -"},
        {"mean_in=", "mean_in=x", MLP_ERR_FORMAT, "numbers to scale by"},
        {"mean_in=", "mean_in=1e300 ", MLP_ERR_ARGUMENT, "input 0"},
    };
    assert_refused(mlp_fann_load_memory, "fann_scaled.net", scalings,
                   COUNT(scalings));
}

static void genann_impossible_numbers_are_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"3 2 4 2 ", "3 2 4", MLP_ERR_FORMAT, "numbers of inputs"},
        {"3 2 4 2 ", "-3 2 4 2 ", MLP_ERR_FORMAT, "numbers of inputs"},
        {"3 2 4 2 ", "0 2 4 2 ", MLP_ERR_FORMAT, "neurons in each layer"},
        {"3 2 4 2 ", "3 2 0 2 ", MLP_ERR_FORMAT, "neurons in each layer"},
        {"3 2 4 2 ", "3 2 4 0 ", MLP_ERR_FORMAT, "neurons in each layer"},
        {"3 2 4 2 ", "3 2 5 2 ", MLP_ERR_FORMAT, "and nothing more"},
        {"3 2 4 2 ", "3 2 4 1 ", MLP_ERR_FORMAT, "nothing more"},
        {"3 2 4 2 ", "3 256 4 2 ", MLP_ERR_LIMIT, "at most 256"},
        {"3 2 4 2 ", "3 255 4 2 ", MLP_ERR_FORMAT, "a weight for each"},
        {"3 2 4 2 ", "3 2 4000000000 2 ", MLP_ERR_FORMAT, "a weight for each"},
        {"3 2 4 2 ", "3 2 9999999999999999999 2 ", MLP_ERR_FORMAT,
         "a weight for each"},
        {"3 2 4 2 ", "3 0 1 9999999999999999999 ", MLP_ERR_FORMAT,
         "a weight for each"},
        {"3 2 4 2 ", "18446744073709551615 0 1 2 ", MLP_ERR_FORMAT,
         "a weight for each"},
        {"3 2 4 2 ", "9999999999999999998 0 1 1 ", MLP_ERR_FORMAT,
         "a weight for each"},
        {"3 2 4 2 -", "3;2 4 2 -", MLP_ERR_FORMAT, "numbers of inputs"},
        {"-2.94970558108043512391e-01", "-2.9e+39", MLP_ERR_FORMAT, "finite"},
        {"1.04393699264092365553e+00", "1.0e+39", MLP_ERR_FORMAT, "finite"},
        {"1.04393699264092365553e+00", "x", MLP_ERR_FORMAT, "finite"},
        {"3 2 4 2 ", "3 2 4 2 x", MLP_ERR_FORMAT, "finite"},
    };
    assert_refused(mlp_genann_load_memory, "genann_sigmoids.ann", cases,
                   COUNT(cases));
}

static void arguments_are_checked(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_foreign_options options = mlp_foreign_defaults();
    options.hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_told(&record, mlp_fann_load_memory(NULL, 9, &options, &net),
                MLP_ERR_NULL, "the file is NULL");
    assert_told(&record, mlp_fann_load("x", &options, NULL), MLP_ERR_NULL,
                "the place");
    assert_told(&record, mlp_genann_load(NULL, &options, &net), MLP_ERR_NULL,
                "the file");
    assert_told(&record, mlp_fann_load(MLP_TEST_VECTORS, &options, &net),
                MLP_ERR_IO, "");
    assert_told(&record, mlp_fann_load("/there/is/none", &options, &net),
                MLP_ERR_IO, "/there/is/none");
    assert_told(&record,
                mlp_fann_load(path_of("genann_tanh.ann"), &options, &net),
                MLP_ERR_FORMAT, "not a FANN file: it begins with \"");
    assert_told(&record,
                mlp_genann_load(path_of("fann_xor.net"), &options, &net),
                MLP_ERR_FORMAT,
                "not a genann file: it is a FANN file (load it by "
                "mlp_fann_load)");
    options.precision = MLP_I32;
    assert_told(&record, mlp_fann_load(path_of("fann_xor.net"), &options, &net),
                MLP_ERR_ARGUMENT, "precision");
    options.hooks.release = NULL;
    assert_int_equal(mlp_fann_load_memory("", 0, &options, &net),
                     MLP_ERR_ARGUMENT);
    assert_null(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Damage
 */

static const char *const damaged[] = {"fann_xor.net", "fann_scaled.net",
                                      "genann_tanh.ann"};

static load_function *loader_of(size_t k)
{
    return k < 2 ? mlp_fann_load_memory : mlp_genann_load_memory;
}

/* A FANN file cannot be cut, except for the blanks at its end. A genann file
 * can lose the last digits of its last weight, and is then still valid. */
static void prefixes_are_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(damaged); k++) {
        text t = fixture(damaged[k]);
        text buffer = text_of(t.at, t.size);
        size_t loaded = 0;
        for (size_t n = 0; n < t.size; n++) {
            text cut = {buffer.at + t.size - n, n}; /* ends with the buffer */
            memcpy(cut.at, t.at, n);
            loaded += tried(loader_of(k), cut) == MLP_OK;
        }
        guarded_free(buffer.at);
        assert_in_range(loaded, 0, k < 2 ? 2 : 25);
        assert_int_equal(tried(loader_of(k), t), MLP_OK);
        guarded_free(t.at);
    }
}

static void flipped_bytes_are_survived(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x1d};
    for (size_t k = 0; k < COUNT(damaged); k++) {
        text t = fixture(damaged[k]);
        size_t refused = 0;
        for (size_t i = 0; i < t.size; i++) {
            for (size_t j = 0; j < COUNT(flips); j++) {
                t.at[i] = (char)(t.at[i] ^ flips[j]);
                refused += tried(loader_of(k), t) != MLP_OK;
                t.at[i] = (char)(t.at[i] ^ flips[j]);
            }
        }
        assert_true(refused > 200);
        guarded_free(t.at);
    }
}

/* Returns a FANN file of n inputs and n neurons that should have n + 1
 * connections each, with only one connection. */
static text fann_without_connections(size_t n)
{
    static const char head[] =
        "FANN_FLO_2.1\nnum_layers=2\nconnection_rate=1\nnetwork_type=0\n"
        "layer_sizes=%zu %zu\nscale_included=0\n"
        "neurons (num_inputs, activation_function, activation_steepness)=";
    char *bytes = malloc(sizeof head + 64 + 20 * (2 * n + 2));
    assert_non_null(bytes);
    size_t at = (size_t)sprintf(bytes, head, n + 1, n + 1);
    for (size_t i = 0; i < 2 * n + 2; i++) {
        bool is_neuron = i > n && i < 2 * n + 1;
        at += (size_t)sprintf(bytes + at, "(%zu,0,1)", is_neuron ? n + 1 : 0);
    }
    at += (size_t)sprintf(bytes + at,
                          "\nconnections (connected_to_neuron, weight)=(0,1)");
    text t = text_of(bytes, at);
    free(bytes);
    return t;
}

/* A short file that claims a large network is refused before any memory is
 * allocated. */
static void claimed_sizes_allocate_no_memory(void **state)
{
    (void)state;
    static const char genann[] = "1000 200 1000 1 0.5 0.5";
    text claims[] = {fann_without_connections(200),
                     text_of(genann, sizeof genann - 1)};
    load_function *const load[] = {mlp_fann_load_memory,
                                   mlp_genann_load_memory};
    for (size_t k = 0; k < COUNT(claims); k++) {
        hook_record record = {0};
        mlp_foreign_options options = mlp_foreign_defaults();
        options.hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        assert_told(&record,
                    load[k](claims[k].at, claims[k].size, &options, &net),
                    MLP_ERR_FORMAT, k == 0 ? "all connections" : "a weight");
        assert_int_equal(record.allocations, 0);
        guarded_free(claims[k].at);
    }
}

static void failed_allocations_leak_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(damaged); k++) {
        mlp_status status = MLP_ERR_MEMORY;
        size_t fail_at = 0;
        while (status == MLP_ERR_MEMORY) {
            hook_record record = {.fail_at = ++fail_at};
            mlp_foreign_options options = mlp_foreign_defaults();
            options.hooks = recording_hooks(&record);
            mlp_net *net = NULL;
            const char *path = path_of(damaged[k]);
            status = k < 2 ? mlp_fann_load(path, &options, &net)
                           : mlp_genann_load(path, &options, &net);
            assert_true((status == MLP_OK) == (net != NULL));
            mlp_net_free(net);
            assert_int_equal(record.live, 0);
        }
        assert_int_equal(status, MLP_OK);
        assert_int_equal(fail_at, k == 1 ? 7 : 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_numbers_come_back),
        cmocka_unit_test(each_power_is_exact_enough),
        cmocka_unit_test(numbers_are_read_as_written),
        cmocka_unit_test(millions_of_digits_are_survived),
        cmocka_unit_test(counts_do_not_overflow),
        cmocka_unit_test(fann_predicts_the_same),
        cmocka_unit_test(fann_scaling_is_computed_from_floats),
        cmocka_unit_test(fann_scaling_that_changes_nothing_is_left_out),
        cmocka_unit_test(fann_constant_columns_are_read),
        cmocka_unit_test(fann_layers_keep_their_activations),
        cmocka_unit_test(genann_predicts_the_same),
        cmocka_unit_test(genann_needs_the_activations),
        cmocka_unit_test(decimal_commas_are_read),
        cmocka_unit_test(blanks_of_any_kind_are_read),
        cmocka_unit_test(genann_files_begin_with_digits_and_blanks),
        cmocka_unit_test(fann_unsupported_kinds_are_refused),
        cmocka_unit_test(fann_impossible_numbers_are_refused),
        cmocka_unit_test(genann_impossible_numbers_are_refused),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(prefixes_are_refused),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(claimed_sizes_allocate_no_memory),
        cmocka_unit_test(failed_allocations_leak_nothing),
    };
    return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
