/* SPDX-License-Identifier: MIT */
/* Calls of mlp_onnx.h. */
#include "fuzz/api.h"

#include "mlp_onnx.h"

enum { FILE_BYTES = 8192 };

/* Without memory there is no size, and no message. */
static void onnx_save_size(api *a)
{
    const mlp_net *net = api_net(a);
    size_t size = mlp_onnx_save_size(net);
    api_arm(a);
    size_t again = mlp_onnx_save_size(net);
    NEED(again == size || (again == 0 && fuzz_was_refused()));
    NEED(net || size == 0);
    fuzz_fail_after(SIZE_MAX);
}

static void onnx_save_memory(api *a)
{
    const mlp_net *net = api_net(a);
    size_t n = mlp_onnx_save_size(net);
    NEED(n < OUT_BYTES);
    size_t size = fuzz_once_in(a->draw, 16) ? api_count(a, 99) : n;
    void *bytes = api_out(a, n, 1);
    api_arm(a);
    if (api_done(a, mlp_onnx_save_memory(net, bytes, size))) {
        NEED(size == n);
    }
}

/* Writes the file of a network, sometimes with a lie. A batch norm that cannot
 * be folded has no file. */
static void build_file(api *a, fuzz_file *f)
{
    const mlp_net *net = api_net(a);
    f->size = mlp_onnx_save_size(net);
    NEED(f->size <= f->room);
    (void)!mlp_onnx_save_memory(net, f->bytes, f->size);
    if (f->size > 0 && fuzz_once_in(a->draw, 4)) {
        (void)fuzz_lie_in_fields(f, a->draw, 0, f->size);
    }
}

static const mlp_onnx_options *any_options(api *a)
{
    mlp_onnx_options *o = api_in(a, 1, sizeof *o);
    *o = mlp_onnx_defaults();
    o->output = fuzz_once_in(a->draw, 4)   ? api_text(a)
                : fuzz_once_in(a->draw, 2) ? "output"
                                           : NULL;
    o->reserved[0] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    return fuzz_once_in(a->draw, 32) ? NULL : o;
}

static void onnx_load_memory(api *a)
{
    unsigned char room[FILE_BYTES] = {0};
    fuzz_file f = {room, 0, FILE_BYTES};
    build_file(a, &f);
    const mlp_onnx_options *options = any_options(a);
    bool has_options = fuzz_once_in(a->draw, 2);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_net **net = api_out(a, 1, sizeof(void *));
    unsigned char *bytes = fuzz_copy(room, f.size);
    unsigned char *block = fuzz_once_in(a->draw, 64) ? NULL : bytes;
    api_arm(a);
    if (api_done(a, has_options
                        ? mlp_onnx_load_memory_with(block, f.size, options,
                                                    hooks, net)
                        : mlp_onnx_load_memory(block, f.size, hooks, net))) {
        api_put_net(a, *net);
    }
    free(bytes);
}

/* Saves and loads files, one time in eight, because the system is slow. */
static void onnx_files(api *a)
{
    if (!fuzz_once_in(a->draw, 8)) {
        return;
    }
    const mlp_net *net = api_net(a);
    const mlp_onnx_options *options = any_options(a);
    const char *path = api_path(a, "net.onnx");
    mlp_net **loaded = api_out(a, 1, sizeof(void *));
    size_t kind = fuzz_below(a->draw, 4);
    const mlp_hooks *hooks = api_hooks(a);
    a->logs = kind >= 2 || net;
    api_arm(a);
    if (kind < 2) {
        (void)api_done(a, mlp_onnx_save(net, path));
    } else if (api_done(a, kind == 2 ? mlp_onnx_load(path, hooks, loaded)
                                     : mlp_onnx_load_with(path, options, hooks,
                                                          loaded))) {
        api_put_net(a, *loaded);
    }
}

static api_call *const calls[] = {onnx_save_size, onnx_save_memory,
                                  onnx_load_memory, onnx_files};
const api_list api_onnx_calls = {calls, sizeof calls / sizeof calls[0]};
