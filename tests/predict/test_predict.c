/* SPDX-License-Identifier: MIT */
/*
 * Predicting outputs and classes: always the same bits, from views of any
 * strides, in any number of rows, with a workspace or without.
 */
#include "support/training.h"

enum { MOST_ROWS = 600 };

static mlp_net *trained_xor(mlp_dtype dtype, hook_record *record)
{
    mlp_net *net = new_net(&xor_model, dtype, record);
    put_final_layer(net, 1, "xor");
    put_final_layer(net, 2, "xor");
    return net;
}

static mlp_workspace *workspace_of(const mlp_net *net)
{
    mlp_workspace *workspace = NULL;
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_non_null(workspace);
    return workspace;
}

static mlp_view predicted(const mlp_net *net, mlp_cview X)
{
    mlp_view A =
        new_matrix(mlp_net_precision(net), X.rows, mlp_net_outputs(net), NULL);
    assert_int_equal(mlp_predict(net, X, A), MLP_OK);
    return A;
}

/* ---------------------------------------------------------------------------
 * Outputs
 */

static void predict_gives_the_tutorials_outputs(void **state)
{
    (void)state;
    vector expected = read_vector("xor_prediction");
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = trained_xor(p, NULL);
        data d = xor_data(p);
        mlp_view A = predicted(net, ro(d.X));
        for (size_t i = 0; i < 4; i++) {
            assert_relative(at(A, i, 0), expected.data[i],
                            p == MLP_F64 ? 1e-13 : 2e-5);
        }
        free(A.data);
        free_data(d);
        mlp_net_free(net);
    }
    free(expected.data);
}

/* Predicts one row at a time, with a workspace. */
static mlp_view row_by_row(const mlp_net *net, mlp_view X)
{
    mlp_workspace *workspace = workspace_of(net);
    mlp_view A = new_matrix(X.dtype, X.rows, mlp_net_outputs(net), NULL);
    for (size_t i = 0; i < X.rows; i++) {
        mlp_view row = A;
        size_t size = X.dtype == MLP_F32 ? sizeof(float) : sizeof(double);
        row.rows = 1;
        row.data = (char *)A.data + i * A.row_stride * size;
        assert_int_equal(
            mlp_predict_with(net, workspace, mlp_cview_rows(ro(X), i, 1), row),
            MLP_OK);
    }
    mlp_workspace_free(workspace);
    return A;
}

/* Predicts the first m rows with mlp_predict and mlp_predict_with, for m from 1
 * to MOST_ROWS in strides of `stride`. */
static void assert_same_for_any_rows(const mlp_net *net, size_t stride)
{
    mlp_dtype p = mlp_net_precision(net);
    mlp_view X = random_matrix(p, MOST_ROWS, mlp_net_inputs(net), -2, 2);
    mlp_view expected = row_by_row(net, X);
    mlp_view A = new_matrix(p, MOST_ROWS, expected.cols, NULL);
    mlp_workspace *workspace = workspace_of(net);
    for (size_t m = 1; m <= MOST_ROWS; m += stride) {
        mlp_cview rows = mlp_cview_rows(ro(X), 0, m);
        A.rows = m;
        fill(A, (double)NAN);
        assert_int_equal(mlp_predict(net, rows, A), MLP_OK);
        assert_same(ro(A), mlp_cview_rows(ro(expected), 0, m));
        fill(A, (double)NAN);
        assert_int_equal(mlp_predict_with(net, workspace, rows, A), MLP_OK);
        assert_same(ro(A), mlp_cview_rows(ro(expected), 0, m));
    }
    mlp_workspace_free(workspace);
    free(A.data);
    free(expected.data);
    free(X.data);
}

static void predict_does_not_depend_on_the_number_of_rows(void **state)
{
    (void)state;
    static const model wide = {
        33, 2, {{300, MLP_ACT_SIGMOID}, {2, MLP_ACT_TANH}}, MLP_LOSS_MSE};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        assert_same_for_any_rows(net, 1);
        mlp_net_free(net);
        net = new_net(&wide, p, NULL);
        assert_same_for_any_rows(net, 61);
        mlp_net_free(net);
    }
}

static void predict_gives_the_same_bits_with_all_kernels(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_view X = random_matrix(p, 123, 5, -3, 3);
        mlp_view expected = {0};
        for (size_t k = 0; mlp_kernels(k); k++) {
            mlp_config config = config_of(&square_model, p, NULL);
            config.kernels = mlp_kernels(k);
            mlp_net *net = net_of(&config);
            mlp_view A = predicted(net, ro(X));
            if (k == 0) {
                expected = A;
            } else {
                assert_same(ro(A), ro(expected));
                free(A.data);
            }
            mlp_net_free(net);
        }
        free(expected.data);
        free(X.data);
    }
}

/* Returns a view whose elements lie at the places of `inner` in a larger array
 * of NaN. */
static mlp_view embedded(mlp_view view, size_t rows, size_t cols, size_t row,
                         size_t col)
{
    mlp_view outer = new_matrix(view.dtype, rows, cols, NULL);
    fill(outer, (double)NAN);
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            put(outer, i * row, j * col, at(view, i, j));
        }
    }
    return outer;
}

static void predict_reads_and_writes_any_strides(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_view X = random_matrix(p, 70, 5, -2, 2);
        mlp_view expected = predicted(net, ro(X));
        mlp_view storage = embedded(X, 140, 15, 2, 3);
        mlp_view sparse = {p, 70, 5, 30, 3, storage.data};
        mlp_view wide = new_matrix(p, 140, 15, NULL);
        mlp_view A = {p, 70, 5, 30, 3, wide.data};
        fill(wide, 0.375);
        assert_int_equal(mlp_predict(net, ro(sparse), A), MLP_OK);
        assert_same(ro(A), ro(expected));
        fill(A, 0.375);
        for (size_t i = 0; i < 140 * 15;
             i++) { /* all other elements are still NaN */
            assert_true(at(wide, i / 15, i % 15) == 0.375);
        }
        mlp_view by_columns = new_matrix(p, 5, 70, NULL);
        mlp_view transposed = {p, 70, 5, 1, 70, by_columns.data};
        mlp_view same_rows = {p, 70, 5, 1, 70, wide.data};
        for (size_t i = 0; i < 350; i++) {
            put(same_rows, i / 5, i % 5, at(X, i / 5, i % 5));
        }
        assert_int_equal(mlp_predict(net, ro(same_rows), transposed), MLP_OK);
        assert_same(ro(transposed), ro(expected));
        free(by_columns.data);
        free(wide.data);
        free(storage.data);
        free(expected.data);
        free(X.data);
        mlp_net_free(net);
    }
}

/* A row stride of 0 gives the same row many times; views that are read may
 * overlap. */
static void predict_reads_a_row_with_a_stride_of_zero(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_view row = random_matrix(p, 1, 5, -2, 2);
        mlp_view expected = predicted(net, ro(row));
        mlp_cview X = ro(row);
        X.rows = MOST_ROWS;
        X.row_stride = 0;
        mlp_view A = predicted(net, X);
        for (size_t i = 0; i < MOST_ROWS; i++) {
            assert_same(mlp_cview_rows(ro(A), i, 1), ro(expected));
        }
        free(A.data);
        free(expected.data);
        free(row.data);
        mlp_net_free(net);
    }
}

static void predict_stays_in_its_arrays(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        size_t size = p == MLP_F32 ? sizeof(float) : sizeof(double);
        for (size_t m = 1; m < 40; m++) {
            mlp_view X = random_matrix(p, m, 5, -2, 2);
            mlp_view expected = predicted(net, ro(X));
            mlp_view in = X;
            mlp_view out = expected;
            in.data = guarded_alloc(m * 5 * size);
            out.data = guarded_alloc(m * 5 * size);
            memcpy(in.data, X.data, m * 5 * size);
            assert_int_equal(mlp_predict(net, ro(in), out), MLP_OK);
            assert_same(ro(out), ro(expected));
            guarded_free(in.data);
            guarded_free(out.data);
            free(expected.data);
            free(X.data);
        }
        mlp_net_free(net);
    }
}

static void predict_of_no_rows_does_nothing(void **state)
{
    (void)state;
    model square = square_model;
    square.loss = MLP_LOSS_BCE;
    square.layers[2].activation = MLP_ACT_SIGMOID;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square, p, NULL);
        mlp_workspace *workspace = workspace_of(net);
        mlp_view none = {p, 0, 5, 5, 1, NULL};
        mlp_view labels = mlp_view_i32(NULL, 0, 5);
        assert_int_equal(mlp_predict(net, ro(none), none), MLP_OK);
        assert_int_equal(mlp_predict_with(net, workspace, ro(none), none),
                         MLP_OK);
        assert_int_equal(mlp_classify(net, ro(none), 0.5, labels), MLP_OK);
        mlp_workspace_free(workspace);
        mlp_net_free(net);
    }
}

static void check_over_input(const model *m, mlp_dtype dtype, size_t rows)
{
    mlp_net *net = new_net(m, dtype, NULL);
    mlp_view X = random_matrix(dtype, rows, m->inputs, -2, 2);
    mlp_view expected = predicted(net, ro(X));
    assert_int_equal(mlp_predict(net, ro(X), X), MLP_OK);
    assert_same(ro(X), ro(expected));
    free(expected.data);
    free(X.data);
    mlp_net_free(net);
}

/* This includes a network of one layer, which could read what it has written.
 */
static void predict_may_write_over_its_input(void **state)
{
    (void)state;
    const model narrow = {5, 1, {{5, MLP_ACT_TANH}}, MLP_LOSS_MSE};
    const model wide = {200, 1, {{200, MLP_ACT_RELU}}, MLP_LOSS_MSE};
    FOR_EACH_PRECISION(p)
    {
        for (size_t rows = 1; rows <= MOST_ROWS; rows += MOST_ROWS - 1) {
            check_over_input(&square_model, p, rows);
            check_over_input(&narrow, p, rows);
            check_over_input(&wide, p, rows);
        }
    }
}

/* A NaN in one row does not change the outputs of other rows. */
static void predict_passes_a_nan_through(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_view X = random_matrix(p, 50, 2, -2, 2);
        mlp_view expected = predicted(net, ro(X));
        put(X, 20, 1, (double)NAN);
        put(X, 30, 0, (double)INFINITY);
        mlp_view A = predicted(net, ro(X));
        assert_true(isnan(at(A, 20, 0)));
        put(A, 20, 0, at(expected, 20, 0));
        put(A, 30, 0, at(expected, 30, 0));
        assert_same(ro(A), ro(expected));
        free(A.data);
        free(expected.data);
        free(X.data);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Bad arguments of mlp_predict and mlp_predict_with
 */

static mlp_status both_forms(int form, const mlp_net *net,
                             mlp_workspace *workspace, mlp_cview X, mlp_view A)
{
    return form == 0 ? mlp_predict(net, X, A)
                     : mlp_predict_with(net, workspace, X, A);
}

static void predict_refuses_what_does_not_fit(void **state)
{
    (void)state;
    double in[12] = {0};
    double out[4] = {7, 7, 7, 7};
    float singles[8] = {0};
    mlp_cview X = mlp_cview_f64(in, 4, 2);
    mlp_view A = mlp_view_f64(out, 4, 1);
    mlp_view same_place = {MLP_F64, 4, 1, 0, 1, out};
    const struct {
        mlp_cview X;
        mlp_view A;
        mlp_status status;
        const char *part, *other;
    } wrong[] = {
        {mlp_cview_f64(in, 4, 3), A, MLP_ERR_SHAPE, "2", "3"},
        {X, mlp_view_f64(out, 2, 2), MLP_ERR_SHAPE, "1", "2"},
        {X, mlp_view_f64(out, 3, 1), MLP_ERR_SHAPE, "4", "3"},
        {mlp_cview_f32(singles, 4, 2), A, MLP_ERR_DTYPE, "float64", "float32"},
        {X, mlp_view_f32(singles, 4, 1), MLP_ERR_DTYPE, "float64", "float32"},
        {X, mlp_view_i32((int32_t *)singles, 4, 1), MLP_ERR_DTYPE, "float64",
         "int32"},
        {X, same_place, MLP_ERR_SHAPE, "stride", "0"},
        {mlp_cview_f64(NULL, 4, 2), A, MLP_ERR_NULL, "X", ""},
        {X, mlp_view_f64(NULL, 4, 1), MLP_ERR_NULL, "A", ""},
        {mlp_cview_f64(in, SIZE_MAX, 2), A, MLP_ERR_SHAPE, "", ""},
    };
    hook_record record = {0};
    mlp_net *net = trained_xor(MLP_F64, &record);
    mlp_workspace *workspace = workspace_of(net);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        for (int form = 0; form < 2; form++) {
            assert_told(
                &record,
                both_forms(form, net, workspace, wrong[i].X, wrong[i].A),
                wrong[i].status, wrong[i].part);
            assert_said(&record, wrong[i].other);
        }
    }
    assert_int_equal(mlp_predict(NULL, X, A), MLP_ERR_NULL);
    assert_int_equal(mlp_predict_with(NULL, workspace, X, A), MLP_ERR_NULL);
    assert_int_equal(mlp_predict_with(net, NULL, X, A), MLP_ERR_NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_true(out[i] == 7);
    }
    mlp_workspace_free(workspace);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void workspace_serves_nets_of_the_same_layers(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_net *twin = trained_xor(p, NULL);
        mlp_workspace *workspace = workspace_of(net);
        mlp_net_free(net);
        data d = xor_data(p);
        mlp_view expected = predicted(twin, ro(d.X));
        mlp_view A = new_matrix(p, 4, 1, NULL);
        assert_int_equal(mlp_predict_with(twin, workspace, ro(d.X), A), MLP_OK);
        assert_same(ro(A), ro(expected));
        free(A.data);
        free(expected.data);
        free_data(d);
        mlp_workspace_free(workspace);
        mlp_net_free(twin);
    }
}

static void assert_workspace_refused(const mlp_config *other)
{
    hook_record record = {0};
    mlp_net *net = trained_xor(MLP_F64, &record);
    mlp_net *stranger = net_of(other);
    mlp_workspace *workspace = workspace_of(stranger);
    double in[2] = {0, 1};
    double out[1] = {7};
    assert_told(&record,
                mlp_predict_with(net, workspace, mlp_cview_f64(in, 1, 2),
                                 mlp_view_f64(out, 1, 1)),
                MLP_ERR_ARGUMENT, "workspace");
    assert_true(out[0] == 7);
    mlp_workspace_free(workspace);
    mlp_net_free(stranger);
    mlp_net_free(net);
}

static void workspace_of_other_layers_is_refused(void **state)
{
    (void)state;
    mlp_config config = config_of(&moons_model, MLP_F64, NULL);
    assert_workspace_refused(&config);
    mlp_layer layers[] = {{5, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}};
    config.layers = layers;
    config.n_layers = 2;
    assert_workspace_refused(&config);
    config = config_of(&xor_model, MLP_F64, NULL);
    config.inputs = 3;
    assert_workspace_refused(&config);
    config = config_of(&xor_model, MLP_F32, NULL);
    assert_workspace_refused(&config);
}

static void workspace_of_other_kernels_is_refused(void **state)
{
    (void)state;
    if (!mlp_kernels(1)) {
        skip();
    }
    mlp_config config = config_of(&xor_model, MLP_F64, NULL);
    config.kernels = "portable"; /* the test's network has the fastest */
    assert_workspace_refused(&config);
}

static void workspace_refuses_null(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_workspace *const untouched = (mlp_workspace *)(void *)net;
    mlp_workspace *workspace = untouched;
    assert_int_equal(mlp_workspace_create(NULL, &workspace), MLP_ERR_NULL);
    assert_told(&record, mlp_workspace_create(net, NULL), MLP_ERR_NULL, "");
    assert_ptr_equal(workspace, untouched);
    mlp_workspace_free(NULL);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Classes
 */

/* Returns a network whose outputs are its inputs. */
static mlp_net *identity_net(mlp_dtype dtype, mlp_loss loss,
                             hook_record *record)
{
    static const double W[4] = {1, 0, 0, 1};
    model m = {2, 1, {{2, MLP_ACT_IDENTITY}}, loss};
    mlp_net *net = new_net(&m, dtype, record);
    put_all(tensor(net, MLP_W, 1), 4, W);
    return net;
}

static void classify_compares_with_the_threshold(void **state)
{
    (void)state;
    static const double rows[6] = {0.0, -2.0, -1.0, -9.0, -0x1p-9, 1.0};
    static const model m = {2, 1, {{2, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        mlp_view W = tensor(net, MLP_W, 1);
        fill(W, 0.0);
        put(W, 0, 0, 1.0);
        put(W, 1, 1, 1.0);
        mlp_view X = new_matrix(p, 3, 2, rows);
        mlp_view A = predicted(net, ro(X));
        /* An output that equals the threshold is of class 1. */
        const double thresholds[] = {0.5, at(A, 1, 0), at(A, 1, 1), -INFINITY,
                                     INFINITY};
        for (size_t c = 0; c < COUNT(thresholds); c++) {
            int32_t labels[6] = {9, 9, 9, 9, 9, 9};
            assert_int_equal(mlp_classify(net, ro(X), thresholds[c],
                                          mlp_view_i32(labels, 3, 2)),
                             MLP_OK);
            for (size_t i = 0; i < 6; i++) {
                assert_int_equal(labels[i],
                                 at(A, i / 2, i % 2) >= thresholds[c]);
            }
        }
        assert_true(at(A, 0, 0) == 0.5 && at(A, 2, 0) < 0.5);
        free(A.data);
        free(X.data);
        mlp_net_free(net);
    }
}

static void classify_needs_a_loss_of_classes(void **state)
{
    (void)state;
    static const mlp_loss losses[] = {MLP_LOSS_MSE, MLP_LOSS_MAE,
                                      MLP_LOSS_HUBER};
    for (size_t i = 0; i < COUNT(losses); i++) {
        hook_record record = {0};
        mlp_net *net = identity_net(MLP_F64, losses[i], &record);
        double x[2] = {1, 2};
        int32_t labels[2] = {9, 9};
        assert_told(&record,
                    mlp_classify(net, mlp_cview_f64(x, 1, 2), 0.5,
                                 mlp_view_i32(labels, 1, 2)),
                    MLP_ERR_ARGUMENT,
                    "expects a network with the loss bce or cce, got ");
        assert_non_null(strstr(record.message, mlp_loss_name(losses[i])));
        assert_non_null(strstr(record.message, "mlp_predict"));
        assert_true(labels[0] == 9 && labels[1] == 9);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
}

static void classify_knows_no_class_for_a_nan(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&xor_model, p, NULL);
        mlp_view X = random_matrix(p, MOST_ROWS, 2, -1, 1);
        mlp_view A = predicted(net, ro(X));
        put(X, 300, 0, (double)NAN);
        static int32_t wide[3 * MOST_ROWS];
        memset(wide, 0x55, sizeof wide);
        mlp_view labels = {MLP_I32, MOST_ROWS, 1, 3, 1, wide};
        assert_int_equal(mlp_classify(net, ro(X), 0.5, labels), MLP_OK);
        for (size_t i = 0; i < MOST_ROWS; i++) {
            int32_t expected = i == 300 ? -1 : at(A, i, 0) >= 0.5;
            assert_int_equal(wide[3 * i], expected);
            assert_int_equal(wide[3 * i + 1], 0x55555555);
            assert_int_equal(wide[3 * i + 2], 0x55555555);
        }
        free(A.data);
        free(X.data);
        mlp_net_free(net);
    }
}

static void classify_refuses_what_does_not_fit(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = trained_xor(MLP_F64, &record);
    double rows[12] = {0};
    int32_t labels[4] = {7, 7, 7, 7};
    mlp_cview X = mlp_cview_f64(rows, 4, 2);
    mlp_view four = mlp_view_i32(labels, 4, 1);
    assert_told(&record, mlp_classify(net, X, (double)NAN, four),
                MLP_ERR_ARGUMENT, "threshold");
    assert_told(&record,
                mlp_classify(net, mlp_cview_f64(rows, 4, 3), 0.5, four),
                MLP_ERR_SHAPE, "3");
    assert_told(&record, mlp_classify(net, X, 0.5, mlp_view_i32(labels, 3, 1)),
                MLP_ERR_SHAPE, "3");
    assert_told(&record, mlp_classify(net, X, 0.5, mlp_view_i32(labels, 2, 2)),
                MLP_ERR_SHAPE, "2");
    assert_told(&record, mlp_classify(net, X, 0.5, mlp_view_f64(rows, 4, 1)),
                MLP_ERR_DTYPE, "int32");
    assert_told(&record, mlp_classify(net, X, 0.5, mlp_view_i32(NULL, 4, 1)),
                MLP_ERR_NULL, "");
    assert_told(&record,
                mlp_classify(net, mlp_cview_f64(NULL, 4, 2), 0.5, four),
                MLP_ERR_NULL, "X");
    assert_int_equal(mlp_classify(NULL, X, 0.5, four), MLP_ERR_NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(labels[i], 7);
    }
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* The stride of a single row or column is never used, so it may be any number.
 */
static void strides_of_single_rows_and_columns_do_not_matter(void **state)
{
    (void)state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_view X = random_matrix(MLP_F64, 1, 5, -1, 1);
    mlp_view A = new_matrix(MLP_F64, 1, 5, NULL);
    mlp_view B = new_matrix(MLP_F64, 1, 5, NULL);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    X.row_stride = SIZE_MAX;
    B.row_stride = SIZE_MAX;
    assert_int_equal(mlp_predict(net, ro(X), B), MLP_OK);
    assert_same(ro(A), ro(B));
    free(A.data);
    free(B.data);
    free(X.data);
    mlp_net_free(net);

    static const model one = {1, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    double x[3] = {1, 2, 3};
    double a[3] = {0, 0, 0};
    net = new_net(&one, MLP_F64, NULL);
    mlp_cview column = {MLP_F64, 3, 1, 1, SIZE_MAX, x};
    assert_int_equal(mlp_predict(net, column, mlp_view_f64(a, 3, 1)), MLP_OK);
    assert_true(a[2] != a[1]);
    mlp_net_free(net);
}

/* The block that was allocated last. */
typedef struct last_block {
    unsigned char *bytes;
    size_t size;
} last_block;

enum { UNTOUCHED = 0xa5, PAGE = 4096 };

static void *allocate_untouched(size_t size, void *user)
{
    last_block *last = user;
    *last = (last_block){malloc(size), size};
    assert_non_null(last->bytes);
    memset(last->bytes, UNTOUCHED, size);
    return last->bytes;
}

static void release_untouched(void *block, void *user)
{
    (void)user;
    free(block);
}

/* Without this the first prediction waits for the system's memory, page by
 * page. */
static void workspace_has_written_to_every_page(void **state)
{
    (void)state;
    last_block last = {NULL, 0};
    mlp_config config = config_of(&moons_model, MLP_F32, NULL);
    config.hooks =
        (mlp_hooks){allocate_untouched, release_untouched, NULL, &last};
    mlp_net *net = net_of(&config);
    mlp_workspace *ws = NULL;
    assert_int_equal(mlp_workspace_create(net, &ws), MLP_OK);
    assert_true(last.size > 4 * (size_t)PAGE);
    size_t untouched = 0;
    for (size_t i = 0; i < last.size; i++) {
        untouched = last.bytes[i] == UNTOUCHED ? untouched + 1 : 0;
        assert_true(untouched < PAGE);
    }
    mlp_workspace_free(ws);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predict_gives_the_tutorials_outputs),
        cmocka_unit_test(predict_does_not_depend_on_the_number_of_rows),
        cmocka_unit_test(predict_gives_the_same_bits_with_all_kernels),
        cmocka_unit_test(predict_reads_and_writes_any_strides),
        cmocka_unit_test(predict_reads_a_row_with_a_stride_of_zero),
        cmocka_unit_test(predict_stays_in_its_arrays),
        cmocka_unit_test(predict_of_no_rows_does_nothing),
        cmocka_unit_test(predict_may_write_over_its_input),
        cmocka_unit_test(predict_passes_a_nan_through),
        cmocka_unit_test(predict_refuses_what_does_not_fit),
        cmocka_unit_test(workspace_serves_nets_of_the_same_layers),
        cmocka_unit_test(workspace_of_other_layers_is_refused),
        cmocka_unit_test(workspace_of_other_kernels_is_refused),
        cmocka_unit_test(workspace_refuses_null),
        cmocka_unit_test(workspace_has_written_to_every_page),
        cmocka_unit_test(classify_compares_with_the_threshold),
        cmocka_unit_test(classify_needs_a_loss_of_classes),
        cmocka_unit_test(classify_knows_no_class_for_a_nan),
        cmocka_unit_test(classify_refuses_what_does_not_fit),
        cmocka_unit_test(strides_of_single_rows_and_columns_do_not_matter),
    };
    return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
