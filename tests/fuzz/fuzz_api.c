/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of all public functions of all libraries but mlp_mpi, which needs an
 * MPI program around it: an input is a sequence of calls, six bytes each, of
 * which the first chooses the function and all of them the arguments. After each
 * call the promises of mlp.h are checked (api.h). FUZZ_DATA and the like say
 * which of the optional libraries are there.
 * tests/scripts/fuzz_calls.sh checks that no public function is missing.
 */
#include "fuzz/api.h"

enum { CALL = 6, MOST_CALLS = 32 };

static const api_list *const lists[] = {
    &api_net_calls,     &api_train_calls, &api_small_calls,
#ifdef FUZZ_DATA
    &api_data_calls,
#endif
#ifdef FUZZ_FOREIGN
    &api_foreign_calls,
#endif
#ifdef FUZZ_ONNX
    &api_onnx_calls,
#endif
#ifdef FUZZ_SHOW
    &api_show_calls,
#endif
};
enum { LISTS = sizeof lists / sizeof lists[0] };

static api_call *call_at(size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < LISTS; k++) {
        n += lists[k]->count;
    }
    i %= n;
    size_t k = 0;
    for (; i >= lists[k]->count; k++) {
        i -= lists[k]->count;
    }
    return lists[k]->calls[i];
}

static void check(const unsigned char *bytes, size_t size)
{
    static api a;
    a = (api){.blob_size = 0};
    for (size_t at = 0; at + CALL <= size && at < (size_t)CALL * MOST_CALLS;
         at += CALL) {
        fuzz_draw draw = {0};
        memcpy(&draw.state, bytes + at, CALL);
        api_begin(&a, &draw);
        call_at(bytes[at])(&a);
        (void)fuzz_messages();
    }
    api_end(&a);
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    for (size_t n = 1 + fuzz_below(d, 16); n > 0; n--) {
        uint64_t call = fuzz_word(d);
        fuzz_append(f, &call, CALL);
    }
}

/* Changes, removes, repeats or adds calls. */
static void lie(fuzz_file *f, fuzz_draw *d)
{
    uint64_t call = fuzz_word(d);
    size_t n = f->size / CALL;
    size_t at = CALL * fuzz_below(d, n + 1);
    n = n > 0 ? n : 1;
    switch (fuzz_below(d, 4)) {
    case 0:
        fuzz_splice(f, at, CALL, &call, CALL);
        break;
    case 1:
        fuzz_splice(f, at, CALL, "", 0);
        break;
    case 2:
        fuzz_splice(f, at, 0, f->bytes + CALL * fuzz_below(d, n), CALL);
        break;
    default:
        fuzz_splice(f, at, 0, &call, CALL);
        break;
    }
}

const fuzz_target fuzz_this = {build, lie, check, NULL};
