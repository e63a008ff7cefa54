/* SPDX-License-Identifier: MIT */
/*
 * The kernels: all arithmetic of the library, as tables of functions.
 *
 * There is one table for each instruction set and precision. All are compiled
 * from the same templates (*_tmpl.h) over a vocabulary of vector operations
 * (vec_*.h). Every network holds a pointer to its table, chosen when the
 * network is created.
 *
 * All tables give the same bits, because the order of operations is fixed.
 * These are the rules of canonical arithmetic:
 *
 * - An element of a product is the chain s = fma(a[k], b[k], s), k ascending,
 *   with s = 0 at first. The bias is added to the finished chain. A chain is
 *   never divided, because partial sums that are added afterwards would round
 *   differently. Since a b = b a, C^T = B^T A^T has the same chains as C = A B.
 * - Elementwise work uses + - * / sqrt and fma exactly as written; the compiler
 *   contracts nothing.
 * - A sum over rows or elements has eight lanes: term i is added to lane
 *   i mod 8, and the lanes are added in the order of mlpi_join_lanes. Eight
 *   chains are faster and more exact than one, and fit vectors of 1, 2, 4 or 8
 *   doubles. There are two exceptions: column_moments adds row after row, as
 *   NumPy does, and find_bad_row_sum adds the elements of a row one after the
 *   other. (Outside the kernels, row and class weights, losses of batches, and
 *   the sums of chunks are added one after the other.)
 *
 * Conventions: "real" is the number type of the table, float or double. Shapes
 * are given as real [m][n], which are m dense rows of n numbers, or as real
 * (m, n), whose rows or columns may lie apart by a stride. Sizes may be 0
 * unless stated otherwise. Kernels do not check their arguments, do not
 * allocate and cannot fail.
 */
#ifndef MLPI_KERNELS_KERNELS_H
#define MLPI_KERNELS_KERNELS_H

#include "mlp.h"

#define MLPI_LANES 8
#define MLPI_MOMENT_COLUMNS 64 /* the most columns for column_moments */

/* The fewest columns of a product whose C is a part of wider rows: one more
 * than two of the longest vectors, which hold 16 floats. Narrower products may
 * be computed by gemm_small_tmpl.h or as C^T, which need a dense C. */
#define MLPI_GEMM_MIN_STRIDED_COLUMNS 33

/* Adds the lanes of a sum: the upper half of the lanes to the lower half, until
 * one is left. Of eight sums four are left, then two (of the even and of the
 * odd lanes), then one. Vectors of 1 to 8 doubles can follow this order. */
static inline double mlpi_join_lanes(const double s[MLPI_LANES])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* ---------------------------------------------------------------------------
 * Arguments of products
 */

/* A matrix to read: element (i, j) is data[i * row_stride + j * col_stride].
 * A transpose is the same data with the strides exchanged. */
typedef struct mlpi_operand {
    const void *data; /* real */
    size_t row_stride, col_stride;
} mlpi_operand;

/* The view as an operand. The stride of a dimension of size 1 is never used
 * and may be anything in a view; here it becomes 1, so that products recognise
 * contiguous data. */
static inline mlpi_operand mlpi_operand_of(mlp_cview view)
{
    return (mlpi_operand){view.data, view.rows > 1 ? view.row_stride : 1,
                          view.cols > 1 ? view.col_stride : 1};
}

/* An update of n parameters by an optimizer. The head of optimizer_step_tmpl.h
 * has the formulas, with these names. */
typedef struct mlpi_optimizer_step_args {
    mlp_optimizer_kind kind;
    size_t n;
    const void *dw;       /* real [n] */
    void *w;              /* real [n] */
    void *state[2];       /* real [n] each; as many as the kind has, or NULL */
    double limit, scale;  /* g = scale * (dw[i] clipped to +-limit) */
    double weight_factor; /* w[i] is multiplied by this first: weight decay */
    double alpha;         /* the learning rate, with Adam's bias correction */
    double decay[2];      /* factors of the old averages */
    double gain[2];       /* factors of the new terms in the averages */
    double root_factor;   /* Adam's bias correction of sqrt s */
    double epsilon;
    double rprop_grow, rprop_shrink; /* factors of Rprop's sizes */
    double rprop_min, rprop_max;     /* limits of Rprop's sizes */
} mlpi_optimizer_step_args;

/* C = A B + bias, where C is (m, n), A (m, k) and B (k, n). Work that would
 * need another pass over C can be done together with the product. A pointer
 * that is NULL leaves out its part, the bias included.
 *
 * C, relu_mask, relu, and the update's w and states are real [m][n] if width is
 * 0. Otherwise they are n columns of matrices with rows of `width` numbers,
 * which requires n >= MLPI_GEMM_MIN_STRIDED_COLUMNS and k > 0. */
typedef struct mlpi_gemm_args {
    size_t m, n, k, width;
    mlpi_operand A, B;
    const void *bias; /* real [n] */
    /* C is 0 where relu_mask is <= 0. This is the backward pass of ReLU, whose
     * derivative is 1 where its output is > 0, and 0 elsewhere. */
    const void *relu_mask;
    void *C; /* always needed; contents unspecified after an update */
    /* True if C holds sums of earlier terms, and each chain goes on from there.
     * Then k > 0. */
    bool resumes;
    void *relu; /* receives max(0, C); may be C itself */
    /* If not NULL, C is the gradient of this update, whose n and dw are not
     * read. Only its w and states are results. */
    const mlpi_optimizer_step_args *update;
    void *scratch; /* real [gemm_scratch(m, n, k)] */
} mlpi_gemm_args;

typedef void mlpi_gemm_function(const mlpi_gemm_args *product);

/* sums[j] = sum over i of X[i][j], in eight lanes. If the rows of X come in
 * several calls, `lanes` carries the sums from one to the next: the caller sets
 * it to 0 before the first, and every call but the last has a multiple of
 * MLPI_LANES rows. Then `sums` is that of all rows so far. */
typedef struct mlpi_column_sums_args {
    size_t m, n;
    const void *X; /* real [m][n] */
    void *lanes;   /* real [MLPI_LANES][n]; NULL: these are all rows */
    void *sums;    /* real [n] */
} mlpi_column_sums_args;

/* ---------------------------------------------------------------------------
 * Arguments of activations and losses
 */

/* The elementary functions that `map` computes. */
typedef enum mlpi_elementary {
    MLPI_MAP_EXP,
    MLPI_MAP_LOG,
    MLPI_MAP_TANH,
    MLPI_MAP_SIGMOID
} mlpi_elementary;

/* Describes the activation of a layer for m dense rows of n neurons. */
typedef struct mlpi_activation_args {
    mlp_activation f;
    double slope; /* of leaky ReLU and ELU, for z <= 0 */
    size_t m, n;
} mlpi_activation_args;

/* True if the derivative is computed from z, false if from a. A caller keeps Z
 * for the backward pass only if this is true. */
static inline bool mlpi_needs_z(mlp_activation f)
{
    return f == MLP_ACT_SILU || f == MLP_ACT_GELU || f == MLP_ACT_GELU_TANH;
}

/* Y[i][j] = factor[i] * (X[i][j] - shift[j]), rounded twice. This multiplies a
 * matrix from the left by the derivative of an activation: by a diagonal matrix
 * or, with a shift, by that of softmax (predict/jacobian.c). */
typedef struct mlpi_scale_rows_args {
    size_t m, n;
    const void *factor; /* real [m] */
    const void *shift;  /* real [n]; NULL: nothing is subtracted */
    const void *X;      /* real [m][n] */
    void *Y;            /* real [m][n]; may be X, but that is slower */
} mlpi_scale_rows_args;

/* One layer as predict_row reads it. */
typedef struct mlpi_row_layer {
    size_t n_prev;
    mlpi_activation_args activation; /* with m = 1 */
    const void *W;                   /* real [n_prev][n] */
    const void *b;                   /* real [n] */
} mlpi_row_layer;

/* Describes the prediction of a single row: L layers, from x to out. */
typedef struct mlpi_predict_row_args {
    size_t L;
    const mlpi_row_layer *layer; /* [L] */
    bool exceeds_l1;             /* the L1 cache cannot hold all weights */
    const void *x;               /* real [n_prev of the first layer] */
    void *hidden[2]; /* scratch: each has space for the outputs of the widest
                        layer, rounded up to a multiple of 64 bytes, and is
                        aligned to 64 bytes */
    void *out;       /* real [n of the last layer] */
} mlpi_predict_row_args;

/* Outputs a and targets y, whose loss has a term for each of the n pairs. */
typedef struct mlpi_loss_terms_args {
    mlp_loss loss;
    double delta; /* of Huber's loss */
    bool from_z;  /* bce, cce: `a` holds z, whose sigmoid is the output;
                     poisson: `a` always holds z, whose exp is the output */
    size_t n;
    const void *a, *y;    /* real [n] */
    const double *extra;  /* [n]; quantile: tau; gaussian_nll: the logarithm of
                             the variance, where `a` holds the mean */
    const double *weight; /* [n], factors of the terms; NULL means 1 */
} mlpi_loss_terms_args;

/* m rows of n outputs before a softmax, z, and their targets y; dense. */
typedef struct mlpi_cce_rows {
    size_t m, n;
    bool is_float;     /* true: z and y are float, else double */
    const void *z, *y; /* [m][n] */
} mlpi_cce_rows;

/* Outputs and targets of losses that treat columns differently, for m dense
 * rows of n targets. */
typedef struct mlpi_column_loss_args {
    mlp_loss loss; /* quantile or gaussian_nll */
    size_t m, n;
    const double *tau; /* [n]; quantile only */
    const void *A; /* real [m][n]; gaussian_nll: [m][2 n], n means and then n
                      logarithms of variances */
    const void *Y; /* real [m][n] */
} mlpi_column_loss_args;

/* ---------------------------------------------------------------------------
 * Arguments of batch norm, dropout and data
 */

/* Mean and variance (divided by m) of n columns of m rows, which are `stride`
 * apart. model/batch_norm.h has the formulas. */
typedef struct mlpi_moments_args {
    size_t m, n, stride;
    const void *U;  /* real (m, n) */
    void *mean;     /* real [n] */
    void *variance; /* real [n] */
} mlpi_moments_args;

/* X_hat = (U - mean) * r, where r = 1 / sqrt(variance + epsilon) is rounded
 * first, and Z = fma(scale, X_hat, shift). */
typedef struct mlpi_normalise_args {
    size_t m, n;
    double epsilon;
    const void *mean, *variance, *scale, *shift; /* real [n] */
    const void *U;                               /* real [m][n] */
    void *X_hat; /* real [m][n]; may be U, or NULL if not wanted */
    void *Z;     /* real [m][n]; may be U */
} mlpi_normalise_args;

/* The backward pass of batch norm. normalise_sums computes dscale and dshift
 * from all rows of the batch; then normalise_backward replaces dZ by dU in some
 * or all of the rows. */
typedef struct mlpi_normalise_backward_args {
    size_t m, n, stride; /* rows are `stride` apart */
    size_t batch;        /* rows that dscale and dshift were summed over */
    double epsilon;
    const void *variance, *scale; /* real [n] */
    const void *X_hat;            /* real (m, n) */
    void *dZ;                     /* real (m, n) */
    void *dscale;                 /* real [n]: sum of dZ * X_hat */
    void *dshift;                 /* real [n]: sum of dZ */
} mlpi_normalise_backward_args;

/* out[i] = in[i] * f, where f is 0 with probability p, else 1 / (1 - p) rounded
 * to a real; 0 * NaN is NaN. Whether an element is
 * dropped depends on the key and on its number, first + i, alone, so the
 * backward pass gets the same mask without storing it. */
typedef struct mlpi_dropout_kernel_args {
    uint64_t key;
    double p; /* in [0, 1) */
    size_t first, n;
    const void *in; /* real [n] */
    void *out;      /* real [n]; may be `in` */
} mlpi_dropout_kernel_args;

/* out = rows of X in a given order, standardised if mean is not NULL:
 * out[i][j] = (X[order[i]][j] - mean[j]) / std[j]. */
typedef struct mlpi_load_rows_args {
    size_t m, n;
    mlpi_operand X;
    const size_t *order; /* [m]; NULL means 0 to m - 1 */
    /* If not 0, rows order[prefetch_ahead .. prefetch_ahead + m - 1] will be
     * loaded next, and are prefetched. */
    size_t prefetch_ahead;
    const void *mean, *std; /* real [n] each */
    void *out;              /* real [m][n] */
} mlpi_load_rows_args;

/* ---------------------------------------------------------------------------
 * Functions that gain little from vectors. They are compiled once for each
 * precision, and all tables of a precision share them.
 */
typedef struct mlpi_scalar_kernels {
    /* ---- parts of the table's kernels; nothing else calls them ---- */

    /* A product with k = 0 and dense C, for gemm: every chain is 0. */
    void (*empty_product)(const mlpi_gemm_args *product);
    /* The search of find_not_finite, element by element. */
    bool (*scan_not_finite)(mlp_cview X, size_t *row, size_t *col);

    /* ---- data ---- */

    /* Like load_rows, but X (m, 1) holds int32 classes, and out is real [m][n]:
     * 1 in the column of the class and 0 elsewhere. A row is all NaN if its
     * class is not in [0, n). The mean is not read. */
    void (*one_hot)(const mlpi_load_rows_args *args);
    /* Copies `dense`, real [m][n], to the view, which may have any strides. */
    void (*copy_out)(size_t m, size_t n, const void *dense, mlp_view out);
    /* Undoes standardisation: a[i][j] = a[i][j] * std[j] + mean[j], rounded
     * twice; a is real [m][n]. */
    void (*inverse_standardise)(size_t m, size_t n, const void *mean,
                                const void *std, void *a);
    /* out[i] = x[i], rounded to a real. */
    void (*from_double)(size_t n, const double *x, void *out);
    /* Returns x rounded to a real, as a double. */
    double (*round_to_real)(double x);
    /* y[i] = decay * y[i] + gain * x[i], three roundings. */
    void (*running_average)(size_t n, double decay, double gain, const void *x,
                            void *y);
    /* Mean and standard deviation (with 1 / m) of each column over m rows, at
     * least 1: rows order[0], order[1], ... of X or, if `order` is NULL, rows
     * 0 to m - 1. X has at most MLPI_MOMENT_COLUMNS columns, and finite numbers
     * only. Columns of equal values have standard deviation 0. */
    void (*column_moments)(mlp_cview X, const size_t *order, size_t m,
                           double *mean, double *std);

    /* ---- questions about data ----
     * A function that finds something returns true, and where it is; it leaves
     * the results untouched if it returns false. Rows are searched in order. */

    /* Finds the first element that is not in [0, 1]. */
    bool (*find_not_unit)(mlp_cview X, size_t *row, size_t *col);
    /* Finds the first row whose sum is NaN or differs from 1 by more than
     * 1e-6. */
    bool (*find_bad_row_sum)(mlp_cview X, size_t *row, double *sum);

    /* ---- labels; `a` and `y` are real [m][n] ---- */

    /* Sets labels[i][j] to 1 if a[i][j] >= threshold, else to 0; to -1 where
     * a[i][j] is NaN. */
    void (*threshold_labels)(size_t m, size_t n, double threshold,
                             const void *a, mlp_view labels);
    /* labels[i][0] = the first j with the largest a[i][j]; -1 if the row
     * contains a NaN. */
    void (*argmax_labels)(size_t m, size_t n, const void *a, mlp_view labels);
    /* Counts the i < n for which y[i] is 1 and a[i] >= 0.5, or y[i] is 0 and
     * a[i] < 0.5. */
    size_t (*count_correct)(size_t n, const void *a, const void *y);
    /* Counts the rows with argmax(a[i]) == argmax(y[i]), where the first of
     * several largest elements counts. A row with a NaN does not count. */
    size_t (*count_correct_rows)(size_t m, size_t n, const void *a,
                                 const void *y);
} mlpi_scalar_kernels;

/* ---------------------------------------------------------------------------
 * The table
 */
typedef struct mlpi_kernels {
    const char *name; /* of the instruction set */
    mlp_dtype dtype;
    size_t real_size;               /* bytes of a real */
    const struct mlpi_kernels *f64; /* the f64 table of the same name */
    const mlpi_scalar_kernels *scalar;

    /* ---- products ---- */

    /* Returns an upper bound of the reals of scratch that a product of this
     * size needs. The bound does not shrink when m, n or k grows. */
    size_t (*gemm_scratch)(size_t m, size_t n, size_t k);
    /* Computes the product, by the function that gemm_select returns. */
    mlpi_gemm_function *gemm;
    /* Returns the function that suits this product best. It is valid for every
     * product with the same sizes, strides, NULL pointers, aliasing (relu == C)
     * and `resumes`, and calling it directly saves the choice each time. */
    mlpi_gemm_function *(*gemm_select)(const mlpi_gemm_args *product);
    /* Sums of columns: see the arguments. */
    void (*column_sums)(const mlpi_column_sums_args *args);
    /* Predicts one row. The bits are the same as those of a product and an
     * activation for each layer. */
    void (*predict_row)(const mlpi_predict_row_args *row);

    /* ---- activations ---- */

    /* y[i] = f(x[i]); y may be x. The error of exp and log is at most 1 ulp,
     * that of tanh and sigmoid at most 2. */
    void (*map)(mlpi_elementary f, size_t n, const void *x, void *y);
    /* a = f(z), real [m][n]; `a` may be z. Softmax is a function of each row,
     * and its sums have eight lanes. */
    void (*activate)(const mlpi_activation_args *layer, const void *z, void *a);
    /* da = da * f'(z), real [m][n]. It is computed from z if mlpi_needs_z(f),
     * and from `a` otherwise; the other array is not read. */
    void (*activate_backward)(const mlpi_activation_args *layer, const void *z,
                              const void *a, void *da);
    /* Multiplies each row of a matrix by a number: see the arguments. */
    void (*scale_rows)(const mlpi_scale_rows_args *args);

    /* ---- losses; loss_tmpl.h has the formulas ---- */

    /* Adds the terms to the lanes, the first of the n terms to lane 0. The
     * caller divides by the number of terms. f64 tables only; NULL in f32
     * tables. */
    void (*loss_terms)(const mlpi_loss_terms_args *terms,
                       double lanes[MLPI_LANES]);
    /* Computes three sums over each row, from which its cross-entropy after a
     * softmax is made: log(sum_exp) * sum_y - sum_y_d. With d = z - the largest
     * z of the row, the terms are e^d, y, and y d (0 where y is 0). f64 tables
     * only; NULL in f32 tables. */
    void (*cce_sums)(const mlpi_cce_rows *rows, double *sum_exp, double *sum_y,
                     double *sum_y_d);
    /* d[i] = dterm/da * scale. from_z and the weights are not read. */
    void (*loss_gradient)(const mlpi_loss_terms_args *terms, double scale,
                          void *d);
    /* Like loss_gradient, for the losses that treat columns differently; d has
     * the shape of A. */
    void (*column_loss_gradient)(const mlpi_column_loss_args *rows,
                                 double scale, void *d);
    /* d[i] = (a[i] - y[i]) * scale. */
    void (*difference)(size_t n, double scale, const void *a, const void *y,
                       void *d);
    /* The gradient by z of cce behind a softmax, for m rows of n outputs:
     * d = fma(a, sum of y, -y) * scale. */
    void (*cce_gradient)(const mlpi_activation_args *layer, double scale,
                         const void *a, const void *y, void *d);
    /* y[i] = y[i] * factor + offset, rounded twice: label smoothing. */
    void (*scale_and_shift)(size_t n, double factor, double offset, void *y);

    /* ---- optimizers ---- */

    /* Computes w[i] = w[i] - alpha * dw[i]. */
    void (*sgd_step)(size_t n, double alpha, const void *dw, void *w);
    /* Updates parameters by any kind of optimizer but L-BFGS. */
    void (*optimizer_step)(const mlpi_optimizer_step_args *update);
    /* dw[i] = dw[i] + l2 * w[i] + l1 * sign(w[i]), the first sum by fma. */
    void (*penalise)(size_t n, double l2, double l1, const void *w, void *dw);
    /* sum[i] = x[i] + y[i]; `sum` may be x or y. */
    void (*add_arrays)(size_t n, const void *x, const void *y, void *sum);
    /* Adds x[i] * y[i], by fma, to lane i mod 8. f64 tables only; NULL in f32
     * tables. */
    void (*add_products)(size_t n, const double *x, const double *y,
                         double lanes[MLPI_LANES]);
    /* Adds |x[i]| to lane i mod 8. f64 tables only; NULL in f32 tables. */
    void (*add_magnitudes)(size_t n, const double *x, double lanes[MLPI_LANES]);

    /* ---- batch norm and dropout: see their arguments ---- */

    void (*moments)(const mlpi_moments_args *moments);
    void (*normalise)(const mlpi_normalise_args *forward);
    /* Reads m, n, stride, X_hat and dZ; sets dscale and dshift. */
    void (*normalise_sums)(const mlpi_normalise_backward_args *backward);
    void (*normalise_backward)(const mlpi_normalise_backward_args *backward);
    void (*dropout)(const mlpi_dropout_kernel_args *dropout);

    /* ---- data ---- */

    void (*load_rows)(const mlpi_load_rows_args *args);
    /* Computes out[i] = x[i], which is exact. */
    void (*to_double)(size_t n, const void *x, double *out);

    /* ---- questions about data ---- */

    /* Returns true if all x[i] are finite. */
    bool (*is_finite)(size_t n, const void *x);
    /* Finds the first element, row by row, that is NaN or infinite, and returns
     * true. If there is none it returns false and leaves *row and *col
     * untouched. */
    bool (*find_not_finite)(mlp_cview X, size_t *row, size_t *col);
    /* Returns true if a sum of `terms` products of numbers no larger than the
     * largest |x[i]| cannot overflow. */
    bool (*products_stay_finite)(size_t n, size_t terms, const void *x);
} mlpi_kernels;

/* Element `index` of an array of the table's precision. */
static inline void *mlpi_at(const mlpi_kernels *kernels, void *reals,
                            size_t index)
{
    return (unsigned char *)reals + index * kernels->real_size;
}

static inline const void *mlpi_const_at(const mlpi_kernels *kernels,
                                        const void *reals, size_t index)
{
    return (const unsigned char *)reals + index * kernels->real_size;
}

extern const mlpi_scalar_kernels mlpi_scalar_f32, mlpi_scalar_f64;
extern const mlpi_kernels mlpi_kernels_portable_f32, mlpi_kernels_portable_f64;

/* Returns the index-th table of that precision that this machine can run, from
 * the portable one upwards, or NULL past the last. */
const mlpi_kernels *mlpi_kernels_get(mlp_dtype dtype, size_t index);

/* Returns the table of that name, or the fastest if name is NULL. Returns NULL
 * if this machine cannot run a table of that name. */
const mlpi_kernels *mlpi_kernels_find(mlp_dtype dtype, const char *name);

#endif
