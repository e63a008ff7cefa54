/* SPDX-License-Identifier: MIT */
/* Calls of mlp_foreign.h: files of FANN and genann. */
#include "fuzz/api.h"
#include "fuzz/foreign.h"

#include "mlp_foreign.h"

static const mlp_foreign_options *any_options(api *a)
{
    mlp_foreign_options *o = api_in(a, 1, sizeof *o);
    *o = mlp_foreign_defaults();
    o->precision =
        (mlp_dtype)fuzz_below(a->draw, fuzz_once_in(a->draw, 16) ? 4 : 2);
    o->smooth_steps = fuzz_once_in(a->draw, 2);
    if (fuzz_once_in(a->draw, 4)) {
        o->hidden = (mlp_activation)fuzz_below(a->draw, 20);
        o->output = (mlp_activation)fuzz_below(a->draw, 20);
    }
    o->hooks = *api_hooks(a);
    o->reserved[3] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    return o;
}

/* Without options there are no hooks, so that a network cannot stay: its memory
 * would not be counted. */
static void done(api *a, mlp_status status, bool has_hooks, mlp_net **net)
{
    if (api_done(a, status)) {
        if (has_hooks) {
            api_put_net(a, *net);
        } else {
            mlp_net_free(*net);
        }
    }
}

/* Loads a file that may be the other library's, or have a lie in it; one time
 * in eight from a path, because the system is slow. */
static void load(api *a)
{
    enum { FILE_BYTES = 8192 };
    unsigned char room[FILE_BYTES];
    fuzz_file f = {room, 0, FILE_BYTES};
    bool is_fann = fuzz_once_in(a->draw, 2);
    if (is_fann != fuzz_once_in(a->draw, 32)) {
        fuzz_build_fann(&f, a->draw);
    } else {
        fuzz_build_genann(&f, a->draw);
    }
    if (fuzz_once_in(a->draw, 8)) {
        (void)fuzz_lie_in_text(&f, a->draw, 0, f.size);
    }
    const mlp_foreign_options *options = any_options(a);
    bool has_hooks = !fuzz_once_in(a->draw, 16);
    const mlp_foreign_options *given = has_hooks ? options : NULL;
    mlp_net **net = api_out(a, 1, sizeof(void *));
    size_t size = fuzz_once_in(a->draw, 64) ? 0 : f.size;
    a->logs = has_hooks;
    if (fuzz_once_in(a->draw, 8)) {
        const char *path = api_path(a, is_fann ? "net.net" : "net.ann");
        api_write(path, &f);
        api_arm(a);
        done(a,
             is_fann ? mlp_fann_load(path, given, net)
                     : mlp_genann_load(path, given, net),
             has_hooks, net);
    } else {
        unsigned char *bytes = fuzz_copy(room, size);
        unsigned char *block = fuzz_once_in(a->draw, 64) ? NULL : bytes;
        api_arm(a);
        done(a,
             is_fann ? mlp_fann_load_memory(block, size, given, net)
                     : mlp_genann_load_memory(block, size, given, net),
             has_hooks, net);
        free(bytes);
    }
}

static api_call *const calls[] = {load};
const api_list api_foreign_calls = {calls, sizeof calls / sizeof calls[0]};
