/* SPDX-License-Identifier: MIT */
/*
 * L-BFGS on its own takes PyTorch's path through Rosenbrock's valley, and ends
 * well in hard cases. With networks it takes PyTorch's path too, converges,
 * gives the same bits with every table of kernels and number of threads, and
 * refuses what it cannot do. tests/vectors/make_lbfgs.py wrote the numbers from
 * PyTorch; formats/mlp/test_checkpoint.c tests L-BFGS in checkpoints.
 */
#include "support/training.h"

#include "train/lbfgs.h"

/* ---------------------------------------------------------------------------
 * Rosenbrock's valley
 */

typedef struct valley {
    size_t n, evaluations;
    double wall; /* J is NaN where an |x[i]| is above it */
} valley;

static double rosenbrock(void *context, const void *w, void *gradient)
{
    valley *v = context;
    const double *x = w;
    double *g = gradient;
    double J = 0.0;
    v->evaluations++;
    for (size_t i = 0; i < v->n; i += 2) {
        double up = x[i + 1] - x[i] * x[i];
        double left = 1.0 - x[i];
        J += 100.0 * up * up + left * left;
        g[i] = -400.0 * x[i] * up - 2.0 * left;
        g[i + 1] = 200.0 * up;
        if (fabs(x[i]) > v->wall) {
            J = NAN;
        }
    }
    return J;
}

static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_lbfgs *l = object;
    mlpi_lbfgs_lay_out(l, cursor);
    l->S = mlpi_take(cursor, 2 * l->max_pairs, sizeof *l->S);
    for (size_t i = 0; i < 2 * l->max_pairs; i++) {
        void *array = mlpi_take(cursor, l->n, sizeof(double));
        if (l->S) {
            l->S[i] = array;
        }
    }
}

/* Makes an mlpi_lbfgs that is at w, and returns its block. */
static void *begin_at(mlpi_lbfgs *l, size_t max_pairs,
                      mlpi_objective *objective, void *context, size_t n,
                      const double *w)
{
    const mlp_hooks none = {.user = NULL};
    *l = (mlpi_lbfgs){.kernels = mlpi_kernels_find(MLP_F64, NULL),
                      .n = n,
                      .max_pairs = max_pairs};
    void *block = NULL;
    assert_int_equal(mlpi_allocate_layout(&none, lay_out, l, "L-BFGS", &block),
                     MLP_OK);
    l->Y = l->S + max_pairs;
    memcpy(l->w, w, n * sizeof *w);
    l->J = objective(context, l->w, l->g);
    return block;
}

static void end(void *block)
{
    const mlp_hooks none = {.user = NULL};
    mlpi_release(&none, block);
}

static double w_of(const mlpi_lbfgs *l, size_t i)
{
    return ((const double *)l->w)[i];
}

static void lbfgs_takes_the_path_of_pytorch(void **state)
{
    (void)state;
    enum { ROUNDS = 30, N = 6 };
    vector path = need_vector("lbfgs_rosenbrock", (size_t)ROUNDS * N);
    const double w[N] = {-1.2, 1.0, 0.5, -0.75, 1.25, 2.0};
    valley v = {.n = N, .wall = INFINITY};
    mlpi_lbfgs l;
    void *block = begin_at(&l, 4, rosenbrock, &v, N, w);
    for (size_t i = 0; i < ROUNDS; i++) {
        mlpi_lbfgs_iterate(&l, rosenbrock, &v, 1.0);
        for (size_t j = 0; j < N; j++) {
            /* Roundings differ, and the differences grow along the path. */
            assert_relative(w_of(&l, j), path.data[i * N + j],
                            i < 10 ? 1e-12 : 1e-9);
        }
    }
    free(path.data);
    end(block);
}

static void lbfgs_finds_the_minimum_and_stays(void **state)
{
    (void)state;
    const double w[2] = {-1.2, 1.0};
    valley v = {.n = 2, .wall = INFINITY};
    mlpi_lbfgs l;
    void *block = begin_at(&l, 10, rosenbrock, &v, 2, w);
    for (size_t i = 0; i < 60; i++) {
        double J = l.J;
        mlpi_lbfgs_iterate(&l, rosenbrock, &v, 1.0);
        assert_true(l.J <= J);
    }
    assert_relative(w_of(&l, 0), 1.0, 1e-9);
    assert_relative(w_of(&l, 1), 1.0, 1e-9);
    memset(l.g, 0, sizeof w);
    double there[2] = {w_of(&l, 0), w_of(&l, 1)};
    size_t evaluations = v.evaluations;
    mlpi_lbfgs_iterate(&l, rosenbrock, &v, 1.0);
    assert_memory_equal(l.w, there, sizeof there);
    assert_int_equal(v.evaluations, evaluations);
    end(block);
}

static void lbfgs_turns_back_where_there_is_no_number(void **state)
{
    (void)state;
    const double w[2] = {-1.2, 1.0};
    valley v = {.n = 2, .wall = 1.21};
    mlpi_lbfgs l;
    void *block = begin_at(&l, 3, rosenbrock, &v, 2, w);
    for (size_t i = 0; i < 80; i++) {
        mlpi_lbfgs_iterate(&l, rosenbrock, &v, 1.0);
        assert_true(isfinite(l.J));
    }
    assert_relative(w_of(&l, 0), 1.0, 1e-6);
    end(block);
}

/* The objective J = w, which is NaN below the wall. */
static double slope(void *context, const void *w, void *gradient)
{
    valley *v = context;
    const double *x = w;
    v->evaluations++;
    *(double *)gradient = 1.0;
    return *x < v->wall ? (double)NAN : *x;
}

static void lbfgs_does_not_repeat_a_failed_search(void **state)
{
    (void)state;
    const double w = 3.0;
    valley v = {.wall = 3.0 - 0x1p-40}; /* closer than 25 trials can find */
    mlpi_lbfgs l;
    void *block = begin_at(&l, 2, slope, &v, 1, &w);
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    size_t evaluations = v.evaluations;
    assert_true(evaluations > 2);
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    assert_int_equal(v.evaluations, evaluations);
    assert_true(w_of(&l, 0) == 3.0 && l.J == 3.0);
    /* With another learning rate it is another search. */
    mlpi_lbfgs_iterate(&l, slope, &v, 0x1p-30);
    assert_true(w_of(&l, 0) < 3.0 && l.J < 3.0);
    evaluations = v.evaluations;
    /* From another point it is another search, too. */
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    assert_true(v.evaluations > evaluations);
    end(block);
}

/* Each of the 25 trials is about five times as far as the one before: a line
 * has no minimum, so the next is the middle of those that are allowed. */
static void lbfgs_goes_far_where_the_loss_falls_for_ever(void **state)
{
    (void)state;
    const double w = 3.0;
    valley v = {.wall = -INFINITY};
    mlpi_lbfgs l;
    void *block = begin_at(&l, 2, slope, &v, 1, &w);
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    assert_int_equal(v.evaluations, 1 + 25);
    assert_true(isfinite(l.J) && l.J < -1e16 && l.J == w_of(&l, 0));
    end(block);
}

/* The pair says that there is hardly any curvature, so the step tried first is
 * far too long. */
static void lbfgs_forgets_a_pair_that_misled(void **state)
{
    (void)state;
    const double w = 3.0;
    valley v = {.wall = 2.5};
    mlpi_lbfgs l;
    void *block = begin_at(&l, 2, slope, &v, 1, &w);
    *(double *)l.S[0] = 1.0;
    *(double *)l.Y[0] = 0x1p-40;
    l.pairs_added = 1;
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    assert_true(l.J == 3.0);
    mlpi_lbfgs_iterate(&l, slope, &v, 1.0);
    assert_true(l.J < 3.0);
    end(block);
}

/* The pairs are such that the direction would go uphill. No iteration leaves
 * such pairs, but a damaged checkpoint may. */
static void lbfgs_forgets_what_misleads(void **state)
{
    (void)state;
    static const double bad[] = {-1.0, 0.0, NAN};
    const double w[2] = {-1.2, 1.0};
    for (size_t i = 0; i < COUNT(bad); i++) {
        valley v = {.n = 2, .wall = INFINITY};
        mlpi_lbfgs l;
        void *block = begin_at(&l, 2, rosenbrock, &v, 2, w);
        double J = l.J;
        const double s[2] = {1.0, 1.0};
        const double y[2] = {bad[i], bad[i]};
        memcpy(l.S[0], s, sizeof s);
        memcpy(l.Y[0], y, sizeof y);
        l.pairs_added = 1;
        mlpi_lbfgs_iterate(&l, rosenbrock, &v, 1.0);
        assert_true(l.J < J);
        end(block);
    }
}

/* ---------------------------------------------------------------------------
 * Networks
 */

enum { ROWS = 16, PARAMETERS = 17 };

static const model surface_model = {
    2, 2, {{4, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};

static data surface(mlp_dtype dtype)
{
    data d = {new_matrix(dtype, ROWS, 2, NULL),
              new_matrix(dtype, ROWS, 1, NULL)};
    for (size_t i = 0; i < ROWS; i++) {
        double x = (double)i / 8.0 - 1.0;
        double y = (double)(i * 5 % ROWS) / 8.0 - 1.0;
        put(d.X, i, 0, x);
        put(d.X, i, 1, y);
        put(d.Y, i, 0, x + y > 0.1);
    }
    return d;
}

static mlp_net *surface_net(mlp_dtype dtype, hook_record *record)
{
    static const double W1[] = {0.5,    -0.25, 0.125, 0.75,
                                -0.625, 0.375, 0.25,  0.5};
    static const double W2[] = {0.5, -0.75, 0.25, 0.625};
    mlp_net *net = new_net(&surface_model, dtype, record);
    put_all(tensor(net, MLP_W, 1), 8, W1);
    put_all(tensor(net, MLP_W, 2), 4, W2);
    return net;
}

static mlp_train_options options_for(size_t epochs)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = 1.0;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_LBFGS);
    return options;
}

static double last_loss(const mlp_history *history)
{
    return mlp_history_losses(history)[mlp_history_epochs(history) - 1];
}

/* Compares an epoch to the next line of the file: a loss, and the parameters
 * after the update. Differences are relative to the largest parameter. */
static bool compare_epoch(const mlp_epoch_progress *progress, void *user)
{
    const double **expected = user;
    assert_relative(progress->loss, **expected, 1e-12);
    ++*expected;
    double most = 0.0;
    for (size_t i = 0; i < PARAMETERS; i++) {
        most = fmax(most, fabs((*expected)[i]));
    }
    for (size_t l = 1; l <= 2; l++) {
        for (int which = MLP_W; which <= MLP_B; which++) {
            mlp_cview view = ctensor(progress->net, (mlp_tensor)which, l);
            for (size_t i = 0; i < view.rows * view.cols; i++) {
                double got = mlp_cview_at(view, i / view.cols, i % view.cols);
                assert_absolute(got, *(*expected)++, 1e-12 * most);
            }
        }
    }
    return true;
}

static void twenty_iterations_equal_pytorch(void **state)
{
    (void)state;
    enum { ITERATIONS = 20 };
    vector v =
        need_vector("lbfgs_net", (size_t)3 * ITERATIONS * (1 + PARAMETERS));
    data d = surface(MLP_F64);
    const double *expected = v.data;
    for (size_t i = 0; i < 3; i++) {
        mlp_net *net = surface_net(MLP_F64, NULL);
        mlp_train_options options = options_for(ITERATIONS);
        options.optimizer.lbfgs_history = i == 1 ? 3 : 10;
        options.optimizer.l2 = i == 2 ? 0.1 : 0.0;
        options.on_epoch = compare_epoch;
        options.user = &expected;
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        mlp_net_free(net);
    }
    assert_int_equal(expected - v.data, v.rows * v.cols);
    free_data(d);
    free(v.data);
}

/* The rows lie on a plane, and a single neuron with squared error must find
 * it. */
static void convex_losses_are_minimised(void **state)
{
    (void)state;
    static const model line = {2, 1, {{.width = 1}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&line, MLP_F64, NULL);
    data d = surface(MLP_F64);
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, 3.0 * at(d.X, i, 0) - 0.25 * at(d.X, i, 1) + 0.5);
    }
    mlp_train_options options = options_for(15);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_absolute(at(tensor(net, MLP_W, 1), 0, 0), 3.0, 1e-9);
    assert_absolute(at(tensor(net, MLP_W, 1), 0, 1), -0.25, 1e-9);
    assert_absolute(at(tensor(net, MLP_B, 1), 0, 0), 0.5, 1e-9);
    mlp_net_free(net);
    free_data(d);
}

static void xor_is_learnt_to_the_last_digit(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        data d = xor_data(p);
        mlp_history *history = NULL;
        mlp_train_options options = options_for(100);
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                         MLP_OK);
        const double *losses = mlp_history_losses(history);
        for (size_t i = 1; i < 100; i++) {
            assert_true(losses[i] <= losses[i - 1]);
        }
        assert_true(last_loss(history) < 1e-9);
        mlp_history_free(history);
        free_data(d);
        mlp_net_free(net);
    }
}

static void a_minimum_is_left_as_it_is(void **state)
{
    (void)state;
    static const model line = {1, 1, {{.width = 1}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&line, MLP_F64, NULL);
    double x[2] = {1, 2};
    double y[2] = {3, 6};
    put(tensor(net, MLP_W, 1), 0, 0, 3);
    mlp_net *before = clone_of(net);
    mlp_train_options options = options_for(5);
    assert_int_equal(mlp_fit(net, mlp_cview_f64(x, 2, 1),
                             mlp_cview_f64(y, 2, 1), &options, NULL),
                     MLP_OK);
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* Changes the network between two epochs. The loss that L-BFGS knows from the
 * last iteration must not be used then. */
static bool move_a_weight(const mlp_epoch_progress *progress, void *user)
{
    mlp_view b = tensor(user, MLP_B, 2);
    put(b, 0, 0, at(b, 0, 0) + 4.0);
    return progress->epoch < 2;
}

static void weights_may_be_moved_between_epochs(void **state)
{
    (void)state;
    data d = surface(MLP_F64);
    mlp_net *net = surface_net(MLP_F64, NULL);
    mlp_history *history = NULL;
    mlp_train_options options = options_for(3);
    options.on_epoch = move_a_weight;
    options.user = net;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                     MLP_OK);
    assert_true(mlp_history_losses(history)[0] < 1);
    assert_true(mlp_history_losses(history)[1] > 9);
    mlp_history_free(history);
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * The same bits
 */

static const model wide_model = {
    37,
    3,
    {{.width = 150, .activation = MLP_ACT_TANH},
     {.width = 101, .activation = MLP_ACT_SIGMOID, .batch_norm = true},
     {.width = 5}},
    MLP_LOSS_MSE};

static mlp_net *train_wide(mlp_dtype p, const char *kernels, size_t threads,
                           double losses[6])
{
    mlp_config config = config_of(&wide_model, p, NULL);
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    mlp_view X = random_matrix(p, 67, 37, -1, 1);
    mlp_view Y = random_matrix(p, 67, 5, -1, 1);
    mlp_history *history = NULL;
    mlp_train_options options = options_for(6);
    options.optimizer.lbfgs_history = 4;
    options.optimizer.l2 = 0.6;
    options.threads = threads;
    assert_int_equal(mlp_fit(net, ro(X), ro(Y), &options, &history), MLP_OK);
    memcpy(losses, mlp_history_losses(history), 6 * sizeof *losses);
    mlp_history_free(history);
    free(Y.data);
    free(X.data);
    return net;
}

static void tables_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    static const size_t threads[] = {2, 1, 3, 8};
    FOR_EACH_PRECISION(p)
    {
        double expected[6];
        double losses[6];
        mlp_net *reference = train_wide(p, "portable", 1, expected);
        assert_true(expected[5] < expected[0]);
        for (size_t k = 0; mlp_kernels(k); k++) {
            bool is_best = !mlp_kernels(k + 1);
            for (size_t t = 0; t < (is_best ? COUNT(threads) : 1); t++) {
                mlp_net *net =
                    train_wide(p, mlp_kernels(k), threads[t], losses);
                assert_same_net(net, reference);
                assert_memory_equal(losses, expected, sizeof losses);
                mlp_net_free(net);
            }
        }
        mlp_net_free(reference);
    }
}

/* A fit of one epoch knows only the pairs of the iteration before, a fit of
 * many knows its loss and gradient too; both must give the same bits. A single
 * layer reaches the minimum, so its last searches find no better point. */
static void one_epoch_after_another_gives_the_same_bits(void **state)
{
    (void)state;
    enum { EPOCHS = 100 };
    for (size_t k = 0; k < 4; k++) {
        model m = surface_model;
        m.layers[0].batch_norm = k % 2 > 0;
        if (k > 1) {
            m.n_layers = 1;
            m.layers[0].width = 1;
            m.layers[0].activation = MLP_ACT_IDENTITY;
        }
        data d = surface(MLP_F32);
        mlp_net *nets[2];
        for (size_t i = 0; i < 2; i++) {
            nets[i] = new_net(&m, MLP_F32, NULL);
            mlp_trainer *trainer = NULL;
            mlp_train_options options = options_for(i == 0 ? EPOCHS : 1);
            assert_int_equal(mlp_trainer_create(nets[i], ROWS, &trainer),
                             MLP_OK);
            assert_int_equal(
                mlp_trainer_set_optimizer(trainer, &options.optimizer), MLP_OK);
            for (size_t e = 0; e < EPOCHS; e += options.epochs) {
                assert_int_equal(
                    mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                    MLP_OK);
            }
            mlp_trainer_free(trainer);
        }
        assert_same_net(nets[1], nets[0]);
        mlp_net_free(nets[0]);
        mlp_net_free(nets[1]);
        free_data(d);
    }
}

static void other_rows_have_another_loss(void **state)
{
    (void)state;
    data d = surface(MLP_F64);
    data other = surface(MLP_F64);
    put(other.Y, 3, 0, 50);
    mlp_net *net = surface_net(MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    mlp_history *history = NULL;
    mlp_train_options options = options_for(3);
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &options.optimizer),
                     MLP_OK);
    assert_int_equal(mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    assert_int_equal(
        mlp_trainer_fit(trainer, ro(other.X), ro(other.Y), &options, &history),
        MLP_OK);
    assert_true(mlp_history_losses(history)[0] > 100);
    mlp_history_free(history);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(other);
    free_data(d);
}

/* An iteration moves the running moments once, as a step of plain gradient
 * descent does, however many points it evaluates. */
static void batch_norm_learns_once_an_iteration(void **state)
{
    (void)state;
    mlp_net *nets[2];
    mlp_view X = random_matrix(MLP_F64, 67, 37, -1, 1);
    mlp_view Y = random_matrix(MLP_F64, 67, 5, -1, 1);
    for (size_t i = 0; i < 2; i++) {
        nets[i] = new_net(&wide_model, MLP_F64, NULL);
        mlp_train_options options = options_for(1);
        if (i == 1) {
            options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
        }
        assert_int_equal(mlp_fit(nets[i], ro(X), ro(Y), &options, NULL),
                         MLP_OK);
    }
    assert_same(ctensor(nets[0], MLP_MEAN, 2), ctensor(nets[1], MLP_MEAN, 2));
    assert_same(ctensor(nets[0], MLP_VARIANCE, 2),
                ctensor(nets[1], MLP_VARIANCE, 2));
    mlp_net_free(nets[0]);
    mlp_net_free(nets[1]);
    free(Y.data);
    free(X.data);
}

/* ---------------------------------------------------------------------------
 * Refusals and failures
 */

static mlp_status no_chunk(size_t epoch, size_t chunk, mlp_chunk *rows,
                           void *user)
{
    (void)epoch;
    (void)chunk;
    (void)rows;
    (void)user;
    return MLP_OK;
}

static void what_does_not_go_with_it_is_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = surface_net(MLP_F64, &record);
    mlp_net *before = clone_of(net);
    data d = surface(MLP_F64);
    const mlp_train_options good = options_for(3);
    mlp_train_options o = good;
#define REFUSED(part)                                                          \
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &o, NULL),             \
                MLP_ERR_ARGUMENT, part);                                       \
    o = good
    o.batch_size = 15;
    REFUSED("batch");
    o.optimizer.weight_decay = 0.1;
    REFUSED("weight_decay");
    o.optimizer.clip_value = 1;
    REFUSED("clip_value");
    o.optimizer.clip_norm = 1;
    REFUSED("clip_norm");
    o.optimizer.lbfgs_history = 0;
    REFUSED("lbfgs_history");
    o.optimizer.lbfgs_history = 1001;
    REFUSED("lbfgs_history");
#undef REFUSED
    o.batch_size = 16;
    assert_told(&record, mlp_fit_stream(net, no_chunk, NULL, &o, NULL),
                MLP_ERR_ARGUMENT, "chunks");
    assert_same_net(net, before);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &o, NULL), MLP_OK);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void dropout_is_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    model dropping = xor_model;
    dropping.layers[0].dropout = 0.5;
    mlp_net *net = new_net(&dropping, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    mlp_optimizer o = mlp_optimizer_defaults(MLP_OPTIMIZER_LBFGS);
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    assert_told(&record, mlp_trainer_set_optimizer(trainer, &o),
                MLP_ERR_ARGUMENT, "dropout");
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void single_steps_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = surface_net(MLP_F64, &record);
    mlp_net *before = clone_of(net);
    data d = surface(MLP_F64);
    mlp_trainer *trainer = NULL;
    mlp_optimizer o = mlp_optimizer_defaults(MLP_OPTIMIZER_LBFGS);
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &o), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_told(&record, mlp_trainer_update(trainer, 0.1), MLP_ERR_ARGUMENT,
                "lbfgs");
    assert_told(&record, mlp_trainer_step(trainer, ro(d.X), ro(d.Y), 0.1, NULL),
                MLP_ERR_ARGUMENT, "lbfgs");
    assert_same_net(net, before);
    mlp_trainer_free(trainer);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* The loss, a double, is finite; the gradient, a float, is not. */
static void an_infinite_gradient_ends_training(void **state)
{
    (void)state;
    static const model line = {1, 1, {{.width = 1}}, MLP_LOSS_MSE};
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F32, &record);
    mlp_net *before = clone_of(net);
    float x = 1e25f;
    float y = -1e25f;
    mlp_train_options options = options_for(2);
    assert_told(&record,
                mlp_fit(net, mlp_cview_f32(&x, 1, 1), mlp_cview_f32(&y, 1, 1),
                        &options, NULL),
                MLP_ERR_DIVERGED, "epoch 0, batch 0: the gradient");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* All gradients are finite; their square, which a search divides by, is not. */
static void a_gradient_without_a_square_ends_training(void **state)
{
    (void)state;
    static const model line = {1, 1, {{.width = 1}}, MLP_LOSS_MSE};
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    const double x = 1e100;
    const double y = -1e120;
    mlp_train_options options = options_for(2);
    assert_told(&record,
                mlp_fit(net, mlp_cview_f64(&x, 1, 1), mlp_cview_f64(&y, 1, 1),
                        &options, NULL),
                MLP_ERR_DIVERGED,
                "epoch 0, batch 0: the gradient is too large");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* An infinite weight may have a finite loss, and a gradient of 0. */
static void infinite_weights_end_training(void **state)
{
    (void)state;
    hook_record record = {0};
    static const model m = {
        1, 2, {{2, MLP_ACT_TANH}, {.width = 1}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, &record);
    const double x[] = {1, 2};
    const double y[] = {0.25, 0.75};
    put(tensor(net, MLP_W, 1), 1, 0, INFINITY);
    mlp_net *before = clone_of(net);
    mlp_train_options options = options_for(3);
    assert_told(&record,
                mlp_fit(net, mlp_cview_f64(x, 2, 1), mlp_cview_f64(y, 2, 1),
                        &options, NULL),
                MLP_ERR_DIVERGED, "epoch 0: a weight is infinite");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

/* The step that is tried first is far too long, and the loss there is not
 * finite. */
static void infinite_trials_are_taken_back(void **state)
{
    (void)state;
    static const model line = {1, 1, {{.width = 1}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&line, MLP_F32, NULL);
    float x[2] = {1e16f, 2e16f};
    float y[2] = {1e10f, 2e10f};
    mlp_history *history = NULL;
    mlp_train_options options = options_for(20);
    assert_int_equal(mlp_fit(net, mlp_cview_f32(x, 2, 1),
                             mlp_cview_f32(y, 2, 1), &options, &history),
                     MLP_OK);
    assert_true(last_loss(history) < mlp_history_losses(history)[0]);
    mlp_history_free(history);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lbfgs_takes_the_path_of_pytorch),
        cmocka_unit_test(lbfgs_finds_the_minimum_and_stays),
        cmocka_unit_test(lbfgs_turns_back_where_there_is_no_number),
        cmocka_unit_test(lbfgs_does_not_repeat_a_failed_search),
        cmocka_unit_test(lbfgs_goes_far_where_the_loss_falls_for_ever),
        cmocka_unit_test(lbfgs_forgets_a_pair_that_misled),
        cmocka_unit_test(lbfgs_forgets_what_misleads),
        cmocka_unit_test(twenty_iterations_equal_pytorch),
        cmocka_unit_test(convex_losses_are_minimised),
        cmocka_unit_test(xor_is_learnt_to_the_last_digit),
        cmocka_unit_test(a_minimum_is_left_as_it_is),
        cmocka_unit_test(weights_may_be_moved_between_epochs),
        cmocka_unit_test(tables_and_threads_give_the_same_bits),
        cmocka_unit_test(one_epoch_after_another_gives_the_same_bits),
        cmocka_unit_test(other_rows_have_another_loss),
        cmocka_unit_test(batch_norm_learns_once_an_iteration),
        cmocka_unit_test(what_does_not_go_with_it_is_refused),
        cmocka_unit_test(dropout_is_refused),
        cmocka_unit_test(single_steps_are_refused),
        cmocka_unit_test(an_infinite_gradient_ends_training),
        cmocka_unit_test(a_gradient_without_a_square_ends_training),
        cmocka_unit_test(infinite_weights_end_training),
        cmocka_unit_test(infinite_trials_are_taken_back),
    };
    return cmocka_run_group_tests_name("lbfgs", tests, NULL, NULL);
}
