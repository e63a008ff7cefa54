/* SPDX-License-Identifier: MIT */
/* Lets every call fail that saves or loads ONNX files. */
#include "trust/faults.h"

#include "mlp_onnx.h"
#include "support/onnx_files.h"

static void will_save(world *w)
{
    w->file = "net.onnx";
    if (w->has_old) {
        mlp_fault_put_file("net.onnx", "old", 3);
    }
}

/* A file that mlp_onnx_save wrote, with scaling and names. */
static void has_model(world *w)
{
    w->file = "net.onnx";
    assert_int_equal(mlp_onnx_save(w->net, "net.onnx"), MLP_OK);
    mlp_fault_take_file(w, "net.onnx");
}

/* A file of PyTorch's, whose numbers lie in another file. */
static void has_model_beside(world *w)
{
    static foreign f;
    assert_true(read_foreign(MLP_TEST_VECTORS, "beside", &f));
    mlp_fault_put_file(f.name[0], f.bytes[0], f.size[0]);
    mlp_fault_put_file(f.name[1], f.bytes[1], f.size[1]);
    w->file = "beside";
}

/* scikit-learn wrote this file; its graph has several outputs. */
static void has_foreign(world *w)
{
    static foreign f;
    assert_true(read_foreign(MLP_TEST_VECTORS, "sklearn_two", &f));
    mlp_fault_put_file("net.onnx", f.bytes[0], f.size[0]);
    mlp_fault_take_file(w, "net.onnx");
    w->file = "net.onnx";
}

static mlp_status save(world *w)
{
    return mlp_onnx_save(w->net, "net.onnx");
}

static mlp_status save_memory(world *w)
{
    return mlp_onnx_save_memory(w->net, w->out.bytes, w->size);
}

static void has_size(world *w)
{
    w->size = mlp_onnx_save_size(w->net);
}

/* A size of 0 stands for a failure, which has no status. */
static mlp_status save_size(world *w)
{
    size_t n = mlp_onnx_save_size(w->net);
    if (n == 0) {
        return MLP_ERR_MEMORY;
    }
    w->out.sizes[0] = n;
    return MLP_OK;
}

static mlp_status load(world *w)
{
    return mlp_onnx_load("net.onnx", &w->hooks, &w->made.net);
}

static mlp_status load_memory(world *w)
{
    return mlp_onnx_load_memory(w->bytes, w->size, &w->hooks, &w->made.net);
}

static mlp_status load_beside(world *w)
{
    return mlp_onnx_load("beside.onnx", &w->hooks, &w->made.net);
}

static mlp_status load_with(world *w)
{
    mlp_onnx_options options = mlp_onnx_defaults();
    return mlp_onnx_load_with("net.onnx", &options, &w->hooks, &w->made.net);
}

static mlp_status load_memory_with(world *w)
{
    mlp_onnx_options options = mlp_onnx_defaults();
    options.output = "output";
    return mlp_onnx_load_memory_with(w->bytes, w->size, &options, &w->hooks,
                                     &w->made.net);
}

static const fault_case cases[] = {
    {"mlp_onnx_save", ALLOCATES | FILES, save, will_save},
    {"mlp_onnx_save_memory", ALLOCATES, save_memory, has_size},
    {"mlp_onnx_save_size", ALLOCATES, save_size, NULL},
    {"mlp_onnx_load", ALLOCATES | FILES, load, has_model},
    {"mlp_onnx_load of another's file", ALLOCATES | FILES, load, has_foreign},
    {"mlp_onnx_load of two files", ALLOCATES | FILES, load_beside,
     has_model_beside},
    {"mlp_onnx_load_memory", ALLOCATES, load_memory, has_model},
    {"mlp_onnx_load_with", ALLOCATES | FILES, load_with, has_foreign},
    {"mlp_onnx_load_memory_with", ALLOCATES, load_memory_with, has_model},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {
        .name = "onnx", .cases = cases, .n = COUNT(cases)};
    return mlp_fault_main(&suite, argc, argv);
}
