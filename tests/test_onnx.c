/* SPDX-License-Identifier: MIT */
/* mlp_onnx: what is written, and where it cannot be. What others make of the
 * files tests/scripts/onnx_runtime.sh shows. */
#include "model_files.h"

#include <sys/stat.h>

#include "mlp_onnx.h"

static file onnx_of(const mlp_net *net)
{
    file f = {.size = mlp_onnx_save_size(net)};
    assert_true(f.size > 0);
    f.bytes = guarded_alloc(f.size);
    assert_int_equal(mlp_onnx_save_memory(net, f.bytes, f.size), MLP_OK);
    return f;
}

static mlp_net *hooked_net(hook_record *record)
{
    mlp_layer layers[] = {
        {.width = 4, .activation = MLP_ACT_GELU, .batch_norm = true},
        {.width = 2, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = MLP_LOSS_CCE;
    config.hooks = recording_hooks(record);
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

static void save_writes_the_same_to_disk_and_memory(void **state)
{
    (void)state;
    char path[] = "onnx_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    mlp_net *net = any_net(MLP_F32, MLP_ACT_GELU_TANH, MLP_LOSS_MSE, 3);
    file f = onnx_of(net);
    assert_int_equal(mlp_onnx_save(net, path), MLP_OK);
    unsigned char *read = malloc(f.size + 1);
    FILE *stream = fopen(path, "rb");
    assert_non_null(read);
    assert_non_null(stream);
    assert_int_equal(fread(read, 1, f.size + 1, stream), f.size);
    assert_memory_equal(read, f.bytes, f.size);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(unlink(path), 0);
    free(read);
    guarded_free(f.bytes);
    mlp_net_free(net);
}

static void save_refuses_what_is_missing(void **state)
{
    (void)state;
    hook_record record = {0};
    unsigned char bytes[8];
    mlp_net *net = hooked_net(&record);
    assert_int_equal(mlp_onnx_save_size(NULL), 0);
    assert_int_equal(mlp_onnx_save(NULL, "x.onnx"), MLP_ERR_NULL);
    assert_int_equal(mlp_onnx_save_memory(NULL, bytes, 8), MLP_ERR_NULL);
    assert_told(&record, mlp_onnx_save(net, NULL), MLP_ERR_NULL, "path");
    assert_told(&record, mlp_onnx_save_memory(net, NULL, 8), MLP_ERR_NULL,
                "place");
    assert_told(&record, mlp_onnx_save_memory(net, bytes, 8), MLP_ERR_SHAPE,
                "got 8");
    assert_told(&record, mlp_onnx_save(net, "no such folder/x.onnx"),
                MLP_ERR_IO, "no such folder");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void save_tells_of_a_norm_that_cannot_be_folded(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = hooked_net(&record);
    put(tensor(net, MLP_SCALE, 1), 0, 2, 1e308);
    put(tensor(net, MLP_MEAN, 1), 0, 2, 1e308);
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    assert_told(&record, mlp_onnx_save_memory(net, bytes, size),
                MLP_ERR_NOT_FINITE, "layer 1");
    assert_told(&record, mlp_onnx_save(net, "never.onnx"), MLP_ERR_NOT_FINITE,
                "layer 1");
    assert_int_not_equal(access("never.onnx", F_OK), 0);
    free(bytes);
    mlp_net_free(net);
}

static void save_survives_every_failed_allocation(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = hooked_net(&record);
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size);
    size_t live = record.live;
    mlp_status status = MLP_ERR_MEMORY;
    assert_non_null(bytes);
    for (size_t n = 1; status != MLP_OK; n++) {
        record.fail_at = record.allocations + n;
        status = mlp_onnx_save_memory(net, bytes, size);
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_int_equal(record.live, live);
        assert_true(n < 10);
    }
    record.fail_at = record.allocations + 1;
    assert_int_equal(mlp_onnx_save_size(net), 0);
    assert_int_equal(record.live, live);
    free(bytes);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(save_writes_the_same_to_disk_and_memory),
        cmocka_unit_test(save_refuses_what_is_missing),
        cmocka_unit_test(save_tells_of_a_norm_that_cannot_be_folded),
        cmocka_unit_test(save_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
