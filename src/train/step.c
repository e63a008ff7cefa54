/* SPDX-License-Identifier: MIT */
/*
 * How the threads of a team (see base/thread_team.h) share a training step.
 *
 * In the forward and the backward pass no row depends on another, and in the
 * gradients and the update no weight depends on another. So a step has phases,
 * and a barrier stands wherever one thread reads what others have written:
 *
 *     rows        Each thread takes its rows of the batch from A[0] to all dZ.
 *     --------    barrier: each gradient is a sum over the rows of all threads.
 *     gradients   Each thread computes dW of its weights, and db of its layers.
 *     --------    barrier: the check divides the gradients in another way.
 *     check       Each thread checks its part of the gradients.
 *     --------    barrier: one gradient that is not finite forbids the update
 *                 of all parameters.
 *     update      Each thread updates its part of the parameters.
 *
 * Some steps need barriers within a phase, too. Batch norm's moments (means and
 * variances) are sums over all rows. In a wide layer threads divide the
 * outputs, not the rows (see step_plan.h), so the layers around it read what
 * other threads have written. Clipping by norm needs a sum over all gradients.
 *
 * Fusing. In a large network the gradients and the update are one phase. The
 * matrix product computes dW in small blocks (tiles). Each block updates its
 * weights at once, while it is in the L1 cache, and dW never reaches memory.
 * Then gradients cannot be checked before the update. Instead A and dZ are
 * checked first: if they are small enough, no gradient can overflow.
 *
 * Every sum has an order that does not depend on the number of threads, so the
 * bits of a step do not depend on it either.
 */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "model/batch_norm.h"
#include "model/loss.h"

/* The context that all threads of a step get. */
typedef struct step_task {
    mlp_trainer *trainer;
    const mlpi_step_args *args;
    mlpi_step_result *result; /* NULL for the parts without a result */
} step_task;

/* ---------------------------------------------------------------------------
 * The batch
 */

void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step_args *args)
{
    mlpi_worker_load_inputs(trainer, args, 0, args->m);
    mlpi_worker_load_targets(trainer, args, 0, args->m);
}

void mlpi_batch_load_weights(mlp_trainer *trainer, const mlpi_step_args *args)
{
    const double *weights = args->row_weights;
    trainer->has_row_weights = weights != NULL;
    for (size_t i = 0; weights && i < args->m; i++) {
        trainer->row_weights[i] = weights[args->order ? args->order[i] : i];
    }
    trainer->total_weight =
        mlpi_sum_row_weights(args->m, weights ? trainer->row_weights : NULL);
}

/* ---------------------------------------------------------------------------
 * A whole step
 */

/* True if nothing known so far forbids the update. */
static bool may_update(const mlpi_step_args *args,
                       const mlpi_step_result *result)
{
    return isfinite(result->loss) && !args->no_update &&
           !result->gradient_not_finite;
}

/* True if gradients and update may be one phase. Penalties, clipping by norm
 * and batch norm need complete gradients before the first update. With fewer
 * parameters than FUSED_PARAMETERS the gradients stay in a cache anyway, and
 * the check of A and dZ would cost more than fusing saves. */
static bool may_fuse(const mlp_trainer *t, const mlpi_step_args *args)
{
    enum { FUSED_PARAMETERS = 1 << 16 };
    return args->discard_Z_and_dW && !args->no_update &&
           t->net->layout.running_count == 0 && !t->optimizer.penalises &&
           !t->optimizer.clips_norm &&
           t->net->layout.parameters >= FUSED_PARAMETERS;
}

/* The work of each thread in a whole step. The file's head shows the phases. */
static void train_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlp_trainer *t = task->trainer;
    const mlpi_step_args *args = task->args;
    mlpi_step_result *result = task->result;
    mlpi_plan local_plan;
    const mlpi_plan *plan = mlpi_worker_plan(t, thread, &local_plan);
    if (!args->rows_loaded) {
        mlpi_worker_load_inputs(t, args, plan->first_row, plan->m);
        mlpi_worker_load_targets(t, args, plan->first_row, plan->m);
    }
    mlpi_worker_forward(t, thread, plan);
    mlpi_worker_penalty(t, thread);
    /* With one thread all rows are ready here. Computing the loss now lets the
     * CPU overlap it with the backward pass. */
    const bool is_alone = thread->count == 1;
    if (is_alone) {
        result->loss = mlpi_batch_loss(t);
    }
    mlpi_worker_backward(t, thread, plan);
    const bool fuse = may_fuse(t, args);
    mlpi_barrier(thread);
    if (!is_alone && thread->index == 0) {
        result->loss = mlpi_batch_loss(t);
    }
    if (fuse) {
        mlpi_worker_check_overflow(t, plan, result);
        mlpi_barrier(thread); /* loss and may_overflow are final */
    }
    if (fuse && !result->may_overflow) {
        if (may_update(args, result)) {
            mlpi_worker_gradients(t, thread, plan, args);
        }
        return;
    }
    mlpi_worker_gradients(t, thread, plan, NULL);
    mlpi_barrier(thread);
    mlpi_worker_check_gradients(t, thread, result);
    mlpi_barrier(thread);
    if (may_update(args, result)) {
        mlpi_worker_update(t, thread, args->learning_rate, args->backup);
    }
}

bool mlpi_step_pays_for_threads(const mlp_trainer *trainer, size_t m)
{
    return mlpi_net_pays_for_threads(trainer->net, m);
}

/* Lets all threads of the team run `work` for a batch of args->m rows. If these
 * are too few rows for several threads, the calling thread runs it alone. */
static void run(mlp_trainer *t, mlpi_work *work, const mlpi_step_args *args,
                mlpi_step_result *result)
{
    step_task task = {t, args, result};
    t->batch.m = args->m;
    t->batch.discard_Z = args->discard_Z_and_dW;
    mlpi_team_repeat(mlpi_step_pays_for_threads(t, args->m) ? t->team : NULL,
                     work, &task, args->m);
}

/* Updates batch norm's running mean and variance from the batch. If there is a
 * backup, the old values are copied into it first. */
static void track_moments(mlp_trainer *t, const mlpi_step_args *args)
{
    mlp_net *net = t->net;
    const mlpi_layout *layout = &net->layout;
    if (layout->running_count > 0) {
        if (args->backup) {
            memcpy(mlpi_at(net->kernels, args->backup, layout->parameters),
                   net->running,
                   layout->running_count * net->kernels->real_size);
        }
        mlpi_batch_norm_track(net, args->m, t->batch.moments);
    }
}

void mlpi_step_train(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result)
{
    trainer->forward_count++;
    run(trainer, train_thread, args, result);
    if (may_update(args, result)) {
        mlpi_optimizer_advance(&trainer->optimizer);
        track_moments(trainer, args);
    }
}

/* ---------------------------------------------------------------------------
 * The parts of a step, for callers that do it part by part
 */

static void forward_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlpi_plan local_plan;
    const mlpi_plan *plan =
        mlpi_worker_plan(task->trainer, thread, &local_plan);
    mlpi_worker_load_inputs(task->trainer, task->args, plan->first_row,
                            plan->m);
    mlpi_worker_forward(task->trainer, thread, plan);
}

void mlpi_step_forward(mlp_trainer *trainer, const mlpi_step_args *args)
{
    trainer->forward_count++;
    run(trainer, forward_thread, args, NULL);
    if (!args->no_update) {
        track_moments(trainer, args);
    }
}

void mlpi_step_loss(mlp_trainer *trainer, const mlpi_step_args *args,
                    mlpi_step_result *result)
{
    mlpi_worker_load_targets(trainer, args, 0, args->m);
    mlpi_worker_penalty(trainer, &(mlpi_thread){NULL, 0, 1});
    result->loss = mlpi_batch_loss(trainer);
}

static void backward_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlp_trainer *t = task->trainer;
    mlpi_plan local_plan;
    const mlpi_plan *plan = mlpi_worker_plan(t, thread, &local_plan);
    mlpi_worker_load_targets(t, task->args, plan->first_row, plan->m);
    mlpi_worker_backward(t, thread, plan);
    mlpi_barrier(thread);
    mlpi_worker_gradients(t, thread, plan, NULL);
}

void mlpi_step_backward(mlp_trainer *trainer, const mlpi_step_args *args)
{
    run(trainer, backward_thread, args, NULL);
}

static void update_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlpi_worker_update(task->trainer, thread, task->args->learning_rate, NULL);
}

void mlpi_step_update(mlp_trainer *trainer, const mlpi_step_args *args)
{
    run(trainer, update_thread, args, NULL);
    mlpi_optimizer_advance(&trainer->optimizer);
}
