/* SPDX-License-Identifier: MIT */
/*
 * The functions that libFuzzer calls, made from those of a target; the draws,
 * the memory and the messages of fuzz.h.
 *
 * An input is a valid file with one lie, sometimes with two, or an input that
 * libFuzzer found interesting with one lie more. Valid files are kept for some
 * time, because to build one takes longer than to read it.
 */
#include "fuzz/fuzz.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

void fuzz_broken(const char *file, int line, const char *promise)
{
    (void)fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
    abort();
}

/* ---------------------------------------------------------------------------
 * Random choices
 */

uint64_t fuzz_word(fuzz_draw *d)
{
    d->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = d->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t fuzz_below(fuzz_draw *d, size_t n)
{
    return (size_t)(fuzz_word(d) >> 11) % n;
}

bool fuzz_once_in(fuzz_draw *d, size_t n)
{
    return fuzz_below(d, n) == 0;
}

double fuzz_real(fuzz_draw *d)
{
    static const double wild[] = {
        NAN,  INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, FLT_MAX, 4e38,     -0.0,
        0,    1e-320,   1e-45,     1e-50,   -1e-50,   1e300,   -1,       1,
        1e16, 0.999999, 1.000001,  2,       0.5,      -0.5,    16777217, 1e-7};
    if (fuzz_once_in(d, 8)) {
        return wild[fuzz_below(d, sizeof wild / sizeof wild[0])];
    }
    return ((double)fuzz_below(d, 4001) - 2000) / 1000;
}

/* ---------------------------------------------------------------------------
 * Memory and messages
 */

static size_t blocks, messages, countdown = SIZE_MAX;
static bool was_refused;

/* Needs no header before a block, because free() needs no size. */
static void *allocate(size_t bytes, void *user)
{
    (void)user;
    if (bytes > (size_t)1 << 24 || countdown == 0) {
        was_refused = true;
        countdown = SIZE_MAX; /* one failure is enough */
        return NULL;
    }
    countdown -= countdown < SIZE_MAX;
    void *block = malloc(bytes);
    blocks += block != NULL;
    return block;
}

static void release(void *block, void *user)
{
    (void)user;
    blocks -= block != NULL;
    free(block);
}

/* A hint is a message that begins with "hint: " and no failure. */
static void log_message(mlp_status status, const char *message, void *user)
{
    (void)user;
    size_t n = strlen(message);
    NEED(n > 0 && n < 256);
    for (size_t i = 0; i < n; i++) {
        NEED((unsigned char)message[i] >= ' ');
    }
    NEED((status == MLP_OK) == (strncmp(message, "hint: ", 6) == 0));
    messages += status != MLP_OK;
}

mlp_hooks fuzz_hooks(void)
{
    return (mlp_hooks){
        .allocate = allocate, .release = release, .log = log_message};
}

void fuzz_fail_after(size_t n)
{
    countdown = n;
    was_refused = false;
}

size_t fuzz_blocks(void)
{
    return blocks;
}

bool fuzz_was_refused(void)
{
    return was_refused;
}

size_t fuzz_messages(void)
{
    size_t n = messages;
    messages = 0;
    return n;
}

bool fuzz_succeeded(mlp_status status)
{
    NEED(fuzz_messages() == (status == MLP_OK ? 0 : 1));
    return status == MLP_OK;
}

void *fuzz_copy(const void *bytes, size_t n)
{
    void *block = malloc(n ? n : 1);
    NEED(block != NULL);
    if (n > 0) {
        memcpy(block, bytes, n);
    }
    return block;
}

void *fuzz_zeros(size_t n, size_t size)
{
    void *block = calloc(n ? n : 1, size);
    NEED(block != NULL);
    return block;
}

/* ---------------------------------------------------------------------------
 * Inputs
 */

static size_t inputs, accepted;

static void print_counts(void)
{
    (void)fprintf(stderr, "%zu inputs, %zu of them accepted\n", inputs,
                  accepted);
}

void fuzz_accept(void)
{
    accepted++;
}

static void begin(void)
{
    static bool has_begun;
    if (!has_begun) {
        has_begun = true;
        (void)atexit(print_counts);
        if (fuzz_this.begin) {
            fuzz_this.begin();
        }
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    begin();
    inputs++;
    size_t before = blocks;
    messages = 0;
    fuzz_fail_after(SIZE_MAX);
    unsigned char *copy = fuzz_copy(bytes, size);
    fuzz_this.check(copy, size);
    free(copy);
    NEED(blocks == before);
    return 0;
}

/* Copies one of the valid files, or makes a new one. */
static void take_valid(fuzz_file *f, fuzz_draw *d)
{
    enum { FILES = 64, LONGEST = 8192, USES = 16 };
    static unsigned char valid[FILES][LONGEST];
    static size_t sizes[FILES];
    size_t i = fuzz_below(d, FILES);
    if (sizes[i] == 0 || fuzz_once_in(d, USES)) {
        fuzz_file made = {valid[i], 0, LONGEST};
        fuzz_this.build(&made, d);
        sizes[i] = made.size;
    }
    f->size = sizes[i] < f->room ? sizes[i] : f->room;
    memcpy(f->bytes, valid[i], f->size);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room,
                               unsigned seed)
{
    fuzz_draw d = {seed};
    fuzz_file f = {bytes, size, room};
    begin();
    if (!fuzz_this.build) {
        return LLVMFuzzerMutate(bytes, size, room);
    }
    if (size < 8 || fuzz_once_in(&d, 2)) {
        take_valid(&f, &d);
    } else if (fuzz_once_in(&d, 8)) {
        f.size = LLVMFuzzerMutate(bytes, size, room);
    }
    for (size_t n = fuzz_once_in(&d, 4) ? 2 : 1; n > 0 && f.size > 0; n--) {
        fuzz_this.lie(&f, &d);
    }
    return f.size;
}
