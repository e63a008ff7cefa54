/* SPDX-License-Identifier: MIT */
/*
 * Sees classes with an exported network of int8, and counts those that differ:
 * run_int8 <name>.bin, see export_tool.c. C99 and C++. Needs -DNET_FLOAT.
 */
#include <stdio.h>

#include NAMES /* "<name>_run.h" */

static float x[NET_INPUTS], a[NET_OUTPUTS];
static int8_t q[NET_INPUTS], y[NET_OUTPUTS], scratch[NET_SCRATCH];

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    int wrong = 0;
    for (int i = 0; i < ROWS; i++) {
        int32_t label = -1;
        if (!file || fread(x, sizeof x, 1, file) != 1 ||
            fread(&label, sizeof label, 1, file) != 1) {
            return 2;
        }
        net_quantise(x, q);
        net_predict(q, y, scratch);
        net_dequantise(y, a);
        wrong += net_class(y) != label;
        /* What int8 stand for names the same class. */
        int most = NET_OUTPUTS == 1 && a[0] >= 0.5f;
        for (int j = 1; j < NET_OUTPUTS; j++) {
            most = a[most] < a[j] ? j : most;
        }
        if (most != net_class(y)) {
            return 3;
        }
    }
    (void)fclose(file);
    (void)printf("%d of %d classes differ, at most %d\n", wrong, ROWS,
                 MOST_WRONG);
    return wrong <= MOST_WRONG ? 0 : 1;
}
