/* SPDX-License-Identifier: MIT */
/*
 * Primitives that all tables of a precision have from the portable one, since
 * vectors would gain them little: ops.h tells what they do, plain_tmpl.h how.
 * Parameter: REAL_BITS.
 */
#if REAL_BITS == 32
#define PLAIN(name) mlpi_##name##_f32
#else
#define PLAIN(name) mlpi_##name##_f64
#endif

/* A product with k = 0. */
void PLAIN(fill_empty)(const mlpi_gemm_args *p);
void PLAIN(one_hot)(const mlpi_gather *g);
void PLAIN(scatter)(size_t m, size_t n, const void *dense, mlp_view out);
void PLAIN(unscale)(size_t m, size_t n, const void *mean_in, const void *std_in,
                    void *a_inout);
void PLAIN(from_double)(size_t n, const double *x, void *out_void);
double PLAIN(round_to_real)(double x);
bool PLAIN(find_not_finite)(mlp_cview X, size_t *row, size_t *col);
bool PLAIN(find_not_unit)(mlp_cview X, size_t *row, size_t *col);
bool PLAIN(find_bad_row_sum)(mlp_cview X, size_t *row, double *sum);
void PLAIN(column_moments)(mlp_cview X, double *mean, double *std);
void PLAIN(threshold_labels)(size_t m, size_t n, double threshold,
                             const void *a_in, mlp_view labels);
void PLAIN(argmax_labels)(size_t m, size_t n, const void *a_in,
                          mlp_view labels);
size_t PLAIN(count_correct)(size_t n, const void *a_in, const void *y_in);
size_t PLAIN(count_correct_rows)(size_t m, size_t n, const void *a_in,
                                 const void *y_in);
void PLAIN(running_average)(size_t n, double keep, double weight,
                            const void *x_in, void *y_in);
