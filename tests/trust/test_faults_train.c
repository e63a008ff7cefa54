/* SPDX-License-Identifier: MIT */
/* Faults in training: fits, trainers and the check of gradients. */
#include "trust/faults.h"

/* ---------------------------------------------------------------------------
 * Fits
 */

static mlp_train_options short_options(void)
{
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 3;
    options.batch_size = 8;
    return options;
}

static mlp_status fit_with(world *w, const mlp_train_options *options)
{
    return mlp_fit(w->net, ro(w->X), ro(w->Y), options, &w->made.history);
}

static mlp_status fit(world *w)
{
    mlp_train_options options = short_options();
    return fit_with(w, &options);
}

static mlp_status fit_without_options(world *w)
{
    return mlp_fit(w->plain, ro(w->X), mlp_cview_cols(ro(w->Y), 0, 1), NULL,
                   NULL);
}

static mlp_status fit_with_threads(world *w)
{
    mlp_train_options options = short_options();
    options.threads = 3;
    options.batch_size = 0;
    return fit_with(w, &options);
}

static mlp_status fit_with_validation(world *w)
{
    static const double class_weights[OUTPUTS] = {1, 2, 0.5};
    double weights[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = 1 + (double)i;
    }
    mlp_train_options options = short_options();
    options.validation_fraction = 0.25;
    options.patience = 1;
    options.row_weights = mlp_cview_f64(weights, ROWS, 1);
    options.class_weights = class_weights;
    return fit_with(w, &options);
}

static mlp_status fit_with_rows_of_validation(world *w)
{
    mlp_train_options options = short_options();
    options.X_validation = mlp_cview_rows(ro(w->X), 0, 5);
    options.Y_validation =
        mlp_cview_rows(mlp_cview_i32(w->labels, ROWS, 1), 0, 5);
    options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    return mlp_fit(w->net, ro(w->X), mlp_cview_i32(w->labels, ROWS, 1),
                   &options, &w->made.history);
}

static mlp_status fit_by_lbfgs(world *w)
{
    mlp_train_options options = short_options();
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_LBFGS);
    options.batch_size = 0;
    return mlp_fit(w->plain, ro(w->X), mlp_cview_cols(ro(w->Y), 0, 1), &options,
                   &w->made.history);
}

static mlp_status next_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                             void *user)
{
    (void)epoch;
    const world *w = user;
    size_t first = 10 * number;
    if (first < ROWS) {
        chunk->X = mlp_cview_rows(ro(w->X), first, 10);
        chunk->Y = mlp_cview_rows(ro(w->Y), first, 10);
    }
    return MLP_OK;
}

static mlp_status fit_stream(world *w)
{
    mlp_train_options options = short_options();
    return mlp_fit_stream(w->net, next_chunk, w, &options, &w->made.history);
}

static mlp_status trainer_fit(world *w)
{
    mlp_train_options options = short_options();
    options.validation_fraction = 0.25;
    return mlp_trainer_fit(w->trainer, ro(w->X), ro(w->Y), &options,
                           &w->made.history);
}

static mlp_status trainer_fit_stream(world *w)
{
    mlp_train_options options = short_options();
    return mlp_trainer_fit_stream(w->trainer, next_chunk, w, &options,
                                  &w->made.history);
}

/* ---------------------------------------------------------------------------
 * Trainers
 */

static mlp_status create(world *w)
{
    return mlp_trainer_create(w->net, 9, &w->made.trainer);
}

static mlp_status set_threads(world *w)
{
    return mlp_trainer_set_threads(w->trainer, 3);
}

static mlp_status set_seed(world *w)
{
    return mlp_trainer_set_seed(w->trainer, 5);
}

static mlp_status set_adam(world *w)
{
    mlp_optimizer optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_RPROP);
    return mlp_trainer_set_optimizer(w->trainer, &optimizer);
}

/* L-BFGS takes no dropout, so its trainer is that of the plain network. */
static void has_plain_trainer(world *w)
{
    mlp_trainer_free(w->trainer);
    assert_int_equal(mlp_trainer_create(w->plain, ROWS, &w->trainer), MLP_OK);
}

static mlp_status set_lbfgs(world *w)
{
    mlp_optimizer optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_LBFGS);
    return mlp_trainer_set_optimizer(w->trainer, &optimizer);
}

static mlp_status forward(world *w)
{
    return mlp_trainer_forward(w->trainer, mlp_cview_rows(ro(w->X), 0, 6));
}

static mlp_status loss(world *w)
{
    return mlp_trainer_loss(w->trainer, ro(w->Y), w->out.numbers);
}

static mlp_status set_row_weights(world *w)
{
    return mlp_trainer_set_row_weights(
        w->trainer, mlp_cview_transpose(
                        mlp_cview_f64((const double[ROWS]){1, 2, 3}, 1, ROWS)));
}

static mlp_status backward(world *w)
{
    return mlp_trainer_backward(w->trainer, ro(w->Y));
}

static mlp_status backward_from(world *w)
{
    return mlp_trainer_backward_from(w->trainer, ro(w->Y));
}

static mlp_status backward_from_z(world *w)
{
    return mlp_trainer_backward_from_dZ(w->trainer, ro(w->Y));
}

static mlp_status gradients(world *w)
{
    mlp_view view;
    mlp_status status = mlp_trainer_gradients(w->trainer, &view);
    w->out.numbers[0] = mlp_cview_at(ro(view), 0, 3);
    return status;
}

static mlp_status update(world *w)
{
    return mlp_trainer_update(w->trainer, 0.125);
}

static mlp_status step(world *w)
{
    return mlp_trainer_step(w->trainer, ro(w->X), ro(w->Y), 0.125,
                            w->out.numbers);
}

/* Views hold addresses, which differ from world to world. */
static mlp_status trainer_tensor(world *w)
{
    mlp_view view;
    mlp_status status = mlp_trainer_tensor(w->trainer, MLP_DW, 2, &view);
    w->out.sizes[0] = view.rows;
    return status;
}

/* The first view of dX allocates. */
static mlp_status tensor_of_inputs(world *w)
{
    mlp_view view = w->Y;
    mlp_status status = mlp_trainer_tensor(w->trainer, MLP_DX, 0, &view);
    if (status == MLP_OK) {
        w->out.numbers[0] = mlp_cview_at(ro(view), 2, 1);
    }
    return status;
}

static mlp_status check_gradients(world *w)
{
    return mlp_check_gradients(w->net, mlp_cview_rows(ro(w->X), 0, 4),
                               mlp_cview_rows(ro(w->Y), 0, 4), NULL,
                               &w->out.check);
}

static const fault_case cases[] = {
    {"mlp_fit", ALLOCATES | THREADS, fit, NULL},
    {"mlp_fit without options", ALLOCATES | THREADS, fit_without_options, NULL},
    {"mlp_fit with threads", ALLOCATES | THREADS, fit_with_threads, NULL},
    {"mlp_fit with validation and weights", ALLOCATES | THREADS,
     fit_with_validation, NULL},
    {"mlp_fit with rows of validation", ALLOCATES | THREADS,
     fit_with_rows_of_validation, NULL},
    {"mlp_fit by lbfgs", ALLOCATES | THREADS, fit_by_lbfgs, NULL},
    {"mlp_fit_stream", ALLOCATES | THREADS, fit_stream, NULL},
    {"mlp_trainer_fit", ALLOCATES | KEEPS, trainer_fit, NULL},
    {"mlp_trainer_fit_stream", ALLOCATES | KEEPS, trainer_fit_stream, NULL},
    {"mlp_trainer_create", ALLOCATES, create, NULL},
    {"mlp_trainer_set_threads", ALLOCATES | THREADS, set_threads, NULL},
    {"mlp_trainer_set_seed", 0, set_seed, NULL},
    {"mlp_trainer_set_optimizer", ALLOCATES, set_adam, NULL},
    {"mlp_trainer_set_optimizer lbfgs", ALLOCATES, set_lbfgs,
     has_plain_trainer},
    {"mlp_trainer_forward", 0, forward, NULL},
    {"mlp_trainer_loss", 0, loss, NULL},
    {"mlp_trainer_set_row_weights", 0, set_row_weights, NULL},
    {"mlp_trainer_backward", 0, backward, NULL},
    {"mlp_trainer_backward_from", 0, backward_from, NULL},
    {"mlp_trainer_backward_from_dZ", 0, backward_from_z, NULL},
    {"mlp_trainer_gradients", 0, gradients, NULL},
    {"mlp_trainer_update", 0, update, NULL},
    {"mlp_trainer_step", 0, step, NULL},
    {"mlp_trainer_tensor", 0, trainer_tensor, NULL},
    {"mlp_trainer_tensor dX", ALLOCATES, tensor_of_inputs, NULL},
    {"mlp_check_gradients", ALLOCATES, check_gradients, NULL},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {
        .name = "training", .cases = cases, .n = COUNT(cases)};
    return mlp_fault_main(&suite, argc, argv);
}
