/* SPDX-License-Identifier: MIT */
/*
 * Faults in the life of networks, in predicting, in metrics, splits and random
 * numbers. None of these uses files.
 */
#include "trust/faults.h"

/* ---------------------------------------------------------------------------
 * Networks
 */

static const mlp_layer two_layers[] = {{.width = 5}, {.width = 1}};

static mlp_config config_for(const world *w)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = INPUTS;
    config.layers = two_layers;
    config.n_layers = COUNT(two_layers);
    config.precision = w->precision;
    config.hooks = w->hooks;
    return config;
}

static mlp_status create(world *w)
{
    mlp_config config = config_for(w);
    return mlp_net_create(&config, &w->made.net);
}

/* Without hooks the network takes its memory by malloc. */
static mlp_status create_without_hooks(world *w)
{
    mlp_config config = config_for(w);
    config.hooks = (mlp_hooks){.allocate = NULL};
    return mlp_net_create(&config, &w->made.net);
}

static mlp_status clone(world *w)
{
    return mlp_net_clone(w->net, &w->made.net);
}

static mlp_status fold(world *w)
{
    return mlp_net_fold_batch_norm(w->net, &w->made.net);
}

static mlp_status initialise(world *w)
{
    return mlp_net_initialise(w->net, MLP_INIT_GLOROT, 3);
}

/* The gaps between the fields of a struct may hold anything. */
static mlp_status layer(world *w)
{
    mlp_layer layer = {.width = 0};
    mlp_status status = mlp_net_layer(w->net, 1, &layer);
    if (status == MLP_OK) {
        w->out.numbers[0] = (double)layer.width;
        w->out.numbers[1] = (double)layer.activation;
        w->out.numbers[2] = layer.slope;
        w->out.numbers[3] = layer.dropout;
        w->out.numbers[4] = layer.batch_norm;
    }
    return status;
}

/* Views hold addresses, which differ from world to world. */
static mlp_status net_tensor(world *w)
{
    mlp_view view;
    mlp_status status = mlp_net_tensor(w->net, MLP_W, 1, &view);
    w->out.sizes[0] = view.rows;
    return status;
}

static mlp_status net_ctensor(world *w)
{
    mlp_cview view;
    mlp_status status = mlp_net_ctensor(w->net, MLP_MEAN, 1, &view);
    w->out.sizes[0] = view.cols;
    return status;
}

static mlp_status parameters(world *w)
{
    mlp_view view;
    mlp_status status = mlp_net_parameters(w->net, &view);
    w->out.sizes[0] = view.cols;
    return status;
}

static mlp_status cparameters(world *w)
{
    mlp_cview view;
    mlp_status status = mlp_net_cparameters(w->net, &view);
    w->out.sizes[0] = view.cols;
    return status;
}

static mlp_status output_scaling(world *w)
{
    return mlp_net_output_scaling(w->net, w->out.numbers,
                                  w->out.numbers + OUTPUTS);
}

static mlp_status standardise(world *w)
{
    return mlp_net_standardise(w->net, mlp_cview_rows(ro(w->X), 0, 9));
}

static mlp_status set_scaling(world *w)
{
    static const double mean[] = {1, 2, 3, 4};
    static const double std[] = {4, 3, 2, 1};
    return mlp_net_set_scaling(w->net, mean, std);
}

static mlp_status scaling(world *w)
{
    return mlp_net_scaling(w->net, w->out.numbers, w->out.numbers + INPUTS);
}

static mlp_status target_scaling(world *w)
{
    return mlp_net_target_scaling(w->net, w->out.numbers,
                                  w->out.numbers + OUTPUTS);
}

/* The plain network becomes one whose targets can be scaled. */
static void regresses(world *w)
{
    mlp_config config = config_for(w);
    config.loss = MLP_LOSS_MSE;
    mlp_net_free(w->plain);
    w->plain = net_of(&config);
}

static mlp_status standardise_targets(world *w)
{
    return mlp_net_standardise_targets(w->plain,
                                       mlp_cview_cols(ro(w->X), 0, 1));
}

static mlp_status set_target_scaling(world *w)
{
    static const double mean = 5;
    static const double std = 7;
    return mlp_net_set_target_scaling(w->plain, &mean, &std);
}

static mlp_status set_class_names(world *w)
{
    static const char *const names[] = {"north", "east", "west"};
    return mlp_net_set_class_names(w->net, names, OUTPUTS);
}

static mlp_status set_metadata(world *w)
{
    return mlp_net_set_metadata(w->net, "another", "a longer value");
}

static mlp_status remove_metadata(world *w)
{
    return mlp_net_set_metadata(w->net, "key", NULL);
}

/* ---------------------------------------------------------------------------
 * Predicting
 */

static mlp_status predict(world *w)
{
    return mlp_predict(w->net, ro(w->X), mlp_fault_out_view(w, ROWS, OUTPUTS));
}

static mlp_status predict_row(world *w)
{
    return mlp_predict(w->plain, mlp_cview_rows(ro(w->X), 0, 1),
                       mlp_fault_out_view(w, 1, 1));
}

static mlp_status classify(world *w)
{
    return mlp_classify(w->net, ro(w->X), 0.5,
                        mlp_view_i32(w->out.labels, ROWS, 1));
}

static mlp_status evaluate(world *w)
{
    return mlp_evaluate(w->net, ro(w->X), ro(w->Y), &w->out.scores);
}

static mlp_status evaluate_classes(world *w)
{
    return mlp_evaluate(w->net, ro(w->X), mlp_cview_i32(w->labels, ROWS, 1),
                        &w->out.scores);
}

static mlp_status create_workspace(world *w)
{
    return mlp_workspace_create(w->net, &w->made.workspace);
}

static mlp_status set_threads(world *w)
{
    return mlp_workspace_set_threads(w->workspace, 3);
}

static mlp_status predict_with(world *w)
{
    return mlp_predict_with(w->net, w->workspace, ro(w->X),
                            mlp_fault_out_view(w, ROWS, OUTPUTS));
}

static mlp_status predict_row_with(world *w)
{
    return mlp_predict_with(w->net, w->workspace,
                            mlp_cview_rows(ro(w->X), 0, 1),
                            mlp_fault_out_view(w, 1, OUTPUTS));
}

static mlp_status jacobian(world *w)
{
    return mlp_jacobian(w->net, w->workspace, mlp_cview_rows(ro(w->X), 0, 1),
                        mlp_fault_out_view(w, OUTPUTS, INPUTS));
}

/* ---------------------------------------------------------------------------
 * Splits and metrics
 */

static mlp_cview labels_of(const world *w)
{
    return mlp_cview_i32(w->labels, ROWS, 1);
}

/* The first number is that of the test rows, the others are the order. */
static mlp_status train_test_split(world *w)
{
    mlp_split_options options = mlp_split_defaults();
    options.hooks = w->hooks;
    return mlp_train_test_split(labels_of(w), &options, w->out.sizes + 1,
                                w->out.sizes);
}

static mlp_status k_fold(world *w)
{
    mlp_split_options options = mlp_split_defaults();
    options.hooks = w->hooks;
    options.folds = 3;
    return mlp_k_fold(ro(w->Y), &options, 1, w->out.sizes + 1, w->out.sizes);
}

static mlp_status validation_split_of(world *w, size_t parts)
{
    mlp_train_options options = mlp_train_defaults();
    options.validation_fraction = 0.25;
    options.parts = parts;
    return mlp_validation_split(w->net, ro(w->Y), &options, w->out.sizes + 1,
                                w->out.sizes);
}

static mlp_status validation_split(world *w)
{
    return validation_split_of(w, 1);
}

/* The second block fails when the first one has been split. */
static mlp_status validation_split_with_parts(world *w)
{
    return validation_split_of(w, 2);
}

static mlp_status gather_rows(world *w)
{
    static const size_t order[] = {3, 1, 4, 1, 5};
    return mlp_gather_rows(ro(w->X), order, &w->hooks,
                           mlp_fault_out_view(w, 5, INPUTS));
}

static mlp_status confusion(world *w)
{
    return mlp_confusion(labels_of(w), labels_of(w), &w->hooks,
                         mlp_view_i32(w->out.labels, OUTPUTS, OUTPUTS));
}

static mlp_status score_classes(world *w)
{
    static const int32_t counts[] = {5, 1, 0, 2, 7, 3, 0, 0, 9};
    mlp_class_scores scores[OUTPUTS + 1];
    mlp_status status =
        mlp_score_classes(mlp_cview_i32(counts, OUTPUTS, OUTPUTS), &w->hooks,
                          scores, scores + OUTPUTS, w->out.numbers);
    w->out.numbers[1] = scores[1].f1;
    return status;
}

static mlp_status roc_auc(world *w)
{
    int32_t labels[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = w->labels[i] > 0;
    }
    return mlp_roc_auc(mlp_cview_cols(ro(w->X), 0, 1),
                       mlp_cview_i32(labels, ROWS, 1), &w->hooks,
                       w->out.numbers);
}

static mlp_status log_loss(world *w)
{
    return mlp_log_loss(ro(w->Y), labels_of(w), &w->hooks, w->out.numbers);
}

static mlp_status score_regression(world *w)
{
    mlp_regression_scores mean;
    mlp_status status = mlp_score_regression(
        ro(w->Y), mlp_cview_cols(ro(w->X), 0, OUTPUTS), &w->hooks, NULL, &mean);
    w->out.numbers[0] = mean.mse;
    return status;
}

/* ---------------------------------------------------------------------------
 * Random numbers
 */

static mlp_status randint(world *w)
{
    mlp_rng rng = mlp_rng_seeded(1);
    int64_t value = 0;
    mlp_status status = mlp_rng_randint(&rng, 0, 1000, &value);
    w->out.numbers[0] = (double)value;
    return status;
}

static mlp_status shuffle(world *w)
{
    mlp_rng rng = mlp_rng_seeded(1);
    memcpy(w->out.labels, w->labels, sizeof w->labels);
    return mlp_rng_shuffle(&rng, w->out.labels, ROWS, sizeof(int32_t));
}

static mlp_status permutation(world *w)
{
    mlp_rng rng = mlp_rng_seeded(1);
    return mlp_rng_permutation(&rng, ROWS, w->out.sizes);
}

static const fault_case cases[] = {
    {"mlp_net_create", ALLOCATES, create, NULL},
    {"mlp_net_create without hooks", MALLOC | NO_HOOKS, create_without_hooks,
     NULL},
    {"mlp_net_clone", ALLOCATES, clone, NULL},
    {"mlp_net_fold_batch_norm", ALLOCATES, fold, NULL},
    {"mlp_net_initialise", 0, initialise, NULL},
    {"mlp_net_layer", 0, layer, NULL},
    {"mlp_net_tensor", 0, net_tensor, NULL},
    {"mlp_net_ctensor", 0, net_ctensor, NULL},
    {"mlp_net_parameters", 0, parameters, NULL},
    {"mlp_net_cparameters", 0, cparameters, NULL},
    {"mlp_net_output_scaling", 0, output_scaling, NULL},
    {"mlp_jacobian", 0, jacobian, NULL},
    {"mlp_net_standardise", 0, standardise, NULL},
    {"mlp_net_set_scaling", 0, set_scaling, NULL},
    {"mlp_net_scaling", 0, scaling, NULL},
    {"mlp_net_standardise_targets", 0, standardise_targets, regresses},
    {"mlp_net_set_target_scaling", 0, set_target_scaling, regresses},
    {"mlp_net_target_scaling", 0, target_scaling, NULL},
    {"mlp_net_set_class_names", ALLOCATES, set_class_names, NULL},
    {"mlp_net_set_metadata", ALLOCATES, set_metadata, NULL},
    {"mlp_net_set_metadata removes", 0, remove_metadata, NULL},
    {"mlp_predict", ALLOCATES, predict, NULL},
    {"mlp_predict of one row", ALLOCATES, predict_row, NULL},
    {"mlp_classify", ALLOCATES, classify, NULL},
    {"mlp_evaluate", ALLOCATES, evaluate, NULL},
    {"mlp_evaluate of class numbers", ALLOCATES, evaluate_classes, NULL},
    {"mlp_workspace_create", ALLOCATES, create_workspace, NULL},
    {"mlp_workspace_set_threads", ALLOCATES | THREADS, set_threads, NULL},
    {"mlp_predict_with", 0, predict_with, NULL},
    {"mlp_predict_with one row", 0, predict_row_with, NULL},
    {"mlp_train_test_split", ALLOCATES, train_test_split, NULL},
    {"mlp_k_fold", ALLOCATES, k_fold, NULL},
    {"mlp_validation_split", ALLOCATES, validation_split, NULL},
    {"mlp_validation_split with parts", ALLOCATES, validation_split_with_parts,
     NULL},
    {"mlp_gather_rows", 0, gather_rows, NULL},
    {"mlp_confusion", 0, confusion, NULL},
    {"mlp_score_classes", 0, score_classes, NULL},
    {"mlp_roc_auc", ALLOCATES, roc_auc, NULL},
    {"mlp_log_loss", 0, log_loss, NULL},
    {"mlp_score_regression", 0, score_regression, NULL},
    {"mlp_rng_randint", 0, randint, NULL},
    {"mlp_rng_shuffle", 0, shuffle, NULL},
    {"mlp_rng_permutation", 0, permutation, NULL},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {
        .name = "networks", .cases = cases, .n = COUNT(cases)};
    return mlp_fault_main(&suite, argc, argv);
}
