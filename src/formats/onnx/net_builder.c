/* SPDX-License-Identifier: MIT */
/*
 * Which map of a chain becomes what, and why.
 *
 * Scaling of inputs is (x - mean) / std, with std above 0. An input map
 * s x + t is brought to this form: mean = -t / s and std = 1 / s. If s is below
 * 0, its sign goes into the first layer. If a column has no such form, for
 * example because it is multiplied by 0, its whole map goes there. The other
 * columns keep theirs: W x + (b - W mean) has few digits where the mean is
 * large and the deviation is small.
 *
 * Scaling of targets is a std + mean, with std above 0. A map after the last
 * activation must have this form, for nothing follows that could take it. Two
 * activations can change the sign of s, since their layer can change that of
 * its z:
 *
 *     s sigmoid(z) + t = -s sigmoid(-z) + (s + t)
 *     s tanh(z) + t    = -s tanh(-z) + t
 *
 * So 1 - sigmoid(z) needs no scaling at all. After a last layer without
 * activation, a map could as well go into the layer. There a Mul followed by an
 * Add, which is what this library writes, becomes scaling of targets, so that a
 * saved network comes back as it was.
 *
 * Batch norm stays, so that training can go on. All layers of a network have
 * the same epsilon, which becomes that of the first batch norm; a batch norm
 * with another epsilon goes into its layer.
 *
 * A chain is refused if its output map is no scaling, since no part of a
 * network computes that map; if a variance is negative or not finite, since it
 * has no square root; and if a parameter overflows when maps are multiplied
 * into it.
 */
#include "formats/onnx/net_builder.h"

#include <math.h>

#include "base/error.h"

/* The most layers that may have the same tensor as weights. Each of them gets a
 * copy, and a small file must not become a network of any size. */
enum { MAX_SHARING = 8 };

/* What the functions below share while a network is built. */
typedef struct builder {
    const mlpi_graph_reader *r;
    mlpi_layer_chain *chain;
    mlp_config config;
    mlp_layer *layers; /* [L] */
    mlp_net *net;

    /* What scaling leaves of the input map: a scale and a shift, [n[0]] each */
    double *left_scale, *left_shift;

    /* The output map, [n[L]] each; NULL if it changes nothing. */
    double *target_std, *target_mean;
    bool *flips; /* [n[L]], true if z of the last layer changes its sign */
    bool any_flips;
} builder;

/* Returns layer l, 1 to L. */
static mlpi_dense *dense_of(const builder *b, size_t l)
{
    return &b->chain->dense[l - 1];
}

/* ---------------------------------------------------------------------------
 * Checks
 *
 * These checks come before the network is created, because they need no memory
 * and a refusal is cheap then.
 */

/* Checks that the variances of the batch norms of a map are 0 or more. */
static mlp_status check_variances(const builder *b, const mlpi_affine *affine)
{
    for (size_t i = 0; i < affine->count; i++) {
        const mlpi_affine_operation *o = &affine->operation[i];
        const mlpi_constant *variance = &o->c[3];
        size_t n =
            o->kind == MLPI_AFFINE_NORM ? mlpi_constant_count(variance) : 0;
        for (size_t j = 0; j < n; j++) {
            double x = mlpi_constant_broadcast(variance, j);
            if (!(x >= 0) || !isfinite(x)) {
                return mlpi_graph_unsupported(b->r, o->node,
                                              "expects variances of 0 or more");
            }
        }
    }
    return MLP_OK;
}

/* Returns the address of a real constant's numbers, which tells whether two
 * constants are the same tensor. */
static const void *numbers_of(const mlpi_constant *c)
{
    return c->raw   ? (const void *)c->raw
           : c->f32 ? (const void *)c->f32
                    : (const void *)c->f64;
}

/* Counts for each layer how many layers up to it have the same weights. With at
 * most 256 layers, the quadratic search is short. */
static mlp_status check_sharing(const builder *b)
{
    for (size_t l = 1; l <= b->chain->L; l++) {
        const mlpi_dense *d = dense_of(b, l);
        size_t sharing = 0;
        for (size_t k = 1; k <= l; k++) {
            sharing += numbers_of(&dense_of(b, k)->W) == numbers_of(&d->W);
        }
        if (sharing > MAX_SHARING) {
            return mlpi_graph_unsupported(b->r, d->node,
                                          "shares its weights with too many");
        }
    }
    return MLP_OK;
}

/* Checks all maps of the chain, wherever they will go, and the weights that
 * layers share. */
static mlp_status check_chain(const builder *b)
{
    TRY(check_sharing(b));
    TRY(check_variances(b, &b->chain->input));
    TRY(check_variances(b, &b->chain->output));
    for (size_t l = b->chain->L; l >= 1; l--) {
        TRY(check_variances(b, &dense_of(b, l)->after));
        TRY(check_variances(b, &dense_of(b, l)->before));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Configuration
 *
 * The layers of the configuration follow the chain one to one.
 */

/* Returns true if the map is one batch norm with an epsilon that a network can
 * have. */
static bool is_batch_norm(const mlpi_affine *affine)
{
    return affine->count == 1 &&
           affine->operation[0].kind == MLPI_AFFINE_NORM &&
           isfinite(affine->operation[0].number) &&
           affine->operation[0].number > 0;
}

/* Sets the epsilon to that of the first layer with batch norm. */
static void choose_epsilon(builder *b)
{
    for (size_t l = 1; l <= b->chain->L; l++) {
        const mlpi_affine *after = &dense_of(b, l)->after;
        if (is_batch_norm(after)) {
            b->config.batch_norm_epsilon = after->operation[0].number;
            return;
        }
    }
}

/* Returns float64 if a layer has weights of doubles that no Cast rounds. */
static mlp_dtype precision_of(const mlpi_layer_chain *chain)
{
    for (size_t i = 0; i < chain->L; i++) {
        const mlpi_constant *W = &chain->dense[i].W;
        bool is_double = W->type == ONNX_DOUBLE;
        for (size_t k = 0; k < W->n_casts; k++) {
            is_double = is_double && W->casts[k] == ONNX_DOUBLE;
        }
        if (is_double) {
            return MLP_F64;
        }
    }
    return MLP_F32;
}

/* A file does not tell the loss. Returns the one whose gradient is simple with
 * the last activation, and which is usual with it. */
static mlp_loss loss_of(mlp_activation output)
{
    return output == MLP_ACT_SOFTMAX   ? MLP_LOSS_CCE
           : output == MLP_ACT_SIGMOID ? MLP_LOSS_BCE
           : output == MLP_ACT_EXP     ? MLP_LOSS_POISSON
                                       : MLP_LOSS_MSE;
}

/* Fills the configuration of the network. A layer keeps its batch norm if its
 * epsilon is that of the network. */
static mlp_status configure(builder *b)
{
    const mlpi_layer_chain *chain = b->chain;
    mlp_config *config = &b->config;
    size_t L = chain->L;
    b->layers = mlpi_arena_allocate(b->r->arena, L, sizeof *b->layers);
    TRY(b->r->arena->status);
    config->inputs = dense_of(b, 1)->W.rows;
    config->layers = b->layers;
    config->n_layers = L;
    config->init = MLP_INIT_ZEROS;
    config->precision = precision_of(chain);
    config->loss =
        b->target_std ? MLP_LOSS_MSE : loss_of(dense_of(b, L)->activation);
    choose_epsilon(b);
    for (size_t l = 1; l <= L; l++) {
        const mlpi_dense *d = dense_of(b, l);
        b->layers[l - 1] = (mlp_layer){
            .width = d->W.cols,
            .activation = d->activation,
            .slope = d->slope,
            .batch_norm =
                is_batch_norm(&d->after) && !(l == L && b->any_flips) &&
                d->after.operation[0].number == config->batch_norm_epsilon};
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Scaling
 *
 * mean and std are stored in the precision of the network. So a standard
 * deviation that is positive as a double can become 0 as a float; such a map is
 * no scaling.
 */

/* Returns true if a network of this precision can have the mean and the
 * standard deviation. */
static bool is_scaling(mlp_dtype p, double mean, double std)
{
    return p == MLP_F32
               ? isfinite((float)mean) && isfinite((float)std) && (float)std > 0
               : isfinite(mean) && isfinite(std) && std > 0;
}

/* Computes mean and std of column j, so that the map is (x - mean) / std. From
 * y = s x + t follow mean = -t / s and std = 1 / s, both rounded.
 *
 * If the map begins with a Sub and all that follows only multiplies, the
 * constant of the Sub is the mean. If the rest, or the whole map, is one Div,
 * its constant is std. So scaling that this library has written comes back with
 * its bits. */
static void standard_at(const mlpi_affine *affine, size_t j, double *mean,
                        double *std)
{
    double s = 1;
    double t = 0;
    bool has_sub = affine->operation[0].kind == MLPI_AFFINE_SUB;
    mlpi_affine rest = {affine->operation + has_sub, affine->count - has_sub};
    mlpi_affine_at(&rest, j, &s, &t);
    if (!has_sub || t != 0) {
        mlpi_affine_at(affine, j, &s, &t);
        *mean = -t / s;
    } else {
        *mean = mlpi_constant_broadcast(&affine->operation[0].c[0], j);
    }
    *std = rest.count == 1 && rest.operation[0].kind == MLPI_AFFINE_DIV
               ? mlpi_constant_broadcast(&rest.operation[0].c[0], j)
               : 1 / s;
}

/* Finds the scaling of input j, and what it leaves of the input map to the
 * first layer: nothing, the sign, or all of it. */
static void split_input_map(const builder *b, size_t j, double *mean,
                            double *std)
{
    const mlpi_affine *map = &b->chain->input;
    b->left_scale[j] = 1;
    b->left_shift[j] = 0;
    standard_at(map, j, mean, std);
    if (*std < 0) {
        *std = -*std;
        b->left_scale[j] = -1;
    }
    if (!is_scaling(b->config.precision, *mean, *std)) {
        mlpi_affine_at(map, j, &b->left_scale[j], &b->left_shift[j]);
        *mean = 0;
        *std = 1;
    }
}

/* Makes the input map the scaling of the network, as far as it has that
 * form. */
static mlp_status set_scaling(builder *b)
{
    size_t n = b->config.inputs;
    mlpi_arena *arena = b->r->arena;
    double *mean = mlpi_arena_allocate(arena, n, sizeof *mean);
    double *std = mlpi_arena_allocate(arena, n, sizeof *std);
    bool scales = false;
    if (b->chain->input.count == 0) {
        return arena->status;
    }
    b->left_scale = mlpi_arena_allocate(arena, n, sizeof *b->left_scale);
    b->left_shift = mlpi_arena_allocate(arena, n, sizeof *b->left_shift);
    TRY(arena->status);
    for (size_t j = 0; j < n; j++) {
        split_input_map(b, j, &mean[j], &std[j]);
        scales = scales || mean[j] != 0 || std[j] != 1;
    }
    return scales ? mlp_net_set_scaling(b->net, mean, std) : MLP_OK;
}

/* Returns true if the map is a scaling of targets in each of n columns. */
static bool scales_targets(const mlpi_affine *affine, size_t n, mlp_dtype p)
{
    for (size_t j = 0; j < n; j++) {
        double mean = 0;
        double std = 1;
        mlpi_affine_at(affine, j, &std, &mean);
        if (!is_scaling(p, mean, std)) {
            return false;
        }
    }
    return true;
}

/* If the last layer has no activation and ends with a Mul and an Add that are a
 * scaling of targets, moves these two from the layer's map to the output map,
 * which is empty then. */
static void separate_target_scaling(mlpi_layer_chain *chain)
{
    mlpi_dense *last = &chain->dense[chain->L - 1];
    mlpi_affine *after = &last->after;
    size_t n = after->count;
    mlpi_affine scaling = {n >= 2 ? after->operation + n - 2 : NULL, 2};
    if (last->activation == MLP_ACT_IDENTITY && n >= 2 &&
        scaling.operation[0].kind == MLPI_AFFINE_MUL &&
        scaling.operation[1].kind == MLPI_AFFINE_ADD &&
        scales_targets(&scaling, last->W.cols, precision_of(chain))) {
        chain->output = scaling;
        after->count -= 2;
    }
}

/* Evaluates the output map, and changes signs where that makes it a scaling.
 * MLP_ERR_UNSUPPORTED: it is none even so. */
static mlp_status evaluate_output(builder *b)
{
    const mlpi_affine *affine = &b->chain->output;
    const mlpi_dense *last = dense_of(b, b->chain->L);
    size_t n = last->W.cols;
    mlpi_arena *arena = b->r->arena;
    double *std = mlpi_arena_allocate(arena, n, sizeof *std);
    double *mean = mlpi_arena_allocate(arena, n, sizeof *mean);
    bool changes = false;
    b->flips = mlpi_arena_allocate(arena, n, sizeof *b->flips);
    TRY(arena->status);
    for (size_t j = 0; j < n; j++) {
        mlpi_affine_at(affine, j, &std[j], &mean[j]);
        b->flips[j] = std[j] < 0 && (last->activation == MLP_ACT_SIGMOID ||
                                     last->activation == MLP_ACT_TANH);
        if (b->flips[j]) {
            mean[j] += last->activation == MLP_ACT_SIGMOID ? std[j] : 0;
            std[j] = -std[j];
            b->any_flips = true;
        }
        changes = changes || std[j] != 1 || mean[j] != 0;
        if (!is_scaling(precision_of(b->chain), mean[j], std[j])) {
            return mlpi_graph_unsupported(
                b->r, affine->operation[affine->count - 1].node,
                "is no scaling of outputs");
        }
    }
    b->target_std = changes ? std : NULL;
    b->target_mean = changes ? mean : NULL;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Parameters
 *
 * Every number passes through double. If no map changes it, the factors are
 * exactly 1 and the summands exactly 0, so that a float returns to the same
 * float. Only a bias of -0 becomes 0.
 */

/* Sets an element to x, which was computed from the number `original` of the
 * file. Returns false if the element is not finite although the original is. A
 * number that is not finite in the file is kept: the network is what the file
 * says. */
static bool set_parameter(mlp_view view, size_t i, size_t j, double x,
                          double original)
{
    (void)mlp_view_set(view, i, j, x);
    return isfinite(mlp_cview_at(mlp_view_const(view), i, j)) ||
           !isfinite(original);
}

/* Reports a parameter that overflows the precision of the network. */
static mlp_status refuse_parameter(const builder *b, size_t l)
{
    return mlpi_error(&b->config.hooks, MLP_ERR_NOT_FINITE,
                      "layer %zu: expects weights that stay finite when the "
                      "scalings beside the layer are multiplied into them, got "
                      "one that does not",
                      l);
}

/* Sets the batch norm of layer l. A layer with batch norm has no bias before
 * the norm, so a bias of the file is subtracted from the mean; after that, b is
 * the shift of the norm. `bias` is b [1][n[l]] with the bias of the file in
 * it. */
static mlp_status set_batch_norm(const builder *b, size_t l,
                                 const mlp_view *bias)
{
    static const mlp_tensor tensors[] = {MLP_SCALE, MLP_B, MLP_MEAN,
                                         MLP_VARIANCE};
    const mlpi_affine_operation *norm = &dense_of(b, l)->after.operation[0];
    mlp_view mean;
    bool good = true;
    TRY(mlp_net_tensor(b->net, MLP_MEAN, l, &mean));
    for (size_t j = 0; j < bias->cols; j++) {
        double x = mlpi_constant_broadcast(&norm->c[2], j);
        double shifted = x - mlp_cview_at(mlp_view_const(*bias), 0, j);
        good = set_parameter(mean, 0, j, shifted, x) && good;
    }
    for (size_t i = 0; i < 4; i++) {
        mlp_view view;
        TRY(mlp_net_tensor(b->net, tensors[i], l, &view));
        for (size_t j = 0; tensors[i] != MLP_MEAN && j < view.cols; j++) {
            double x = mlpi_constant_broadcast(&norm->c[i], j);
            good = set_parameter(view, 0, j, x, x) && good;
        }
    }
    return good ? MLP_OK : refuse_parameter(b, l);
}

/* Computes S and T of the map before layer l, for each of its inputs. */
static mlp_status evaluate_before(const builder *b, size_t l, double **S,
                                  double **T)
{
    const mlpi_dense *d = dense_of(b, l);
    mlpi_arena *arena = b->r->arena;
    if (l == 1 && b->left_scale) {
        *S = b->left_scale;
        *T = b->left_shift;
        return MLP_OK;
    }
    *S = mlpi_arena_allocate(arena, d->W.rows, sizeof **S);
    *T = mlpi_arena_allocate(arena, d->W.rows, sizeof **T);
    TRY(arena->status);
    for (size_t i = 0; i < d->W.rows; i++) {
        mlpi_affine_at(&d->before, i, &(*S)[i], &(*T)[i]);
    }
    return MLP_OK;
}

/* Sets W and b of layer l by the formula of the head of net_builder.h, with
 * alpha and beta of a Gemm. If batch norm stays, the map after the layer does
 * not go into W and b. */
static mlp_status set_layer(const builder *b, size_t l)
{
    const mlpi_dense *d = dense_of(b, l);
    const mlpi_affine none = {NULL, 0};
    bool good = true;
    bool has_batch_norm = b->layers[l - 1].batch_norm;
    double *S = NULL;
    double *T = NULL;
    mlp_view W;
    mlp_view bias;
    TRY(evaluate_before(b, l, &S, &T));
    TRY(mlp_net_tensor(b->net, MLP_W, l, &W));
    TRY(mlp_net_tensor(b->net, MLP_B, l, &bias));
    for (size_t j = 0; j < d->W.cols; j++) {
        double s = 1;
        double t = 0;
        double C = d->has_C ? mlpi_constant_broadcast(&d->C, j) : 0;
        double sum = d->has_C ? d->beta * C : 0; /* b + W T of output j */
        mlpi_affine_at(has_batch_norm ? &none : &d->after, j, &s, &t);
        if (l == b->chain->L && b->flips[j]) {
            s = -s;
            t = -t;
        }
        for (size_t i = 0; i < d->W.rows; i++) {
            double original = mlpi_constant_at(&d->W, i, j);
            double w = d->alpha * original;
            if (T[i] != 0) { /* 0 must not make a NaN of an infinite w */
                sum += w * T[i];
            }
            good = set_parameter(W, j, i, s * (w * S[i]), original) && good;
        }
        good = set_parameter(bias, 0, j, s * sum + t, C) && good;
    }
    if (!good) {
        return refuse_parameter(b, l);
    }
    return has_batch_norm ? set_batch_norm(b, l, &bias) : MLP_OK;
}

/* Sets all that a new network, whose parameters are 0, needs. Scaling comes
 * first: it tells what layer 1 takes of the input map. */
static mlp_status fill_net(builder *b)
{
    TRY(set_scaling(b));
    if (b->target_std) {
        TRY(mlp_net_set_target_scaling(b->net, b->target_mean, b->target_std));
    }
    for (size_t l = 1; l <= b->chain->L; l++) {
        TRY(set_layer(b, l));
    }
    return MLP_OK;
}

/* Target scaling is separated first, because it decides the loss. */
mlp_status mlpi_build_net(const mlpi_graph_reader *r, mlpi_layer_chain *chain,
                          mlp_net **net)
{
    builder b = {.r = r, .chain = chain, .config = mlp_config_defaults()};
    b.config.hooks = r->arena->hooks;
    separate_target_scaling(chain);
    TRY(check_chain(&b));
    TRY(evaluate_output(&b));
    TRY(configure(&b));
    TRY(mlp_net_create(&b.config, &b.net));
    mlp_status status = fill_net(&b);
    if (status == MLP_OK) {
        *net = b.net;
    } else {
        mlp_net_free(b.net);
    }
    return status;
}
