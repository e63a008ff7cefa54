/* SPDX-License-Identifier: MIT */
/* What is in the folder of a test. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include "support/support.h"

#include <dirent.h>

/* Counts the files whose names do not begin with a dot. */
static inline size_t files_in(const char *folder)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return n;
}

#endif
