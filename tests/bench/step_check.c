/* SPDX-License-Identifier: MIT */
/*
 * Compares a training step in float32 with plain loops in double. For each
 * tensor, some elements drawn at random are computed from the tensors before
 * it. Only dZ is computed as a whole, from A[L] and Y backwards, because the
 * library does not show it.
 *
 * The error of a sum of terms t may be 1e-4 of the sum of |t|. That is far more
 * than rounding causes, and far less than a missing or misplaced term. If t is
 * such a sum itself, its own sum of |t| takes the place of |t|, because the
 * error of t does not become smaller where terms cancel.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 24 };

typedef struct sum {
    double value, size;
} sum;

static void add_times(sum *s, sum term, double factor)
{
    s->value += term.value * factor;
    s->size += term.size * fabs(factor);
}

static void add(sum *s, double term)
{
    add_times(s, (sum){term, fabs(term)}, 1.0);
}

static void expect(const char *result, double got, sum expected)
{
    if (!(fabs(got - expected.value) <= 1e-4 * expected.size)) {
        mlp_bench_fail(result, "a tensor is not what plain loops give");
    }
}

static double at(mlp_view v, size_t row, size_t col)
{
    return mlp_cview_at(mlp_view_const(v), row, col);
}

static size_t draw(mlp_rng *rng, size_t n)
{
    return (size_t)(mlp_rng_random_sample(rng) * (double)n);
}

/* A check needs these tensors of layer l and of the layer before. */
typedef struct around {
    const char *result;
    mlp_layer layer;
    mlp_view A_prev, W, b, Z, A, dW, db;
} around;

static mlp_view tensor(const step *s, mlp_trainer *trainer, mlp_tensor which,
                       size_t l)
{
    mlp_view view = {MLP_F32, 0, 0, 0, 0, NULL};
    mlp_bench_expect(s->result, mlp_trainer_tensor(trainer, which, l, &view));
    return view;
}

static around around_of(const step *s, mlp_trainer *trainer, size_t l)
{
    around a = {.result = s->result,
                .A_prev = tensor(s, trainer, MLP_A, l - 1),
                .W = tensor(s, trainer, MLP_W, l),
                .b = tensor(s, trainer, MLP_B, l),
                .Z = tensor(s, trainer, MLP_Z, l),
                .A = tensor(s, trainer, MLP_A, l),
                .dW = tensor(s, trainer, MLP_DW, l),
                .db = tensor(s, trainer, MLP_DB, l)};
    mlp_bench_expect(s->result, mlp_net_layer(s->net, l, &a.layer));
    return a;
}

static double softmax(mlp_view Z, size_t i, size_t j)
{
    double powers = 0.0;
    for (size_t k = 0; k < Z.cols; k++) {
        powers += exp(at(Z, i, k) - at(Z, i, j));
    }
    return 1.0 / powers;
}

static double activation(mlp_activation f, mlp_view Z, size_t i, size_t j)
{
    double z = at(Z, i, j);
    switch (f) {
    case MLP_ACT_SIGMOID:
        return 1.0 / (1.0 + exp(-z));
    case MLP_ACT_RELU:
        return z > 0.0 ? z : 0.0;
    case MLP_ACT_SOFTMAX:
        return softmax(Z, i, j);
    default:
        return z;
    }
}

static void check_forward(const around *a, mlp_rng *rng)
{
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        size_t i = draw(rng, a->A.rows);
        size_t j = draw(rng, a->A.cols);
        sum z = {0.0, 0.0};
        for (size_t p = 0; p < a->A_prev.cols; p++) {
            add(&z, at(a->A_prev, i, p) * at(a->W, j, p));
        }
        add(&z, at(a->b, 0, j));
        expect(a->result, at(a->Z, i, j), z);
        double active = activation(a->layer.activation, a->Z, i, j);
        expect(a->result, at(a->A, i, j), (sum){active, fabs(active)});
    }
}

static void check_gradients(const around *a, const sum *dZ, mlp_rng *rng)
{
    size_t n = a->A.cols;
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        size_t j = draw(rng, n);
        size_t p = draw(rng, a->A_prev.cols);
        sum dw = {0.0, 0.0};
        sum db = {0.0, 0.0};
        for (size_t i = 0; i < a->A.rows; i++) {
            add_times(&dw, dZ[i * n + j], at(a->A_prev, i, p));
            add_times(&db, dZ[i * n + j], 1.0);
        }
        expect(a->result, at(a->dW, j, p), dw);
        expect(a->result, at(a->db, 0, j), db);
    }
}

/* Returns dZ of the last layer: (A - Y) / m for softmax with cce. The other
 * losses are means over the outputs as well, so sigmoid with bce gives
 * (A - Y) / (m n), and identity with mse 2 (A - Y) / (m n). */
static sum *output_gradient(const step *s, mlp_view A)
{
    mlp_loss loss = mlp_net_loss(s->net);
    double scale = 1.0 / (double)A.rows;
    if (loss != MLP_LOSS_CCE) {
        scale *= (loss == MLP_LOSS_BCE ? 1.0 : 2.0) / (double)A.cols;
    }
    size_t n = A.rows * A.cols;
    sum *dZ = mlp_bench_allocate(n, sizeof *dZ);
    for (size_t i = 0; i < n; i++) {
        size_t row = i / A.cols;
        size_t col = i % A.cols;
        double d = at(A, row, col) - mlp_cview_at(s->Y, row, col);
        dZ[i] = (sum){0.0, 0.0};
        add(&dZ[i], d * scale);
    }
    return dZ;
}

/* Returns dZ of the layer before, which has ReLU: dZ W where Z, and therefore
 * A, of that layer is above 0; else 0. */
static sum *hidden_gradient(const around *a, const sum *dZ)
{
    size_t m = a->A.rows;
    size_t n = a->A.cols;
    size_t n_prev = a->A_prev.cols;
    sum *previous = mlp_bench_allocate(m * n_prev, sizeof *previous);
    for (size_t p = 0; p < n_prev; p++) {
        const float *w = (const float *)a->W.data + p * a->W.col_stride;
        for (size_t i = 0; i < m; i++) {
            sum d = {0.0, 0.0};
            size_t terms = at(a->A_prev, i, p) > 0.0 ? n : 0;
            for (size_t j = 0; j < terms; j++) {
                add_times(&d, dZ[i * n + j], (double)w[j * a->W.row_stride]);
            }
            previous[i * n_prev + p] = d;
        }
    }
    return previous;
}

static double term_of(mlp_loss loss, double a, double y)
{
    switch (loss) {
    case MLP_LOSS_BCE:
        return -(y * log(a) + (1.0 - y) * log(1.0 - a));
    case MLP_LOSS_CCE:
        return y > 0.0 ? -y * log(a) : 0.0;
    default:
        return (a - y) * (a - y);
    }
}

static void check_loss(const step *s, mlp_view A, double loss)
{
    mlp_loss is = mlp_net_loss(s->net);
    sum J = {0.0, 0.0};
    double n = (double)A.rows;
    n *= is == MLP_LOSS_CCE ? 1.0 : (double)A.cols;
    for (size_t i = 0; i < A.rows; i++) {
        for (size_t j = 0; j < A.cols; j++) {
            double y = mlp_cview_at(s->Y, i, j);
            add(&J, term_of(is, at(A, i, j), y) / n);
        }
    }
    expect(s->result, loss, J);
}

typedef struct update {
    size_t j, p;
    double w, dw;
} update;

/* Records some weights of the layer and their gradients before the update. */
static void note_weights(const around *a, mlp_rng *rng, update *updates)
{
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        size_t j = draw(rng, a->W.rows);
        size_t p = draw(rng, a->W.cols);
        updates[sample] = (update){j, p, at(a->W, j, p), at(a->dW, j, p)};
    }
}

/* Checks the recorded weights after the update. SGD computes W - alpha dW in
 * float and rounds each operation, so the bits must be equal. The first step of
 * Adam is alpha dW / (|dW| + epsilon). */
static void check_weights(const around *a, const update *updates, const step *s)
{
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        const update *u = &updates[sample];
        float change = (float)s->alpha * (float)u->dw;
        sum expected = {(double)((float)u->w - change), 0.0};
        if (s->kind == MLP_OPTIMIZER_ADAM) {
            double adam = s->alpha * u->dw / (fabs(u->dw) + 1e-8);
            expected = (sum){u->w - adam, fabs(adam) + 0.01 * fabs(u->w)};
        }
        expect(a->result, at(a->W, u->j, u->p), expected);
    }
}

void mlp_bench_check_step(const step *s, mlp_trainer *trainer)
{
    enum { MOST_LAYERS = 8 };
    update updates[MOST_LAYERS][SAMPLES];
    size_t L = mlp_net_layer_count(s->net);
    if (L > MOST_LAYERS) {
        mlp_bench_fail(s->result, "too many layers for the check");
    }
    double loss = 0.0;
    mlp_bench_expect(s->result, mlp_trainer_forward(trainer, s->X));
    mlp_bench_expect(s->result, mlp_trainer_loss(trainer, s->Y, &loss));
    mlp_bench_expect(s->result, mlp_trainer_backward(trainer, s->Y));
    mlp_rng rng = mlp_rng_seeded(3);
    mlp_view A = tensor(s, trainer, MLP_A, L);
    check_loss(s, A, loss);
    sum *dZ = output_gradient(s, A);
    for (size_t l = L; l >= 1; l--) {
        around a = around_of(s, trainer, l);
        check_forward(&a, &rng);
        check_gradients(&a, dZ, &rng);
        note_weights(&a, &rng, updates[l - 1]);
        sum *previous = l > 1 ? hidden_gradient(&a, dZ) : NULL;
        free(dZ);
        dZ = previous;
    }
    mlp_bench_expect(s->result, mlp_trainer_update(trainer, s->alpha));
    for (size_t l = 1; l <= L; l++) {
        around a = around_of(s, trainer, l);
        check_weights(&a, updates[l - 1], s);
    }
}
