/* SPDX-License-Identifier: MIT */
#include "train/epoch_state.h"

#include <math.h>

static void forget(mlpi_course *course)
{
    course->best_epoch = course->epochs;
    course->best_loss = course->mark = (double)INFINITY;
    course->waited = 0;
    mlpi_plateau_forget(&course->plateau);
}

mlpi_course mlpi_course_begin(uint32_t seed)
{
    mlpi_course course = {.begun = true,
                          .rng = mlp_rng_seeded(seed),
                          .plateau = mlpi_plateau_begin()};
    forget(&course);
    return course;
}

void mlpi_course_watch(mlpi_course *course, bool validates)
{
    if (course->validates != validates) {
        course->validates = validates;
        forget(course);
    }
}

bool mlpi_course_note(mlpi_course *course, double loss, double min_change)
{
    bool is_best = loss < course->best_loss;
    if (is_best) {
        course->best_loss = loss;
        course->best_epoch = course->epochs;
    }
    if (loss < course->mark - min_change) {
        course->mark = loss;
        course->waited = 0;
    } else {
        course->waited++;
    }
    course->epochs++;
    return is_best;
}

bool mlpi_course_has_best(const mlpi_course *course)
{
    return course->best_loss < (double)INFINITY;
}
