/* SPDX-License-Identifier: MIT */
/*
 * Tables of calls to which every fault happens. A row of such a table is a call
 * of one public function. It is made with its first allocation failing, then
 * with its second, and so on; and with each of its system calls failing, cut
 * short, or interrupted by a signal. After each fault the driver checks that
 *
 *   - the status is that of the fault, and one message tells it, which for a
 *     file has the name of the file;
 *   - the objects, the outputs and the files of the folder are as before, by a
 *     hash of all their bytes;
 *   - no block and no descriptor is left;
 *   - afterwards the call succeeds, with the outputs, objects and files of a
 *     world without faults.
 *
 * A row says whether the function allocates and whether it uses files, and the
 * driver checks that, too: a function that does neither is shown to do neither.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "support/training.h"

#include "trust/failing_memory.h"
#include "trust/failing_system.h"

/* ---------------------------------------------------------------------------
 * A world: the objects that calls work on, and what calls make
 */

enum { ROWS = 24, INPUTS = 4, OUTPUTS = 3, OUT_BYTES = 1 << 16 };

/* Stands where a call shall write a pointer, until it does. */
extern char mlp_fault_untouched[];
#define UNTOUCHED ((void *)mlp_fault_untouched)

typedef struct world {
    mlp_dtype precision;
    bool has_old; /* the files that calls write exist already */
    mlp_hooks hooks;
    size_t messages;
    mlp_status told;
    char message[256];

    /* A message of MLP_ERR_IO must name one of these files; NULL: none. */
    const char *file, *beside;

    mlp_net *net;   /* with batch norm, dropout, scaling, names and metadata */
    mlp_net *plain; /* one output, bce */
    mlp_trainer *trainer;
    mlp_workspace *workspace;
    mlp_view X, Y; /* (ROWS, INPUTS) and (ROWS, OUTPUTS) one-hot */
    int32_t labels[ROWS];
    unsigned char *bytes; /* of a file that `prepare` made */
    size_t size;
    mlp_history *history;       /* NULL unless `prepare` made one */
    FILE *stream;               /* the same; the file is `file` */
    unsigned char buffer[4096]; /* of the stream */
    void *more;                 /* objects of another library */

    /* What calls write. */
    struct {
        mlp_net *net;
        mlp_trainer *trainer;
        mlp_workspace *workspace;
        mlp_history *history;
        void *more;
    } made;
    union {
        unsigned char bytes[OUT_BYTES];
        double numbers[OUT_BYTES / sizeof(double)];
        float floats[OUT_BYTES / sizeof(float)];
        int32_t labels[OUT_BYTES / sizeof(int32_t)];
        size_t sizes[OUT_BYTES / sizeof(size_t)];
        mlp_scores scores;
        mlp_gradient_check check;
        mlp_view view;
        mlp_export_report report;
    } out;
} world;

/* Returns a view of `out` in the precision of the world. */
mlp_view mlp_fault_out_view(world *w, size_t rows, size_t cols);

/* ---------------------------------------------------------------------------
 * Hashes: FNV-1a of all bytes that can be observed
 */

void mlp_fault_note_bytes(uint64_t *hash, const void *bytes, size_t n);
void mlp_fault_note_text(uint64_t *hash,
                         const char *text); /* NULL is allowed */
void mlp_fault_note_net(uint64_t *hash, const mlp_net *net);

/* ---------------------------------------------------------------------------
 * Tables
 */

enum {
    ALLOCATES = 1,
    FILES = 2,     /* makes system calls on files */
    THREADS = 4,   /* asks for the number of cores, and may start threads */
    MALLOC = 8,    /* has no hooks: takes memory by malloc */
    NO_HOOKS = 16, /* has no message */
    PARTIAL =
        32, /* writes to w->stream, which may hold a part after a failure */
    STREAMS = 64, /* writes by C's streams, which do not go on after a signal */
    KEEPS = 128   /* the object may keep memory for the next try */
};

typedef struct fault_case {
    const char *name; /* the public function, and perhaps words after it */
    unsigned uses;
    mlp_status (*call)(world *w);
    void (*prepare)(world *w); /* NULL: nothing more is needed */
} fault_case;

typedef struct fault_suite {
    const char *name;
    const fault_case *cases;
    size_t n;
    /* Make and free w->more, and add it to a hash; NULL: there is nothing. */
    void (*make)(world *w);
    void (*end)(world *w);
    void (*note)(uint64_t *hash, const world *w);
    /* Adds what a call made, w->made.more, to a hash, and frees it. */
    void (*note_made)(uint64_t *hash, const world *w);
    void (*free_made)(world *w);
} fault_suite;

/* The main function of a program with one table. With the argument "rows" it
 * prints the names of the rows. */
int mlp_fault_main(const fault_suite *suite, int argc, char **argv);

/* Makes a world in the current folder, and frees it with what calls made. */
void mlp_fault_world_make(world *w, const fault_suite *suite,
                          mlp_dtype precision, bool has_old);
void mlp_fault_world_end(world *w, const fault_suite *suite);

/* Frees what a call made. */
void mlp_fault_world_forget(world *w, const fault_suite *suite);

/* The hash of all that can be observed: objects, outputs, files. Files beside a
 * path, which only an unlink could remove, are left out on demand. */
uint64_t mlp_fault_world_hash(const world *w, const fault_suite *suite,
                              bool without_beside);

/* Writes a file of the current folder, and reads one into w->bytes. */
void mlp_fault_put_file(const char *name, const void *bytes, size_t n);
void mlp_fault_take_file(world *w, const char *name);

/* Removes every file of the current folder. */
void mlp_fault_empty_folder(void);

#endif
