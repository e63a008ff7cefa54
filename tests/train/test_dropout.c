/* SPDX-License-Identifier: MIT */
/*
 * Dropout: the masks equal those of SplitMix64 as it is written out here; they
 * have the right statistics; they depend on the seed, the layer and the number
 * of the forward pass; and training uses them, predicting does not.
 */
#include "support/numbers.h"
#include "support/training.h"

/* ---------------------------------------------------------------------------
 * The kernel
 */

/* Returns output number `index`, from 0, of SplitMix64 that begins in
 * `state`. */
static uint64_t splitmix(uint64_t state, uint64_t index)
{
    uint64_t z = state + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t chance(uint64_t key, size_t i)
{
    uint64_t word = splitmix(key, i / 16 * 8 + i % 8);
    return (uint32_t)(i % 16 < 8 ? word : word >> 32);
}

static void splitmix_is_the_published_one(void **state)
{
    (void)state;
    assert_true(splitmix(0, 0) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(splitmix(0, 1) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(splitmix(0, 2) == UINT64_C(0x06c45d188009454f));
}

/* Checks n elements of the mask, from number `first` on; their neighbours in
 * memory must stay as they are. */
static void check_drop(const mlpi_kernels *kernels, double p, size_t first,
                       size_t n)
{
    mlp_dtype dtype = kernels->dtype;
    const uint64_t key = UINT64_C(0x123456789abcdef0) + n;
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    void *in = random_reals(dtype, &rng, n, -2, 2);
    void *out = guarded_alloc(n * size_of(dtype));
    mlpi_dropout_kernel_args d = {key, p, first, n, in, out};
    kernels->dropout(&d);
    const double scale = rounded(dtype, 1 / (1 - p));
    for (size_t i = 0; i < n; i++) {
        bool stays = chance(key, first + i) >= (uint32_t)(p * 0x1p32);
        double factor = stays ? scale : 0;
        double expected = rounded(dtype, get(dtype, in, i) * factor);
        assert_true(same(get(dtype, out, i), expected));
    }
    d.out = in; /* in place */
    kernels->dropout(&d);
    assert_memory_equal(in, out, n * size_of(dtype));
    guarded_free(out);
    guarded_free(in);
}

static void drop_is_splitmix_with_all_kernels(void **state)
{
    (void)state;
    static const double shares[] = {0, 0x1p-33, 0.2, 0.5, 0.999, 1 - 0x1p-53};
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 0; n < 50; n++) {
            for (size_t first = 0; first < 40; first += n % 3 + 1) {
                check_drop(kernels, shares[n % COUNT(shares)], first, n);
            }
        }
        check_drop(kernels, 0.3, 0, 4099);
    }
}

/* The numbers of elements are the largest that a size_t holds, so a kernel that
 * cuts them to 32 bits fails. */
static void drop_counts_beyond_32_bits(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        check_drop(kernels, 0.5, SIZE_MAX - 200, 133);
    }
}

/* ---------------------------------------------------------------------------
 * Masks, as a trainer shows them: all weights are 0 and biases 1, so A is 1
 * everywhere, and A after dropout is the mask, scaled
 */

enum { ROWS = 500, WIDTH = 40 };

typedef struct masks {
    mlp_net *net;
    mlp_trainer *trainer;
    mlp_view X;
} masks;

static masks masks_of(double p1, double p2)
{
    model m = {1,
               3,
               {{WIDTH, MLP_ACT_IDENTITY, 0, p1, false},
                {WIDTH, MLP_ACT_IDENTITY, 0, p2, false},
                {1, MLP_ACT_IDENTITY, 0, 0, false}},
               MLP_LOSS_MSE};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    config.init = MLP_INIT_ZEROS;
    masks made = {.net = net_of(&config),
                  .X = new_matrix(MLP_F64, ROWS, 1, NULL)};
    fill(tensor(made.net, MLP_B, 1), 1.0);
    fill(tensor(made.net, MLP_B, 2), 1.0);
    assert_int_equal(mlp_trainer_create(made.net, ROWS, &made.trainer), MLP_OK);
    return made;
}

static void free_masks(masks *m)
{
    free(m->X.data);
    mlp_trainer_free(m->trainer);
    mlp_net_free(m->net);
}

/* Runs a forward and sets mask[i], row by row, to true if element i stays. */
static void next_mask(const masks *m, size_t l, bool mask[ROWS * WIDTH])
{
    mlp_view D;
    assert_int_equal(mlp_trainer_forward(m->trainer, ro(m->X)), MLP_OK);
    assert_int_equal(mlp_trainer_tensor(m->trainer, MLP_DROPPED, l, &D),
                     MLP_OK);
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        mask[i] = at(D, i / WIDTH, i % WIDTH) != 0;
    }
}

/* Asserts that `count` of n independent events of that chance is within 5
 * sigma. */
static void assert_count(size_t count, size_t n, double chance_of_each)
{
    double expected = (double)n * chance_of_each;
    double sigma = sqrt(expected * (1 - chance_of_each));
    if (!(fabs((double)count - expected) <= 5 * sigma)) {
        fail_msg("%zu of %zu, expected %g +- %g", count, n, expected, sigma);
    }
}

/* Asserts that a and b are dropped together as often as independent events. */
static void assert_independent(const bool *a, const bool *b, size_t n, double p)
{
    size_t both = 0;
    for (size_t i = 0; i < n; i++) {
        both += !a[i] && !b[i];
    }
    assert_count(both, n, p * p);
}

static void masks_drop_their_share_and_know_no_neighbours(void **state)
{
    (void)state;
    static const double shares[] = {0.01, 0.2, 0.5, 0.9};
    static const size_t apart[] = {1, 2, 7, 8, 9, 16, WIDTH - 1, WIDTH, 800};
    static bool mask[ROWS * WIDTH];
    for (size_t s = 0; s < COUNT(shares); s++) {
        masks m = masks_of(shares[s], 0.5);
        for (size_t step = 0; step < 5; step++) {
            size_t dropped = 0;
            next_mask(&m, 1, mask);
            for (size_t i = 0; i < ROWS * WIDTH; i++) {
                dropped += !mask[i];
            }
            assert_count(dropped, (size_t)ROWS * WIDTH, shares[s]);
            for (size_t k = 0; k < COUNT(apart); k++) {
                assert_independent(mask, mask + apart[k],
                                   ROWS * WIDTH - apart[k], shares[s]);
            }
        }
        free_masks(&m);
    }
}

/* In each column and in each row the same share of elements is dropped, too. */
static void rows_and_columns_drop_their_share(void **state)
{
    (void)state;
    enum { STEPS = 20 };
    static bool mask[ROWS * WIDTH];
    size_t of_row[ROWS] = {0};
    size_t of_column[WIDTH] = {0};
    masks m = masks_of(0.3, 0.5);
    for (size_t step = 0; step < STEPS; step++) {
        next_mask(&m, 1, mask);
        for (size_t i = 0; i < ROWS * WIDTH; i++) {
            of_row[i / WIDTH] += !mask[i];
            of_column[i % WIDTH] += !mask[i];
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        assert_count(of_row[i], (size_t)STEPS * WIDTH, 0.3);
    }
    for (size_t j = 0; j < WIDTH; j++) {
        assert_count(of_column[j], (size_t)STEPS * ROWS, 0.3);
    }
    free_masks(&m);
}

static void layers_steps_and_seeds_have_masks_of_their_own(void **state)
{
    (void)state;
    enum { N = ROWS * WIDTH };
    static bool first[N];
    static bool second[N];
    static bool layer[N];
    static bool seed[N];
    masks m = masks_of(0.5, 0.5);
    for (uint32_t s = 0; s < 10; s++) {
        assert_int_equal(mlp_trainer_set_seed(m.trainer, s), MLP_OK);
        next_mask(&m, 1, first);
        next_mask(&m, 1, second);
        assert_int_equal(mlp_trainer_set_seed(m.trainer, s), MLP_OK);
        next_mask(&m, 2, layer);
        assert_int_equal(mlp_trainer_set_seed(m.trainer, s + 1), MLP_OK);
        next_mask(&m, 1, seed);
        assert_independent(first, second, N, 0.5);
        assert_independent(first, layer, N, 0.5);
        assert_independent(second, layer, N, 0.5);
        assert_independent(first, seed, N, 0.5);
        assert_independent(second, seed, N, 0.5);
    }
    free_masks(&m);
}

static void masks_come_again_with_their_seed(void **state)
{
    (void)state;
    static bool mask[2][2][ROWS * WIDTH];
    masks m = masks_of(0.4, 0);
    for (size_t run = 0; run < 2; run++) {
        next_mask(&m, 1, mask[run][0]);
        next_mask(&m, 1, mask[run][1]);
        assert_int_equal(mlp_trainer_set_seed(m.trainer, 42), MLP_OK);
    }
    assert_memory_equal(mask[0], mask[1], sizeof mask[0]);
    assert_memory_not_equal(mask[0][0], mask[0][1], sizeof mask[0][0]);
    assert_int_equal(mlp_trainer_set_seed(NULL, 42), MLP_ERR_NULL);
    free_masks(&m);
}

/* ---------------------------------------------------------------------------
 * Forward and backward
 */

static const model dropping = {5,
                               4,
                               {{11, MLP_ACT_TANH, 0, 0.3, false},
                                {7, MLP_ACT_RELU, 0, 0.5, false},
                                {9, MLP_ACT_SIGMOID, 0, 0, false},
                                {3, MLP_ACT_SIGMOID, 0, 0, false}},
                               MLP_LOSS_BCE};

static model without_dropout(void)
{
    model m = dropping;
    m.layers[0].dropout = m.layers[1].dropout = 0;
    return m;
}

static mlp_view seen(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return view;
}

/* A after dropout is A / (1 - p) or 0; without dropout it is A. */
static void forward_scales_what_stays(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *net = new_net(&dropping, dtype, NULL);
        mlp_trainer *trainer = NULL;
        mlp_view X = random_matrix(dtype, 33, 5, -1, 1);
        assert_int_equal(mlp_trainer_create(net, 33, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
        for (size_t l = 0; l <= 4; l++) {
            double p = l == 1 ? 0.3 : l == 2 ? 0.5 : 0;
            double scale = rounded(dtype, 1 / (1 - p));
            mlp_view A = seen(trainer, MLP_A, l);
            mlp_view D = seen(trainer, MLP_DROPPED, l);
            size_t dropped = 0;
            for (size_t i = 0; i < A.rows * A.cols; i++) {
                double a = at(A, i / A.cols, i % A.cols);
                double d = at(D, i / A.cols, i % A.cols);
                dropped += d == 0 && a != 0;
                assert_true(d == 0 || d == rounded(dtype, a * scale));
            }
            assert_true((dropped > 0) == (p > 0));
        }
        free(X.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* The mean of A after dropout over many masks is A, within 5 sigma. */
static void dropout_preserves_what_is_expected(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    mlp_net *net = new_net(&dropping, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    mlp_view X = random_matrix(MLP_F64, 2, 5, -1, 1);
    double sums[2][11] = {{0}};
    assert_int_equal(mlp_trainer_create(net, 2, &trainer), MLP_OK);
    for (size_t step = 0; step < STEPS; step++) {
        assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
        mlp_view D = seen(trainer, MLP_DROPPED, 1);
        for (size_t i = 0; i < 22; i++) {
            sums[i / 11][i % 11] += at(D, i / 11, i % 11);
        }
    }
    mlp_view A = seen(trainer, MLP_A, 1);
    for (size_t i = 0; i < 22; i++) {
        double a = at(A, i / 11, i % 11);
        double sigma = fabs(a) * sqrt(0.3 / 0.7 / STEPS);
        assert_absolute(sums[i / 11][i % 11] / STEPS, a, 5 * sigma);
    }
    free(X.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static double loss_now(mlp_trainer *trainer, data d)
{
    double loss = NAN;
    assert_int_equal(mlp_trainer_set_seed(trainer, 3), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
    return loss;
}

static double difference(mlp_trainer *trainer, data d, mlp_view parameters,
                         size_t i, size_t j)
{
    const double h = 0x1p-10;
    const double x = at(parameters, i, j);
    double loss[5];
    for (int step = -2; step <= 2; step++) {
        put(parameters, i, j, x + step * h);
        loss[step + 2] = loss_now(trainer, d);
    }
    put(parameters, i, j, x);
    return (8 * (loss[3] - loss[1]) - (loss[4] - loss[0])) / (12 * h);
}

/* All gradients are checked, with masks that stay the same. */
static void gradients_are_differences_of_the_loss(void **state)
{
    (void)state;
    model m = dropping;
    m.layers[1].activation = MLP_ACT_TANH; /* has no corners */
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    data d = {random_matrix(MLP_F64, 6, 5, -1, 1),
              random_matrix(MLP_F64, 6, 3, 0, 1)};
    assert_int_equal(mlp_trainer_create(net, 6, &trainer), MLP_OK);
    for (size_t l = 1; l <= 4; l++) {
        for (mlp_tensor which = MLP_W; which <= MLP_B; which++) {
            mlp_view parameters = tensor(net, which, l);
            double error = 0;
            double size = 0;
            for (size_t i = 0; i < parameters.rows * parameters.cols; i++) {
                size_t row = i / parameters.cols;
                size_t col = i % parameters.cols;
                double exact = difference(trainer, d, parameters, row, col);
                (void)loss_now(trainer, d);
                assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)),
                                 MLP_OK);
                mlp_view gradient =
                    seen(trainer, which == MLP_W ? MLP_DW : MLP_DB, l);
                error = fmax(error, fabs(at(gradient, row, col) - exact));
                size = fmax(size, fabs(exact));
            }
            assert_true(size > 1e-5);
            assert_true(error < 1e-7 * size);
        }
    }
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Training and predicting
 */

static const model wide = {20,
                           3,
                           {{65, MLP_ACT_RELU, 0, 0.5, false},
                            {33, MLP_ACT_TANH, 0, 0.2, false},
                            {3, MLP_ACT_SIGMOID, 0, 0, false}},
                           MLP_LOSS_BCE};

static mlp_net *fitted(mlp_dtype dtype, const char *kernels, size_t threads,
                       uint32_t seed)
{
    mlp_config config = config_of(&wide, dtype, NULL);
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    data d = {random_matrix(dtype, 1001, 20, -1, 1),
              random_matrix(dtype, 1001, 3, 0, 1)};
    mlp_train_options options = tutorial_options();
    options.epochs = 2;
    options.batch_size = 600;
    options.threads = threads;
    options.seed = seed;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    free_data(d);
    return net;
}

static void threads_and_kernels_give_the_same_bits(void **state)
{
    (void)state;
    static const size_t threads[] = {1, 2, 3, 8};
    FOR_EACH_PRECISION(dtype)
    {
        mlp_net *first = fitted(dtype, NULL, 1, 42);
        for (size_t i = 1; i < COUNT(threads); i++) {
            mlp_net *net = fitted(dtype, NULL, threads[i], 42);
            assert_same_net(net, first);
            mlp_net_free(net);
        }
        for (size_t k = 0; mlp_kernels(k); k++) {
            mlp_net *net = fitted(dtype, mlp_kernels(k), 3, 42);
            assert_same_net(net, first);
            mlp_net_free(net);
        }
        mlp_net_free(first);
    }
}

/* Fits all rows in one batch, so that only dropout depends on the seed. */
static mlp_net *fitted_in_one_batch(uint32_t seed, data d)
{
    mlp_net *net = new_net(&dropping, MLP_F64, NULL);
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    options.seed = seed;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    return net;
}

static void fit_draws_its_masks_as_a_trainer_does(void **state)
{
    (void)state;
    data d = {random_matrix(MLP_F64, 12, 5, -1, 1),
              random_matrix(MLP_F64, 12, 3, 0, 1)};
    mlp_net *fitted = fitted_in_one_batch(7, d);
    mlp_net *other = fitted_in_one_batch(8, d);
    mlp_net *net = new_net(&dropping, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 12, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_seed(trainer, 7), MLP_OK);
    for (size_t step = 0; step < 3; step++) {
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
        assert_int_equal(mlp_trainer_update(trainer, 0.01), MLP_OK);
    }
    assert_same_net(net, fitted);
    mlp_cview W = ctensor(net, MLP_W, 4);
    assert_true(mlp_cview_at(W, 0, 0) !=
                mlp_cview_at(ctensor(other, MLP_W, 4), 0, 0));
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    mlp_net_free(other);
    mlp_net_free(fitted);
    free_data(d);
}

static void predicting_drops_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(dtype)
    {
        model plain = without_dropout();
        mlp_net *net = new_net(&dropping, dtype, NULL);
        mlp_net *other = new_net(&plain, dtype, NULL);
        data d = {random_matrix(dtype, 20, 5, -1, 1),
                  random_matrix(dtype, 20, 3, 0, 1)};
        mlp_view A = new_matrix(dtype, 20, 3, NULL);
        mlp_view B = new_matrix(dtype, 20, 3, NULL);
        assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
        assert_int_equal(mlp_predict(other, ro(d.X), B), MLP_OK);
        assert_same(ro(A), ro(B));
        mlp_scores scores = {0, 0};
        mlp_scores expected = {1, 1};
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
        assert_int_equal(mlp_evaluate(other, ro(d.X), ro(d.Y), &expected),
                         MLP_OK);
        assert_true(scores.loss == expected.loss);
        /* A workspace of one network fits the other, because predicting does
         * not depend on dropout. */
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(other, &workspace), MLP_OK);
        assert_int_equal(mlp_predict_with(net, workspace, ro(d.X), B), MLP_OK);
        assert_same(ro(A), ro(B));
        mlp_workspace_free(workspace);
        free(A.data);
        free(B.data);
        free_data(d);
        mlp_net_free(other);
        mlp_net_free(net);
    }
}

static void networks_remember_their_dropout(void **state)
{
    (void)state;
    mlp_net *net = new_net(&dropping, MLP_F64, NULL);
    mlp_net *copy = clone_of(net);
    for (size_t l = 1; l <= 4; l++) {
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(copy, l, &layer), MLP_OK);
        assert_true(layer.dropout == dropping.layers[l - 1].dropout);
    }
    mlp_net_free(copy);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix_is_the_published_one),
        cmocka_unit_test(drop_is_splitmix_with_all_kernels),
        cmocka_unit_test(drop_counts_beyond_32_bits),
        cmocka_unit_test(masks_drop_their_share_and_know_no_neighbours),
        cmocka_unit_test(rows_and_columns_drop_their_share),
        cmocka_unit_test(layers_steps_and_seeds_have_masks_of_their_own),
        cmocka_unit_test(masks_come_again_with_their_seed),
        cmocka_unit_test(forward_scales_what_stays),
        cmocka_unit_test(dropout_preserves_what_is_expected),
        cmocka_unit_test(gradients_are_differences_of_the_loss),
        cmocka_unit_test(threads_and_kernels_give_the_same_bits),
        cmocka_unit_test(fit_draws_its_masks_as_a_trainer_does),
        cmocka_unit_test(predicting_drops_nothing),
        cmocka_unit_test(networks_remember_their_dropout),
    };
    return cmocka_run_group_tests_name("dropout", tests, NULL, NULL);
}
