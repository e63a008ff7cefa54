/* SPDX-License-Identifier: MIT */
/*
 * The memory that training takes, counted by the hooks. For 784-512-512-10 in
 * batches of 128 it stays below twice of what is needed in any case: the
 * parameters, the gradients, the optimizer's state and the activations of one
 * batch.
 */
#include "support/support.h"

#include "mlp.h"

enum {
    BATCH = 128,
    ROWS = 3 * BATCH,
    INPUTS = 784,
    HIDDEN = 512,
    OUTPUTS = 10
};

typedef struct footprint {
    size_t now, peak;
} footprint;

/* Each block begins with its size, in a header that keeps the alignment of
 * malloc. */
enum { HEADER_BYTES = 64 };

static void *counted_allocate(size_t bytes, void *user)
{
    footprint *f = user;
    unsigned char *block = malloc(bytes + HEADER_BYTES);
    if (!block) {
        return NULL;
    }
    memcpy(block, &bytes, sizeof bytes);
    f->now += bytes;
    f->peak = f->now > f->peak ? f->now : f->peak;
    return block + HEADER_BYTES;
}

static void counted_release(void *block, void *user)
{
    footprint *f = user;
    unsigned char *whole = (unsigned char *)block - HEADER_BYTES;
    size_t bytes = 0;
    memcpy(&bytes, whole, sizeof bytes);
    f->now -= bytes;
    free(whole);
}

static mlp_net *counted_net(footprint *f)
{
    static const mlp_layer layers[] = {
        {.width = HIDDEN, .activation = MLP_ACT_RELU},
        {.width = HIDDEN, .activation = MLP_ACT_RELU},
        {.width = OUTPUTS, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = tutorial_config();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 3;
    config.precision = MLP_F32;
    config.hooks.allocate = counted_allocate;
    config.hooks.release = counted_release;
    config.hooks.user = f;
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

/* Returns the bytes that a network, its gradients, `states` arrays of the
 * optimizer and the activations of a batch need. */
static size_t needed(const mlp_net *net, size_t states)
{
    size_t parameters = mlp_net_parameter_count(net);
    size_t activations = BATCH * (INPUTS + HIDDEN + HIDDEN + OUTPUTS);
    return sizeof(float) * ((2 + states) * parameters + activations);
}

static void check_peak(const footprint *f, const mlp_net *net, size_t states)
{
    size_t least = needed(net, states);
    print_message("# %zu bytes at most, %.2f times what is needed\n", f->peak,
                  (double)f->peak / (double)least);
    assert_true(f->peak >=
                least - sizeof(float) * mlp_net_parameter_count(net));
    assert_true(f->peak <= 2 * least);
}

static void training_in_one_call_stays_small(void **state)
{
    (void)state;
    footprint f = {0, 0};
    mlp_net *net = counted_net(&f);
    float *X = calloc((size_t)ROWS * INPUTS, sizeof *X);
    float *Y = calloc((size_t)ROWS * OUTPUTS, sizeof *Y);
    assert_non_null(X);
    assert_non_null(Y);
    mlp_train_options options = tutorial_options();
    options.epochs = 2;
    options.batch_size = BATCH;
    options.threads = 1;
    assert_int_equal(mlp_fit(net, mlp_cview_f32(X, ROWS, INPUTS),
                             mlp_cview_f32(Y, ROWS, OUTPUTS), &options, NULL),
                     MLP_OK);
    check_peak(&f, net, 0);
    mlp_net_free(net);
    assert_int_equal(f.now, 0);
    free(X);
    free(Y);
}

static void a_trainer_stays_small(void **state)
{
    (void)state;
    footprint f = {0, 0};
    mlp_net *net = counted_net(&f);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, BATCH, &trainer), MLP_OK);
    check_peak(&f, net, 0);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    assert_int_equal(f.now, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_in_one_call_stays_small),
        cmocka_unit_test(a_trainer_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
