/* SPDX-License-Identifier: MIT */
/*
 * Predicts classes with an exported network of int8 and counts those that
 * differ from the labels:
 *
 *     run_int8 <name>.bin
 *
 * export_tool.c writes the file. This program is C99 and C++, because it is
 * compiled together with an export, as both. It needs -DNET_FLOAT.
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
        /* The numbers that the integers stand for name the same class. */
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
