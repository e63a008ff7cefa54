/* SPDX-License-Identifier: MIT */
/*
 * Objects that are made without hooks take their memory from malloc, and give
 * all of it back. The tables of faults pass hooks, and sanitizers, which would
 * see a leak, are not in every build.
 */
#include "support/training.h"

#include "mlp_data.h"
#include "trust/failing_memory.h"
#include "trust/left_out.h"

static const char table[] = "a,b,\"what \"\"it\"\" is\"\n"
                            "1,x,yes\n2.5,y,no\n,x,yes\n4,,no\n";

/* A network is trained, saved and loaded, and predicts. */
static void use_network(void)
{
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *loaded = NULL;
    mlp_trainer *trainer = NULL;
    mlp_workspace *workspace = NULL;
    mlp_history *history = NULL;
    mlp_view X = random_matrix(MLP_F64, 40, mlp_net_inputs(net), 0, 1);
    mlp_view Y = random_matrix(MLP_F64, 40, mlp_net_outputs(net), 0, 1);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 2;
    options.validation_fraction = 0.25;
    options.patience = 1;
    assert_int_equal(mlp_trainer_create(net, 40, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_fit(trainer, ro(X), ro(Y), &options, &history),
                     MLP_OK);
    size_t size = mlp_net_save_size(net);
    void *bytes = malloc(size);
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    assert_int_equal(mlp_net_load_memory(bytes, size, NULL, &loaded), MLP_OK);
    assert_int_equal(mlp_workspace_create(loaded, &workspace), MLP_OK);
    assert_int_equal(mlp_predict_with(loaded, workspace, ro(X), Y), MLP_OK);
    assert_int_equal(mlp_predict(loaded, ro(X), Y), MLP_OK);
    mlp_workspace_free(workspace);
    mlp_history_free(history);
    mlp_trainer_free(trainer);
    mlp_net_free(loaded);
    mlp_net_free(net);
    free(bytes);
    free(X.data);
    free(Y.data);
}

/* A table is read and becomes inputs; a second one is refused. */
static void use_table(void)
{
    mlp_data *whole = NULL;
    mlp_data *refused = NULL;
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(mlp_data_load_memory(table, sizeof table - 1, "table",
                                          NULL, NULL, &whole),
                     MLP_OK);
    assert_int_equal(mlp_data_recipe_make(whole, "b", NULL, 0, &recipe),
                     MLP_OK);
    assert_int_equal(
        mlp_data_load_memory("a,b\n1\n", 6, "table", NULL, NULL, &refused),
        MLP_ERR_FORMAT);
    mlp_data_recipe_free(recipe);
    mlp_data_free(whole);
}

static void assert_all_is_freed(void (*use)(void))
{
    if (!mlp_fault_memory_is_replaced()) {
        LEAVE_OUT("everything, because malloc cannot be replaced");
    }
    use(); /* what the C library keeps for itself, it has afterwards */
    long before = mlp_fault_memory_live();
    size_t allocations = mlp_fault_memory_allocations();
    use();
    assert_true(mlp_fault_memory_allocations() > allocations + 5);
    assert_int_equal(mlp_fault_memory_live(), before);
}

static void networks_free_their_memory(void **state)
{
    (void)state;
    assert_all_is_freed(use_network);
}

static void tables_free_their_memory(void **state)
{
    (void)state;
    assert_all_is_freed(use_table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_free_their_memory),
        cmocka_unit_test(tables_free_their_memory),
    };
    return exit_status(
        cmocka_run_group_tests_name("plain_memory", tests, NULL, NULL));
}
