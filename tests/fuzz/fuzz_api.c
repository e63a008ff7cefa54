/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of all public functions: an input is a sequence of calls, six bytes
 * each, of which the first chooses the function and all of them the arguments.
 * After each call the promises of mlp.h are checked (api.h).
 * tests/scripts/fuzz_calls.sh checks that no public function is missing.
 */
#include "fuzz/api.h"

enum { CALL = 6, MOST_CALLS = 32 };

static api_call *call_at(size_t i)
{
    i %= api_net_count + api_train_count + api_small_count;
    if (i < api_net_count) {
        return api_net_calls[i];
    }
    i -= api_net_count;
    return i < api_train_count ? api_train_calls[i]
                               : api_small_calls[i - api_train_count];
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
