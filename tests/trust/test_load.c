/* SPDX-License-Identifier: MIT */
/*
 * Long use: millions of predictions and steps, and thousands of objects, take
 * no more memory than the first of them; the largest network that the memory
 * holds works, and one more is refused; files above 4 GB come back.
 */
#include "support/training.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "trust/left_out.h"

#ifdef LOAD_DATA
#include "mlp_data.h"
#endif
#ifdef LOAD_FOREIGN
#include "mlp_foreign.h"
#endif
#ifdef LOAD_ONNX
#include "mlp_onnx.h"
#endif
#ifdef LOAD_SHOW
#include "mlp_show.h"
#endif

/* Resident memory may differ by so much after a million calls, for pages of the
 * C library, of threads and of the system: a leak of two bytes in each call is
 * more. After thousands of lives it may differ by less: a leak of 27 bytes in
 * each of 10,000 lives is more, and a block of malloc takes at least 32. */
enum { SLACK_OF_CALLS = 1 << 20, SLACK_OF_LIVES = 256 << 10 };

/* malloc_trim returns free pages first; otherwise a leak could fill them unseen.
 * The sum of the maps is exact; the number in statm may be some pages behind. */
static size_t resident_bytes(void)
{
    (void)malloc_trim(0);
    char line[256];
    size_t kilobytes = 0;
    FILE *stream = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(stream);
    while (kilobytes == 0 && fgets(line, sizeof line, stream)) {
        if (strncmp(line, "Rss:", 4) == 0) {
            kilobytes = strtoul(line + 4, NULL, 10);
        }
    }
    (void)fclose(stream);
    assert_true(kilobytes > 0);
    return kilobytes * 1024;
}

static void check_flat(const char *what, size_t before, long slack)
{
    size_t after = resident_bytes();
    long grown = (long)after - (long)before;
    print_message("# load: %s: resident memory %zu KB, then %ld KB more\n",
                  what, before / 1024, grown / 1024);
    assert_true(grown <= slack);
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
                   before, SLACK_OF_CALLS);
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
    check_flat("1,000,000 training steps", before, SLACK_OF_CALLS);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free(X.data);
}

/* ---------------------------------------------------------------------------
 * Objects
 */

/* What the lives work on, made once. */
static mlp_view rows, targets;

/* The bytes of a file. */
typedef struct content {
    unsigned char bytes[1 << 12];
    size_t size;
} content;

static mlp_net *loaded_from(const void *bytes, size_t size)
{
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_load_memory(bytes, size, NULL, &net), MLP_OK);
    return net;
}

/* Makes and frees one of each object of mlp.h, and starts and ends threads. */
static void live_of_nets(void)
{
    mlp_train_options options = mlp_train_defaults();
    mlp_net *net = small_net(MLP_F32);
    mlp_net *copy = clone_of(net);
    mlp_workspace *workspace = NULL;
    mlp_trainer *trainer = NULL;
    mlp_history *history = NULL;
    options.epochs = 1;
    options.threads = 1;
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_int_equal(mlp_workspace_set_threads(workspace, 2), MLP_OK);
    assert_int_equal(mlp_trainer_create(net, rows.rows, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_threads(trainer, 2), MLP_OK);
    assert_int_equal(
        mlp_trainer_fit(trainer, ro(rows), ro(targets), &options, &history),
        MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "key", "value"), MLP_OK);
    size_t n = mlp_net_save_size(net);
    void *bytes = malloc(n);
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, n), MLP_OK);
    mlp_net *loaded = loaded_from(bytes, n);
    free(bytes);
    mlp_history_free(history);
    mlp_trainer_free(trainer);
    mlp_workspace_free(workspace);
    mlp_net_free(loaded);
    mlp_net_free(copy);
    mlp_net_free(net);
}

#ifdef LOAD_DATA
/* The inputs are x, its flag, and the two categories of kind. */
static void live_of_tables(void)
{
    static const char csv[] = "x,kind,class\n1,a,no\n,b,yes\n3,a,maybe\n";
    double X[3][4];
    int32_t labels[3];
    mlp_net *net = small_net(MLP_F64);
    mlp_data *table = NULL;
    mlp_data_recipe *recipe = NULL;
    mlp_data_recipe *loaded = NULL;
    assert_int_equal(
        mlp_data_load_memory(csv, sizeof csv - 1, "csv", NULL, NULL, &table),
        MLP_OK);
    assert_int_equal(mlp_data_recipe_make(table, "class", NULL, 0, &recipe),
                     MLP_OK);
    assert_int_equal(
        mlp_data_recipe_encode(recipe, table, mlp_view_f64(*X, 3, 4)), MLP_OK);
    assert_int_equal(mlp_data_recipe_encode_target(recipe, table,
                                                   mlp_view_i32(labels, 3, 1)),
                     MLP_OK);
    assert_int_equal(mlp_data_recipe_save(recipe, net), MLP_OK);
    assert_int_equal(mlp_data_recipe_load(net, NULL, &loaded), MLP_OK);
    mlp_data_recipe_free(loaded);
    mlp_data_recipe_free(recipe);
    mlp_data_free(table);
    mlp_net_free(net);
}
#endif

#ifdef LOAD_FOREIGN
static content content_of(const char *path)
{
    content c;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    c.size = fread(c.bytes, 1, sizeof c.bytes, file);
    (void)fclose(file);
    assert_in_range(c.size, 1, sizeof c.bytes - 1);
    return c;
}

static void live_of_foreign_nets(void)
{
    static content fann, genann;
    mlp_net *net = NULL;
    if (fann.size == 0) {
        fann = content_of(MLP_TEST_VECTORS "/fann_xor.net");
        genann = content_of(MLP_TEST_VECTORS "/genann_tanh.ann");
    }
    assert_int_equal(mlp_fann_load_memory(fann.bytes, fann.size, NULL, &net),
                     MLP_OK);
    mlp_net_free(net);
    net = NULL;
    assert_int_equal(
        mlp_genann_load_memory(genann.bytes, genann.size, NULL, &net), MLP_OK);
    mlp_net_free(net);
}
#endif

#ifdef LOAD_ONNX
static void live_of_onnx_nets(void)
{
    content c;
    mlp_net *net = small_net(MLP_F32);
    mlp_net *loaded = NULL;
    c.size = mlp_onnx_save_size(net);
    assert_in_range(c.size, 1, sizeof c.bytes);
    assert_int_equal(mlp_onnx_save_memory(net, c.bytes, c.size), MLP_OK);
    assert_int_equal(mlp_onnx_load_memory(c.bytes, c.size, NULL, &loaded),
                     MLP_OK);
    mlp_net_free(loaded);
    mlp_net_free(net);
}
#endif

#ifdef LOAD_SHOW
/* A script is written without gnuplot. */
static void live_of_pictures(void)
{
    static const double y[] = {1, 3, 2};
    mlp_curve curve = {.name = "c", .y = y, .n = COUNT(y)};
    mlp_axes axes = {.title = "t"};
    mlp_picture *picture = NULL;
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/mlp-load-%ld.gp", (long)getpid());
    assert_int_equal(mlp_picture_create(NULL, &picture), MLP_OK);
    assert_int_equal(mlp_picture_curves(picture, &axes, &curve, 1), MLP_OK);
    assert_int_equal(mlp_picture_commands(picture, "plot sin(x)"), MLP_OK);
    assert_int_equal(mlp_picture_write(picture, path), MLP_OK);
    mlp_picture_free(picture);
    assert_int_equal(unlink(path), 0);
}
#endif

static void thousands_of_objects_stay_flat(void **state)
{
    (void)state;
    enum { LIVES = 10000, ROWS = 16 };
    static const struct {
        const char *what;
        void (*live)(void);
    } lives[] = {
        {"10,000 lives of networks, trainers, workspaces, histories and "
         "threads",
         live_of_nets},
#ifdef LOAD_DATA
        {"10,000 lives of tables and recipes", live_of_tables},
#endif
#ifdef LOAD_FOREIGN
        {"10,000 lives of networks of FANN and Genann", live_of_foreign_nets},
#endif
#ifdef LOAD_ONNX
        {"10,000 lives of networks of ONNX", live_of_onnx_nets},
#endif
#ifdef LOAD_SHOW
        {"10,000 lives of pictures", live_of_pictures},
#endif
    };
    rows = random_matrix(MLP_F32, ROWS, 4, -1, 1);
    targets = new_matrix(MLP_F32, ROWS, 3, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        put(targets, i, i % 3, 1);
    }
    for (size_t k = 0; k < COUNT(lives); k++) {
        size_t before = 0;
        for (int i = 0; i < LIVES + LIVES / 20; i++) {
            if (i == LIVES / 20) {
                before = resident_bytes();
            }
            lives[k].live();
        }
        check_flat(lives[k].what, before, SLACK_OF_LIVES);
    }
    free(rows.data);
    free(targets.data);
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

/* Tries a width, and lets a network that fits predict a row. */
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
    (void)printf("# load: below a limit of 1 GB of addresses (RLIMIT_AS) a "
                 "network of %zu x %zu works, and one of %zu x %zu is refused "
                 "(%zu refusals)\n",
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
        static char lacking[200];
        (void)snprintf(lacking, sizeof lacking,
                       "a file above 4 GB, which needs %.0f GB on the disk and "
                       "%.0f GB of memory, and there are %.0f and %.0f",
                       1.5e-9 * needed, 2.5e-9 * needed, 1e-9 * space,
                       1e-9 * available_bytes());
        LEAVE_OUT(lacking);
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
    return exit_status(cmocka_run_group_tests_name("load", tests, NULL, NULL));
}
