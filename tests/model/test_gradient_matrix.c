/* SPDX-License-Identifier: MIT */
/*
 * Every pair of an output activation and a loss is either meant or refused, and
 * what is meant learns. The gradient for every hidden activation and every pair
 * that is meant, alone and with each option that changes a gradient, agrees
 * with differences of the loss within 1e-7. The loops run over the lists in
 * mlp.h, so that new entries are checked at once. A derivative that is made
 * wrong on purpose is found.
 */
#include "support/training.h"

#include "model/net.h"

enum { ROWS = 7, INPUTS = 3, OUTPUTS = 3, LAYERS = 3 };

static const double good_enough = 1e-7;

typedef enum extra {
    ALONE,
    DROPOUT,
    BATCH_NORM,
    L1,
    L2,
    ROW_WEIGHTS,
    CLASS_WEIGHTS,
    SMOOTHING,
    ALL_AT_ONCE,
    EXTRAS
} extra;

static const char *const extra_names[EXTRAS] = {
    "alone",       "dropout",       "batch norm",      "l1", "l2",
    "row weights", "class weights", "label smoothing", "all"};

typedef struct kind {
    mlp_activation f, g;
    mlp_loss loss;
    extra with;
} kind;

/* Returns the only activation that a loss is meant for, or MLP_ACT_AUTO if it is
 * meant for all. */
static mlp_activation only_one(mlp_loss loss)
{
    return loss == MLP_LOSS_BCE            ? MLP_ACT_SIGMOID
           : loss == MLP_LOSS_CCE          ? MLP_ACT_SOFTMAX
           : loss == MLP_LOSS_POISSON      ? MLP_ACT_EXP
           : loss == MLP_LOSS_GAUSSIAN_NLL ? MLP_ACT_IDENTITY
                                           : MLP_ACT_AUTO;
}

static bool is_meant(mlp_activation g, mlp_loss loss)
{
    return only_one(loss) == MLP_ACT_AUTO || only_one(loss) == g;
}

/* Returns the number of outputs for OUTPUTS targets. */
static size_t outputs_for(mlp_loss loss)
{
    return loss == MLP_LOSS_GAUSSIAN_NLL ? 2 * OUTPUTS : OUTPUTS;
}

static bool has(const kind *k, extra what)
{
    return k->with == what || k->with == ALL_AT_ONCE;
}

static bool has_classes(const kind *k)
{
    return k->loss == MLP_LOSS_CCE;
}

static mlp_net *net_of_kind(const kind *k)
{
    double p = has(k, DROPOUT) ? 0.3 : 0;
    bool norm = has(k, BATCH_NORM);
    mlp_layer layers[LAYERS] = {{5, k->f, 0.3, p, norm},
                                {4, k->f, 0.2, p, norm},
                                {outputs_for(k->loss), k->g, 0.1, 0, false}};
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = LAYERS;
    config.loss = k->loss;
    static const double quantiles[OUTPUTS] = {0.5, 0.6, 0.7};
    config.huber_delta = 0.2;
    config.quantiles = k->loss == MLP_LOSS_QUANTILE ? quantiles : NULL;
    bool smooths = has_classes(k) || k->loss == MLP_LOSS_BCE;
    config.label_smoothing = smooths && has(k, SMOOTHING) ? 0.1 : 0;
    config.init = MLP_INIT_GLOROT;
    mlp_net *net = net_of(&config);
    mlp_rng rng = mlp_rng_seeded(5);
    for (size_t l = 1; l <= LAYERS; l++) {
        mlp_view b = tensor(net, MLP_B, l); /* keeps the rows away from kinks */
        for (size_t j = 0; j < b.cols; j++) {
            put(b, 0, j,
                mlp_rng_uniform(&rng, -0.3, 0.3) + (l == LAYERS) * 0.5);
        }
    }
    return net;
}

/* Returns targets that suit every loss: positive, with the sum 1. */
static data new_rows(void)
{
    data d = {random_matrix(MLP_F64, ROWS, INPUTS, -1, 1),
              random_matrix(MLP_F64, ROWS, OUTPUTS, 0.1, 1)};
    for (size_t i = 0; i < ROWS; i++) {
        double sum = at(d.Y, i, 0) + at(d.Y, i, 1) + at(d.Y, i, 2);
        for (size_t j = 0; j < OUTPUTS; j++) {
            put(d.Y, i, j, at(d.Y, i, j) / sum);
        }
    }
    return d;
}

static mlp_train_options options_of(const kind *k)
{
    static const double of_rows[ROWS] = {0.5, 2, 0, 1, 3, 0.25, 1};
    static const double of_classes[OUTPUTS] = {0.5, 4, 1};
    mlp_train_options options = tutorial_options();
    options.optimizer.l1 = has(k, L1) ? 0.2 : 0;
    options.optimizer.l2 = has(k, L2) ? 0.3 : 0;
    if (has(k, ROW_WEIGHTS)) {
        options.row_weights = mlp_cview_f64(of_rows, ROWS, 1);
    }
    if (has_classes(k) && has(k, CLASS_WEIGHTS)) {
        options.class_weights = of_classes;
    }
    return options;
}

/* Checks with these kernels, or for NULL with the network's own. */
static mlp_gradient_check check(const kind *k, const mlpi_kernels *kernels)
{
    mlp_net *net = net_of_kind(k);
    net->kernels = kernels ? kernels : net->kernels;
    data d = new_rows();
    mlp_train_options options = options_of(k);
    mlp_gradient_check worst = {.error = NAN};
    assert_int_equal(
        mlp_check_gradients(net, ro(d.X), ro(d.Y), &options, &worst), MLP_OK);
    mlp_net_free(net);
    free_data(d);
    return worst;
}

static void assert_right(const kind *k)
{
    mlp_gradient_check worst = check(k, NULL);
    if (!(worst.error < good_enough && worst.skipped <= worst.checked / 5)) {
        fail_msg("%s, %s, %s, %s: d%s[%zu] (%zu, %zu) is %.10g, not %.10g; "
                 "%zu skipped",
                 mlp_activation_name(k->f), mlp_activation_name(k->g),
                 mlp_loss_name(k->loss), extra_names[k->with],
                 mlp_tensor_name(worst.tensor), worst.layer, worst.row,
                 worst.col, worst.analytic, worst.numeric, worst.skipped);
    }
}

static void assert_all_right(extra with)
{
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        for (int g = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)g);
             g++) {
            for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
                kind k = {(mlp_activation)f, (mlp_activation)g, (mlp_loss)loss,
                          with};
                if (f != MLP_ACT_SOFTMAX && is_meant(k.g, k.loss)) {
                    assert_right(&k);
                }
            }
        }
    }
}

static void all_gradients_are_right(void **state)
{
    (void)state;
    for (extra with = ALONE; with < EXTRAS; with++) {
        assert_all_right(with);
    }
}

/* ---------------------------------------------------------------------------
 * Every pair
 */

/* Asserts that a network with this pair is refused, and that the message has
 * the name of the loss and of the activation, and says what to set. */
static void assert_refused(mlp_activation g, mlp_loss loss)
{
    hook_record record = {0};
    model m = {INPUTS, 2, {{4, MLP_ACT_TANH}, {outputs_for(loss), g}}, loss};
    mlp_config config = config_of(&m, MLP_F64, &record);
    mlp_net *net = NULL;
    char start[100];
    (void)snprintf(start, sizeof start,
                   "layer 2: %s expects %s in the last layer, got %s: set ",
                   mlp_loss_name(loss), mlp_activation_name(only_one(loss)),
                   mlp_activation_name(g));
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                start);
    assert_said(&record, loss == MLP_LOSS_BCE   ? "set MLP_ACT_SIGMOID or "
                         : loss == MLP_LOSS_CCE ? "set MLP_ACT_SOFTMAX or "
                         : loss == MLP_LOSS_POISSON
                             ? "set MLP_ACT_EXP or "
                             : "set MLP_ACT_IDENTITY or ");
    assert_null(net);
    assert_int_equal(record.live, 0);
}

enum { LEARNT = 30 };

/* Returns three clusters, each with its own output: 1, and 0 for the others.
 * These targets suit every loss, and every activation comes near to them. */
static data new_clusters(void)
{
    data d = {random_matrix(MLP_F64, LEARNT, INPUTS, -0.3, 0.3),
              new_matrix(MLP_F64, LEARNT, OUTPUTS, NULL)};
    for (size_t i = 0; i < LEARNT; i++) {
        put(d.X, i, i % 3, at(d.X, i, i % 3) + 1);
        put(d.Y, i, i % 3, 1);
    }
    return d;
}

/* Returns the fraction of outputs for X that are on the right side of 0.5. The
 * accuracy of mlp_evaluate is for bce and cce only. */
static double share_right(const mlp_net *net, const data *d)
{
    mlp_view A = new_matrix(MLP_F64, LEARNT, mlp_net_outputs(net), NULL);
    double right = 0;
    assert_int_equal(mlp_predict(net, ro(d->X), A), MLP_OK);
    for (size_t i = 0; i < LEARNT * OUTPUTS; i++) {
        size_t row = i / OUTPUTS;
        bool is_one = at(A, row, i % OUTPUTS) >= 0.5;
        right += is_one == (at(d->Y, row, i % OUTPUTS) == 1);
    }
    free(A.data);
    return right / (LEARNT * OUTPUTS);
}

/* Asserts that training takes the loss to less than a tenth of what it was, and
 * nearly all outputs to the right side of 0.5. Of a loss that may be negative,
 * a tenth has no meaning: it must fall by 0.3. */
static void assert_learns(mlp_activation g, mlp_loss loss)
{
    kind k = {MLP_ACT_TANH, g, loss, ALONE};
    mlp_net *net = net_of_kind(&k);
    data d = new_clusters();
    mlp_scores before;
    mlp_scores after;
    assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &before), MLP_OK);
    mlp_train_options options = mlp_train_defaults();
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    options.learning_rate = 0.02;
    options.epochs = 600;
    options.batch_size = LEARNT;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &after), MLP_OK);
    double right = share_right(net, &d);
    bool may_be_negative =
        loss == MLP_LOSS_POISSON || loss == MLP_LOSS_GAUSSIAN_NLL;
    double enough = may_be_negative ? before.loss - 0.3 : 0.1 * before.loss;
    if (!(after.loss < enough && right > 0.95)) {
        fail_msg("%s, %s: loss %g, then %g; right %g", mlp_activation_name(g),
                 mlp_loss_name(loss), before.loss, after.loss, right);
    }
    mlp_net_free(net);
    free_data(d);
}

static void every_pair_learns_or_is_refused(void **state)
{
    (void)state;
    size_t meant = 0;
    size_t refused = 0;
    for (int g = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)g);
         g++) {
        for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
            if (is_meant((mlp_activation)g, (mlp_loss)loss)) {
                assert_learns((mlp_activation)g, (mlp_loss)loss);
                meant++;
            } else {
                assert_refused((mlp_activation)g, (mlp_loss)loss);
                refused++;
            }
        }
    }
    assert_int_equal(meant, 52);
    assert_int_equal(refused, 44);
}

/* ---------------------------------------------------------------------------
 * Made wrong, by one in a hundred thousand
 */

static const mlpi_kernels *right; /* what the wrong kernels are made of */
static mlp_activation wrong_one;  /* the activation whose derivative is wrong */
static const double too = 1.00001; /* the factor of a wrong derivative */

static void wrong_backward(const mlpi_activation_args *activation,
                           const void *z, const void *a, void *da)
{
    right->activate_backward(activation, z, a, da);
    for (size_t i = 0;
         i < activation->m * activation->n && activation->f == wrong_one; i++) {
        ((double *)da)[i] *= too;
    }
}

/* The derivative of relu is applied by the product. */
static void wrong_gate(const mlpi_gemm_args *product)
{
    right->gemm(product);
    for (size_t i = 0; i < product->m * product->n && product->relu_mask; i++) {
        ((double *)product->C)[i] *= too;
    }
}

static mlpi_gemm_function *wrong_gate_way(const mlpi_gemm_args *product)
{
    (void)product;
    return wrong_gate;
}

static void wrong_slopes(const mlpi_loss_terms_args *terms, double scale,
                         void *d)
{
    right->loss_gradient(terms, scale * too, d);
}

static void wrong_column_slopes(const mlpi_column_loss_args *rows, double scale,
                                void *d)
{
    right->column_loss_gradient(rows, scale * too, d);
}

static void wrong_difference(size_t n, double scale, const void *a,
                             const void *y, void *d)
{
    right->difference(n, scale * too, a, y, d);
}

static void wrong_cce_slopes(const mlpi_activation_args *activation,
                             double scale, const void *a, const void *y,
                             void *d)
{
    right->cce_gradient(activation, scale * too, a, y, d);
}

static void assert_found(const kind *k, const mlpi_kernels *wrong)
{
    mlp_gradient_check worst = check(k, wrong);
    if (!(worst.error > 10 * good_enough)) {
        fail_msg("%s, %s, %s: nothing is found", mlp_activation_name(k->f),
                 mlp_activation_name(k->g), mlp_loss_name(k->loss));
    }
}

static void wrong_activations_are_found(void **state)
{
    (void)state;
    right = mlpi_kernels_find(MLP_F64, NULL);
    mlpi_kernels wrong = *right;
    wrong.f64 = &wrong;
    wrong.activate_backward = wrong_backward;
    wrong.gemm = wrong_gate;
    wrong.gemm_select = wrong_gate_way;
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        wrong_one = (mlp_activation)f;
        kind k = {wrong_one, MLP_ACT_TANH, MLP_LOSS_MSE, ALONE};
        if (f != MLP_ACT_SOFTMAX) {
            assert_found(&k, &wrong);
        }
        k.f = f == MLP_ACT_TANH ? MLP_ACT_SIGMOID : MLP_ACT_TANH;
        k.g = wrong_one;
        assert_found(&k, &wrong);
    }
}

static void wrong_losses_are_found(void **state)
{
    (void)state;
    right = mlpi_kernels_find(MLP_F64, NULL);
    mlpi_kernels wrong = *right;
    wrong.f64 = &wrong;
    wrong.loss_gradient = wrong_slopes;
    wrong.column_loss_gradient = wrong_column_slopes;
    wrong.difference = wrong_difference;
    wrong.cce_gradient = wrong_cce_slopes;
    for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
        for (int g = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)g);
             g++) {
            kind k = {MLP_ACT_TANH, (mlp_activation)g, (mlp_loss)loss, ALONE};
            if (is_meant(k.g, k.loss)) {
                assert_found(&k, &wrong);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_gradients_are_right),
        cmocka_unit_test(every_pair_learns_or_is_refused),
        cmocka_unit_test(wrong_activations_are_found),
        cmocka_unit_test(wrong_losses_are_found),
    };
    return cmocka_run_group_tests_name("gradient_matrix", tests, NULL, NULL);
}
