/* SPDX-License-Identifier: MIT */
/*
 * Processes of a fit that fail, stop or differ. Threads play them. Whatever
 * happens to one of them or to their exchange, nobody waits for ever, and all
 * end with the same network.
 */
#include "support/processes.h"

/* ---------------------------------------------------------------------------
 * Failures. Each is planted on rank 2 of 4.
 */

enum { RANKS = 4, CULPRIT = 2 };

/* Checks that all ranks have ended with this status and network, and that all
 * messages name the culprit; `said` is what it has to say itself. */
static void assert_all_failed(const process *processes, mlp_status status,
                              const char *said)
{
    for (size_t r = 0; r < RANKS; r++) {
        assert_int_equal(processes[r].status, status);
        assert_said(&processes[r].record, said);
        assert_true(processes[r].hash == processes[0].hash);
    }
}

/* Runs a fit of a case that does not scale, in which row 130 has these numbers.
 * The row is in block 5, which rank 2 has. */
static void run_with_bad_row(process *processes, const char *name, double x,
                             double y)
{
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case(name, rows, &c);
    rows->X64[130 * CASE_INPUTS + 2] = x;
    rows->Y64[130 * CASE_CLASSES + 2] = y;
    c.options.standardise = false;
    begin_processes(processes, &c);
    run_world(processes, RANKS);
    free(rows);
}

static void bad_rows_of_one_end_all(void **state)
{
    (void)state;
    process processes[CASE_PARTS];
    run_with_bad_row(processes, "adam", NAN, 0.0);
    assert_all_failed(processes, MLP_ERR_NOT_FINITE, "rank 2 of 4");
    run_with_bad_row(processes, "weighted stream", 0.0, INFINITY);
    assert_all_failed(processes, MLP_ERR_NOT_FINITE, "rank ");
}

static void divergence_of_one_ends_all(void **state)
{
    (void)state;
    process processes[CASE_PARTS];
    run_with_bad_row(processes, "adam", 0.0, 1e200);
    assert_all_failed(processes, MLP_ERR_DIVERGED, ", rank 2: the ");
}

/* Whatever allocation of the culprit fails, nobody waits for it. */
static void exhausted_memory_of_one_ends_all(void **state)
{
    (void)state;
    const char *const names[] = {"held out", "row weights", "stream"};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < COUNT(names); k++) {
        find_case(names[k], rows, &c);
        c.options.epochs = 2;
        begin_processes(processes, &c);
        run_world(processes, RANKS);
        size_t allocations = processes[CULPRIT].allocations;
        assert_true(allocations >= 5);
        for (size_t n = 1; n <= allocations; n++) {
            begin_processes(processes, &c);
            processes[CULPRIT].fit_fail_at = n;
            run_world(processes, RANKS);
            assert_all_failed(processes, MLP_ERR_MEMORY, "rank 2 of 4");
        }
    }
    free(rows);
}

/* The epoch that on_batch ends is not in the history; all have the weights of
 * the same update. */
static void callbacks_of_one_stop_all(void **state)
{
    (void)state;
    const char *const names[] = {"dropout", "stream", "validation"};
    /* With 24 rows a batch an epoch has nine; the last one of the first epoch
     * is among these. */
    const size_t stops[] = {1, 4, 6, 9, 10, 14};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process alone[CASE_PARTS];
    process processes[CASE_PARTS];
    for (size_t k = 0; k < COUNT(names) * COUNT(stops); k++) {
        find_case(names[k % COUNT(names)], rows, &c);
        size_t stop_at = stops[k / COUNT(names)];
        begin_processes(alone, &c);
        begin_processes(processes, &c);
        for (size_t r = 0; r < RANKS; r++) {
            alone[r].has_trainer = processes[r].has_trainer = true;
        }
        alone[0].stop_at = processes[CULPRIT].stop_at = stop_at;
        run_world(alone, 1);
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status, MLP_OK);
            assert_int_equal(processes[r].batches, stop_at);
            assert_true(processes[r].hash == alone[0].hash);
        }
        begin_processes(processes, &c);
        begin_processes(alone, &c);
        alone[0].end_at = processes[CULPRIT].end_at = 2;
        run_world(alone, 1);
        run_world(processes, RANKS);
        assert_int_equal(processes[0].epochs, 2);
        assert_true(processes[0].hash == alone[0].hash);
    }
    free(rows);
}

/* Calls that would not match, or whose networks would become different, are
 * refused before anybody trains. */
static void different_options_end_all(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    parts_case other;
    process processes[CASE_PARTS];
    find_case("momentum", rows, &c);
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
    for (size_t k = 0; k < 13; k++) {
        other = c;
        other.options.epochs += k == 0;
        other.options.batch_size += k == 1 ? CASE_PARTS : 0;
        other.config.seed += k == 2;
        other.X.rows -= k == 3 ? 8 : 0;
        other.Y.rows = other.X.rows;
        other.options.schedule.every -= k == 4;
        other.options.seed += k == 6;
        other.options.shuffle = k != 7;
        other.options.standardise = k != 8;
        other.options.learning_rate *= k == 9 ? 2.0 : 1.0;
        other.options.patience -= k == 10;
        other.options.class_weights = k == 11 ? case_class_weights : NULL;
        begin_processes(processes, &c);
        processes[CULPRIT].c = &other;
        for (size_t r = 0; r < RANKS; r++) {
            processes[r].has_trainer = k == 5;
        }
        processes[CULPRIT].momentum = k == 5 ? 0.8 : 0.0;
        processes[CULPRIT].is_trained = k == 12;
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status,
                             k == 3 ? MLP_ERR_SHAPE : MLP_ERR_ARGUMENT);
        }
    }
    free(rows);
}

/* Changes number k of the options that all ranks must have; returns false past
 * the last one. */
static bool change_option(mlp_train_options *o, size_t k)
{
    mlp_schedule *rate = &o->schedule;
    mlp_optimizer *by = &o->optimizer;
    size_t *const counts[] = {&o->epochs,     &o->patience,  &rate->every,
                              &rate->warm_up, &rate->epochs, &rate->patience};
    bool *const flags[] = {&o->standardise, &o->shuffle, &o->restore_best};
    double *const numbers[] = {
        &o->learning_rate, &o->min_delta,     &o->validation_fraction,
        &rate->decay,      &rate->factor,     &rate->min_delta,
        &rate->min_rate,   &by->momentum,     &by->beta1,
        &by->beta2,        &by->rho,          &by->epsilon,
        &by->rprop_grow,   &by->rprop_shrink, &by->rprop_min,
        &by->rprop_max,    &by->l2,           &by->l1,
        &by->weight_decay, &by->clip_value,   &by->clip_norm};
    if (k < COUNT(counts)) {
        ++*counts[k];
    } else if ((k -= COUNT(counts)) < COUNT(flags)) {
        *flags[k] = !*flags[k];
    } else if ((k -= COUNT(flags)) < COUNT(numbers)) {
        *numbers[k] = *numbers[k] > 0.0 ? 0.99 * *numbers[k] : 0.01;
    } else {
        return false;
    }
    return true;
}

/* A comparison fails on all ranks, and each of them has two messages: one about
 * itself, and one about the first rank that has failed. An option that is not
 * valid would give the others one message. */
static void assert_compared(const parts_case *c, const parts_case *other,
                            const char *what, size_t k)
{
    process processes[CASE_PARTS];
    begin_processes(processes, c);
    processes[CULPRIT].c = other;
    run_world(processes, RANKS);
    for (size_t r = 0; r < RANKS; r++) {
        if (processes[r].status != MLP_ERR_ARGUMENT ||
            processes[r].record.messages != 2) {
            fail_msg("%s %zu, rank %zu: %s", what, k, r,
                     processes[r].record.message);
        }
    }
}

static void each_option_is_compared(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("held out", rows, &c);
    c.options.optimizer.clip_value = c.options.optimizer.clip_norm = 1.0;
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
    parts_case other = c;
    for (size_t k = 0; change_option(&other.options, k); k++, other = c) {
        assert_compared(&c, &other, "option", k);
    }
    free(rows);
}

/* Changes property number k of the network, or the class weights; returns false
 * past the last one. The initial weights stay as they are. */
static bool change_net(parts_case *c, size_t k)
{
    static const double weights[CASE_CLASSES] = {1, 0.5, 2, 1.5, 0.2};
    static const double quantiles[CASE_CLASSES] = {0.5, 0.5, 0.5, 0.5, 0.1};
    mlp_config *config = &c->config;
    switch (k) {
    case 0:
        config->batch_norm_momentum = 0.2;
        break;
    case 1:
        config->batch_norm_epsilon = 1e-4;
        break;
    case 2:
        c->layers[1].dropout = 0.1;
        break;
    case 3:
        config->label_smoothing = 0.1;
        break;
    case 4:
        c->options.class_weights = weights;
        break;
    case 5:
        config->huber_delta = 0.5;
        break;
    case 6:
        config->quantiles = quantiles;
        break;
    default:
        return false;
    }
    return true;
}

/* What decides a step, but shows neither in options nor in weights. */
static void each_property_of_the_network_is_compared(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    for (size_t k = 0;; k++) {
        find_case(k < 5 ? "class weights" : "adam", rows, &c);
        c.config.loss = k < 5    ? MLP_LOSS_CCE
                        : k == 5 ? MLP_LOSS_HUBER
                                 : MLP_LOSS_QUANTILE;
        parts_case other = c;
        if (!change_net(&other, k)) {
            break;
        }
        assert_compared(&c, &other, "property", k);
    }
    free(rows);
}

/* Multiplies the rate of all epochs but the first by the number of `user`. */
static double change_rate(size_t epoch, double alpha, void *user)
{
    const double *factor = user;
    return epoch == 0 ? alpha : alpha * *factor;
}

static void different_rates_end_all(void **state)
{
    (void)state;
    double factors[] = {0.5, 0.25};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    find_case("adam", rows, &c);
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
    c.options.schedule.rate = change_rate;
    c.options.schedule.user = &factors[0];
    parts_case other = c;
    other.options.schedule.user = &factors[1];
    begin_processes(processes, &c);
    processes[CULPRIT].c = &other;
    run_world(processes, RANKS);
    assert_all_failed(processes, MLP_ERR_ARGUMENT, "");
    assert_int_equal(processes[0].epochs, 1);
    free(rows);
}

/* With rows that are all alike, trainers that have shuffled them differently
 * have the same network; but they would draw other numbers from now on. */
static void trainers_that_have_begun_must_be_alike(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process alone[CASE_PARTS];
    process processes[CASE_PARTS];
    find_case("adam", rows, &c);
    c.options.standardise = false;
    for (size_t i = 0; i < CASE_ROWS; i++) {
        memcpy(rows->X64 + i * CASE_INPUTS, rows->X64,
               CASE_INPUTS * sizeof *rows->X64);
        memcpy(rows->Y64 + i * CASE_CLASSES, rows->Y64,
               CASE_CLASSES * sizeof *rows->Y64);
    }
    for (uint32_t k = 0; k < 2; k++) {
        begin_processes(alone, &c);
        begin_processes(processes, &c);
        for (size_t r = 0; r < RANKS; r++) {
            alone[r].has_trainer = processes[r].has_trainer = true;
            alone[r].seed = processes[r].seed = 1;
        }
        processes[CULPRIT].seed += k;
        run_world(alone, 1);
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status,
                             k == 0 ? MLP_OK : MLP_ERR_ARGUMENT);
            if (k == 0) {
                assert_true(processes[r].hash == alone[0].hash);
            } else {
                assert_true(processes[r].kept == processes[0].kept);
                assert_int_equal(processes[r].epochs, 0);
            }
        }
    }
    free(rows);
}

/* Runs a fit in which sum number n of all ranks fails, as if the network had
 * gone. Returns false if there is no such sum. */
static bool run_with_lost_sum(process *processes, const parts_case *c,
                              const parts_case *other, bool has_trainer,
                              size_t n)
{
    begin_processes(processes, c);
    processes[CULPRIT].c = other;
    for (size_t r = 0; r < RANKS; r++) {
        processes[r].has_trainer = has_trainer;
        processes[r].lost_at = n;
    }
    run_world(processes, RANKS);
    return processes[0].sums >= n;
}

/* Each rank returns the error of its sum, and calls no other. Its network has
 * the weights of the epochs that were whole, or is as before the fit. */
static void a_fit_without_its_exchange_keeps_whole_epochs(void **state)
{
    (void)state;
    enum { EPOCHS = 2 };
    const char *const names[] = {"row weights", "held out",        "validation",
                                 "stream",      "weighted stream", "adam"};
    double factor = 0.5;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < 2 * COUNT(names); k++) {
        uint64_t kept[EPOCHS + 1];
        find_case(names[k / 2], rows, &c);
        c.options.restore_best = false;
        if (strcmp(c.name, "adam") == 0) {
            c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
            c.options.schedule.rate = change_rate;
            c.options.schedule.user = &factor;
        }
        for (size_t e = 0; e <= EPOCHS; e++) {
            c.options.epochs = e;
            begin_processes(processes, &c);
            run_world(processes, 1);
            kept[e] = processes[0].kept;
        }
        size_t whole = 0;
        size_t n = 1;
        for (; run_with_lost_sum(processes, &c, &c, k % 2 == 1, n); n++) {
            whole += whole < EPOCHS && processes[0].kept != kept[whole];
            for (size_t r = 0; r < RANKS; r++) {
                assert_int_equal(processes[r].status, MLP_ERR_UNSUPPORTED);
                assert_int_equal(processes[r].sums, n);
                assert_true(processes[r].kept == kept[whole]);
            }
        }
        assert_int_equal(processes[0].status, MLP_OK);
        assert_true(whole >= EPOCHS - 1 && n > 20);
    }
    free(rows);
}

/* Where the exchange is lost while a rank tells of its failure, the others
 * cannot know it, but end as well. */
static void failures_may_be_lost_with_the_exchange(void **state)
{
    (void)state;
    enum { OPTIONS, ROWS, VALIDATION, DIVERGENCE, FAULTS };
    const char *const names[] = {"adam", "adam", "validation", "adam"};
    const mlp_status expected[] = {MLP_ERR_ARGUMENT, MLP_ERR_SHAPE,
                                   MLP_ERR_SHAPE, MLP_ERR_DIVERGED};
    parts_rows *rows = new_parts_rows();
    rows->Y64[130 * CASE_CLASSES + 2] = 1e200;
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < FAULTS; k++) {
        find_case(names[k], rows, &c);
        c.options.standardise = false;
        parts_case other = c;
        other.options.seed += k == OPTIONS;
        other.X.rows -= k == ROWS ? 8 : 0;
        other.Y.rows = other.X.rows;
        other.X_validation.rows -= k == VALIDATION ? 8 : 0;
        other.Y_validation.rows = other.X_validation.rows;
        size_t n = 1;
        for (; run_with_lost_sum(processes, &c, &other, false, n); n++) {
            for (size_t r = 0; r < RANKS; r++) {
                assert_int_equal(processes[r].status, MLP_ERR_UNSUPPORTED);
                assert_int_equal(processes[r].sums, n);
                assert_true(processes[r].kept == processes[0].kept);
            }
        }
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status, expected[k]);
        }
        assert_true(n > 3);
    }
    free(rows);
}

/* Says that a rank has failed, and then another number than its status. */
static mlp_status wrong_sum(void *numbers, size_t n, mlp_dtype dtype,
                            void *user)
{
    (void)n, (void)dtype;
    const double **next = user;
    *(double *)numbers = *(*next)++;
    return MLP_OK;
}

static void a_number_that_is_no_status_is_an_io_error(void **state)
{
    (void)state;
    const double said[][2] = {{1, 0}, {1, -3}, {1, 1e300}, {NAN, NAN}};
    hook_record record = {.fail_at = 0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    data d = xor_data(MLP_F64);
    const double *next = NULL;
    mlp_exchange exchange = {.ranks = 2, .sum = wrong_sum, .user = &next};
    mlp_train_options options = mlp_train_defaults();
    options.parts = 2;
    options.exchange = &exchange;
    for (size_t k = 0; k < COUNT(said); k++) {
        next = said[k];
        assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                    MLP_ERR_IO, "of 2 has failed, which ends the fit of all");
        assert_ptr_equal(next, said[k] + 2);
    }
    mlp_net_free(net);
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_rows_of_one_end_all),
        cmocka_unit_test(divergence_of_one_ends_all),
        cmocka_unit_test(exhausted_memory_of_one_ends_all),
        cmocka_unit_test(callbacks_of_one_stop_all),
        cmocka_unit_test(different_options_end_all),
        cmocka_unit_test(each_option_is_compared),
        cmocka_unit_test(each_property_of_the_network_is_compared),
        cmocka_unit_test(different_rates_end_all),
        cmocka_unit_test(trainers_that_have_begun_must_be_alike),
        cmocka_unit_test(a_fit_without_its_exchange_keeps_whole_epochs),
        cmocka_unit_test(failures_may_be_lost_with_the_exchange),
        cmocka_unit_test(a_number_that_is_no_status_is_an_io_error),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
