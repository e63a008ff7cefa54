/* SPDX-License-Identifier: MIT */
/*
 * The choice between a team and the caller alone, on machines that are not
 * there: each says how long a run takes. So the tests need no threads and no
 * clock, and the same happens each time.
 */
#include "support/support.h"

#include "base/thread_choice.h"

/* A machine: seconds for each unit of work, and the part of the team's time
 * that the caller waits. */
typedef struct machine {
    double team, alone, waits;
} machine;

static const machine quiet = {.team = 5e-4, .alone = 1e-3, .waits = 0.02};
static const machine disturbed = {.team = 1.4e-3, .alone = 1e-3, .waits = 0.6};

/* Makes one run of `amount` units and returns how long it took. */
static double run(mlpi_thread_choice *choice, const machine *m, double amount)
{
    bool alone = choice->alone;
    double seconds = (alone ? m->alone : m->team) * amount;
    mlpi_choice_add(choice,
                    &(mlpi_run_time){.seconds = seconds,
                                     .waited = alone ? 0.0 : m->waits * seconds,
                                     .amount = amount});
    return seconds;
}

/* Makes runs of one unit, and returns how long they took in all. */
static double run_many(mlpi_thread_choice *choice, const machine *m, int runs)
{
    double seconds = 0.0;
    for (int i = 0; i < runs; i++) {
        seconds += run(choice, m, 1.0);
    }
    return seconds;
}

static void a_quiet_team_always_works(void **state)
{
    (void)state;
    mlpi_thread_choice choice = {0};
    for (int i = 0; i < 20000; i++) {
        assert_false(choice.alone);
        (void)run(&choice, &quiet, 1.0);
    }
}

/* Alone, 10,000 runs would take 10 seconds. */
static void a_disturbed_team_costs_two_percent(void **state)
{
    (void)state;
    mlpi_thread_choice choice = {0};
    double seconds = run_many(&choice, &disturbed, 10000);
    assert_true(choice.alone);
    assert_true(seconds < 10.2);
}

/* The longest pause takes 64 windows of 20 ms, 1.28 s in all. */
static void the_team_returns_when_the_core_is_free(void **state)
{
    (void)state;
    mlpi_thread_choice choice = {0};
    for (int i = 0; i < 3; i++) {
        (void)run_many(&choice, &disturbed, 20000 + 777 * i);
        assert_true(choice.alone);
        double seconds = 0.0;
        while (choice.alone) {
            seconds += run(&choice, &quiet, 1.0);
        }
        assert_true(seconds < 1.4);
        (void)run_many(&choice, &quiet, 100);
        assert_false(choice.alone);
    }
}

/* If the parts of threads are unequal, the caller waits though the team is
 * faster. Trials without the team must cost little. */
static void waiting_alone_is_no_reason(void **state)
{
    (void)state;
    static const machine unequal = {.team = 5e-4, .alone = 9e-4, .waits = 0.3};
    mlpi_thread_choice choice = {0};
    double seconds = run_many(&choice, &unequal, 20000);
    assert_true(seconds < 1.02 * 20000 * unequal.team);
}

/* The last batch of an epoch has fewer rows. Its shorter time does not make it
 * faster. */
static void times_are_for_equal_amounts(void **state)
{
    (void)state;
    static const machine large = {.team = 0.02, .alone = 0.03, .waits = 0.2};
    mlpi_thread_choice choice = {0};
    int team_runs = 0;
    for (int i = 0; i < 3000; i++) {
        team_runs += !choice.alone;
        (void)run(&choice, &large, choice.alone ? 0.1 : 1.0);
    }
    assert_true(team_runs > 2500);
}

/* One slow run says nothing: the system may have been busy for a moment. */
static void one_run_is_no_window(void **state)
{
    (void)state;
    mlpi_thread_choice choice = {0};
    for (int i = 0; i < 3; i++) {
        (void)run(&choice, &disturbed, 1000.0);
        assert_false(choice.alone);
    }
    (void)run(&choice, &disturbed, 1000.0);
    assert_true(choice.alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_team_always_works),
        cmocka_unit_test(a_disturbed_team_costs_two_percent),
        cmocka_unit_test(the_team_returns_when_the_core_is_free),
        cmocka_unit_test(waiting_alone_is_no_reason),
        cmocka_unit_test(times_are_for_equal_amounts),
        cmocka_unit_test(one_run_is_no_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
