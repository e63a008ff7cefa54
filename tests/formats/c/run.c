/* SPDX-License-Identifier: MIT */
/*
 * Predicts with an exported network and compares with the library:
 *
 *     run <name>.bin
 *
 * export_tool.c writes the file. This program is C99 and C++, because it is
 * compiled together with an export, as both.
 */
#include <math.h>
#include <stdio.h>

#include NAMES /* "<name>_run.h" */

static number X[ROWS][INPUTS], expected[ROWS][OUTPUTS];
static number y[OUTPUTS], scratch[SCRATCH];

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    double worst = 0;
    if (!file || fread(X, sizeof X, 1, file) != 1 ||
        fread(expected, sizeof expected, 1, file) != 1) {
        return 2;
    }
    (void)fclose(file);
    for (int i = 0; i < ROWS; i++) {
        PREDICT(X[i], y, scratch);
        for (int j = 0; j < OUTPUTS; j++) {
            double far = fabs((double)y[j] - (double)expected[i][j]);
            worst = far <= worst ? worst : far;
        }
    }
    (void)printf("largest difference %g\n", worst);
    return worst <= MOST ? 0 : 1;
}
