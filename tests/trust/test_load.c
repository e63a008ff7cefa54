/* SPDX-License-Identifier: MIT */
/*
 * Long use: millions of predictions and steps, and thousands of objects, take
 * no more memory than the first of them; the largest network that the memory
 * holds works, and one more is refused; files above 4 GB come back.
 */
#include "support/training.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

/* Resident memory may differ by so much, for pages of the C library and of the
 * system's own. */
enum { SLACK = 1 << 20 };

static size_t resident_bytes(void)
{
    char line[128] = "";
    char *at = line;
    FILE *stream = fopen("/proc/self/statm", "r");
    assert_true(stream && fgets(line, sizeof line, stream));
    (void)fclose(stream);
    (void)strtoul(at, &at, 10); /* pages of addresses */
    return strtoul(at, &at, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void check_flat(const char *what, size_t before)
{
    size_t after = resident_bytes();
    long grown = (long)after - (long)before;
    print_message("# load: %s: resident memory %zu KB, then %ld KB more\n",
                  what, before / 1024, grown / 1024);
    assert_true(grown <= SLACK);
}

static const mlp_layer small_layers[] = {{.width = 16, .batch_norm = true},
                                         {.width = 8, .dropout = 0.1},
                                         {.width = 3}};

static mlp_net *small_net(mlp_dtype precision)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = 4;
    config.layers = small_layers;
    config.n_layers = COUNT(small_layers);
    config.loss = MLP_LOSS_CCE;
    config.precision = precision;
    return net_of(&config);
}

/* ---------------------------------------------------------------------------
 * Predictions
 */

enum { THREADS = 8, PREDICTIONS = 10000000 };

/* One thread with its own workspace, and a network that all share. */
typedef struct predictor {
    pthread_t thread;
    const mlp_net *net;
    size_t times;
    bool allocates; /* uses mlp_predict */
    size_t good;    /* predictions with the first one's bits */
} predictor;

static void *predict_many(void *argument)
{
    predictor *p = argument;
    static const float X[] = {0.5F, -1, 2, 0.25F};
    float first[3] = {0};
    float A[3] = {0};
    mlp_workspace *workspace = NULL;
    if (mlp_workspace_create(p->net, &workspace) != MLP_OK ||
        mlp_predict(p->net, mlp_cview_f32(X, 1, 4),
                    mlp_view_f32(first, 1, 3)) != MLP_OK) {
        return NULL;
    }
    for (size_t i = 0; i < p->times; i++) {
        mlp_cview row = mlp_cview_f32(X, 1, 4);
        mlp_view out = mlp_view_f32(A, 1, 3);
        mlp_status status = p->allocates
                                ? mlp_predict(p->net, row, out)
                                : mlp_predict_with(p->net, workspace, row, out);
        p->good += status == MLP_OK && A[0] == first[0] && A[1] == first[1] &&
                   A[2] == first[2];
    }
    mlp_workspace_free(workspace);
    return NULL;
}

static void run_predictors(const mlp_net *net, size_t times, bool allocates)
{
    predictor p[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        p[i] = (predictor){
            .net = net, .times = times / THREADS, .allocates = allocates};
        assert_int_equal(
            pthread_create(&p[i].thread, NULL, predict_many, &p[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(p[i].thread, NULL), 0);
        assert_int_equal(p[i].good, times / THREADS);
    }
}

static void millions_of_predictions_stay_flat(void **state)
{
    (void)state;
    mlp_net *net = small_net(MLP_F32);
    for (int allocates = 0; allocates < 2; allocates++) {
        run_predictors(net, PREDICTIONS / 20, allocates);
        size_t before = resident_bytes();
        run_predictors(net, PREDICTIONS, allocates);
        check_flat(allocates
                       ? "10,000,000 calls of mlp_predict on 8 threads"
                       : "10,000,000 calls of mlp_predict_with on 8 threads",
                   before);
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Training
 */

static void a_million_steps_stay_flat(void **state)
{
    (void)state;
    enum { STEPS = 1000000, BATCH = 8 };
    mlp_net *net = small_net(MLP_F64);
    mlp_trainer *trainer = NULL;
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    mlp_view X = random_matrix(MLP_F64, BATCH, 4, -1, 1);
    const int32_t labels[BATCH] = {0, 1, 2, 0, 1, 2, 0, 1};
    assert_int_equal(mlp_trainer_create(net, BATCH, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &adam), MLP_OK);
    size_t before = 0;
    for (size_t i = 0; i < STEPS + STEPS / 20; i++) {
        if (i == STEPS / 20) {
            before = resident_bytes();
        }
        double loss = 0;
        assert_int_equal(mlp_trainer_step(trainer, ro(X),
                                          mlp_cview_i32(labels, BATCH, 1),
                                          0.001, &loss),
                         MLP_OK);
    }
    check_flat("1,000,000 training steps", before);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free(X.data);
}

/* ---------------------------------------------------------------------------
 * Objects
 */

/* Makes and frees one of everything, and starts and ends threads. */
static void live_once(mlp_view X, mlp_view Y)
{
    mlp_train_options options = mlp_train_defaults();
    mlp_net *net = small_net(MLP_F32);
    mlp_net *copy = clone_of(net);
    mlp_net *loaded = NULL;
    mlp_workspace *workspace = NULL;
    mlp_trainer *trainer = NULL;
    mlp_history *history = NULL;
    options.epochs = 1;
    options.threads = 1;
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_int_equal(mlp_workspace_set_threads(workspace, 2), MLP_OK);
    assert_int_equal(mlp_trainer_create(net, X.rows, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_threads(trainer, 2), MLP_OK);
    assert_int_equal(mlp_trainer_fit(trainer, ro(X), ro(Y), &options, &history),
                     MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "key", "value"), MLP_OK);
    size_t n = mlp_net_save_size(net);
    void *bytes = malloc(n);
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, n), MLP_OK);
    assert_int_equal(mlp_net_load_memory(bytes, n, NULL, &loaded), MLP_OK);
    free(bytes);
    mlp_history_free(history);
    mlp_trainer_free(trainer);
    mlp_workspace_free(workspace);
    mlp_net_free(loaded);
    mlp_net_free(copy);
    mlp_net_free(net);
}

static void thousands_of_objects_stay_flat(void **state)
{
    (void)state;
    enum { LIVES = 10000, ROWS = 16 };
    mlp_view X = random_matrix(MLP_F32, ROWS, 4, -1, 1);
    mlp_view Y = new_matrix(MLP_F32, ROWS, 3, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        put(Y, i, i % 3, 1);
    }
    size_t before = 0;
    for (int i = 0; i < LIVES + LIVES / 20; i++) {
        if (i == LIVES / 20) {
            before = resident_bytes();
        }
        live_once(X, Y);
    }
    check_flat("10,000 lives of networks, trainers, workspaces and threads",
               before);
    free(X.data);
    free(Y.data);
}

/* ---------------------------------------------------------------------------
 * The largest network
 */

/* Makes a network of width x width weights, without drawing them. */
static mlp_status make_wide(size_t width, mlp_net **net)
{
    const mlp_layer layers[] = {{.width = width}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = width;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.precision = MLP_F32;
    config.init = MLP_INIT_ZEROS;
    return mlp_net_create(&config, net);
}

/* Runs a function in a child process, and fails if it does not return true. */
static void in_child(bool (*function)(void))
{
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = function();
        (void)fflush(stdout);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        fail_msg("the child was ended by signal %d", WTERMSIG(status));
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Tries a width, and lets a network that fits predict a row and take a step. */
static mlp_status try_wide(size_t width)
{
    mlp_net *net = NULL;
    mlp_status status = make_wide(width, &net);
    float *X = calloc(width, sizeof *X);
    float A = -1;
    if (status == MLP_OK && X) {
        status = mlp_predict(net, mlp_cview_f32(X, 1, width),
                             mlp_view_f32(&A, 1, 1));
    }
    free(X);
    mlp_net_free(net);
    return status;
}

/* Finds the widest network below 1 GB of addresses by bisection. */
static bool find_widest(void)
{
    const struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        return false;
    }
    size_t fits = 1000;
    size_t fails = 40000;
    size_t refusals = 0;
    while (fits + 1 < fails) {
        size_t width = (fits + fails) / 2;
        mlp_status status = try_wide(width);
        if (status != MLP_OK && status != MLP_ERR_MEMORY) {
            return false;
        }
        refusals += status != MLP_OK;
        *(status == MLP_OK ? &fits : &fails) = width;
    }
    (void)printf("# load: with 1 GB of addresses a network of %zu x %zu works, "
                 "and one of %zu x %zu is refused (%zu refusals)\n",
                 fits, fits, fails, fails, refusals);
    return refusals > 0 && try_wide(fits) == MLP_OK &&
           try_wide(fails) == MLP_ERR_MEMORY && try_wide(fits) == MLP_OK;
}

static void the_largest_network_and_one_more(void **state)
{
    (void)state;
    in_child(find_widest);
    mlp_net *net = NULL;
    assert_int_equal(make_wide(46341, &net), MLP_ERR_LIMIT);
    assert_int_equal(make_wide((size_t)MLP_MAX_WIDTH + 1, &net), MLP_ERR_LIMIT);
    assert_null(net);
}

/* ---------------------------------------------------------------------------
 * Files above 4 GB
 */

enum { LARGE_WIDTH = 33000 }; /* 1.09e9 weights, 4.36e9 bytes */

static char large_path[64];

/* Returns how much memory the system can give, in bytes. */
static double available_bytes(void)
{
    double kilobytes = 0;
    char line[128];
    FILE *stream = fopen("/proc/meminfo", "r");
    while (stream && fgets(line, sizeof line, stream)) {
        if (strncmp(line, "MemAvailable:", 13) == 0) {
            kilobytes = strtod(line + 13, NULL);
        }
    }
    if (stream) {
        (void)fclose(stream);
    }
    return kilobytes * 1024;
}

/* The weights that are not 0 lie on both sides of 2 and of 4 GB. */
static double marked(size_t i)
{
    return 1 + (double)i / 4096;
}

static bool save_large(void)
{
    mlp_net *net = NULL;
    if (make_wide(LARGE_WIDTH, &net) != MLP_OK) {
        return false;
    }
    mlp_view W = tensor(net, MLP_W, 1);
    for (size_t i = 0; i < LARGE_WIDTH; i++) {
        put(W, (i * 11) % LARGE_WIDTH, i, marked(i));
    }
    mlp_status status = mlp_net_save(net, large_path);
    mlp_net_free(net);
    return status == MLP_OK;
}

static bool load_large(void)
{
    mlp_net *net = NULL;
    if (mlp_net_load(large_path, NULL, &net) != MLP_OK) {
        return false;
    }
    mlp_cview W = ctensor(net, MLP_W, 1);
    bool good = W.rows == LARGE_WIDTH && W.cols == LARGE_WIDTH;
    for (size_t i = 0; good && i < LARGE_WIDTH; i++) {
        good = mlp_cview_at(W, (i * 11) % LARGE_WIDTH, i) ==
               (double)(float)marked(i);
    }
    mlp_net_free(net);
    return good;
}

static void files_above_4_gb_come_back(void **state)
{
    (void)state;
    const double needed = 4.0 * LARGE_WIDTH * LARGE_WIDTH;
    struct statvfs disk;
    assert_int_equal(statvfs("/tmp", &disk), 0);
    double space = (double)disk.f_bavail * (double)disk.f_frsize;
    if (sizeof(size_t) < 8 || space < 1.5 * needed ||
        available_bytes() < 2.5 * needed) {
        print_message("# load: no file above 4 GB: expects %.0f GB on the disk "
                      "and %.0f GB of memory, got %.0f and %.0f\n",
                      1.5e-9 * needed, 2.5e-9 * needed, 1e-9 * space,
                      1e-9 * available_bytes());
        skip();
    }
    (void)snprintf(large_path, sizeof large_path, "/tmp/mlp-load-%ld.mlp",
                   (long)getpid());
    in_child(save_large);
    in_child(load_large);
    print_message("# load: a file of %.2f GB was saved and loaded\n",
                  1e-9 * needed);
}

static int remove_large(void **state)
{
    (void)state;
    return large_path[0] != '\0' ? unlink(large_path) : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(millions_of_predictions_stay_flat),
        cmocka_unit_test(a_million_steps_stay_flat),
        cmocka_unit_test(thousands_of_objects_stay_flat),
        cmocka_unit_test(the_largest_network_and_one_more),
        cmocka_unit_test_teardown(files_above_4_gb_come_back, remove_large),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
