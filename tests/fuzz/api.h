/* SPDX-License-Identifier: MIT */
/*
 * What the calls of fuzz_api.c share: objects, arguments, and the promises that
 * are checked after each call.
 *
 * A call takes its objects and arguments from the functions below and ends with
 * api_done. All outputs of a call lie in one block, which is filled with a
 * pattern before the call, so that api_done sees whether a failure has left
 * them untouched. Networks and trainers are compared, byte by byte as they are
 * saved, with what they were before a call that failed, and other objects by
 * what they can tell.
 */
#ifndef TESTS_API_H
#define TESTS_API_H

#include "fuzz/fuzz.h"

enum { NETS = 3, TRAINERS = 2, WORKSPACES = 2, MAX_ROWS = 6, MAX_COLS = 6 };
enum { OUT_BYTES = 8192, IN_BYTES = 8192, BLOB_BYTES = 8192, MAX_TOUCHED = 8 };

/* What else the pool holds: so many objects of each kind. Those of the optional
 * libraries are known only to the files that call these. */
enum { HISTORIES, TABLES, RECIPES, PICTURES, KINDS };
enum { EACH = 2 };

typedef struct api_kind {
    size_t place; /* one of the above */
    void *(*make)(fuzz_draw *d);
    /* Writes what the object can tell, by which it is compared. */
    void (*tell)(const void *object, fuzz_file *f);
    void (*release)(void *object); /* NULL is allowed */
} api_kind;

/* An object, and the bytes that it is saved to: NULL until they are needed. */
typedef struct api_object {
    mlp_net *net;
    mlp_trainer *trainer; /* of the network `owner` */
    size_t owner;
    const api_kind *kind; /* of any other object */
    void *other;
    unsigned char *saved;
    size_t size;
} api_object;

typedef struct api {
    fuzz_draw *draw; /* of the present call */
    api_object nets[NETS], trainers[TRAINERS];
    mlp_workspace *workspaces[WORKSPACES];
    api_object others[KINDS][EACH];
    unsigned char blob[BLOB_BYTES]; /* the last file or state that was saved */
    size_t blob_size;
    /* The present call. */
    _Alignas(16) unsigned char out[OUT_BYTES];
    _Alignas(16) unsigned char in[IN_BYTES];
    size_t out_used, in_used;
    api_object *touched[MAX_TOUCHED];
    size_t n_touched;
    bool logs;       /* a failure has an object or hooks to log to */
    bool may_train;  /* a failure may leave other weights, as mlp.h says */
    bool may_repeat; /* a failure may have two messages, as with ranks */
    bool may_step;   /* a failure may leave another trainer, as mlp.h says */
} api;

/* A case of the fuzzer: calls one public function, or some that belong
 * together. */
typedef void api_call(api *a);

/* Prepares the next call, whose arguments `draw` decides. */
void api_begin(api *a, fuzz_draw *draw);
/* Makes one of the next allocations fail, sometimes. To be called last before
 * the function. */
void api_arm(api *a);
/* Ends a call: checks its status, its messages, and what it left behind.
 * Returns true if it succeeded. */
bool api_done(api *a, mlp_status status);
/* Frees everything. */
void api_end(api *a);

/* Return one of the objects, which is made first if it is not there; sometimes
 * NULL. */
mlp_net *api_net(api *a);
mlp_trainer *api_trainer(api *a);
mlp_workspace *api_workspace(api *a);
void *api_other(api *a, const api_kind *kind);
/* Returns the network of a trainer that api_trainer has returned. */
mlp_net *api_net_of(api *a, const mlp_trainer *trainer);
/* Puts a new object into the pool, in the place of another one, which is
 * freed. */
void api_put_net(api *a, mlp_net *net);
void api_put_trainer(api *a, mlp_trainer *trainer, const mlp_net *net);
void api_put_workspace(api *a, mlp_workspace *workspace);
void api_put_other(api *a, const api_kind *kind, void *object);
/* Frees an object of the pool, with all that borrows it. */
void api_drop(api *a);
void api_drop_other(api *a, const api_kind *kind);

/* Returns room for n outputs of `size` bytes; sometimes NULL. */
void *api_out(api *a, size_t n, size_t size);
/* Returns memory for arguments. */
void *api_in(api *a, size_t n, size_t size);

/* Return a count that is mostly below n, and a number that is mostly `usual`;
 * the others are wild. */
size_t api_count(api *a, size_t n);
double api_number(api *a, double usual);
/* Returns `hooks`, or NULL. */
const mlp_hooks *api_hooks(api *a);
/* Returns a text for a name, a key or a path; sometimes NULL. */
const char *api_text(api *a);
/* Returns the temporary folder of all files. */
const char *api_folder(void);
/* Returns the path of a file that may be there; sometimes NULL. */
const char *api_path(api *a, const char *name);
/* Writes a file. A path that is NULL or wrong gets none. */
void api_write(const char *path, const fuzz_file *f);

/* Return views: rows of numbers in [low, high]; inputs X and targets Y of a
 * network; outputs. Sometimes something does not fit. */
mlp_cview api_rows(api *a, mlp_dtype type, size_t rows, size_t cols);
mlp_cview api_X(api *a, const mlp_net *net, size_t rows);
mlp_cview api_Y(api *a, const mlp_net *net, size_t rows);
mlp_cview api_labels(api *a, size_t rows, size_t classes);
mlp_view api_view(api *a, mlp_dtype type, size_t rows, size_t cols);

/* The kind of histories, which fits return and pictures show. */
extern const api_kind api_histories;

/* The cases: a list for each file. The last ones are there if their libraries
 * are. */
typedef struct api_list {
    api_call *const *calls;
    size_t count;
} api_list;

extern const api_list api_net_calls, api_train_calls, api_small_calls;
extern const api_list api_data_calls, api_show_calls, api_foreign_calls;
extern const api_list api_onnx_calls;

#endif
