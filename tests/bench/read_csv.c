/* SPDX-License-Identifier: MIT */
/*
 * The program of bench/read_csv.py: loads a CSV file and prints the seconds, the
 * rows and the peak of the memory in bytes.
 */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier) */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "mlp_data.h"

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_data *data = NULL;
    double begin = now();
    if (argc != 2 || mlp_data_load(argv[1], NULL, &hooks, &data) != MLP_OK) {
        return 1;
    }
    double seconds = now() - begin;
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("%.4f %zu %ld\n", seconds, mlp_data_rows(data),
                 usage.ru_maxrss * 1024);
    mlp_data_free(data);
    return 0;
}
