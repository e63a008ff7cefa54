/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target reads files of one kind. It defines
 * fuzz_this, whose functions
 *
 *     build   write a valid file, such as the library writes
 *     lie     change one thing in it: a count, a name, a range, a number. Where
 *             the file has a checksum, the lie makes it true again, so that
 *             the reader gets past it
 *     check   read the bytes and abort where the library breaks a promise
 *
 * target.c makes the functions of libFuzzer from these three, and main.c
 * calls them where there is no libFuzzer. A target may lack build and lie.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

/* Aborts the program, which libFuzzer reports with the input, if the library
 * breaks a promise. */
#define NEED(holds)                                                            \
    ((holds) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #holds))
_Noreturn void fuzz_broken(const char *file, int line, const char *promise);

/* ---------------------------------------------------------------------------
 * Random choices: SplitMix64, which needs one word of state
 */

typedef struct fuzz_draw {
    uint64_t state;
} fuzz_draw;

uint64_t fuzz_word(fuzz_draw *d);
/* Draws a number from 0 to n - 1; n is at least 1. */
size_t fuzz_below(fuzz_draw *d, size_t n);
/* Returns true once in n times. */
bool fuzz_once_in(fuzz_draw *d, size_t n);
/* Draws a number that a network computes with: mostly a small one, sometimes
 * NaN, an infinity, a subnormal, or the largest. */
double fuzz_real(fuzz_draw *d);

/* ---------------------------------------------------------------------------
 * Files in memory, and lies in them
 */

typedef struct fuzz_file {
    unsigned char *bytes;
    size_t size, room;
} fuzz_file;

/* Replaces bytes [at, at + removed) by n others. What has no room is cut. */
void fuzz_splice(fuzz_file *f, size_t at, size_t removed, const void *added,
                 size_t n);
/* Append bytes, and a text as printf writes it. */
void fuzz_append(fuzz_file *f, const void *bytes, size_t n);
void fuzz_print(fuzz_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells one lie in the text [from, to): changes, removes, doubles or exchanges
 * a word, a number, a mark, or what stands between two marks. Returns the new
 * end of the text. */
size_t fuzz_lie_in_text(fuzz_file *f, fuzz_draw *d, size_t from, size_t to);

/* Tells one lie in binary fields [from, to): an integer or a real number of 1
 * to 8 bytes in either order gets another value, or bytes are added, copied or
 * removed. Returns the new end of the fields. */
size_t fuzz_lie_in_fields(fuzz_file *f, fuzz_draw *d, size_t from, size_t to);

/* Tells one lie in a safetensors file: in its header, whose length stays true,
 * or in the length itself, or in the data. An .mlp file gets its checksum. */
void fuzz_lie_in_tensors(fuzz_file *f, fuzz_draw *d);

/* ---------------------------------------------------------------------------
 * Memory and messages
 */

/* Hooks that count. `allocate` refuses blocks above 16 MB, as a small machine
 * does, and the block that `fuzz_fail_after` names. */
mlp_hooks fuzz_hooks(void);
/* Makes the allocation after n more fail; SIZE_MAX: none. */
void fuzz_fail_after(size_t n);
/* Returns the number of blocks in use, and whether a block was refused since
 * fuzz_fail_after. */
size_t fuzz_blocks(void);
bool fuzz_was_refused(void);
/* Returns the number of messages about failures since the last call. Each has
 * been checked: one line without control characters, shorter than 256. */
size_t fuzz_messages(void);

/* Checks that a call with hooks gave one message if it failed and none if it
 * succeeded, and forgets them. Returns true if it succeeded. */
bool fuzz_succeeded(mlp_status status);

/* Returns a block of exactly n bytes, a copy of these, so that tools see a read
 * past its end. The caller frees it. */
void *fuzz_copy(const void *bytes, size_t n);
/* Returns n zeroed elements; the caller frees them. */
void *fuzz_zeros(size_t n, size_t size);

/* ---------------------------------------------------------------------------
 * Networks
 */

/* Makes a small network with everything at random: layers, loss, precision,
 * parameters, scaling, names, metadata. */
mlp_net *fuzz_net(fuzz_draw *d);
/* Saves a network to memory, which the caller frees. */
unsigned char *fuzz_saved(const mlp_net *net, size_t *size);
/* Predicts a row of zeros, which must succeed. */
void fuzz_predict(const mlp_net *net);
/* Saves a loaded network, loads the file, and saves again: the bytes must be
 * equal, unless a NaN lost its bits. */
void fuzz_save_twice(const mlp_net *net);

/* ---------------------------------------------------------------------------
 * The target
 */

typedef struct fuzz_target {
    void (*build)(fuzz_file *f, fuzz_draw *d);
    void (*lie)(fuzz_file *f, fuzz_draw *d);
    void (*check)(const unsigned char *bytes, size_t size);
    void (*begin)(void); /* makes what all inputs use, unless it is NULL */
} fuzz_target;

/* Every target defines this. */
extern const fuzz_target fuzz_this;

/* Counts an input that the reader accepted; the sum is printed at the end. */
void fuzz_accept(void);

/* The names that libFuzzer calls.
 * NOLINTBEGIN(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room,
                               unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
/* NOLINTEND(readability-identifier-naming) */

#endif
