/* SPDX-License-Identifier: MIT */
/*
 * What the objects and inputs of a world are before a call and after it: a
 * snapshot holds all that can be seen of the objects, and lend (misuse.h) keeps
 * copies of what the call only reads.
 */
#ifndef TESTS_TRUST_MISUSE_STATE_H
#define TESTS_TRUST_MISUSE_STATE_H

#include "trust/misuse.h"

/* NOLINTBEGIN(readability-identifier-naming): short, as in misuse.h */

enum { PATTERN = 0xa5 };

/* A network whose metadata a recipe is saved in, to see its text. */
extern mlp_net *paper;

/* End the program if the test itself is wrong. */
void need(bool good, const char *what);
void need_ok(mlp_status status, const char *what);

/* What can be seen of an object. A call may give a network a name, and a picture
 * a panel, that is longer than all this: that is another state, whatever it
 * is. */
typedef struct account {
    unsigned char bytes[1 << 14];
    size_t used;
} account;

enum {
    NETS,
    TRAINER,
    WORKSPACE,
    RNG,
    ORDER,
    HISTORY,
    TABLE,
    RECIPE,
    PICTURE,
    N_ACCOUNTS
};

typedef account snapshot[N_ACCOUNTS];

/* The flag of the functions that may change an object, 0 if there are none, and
 * what is wrong if another one does. */
typedef struct change {
    const char *changed;
    unsigned flag;
} change;

extern const change may_change[N_ACCOUNTS];

/* Takes a snapshot after a call, or before it: then no state may be too long to
 * be told from others. */
void take_snapshot(const world *w, snapshot s);
void take_first_snapshot(const world *w, snapshot s);

/* True if all that was lent since lend_inputs is as before. The structs of the
 * call must still be alive. */
bool loans_are_same(void);

/* NOLINTEND(readability-identifier-naming) */

#endif
