/* SPDX-License-Identifier: MIT */
#include "trust/misuse_state.h"

#ifdef MISUSE_SHOW
#include "show/picture.h"
#endif

/* ---------------------------------------------------------------------------
 * Objects as bytes
 */

const change may_change[N_ACCOUNTS] = {
    [NETS] = {"a network is changed", CHANGES},
    [TRAINER] = {"the trainer is changed", CHANGES},
    [WORKSPACE] = {"the workspace predicts other numbers", CHANGES},
    [RNG] = {"the generator is changed", DRAWS},
    [ORDER] = {"the array of numbers is changed", SHUFFLES},
    [HISTORY] = {"the history is changed", 0},
    [TABLE] = {"the table is changed", 0},
    [RECIPE] = {"the recipe is changed", 0},
    [PICTURE] = {"the picture is changed", DRAWS_PANELS},
};

/* Fills the room, because the state is too long for it. */
static void note_too_much(account *a)
{
    memset(a->bytes, PATTERN, sizeof a->bytes);
    a->used = sizeof a->bytes;
}

static void note(account *a, const void *bytes, size_t size)
{
    if (size > sizeof a->bytes - a->used) {
        note_too_much(a);
    } else if (size > 0) {
        memcpy(a->bytes + a->used, bytes, size);
        a->used += size;
    }
}

static void note_number(account *a, size_t number)
{
    note(a, &number, sizeof number);
}

static void note_net(account *a, const mlp_net *net)
{
    size_t size = mlp_net_save_size(net);
    if (size > sizeof a->bytes - a->used) {
        note_too_much(a);
        return;
    }
    need_ok(mlp_net_save_memory(net, a->bytes + a->used, size),
            "a network's bytes");
    a->used += size;
}

static void note_trainer(account *a, const mlp_trainer *trainer)
{
    size_t size = mlp_trainer_save_size(trainer);
    need(size <= sizeof a->bytes, "room for the trainer");
    need_ok(mlp_trainer_save_memory(trainer, a->bytes, size),
            "a trainer's bytes");
    a->used = size;
}

/* Nothing of a workspace can be seen but what it predicts. */
static void note_workspace(account *a, const world *w)
{
    double A[ROWS * 2] = {0};
    mlp_view to = {w->precision, ROWS, 2, 2, 1, A};
    mlp_cview X = in(w, &w->X, ROWS, 2);
    note_number(a, (size_t)mlp_predict_with(w->net, w->workspace, X, to));
    note(a, A, sizeof A);
}

static void note_history(account *a, const mlp_history *history)
{
    const double *series[] = {
        mlp_history_losses(history), mlp_history_validation_losses(history),
        mlp_history_validation_accuracies(history), mlp_history_rates(history),
        mlp_history_seconds(history)};
    size_t epochs = mlp_history_epochs(history);
    note_number(a, epochs);
    note_number(a, mlp_history_best_epoch(history));
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        if (series[i]) {
            note(a, series[i], epochs * sizeof(double));
        }
    }
}

#ifdef MISUSE_DATA
/* The 0 at the end parts a text from the next one. */
static void note_text(account *a, const char *text)
{
    text = text ? text : "(none)";
    note(a, text, strlen(text) + 1);
}

static void note_table(account *a, const mlp_data *data)
{
    mlp_cview cells = mlp_data_values(data);
    note_number(a, mlp_data_rows(data));
    note_number(a, mlp_data_cols(data));
    note_number(a, (size_t)mlp_data_separator(data));
    for (size_t j = 0; j < mlp_data_cols(data); j++) {
        note_text(a, mlp_data_name(data, j));
        note_number(a, (size_t)mlp_data_kind_of(data, j));
        note_number(a, mlp_data_empty_cells(data, j));
        for (size_t k = 0; k < mlp_data_n_categories(data, j); k++) {
            note_text(a, mlp_data_category(data, j, k));
        }
        for (size_t i = 0; i < mlp_data_rows(data); i++) {
            double cell = mlp_cview_at(cells, i, j);
            note(a, &cell, sizeof cell);
        }
    }
    for (size_t i = 0; i < mlp_data_rows(data); i++) {
        note_number(a, mlp_data_line(data, i));
    }
}

static void note_recipe(account *a, const mlp_data_recipe *recipe)
{
    need_ok(mlp_data_recipe_save(recipe, paper), "a recipe's text");
    note_text(a, mlp_net_metadata(paper, "data.recipe"));
}
#endif

#ifdef MISUSE_SHOW
/* No public function tells what a picture holds without writing a file. */
static void note_picture(account *a, const mlp_picture *picture)
{
    const int facts[] = {picture->width, picture->height, picture->columns,
                         (int)picture->status};
    note(a, facts, sizeof facts);
    note_number(a, picture->panels);
    note_number(a, picture->title);
    note_number(a, picture->used);
    note(a, picture->script, picture->used);
}
#endif

void take_snapshot(const world *w, snapshot s)
{
    for (size_t i = 0; i < N_ACCOUNTS; i++) {
        memset(&s[i], 0, sizeof s[i]);
    }
    note_net(&s[NETS], w->net);
    note_net(&s[NETS], w->line);
    note_trainer(&s[TRAINER], w->trainer);
    note_workspace(&s[WORKSPACE], w);
    note(&s[RNG], &w->rng, sizeof w->rng);
    note(&s[ORDER], w->order, sizeof w->order);
    note_history(&s[HISTORY], w->history);
#ifdef MISUSE_DATA
    note_table(&s[TABLE], w->data);
    note_recipe(&s[RECIPE], w->recipe);
#endif
#ifdef MISUSE_SHOW
    note_picture(&s[PICTURE], w->picture);
#endif
}

void take_first_snapshot(const world *w, snapshot s)
{
    take_snapshot(w, s);
    for (size_t i = 0; i < N_ACCOUNTS; i++) {
        need(s[i].used < sizeof s[i].bytes, "room for an object");
    }
}

/* ---------------------------------------------------------------------------
 * What calls only read
 */

static struct {
    struct {
        const void *input;
        size_t size;
    } list[32];
    size_t n, used;
    unsigned char copies[1 << 19];
} loans;

void lend(const void *input, size_t size)
{
    need(loans.n < sizeof loans.list / sizeof *loans.list &&
             size <= sizeof loans.copies - loans.used,
         "room for what is lent");
    loans.list[loans.n].input = input;
    loans.list[loans.n++].size = size;
    memcpy(loans.copies + loans.used, input, size);
    loans.used += size;
}

/* Other texts are literals, where nobody can write. */
void lend_inputs(const world *w)
{
    enum { N_FILES = 7 };
    const saved *files[N_FILES] = {&model,  &checkpoint, &tensors, &fann,
                                   &genann, &onnx,       &csv};
    loans.n = loans.used = 0;
    lend(&w->X, sizeof w->X);
    lend(&w->Y, sizeof w->Y);
    lend(&w->weights, sizeof w->weights);
    lend(w->bad, sizeof w->bad);
    lend(w->means, sizeof w->means);
    lend(w->stds, sizeof w->stds);
    lend(w->labels, sizeof w->labels);
    lend(w->names, sizeof w->names);
    lend(w->modules, sizeof w->modules);
    lend(w->layers, sizeof w->layers);
    lend(long_text, sizeof long_text);
    for (size_t i = 0; i < N_FILES; i++) {
        lend(files[i], sizeof *files[i]);
    }
}

bool loans_are_same(void)
{
    const unsigned char *copy = loans.copies;
    bool same = loans.n > 0;
    for (size_t i = 0; i < loans.n; i++) {
        same =
            same && memcmp(copy, loans.list[i].input, loans.list[i].size) == 0;
        copy += loans.list[i].size;
    }
    return same;
}
