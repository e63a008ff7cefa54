/* SPDX-License-Identifier: MIT */
/*
 * The parts of a training step, called one by one: the tutorial's calculations
 * by hand (chapters 2.3 and 3.4) with every number that they print, the views
 * of all tensors, and the order that the calls must keep.
 */
#include "support/training.h"

/* Runs forward and backward. */
static void pass(mlp_trainer *trainer, data d)
{
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
}

static mlp_view seen(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return view;
}

static void check_seen(mlp_trainer *trainer, mlp_tensor which, size_t l,
                       double absolute, size_t n, const double *expected)
{
    mlp_view view = seen(trainer, which, l);
    assert_int_equal(view.rows * view.cols, n);
    for (size_t i = 0; i < n; i++) {
        double got = at(view, i / view.cols, i % view.cols);
        if (!(fabs(got - expected[i]) <= absolute)) {
            fail_msg("%s[%zu], number %zu: got %.17g, expected %.17g",
                     mlp_tensor_name(which), l, i, got, expected[i]);
        }
    }
}

/* Asserts that the tensor has these numbers, row by row, to within
 * `absolute`. */
#define assert_seen(trainer, which, l, absolute, ...)                          \
    check_seen(trainer, which, l, absolute, COUNT(((double[]){__VA_ARGS__})),  \
               (double[]){__VA_ARGS__})

/* Sets weights or biases, row by row, to these numbers. */
#define set_values(net, which, l, ...)                                         \
    put_all(tensor(net, which, l), COUNT(((double[]){__VA_ARGS__})),           \
            (double[]){__VA_ARGS__})

/* ---------------------------------------------------------------------------
 * The tutorial's numbers
 */

static const double hand_x[2] = {1.0, 2.0};
static const double hand_y[1] = {1.0};

static mlp_net *hand_net(mlp_dtype dtype)
{
    static const model m = {
        2, 2, {{2, MLP_ACT_SIGMOID}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    mlp_net *net = new_net(&m, dtype, NULL);
    set_values(net, MLP_W, 1, 0.1, 0.2, 0.3, 0.4);
    set_values(net, MLP_B, 1, 0.1, 0.2);
    set_values(net, MLP_W, 2, 0.5, 0.6);
    set_values(net, MLP_B, 2, 0.3);
    return net;
}

/* Numbers may differ by half of the last digit that the tutorial prints; in
 * float32 by more, because its own last digit is about there. */
static double printed(mlp_dtype dtype)
{
    return dtype == MLP_F64 ? 0.5001e-8 : 1.5e-7;
}

static void forward_is_the_hand_calculation(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = hand_net(p);
        mlp_trainer *trainer = trainer_of(net, 1);
        mlp_view x = new_matrix(p, 1, 2, hand_x);
        assert_int_equal(mlp_trainer_forward(trainer, ro(x)), MLP_OK);
        double exact = p == MLP_F64 ? 1e-15 : printed(p);
        assert_seen(trainer, MLP_A, 0, 0.0, 1.0, 2.0);
        assert_seen(trainer, MLP_Z, 1, exact, 0.6, 1.3);
        assert_seen(trainer, MLP_A, 1, printed(p), 0.64565631, 0.78583498);
        assert_seen(trainer, MLP_Z, 2, printed(p), 1.09432914);
        assert_seen(trainer, MLP_A, 2, printed(p), 0.74919605);
        free(x.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

static void backward_is_the_hand_calculation(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = hand_net(p);
        mlp_trainer *trainer = trainer_of(net, 1);
        mlp_view x = new_matrix(p, 1, 2, hand_x);
        mlp_view y = new_matrix(p, 1, 1, hand_y);
        double loss = 0;
        assert_int_equal(mlp_trainer_forward(trainer, ro(x)), MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, ro(y), &loss), MLP_OK);
        assert_int_equal(mlp_trainer_backward(trainer, ro(y)), MLP_OK);
        assert_absolute(loss, 0.2888, 0.5e-4);
        double e = printed(p);
        assert_seen(trainer, MLP_DB, 2, e, -0.25080395);
        assert_seen(trainer, MLP_DW, 2, e, -0.16193315, -0.19709052);
        assert_seen(trainer, MLP_DB, 1, e, -0.02869, -0.02532594);
        assert_seen(trainer, MLP_DW, 1, e, -0.02869, -0.05737999, -0.02532594,
                    -0.05065187);
        assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
        assert_seen(trainer, MLP_W, 2, e, 0.51619332, 0.61970905);
        assert_seen(trainer, MLP_W, 1, e, 0.102869, 0.205738, 0.30253259,
                    0.40506519);
        free(y.data);
        free(x.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* Here every number of both calculations is compared to its own formula, to
 * within 1e-15. */
static void steps_follow_the_formulas(void **state)
{
    (void)state;
    double a1[2] = {1 / (1 + exp(-0.6)), 1 / (1 + exp(-1.3))};
    double z2 = 0.5 * a1[0] + 0.6 * a1[1] + 0.3;
    double a2 = 1 / (1 + exp(-z2));
    double d2 = a2 - 1;
    double d1[2] = {0.5 * d2 * a1[0] * (1 - a1[0]),
                    0.6 * d2 * a1[1] * (1 - a1[1])};
    mlp_net *net = hand_net(MLP_F64);
    mlp_trainer *trainer = trainer_of(net, 1);
    mlp_cview y = mlp_cview_f64(hand_y, 1, 1);
    double loss = 0;
    assert_int_equal(mlp_trainer_forward(trainer, mlp_cview_f64(hand_x, 1, 2)),
                     MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, y, &loss), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, y), MLP_OK);
    assert_absolute(loss, -log(a2), 1e-15);
    assert_seen(trainer, MLP_A, 1, 1e-15, a1[0], a1[1]);
    assert_seen(trainer, MLP_Z, 2, 1e-15, z2);
    assert_seen(trainer, MLP_A, 2, 1e-15, a2);
    assert_seen(trainer, MLP_DB, 2, 1e-15, d2);
    assert_seen(trainer, MLP_DW, 2, 1e-15, d2 * a1[0], d2 * a1[1]);
    assert_seen(trainer, MLP_DB, 1, 1e-15, d1[0], d1[1]);
    assert_seen(trainer, MLP_DW, 1, 1e-15, d1[0], 2 * d1[0], d1[1], 2 * d1[1]);
    assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
    assert_seen(trainer, MLP_B, 1, 1e-15, 0.1 - 0.1 * d1[0], 0.2 - 0.1 * d1[1]);
    assert_seen(trainer, MLP_B, 2, 1e-15, 0.3 - 0.1 * d2);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* This is the exercise of chapter 2.3, by its formulas. (The numbers that the
 * tutorial prints beside its solution for z2 and a2 are not those that its own
 * code computes.) */
static void forward_solves_the_exercise(void **state)
{
    (void)state;
    static const double x[2] = {0.5, 0.8};
    static const model m = {
        2, 2, {{2, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    set_values(net, MLP_W, 1, 0.2, 0.4, 0.6, 0.1);
    set_values(net, MLP_B, 1, 0.0, 0.1);
    set_values(net, MLP_W, 2, 0.3, 0.7);
    set_values(net, MLP_B, 2, 0.2);
    mlp_trainer *trainer = trainer_of(net, 1);
    assert_int_equal(mlp_trainer_forward(trainer, mlp_cview_f64(x, 1, 2)),
                     MLP_OK);
    double a1[2] = {tanh(0.42), tanh(0.48)};
    double z2 = 0.3 * a1[0] + 0.7 * a1[1] + 0.2;
    double a2 = 1 / (1 + exp(-z2));
    assert_seen(trainer, MLP_Z, 1, 1e-15, 0.42, 0.48);
    assert_seen(trainer, MLP_A, 1, 1e-15, a1[0], a1[1]);
    assert_seen(trainer, MLP_A, 1, 0.5001e-4, 0.3969, 0.4462);
    assert_seen(trainer, MLP_Z, 2, 1e-15, z2);
    assert_seen(trainer, MLP_A, 2, 1e-15, a2);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Tensors
 */

static void tensors_have_the_shapes_of_the_batch(void **state)
{
    (void)state;
    static const size_t n[4] = {5, 11, 6, 5};
    static const size_t batches[] = {9, 1, 5};
    model normed = square_model; /* has every kind of tensor */
    for (size_t l = 0; l < 3; l++) {
        normed.layers[l].batch_norm = true;
    }
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&normed, p, NULL);
        mlp_trainer *trainer = trainer_of(net, 9);
        mlp_view X = random_matrix(p, 9, 5, -1, 1);
        for (size_t i = 0; i < COUNT(batches); i++) {
            size_t m = batches[i];
            mlp_cview rows = mlp_cview_rows(ro(X), 0, m);
            assert_int_equal(mlp_trainer_forward(trainer, rows), MLP_OK);
            assert_int_equal(mlp_trainer_backward(trainer, rows), MLP_OK);
            assert_same(ro(seen(trainer, MLP_A, 0)), rows);
            for (size_t l = 1; l <= 3; l++) {
                const size_t shapes[][2] = {
                    {n[l], n[l - 1]}, {1, n[l]}, {m, n[l]}, {m, n[l]},
                    {n[l], n[l - 1]}, {1, n[l]}, {m, n[l]}, {1, n[l]},
                    {1, n[l]},        {1, n[l]}, {1, n[l]}, {m, n[0]}};
                for (int t = 0; mlp_tensor_name((mlp_tensor)t); t++) {
                    mlp_view view =
                        seen(trainer, (mlp_tensor)t, t == MLP_DX ? 0 : l);
                    assert_int_equal(view.dtype, p);
                    assert_int_equal(view.rows, shapes[t][0]);
                    assert_int_equal(view.cols, shapes[t][1]);
                    assert_true(
                        isfinite(at(view, view.rows - 1, view.cols - 1)));
                }
                assert_ptr_equal(seen(trainer, MLP_W, l).data,
                                 tensor(net, MLP_W, l).data);
                assert_ptr_equal(seen(trainer, MLP_B, l).data,
                                 tensor(net, MLP_B, l).data);
            }
        }
        free(X.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

static void forward_gives_what_predict_gives(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_trainer *trainer = trainer_of(net, 150);
        mlp_view X = random_matrix(p, 150, 5, -1, 1);
        mlp_view A = new_matrix(p, 150, 5, NULL);
        mlp_view wide = new_matrix(p, 150, 12, NULL);
        mlp_view sparse = {p, 150, 5, 12, 2, wide.data};
        for (size_t i = 0; i < 750; i++) {
            put(sparse, i / 5, i % 5, at(X, i / 5, i % 5));
        }
        assert_int_equal(mlp_trainer_forward(trainer, ro(sparse)), MLP_OK);
        assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
        assert_same(ro(seen(trainer, MLP_A, 3)), ro(A));
        assert_same(ro(seen(trainer, MLP_A, 0)), ro(X));
        free(wide.data);
        free(A.data);
        free(X.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

static void forward_shows_the_scaled_inputs(void **state)
{
    (void)state;
    static const double mean[2] = {0.5, -1.0};
    static const double std[2] = {0.25, 2.0};
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    mlp_trainer *trainer = trainer_of(net, 1);
    assert_int_equal(mlp_trainer_forward(trainer, mlp_cview_f64(hand_x, 1, 2)),
                     MLP_OK);
    assert_seen(trainer, MLP_A, 0, 0.0, 2.0, 1.5);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void update_follows_the_gradient_that_is_there(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_net *before = clone_of(net);
        mlp_trainer *trainer = trainer_of(net, 4);
        data d = xor_data(p);
        pass(trainer, d);
        for (size_t l = 1; l <= 2; l++) {
            fill(seen(trainer, MLP_DW, l), 0.0);
            fill(seen(trainer, MLP_DB, l), 0.0);
        }
        put(seen(trainer, MLP_DW, 1), 3, 1, 2.0);
        put(seen(trainer, MLP_DB, 2), 0, 0, -4.0);
        assert_int_equal(mlp_trainer_update(trainer, 0.25), MLP_OK);
        mlp_view W = tensor(before, MLP_W, 1);
        put(W, 3, 1, at(W, 3, 1) - 0.5);
        put(tensor(before, MLP_B, 2), 0, 0, 1.0);
        assert_same_net(net, before);
        free_data(d);
        mlp_trainer_free(trainer);
        mlp_net_free(before);
        mlp_net_free(net);
    }
}

/* Returns w - alpha dw, where product and difference are rounded once each. */
static void update_takes_any_finite_alpha(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_net *expected = clone_of(net);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    pass(trainer, d);
    assert_int_equal(mlp_trainer_update(trainer, 0.0), MLP_OK);
    assert_same_net(net, expected);
    assert_int_equal(mlp_trainer_update(trainer, -0.5), MLP_OK);
    for (size_t l = 1; l <= 2; l++) {
        mlp_view W = tensor(expected, MLP_W, l);
        mlp_view dW = seen(trainer, MLP_DW, l);
        mlp_view b = tensor(expected, MLP_B, l);
        for (size_t i = 0; i < W.rows; i++) {
            for (size_t j = 0; j < W.cols; j++) {
                put(W, i, j, at(W, i, j) + 0.5 * at(dW, i, j));
            }
            put(b, 0, i,
                at(b, 0, i) + 0.5 * at(seen(trainer, MLP_DB, l), 0, i));
        }
    }
    assert_same_net(net, expected);
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(expected);
    mlp_net_free(net);
}

static void loss_lets_a_nan_pass(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_trainer *trainer = trainer_of(net, 4);
        data d = xor_data(p);
        put(d.X, 2, 0, (double)NAN);
        double loss = 0;
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
        assert_true(isnan(loss));
        free_data(d);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Order
 */

static void assert_out_of_order(hook_record *record, mlp_trainer *trainer,
                                mlp_tensor which, size_t l)
{
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    assert_told(record, mlp_trainer_tensor(trainer, which, l, &view),
                MLP_ERR_ORDER, "");
    assert_true(strlen(record->message) > 0);
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
}

static void steps_keep_their_order(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    double loss = 7;
    assert_told(&record, mlp_trainer_loss(trainer, ro(d.Y), &loss),
                MLP_ERR_ORDER, "forward");
    assert_true(loss == 7);
    assert_told(&record, mlp_trainer_backward(trainer, ro(d.Y)), MLP_ERR_ORDER,
                "forward");
    assert_told(&record, mlp_trainer_update(trainer, 0.1), MLP_ERR_ORDER,
                "backward");
    assert_out_of_order(&record, trainer, MLP_A, 0);
    assert_out_of_order(&record, trainer, MLP_A, 2);
    assert_out_of_order(&record, trainer, MLP_DROPPED, 0);
    assert_out_of_order(&record, trainer, MLP_Z, 1);
    assert_out_of_order(&record, trainer, MLP_DW, 1);
    assert_int_equal(seen(trainer, MLP_W, 1).rows, 4);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_told(&record, mlp_trainer_update(trainer, 0.1), MLP_ERR_ORDER,
                "backward");
    assert_out_of_order(&record, trainer, MLP_DW, 2);
    assert_out_of_order(&record, trainer, MLP_DB, 1);
    assert_same_net(net, before);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    assert_told(&record, mlp_trainer_update(trainer, 0.1), MLP_ERR_ORDER,
                "backward");
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Misuse
 */

static void create_refuses_sizes_that_cannot_be(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *const untouched = (mlp_trainer *)(void *)net;
    mlp_trainer *trainer = untouched;
    size_t live = record.live;
    assert_told(&record, mlp_trainer_create(net, 0, &trainer), MLP_ERR_ARGUMENT,
                "0");
    assert_told(&record, mlp_trainer_create(net, SIZE_MAX, &trainer),
                MLP_ERR_LIMIT, "");
    assert_told(&record, mlp_trainer_create(net, SIZE_MAX / 64, &trainer),
                MLP_ERR_LIMIT, "");
    assert_true(strlen(record.message) > 0);
    assert_int_equal(mlp_trainer_create(NULL, 1, &trainer), MLP_ERR_NULL);
    assert_told(&record, mlp_trainer_create(net, 1, NULL), MLP_ERR_NULL, "");
    assert_ptr_equal(trainer, untouched);
    assert_int_equal(record.live, live);
    mlp_trainer_free(NULL);
    mlp_net_free(net);
}

/* A forward that fails leaves the results of the last one valid. */
static void forward_refuses_what_does_not_fit(void **state)
{
    (void)state;
    double rows[15] = {0};
    float singles[8] = {0};
    const struct {
        mlp_cview X;
        mlp_status status;
        const char *part, *other;
    } wrong[] = {
        {mlp_cview_f64(rows, 5, 2), MLP_ERR_SHAPE, "4", "5"},
        {mlp_cview_f64(rows, 0, 2), MLP_ERR_SHAPE, "1", "0"},
        {mlp_cview_f64(rows, 4, 3), MLP_ERR_SHAPE, "2", "3"},
        {mlp_cview_f32(singles, 4, 2), MLP_ERR_DTYPE, "float64", "float32"},
        {mlp_cview_f64(NULL, 4, 2), MLP_ERR_NULL, "X", ""},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    mlp_cview three = mlp_cview_rows(ro(d.X), 1, 3);
    assert_int_equal(mlp_trainer_forward(trainer, three), MLP_OK);
    assert_int_equal(
        mlp_trainer_backward(trainer, mlp_cview_rows(ro(d.Y), 1, 3)), MLP_OK);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_told(&record, mlp_trainer_forward(trainer, wrong[i].X),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, wrong[i].other);
        assert_same(ro(seen(trainer, MLP_A, 0)), three);
    }
    assert_int_equal(mlp_trainer_forward(NULL, three), MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void targets_must_fit_the_forward(void **state)
{
    (void)state;
    double rows[15] = {0};
    float singles[8] = {0};
    const struct {
        mlp_cview Y;
        mlp_status status;
        const char *part, *other;
    } wrong[] = {
        {mlp_cview_f64(rows, 4, 1), MLP_ERR_SHAPE, "3", "4"},
        {mlp_cview_f64(rows, 0, 1), MLP_ERR_SHAPE, "3", "0"},
        {mlp_cview_f64(rows, 3, 2), MLP_ERR_SHAPE, "1", "2"},
        {mlp_cview_f32(singles, 3, 1), MLP_ERR_DTYPE, "float64", "float32"},
        {mlp_cview_f64(NULL, 3, 1), MLP_ERR_NULL, "Y", ""},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    double loss = 7;
    assert_int_equal(mlp_trainer_forward(trainer, mlp_cview_f64(rows, 3, 2)),
                     MLP_OK);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_told(&record, mlp_trainer_loss(trainer, wrong[i].Y, &loss),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, wrong[i].other);
        assert_told(&record, mlp_trainer_backward(trainer, wrong[i].Y),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, wrong[i].other);
        assert_out_of_order(&record, trainer, MLP_DW, 1);
    }
    mlp_cview Y = mlp_cview_f64(rows, 3, 1);
    assert_told(&record, mlp_trainer_loss(trainer, Y, NULL), MLP_ERR_NULL, "");
    assert_int_equal(mlp_trainer_loss(NULL, Y, &loss), MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_backward(NULL, Y), MLP_ERR_NULL);
    assert_true(loss == 7);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void update_refuses_an_alpha_that_is_not_finite(void **state)
{
    (void)state;
    static const struct {
        mlp_dtype dtype;
        double alpha;
        const char *part;
    } wrong[] = {
        {MLP_F64, NAN, "nan"},
        {MLP_F64, INFINITY, "inf"},
        {MLP_F64, -INFINITY, "-inf"},
        {MLP_F32, 1e300, "e+"}, /* infinite as a float */
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        hook_record record = {0};
        mlp_net *net = new_net(&xor_model, wrong[i].dtype, &record);
        mlp_net *before = clone_of(net);
        mlp_trainer *trainer = trainer_of(net, 4);
        data d = xor_data(wrong[i].dtype);
        pass(trainer, d);
        assert_told(&record, mlp_trainer_update(trainer, wrong[i].alpha),
                    MLP_ERR_ARGUMENT, wrong[i].part);
        assert_same_net(net, before);
        free_data(d);
        mlp_trainer_free(trainer);
        mlp_net_free(before);
        mlp_net_free(net);
    }
    assert_int_equal(mlp_trainer_update(NULL, 0.1), MLP_ERR_NULL);
}

static void tensor_refuses_what_is_not_there(void **state)
{
    (void)state;
    static const struct {
        mlp_tensor which;
        size_t l;
        const char *part;
    } wrong[] = {
        {MLP_W, 0, "0"},        {MLP_B, 0, "0"},  {MLP_Z, 0, "0"},
        {MLP_DW, 0, "0"},       {MLP_DB, 0, "0"}, {MLP_A, 3, "3"},
        {MLP_W, SIZE_MAX, "2"}, {MLP_Z, 3, "3"},  {(mlp_tensor)99, 1, "99"},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = trainer_of(net, 4);
    data d = xor_data(MLP_F64);
    pass(trainer, d);
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_told(
            &record,
            mlp_trainer_tensor(trainer, wrong[i].which, wrong[i].l, &view),
            MLP_ERR_ARGUMENT, wrong[i].part);
    }
    assert_told(&record, mlp_trainer_tensor(trainer, MLP_W, 1, NULL),
                MLP_ERR_NULL, "");
    assert_int_equal(mlp_trainer_tensor(NULL, MLP_W, 1, &view), MLP_ERR_NULL);
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
    free_data(d);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_hand_calculation),
        cmocka_unit_test(backward_is_the_hand_calculation),
        cmocka_unit_test(steps_follow_the_formulas),
        cmocka_unit_test(forward_solves_the_exercise),
        cmocka_unit_test(tensors_have_the_shapes_of_the_batch),
        cmocka_unit_test(forward_gives_what_predict_gives),
        cmocka_unit_test(forward_shows_the_scaled_inputs),
        cmocka_unit_test(update_follows_the_gradient_that_is_there),
        cmocka_unit_test(update_takes_any_finite_alpha),
        cmocka_unit_test(loss_lets_a_nan_pass),
        cmocka_unit_test(steps_keep_their_order),
        cmocka_unit_test(create_refuses_sizes_that_cannot_be),
        cmocka_unit_test(forward_refuses_what_does_not_fit),
        cmocka_unit_test(targets_must_fit_the_forward),
        cmocka_unit_test(update_refuses_an_alpha_that_is_not_finite),
        cmocka_unit_test(tensor_refuses_what_is_not_there),
    };
    return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
