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
 * Micro-batches. A batch of many rows leaves the caches between the passes. So
 * its rows are taken through `rows` and `gradients` in parts, some hundreds at
 * a time:
 *
 *     rows of the batch     | 0         | 1         | 2         |
 *     A and dZ hold           0, then     1, then     2
 *     dW, db                  0 + ... ->  + ... ->    + ...  -> check, update
 *
 * The chains of dW, the lanes of db and those of the loss go on from one part
 * to the next, each term in its turn, so the bits are those of the whole batch.
 * The arrays of the trainer need the rows of a micro-batch only. Batch norm
 * needs all rows at once and has no micro-batches. Neither have callers that
 * look at A or Z afterwards, or whose rows have been loaded into the arrays.
 *
 * Parts. If the options of a fit ask for parts (see parts.h), `rows` and
 * `gradients` run for each part by itself, with chains that begin anew. The
 * gradients of the parts are then added as a binary tree, and penalties, check
 * and update follow once for the whole batch.
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
    size_t micro_rows;        /* rows of a micro-batch; at least m: no parts */
    mlpi_loss_sum loss;       /* of the rows so far; thread 0 writes it */
    const mlpi_merge *merge;  /* of a part; else NULL */
} step_task;

/* ---------------------------------------------------------------------------
 * The batch
 */

void mlpi_batch_load(mlp_trainer *trainer, const mlpi_step_args *args)
{
    mlpi_worker_load_inputs(trainer, args, 0, args->m, args->batch_row);
    mlpi_worker_load_targets(trainer, args, 0, args->m, args->batch_row);
}

void mlpi_batch_weigh(mlp_trainer *trainer, const mlpi_step_args *args)
{
    const double *weights = args->row_weights;
    trainer->has_row_weights = weights != NULL;
    trainer->total_weight = weights ? 0.0 : (double)args->m;
    for (size_t i = 0; weights && i < args->m; i++) {
        trainer->total_weight += weights[args->order ? args->order[i] : i];
    }
}

/* ---------------------------------------------------------------------------
 * Micro-batches
 */

bool mlpi_has_micro_batches(const mlp_net *net)
{
    return net->layout.running_count == 0;
}

enum { MICRO_BATCH_ROWS = 256 };

/* With MICRO_BATCH_ROWS rows for each thread the products are as fast as with
 * more. A narrow network takes more rows, as long as A and dZ have at most
 * MICRO_BATCH_REALS numbers together: 512 KiB of float, which an L2 cache
 * holds. */
size_t mlpi_micro_batch_rows(const mlp_net *net, size_t threads)
{
    enum { MICRO_BATCH_REALS = 1 << 17 };
    size_t reals = mlpi_net_inputs(net);
    for (size_t l = 1; l <= net->layout.L; l++) {
        reals += 2 * net->layout.layer[l].width;
    }
    size_t rows =
        mlpi_max_size(MICRO_BATCH_REALS / reals, (size_t)MICRO_BATCH_ROWS);
    return rows / MLPI_LANES * MLPI_LANES * threads;
}

/* Returns the rows of a micro-batch in this step, or m if there is only one
 * part. Parts of equal size avoid a last one that is tiny. */
static size_t choose_micro_rows(const mlp_trainer *t,
                                const mlpi_step_args *args, size_t threads)
{
    if (args->m <= MICRO_BATCH_ROWS || !args->discard_Z_and_dW ||
        args->X.rows == 0 || !mlpi_has_micro_batches(t->net)) {
        return args->m;
    }
    size_t most =
        mlpi_min_size(mlpi_micro_batch_rows(t->net, threads), t->array_rows);
    if (args->m <= most) {
        return args->m;
    }
    size_t equal = mlpi_divide_up(args->m, mlpi_divide_up(args->m, most));
    return mlpi_divide_up(equal, MLPI_LANES) * MLPI_LANES;
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

/* Adds the loss of the plan's rows, of all threads. After the last rows the
 * loss of the batch, or the sum of the terms of the part, is known. */
static void add_loss(step_task *task, const mlpi_plan *plan)
{
    mlp_trainer *t = task->trainer;
    mlpi_worker_add_loss(t, plan->batch_rows, &task->loss);
    if (t->hooks.log) {
        mlpi_worker_note_outputs(t, plan->batch_rows);
    }
    if (plan->offset + plan->batch_rows == task->args->m) {
        task->result->loss = t->batch.is_part
                                 ? mlpi_join_lanes(task->loss.lanes)
                                 : mlpi_worker_loss(t, &task->loss);
    }
}

/* Takes this thread's rows from A[0] to all dZ. When all threads have returned,
 * the dZ of all threads are complete. */
static void run_rows(step_task *task, const mlpi_thread *thread,
                     const mlpi_plan *plan)
{
    mlp_trainer *t = task->trainer;
    const mlpi_step_args *args = task->args;
    if (!args->rows_loaded || plan->batch_rows < args->m) {
        size_t first = plan->offset + plan->first_row;
        mlpi_worker_load_inputs(t, args, first, plan->m, plan->first_row);
        mlpi_worker_load_targets(t, args, first, plan->m, plan->first_row);
        mlpi_worker_load_weights(t, args, first, plan->m, plan->first_row);
    }
    mlpi_worker_forward(t, thread, plan);
    if (plan->offset == 0 && !t->batch.is_part) {
        mlpi_worker_penalty(t, thread);
    }
    /* With one thread all rows are ready here. Computing the loss now lets the
     * CPU overlap it with the backward pass. Measured on XOR, a step is some
     * 8 % slower if the loss comes after the backward pass or the gradients. */
    const bool is_alone = thread->count == 1;
    if (is_alone) {
        add_loss(task, plan);
    }
    mlpi_worker_loss_gradient(t, plan);
    mlpi_worker_backward(t, thread, plan);
    mlpi_barrier(thread);
    if (!is_alone && thread->index == 0) {
        add_loss(task, plan);
    }
}

/* The work of each thread in a whole step. The file's head shows the phases. */
static void train_thread(const mlpi_thread *thread, void *context)
{
    step_task *task = context;
    mlp_trainer *t = task->trainer;
    const mlpi_step_args *args = task->args;
    mlpi_step_result *result = task->result;
    mlpi_plan local_plan = {.batch_rows = 0};
    const bool fuse = may_fuse(t, args);
    size_t m = mlpi_min_size(task->micro_rows, args->m);
    const mlpi_plan *plan = mlpi_worker_plan(t, thread, 0, m, &local_plan);
    run_rows(task, thread, plan);
    for (size_t first = m; first < args->m; first += m) {
        if (fuse) {
            mlpi_worker_check_overflow(t, plan, result);
        }
        mlpi_worker_gradients(t, thread, plan, NULL);
        mlpi_barrier(thread); /* nobody reads A and dZ any more */
        m = mlpi_min_size(task->micro_rows, args->m - first);
        plan = mlpi_worker_plan(t, thread, first, m, &local_plan);
        run_rows(task, thread, plan);
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

/* Lets all threads of the team run `work` for a batch of args->m rows, or for a
 * part of a batch. If these are too few rows for several threads, the calling
 * thread runs it alone. */
static void run(mlp_trainer *t, mlpi_work *work, const mlpi_step_args *args,
                const mlpi_merge *merge, mlpi_step_result *result)
{
    mlpi_team *team = mlpi_step_pays_for_threads(t, args->m) ? t->team : NULL;
    step_task task = {t,
                      args,
                      result,
                      choose_micro_rows(t, args, mlpi_team_size(team)),
                      {.weight = 0.0},
                      merge};
    t->batch.m = args->m;
    t->batch.discard_Z = args->discard_Z_and_dW;
    mlpi_team_repeat(team, work, &task, args->m);
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

/* Counts a forward pass, and forgets which layers have had an output. */
static inline void begin_step(mlp_trainer *trainer)
{
    trainer->forward_count++;
    if (trainer->hooks.log) {
        memset(trainer->batch.has_output, 0,
               (trainer->net->layout.L + 1) * sizeof(bool));
    }
}

void mlpi_step_train(mlp_trainer *trainer, const mlpi_step_args *args,
                     mlpi_step_result *result)
{
    begin_step(trainer);
    run(trainer, train_thread, args, NULL, result);
    if (may_update(args, result)) {
        mlpi_optimizer_advance(&trainer->optimizer);
        track_moments(trainer, args);
    }
}

/* ---------------------------------------------------------------------------
 * A step whose batch has parts
 */

/* Adds the sums of earlier parts to the gradients of this one, and stores the
 * result where merge->to says: this thread's share of the parameters. A block
 * of the gradients stays in the L1 cache until all sums are added. */
static void merge_gradients(const mlp_trainer *t, const mlpi_thread *thread,
                            const mlpi_merge *merge)
{
    enum { BLOCK = 1024 };
    const mlpi_kernels *kernels = t->net->kernels;
    size_t first = 0;
    size_t count = 0;
    mlpi_partition(thread, t->net->layout.parameters, BLOCK, &first, &count);
    for (size_t i = first; i < first + count; i += BLOCK) {
        size_t n = mlpi_min_size(first + count - i, BLOCK);
        const void *sum = mlpi_const_at(kernels, t->batch.gradients, i);
        void *to = mlpi_at(kernels, merge->to, i);
        for (size_t k = 0; k < merge->n; k++) {
            kernels->add_arrays(n, mlpi_const_at(kernels, merge->sums[k], i),
                                sum, to);
            sum = to;
        }
        if (to != sum) {
            memcpy(to, sum, n * kernels->real_size);
        }
    }
}

/* The work of each thread for a part: the phases `rows` and `gradients` of the
 * file's head, then the merge. A part without rows has gradients of 0. */
static void part_thread(const mlpi_thread *thread, void *context)
{
    step_task *task = context;
    mlp_trainer *t = task->trainer;
    mlpi_plan local_plan = {.batch_rows = 0};
    for (size_t first = 0, m = 0; first < task->args->m; first += m) {
        m = mlpi_min_size(task->micro_rows, task->args->m - first);
        const mlpi_plan *plan =
            mlpi_worker_plan(t, thread, first, m, &local_plan);
        run_rows(task, thread, plan);
        mlpi_worker_gradients(t, thread, plan, NULL);
        mlpi_barrier(thread); /* nobody reads A and dZ any more */
    }
    merge_gradients(t, thread, task->merge);
}

void mlpi_step_begin(mlp_trainer *trainer)
{
    begin_step(trainer);
}

void mlpi_step_part(mlp_trainer *trainer, const mlpi_step_args *args,
                    size_t first, const mlpi_merge *merge,
                    mlpi_step_result *result)
{
    if (args->m == 0) {
        memset(trainer->batch.gradients, 0,
               trainer->net->layout.parameters *
                   trainer->net->kernels->real_size);
    }
    trainer->batch.is_part = true;
    trainer->batch.first = first;
    run(trainer, part_thread, args, merge, result);
    trainer->batch.is_part = false;
    trainer->batch.first = 0;
}

/* Adds the derivative of the penalty to this thread's share of each dW. A batch
 * without parts does that where it computes dW, layer by layer. Here dW is
 * complete only after the tree, and the penalty is added once, not once for
 * each part. */
static void penalise_gradients(mlp_trainer *t, const mlpi_thread *thread)
{
    const mlpi_layout *layout = &t->net->layout;
    mlpi_update_context context = mlpi_update_context_of(t);
    for (size_t l = 1; l <= layout->L; l++) {
        size_t first = 0;
        size_t count = 0;
        mlpi_partition(thread, mlpi_layout_weights(layout, l), MLPI_SUM_CHUNK,
                       &first, &count);
        mlpi_penalty_gradient(&context, t->total_weight,
                              layout->layer[l].W_offset + first, count);
    }
}

/* The work of each thread after the tree: the phases `check` and `update`. The
 * penalty of the loss and that of the gradients need the same weights, those
 * before the update. */
static void finish_thread(const mlpi_thread *thread, void *context)
{
    step_task *task = context;
    mlp_trainer *t = task->trainer;
    const mlpi_step_args *args = task->args;
    mlpi_worker_penalty(t, thread);
    if (t->optimizer.penalises) {
        penalise_gradients(t, thread);
    }
    mlpi_barrier(thread); /* the sums over the weights are complete */
    if (thread->index == 0) {
        const mlpi_loss_sum sum = {.lanes = {task->result->loss},
                                   .weight = t->total_weight};
        task->result->loss = mlpi_worker_loss(t, &sum);
    }
    mlpi_worker_check_gradients(t, thread, task->result);
    mlpi_barrier(thread);
    if (may_update(args, task->result)) {
        mlpi_worker_update(t, thread, args->learning_rate, args->backup);
    }
}

void mlpi_step_finish(mlp_trainer *trainer, const mlpi_step_args *args,
                      mlpi_step_result *result)
{
    run(trainer, finish_thread, args, NULL, result);
    if (may_update(args, result)) {
        mlpi_optimizer_advance(&trainer->optimizer);
    }
}

/* ---------------------------------------------------------------------------
 * The parts of a step, for callers that do it part by part
 */

static void forward_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlpi_plan local_plan = {.batch_rows = 0};
    const mlpi_plan *plan =
        mlpi_worker_plan(task->trainer, thread, 0, task->args->m, &local_plan);
    mlpi_worker_load_inputs(task->trainer, task->args, plan->first_row, plan->m,
                            plan->first_row);
    mlpi_worker_forward(task->trainer, thread, plan);
}

void mlpi_step_forward(mlp_trainer *trainer, const mlpi_step_args *args)
{
    trainer->forward_count++;
    run(trainer, forward_thread, args, NULL, NULL);
    if (!args->no_update) {
        track_moments(trainer, args);
    }
}

void mlpi_step_loss(mlp_trainer *trainer, const mlpi_step_args *args,
                    mlpi_step_result *result)
{
    mlpi_loss_sum sum = {.weight = 0.0};
    mlpi_worker_load_targets(trainer, args, 0, args->m, 0);
    mlpi_worker_penalty(trainer, &(mlpi_thread){NULL, 0, 1});
    mlpi_worker_add_loss(trainer, args->m, &sum);
    result->loss = mlpi_worker_loss(trainer, &sum);
}

static void backward_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlp_trainer *t = task->trainer;
    mlpi_plan local_plan = {.batch_rows = 0};
    const mlpi_plan *plan =
        mlpi_worker_plan(t, thread, 0, task->args->m, &local_plan);
    if (task->args->content == MLPI_TARGETS) {
        mlpi_worker_load_targets(t, task->args, plan->first_row, plan->m,
                                 plan->first_row);
        mlpi_worker_loss_gradient(t, plan);
    } else {
        mlpi_worker_load_gradient(t, task->args, plan);
    }
    mlpi_worker_backward(t, thread, plan);
    mlpi_barrier(thread);
    mlpi_worker_gradients(t, thread, plan, NULL);
}

void mlpi_step_backward(mlp_trainer *trainer, const mlpi_step_args *args)
{
    run(trainer, backward_thread, args, NULL, NULL);
}

static void input_gradient_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlpi_plan local_plan = {.batch_rows = 0};
    mlpi_worker_input_gradient(
        task->trainer,
        mlpi_worker_plan(task->trainer, thread, 0, task->args->m, &local_plan));
}

void mlpi_step_input_gradient(mlp_trainer *trainer)
{
    mlpi_step_args args = {.m = trainer->batch.m};
    run(trainer, input_gradient_thread, &args, NULL, NULL);
}

static void update_thread(const mlpi_thread *thread, void *context)
{
    const step_task *task = context;
    mlpi_worker_update(task->trainer, thread, task->args->learning_rate, NULL);
}

void mlpi_step_update(mlp_trainer *trainer, const mlpi_step_args *args)
{
    run(trainer, update_thread, args, NULL, NULL);
    mlpi_optimizer_advance(&trainer->optimizer);
}
