/* SPDX-License-Identifier: MIT */
/* Lets every call fail that loads networks of FANN and genann. */
#include "trust/faults.h"

#include "mlp_foreign.h"

/* Copies a file of tests/vectors into the folder and into w->bytes. */
static void copy_vector(world *w, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", MLP_TEST_VECTORS, name);
    mlp_fault_take_file(w, path);
    mlp_fault_put_file(name, w->bytes, w->size);
    w->file = name;
}

static void has_fann(world *w)
{
    copy_vector(w, "fann_scaled.net");
}

static void has_genann(world *w)
{
    copy_vector(w, "genann_sigmoids.ann");
}

static mlp_foreign_options options_of(const world *w)
{
    mlp_foreign_options options = mlp_foreign_defaults();
    options.precision = w->precision;
    options.hooks = w->hooks;
    return options;
}

static mlp_status load_fann(world *w)
{
    mlp_foreign_options options = options_of(w);
    return mlp_fann_load(w->file, &options, &w->made.net);
}

static mlp_status load_fann_memory(world *w)
{
    mlp_foreign_options options = options_of(w);
    return mlp_fann_load_memory(w->bytes, w->size, &options, &w->made.net);
}

static mlp_status load_genann(world *w)
{
    mlp_foreign_options options = options_of(w);
    return mlp_genann_load(w->file, &options, &w->made.net);
}

static mlp_status load_genann_memory(world *w)
{
    mlp_foreign_options options = options_of(w);
    return mlp_genann_load_memory(w->bytes, w->size, &options, &w->made.net);
}

static const fault_case cases[] = {
    {"mlp_fann_load", ALLOCATES | FILES, load_fann, has_fann},
    {"mlp_fann_load_memory", ALLOCATES, load_fann_memory, has_fann},
    {"mlp_genann_load", ALLOCATES | FILES, load_genann, has_genann},
    {"mlp_genann_load_memory", ALLOCATES, load_genann_memory, has_genann},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {
        .name = "foreign", .cases = cases, .n = COUNT(cases)};
    return mlp_fault_main(&suite, argc, argv);
}
