/* SPDX-License-Identifier: MIT */
/*
 * The numeric primitives, as a table of functions.
 *
 * There is one table for each instruction set and precision, all made from the
 * templates in ops/. By the rules of canonical arithmetic a primitive has one
 * answer, to the bit, whichever table computes it:
 *
 * - an element of a product is the chain s = fma(a[k], b[k], s), k ascending,
 *   s = 0 at first; the bias is added to the finished chain;
 * - elementwise work is + - * / sqrt and fma as written, nothing contracted;
 * - a sum over rows or elements has eight lanes: term i goes to lane i mod 8,
 *   lanes are joined as by mlpi_join_lanes. (column_moments alone goes row
 *   after row, as NumPy does.)
 *
 * Arrays named `real` are of the table's precision. Sizes may be 0.
 */
#ifndef MLPI_KERNELS_KERNELS_H
#define MLPI_KERNELS_KERNELS_H

#include "mlp.h"

#define MLPI_LANES 8
#define MLPI_MOMENT_COLUMNS 64

static inline double mlpi_join_lanes(const double s[MLPI_LANES])
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

typedef enum mlpi_function {
    MLPI_MAP_EXP,
    MLPI_MAP_LOG,
    MLPI_MAP_TANH,
    MLPI_MAP_SIGMOID
} mlpi_function;

/* A matrix to be read: element (i, j) is data[i row_stride + j col_stride]. */
typedef struct mlpi_operand {
    const void *data; /* real */
    size_t row_stride, col_stride;
} mlpi_operand;

/* The stride of a dimension of 1 means nothing, so it may be anything. */
static inline mlpi_operand mlpi_operand_of(mlp_cview view)
{
    return (mlpi_operand){view.data, view.rows > 1 ? view.row_stride : 1,
                          view.cols > 1 ? view.col_stride : 1};
}

/* One step of an optimizer on n parameters; see ops/update_tmpl.h for what the
 * constants mean to the rule. */
typedef struct mlpi_optimizer_step {
    mlp_optimizer_kind kind;
    size_t n;
    const void *dw;       /* real */
    void *w, *state[2];   /* real; as many states as the rule has */
    double limit, scale;  /* g = scale * dw[i], held in [-limit, limit] first */
    double weight_factor; /* w[i] starts as weight_factor * w[i] */
    double alpha;         /* how far */
    double decay[2], gain[2];
    double root_factor, epsilon;
    double rprop_grow, rprop_shrink, rprop_min, rprop_max;
} mlpi_optimizer_step;

/* C = A B + bias, where C is (m, n), A (m, k), B (k, n), and bias (n). What
 * would be a pass over memory after it can be had with it; whatever is NULL is
 * not wanted, bias included.
 *
 *   gate    C is 0 where this is <= 0: ReLU on the way back
 *   relu    receives max(0, C); if it is C, in C's stead
 *   update  C is the dw of this step, which has no n and dw itself; only its w
 *           and state are results, C is room, and anything after
 *
 * C, gate, relu, w and state are dense (m, n); or, where n is above 32, n
 * columns of rows of `width` numbers, which is 0 otherwise. */
typedef struct mlpi_gemm_args {
    size_t m, n, k, width;
    mlpi_operand A, B;
    const void *bias, *gate;
    void *C, *relu;
    const mlpi_optimizer_step *update;
    void *scratch; /* gemm_scratch(m, n, k) reals */
} mlpi_gemm_args;

/* Does a product. */
typedef void mlpi_gemm_function(const mlpi_gemm_args *product);

/* out (m, n) dense = rows of X (rows order[0..m-1], or 0..m-1 if order is
 * NULL), each element (x - mean[j]) / std[j] if mean is not NULL. */
typedef struct mlpi_gather {
    size_t m, n;
    mlpi_operand X;
    const size_t *order;
    size_t
        prefetch_ahead; /* unless 0: order[ahead..prefetch_ahead + m - 1] are wanted next */
    const void *mean, *std; /* real, n each */
    void *out;
} mlpi_gather;

/* out[i] = in[i] * (1 / (1 - p)), or times 0 where a bit of chance has element
 * `first` + i dropped, which depends on the key and on that number alone:
 * see ops/dropout_tmpl.h. */
typedef struct mlpi_dropout {
    uint64_t key;
    double p; /* in [0, 1) */
    size_t first, n;
    const void *in; /* real [n] */
    void *out;      /* real [n]; may be `in` */
} mlpi_dropout;

/* Batch normalisation of n columns, m rows, of matrices whose rows are `stride`
 * apart: batch_norm.h has the formulas. First the mean and the (biased)
 * variance of each column. */
typedef struct mlpi_moments {
    size_t m, n, stride;
    const void *X;         /* real (m, n) */
    void *mean, *variance; /* real [n] */
} mlpi_moments;

/* Then X = (U - mean) / sqrt(variance + epsilon) and Z = scale * X + shift.
 * X may be NULL; X and Z may each be U. */
typedef struct mlpi_normalise {
    size_t m, n;
    double epsilon;
    const void *mean, *variance, *scale, *shift; /* real [n] */
    const void *U;                               /* real (m, n), dense */
    void *X, *Z;                                 /* likewise */
} mlpi_normalise;

/* And back: dscale = sums of dZ * X, dshift = sums of dZ; then, for m rows of
 * the `batch` that those are of, dU in dZ's stead. */
typedef struct mlpi_normalise_back {
    size_t m, n, stride, batch;
    double epsilon;
    const void *variance, *scale; /* real [n] */
    const void *X;                /* real (m, n) */
    void *dZ;                     /* real (m, n) */
    void *dscale, *dshift;        /* real [n] */
} mlpi_normalise_back;

/* The activation of a layer, for m rows of n neurons, dense. */
typedef struct mlpi_activation {
    mlp_activation f;
    double slope;
    size_t m, n;
} mlpi_activation;

/* One row through L layers to `out`. */
typedef struct mlpi_row_layer {
    size_t n_prev;
    mlpi_activation how; /* of 1 row of n */
    const void *W, *b;   /* real (n_prev, n), [n] */
} mlpi_row_layer;

typedef struct mlpi_row {
    size_t L;
    const mlpi_row_layer *layer; /* [L] */
    bool far;                    /* L1 does not hold all weights */
    const void *x;               /* real [n_prev of the first] */
    void *hidden[2]; /* for the widest, aligned, up to a multiple of 64 bytes */
    void *out;       /* real [n of the last] */
} mlpi_row;

/* Is the derivative a function of z, and not of a? */
static inline bool mlpi_needs_z(mlp_activation f)
{
    return f == MLP_ACT_SILU || f == MLP_ACT_GELU || f == MLP_ACT_GELU_TANH;
}

/* n outputs `a` and their targets y, with the loss that they are judged by. */
typedef struct mlpi_loss_terms {
    mlp_loss loss;
    double delta;   /* of Huber's */
    bool of_logits; /* bce and cce: a is z, and the output its sigmoid */
    size_t n;
    const void *a, *y;    /* real */
    const double *weight; /* [n]: factors of the terms, or NULL: all 1 */
} mlpi_loss_terms;

/* Row sums for categorical cross-entropy. */
typedef struct mlpi_cce_lanes {
    double power[MLPI_LANES]; /* e^d, d = z - shift */
    double mass[MLPI_LANES];  /* y */
    double cross[MLPI_LANES]; /* y d, which is 0 where y is */
} mlpi_cce_lanes;

/* Functions that gain little by vectors: all tables of a precision share the
 * same ones. */
typedef struct mlpi_scalar_kernels {
    /* A product with k = 0. */
    void (*empty_product)(const mlpi_gemm_args *product);
    /* y[i] = keep * y[i] + weight * x[i]. */
    void (*running_average)(size_t n, double keep, double weight, const void *x,
                            void *y);
    /* Like gather, but X (m, 1) are int32 classes, and out has rows of n with 1
     * at the class, else 0; of NaN where it is not in [0, n). */
    void (*one_hot)(const mlpi_gather *gather);
    void (*scatter)(size_t m, size_t n, const void *dense, mlp_view out);
    /* a[i][j] = a[i][j] * std[j] + mean[j], two roundings; `a` (m, n) dense. */
    void (*unscale)(size_t m, size_t n, const void *mean, const void *std,
                    void *a);
    void (*from_double)(size_t n, const double *x, void *out);
    double (*round)(double x); /* to a real and back */
    /* find_not_finite of any matrix. */
    bool (*scan_not_finite)(mlp_cview X, size_t *row, size_t *col);
    bool (*find_not_unit)(mlp_cview X, size_t *row, size_t *col);
    /* The first row whose sum is not 1, give or take 1e-6. */
    bool (*find_bad_row_sum)(mlp_cview X, size_t *row, double *sum);
    /* Mean and standard deviation (1 / m) of at most MLPI_MOMENT_COLUMNS
     * columns of finite numbers, m >= 1, rows in order; 0 for a column of
     * equal values. */
    void (*column_moments)(mlp_cview X, double *mean, double *std);
    /* labels[i][j] = a[i][j] >= threshold, -1 for NaN; `a` (m, n) dense. */
    void (*threshold_labels)(size_t m, size_t n, double threshold,
                             const void *a, mlp_view labels);
    /* labels[i][0] = the first j with the largest a[i][j], -1 if one is NaN. */
    void (*argmax_labels)(size_t m, size_t n, const void *a, mlp_view labels);
    /* For how many i is a[i] >= 0.5 what y[i] says, 1 or 0? And for how many
     * rows has `a` its largest element where y has it? */
    size_t (*count_correct)(size_t n, const void *a, const void *y);
    size_t (*count_correct_rows)(size_t m, size_t n, const void *a,
                                 const void *y);
} mlpi_scalar_kernels;

typedef struct mlpi_kernels {
    const char *name; /* of the instruction set */
    mlp_dtype dtype;
    size_t real_size;
    const struct mlpi_kernels *f64; /* the f64 table of the same name */
    const mlpi_scalar_kernels *scalar;

    /* y[i] = f(x[i]); exp and log within 1 ulp, tanh and sigmoid within 2. */
    void (*map)(mlpi_function f, size_t n, const void *x, void *y);

    /* How many reals of scratch a product of this size needs, at most. It does
     * not shrink when m, n or k grows. */
    size_t (*gemm_scratch)(size_t m, size_t n, size_t k);
    mlpi_gemm_function *gemm;
    /* What `product` would call for this one: for who does it again and again,
     * with sizes, strides and which pointers are NULL or equal as they are. */
    mlpi_gemm_function *(*gemm_select)(const mlpi_gemm_args *product);
    /* sums[j] = sum over i of X[i][j], X (m, n) dense, in eight lanes. */
    void (*column_sums)(size_t m, size_t n, const void *X, void *sums);

    /* a = activation(z), which may be one array; and dz = da *
     * activation'(z), in place of da, from z if mlpi_needs_z, else from a. A
     * sum over a row (softmax) has eight lanes. */
    void (*activate)(const mlpi_activation *how, const void *z, void *a);
    void (*activate_backward)(const mlpi_activation *how, const void *z,
                              const void *a, void *da);

    /* The same as layer after layer, product and activation. */
    void (*predict_row)(const mlpi_row *row);

    /* lanes += the terms of the loss, which is no mean yet; f64 tables only,
     * NULL in the others. The first of the n terms belongs to lane 0. */
    void (*loss_terms)(const mlpi_loss_terms *terms, double lanes[MLPI_LANES]);
    /* lanes += those of a row's n outputs; f64 tables only, likewise. */
    void (*cce_lanes)(size_t n, double shift, const double *z, const double *y,
                      mlpi_cce_lanes *lanes);
    /* The largest z; some number, or -infinity, if one is a NaN. */
    double (*largest)(size_t n, const void *z);
    /* d[i] = dterm/da * scale; weights are not looked at. */
    void (*loss_gradient)(const mlpi_loss_terms *terms, double scale, void *d);
    /* d[i] = (a[i] - y[i]) * scale. */
    void (*difference)(size_t n, double scale, const void *a, const void *y,
                       void *d);
    /* d = dterm/dz * scale of cce behind the softmax `how`: (a - y) * scale,
     * for a row of targets whose sum is 1. */
    void (*cce_gradient)(const mlpi_activation *how, double scale,
                         const void *a, const void *y, void *d);

    /* y[i] = keep * y[i] + add. */
    void (*affine)(size_t n, double keep, double add, void *y);

    void (*dropout)(const mlpi_dropout *dropout);

    void (*moments)(const mlpi_moments *moments);
    void (*normalise)(const mlpi_normalise *forward);
    void (*normalise_sums)(const mlpi_normalise_back *backward);
    void (*normalise_backward)(const mlpi_normalise_back *backward);

    /* w[i] = w[i] - alpha * dw[i]. */
    void (*sgd_step)(size_t n, double alpha, const void *dw, void *w);
    /* One step of any rule. */
    void (*optimizer_step)(const mlpi_optimizer_step *update);
    /* dw[i] += l2 * w[i] + l1 * sign(w[i]), the first by fma. */
    void (*penalise)(size_t n, double l2, double l1, const void *w, void *dw);
    /* lanes += x[i] * y[i], by fma, or |x[i]|; f64 tables only, NULL in the
     * others. The first of the n terms belongs to lane 0. */
    void (*add_products)(size_t n, const double *x, const double *y,
                         double lanes[MLPI_LANES]);
    void (*add_magnitudes)(size_t n, const double *x, double lanes[MLPI_LANES]);

    /* Between the caller's arrays and ours, and questions about them. */
    void (*gather)(const mlpi_gather *gather);
    void (*to_double)(size_t n, const void *x, double *out);
    /* Position of the first element, row by row, that is not finite, or that
     * is outside [0, 1]; false if there is none. */
    bool (*find_not_finite)(mlp_cview X, size_t *row, size_t *col);
    bool (*is_finite)(size_t n, const void *x);
    /* Are x[0..n-1] so small that sums of so many products of two such numbers
     * are finite for certain? */
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

/* The index-th table of that precision that this machine can run, from the
 * portable one upwards; NULL past the last. */
const mlpi_kernels *mlpi_kernels_get(mlp_dtype dtype, size_t index);

/* The table of that name, or the best if it is NULL; NULL if there is none. */
const mlpi_kernels *mlpi_kernels_find(mlp_dtype dtype, const char *name);

#endif
