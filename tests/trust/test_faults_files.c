/* SPDX-License-Identifier: MIT */
/*
 * Faults in what reads and writes files: models, checkpoints, imports and
 * exported C.
 */
#include "trust/faults.h"

/* ---------------------------------------------------------------------------
 * Files that are there before
 */

/* Where there are old files, calls replace these texts. */
static void put_old(const world *w, const char *name)
{
    if (w->has_old) {
        mlp_fault_put_file(name, "old", 3);
    }
}

static void will_save(world *w)
{
    w->file = "net.mlp";
    put_old(w, "net.mlp");
}

/* The file holds other parameters than the network, which an import changes. */
static void has_model(world *w)
{
    mlp_net *other = clone_of(w->net);
    w->file = "net.mlp";
    assert_int_equal(mlp_net_initialise(other, MLP_INIT_HE, 7), MLP_OK);
    assert_int_equal(mlp_net_save(other, "net.mlp"), MLP_OK);
    mlp_net_free(other);
    mlp_fault_take_file(w, "net.mlp");
}

/* An import takes files of parameters alone, without scaling. */
static void has_parameters(world *w)
{
    assert_int_equal(mlp_net_set_scaling(w->net, NULL, NULL), MLP_OK);
    has_model(w);
}

/* A checkpoint after two more steps, so that to load it changes the trainer. */
static void has_checkpoint(world *w)
{
    mlp_net *net = clone_of(w->net);
    mlp_trainer *trainer = NULL;
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    w->file = "trainer.mlp";
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &adam), MLP_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            mlp_trainer_step(trainer, ro(w->X), ro(w->Y), 0.02, NULL), MLP_OK);
    }
    assert_int_equal(mlp_trainer_save(trainer, "trainer.mlp"), MLP_OK);
    w->size = mlp_trainer_save_size(trainer);
    free(w->bytes);
    w->bytes = malloc(w->size);
    assert_int_equal(mlp_trainer_save_memory(trainer, w->bytes, w->size),
                     MLP_OK);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void will_save_checkpoint(world *w)
{
    w->file = "trainer.mlp";
    put_old(w, "trainer.mlp");
}

static void will_export(world *w)
{
    w->file = "model";
    put_old(w, "model.c");
    put_old(w, "model.h");
}

/* ---------------------------------------------------------------------------
 * Calls
 */

static mlp_status save(world *w)
{
    return mlp_net_save(w->net, "net.mlp");
}

static mlp_status save_memory(world *w)
{
    return mlp_net_save_memory(w->net, w->out.bytes, mlp_net_save_size(w->net));
}

static mlp_status load(world *w)
{
    return mlp_net_load("net.mlp", &w->hooks, &w->made.net);
}

static mlp_status load_memory(world *w)
{
    return mlp_net_load_memory(w->bytes, w->size, &w->hooks, &w->made.net);
}

/* The network's own file is a safetensors file, too. */
static mlp_status import(world *w)
{
    return mlp_net_import(w->net, "net.mlp");
}

static mlp_status import_memory(world *w)
{
    return mlp_net_import_memory(w->net, w->bytes, w->size);
}

/* The modules of the world's network in its own file. */
static const char *const modules[] = {"layers.0", "layers.0.norm", "layers.1",
                                      "layers.2"};

static mlp_status import_ordered(world *w)
{
    return mlp_net_import_ordered(w->net, "net.mlp", modules, COUNT(modules));
}

static mlp_status import_memory_ordered(world *w)
{
    return mlp_net_import_memory_ordered(w->net, w->bytes, w->size, modules,
                                         COUNT(modules));
}

static mlp_status save_trainer(world *w)
{
    return mlp_trainer_save(w->trainer, "trainer.mlp");
}

static mlp_status save_trainer_memory(world *w)
{
    return mlp_trainer_save_memory(w->trainer, w->out.bytes,
                                   mlp_trainer_save_size(w->trainer));
}

static mlp_status load_trainer(world *w)
{
    return mlp_trainer_load(w->trainer, "trainer.mlp");
}

static mlp_status load_trainer_memory(world *w)
{
    return mlp_trainer_load_memory(w->trainer, w->bytes, w->size);
}

static mlp_status export(world *w)
{
    return mlp_export_c(w->net, "model.c", NULL, &w->out.report);
}

static mlp_status export_canonical(world *w)
{
    mlp_export_options options = mlp_export_defaults();
    options.canonical = true;
    options.prefix = "red";
    return mlp_export_c(w->net, "model.c", &options, NULL);
}

static mlp_status export_int8(world *w)
{
    mlp_export_options options = mlp_export_defaults();
    options.int8 = true;
    options.X = ro(w->X);
    options.Y = ro(w->Y);
    options.max_score_drop = 1;
    return mlp_export_c(w->net, "model.c", &options, NULL);
}

static const fault_case cases[] = {
    {"mlp_net_save", ALLOCATES | FILES, save, will_save},
    {"mlp_net_save_memory", 0, save_memory, NULL},
    {"mlp_net_load", ALLOCATES | FILES, load, has_model},
    {"mlp_net_load_memory", ALLOCATES, load_memory, has_model},
    {"mlp_net_import", ALLOCATES | FILES, import, has_parameters},
    {"mlp_net_import_memory", ALLOCATES, import_memory, has_parameters},
    {"mlp_net_import_ordered", ALLOCATES | FILES, import_ordered,
     has_parameters},
    {"mlp_net_import_memory_ordered", ALLOCATES, import_memory_ordered,
     has_parameters},
    {"mlp_trainer_save", ALLOCATES | FILES, save_trainer, will_save_checkpoint},
    {"mlp_trainer_save_memory", 0, save_trainer_memory, NULL},
    {"mlp_trainer_load", ALLOCATES | FILES, load_trainer, has_checkpoint},
    {"mlp_trainer_load_memory", ALLOCATES, load_trainer_memory, has_checkpoint},
    {"mlp_export_c", ALLOCATES | FILES, export, will_export},
    {"mlp_export_c canonical", ALLOCATES | FILES, export_canonical,
     will_export},
    {"mlp_export_c int8", ALLOCATES | FILES, export_int8, will_export},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {
        .name = "files", .cases = cases, .n = COUNT(cases)};
    return mlp_fault_main(&suite, argc, argv);
}
