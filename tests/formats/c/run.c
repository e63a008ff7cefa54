/* SPDX-License-Identifier: MIT */
/*
 * Predicts with an exported network and compares with the library; so with
 * Jacobians, if the export has them:
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

#ifdef JACOBIAN

static number jacobians[JACOBIANS][OUTPUTS][INPUTS];
static number jacobian[OUTPUTS][INPUTS], jacobian_scratch[JACOBIAN_SCRATCH];

/* Returns the largest derivative by each input, which is the measure of
 * differences: derivatives may become small by cancellation. */
static double size_of_column(int k)
{
    double size = 0;
    for (int i = 0; i < JACOBIANS; i++) {
        for (int j = 0; j < OUTPUTS; j++) {
            double far = fabs((double)jacobians[i][j][k]);
            size = size < far ? far : size;
        }
    }
    return size;
}

/* Returns the largest difference between an element and the library's, in parts
 * of its column's size. */
static double compare_jacobians(FILE *file)
{
    double worst = 0;
    double size[INPUTS];
    if (fread(jacobians, sizeof jacobians, 1, file) != 1) {
        return 1;
    }
    for (int k = 0; k < INPUTS; k++) {
        size[k] = size_of_column(k);
    }
    for (int i = 0; i < JACOBIANS; i++) {
        JACOBIAN(X[i], &jacobian[0][0], jacobian_scratch);
        for (int j = 0; j < OUTPUTS; j++) {
            for (int k = 0; k < INPUTS; k++) {
                double far =
                    fabs((double)jacobian[j][k] - (double)jacobians[i][j][k]) /
                    size[k];
                worst = far <= worst ? worst : far;
            }
        }
    }
    return worst;
}

#endif

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    double worst = 0;
    if (!file || fread(X, sizeof X, 1, file) != 1 ||
        fread(expected, sizeof expected, 1, file) != 1) {
        return 2;
    }
    for (int i = 0; i < ROWS; i++) {
        PREDICT(X[i], y, scratch);
        for (int j = 0; j < OUTPUTS; j++) {
            double far = fabs((double)y[j] - (double)expected[i][j]);
            worst = far <= worst ? worst : far;
        }
    }
    (void)printf("largest difference %g\n", worst);
#ifdef JACOBIAN
    double of_jacobians = compare_jacobians(file);
    (void)printf("of Jacobians %g\n", of_jacobians);
    worst = of_jacobians <= MOST_OF_JACOBIANS ? worst : 1;
#endif
    (void)fclose(file);
    return worst <= MOST ? 0 : 1;
}
