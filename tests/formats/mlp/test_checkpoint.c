/* SPDX-License-Identifier: MIT */
/*
 * Tests that training which is saved and resumed in another trainer gives the
 * same bits as training that never stopped, and that bytes which are no state
 * are refused and change nothing.
 */
#include "support/training.h"

enum { ROWS = 30 };

/* A model with all layers whose training has a state: dropout counts its masks,
 * and batch norm has running moments. */
static const model state_model = {
    5,
    3,
    {{.width = 9,
      .activation = MLP_ACT_TANH,
      .dropout = 0.25,
      .batch_norm = true},
     {.width = 6, .activation = MLP_ACT_RELU, .dropout = 0.5},
     {.width = 5}},
    MLP_LOSS_MSE};

static data some_data(mlp_dtype p)
{
    return (data){random_matrix(p, ROWS, 5, -1, 1),
                  random_matrix(p, ROWS, 5, 0, 1)};
}

/* Scales inputs and targets. Targets change little, so that losses keep their
 * order of magnitude and min_delta its effect. */
static void scale(mlp_net *net, data d)
{
    static const double mean[] = {0.01, 0, -0.01, 0.02, 0.03};
    static const double std[] = {0.96, 0.97, 1, 1.01, 1.02};
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_net_set_target_scaling(net, mean, std), MLP_OK);
}

static mlp_train_options options_of(size_t epochs)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = 0.01;
    options.batch_size = 7;
    options.validation_fraction = 0.2;
    return options;
}

static mlp_trainer *trainer_with(mlp_net *net, mlp_optimizer_kind kind)
{
    mlp_trainer *trainer = NULL;
    mlp_optimizer optimizer = mlp_optimizer_defaults(kind);
    optimizer.momentum = 0.75;
    optimizer.l2 = 1e-3;
    optimizer.l1 = 1e-4;
    optimizer.lbfgs_history = 4;
    if (kind != MLP_OPTIMIZER_LBFGS) {
        optimizer.weight_decay = 0.02;
        optimizer.clip_norm = 2;
    }
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &optimizer), MLP_OK);
    return trainer;
}

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static bytes saved(const mlp_trainer *trainer)
{
    bytes b = {.size = mlp_trainer_save_size(trainer)};
    b.data = guarded_alloc(b.size);
    assert_int_equal(mlp_trainer_save_memory(trainer, b.data, b.size), MLP_OK);
    return b;
}

static void assert_same_bytes(bytes a, bytes b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
}

static void train(mlp_trainer *trainer, data d,
                  const mlp_train_options *options)
{
    assert_int_equal(mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), options, NULL),
                     MLP_OK);
}

/* Makes a network with other weights and without scaling, into which a state is
 * loaded. */
static mlp_net *another(const model *m, mlp_dtype p, hook_record *record)
{
    mlp_config config = config_of(m, p, record);
    config.seed = 99;
    config.kernels = "portable";
    return net_of(&config);
}

/* ---------------------------------------------------------------------------
 * Resuming
 */

static void assert_resumes(mlp_dtype p, mlp_optimizer_kind kind,
                           bool normalises)
{
    data d = some_data(p);
    model m = state_model;
    m.layers[0].batch_norm = normalises;
    mlp_train_options options = options_of(20);
    if (kind == MLP_OPTIMIZER_LBFGS) {
        m.layers[0].dropout = m.layers[1].dropout = 0;
        options.batch_size = 0;
    }
    options.min_delta = kind == MLP_OPTIMIZER_SGD ? 3e-3 : 0.02;
    options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    options.schedule.patience = 3;
    options.schedule.factor = 0.5;
    options.schedule.min_delta = 0.05;
    mlp_net *expected = new_net(&m, p, NULL);
    scale(expected, d);
    mlp_net *first = clone_of(expected);
    mlp_net *second = another(&m, p, NULL);
    mlp_trainer *whole = trainer_with(expected, kind);
    train(whole, d, &options);

    mlp_trainer *begun = trainer_with(first, kind);
    options.epochs = 10;
    options.restore_best = false;
    train(begun, d, &options);
    bytes middle = saved(begun);
    /* This trainer has plain gradient descent until it loads the state. */
    mlp_trainer *resumed = NULL;
    assert_int_equal(mlp_trainer_create(second, ROWS + 1, &resumed), MLP_OK);
    assert_int_equal(mlp_trainer_load_memory(resumed, middle.data, middle.size),
                     MLP_OK);
    assert_same_net(second, first);
    bytes again = saved(resumed);
    assert_same_bytes(again, middle);
    options.restore_best = true;
    train(resumed, d, &options);
    assert_same_net(second, expected);
    bytes end[2] = {saved(whole), saved(resumed)};
    assert_same_bytes(end[1], end[0]);

    guarded_free(end[0].data);
    guarded_free(end[1].data);
    guarded_free(again.data);
    guarded_free(middle.data);
    mlp_trainer_free(resumed);
    mlp_trainer_free(begun);
    mlp_trainer_free(whole);
    mlp_net_free(second);
    mlp_net_free(first);
    mlp_net_free(expected);
    free_data(d);
}

static void ten_epochs_and_ten_are_twenty(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (mlp_optimizer_kind kind = 0; mlp_optimizer_name(kind); kind++) {
            assert_resumes(p, kind, true);
        }
        assert_resumes(p, MLP_OPTIMIZER_LBFGS, false);
    }
}

/* What the callback keeps: the state after the fourth epoch. */
typedef struct checkpoint {
    bytes state;
} checkpoint;

static bool save_fourth(const mlp_epoch_progress *progress, void *user)
{
    checkpoint *c = user;
    if (progress->epoch == 3) {
        c->state = saved(progress->trainer);
    }
    return true;
}

static void callback_can_save(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    checkpoint c = {.state = {NULL, 0}};
    mlp_train_options options = options_of(9);
    options.on_epoch = save_fourth;
    options.user = &c;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    mlp_net *expected = new_net(&state_model, MLP_F64, NULL);
    assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    mlp_net *net = another(&state_model, MLP_F64, NULL);
    mlp_trainer *trainer = trainer_with(net, MLP_OPTIMIZER_SGD);
    assert_int_equal(
        mlp_trainer_load_memory(trainer, c.state.data, c.state.size), MLP_OK);
    options.on_epoch = NULL;
    options.epochs = 5;
    train(trainer, d, &options);
    assert_same_net(net, expected);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    mlp_net_free(expected);
    guarded_free(c.state.data);
    free_data(d);
}

/* Whether the network is new is part of the state: the first fit after a load
 * standardises if the first fit without it would. */
static void a_new_network_is_resumed_as_new(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    for (size_t fits = 0; fits < 2; fits++) {
        mlp_train_options options = options_of(3);
        mlp_net *net = new_net(&state_model, MLP_F64, NULL);
        mlp_trainer *trainer = trainer_with(net, MLP_OPTIMIZER_ADAM);
        if (fits > 0) { /* this fit does not scale, and no later one may */
            train(trainer, d, &options);
        }
        bytes b = saved(trainer);
        mlp_net *other = another(&state_model, MLP_F64, NULL);
        mlp_trainer *resumed = trainer_with(other, MLP_OPTIMIZER_SGD);
        assert_int_equal(mlp_trainer_load_memory(resumed, b.data, b.size),
                         MLP_OK);
        guarded_free(b.data);
        options.standardise = true;
        train(trainer, d, &options);
        train(resumed, d, &options);
        assert_same_net(other, net);
        double mean[5];
        double std[5];
        assert_int_equal(mlp_net_scaling(other, mean, std), MLP_OK);
        assert_true((std[0] == 1.0) == (fits > 0));
        mlp_trainer_free(resumed);
        mlp_trainer_free(trainer);
        mlp_net_free(other);
        mlp_net_free(net);
    }
    free_data(d);
}

/* The count of epochs without improvement is part of the state: the resumed fit
 * stops in the same epoch. */
static void patience_is_resumed(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    mlp_train_options options = options_of(200);
    options.patience = 4;
    options.min_delta = 0.01;
    mlp_net *nets[2];
    mlp_trainer *trainers[2];
    for (size_t i = 0; i < 2; i++) {
        nets[i] = new_net(&state_model, MLP_F64, NULL);
        trainers[i] = trainer_with(nets[i], MLP_OPTIMIZER_ADAM);
    }
    mlp_history *history = NULL;
    assert_int_equal(
        mlp_trainer_fit(trainers[0], ro(d.X), ro(d.Y), &options, &history),
        MLP_OK);
    size_t epochs = mlp_history_epochs(history);
    assert_true(epochs > 5 && epochs < 200);
    mlp_history_free(history);
    options.restore_best = false;
    options.epochs = epochs - 2;
    train(trainers[1], d, &options);
    bytes b = saved(trainers[1]);
    mlp_trainer_free(trainers[1]);
    trainers[1] = trainer_with(nets[1], MLP_OPTIMIZER_SGD);
    assert_int_equal(mlp_trainer_load_memory(trainers[1], b.data, b.size),
                     MLP_OK);
    options.restore_best = true;
    options.epochs = 200;
    assert_int_equal(
        mlp_trainer_fit(trainers[1], ro(d.X), ro(d.Y), &options, &history),
        MLP_OK);
    assert_int_equal(mlp_history_epochs(history), 2);
    assert_same_net(nets[1], nets[0]);
    bytes end[2] = {saved(trainers[0]), saved(trainers[1])};
    assert_same_bytes(end[1], end[0]);
    guarded_free(end[0].data);
    guarded_free(end[1].data);
    mlp_history_free(history);
    guarded_free(b.data);
    for (size_t i = 0; i < 2; i++) {
        mlp_trainer_free(trainers[i]);
        mlp_net_free(nets[i]);
    }
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * What is refused
 */

/* A trainer that has trained with Adam, its state in `good`, and a second
 * trainer, `target`, which has to refuse what is made of it. */
typedef struct refusal {
    hook_record record;
    mlp_net *net, *other;
    mlp_trainer *trainer, *target;
    bytes good, before;
    data d;
} refusal;

static void prepare(refusal *r, mlp_dtype p)
{
    *r = (refusal){.d = some_data(p)};
    r->net = new_net(&state_model, p, NULL);
    scale(r->net, r->d);
    r->other = another(&state_model, p, &r->record);
    r->trainer = trainer_with(r->net, MLP_OPTIMIZER_ADAM);
    r->target = trainer_with(r->other, MLP_OPTIMIZER_MOMENTUM);
    mlp_train_options options = options_of(2);
    train(r->trainer, r->d, &options);
    options.validation_fraction = 0;
    train(r->target, r->d, &options);
    r->good = saved(r->trainer);
    r->before = saved(r->target);
}

static void assert_unchanged(const refusal *r)
{
    bytes now = saved(r->target);
    assert_same_bytes(now, r->before);
    guarded_free(now.data);
}

static void finish(refusal *r)
{
    assert_unchanged(r);
    guarded_free(r->before.data);
    guarded_free(r->good.data);
    mlp_trainer_free(r->target);
    mlp_trainer_free(r->trainer);
    mlp_net_free(r->other);
    mlp_net_free(r->net);
    free_data(r->d);
    assert_int_equal(r->record.live, 0);
}

static void cut_states_are_refused(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F32);
    for (size_t size = 0; size < r.good.size; size++) {
        unsigned char *cut = guarded_alloc(size);
        memcpy(cut, r.good.data, size);
        size_t live = r.record.live;
        assert_told(&r.record, mlp_trainer_load_memory(r.target, cut, size),
                    MLP_ERR_FORMAT, "state");
        assert_int_equal(r.record.live, live);
        guarded_free(cut);
    }
    unsigned char *longer = guarded_alloc(r.good.size + 1);
    memcpy(longer, r.good.data, r.good.size);
    assert_told(&r.record,
                mlp_trainer_load_memory(r.target, longer, r.good.size + 1),
                MLP_ERR_FORMAT, "state");
    guarded_free(longer);
    finish(&r);
}

static void flipped_bytes_are_refused(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    refusal r;
    prepare(&r, MLP_F32);
    for (size_t i = 0; i < r.good.size; i++) {
        for (size_t k = 0; k < COUNT(flips); k++) {
            r.good.data[i] ^= flips[k];
            assert_int_equal(
                mlp_trainer_load_memory(r.target, r.good.data, r.good.size),
                MLP_ERR_FORMAT);
            r.good.data[i] ^= flips[k];
        }
    }
    finish(&r);
}

/* Computes the CRC-32 of zlib bit by bit, independently of the library. */
static uint32_t crc_of(const unsigned char *from, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * n; i++) {
        uint32_t bit = (uint32_t)(from[i / 8] >> (i % 8) & 1);
        crc = crc >> 1 ^ ((crc ^ bit) & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* Writes a true checksum to the last four bytes. */
static void seal(bytes b)
{
    uint32_t crc = crc_of(b.data, b.size - 4);
    for (size_t i = 0; i < 4; i++) {
        b.data[b.size - 4 + i] = (unsigned char)(crc >> (8 * i));
    }
}

/* With a true checksum a changed byte may give another valid state. It must
 * give that or a status, and never read or allocate more than there is. */
static void forged_states_are_survived(void **state)
{
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    refusal r;
    prepare(&r, MLP_F32);
    bytes forged = {guarded_alloc(r.good.size), r.good.size};
    size_t refused = 0;
    for (size_t i = 0; i < r.good.size - 4; i++) {
        for (size_t k = 0; k < COUNT(flips); k++) {
            memcpy(forged.data, r.good.data, r.good.size);
            forged.data[i] ^= flips[k];
            seal(forged);
            if (mlp_trainer_load_memory(r.target, forged.data, forged.size) ==
                MLP_OK) {
                assert_int_equal(mlp_trainer_load_memory(
                                     r.target, r.before.data, r.before.size),
                                 MLP_OK);
            } else {
                refused++;
            }
        }
    }
    assert_true(refused > 500);
    guarded_free(forged.data);
    finish(&r);
}

/* Adam divides by 1 - beta1^t, so the power must be a number from 0 to 1. */
static void powers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const double forged[] = {NAN, INFINITY, -1.0, 1.5};
    refusal r;
    prepare(&r, MLP_F64);
    size_t found = 0;
    double power = 1.0;
    for (size_t t = 0; t < 64; t++) {
        power *= mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM).beta1;
        for (size_t i = 0; i + sizeof power <= r.good.size; i++) {
            double there;
            memcpy(&there, r.good.data + i, sizeof there);
            if (there != power || t == 0) {
                continue; /* the power of the first step is beta1 itself */
            }
            found++;
            for (size_t k = 0; k < COUNT(forged); k++) {
                memcpy(r.good.data + i, &forged[k], sizeof power);
                seal(r.good);
                assert_told(
                    &r.record,
                    mlp_trainer_load_memory(r.target, r.good.data, r.good.size),
                    MLP_ERR_FORMAT, "numbers that cannot be");
            }
            memcpy(r.good.data + i, &power, sizeof power);
        }
    }
    assert_int_equal(found, 1);
    seal(r.good);
    finish(&r);
}

/* Returns the offset of the number that says which sides are scaled: behind the
 * head, the numbers of the network and its layers. */
static size_t scaling_offset(const model *m)
{
    return 24 + 48 + (m->n_layers + 1) * 32;
}

/* Unknown bits are refused, and so are scaled targets where the loss is not one
 * of regression. */
static void scaling_that_cannot_be_is_refused(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    for (int k = 0; k < 2; k++) {
        model m = state_model;
        m.loss = k == 0 ? MLP_LOSS_MSE : MLP_LOSS_BCE;
        hook_record record = {0};
        mlp_net *net = new_net(&m, MLP_F64, &record);
        assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
        mlp_trainer *trainer = trainer_with(net, MLP_OPTIMIZER_SGD);
        bytes b = saved(trainer);
        size_t at = scaling_offset(&m);
        assert_int_equal(b.data[at], 1 + 4); /* 4: the network is new */
        /* There are as many inputs as outputs, so the size stays right. */
        b.data[at] = k == 0 ? 9 : 2;
        seal(b);
        assert_told(&record, mlp_trainer_load_memory(trainer, b.data, b.size),
                    MLP_ERR_FORMAT, "numbers that cannot be");
        b.data[at] = 2;
        seal(b);
        assert_int_equal(mlp_trainer_load_memory(trainer, b.data, b.size),
                         k == 0 ? MLP_OK : MLP_ERR_FORMAT);
        guarded_free(b.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    free_data(d);
}

/* Writes bytes into a state, and a true checksum. */
static void forge(bytes b, size_t at, const void *from, size_t n)
{
    memcpy(b.data + at, from, n);
    seal(b);
}

/* Means must be finite, and standard deviations finite and above 0. The numbers
 * of the five inputs stand behind the number that says which sides are
 * scaled. */
static void moments_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t index; /* five means, then five deviations */
        double x;
    } cases[] = {{0, (double)INFINITY}, {4, (double)NAN},     {5, 0}, {5, -1},
                 {9, (double)NAN},      {9, (double)INFINITY}};
    refusal r;
    prepare(&r, MLP_F64);
    size_t first = scaling_offset(&state_model) + 4;
    for (size_t side = 0; side < 2; side++) { /* inputs, then outputs */
        for (size_t i = 0; i < COUNT(cases); i++) {
            size_t at = first + 8 * (10 * side + cases[i].index);
            double old;
            memcpy(&old, r.good.data + at, sizeof old);
            forge(r.good, at, &cases[i].x, sizeof old);
            assert_told(
                &r.record,
                mlp_trainer_load_memory(r.target, r.good.data, r.good.size),
                MLP_ERR_FORMAT, "numbers that cannot be");
            assert_unchanged(&r);
            forge(r.good, at, &old, sizeof old);
        }
    }
    finish(&r);
}

/* Members of the state of the epochs, by their offsets behind the optimizer. */
enum {
    BEGUN = 16,
    VALIDATES = 20,
    EPOCHS = 24,
    BEST_EPOCH = 32,
    BAD_EPOCHS = 40,
    BEST_LOSS = 48,
    THRESHOLD = 56,
    PLATEAU_SCALE = 64,
    PLATEAU_BEST = 72,
    PLATEAU_BAD_EPOCHS = 80
};

/* The trainer has seen two epochs without validation, and has no best
 * weights. */
static void epochs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t member;
        uint64_t count;
    } counts[] = {
        {BEGUN, 2},  {VALIDATES, 2},  {VALIDATES, 1},  {EPOCHS, UINT64_MAX / 2},
        {EPOCHS, 0}, {BEST_EPOCH, 3}, {BAD_EPOCHS, 3}, {PLATEAU_BAD_EPOCHS, 3}};
    static const struct {
        size_t member;
        double x;
    } numbers[] = {{BEST_LOSS, (double)NAN},    {THRESHOLD, (double)NAN},
                   {PLATEAU_BEST, (double)NAN}, {PLATEAU_SCALE, -0.5},
                   {PLATEAU_SCALE, 1.5},        {PLATEAU_SCALE, (double)NAN}};
    refusal r;
    prepare(&r, MLP_F64);
    bytes b = saved(r.target);
    bool is_scaled = b.data[scaling_offset(&state_model)] & 1;
    assert_false(is_scaled);
    size_t epochs = scaling_offset(&state_model) + 4 + 4 + 14 * 8 + 4 * 8;
    assert_int_equal(b.data[epochs + BEGUN], 1);
    assert_int_equal(b.data[epochs + EPOCHS], 2);
    for (size_t i = 0; i < COUNT(counts) + COUNT(numbers); i++) {
        bool is_count = i < COUNT(counts);
        size_t k = is_count ? i : i - COUNT(counts);
        size_t at = epochs + (is_count ? counts[k].member : numbers[k].member);
        size_t n = is_count && counts[k].member < EPOCHS ? 4 : 8;
        unsigned char old[8];
        memcpy(old, b.data + at, sizeof old);
        forge(b, at,
              is_count ? (const void *)&counts[k].count
                       : (const void *)&numbers[k].x,
              n);
        assert_told(&r.record,
                    mlp_trainer_load_memory(r.target, b.data, b.size),
                    MLP_ERR_FORMAT, "numbers that cannot be");
        assert_unchanged(&r);
        forge(b, at, old, sizeof old);
    }
    assert_int_equal(mlp_trainer_load_memory(r.target, b.data, b.size), MLP_OK);
    guarded_free(b.data);
    finish(&r);
}

/* States whose own size is right, but whose arrays have a number more or
 * less. */
static void arrays_of_another_size_are_refused(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F64);
    for (size_t more = 0; more < 2; more++) {
        bytes b = {NULL, more ? r.good.size + 8 : r.good.size - 8};
        uint64_t size = b.size;
        b.data = guarded_alloc(b.size);
        memset(b.data, 0, b.size);
        memcpy(b.data, r.good.data, more ? r.good.size : b.size);
        forge(b, 16, &size, sizeof size);
        assert_told(&r.record,
                    mlp_trainer_load_memory(r.target, b.data, b.size),
                    MLP_ERR_FORMAT, "arrays of another size");
        assert_unchanged(&r);
        guarded_free(b.data);
    }
    finish(&r);
}

/* A state that ends too early, but knows its size and has a true checksum, is
 * refused wherever it ends: in the description of the network, in the numbers
 * behind it, or in the arrays. */
static void cut_states_with_true_sizes_are_refused(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F32);
    size_t numbers = scaling_offset(&state_model);
    for (size_t n = 28; n < r.good.size; n += n < numbers + 500 ? 1 : 97) {
        bytes cut = {guarded_alloc(n), n};
        uint64_t size = n;
        memcpy(cut.data, r.good.data, n);
        forge(cut, 16, &size, sizeof size);
        bool in_network = n - 4 < numbers;
        assert_told(&r.record,
                    mlp_trainer_load_memory(r.target, cut.data, cut.size),
                    in_network ? MLP_ERR_ARGUMENT : MLP_ERR_FORMAT,
                    in_network ? "another's" : "state: expects what");
        assert_unchanged(&r);
        guarded_free(cut.data);
    }
    finish(&r);
}

static void other_versions_are_unsupported(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F64);
    for (size_t at = 8; at <= 12; at += 4) {
        r.good.data[at]++;
        seal(r.good);
        assert_told(&r.record,
                    mlp_trainer_load_memory(r.target, r.good.data, r.good.size),
                    MLP_ERR_UNSUPPORTED, "2");
        r.good.data[at]--;
    }
    finish(&r);
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F64);
    model models[6];
    mlp_dtype types[6];
    for (size_t i = 0; i < COUNT(models); i++) {
        models[i] = state_model;
        types[i] = MLP_F64;
    }
    types[0] = MLP_F32;
    models[1].inputs = 6;
    models[2].layers[1].width = 7;
    models[3].layers[1].activation = MLP_ACT_SIGMOID;
    models[4].layers[0].dropout = 0.375;
    models[5].n_layers = 2;
    models[5].layers[1].dropout = 0;
    for (size_t i = 0; i < COUNT(models); i++) {
        hook_record record = {0};
        mlp_net *net = new_net(&models[i], types[i], &record);
        mlp_net *before = clone_of(net);
        mlp_trainer *trainer = NULL;
        assert_int_equal(mlp_trainer_create(net, 7, &trainer), MLP_OK);
        assert_told(&record,
                    mlp_trainer_load_memory(trainer, r.good.data, r.good.size),
                    MLP_ERR_ARGUMENT, "another's");
        assert_same_net(net, before);
        mlp_trainer_free(trainer);
        mlp_net_free(before);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    finish(&r);
}

static void places_of_another_size_are_refused(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F64);
    size_t size = r.before.size;
    assert_told(&r.record,
                mlp_trainer_save_memory(r.target, r.before.data, size - 1),
                MLP_ERR_SHAPE, "bytes");
    assert_told(&r.record,
                mlp_trainer_save_memory(r.target, r.before.data, size + 1),
                MLP_ERR_SHAPE, "bytes");
    assert_told(&r.record, mlp_trainer_save_memory(r.target, NULL, size),
                MLP_ERR_NULL, "state");
    assert_told(&r.record, mlp_trainer_load_memory(r.target, NULL, size),
                MLP_ERR_NULL, "state");
    assert_int_equal(mlp_trainer_save_memory(NULL, r.before.data, size),
                     MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_load_memory(NULL, r.before.data, size),
                     MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_save_size(NULL), 0);
    finish(&r);
}

static void failed_allocations_change_nothing(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, MLP_F64);
    size_t n = 1;
    for (;; n++) {
        size_t live = r.record.live;
        r.record.allocations = 0;
        r.record.fail_at = n;
        mlp_status status =
            mlp_trainer_load_memory(r.target, r.good.data, r.good.size);
        r.record.fail_at = 0;
        if (status == MLP_OK) {
            break;
        }
        assert_int_equal(status, MLP_ERR_MEMORY);
        assert_true(r.record.live == live);
        assert_unchanged(&r);
    }
    /* Loading allocates a description, an optimizer and the best weights. */
    assert_int_equal(n, 4);
    bytes now = saved(r.target);
    assert_same_bytes(now, r.good);
    guarded_free(now.data);
    assert_int_equal(
        mlp_trainer_load_memory(r.target, r.before.data, r.before.size),
        MLP_OK);
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_epochs_and_ten_are_twenty),
        cmocka_unit_test(callback_can_save),
        cmocka_unit_test(a_new_network_is_resumed_as_new),
        cmocka_unit_test(patience_is_resumed),
        cmocka_unit_test(cut_states_are_refused),
        cmocka_unit_test(flipped_bytes_are_refused),
        cmocka_unit_test(forged_states_are_survived),
        cmocka_unit_test(powers_that_cannot_be_are_refused),
        cmocka_unit_test(scaling_that_cannot_be_is_refused),
        cmocka_unit_test(moments_that_cannot_be_are_refused),
        cmocka_unit_test(epochs_that_cannot_be_are_refused),
        cmocka_unit_test(arrays_of_another_size_are_refused),
        cmocka_unit_test(cut_states_with_true_sizes_are_refused),
        cmocka_unit_test(other_versions_are_unsupported),
        cmocka_unit_test(other_networks_are_refused),
        cmocka_unit_test(places_of_another_size_are_refused),
        cmocka_unit_test(failed_allocations_change_nothing),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
