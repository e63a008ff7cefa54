/* SPDX-License-Identifier: MIT */
/*
 * mlp.h - multi-layer perceptrons in C, with the same numbers everywhere.
 *
 *   1. Version and status        what is linked, what a call returns
 *   2. Views                     your arrays, with their shape and type
 *   3. Describing a network      layers, loss, precision, seed, hooks
 *   4. Networks                  create, clone, free, read and set weights
 *   5. Scaling                   standardise inputs and targets
 *   6. Predicting                outputs, classes, scores, derivatives
 *   7. Training                  one call trains (fits) a network
 *   8. Training, step by step    forward, loss, backward, update
 *   9. Files                     save, load, import, export
 *  10. Metrics                   how good predictions are
 *  11. Random numbers            NumPy's seeded streams
 *
 *   mlp_layer layers[] = {{.width = 8}, {.width = 1}};
 *   mlp_config config = mlp_config_defaults();
 *   config.inputs = 2, config.layers = layers, config.n_layers = 2;
 *   config.hooks = mlp_hooks_stderr();
 *   mlp_net *net = NULL;
 *   mlp_status s = mlp_net_create(&config, &net);
 *   if (!s) s = mlp_fit(net, mlp_cview_f64(X, 4, 2), mlp_cview_f64(Y, 4, 1),
 *                       NULL, NULL);
 *   if (!s) s = mlp_predict(net, mlp_cview_f64(X, 4, 2),
 *                           mlp_view_f64(A, 4, 1));
 *   mlp_net_free(net);
 *
 * The notation is that of Rishabh Mondal's tutorial "Multi-Layer Perceptrons:
 * From Mathematics to Implementation"; "chapter 2.2" is a chapter of it. Layer
 * l = 1..L has n[l] neurons, weights W (n[l], n[l-1]) and biases b; n[0] is the
 * number of inputs. A batch has m samples, one in each row: Z = A_prev W^T + b
 * and A = activation(Z). dW is the derivative dJ/dW of the loss J. Shapes are
 * (rows, columns).
 *
 * These rules hold for every function:
 * - A function that can fail returns an mlp_status; MLP_OK is 0. After a
 *   failure the outputs are untouched and the objects are as before. (Training
 *   changes its network as it goes; mlp_fit says what a failure leaves. And
 *   mlp_export_c writes its report with MLP_ERR_ACCURACY, too, and
 *   mlp_trainer_step the arrays of its trainer with MLP_ERR_DIVERGED.)
 *   The library never aborts and never leaks. It never prints, unless you give
 *   it the hooks of mlp_hooks_stderr.
 * - A NULL where an object, an array or an output is needed gives MLP_ERR_NULL.
 *   A function that "allocates" can return MLP_ERR_MEMORY. The comments below
 *   do not repeat these two.
 * - Any number of threads may use one `const mlp_net` at the same time. Every
 *   other object may be used by one thread at a time. There is no global state.
 * - A struct whose last field is `reserved` may get more fields in a later
 *   version 1.x. They take their room from `reserved`, so sizes and the places
 *   of fields stay, and a compiled program runs with each later library. The
 *   words must be 0, as they are in what ..._defaults() returns and in a struct
 *   that begins as {0}; otherwise MLP_ERR_ARGUMENT. In results they are 0. All
 *   other structs stay as they are.
 * - No pointer is kept after a call returns, unless the comment says "borrows".
 * - The calling thread must round to nearest, as C does by default. Otherwise
 *   calls that compute return MLP_ERR_UNSUPPORTED. To save time, single steps
 *   of training and mlp_predict_with on one thread do not check it; functions
 *   that return a number instead of a status cannot report it. A thread that
 *   takes 0 for subnormal numbers (after a link with -ffast-math, for example)
 *   may get other bits; creating a network and fitting give a hint.
 * - Memory that a call writes must not overlap memory that it reads, unless the
 *   comment allows it.
 * - Equal seed, data and options give equal bits on every machine. The bits of
 *   a NaN are the only exception.
 */
#ifndef LIBMLP_MLP_H
#define LIBMLP_MLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the compiler warn, where it can, about a status that is ignored. */
#ifdef __GNUC__
#define MLP_NODISCARD __attribute__((warn_unused_result))
#else
#define MLP_NODISCARD
#endif

/* ---------------------------------------------------------------------------
 * 1. Version and status
 */

#define MLP_VERSION_MAJOR 1
#define MLP_VERSION_MINOR 0
#define MLP_VERSION_PATCH 0

/* The version number of the arithmetic rules. Two libraries with the same
 * version compute the same bits. */
#define MLP_NUMERICS 2

/* The version ("1.0.0") and the MLP_NUMERICS of the library that is linked. */
const char *mlp_version(void);
int mlp_numerics(void);

/* Each list of constants is a macro that applies X to every entry (an X-macro):
 * here X(constant, number, text). */
#define MLP_STATUS_LIST(X)                                                     \
    X(MLP_OK, 0, "success")                                                    \
    X(MLP_ERR_NULL, 1, "a required pointer is NULL (was the network made?)")   \
    X(MLP_ERR_ARGUMENT, 2, "an argument is outside its range")                 \
    X(MLP_ERR_SHAPE, 3, "rows, columns or strides do not fit")                 \
    X(MLP_ERR_DTYPE, 4, "the data has another type than needed")               \
    X(MLP_ERR_NOT_FINITE, 5, "the data holds a NaN or an infinity")            \
    X(MLP_ERR_LIMIT, 6, "a size is above the library's limit")                 \
    X(MLP_ERR_MEMORY, 7, "out of memory")                                      \
    X(MLP_ERR_ORDER, 8, "a step was called before the one it needs")           \
    X(MLP_ERR_UNSUPPORTED, 9, "not available in this build or machine")        \
    X(MLP_ERR_DIVERGED, 10, "training diverged: loss or weights not finite")   \
    X(MLP_ERR_FORMAT, 11, "the bytes are not what was saved, or are damaged")  \
    X(MLP_ERR_IO, 12, "a file could not be read or written")                   \
    X(MLP_ERR_ACCURACY, 13, "predictions would get worse than is allowed")

#define MLP_ENUM_VALUE(constant, number, text) constant = (number),
typedef enum mlp_status { MLP_STATUS_LIST(MLP_ENUM_VALUE) } mlp_status;

/* Returns the text of a status, and "unknown status" for any other number. The
 * result is never NULL. */
const char *mlp_status_text(mlp_status status);

/* ---------------------------------------------------------------------------
 * 2. Views: the caller's arrays
 *
 * A view is a matrix of rows x cols elements that lie in the caller's memory:
 * element (i, j) is data[i * row_stride + j * col_stride]. Strides count
 * elements. A sample is a row, so data has the shape (m, n). A view owns
 * nothing, and passing one copies only the struct. A transpose is a view with
 * exchanged strides and costs nothing.
 *
 * mlp_view is writable; mlp_cview (c for const) is read-only. In a read-only
 * view a stride may be 0, which repeats a row or a column. In a writable view
 * either each row must end before the next row begins, or (as in a transpose)
 * each column must end before the next column begins, so that no two elements
 * share memory; other strides give MLP_ERR_SHAPE. The data of a view without
 * rows may be NULL.
 */

#define MLP_DTYPE_LIST(X)                                                      \
    X(MLP_F32, 0, "float32")                                                   \
    X(MLP_F64, 1, "float64")                                                   \
    X(MLP_I32, 2, "int32")
typedef enum mlp_dtype { MLP_DTYPE_LIST(MLP_ENUM_VALUE) } mlp_dtype;

typedef struct mlp_cview {
    mlp_dtype dtype;
    size_t rows, cols;
    size_t row_stride, col_stride; /* in elements */
    const void *data;
} mlp_cview;

typedef struct mlp_view {
    mlp_dtype dtype;
    size_t rows, cols;
    size_t row_stride, col_stride; /* in elements */
    void *data;
} mlp_view;

/* The following functions make a view of a dense row-major array: C's
 * double X[rows][cols], NumPy's default order. */
mlp_cview mlp_cview_f32(const float *data, size_t rows, size_t cols);
mlp_cview mlp_cview_f64(const double *data, size_t rows, size_t cols);
mlp_cview mlp_cview_i32(const int32_t *data, size_t rows, size_t cols);
mlp_view mlp_view_f32(float *data, size_t rows, size_t cols);
mlp_view mlp_view_f64(double *data, size_t rows, size_t cols);
mlp_view mlp_view_i32(int32_t *data, size_t rows, size_t cols);

/* Returns a read-only view of the same elements. */
mlp_cview mlp_view_const(mlp_view view);

/* Returns a view of the same elements with rows and columns exchanged. */
mlp_cview mlp_cview_transpose(mlp_cview view);

/* Return rows, or columns, [first, first + count) of a view. Those past the end
 * are left out. The result is empty if an address would overflow. */
mlp_cview mlp_cview_rows(mlp_cview view, size_t first, size_t count);
mlp_cview mlp_cview_cols(mlp_cview view, size_t first, size_t count);
mlp_view mlp_view_rows(mlp_view view, size_t first, size_t count);
mlp_view mlp_view_cols(mlp_view view, size_t first, size_t count);

/* Read and write one element, as a double; for convenience, not for speed.
 * Reading outside the view, or without data, gives NaN. Writing returns false
 * and does nothing outside the view, without data, or if the element is an
 * int32 and the value is NaN or outside its range; of other values an int32
 * gets the whole part. */
double mlp_cview_at(mlp_cview view, size_t row, size_t col);
bool mlp_view_set(mlp_view view, size_t row, size_t col, double value);

/* ---------------------------------------------------------------------------
 * 3. Describing a network
 */

/* X(constant, number, name). Activations a = activation(z), chapter 1.3:
 *   identity  a = z                       da/dz = 1
 *   sigmoid   a = 1 / (1 + e^-z)          da/dz = a (1 - a)
 *   tanh      a = tanh(z)                 da/dz = 1 - a^2
 *   relu      a = max(0, z)               da/dz = 1 if z > 0, else 0
 *   softmax   a_j = e^(z_j) / sum over k of e^(z_k), where j and k are neurons
 *             of the layer; da_j/dz_k = a_j (d - a_k), where d is 1 if j = k,
 *             else 0. The outputs are probabilities of classes. Only the last
 *             layer may use softmax, and it needs 2 or more neurons.
 *   softplus  a = log(1 + e^z)            da/dz = sigmoid(z)
 *   exp       a = e^z                     da/dz = a
 *   silu      a = z sigmoid(z), also called swish (Elfwing et al., 2018)
 *   gelu      a = z Phi(z), where Phi is the normal distribution function
 *             (Hendrycks and Gimpel, 2016)
 *   gelu_tanh a = z sigmoid(2 sqrt(2 / pi) (z + 0.044715 z^3)), their
 *             approximation of gelu
 * Two activations use the layer's `slope` where z <= 0; above 0 they are a = z:
 *   leaky_relu  a = slope z               (Maas et al., 2013)
 *   elu         a = slope (e^z - 1)       (Clevert et al., 2016)
 * And auto, the one that a layer gets if none is named, stands for another:
 *   auto        relu before the last layer; in the last layer sigmoid for the
 *               loss bce, softmax for cce, exp for poisson, identity for all
 *               others. mlp_net_create chooses; mlp_net_layer tells what it
 *               chose.
 * Each a that depends on one z is within 2 units in the last place; identity
 * and relu are exact. Softmax rounds z_j - max and the sum, too, so small
 * outputs can be tens of units off. A derivative is within some units in the
 * last place of 1, so a tiny one may have no right digit. The computed
 * functions are monotonic where the exact ones are, with one exception: for z
 * within 0.2 of their minimum, silu and gelu may step back by one unit. */
#define MLP_ACTIVATION_LIST(X)                                                 \
    X(MLP_ACT_AUTO, 0, "auto")                                                 \
    X(MLP_ACT_IDENTITY, 1, "identity")                                         \
    X(MLP_ACT_SIGMOID, 2, "sigmoid")                                           \
    X(MLP_ACT_TANH, 3, "tanh")                                                 \
    X(MLP_ACT_RELU, 4, "relu")                                                 \
    X(MLP_ACT_SOFTMAX, 5, "softmax")                                           \
    X(MLP_ACT_LEAKY_RELU, 6, "leaky_relu")                                     \
    X(MLP_ACT_ELU, 7, "elu")                                                   \
    X(MLP_ACT_GELU, 8, "gelu")                                                 \
    X(MLP_ACT_GELU_TANH, 9, "gelu_tanh")                                       \
    X(MLP_ACT_SILU, 10, "silu")                                                \
    X(MLP_ACT_SOFTPLUS, 11, "softplus")                                        \
    X(MLP_ACT_EXP, 12, "exp")
typedef enum mlp_activation {
    MLP_ACTIVATION_LIST(MLP_ENUM_VALUE)
} mlp_activation;

/* Return a and da/dz for one z: the numbers that a network of MLP_F64 computes
 * forward and backward, to the bit. `slope` is what mlp_layer would get: only
 * leaky_relu and elu read it, and 0 is the usual one. The result is NaN for
 * auto, for softmax, which is no function of a single z, for an unknown
 * constant, and for a slope that a layer may not have. */
double mlp_activation_value(mlp_activation f, double slope, double z);
double mlp_activation_derivative(mlp_activation f, double slope, double z);

/* X(constant, number, name). The loss J compares outputs a with targets y. It
 * is computed in double, as the mean over all m x n outputs of
 *   bce   -(y log a + (1 - y) log(1 - a)), binary cross-entropy (chapter 3.1);
 *         a is clipped to [1e-15, 1 - 1e-15]; targets are in [0, 1]
 *   mse   (a - y)^2
 *   mae   |a - y|
 *   huber (a - y)^2 / 2 where |a - y| <= delta, else
 *         delta (|a - y| - delta / 2) (Huber, 1964; PyTorch's HuberLoss)
 * or, for classes that exclude each other, as the mean over the m rows of
 *   cce   -sum over j of y_j log a_j, categorical cross-entropy
 * Three losses are for targets that the inputs do not determine alone:
 *   quantile      tau (y - a) where y > a, else (1 - tau) (a - y): the output
 *                 learns the number that a share tau of the targets does not
 *                 exceed (Koenker and Bassett, 1978). Each output has its own
 *                 tau. For three quantiles of one target, give an n[L] of 3 and
 *                 a view Y of the one column with cols 3 and col_stride 0.
 *                 Outputs of different tau may cross
 *   poisson       a - y log a: the output is the rate of a count y >= 0, which
 *                 need not be whole. It is computed as e^z - y z, without the
 *                 terms of y alone (PyTorch's PoissonNLLLoss), and may be
 *                 negative
 *   gaussian_nll  (s + (y - mu)^2 / e^s) / 2: the outputs tell the mean and the
 *                 variance of each target (Nix and Weigend, 1994; PyTorch's
 *                 GaussianNLLLoss). Of k targets, columns 0 to k - 1 of the
 *                 outputs are the means mu, and columns k to 2 k - 1 the
 *                 logarithms s of the variances, in the same order; n[L] is 2 k
 *                 and must be even. The mean is over the m x k targets. J may
 *                 be negative, and where a network can learn some targets
 *                 exactly it falls without end, until training fails with
 *                 MLP_ERR_DIVERGED: weight decay and validation rows help
 * Each loss is meant for certain activations of the last layer:
 *   bce              sigmoid: each output is a probability by itself
 *   cce              softmax: the outputs are the probabilities of the classes
 *   mse, mae, huber, quantile
 *                    any: usually identity; sigmoid for targets in [0, 1];
 *                    softmax with mse is the Brier score
 *   poisson          exp: a rate is above 0, and the layers learn its logarithm
 *   gaussian_nll     identity
 * mlp_net_create refuses every other pair, because it cannot learn: bce and cce
 * take logarithms of probabilities, which other outputs are not. (Files from
 * before MLP_NUMERICS 2 may have such a pair. They load and train as before.)
 *
 * The logarithms depend on the last activation:
 *   softmax  log a_j = z_j - log(sum over k of e^(z_k)), which has no limit and
 *            is finite for every finite z
 *   sigmoid  log a = -softplus(-z) and log(1 - a) = -softplus(z), at least log
 *            1e-15; down to that limit they are exact, also where a itself
 *            rounds to 1
 *   others   a is clipped as in bce; only files from before MLP_NUMERICS 2 have
 *            such networks
 *
 * Targets Y have the shape (m, n[L]), or (m, n[L] / 2) for gaussian_nll, and
 * the network's precision; mlp_net_targets tells the columns. For cce each
 * row holds the probabilities of the classes, whose sum is 1: usually one 1
 * among zeros. Instead, Y may be (m, 1) of MLP_I32 and hold class numbers,
 * which start at 0. */
#define MLP_LOSS_LIST(X)                                                       \
    X(MLP_LOSS_BCE, 0, "bce")                                                  \
    X(MLP_LOSS_MSE, 1, "mse")                                                  \
    X(MLP_LOSS_CCE, 2, "cce")                                                  \
    X(MLP_LOSS_MAE, 3, "mae")                                                  \
    X(MLP_LOSS_HUBER, 4, "huber")                                              \
    X(MLP_LOSS_QUANTILE, 5, "quantile")                                        \
    X(MLP_LOSS_POISSON, 6, "poisson")                                          \
    X(MLP_LOSS_GAUSSIAN_NLL, 7, "gaussian_nll")
typedef enum mlp_loss { MLP_LOSS_LIST(MLP_ENUM_VALUE) } mlp_loss;

/* X(constant, number, name). How the initial parameters of a layer are drawn.
 * With r = 1 / sqrt(n[l-1]),
 *   auto    suits nearly all networks; it draws uniformly. Hidden layers get W
 *           from [-1.25 r, 1.25 r), or from [-4 r, 4 r) for sigmoid, and b from
 *           [-r/2, r). Every second neuron gets the negated weights of the one
 *           before it, so that few neurons start dead. The last layer gets W
 *           from [-r/4, r/4) and b from [-r, r)
 *   torch   draws W and b uniformly from [-r, r), as torch.nn.Linear does
 * With the others, biases are 0. Each of he, glorot and lecun draws randn * s:
 *   he      s = sqrt(2 / n[l-1]): He et al., "Delving Deep into Rectifiers"
 *           (2015); chapter 4.1
 *   glorot  s = sqrt(2 / (n[l-1] + n[l])): Glorot and Bengio, "Understanding
 *           the difficulty of training deep feedforward neural networks" (2010)
 *   lecun   s = sqrt(1 / n[l-1]): LeCun et al., "Efficient BackProp" (1998)
 *   zeros   sets every weight to 0
 *   ..._uniform  draws uniformly from [-sqrt(3) s, sqrt(3) s], with the same s
 * Numbers are drawn layer by layer, W row by row and then b, as np.random.randn
 * and np.random.uniform draw them. With torch, the distribution is PyTorch's,
 * but the numbers differ. */
#define MLP_INIT_LIST(X)                                                       \
    X(MLP_INIT_AUTO, 0, "auto")                                                \
    X(MLP_INIT_HE, 1, "he")                                                    \
    X(MLP_INIT_GLOROT, 2, "glorot")                                            \
    X(MLP_INIT_ZEROS, 3, "zeros")                                              \
    X(MLP_INIT_LECUN, 4, "lecun")                                              \
    X(MLP_INIT_HE_UNIFORM, 5, "he_uniform")                                    \
    X(MLP_INIT_GLOROT_UNIFORM, 6, "glorot_uniform")                            \
    X(MLP_INIT_LECUN_UNIFORM, 7, "lecun_uniform")                              \
    X(MLP_INIT_TORCH, 8, "torch")
typedef enum mlp_weight_init { MLP_INIT_LIST(MLP_ENUM_VALUE) } mlp_weight_init;

/* Return the name of a constant in the lists above, and NULL for any other
 * number. So a loop from 0 to the first NULL visits a whole list, and one from
 * MLP_ACT_AUTO + 1 visits the activations that a network can have. */
const char *mlp_dtype_name(mlp_dtype dtype);
const char *mlp_activation_name(mlp_activation activation);
const char *mlp_loss_name(mlp_loss loss);
const char *mlp_weight_init_name(mlp_weight_init init);

/* The library's limits. A size above its limit gives MLP_ERR_LIMIT. */
#define MLP_MAX_LAYERS 256
#define MLP_MAX_WIDTH 16777216        /* neurons of a layer, and inputs */
#define MLP_MAX_PARAMETERS 2147483647 /* of a network */
#define MLP_MAX_THREADS 256

/* The usual slopes, which a layer gets if its slope is 0. */
#define MLP_SLOPE_LEAKY_RELU 0.01
#define MLP_SLOPE_ELU 1.0

typedef struct mlp_layer {
    size_t width;              /* neurons n[l], 1 to MLP_MAX_WIDTH */
    mlp_activation activation; /* default 0: MLP_ACT_AUTO */
    /* For leaky_relu and elu only: finite, above 0; default 0: the usual one,
     * MLP_SLOPE_*. Other activations ignore the slope. */
    double slope;
    /* The probability p in [0, 1) with which training sets an output to 0; the
     * outputs that stay are divided by 1 - p (Srivastava et al., 2014).
     * Predicting drops nothing. The last layer needs 0. */
    double dropout;
    /* Normalises U = A_prev W^T before the activation (Ioffe and Szegedy,
     * 2015):
     *   Z = scale * (U - mean) / sqrt(variance + epsilon) + b
     * Training takes mean and variance of each column from the batch;
     * predicting takes running averages of them. */
    bool batch_norm;
    uint64_t reserved[4]; /* 0 */
} mlp_layer;

/* Services of the host program. Each may be NULL, but `allocate` and `release`
 * come together. An object uses the hooks of its network until it is freed,
 * and from several threads if the network is used by several threads. */
typedef struct mlp_hooks {
    /* Returns at least `bytes` bytes, aligned as malloc aligns them, or NULL.
     * Default: malloc. */
    void *(*allocate)(size_t bytes, void *user);
    /* Takes a block back. Default: free. */
    void (*release)(void *block, void *user);
    /* Called when a function that takes hooks, a configuration, or an object
     * made with one fails. `message` says in one line, without a newline, what
     * was expected and what came; it is valid during the call. Also called for
     * a hint: the call goes on, but something looks like a mistake. A hint has
     * the status MLP_OK, and its message begins with "hint: ". Default: the
     * message is dropped. */
    void (*log)(mlp_status status, const char *message, void *user);
    void *user;           /* passed to all three functions */
    uint64_t reserved[4]; /* 0 */
} mlp_hooks;

/* Returns hooks whose `log` prints each message to the standard error stream,
 * as a line "mlp: <message>". The other hooks are NULL. */
mlp_hooks mlp_hooks_stderr(void);

typedef struct mlp_config {
    /* Layers. */
    size_t inputs;           /* n[0], 1 to MLP_MAX_WIDTH; default 0: set it */
    const mlp_layer *layers; /* layers 1 to L; the last one gives the outputs */
    size_t n_layers;         /* L, 1 to MLP_MAX_LAYERS; default 0: set it */

    /* Loss. */
    mlp_loss loss;      /* default MLP_LOSS_BCE */
    double huber_delta; /* for MLP_LOSS_HUBER: finite, above 0; default 1 */
    /* For MLP_LOSS_QUANTILE: [n[L]], the tau of each output, above 0 and below
     * 1; mlp_net_create copies them. Default NULL: 0.5 for each, the medians.
     * Other losses need NULL. */
    const double *quantiles;
    /* In [0, 1); default 0. Training replaces each target y by
     *   (1 - label_smoothing) y + label_smoothing / k
     * where k is n[L] for cce (Szegedy et al., 2016; PyTorch's
     * CrossEntropyLoss), and 2 for bce. Other losses need 0. Only training
     * losses are smoothed; mlp_evaluate and validation use the original
     * targets. */
    double label_smoothing;

    /* Numbers. */
    mlp_dtype precision;  /* MLP_F64 (default) or MLP_F32 */
    mlp_weight_init init; /* draws initial weights; default MLP_INIT_AUTO */
    uint32_t seed;        /* seeds the initial weights; default 42 */

    /* Batch norm, with PyTorch's meaning. After each training step, or in
     * mlp_trainer_forward,
     *   running = running + momentum * (the batch's - running)
     * for mean and variance. Here the variance of m > 1 rows divides by m - 1;
     * in Z it divides by m. Momentum is in [0, 1], default 0.1. Epsilon is
     * finite and above 0, default 1e-5. */
    double batch_norm_momentum, batch_norm_epsilon;

    /* What runs on this machine. */
    const char *kernels;   /* a name from mlp_kernels; default NULL: the fastest
                            that this machine runs. All give the same bits. */
    mlp_hooks hooks;       /* default: none */
    uint64_t reserved[16]; /* 0 */
} mlp_config;

/* Returns a configuration with the defaults named above. */
mlp_config mlp_config_defaults(void);

/* Kernels are the library's arithmetic functions, written for one instruction
 * set. Returns the name of the index-th set of kernels that this machine can
 * run, the slowest ("portable") first, and NULL past the last. */
const char *mlp_kernels(size_t index);

/* ---------------------------------------------------------------------------
 * 4. Networks
 */

/* A network has layers with their parameters, a loss and a scaling. */
typedef struct mlp_net mlp_net;

/* Makes a network and draws its initial weights. Allocates. The caller owns
 * *net and frees it by mlp_net_free.
 * MLP_ERR_ARGUMENT: no inputs or layers, a width of 0, an unknown constant, a
 * number outside the range that mlp_layer or mlp_config names, softmax before
 * the last layer, a loss that is not meant for the last activation (see
 * MLP_LOSS_LIST), one output with softmax or cce, an odd number of outputs with
 * gaussian_nll, dropout in the last layer, a precision other than MLP_F32 and
 * MLP_F64, or only one of `allocate` and `release`.
 * MLP_ERR_LIMIT: a size above a limit.
 * MLP_ERR_UNSUPPORTED: this machine has no kernels of that name. */
MLP_NODISCARD mlp_status mlp_net_create(const mlp_config *config,
                                        mlp_net **net);

/* Makes an independent copy of parameters, running averages, scaling, names,
 * metadata and hooks. Allocates. The caller owns *copy. */
MLP_NODISCARD mlp_status mlp_net_clone(const mlp_net *net, mlp_net **copy);

/* Like mlp_net_clone, but with batch norm multiplied into the weights, for
 * programs that do not know batch norm: each neuron gets W' = s W and
 * b' = b - s mean, with s = scale / sqrt(variance + epsilon), computed in
 * double and rounded once. The copy has no batch norm and predicts the same,
 * except for rounding errors. MLP_ERR_NOT_FINITE: W' or b' is not finite; the
 * message names the layer. */
MLP_NODISCARD mlp_status mlp_net_fold_batch_norm(const mlp_net *net,
                                                 mlp_net **folded);

/* Frees a network. NULL is allowed. */
void mlp_net_free(mlp_net *net);

/* Starts a network anew: draws all weights and biases as mlp_net_create does,
 * and sets scales to 1, running means to 0 and running variances to 1. Names,
 * metadata and the scaling (section 5) stay: for other rows, such as another
 * fold, switch the scaling off first, or make a new network.
 * MLP_ERR_ARGUMENT: unknown init. */
MLP_NODISCARD mlp_status mlp_net_initialise(mlp_net *net, mlp_weight_init init,
                                            uint32_t seed);

/* The following functions describe a network. For NULL they return 0, or the
 * constant whose number is 0. */
size_t mlp_net_inputs(const mlp_net *net);  /* n[0] */
size_t mlp_net_outputs(const mlp_net *net); /* n[L] */
size_t mlp_net_targets(const mlp_net *net); /* columns of Y: n[L], or half of
                                               it for gaussian_nll */
size_t mlp_net_layer_count(const mlp_net *net);     /* L */
size_t mlp_net_parameter_count(const mlp_net *net); /* all W, b and scale */
mlp_dtype mlp_net_precision(const mlp_net *net);
mlp_loss mlp_net_loss(const mlp_net *net);
const double *mlp_net_quantiles(const mlp_net *net); /* [n[L]], the network's
                                       own; NULL for a loss without them */
const char *mlp_net_kernels(const mlp_net *net);     /* "" for NULL */
mlp_hooks mlp_net_hooks(const mlp_net *net);         /* all NULL for NULL */

/* Copies out the description of layer l, 1 to L, with the activation and slope
 * in use: never MLP_ACT_AUTO, and a slope of 0 where the activation has none.
 * (In files from before MLP_NUMERICS 2 leaky_relu and elu may have slope 0.)
 * MLP_ERR_ARGUMENT: no such layer. */
MLP_NODISCARD mlp_status mlp_net_layer(const mlp_net *net, size_t l,
                                       mlp_layer *layer);

/* X(constant, number, name). The arrays of a layer, in the tutorial's notation.
 */
#define MLP_TENSOR_LIST(X)                                                     \
    X(MLP_W, 0, "W")                /* weights (n[l], n[l-1]) */               \
    X(MLP_B, 1, "b")                /* biases (1, n[l]) */                     \
    X(MLP_Z, 2, "Z")                /* pre-activations (m, n[l]) */            \
    X(MLP_A, 3, "A")                /* activations (m, n[l]); A[0] = inputs */ \
    X(MLP_DW, 4, "dW")              /* dJ/dW (n[l], n[l-1]) */                 \
    X(MLP_DB, 5, "db")              /* dJ/db (1, n[l]) */                      \
    X(MLP_DROPPED, 6, "A_dropped")  /* A after dropout, dropped outputs 0 */   \
    X(MLP_SCALE, 7, "scale")        /* batch norm's scale (1, n[l]) */         \
    X(MLP_DSCALE, 8, "dscale")      /* dJ/dscale (1, n[l]) */                  \
    X(MLP_MEAN, 9, "mean")          /* batch norm's running mean (1, n[l]) */  \
    X(MLP_VARIANCE, 10, "variance") /* its running variance (1, n[l]) */       \
    X(MLP_DX, 11, "dX")             /* dJ/dX (m, n[0]), of layer 0 */
typedef enum mlp_tensor { MLP_TENSOR_LIST(MLP_ENUM_VALUE) } mlp_tensor;
const char *mlp_tensor_name(mlp_tensor which); /* NULL for another number */

/* Gives a view of MLP_W, MLP_B, MLP_SCALE, MLP_MEAN or MLP_VARIANCE of layer l,
 * 1 to L. The numbers are the network's own: the view reads and sets them, and
 * is valid until the network is freed. In memory W lies as W^T, row by row, so
 * its view has row_stride 1. A network whose weights may have been set in this
 * way counts as trained: a fit leaves its scaling as it is. mlp_net_ctensor is
 * the form for reading.
 * MLP_ERR_ARGUMENT: no such layer, another tensor, or a tensor of batch norm in
 * a layer without it. */
MLP_NODISCARD mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which,
                                        size_t l, mlp_view *view);
MLP_NODISCARD mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which,
                                         size_t l, mlp_cview *view);

/* Like the two functions above, but these give one view of all parameters,
 * (1, mlp_net_parameter_count): for an optimizer of your own, evolution,
 * averages of networks, or exchange between machines. Layer follows layer
 * without a gap: W[1] as it lies in memory (the weights of the first input to
 * all neurons, then those of the second, ...), b[1], scale[1] if the layer has
 * batch norm, W[2], and so on. Running means and variances are not among them.
 */
MLP_NODISCARD mlp_status mlp_net_parameters(mlp_net *net, mlp_view *view);
MLP_NODISCARD mlp_status mlp_net_cparameters(const mlp_net *net,
                                             mlp_cview *view);

/* ---------------------------------------------------------------------------
 * 5. Scaling
 *
 * A network can keep a mean and a standard deviation of each input. It then
 * computes x' = (x - mean) / std (chapter 5.1) before its first layer, in
 * training and in predicting, so that callers always pass raw rows. A column
 * that does not vary, or only by rounding errors, gets std = 1. A new network
 * does not scale until its first fit, which sets the scaling unless the option
 * `standardise` is false.
 *
 * With the loss mse, mae, huber, quantile or gaussian_nll a network can scale
 * the targets, too. Callers then pass Y, and get predictions, in their own
 * units; the layers learn y' = (y - mean) / std, and a prediction is a * std +
 * mean. For gaussian_nll that holds for the means; a variance is multiplied by
 * std^2, so its logarithm s becomes s + 2 log(std). Losses, huber_delta and
 * gradients are in units of y', and so is A[L] of a trainer.
 */

/* Sets mean and std of each input from the rows of X (m, n[0]), m >= 1, of the
 * network's precision; std divides by m, as np.std does. Pass the training rows
 * only, not those that will test the network.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_NOT_FINITE: the message names row and
 * column. */
MLP_NODISCARD mlp_status mlp_net_standardise(mlp_net *net, mlp_cview X);

/* The first function sets n[0] means and n[0] standard deviations; the second
 * copies them out. To set both to NULL switches scaling off. A network that
 * does not scale has means of 0 and standard deviations of 1.
 * MLP_ERR_ARGUMENT: a std that is not above 0 or not finite in the network's
 * precision, a mean that is not finite, or only one of the two NULL. */
MLP_NODISCARD mlp_status mlp_net_set_scaling(mlp_net *net, const double *mean,
                                             const double *std);
MLP_NODISCARD mlp_status mlp_net_scaling(const mlp_net *net, double *mean,
                                         double *std);

/* Like the three functions above, but for the targets Y (m, mlp_net_targets):
 * a mean and a standard deviation for each column of Y. MLP_ERR_ARGUMENT: also
 * when setting with the loss bce, cce or poisson. */
MLP_NODISCARD mlp_status mlp_net_standardise_targets(mlp_net *net, mlp_cview Y);
MLP_NODISCARD mlp_status mlp_net_set_target_scaling(mlp_net *net,
                                                    const double *mean,
                                                    const double *std);
MLP_NODISCARD mlp_status mlp_net_target_scaling(const mlp_net *net,
                                                double *mean, double *std);

/* Copies out what a prediction does to each output a of the last layer, a * std
 * + mean: n[L] numbers each. They are those of the targets, except for the
 * logarithms of variances, where mean is 2 log(std) and std is 1. */
MLP_NODISCARD mlp_status mlp_net_output_scaling(const mlp_net *net,
                                                double *mean, double *std);

/* ---------------------------------------------------------------------------
 * 6. Predicting
 *
 * X (m, n[0]) and A (m, n[L]) have the network's precision. Except in
 * mlp_evaluate, m may be 0, and a NaN or an infinity in X is no error: it goes
 * through the layers, and outputs may become NaN. A may overlap X only if both
 * are the same view. All functions that take X can return MLP_ERR_SHAPE and
 * MLP_ERR_DTYPE; they allocate a workspace and free it. Only mlp_predict_with
 * and mlp_jacobian use the caller's workspace, and allocate nothing.
 */

/* Computes the outputs A of the rows X. */
MLP_NODISCARD mlp_status mlp_predict(const mlp_net *net, mlp_cview X,
                                     mlp_view A);

/* Computes classes (chapter 4.1). With the loss bce, `labels` (m, n[L]) of
 * MLP_I32 receives 1 where the output is at least `threshold` (usually 0.5),
 * else 0. With cce, `labels` is (m, 1) and receives the number of the row's
 * largest output, the first of equal ones; the threshold has no effect. A NaN
 * among the outputs gives the label -1. MLP_ERR_ARGUMENT: threshold is NaN, or
 * another loss, whose outputs are no classes; mlp_predict gives them. */
MLP_NODISCARD mlp_status mlp_classify(const mlp_net *net, mlp_cview X,
                                      double threshold, mlp_view labels);

typedef struct mlp_scores {
    double loss;     /* J over all rows; NaN if an output is NaN */
    double accuracy; /* with bce, the fraction of outputs for which (a >= 0.5)
                        equals the target; with cce, the fraction of rows whose
                        predicted class is right; with other losses NaN */
    uint64_t reserved[4]; /* 0 */
} mlp_scores;

/* Scores the outputs of X against the targets Y, m >= 1.
 * MLP_ERR_NOT_FINITE: X or Y holds a NaN or an infinity.
 * MLP_ERR_ARGUMENT: with bce or cce a target outside [0, 1]; with poisson a
 * target below 0; with cce a row whose sum differs from 1 by more than 1e-6, or
 * a class number outside 0 to n[L] - 1. */
MLP_NODISCARD mlp_status mlp_evaluate(const mlp_net *net, mlp_cview X,
                                      mlp_cview Y, mlp_scores *scores);

/* Scratch memory for predicting. It serves the network that it was made for,
 * and others of the same layers, precision and kernels. Each thread needs a
 * workspace of its own. */
typedef struct mlp_workspace mlp_workspace;

/* Makes a workspace, which the caller owns. Allocates, with the network's
 * hooks, and writes to the memory once, so that the first prediction does not
 * have to wait until the system provides it. */
MLP_NODISCARD mlp_status mlp_workspace_create(const mlp_net *net,
                                              mlp_workspace **workspace);
void mlp_workspace_free(mlp_workspace *workspace); /* NULL is allowed */

/* Sets how many threads share the rows of mlp_predict_with. A new workspace has
 * 1; 0 means one for each core that the process may use. The threads start
 * here, sleep between calls, and end with the workspace. If the system cannot
 * start that many, there are fewer. A call with few rows uses one thread.
 * Allocates. MLP_ERR_LIMIT: more than MLP_MAX_THREADS. */
MLP_NODISCARD mlp_status mlp_workspace_set_threads(mlp_workspace *workspace,
                                                   size_t threads);

/* Like mlp_predict, but without allocating.
 * MLP_ERR_ARGUMENT: the workspace was made for other layers, another precision
 * or other kernels. */
MLP_NODISCARD mlp_status mlp_predict_with(const mlp_net *net,
                                          mlp_workspace *workspace, mlp_cview X,
                                          mlp_view A);

/* Computes the Jacobian dA/dx at a single row x (1, n[0]): element (i, j) of
 * dA_dx (n[L], n[0]) becomes the derivative of output i with respect to input
 * j, both in the caller's units. By the chain rule (chapter 3.2),
 *
 *   dA/dx = T F[L] W[L] ... F[2] W[2] F[1] W[1] S
 *
 * F[l] is the derivative of layer l's activation, a diagonal matrix except for
 * softmax (MLP_ACTIVATION_LIST has the formulas). With batch norm it contains
 * the factor scale / sqrt(variance + epsilon) of each neuron. S and T are
 * diagonal: S holds 1 / std of each input, T the std of each output
 * (mlp_net_output_scaling); without scaling they are unit matrices. The product
 * is computed from its narrower end: in forward mode, from S on, if n[0] is
 * less than n[L], else in reverse mode, from T on (Griewank and Walther,
 * "Evaluating Derivatives", 2008). It takes about as long as min(n[0], n[L]) +
 * 1 predictions, and always one thread. Like mlp_predict_with, it allocates
 * nothing, and a NaN or an infinity in x is no error.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE: of x or dA_dx. MLP_ERR_ARGUMENT: the workspace
 * is that of another network, as for mlp_predict_with. */
MLP_NODISCARD mlp_status mlp_jacobian(const mlp_net *net,
                                      mlp_workspace *workspace, mlp_cview x,
                                      mlp_view dA_dx);

/* ---------------------------------------------------------------------------
 * 7. Training: gradient descent (chapters 3 and 4)
 */

/* MLP_AUTO and MLP_AUTO_COUNT stand for a choice that the library makes: the
 * field's comment says which. They are defaults of options below. In a field
 * whose comment does not name them they are ordinary numbers. */
#define MLP_AUTO (-1.0)
#define MLP_AUTO_COUNT (SIZE_MAX - 1)

/* A network that is being trained: activations and gradients of a batch, and
 * what the optimizer remembers. Section 8 of this header says how to use one.
 */
typedef struct mlp_trainer mlp_trainer;

/* What a callback is told after each epoch. */
typedef struct mlp_epoch_progress {
    size_t epoch;  /* counts from 0, as the tutorial prints it */
    size_t epochs; /* how many there will be, unless training ends early */
    double loss;   /* the mean over the epoch's rows; the loss of a row is
                      computed before the update of its batch, with dropout */
    double validation_loss;     /* J of the validation rows, after the epoch */
    double validation_accuracy; /* as in mlp_scores. Both are NaN if there are
                                   no validation rows */
    size_t best_epoch;  /* the epoch with the lowest validation loss (without
                          validation: training loss), the first of equal ones */
    double rate;        /* the learning rate of the epoch */
    double seconds;     /* how long the epoch took */
    const mlp_net *net; /* the network after the epoch's updates */
    const mlp_trainer *trainer; /* its state may be saved here */
    uint64_t reserved[8];       /* 0 */
} mlp_epoch_progress;

/* What a callback is told after each batch. */
typedef struct mlp_batch_progress {
    size_t epoch, batch;  /* both count from 0 */
    size_t rows;          /* the rows of the batch */
    double loss;          /* J of the batch, before its update */
    double rate;          /* the learning rate */
    const mlp_net *net;   /* the network after the update */
    uint64_t reserved[4]; /* 0 */
} mlp_batch_progress;

/* X(constant, number, name). How an update computes a parameter w from its
 * gradient g and from the averages v and s of earlier gradients, which start at
 * 0. alpha is the learning rate.
 *   auto      is adamw with a weight_decay that suits the data: 0.05 p / m for
 *             p parameters and m training rows, at most 0.2. In trainers and
 *             mlp_fit_stream, which do not know m, it is 0.05. If nothing is
 *             known of the data, auto learns best (tests/bench/learning.py
 *             compares)
 *   sgd       w -= alpha g (chapter 3.3)
 *   momentum  v = mu v + g; w -= alpha v
 *   tutorial_momentum  v = mu v + (1 - mu) g; w -= alpha v (problem 3)
 *   nesterov  v = mu v + g; w -= alpha (g + mu v)
 *   rmsprop   s = rho s + (1 - rho) g^2; w -= alpha g / (sqrt(s) + epsilon)
 *   adam      v = beta1 v + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
 *             w -= alpha v' / (sqrt(s') + epsilon), where in update t
 *             v' = v / (1 - beta1^t) and s' = s / (1 - beta2^t): Kingma and Ba,
 *             "Adam: A Method for Stochastic Optimization" (2015)
 *   adamw     is adam with weight_decay: Loshchilov and Hutter, "Decoupled
 *             Weight Decay Regularization" (2019)
 *   rprop     w -= d sign(g). Each w has its own step size d, initially alpha:
 *             d grows while g keeps its sign; when the sign changes, d shrinks
 *             and w stays. Rprop needs full batches. Igel and Huesken,
 *             "Improving the Rprop Learning Algorithm" (2000), iRprop-; FANN's
 *             default. Later learning rates change weight decay only, so a
 *             schedule has no effect on d
 *   lbfgs     moves w along -H g. The Hessian is the matrix of J's second
 *             derivatives; it tells how J curves. H approximates its inverse
 *             from the last lbfgs_history updates. A line search chooses the
 *             length: it tries alpha first (in the first update alpha divided
 *             by the sum of |g|, if that is less), and goes on until J and its
 *             slope have fallen enough (the strong Wolfe conditions), or 25
 *             lengths are tried. Leave alpha at its default, 1. One epoch is
 *             one update and takes one pass over the rows, or a few. L-BFGS is
 *             for small data in a full batch. Only fits can use it, without
 *             dropout, weight_decay and clipping.
 *             Nocedal and Wright, "Numerical Optimization" (2006), algorithms
 *             7.4, 3.5 and 3.6
 * All formulas are PyTorch's, where PyTorch has the optimizer. */
#define MLP_OPTIMIZER_LIST(X)                                                  \
    X(MLP_OPTIMIZER_AUTO, 0, "auto")                                           \
    X(MLP_OPTIMIZER_SGD, 1, "sgd")                                             \
    X(MLP_OPTIMIZER_MOMENTUM, 2, "momentum")                                   \
    X(MLP_OPTIMIZER_TUTORIAL_MOMENTUM, 3, "tutorial_momentum")                 \
    X(MLP_OPTIMIZER_NESTEROV, 4, "nesterov")                                   \
    X(MLP_OPTIMIZER_RMSPROP, 5, "rmsprop")                                     \
    X(MLP_OPTIMIZER_ADAM, 6, "adam")                                           \
    X(MLP_OPTIMIZER_ADAMW, 7, "adamw")                                         \
    X(MLP_OPTIMIZER_RPROP, 8, "rprop")                                         \
    X(MLP_OPTIMIZER_LBFGS, 9, "lbfgs")
typedef enum mlp_optimizer_kind {
    MLP_OPTIMIZER_LIST(MLP_ENUM_VALUE)
} mlp_optimizer_kind;
const char *mlp_optimizer_name(mlp_optimizer_kind kind); /* NULL if unknown */

typedef struct mlp_optimizer {
    mlp_optimizer_kind kind;

    /* The formulas above use these constants. All are checked, whatever the
     * kind, and all are finite. */
    double momentum;                 /* mu in [0, 1); default 0.9 */
    double beta1, beta2;             /* in [0, 1); default 0.9 and 0.999 */
    double rho;                      /* in [0, 1); default 0.99 */
    double epsilon;                  /* above 0; default 1e-8 */
    double rprop_grow, rprop_shrink; /* factors of d: the first at least 1, the
                                        second in (0, 1]; default 1.2 and 0.5 */
    double rprop_min, rprop_max;     /* bounds of d: the first above 0, the
                                        second not below it; default 1e-6, 50 */
    size_t lbfgs_history;            /* 1 to 1000; default 10 */

    /* Regularisation. Penalties are part of the loss J that training computes,
     * and of dW; mlp_evaluate leaves them out. m is the number of rows of the
     * batch. Biases and scales of batch norm have neither penalty nor decay.
     * The three numbers are finite, 0 or more. */
    double l2;           /* J += l2 / (2 m) sum of W^2 (problem 2); default 0 */
    double l1;           /* J += l1 / m sum of |W|; default 0 */
    double weight_decay; /* W -= alpha weight_decay W at each update, with any
                            kind; default MLP_AUTO: 0.01 for adamw, what the
                            list above says for auto, else 0 */

    /* Clipping. Each g is held in [-clip_value, clip_value]. Then it is
     * multiplied by clip_norm / (norm + 1e-6) if that is below 1. The norm,
     * sqrt(sum of g^2), is that of all gradients after they are clipped by
     * value, as with PyTorch's clip_grad_value_ and then clip_grad_norm_. Both
     * numbers are above 0; default INFINITY: no clipping. */
    double clip_value, clip_norm;
    uint64_t reserved[8]; /* 0 */
} mlp_optimizer;

/* Returns an optimizer with the defaults named above. They suit every kind, so
 * `kind` may be changed afterwards. */
mlp_optimizer mlp_optimizer_defaults(mlp_optimizer_kind kind);

/* X(constant, number, name). The learning rate of an epoch, which counts from
 * 0, if training starts with alpha:
 *   constant      alpha
 *   inverse_time  alpha / (1 + decay epoch) (problem 4)
 *   step          alpha factor^floor(epoch / every)
 *   exponential   alpha factor^epoch
 *   cosine        alpha (epoch + 1) / (warm_up + 1) before epoch `warm_up`;
 *                 then min_rate + (alpha - min_rate) (1 + cos(pi t)) / 2 with
 *                 t = (epoch - warm_up) / (epochs - warm_up). It would reach
 *                 min_rate in the epoch after the last: Loshchilov and Hutter,
 *                 "SGDR" (2017), without restarts
 *   plateau       multiplies the rate by factor after `patience` epochs in
 *                 which the loss has not improved by more than min_delta. The
 *                 count restarts at each improvement and at each reduction. The
 *                 rate stays at least min_rate. The loss is that of validation,
 *                 or of training where there is no validation
 *   custom        rate(epoch, alpha, user) */
#define MLP_SCHEDULE_LIST(X)                                                   \
    X(MLP_SCHEDULE_CONSTANT, 0, "constant")                                    \
    X(MLP_SCHEDULE_INVERSE_TIME, 1, "inverse_time")                            \
    X(MLP_SCHEDULE_STEP, 2, "step")                                            \
    X(MLP_SCHEDULE_EXPONENTIAL, 3, "exponential")                              \
    X(MLP_SCHEDULE_COSINE, 4, "cosine")                                        \
    X(MLP_SCHEDULE_PLATEAU, 5, "plateau")                                      \
    X(MLP_SCHEDULE_CUSTOM, 6, "custom")
typedef enum mlp_schedule_kind {
    MLP_SCHEDULE_LIST(MLP_ENUM_VALUE)
} mlp_schedule_kind;
const char *mlp_schedule_name(mlp_schedule_kind kind); /* NULL if unknown */

/* A schedule of the learning rate. Only the fields that its kind names are
 * used. */
typedef struct mlp_schedule {
    mlp_schedule_kind kind;
    double decay;     /* 0 or more; default 0.01 */
    double factor;    /* in (0, 1]; default MLP_AUTO: 0.99 for exponential, 0.1
                         for step and plateau */
    size_t every;     /* epochs, 1 or more; default 10 */
    size_t warm_up;   /* epochs; default 0 */
    size_t epochs;    /* the epoch where the cosine ends; default 0: where the
                         training ends. Set it if the training is resumed */
    size_t patience;  /* epochs, 1 or more; default 10 */
    double min_delta; /* 0 or more; default 0 */
    double min_rate;  /* 0 or more; default 0. Above alpha it counts as alpha */
    /* The caller's function; default NULL. It may return 0. If it returns a
     * negative number, NaN or infinity, training ends with MLP_ERR_ARGUMENT and
     * the network keeps what it has learnt. */
    double (*rate)(size_t epoch, double alpha, void *user);
    void *user;           /* passed to `rate` */
    uint64_t reserved[4]; /* 0 */
} mlp_schedule;

/* Returns a schedule with the defaults named above. They suit every kind, so
 * `kind` may be changed afterwards. */
mlp_schedule mlp_schedule_defaults(mlp_schedule_kind kind);

/* Returns the learning rate of an epoch in a training run of `epochs` epochs.
 * For a plateau it is the rate before any reduction. NaN for NULL, for a
 * schedule that mlp_fit refuses, and if `alpha` is MLP_AUTO or `epochs`
 * MLP_AUTO_COUNT, which only a fit can resolve. */
double mlp_schedule_rate(const mlp_schedule *schedule, double alpha,
                         size_t epoch, size_t epochs);

#define MLP_MAX_PARTS 1024

/* Lets several processes share a fit. With MPI you need not fill this struct:
 * mlp_mpi.h does. Each process, called a rank, calls the same fit with the same
 * network and options, and with its own rows. All get the same network and
 * history, to the bit those of one process with the same `parts` P.
 * Of all M rows, block p holds the rows floor(p M / P) to
 * floor((p + 1) M / P) - 1, and makes part p of each batch. Rank r of R passes
 * the rows of blocks r P / R to (r + 1) P / R - 1, in X, Y, row_weights,
 * X_validation and Y_validation. With M = 10, P = 4 and R = 2 the blocks are
 * 0 1 | 2 3 4 | 5 6 | 7 8 9, and rank 0 passes rows 0 to 4. R is a power of two
 * that divides P.
 * If one rank fails, all do, with the same status and a message that names it,
 * unless its exchange or its parts are wrong: nobody could hear of that.
 * The callbacks are called on each rank. If one returns false on any rank,
 * training ends on all: on_epoch before the next epoch, on_batch before the
 * next update. */
typedef struct mlp_exchange {
    size_t rank, ranks;
    /* Adds n numbers of type MLP_F64 or MLP_F32 over all ranks, and gives each
     * rank the same bits. The sums must be those of the binary tree over the
     * ranks in their order: for four (x0 + x1) + (x2 + x3). An error ends the
     * fit of this rank with that status. */
    mlp_status (*sum)(void *numbers, size_t n, mlp_dtype dtype, void *user);
    void *user;           /* passed to it */
    uint64_t reserved[4]; /* 0 */
} mlp_exchange;

typedef struct mlp_train_options {
    /* How gradient descent runs. */
    size_t epochs;     /* passes over the rows, 0 or more; default
                          MLP_AUTO_COUNT: 200 or, if an epoch has fewer than 10
                          batches, as many as make 2000 updates. Always 200 with
                          rprop, lbfgs and mlp_fit_stream */
    size_t batch_size; /* rows of a batch; 0: all rows; default MLP_AUTO_COUNT:
                          32 (or max_rows of a smaller trainer; with parts
                          rounded up to a multiple of them or, in a stream that
                          they do not divide, `parts`), but all rows for rprop
                          and lbfgs */
    double learning_rate;    /* alpha, above 0; default MLP_AUTO: 0.001 for
                                auto, adam, adamw and rmsprop, 1 for lbfgs, else
                                0.01 */
    mlp_optimizer optimizer; /* default MLP_OPTIMIZER_AUTO */
    mlp_schedule schedule;   /* default MLP_SCHEDULE_CONSTANT */

    /* true (default): the first fit of a new network that does not scale sets
     * its scaling (section 5), before the first epoch, from the rows that it
     * trains on: of inputs and, in a regression whose last activation is
     * identity, of targets. Rows of weight 0 do not count, and other weights
     * make no difference. A network that has been trained, loaded or imported
     * keeps its scaling as it is. mlp_fit_stream ignores this option: call
     * mlp_net_standardise with some of the rows. */
    bool standardise;
    bool shuffle;  /* true (default): each epoch with several batches takes
                      the rows in a new order, np.random.permutation(m) */
    uint32_t seed; /* seeds the orders and dropout; default 42 */
    /* Threads that share the work, the caller's included; at most
     * MLP_MAX_THREADS. Default 0: one for each core that the process may use (a
     * container's CPU quota is not seen). Small batches, forked children and
     * builds without threads use one. If the system cannot start that many,
     * there are fewer. While one thread proves faster than all of them, as when
     * another program holds a core, one works alone. All are tried again after
     * 1.3 seconds or 128 updates at most, whichever takes longer. Every number
     * gives the same bits. */
    size_t threads;

    /* Many machines (data parallelism). With P parts, a power of two up to
     * MLP_MAX_PARTS, the rows are cut into P blocks of consecutive rows, whose
     * sizes differ by one row at most. A batch has batch_size / P rows of each
     * block: its parts. The gradients and losses of the parts are added as a
     * binary tree. So the bits depend on P, but not on which process computes
     * which part. Each block is shuffled, and split for validation, by itself,
     * so the last batch may be larger or smaller than without parts. P must
     * divide batch_size. Dropout, weights and clipping are those of the whole
     * batch. Batch norm and lbfgs are refused. */
    size_t parts;                 /* P; default 1: no parts */
    const mlp_exchange *exchange; /* between processes; default NULL: this one
                                     computes all parts */

    /* Weights of rows. With w[i], the weight of row i times that of its class,
     *   J = (sum of w[i] J[i]) / (sum of w[i])
     * over the rows i of a batch, as PyTorch's weighted means. A row of weight
     * 2 counts as if it were there twice: in J, in the loss of an epoch, and in
     * the penalties, which divide by the sum of the weights instead of m; but
     * not in batch norm. A batch whose weights are all 0 makes no update and
     * has the loss 0. Validation ignores weights. */
    mlp_cview row_weights; /* (m, 1) of float64 or the network's precision;
                              finite, 0 or more; default no rows: all are 1 */
    /* [n[L]] for cce, [2] for bce with one output; finite, 0 or more; default
     * NULL: all are 1. If targets are probabilities, the weight of a row's
     * class is the sum over k of y[k] class_weights[k]; with bce it is
     * (1 - y) class_weights[0] + y class_weights[1]. It is computed before
     * label smoothing. */
    const double *class_weights;

    /* Validation: rows that are held out of training and scored after each
     * epoch. They are a fraction of X and Y (see mlp_validation_split), or
     * X_validation (k, n[0]) and Y_validation, targets as Y. */
    double validation_fraction; /* in [0, 1); default 0: none */
    mlp_cview X_validation;     /* default no rows: none */
    mlp_cview Y_validation;     /* default no rows: none; set both */
    bool restore_best; /* true (default): with validation, the network gets the
                          weights of the epoch with the least validation loss
                          when training ends, unless an error ends it */

    /* Early stopping: training ends after `patience` epochs in which the
     * validation loss (without validation: the training loss) has not fallen by
     * more than min_delta. */
    size_t patience;  /* 1 or more; default SIZE_MAX: no early stopping */
    double min_delta; /* 0 or more; default 0 */

    /* Callbacks; default NULL. Each may call functions that take a const
     * network. If one returns false, training ends with MLP_OK. An epoch that
     * on_batch ends is not in the history. */
    bool (*on_epoch)(const mlp_epoch_progress *progress, void *user);
    bool (*on_batch)(const mlp_batch_progress *progress, void *user);
    void *user;            /* passed to both */
    uint64_t reserved[16]; /* 0 */
} mlp_train_options;

/* Returns options with the defaults named above. */
mlp_train_options mlp_train_defaults(void);

/* Tells which rows options->validation_fraction holds out for validation, given
 * the targets Y as for mlp_fit in one process (options->exchange is not used: Y
 * has the rows of all ranks). Rows are chosen as by mlp_train_test_split with
 * this fraction and options->seed, stratified only with cce, and with bce and
 * one output; with options->parts, in each block by itself. order[m] receives
 * the training rows, then the *held rows held out; *held is 0 for the fraction
 * 0. Allocates.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ARGUMENT: a fraction outside [0, 1), or
 * one that leaves no row to train on or none to hold out; parts that are no
 * power of two up to MLP_MAX_PARTS. */
MLP_NODISCARD mlp_status mlp_validation_split(const mlp_net *net, mlp_cview Y,
                                              const mlp_train_options *options,
                                              size_t *order, size_t *held);

/* How rows are split into training rows and test rows, without a network. */
typedef struct mlp_split_options {
    double test_fraction; /* of the rows, in (0, 1); default 0.25 */
    size_t folds;         /* 2 to m; default 5 */
    bool stratify;        /* by the classes in Y, if it holds any; default
                             true */
    uint32_t seed;        /* seeds the permutation; default 42 */
    mlp_hooks hooks;      /* for memory and messages; default: none */
    uint64_t reserved[4]; /* 0 */
} mlp_split_options;

/* Returns options with the defaults named above. */
mlp_split_options mlp_split_defaults(void);

/* Both functions split m rows, whose targets are Y (m, n): order[m] receives
 * the indices of the training rows, then those of the *test_rows test rows,
 * each in ascending order. mlp_gather_rows copies rows in this order. `options`
 * NULL means the defaults. Both allocate.
 *
 * The split is stratified if options->stratify is true and Y holds classes: Y
 * is one column of MLP_I32 (each number is a class), one column of 0 and 1 only
 * (two classes), or has one-hot rows only, of any type. Otherwise all rows
 * count as one class.
 *
 * Rows are drawn once, by np.random.permutation(m) after np.random.seed(seed).
 * mlp_train_test_split takes test_fraction * m test rows, rounded to nearest
 * (halves up): the first ones of each class in the permutation. A class of c
 * rows gives c / m of the test rows, rounded down; the rows that are missing
 * then come from the classes with the largest remainders, the lowest class
 * first among equals.
 * mlp_k_fold sorts the permutation by class, and keeps its order within a
 * class. The test rows of `fold` are numbers fold, fold + folds, fold + 2
 * folds, ... of the result. So each row is a test row of one fold, and neither
 * the sizes of two folds nor their numbers of rows of a class differ by more
 * than one.
 *
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE: Y has no column, or an unknown type.
 * MLP_ERR_ARGUMENT: fewer than 2 rows; a test_fraction outside (0, 1), or one
 * that leaves no training row or no test row; folds below 2 or above m; a fold
 * that is not below folds; only one of `allocate` and `release`. Each function
 * checks only the options that it uses. */
MLP_NODISCARD mlp_status mlp_train_test_split(mlp_cview Y,
                                              const mlp_split_options *options,
                                              size_t *order, size_t *test_rows);
MLP_NODISCARD mlp_status mlp_k_fold(mlp_cview Y,
                                    const mlp_split_options *options,
                                    size_t fold, size_t *order,
                                    size_t *test_rows);

/* Copies rows: row i of `to` becomes row order[i] of `from`, for each of the
 * to.rows rows. Both views have the same type, any of the three, and the same
 * number of columns. A row may be taken several times. `hooks` NULL: no
 * messages; nothing is allocated. With to.rows = 0, `order` may be NULL.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ARGUMENT: an order[i] is not below
 * from.rows. */
MLP_NODISCARD mlp_status mlp_gather_rows(mlp_cview from, const size_t *order,
                                         const mlp_hooks *hooks, mlp_view to);

/* What happened in each epoch. */
typedef struct mlp_history mlp_history;

/* Return the number of epochs, and arrays with one number for each epoch, as in
 * mlp_epoch_progress. The arrays are valid until the history is freed. NULL
 * gives 0 and NULL. Without on_epoch, epochs below 2 microseconds are timed
 * sixteen at a time. */
size_t mlp_history_epochs(const mlp_history *history);
const double *mlp_history_losses(const mlp_history *history);
const double *mlp_history_validation_losses(const mlp_history *history);
const double *mlp_history_validation_accuracies(const mlp_history *history);
const double *mlp_history_rates(const mlp_history *history);
const double *mlp_history_seconds(const mlp_history *history);

/* Returns best_epoch after the last epoch; it counts the epochs of all fits of
 * the trainer. */
size_t mlp_history_best_epoch(const mlp_history *history);

void mlp_history_free(mlp_history *history); /* NULL is allowed */

/* Trains `net` on the rows X (m, n[0]) and targets Y, m >= 1, of the network's
 * precision. Batches are cut from the (shuffled) rows in order; the last one
 * may be smaller. `options` NULL means the defaults. `history`, unless NULL,
 * receives a history, which the caller owns. All memory is allocated before the
 * first epoch. A large batch needs memory for the activations of some hundreds
 * of its rows only, unless a layer has batch norm. A second call continues from
 * the present weights, with a new optimizer.
 * Errors before anything is changed:
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE.
 * MLP_ERR_NOT_FINITE: X, Y or a row weight is NaN or infinite; the message
 * names row and column, from 0.
 * MLP_ERR_ARGUMENT: an option outside its range in the network's precision, a
 * target that mlp_evaluate refuses, a fraction that mlp_validation_split
 * refuses, both kinds of validation, row or class weights that are negative or
 * whose sum is 0 or not finite, class weights for a loss without classes, lbfgs
 * with several batches, dropout, weight_decay or clipping, or parts that are no
 * power of two, do not divide batch_size, or meet batch norm or lbfgs.
 * MLP_ERR_SHAPE with parts: fewer rows than parts, or ranks (mlp_exchange) that
 * have other rows than those of their blocks.
 * MLP_ERR_LIMIT: more than MLP_MAX_THREADS, or a history or batch whose bytes
 * exceed a size_t.
 * Errors during training:
 * MLP_ERR_ARGUMENT: a custom schedule returned a rate that is negative or not
 * finite; the network keeps what it has learnt.
 * MLP_ERR_DIVERGED: a loss, gradient or weight became NaN or infinite; the
 * message names the epoch and, for the loss or gradient of a batch, the batch.
 * The network gets back the weights from the start of the epoch that failed or,
 * if these were bad already, from the start of the epoch before. If the fit
 * began with these weights, the network is as before, its scaling included.
 * There is no history. */
MLP_NODISCARD mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                                 const mlp_train_options *options,
                                 mlp_history **history);

/* A chunk holds some of the rows of an epoch. */
typedef struct mlp_chunk {
    mlp_cview X, Y;        /* as in mlp_fit; valid until the next call or, with
                              P parts, until the chunk whose `number` is higher
                              by P is asked for */
    mlp_cview row_weights; /* as in mlp_train_options; valid as long as X, Y */
    uint64_t reserved[4];  /* 0 */
} mlp_chunk;

/* The caller's function that produces rows. It sets *chunk, which is empty
 * before, to chunk `number` of epoch `epoch`; both count from 0. An empty chunk
 * ends the epoch. A status other than MLP_OK ends the training and is returned
 * by it. */
typedef mlp_status mlp_next_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                                  void *user);

/* Like mlp_fit, but with rows that come chunk by chunk, so that they need not
 * all fit into memory. The same rows give the same bits as mlp_fit without
 * shuffling, wherever the chunks are cut, if the scaling is the same and epochs
 * and weight_decay (or another optimizer than auto) are set. Rows are used in
 * the order in which they come; `shuffle` is ignored, and the rows of an epoch
 * may differ from those of another. `user` is passed to `next`.
 * With P parts, chunk number c belongs to part c mod P, and a batch takes
 * batch_size / P rows of each part's chunks. Chunks are then asked for out of
 * order, an empty chunk ends its part, and the epoch ends with the last part. A
 * process is asked for the chunks of its parts only.
 * Errors are those of mlp_fit. MLP_ERR_ARGUMENT: also for batches of all rows
 * (a batch_size of 0, and rprop's default), lbfgs, a validation_fraction (pass
 * validation rows instead), the options' row_weights (chunks bring their own),
 * or weights that are all 0 in an epoch.
 * A chunk is checked when it comes; the message names epoch and chunk.
 * MLP_ERR_SHAPE: also for an epoch without rows. An error in an epoch that has
 * made updates returns the network to its weights at the start of the epoch. */
MLP_NODISCARD mlp_status mlp_fit_stream(mlp_net *net, mlp_next_chunk *next,
                                        void *user,
                                        const mlp_train_options *options,
                                        mlp_history **history);

/* ---------------------------------------------------------------------------
 * 8. Training, step by step
 */

/* Makes a trainer for batches of at most `max_rows` rows, 1 or more. Borrows
 * `net`, which must outlive the trainer; other functions may use the network
 * between two calls. Allocates, with the network's hooks. The caller owns
 * *trainer. MLP_ERR_ARGUMENT: max_rows is 0. MLP_ERR_LIMIT: the bytes of a
 * batch exceed a size_t. */
MLP_NODISCARD mlp_status mlp_trainer_create(mlp_net *net, size_t max_rows,
                                            mlp_trainer **trainer);
void mlp_trainer_free(mlp_trainer *trainer); /* NULL is allowed */

/* Returns the network that the trainer borrows; NULL for NULL. */
const mlp_net *mlp_trainer_net(const mlp_trainer *trainer);

/* Sets how many threads share the work, as `threads` of mlp_train_options; a
 * new trainer has 1. The threads start here, sleep between steps, and end with
 * the trainer. In a forked child the trainer uses one thread. Allocates.
 * MLP_ERR_LIMIT: more than MLP_MAX_THREADS. */
MLP_NODISCARD mlp_status mlp_trainer_set_threads(mlp_trainer *trainer,
                                                 size_t threads);

/* Sets the seed of dropout, which is 42 in a new trainer. The mask says which
 * outputs are dropped. It depends only on this seed, the number of forwards
 * since this call, the layer, the row and the column. So with this call before
 * each forward the masks are the same each time. */
MLP_NODISCARD mlp_status mlp_trainer_set_seed(mlp_trainer *trainer,
                                              uint32_t seed);

/* Chooses what mlp_trainer_update does, and forgets what another optimizer
 * remembered; a new trainer has sgd. Allocates arrays as long as the
 * parameters: one for momentum, tutorial_momentum, nesterov and rmsprop, two
 * for auto, adam, adamw and rprop, 2 lbfgs_history + 6 for lbfgs.
 * MLP_ERR_ARGUMENT: a field is outside its range in the network's precision, or
 * lbfgs is combined with dropout, weight_decay or clipping. */
MLP_NODISCARD mlp_status
mlp_trainer_set_optimizer(mlp_trainer *trainer, const mlp_optimizer *optimizer);

/* Forward (chapter 2.2): copies the rows X (m, n[0]) to A[0], scaled if the
 * network scales, and computes Z[l] = A[l-1] W[l]^T + b[l] and
 * A[l] = activation(Z[l]) for l = 1..L. A layer with dropout passes on
 * A_dropped instead of A. A layer with batch norm normalises A[l-1] W[l]^T
 * over these m rows and updates its running mean and variance. A single row is
 * normalised to 0, so that Z = b, and the running variance does not change.
 * MLP_ERR_DTYPE; MLP_ERR_SHAPE: also if m is 0 or above max_rows. */
MLP_NODISCARD mlp_status mlp_trainer_forward(mlp_trainer *trainer, mlp_cview X);

/* Loss (chapter 3.1): computes J of the last forward against Y, with the
 * optimizer's penalties. The loss may be NaN or infinite, because float targets
 * are not checked for their values; mlp_trainer_step checks them.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ARGUMENT: a class number outside
 * 0 to n[L] - 1; MLP_ERR_ORDER: no forward yet. */
MLP_NODISCARD mlp_status mlp_trainer_loss(mlp_trainer *trainer, mlp_cview Y,
                                          double *loss);

/* Sets the weights (m, 1) of the last forward's rows, for the calls of loss and
 * backward that follow; they are as row_weights of mlp_train_options. A view
 * without rows makes all weights 1, as they are after each forward.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE, MLP_ERR_NOT_FINITE; MLP_ERR_ARGUMENT: a
 * negative weight, or a sum that is 0 or not finite; MLP_ERR_ORDER: no forward
 * yet. */
MLP_NODISCARD mlp_status mlp_trainer_set_row_weights(mlp_trainer *trainer,
                                                     mlp_cview weights);

/* Backward (chapter 3.3): computes, from the last layer to the first,
 *   dZ[L] = dJ/dA * activation'(Z[L]), which is (A - Y) / (m n[L]) for sigmoid
 *           with bce, and (A - Y) / m for softmax with cce
 *   dW[l] = dZ[l]^T A[l-1] + (l2 W[l] + l1 sign(W[l])) / m
 *   db[l][j] = sum over i of dZ[l][i][j]: each column is summed over the rows
 *   dZ[l-1] = (dZ[l] W[l]) * activation'(Z[l-1])
 * The tutorial divides dW and db by m. Here dZ already has the divisor of J:
 * m n[L], or m for cce. After dropout A_dropped[l-1] stands for A[l-1], and
 * dZ[l-1] gets the factors of its mask; batch norm adds factors of its own.
 * Needs a forward before; Z and A stay as they are. Float targets are not
 * checked for their values. Errors are those of mlp_trainer_loss. */
MLP_NODISCARD mlp_status mlp_trainer_backward(mlp_trainer *trainer,
                                              mlp_cview Y);

/* Backward from a loss of your own: dA (m, n[L]) is dJ/dA[L], where A[L] is
 * what mlp_trainer_tensor shows. The second function takes dJ/dZ[L] instead,
 * which is often simpler: for J = -log a_k after softmax it is a_k - 1 in
 * column k and a_j in every other column j. The rest is as in
 * mlp_trainer_backward, the penalties included. So the derivative may come from
 * a policy gradient, or from another network that reads these outputs (MLP_DX
 * below). Write it to an array of your own, because backward still reads A[L].
 *
 * The derivative contains the divisor of J, such as m. If the rows have
 * weights, row i is multiplied by its weight, divided by the mean weight: the
 * derivative of a loss of MLP_LOSS_LIST, taken without weights, then gives the
 * gradients that mlp_trainer_backward gives with them. If the network scales
 * targets, A[L] is in units of y', and a prediction is a * std + mean: dA is
 * then std times dJ/d(prediction). Values are not checked.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ORDER: no forward yet. */
MLP_NODISCARD mlp_status mlp_trainer_backward_from(mlp_trainer *trainer,
                                                   mlp_cview dA);
MLP_NODISCARD mlp_status mlp_trainer_backward_from_dZ(mlp_trainer *trainer,
                                                      mlp_cview dZ);

/* Update (chapter 3.3): W := W - alpha dW and b := b - alpha db, or what the
 * optimizer makes of them. dW and db stay as they are, so that another update
 * can use them again. MLP_ERR_ARGUMENT: alpha is not finite in the network's
 * precision, or the optimizer is lbfgs, which needs more than one gradient.
 * MLP_ERR_ORDER: no backward since the last forward or
 * mlp_trainer_set_row_weights. */
MLP_NODISCARD mlp_status mlp_trainer_update(mlp_trainer *trainer, double alpha);

/* One whole step, for learning online: forward, loss, backward, and update if
 * the loss and all gradients are finite. X (m, n[0]) and the targets Y, m from
 * 1 to max_rows, are checked as by mlp_fit, and all rows have the weight 1.
 * *loss, unless `loss` is NULL, receives J before the update.
 * MLP_ERR_DIVERGED: the loss or a gradient is not finite; the network is as
 * before. If a large alpha makes a weight infinite, the next step usually
 * returns this error, but an output that stays at 0 or 1 can hide the weight.
 * MLP_ERR_ARGUMENT: alpha is not finite and above 0 in the network's precision,
 * or the optimizer is lbfgs. Other errors are mlp_fit's for X and Y. */
MLP_NODISCARD mlp_status mlp_trainer_step(mlp_trainer *trainer, mlp_cview X,
                                          mlp_cview Y, double alpha,
                                          double *loss);

/* Like mlp_fit and mlp_fit_stream, but with the caller's trainer, whose own
 * threads and optimizer are used instead of the options' (which must be valid
 * all the same). The first call sets the trainer's seed to options->seed, also
 * that of dropout; later ones ignore it. A second call goes on where the first
 * stopped, with the count of epochs, the orders of rows, the patience and the
 * best weights. So 10 epochs and 10 more give the bits of 20,
 * if data and options are equal. With validation, set restore_best = false in
 * the first call; else the second call starts from the best weights instead of
 * the last ones.
 * Errors are those of mlp_fit. MLP_ERR_SHAPE: also for batches above max_rows,
 * or, with parts, for more rows than that in a part (in a stream, in all parts
 * of this process together).
 * An error that returns the network to earlier weights makes the optimizer
 * forget what it remembered. */
MLP_NODISCARD mlp_status mlp_trainer_fit(mlp_trainer *trainer, mlp_cview X,
                                         mlp_cview Y,
                                         const mlp_train_options *options,
                                         mlp_history **history);
MLP_NODISCARD mlp_status
mlp_trainer_fit_stream(mlp_trainer *trainer, mlp_next_chunk *next, void *user,
                       const mlp_train_options *options, mlp_history **history);

/* Gives a view of any tensor of layer l, 1 to L; for MLP_A and MLP_DROPPED also
 * 0, and for MLP_DX only 0. The view is valid until the trainer is freed. W, b
 * and the tensors of batch norm are those of mlp_net_tensor, after which the
 * network counts as trained; mlp_net_ctensor only reads them. Z, A and
 * A_dropped hold the rows of the last forward until the next one. dW and db may
 * be changed before an update, which then uses the changed numbers.
 * dX is in the units of X. If X is what another network predicted, its trainer
 * takes dX in mlp_trainer_backward_from. It is computed when its view is first
 * asked for after a backward, from the weights of that moment, and stays until
 * its view is asked for after another backward. The very first view allocates.
 * MLP_ERR_ARGUMENT: no such layer or tensor. MLP_ERR_ORDER: for Z, A and
 * A_dropped, no forward since the trainer was made, fitted or loaded; for
 * gradients, no backward since the last forward or mlp_trainer_set_row_weights;
 * for MLP_DX also an update, or mlp_trainer_step, between the backward and its
 * first view, because dX needs the weights of the backward. */
MLP_NODISCARD mlp_status mlp_trainer_tensor(mlp_trainer *trainer,
                                            mlp_tensor which, size_t l,
                                            mlp_view *view);

/* Gives one view (1, mlp_net_parameter_count) of all gradients, in the order of
 * mlp_net_parameters. They may be changed before an update. MLP_ERR_ORDER: as
 * for gradients in mlp_trainer_tensor. */
MLP_NODISCARD mlp_status mlp_trainer_gradients(mlp_trainer *trainer,
                                               mlp_view *view);

/* What mlp_check_gradients found. For each element
 *   error = |analytic - numeric| /
 *           max(|analytic|, |numeric|, 0.001 (|J| + largest |gradient|))
 * where the last term keeps the rounding of J from looking like an error. */
typedef struct mlp_gradient_check {
    double error;      /* the largest; infinite if the gradient is not finite */
    size_t layer;      /* the layer with the largest error */
    mlp_tensor tensor; /* its tensor: W, b or scale */
    size_t row, col;   /* the element of that tensor */
    double analytic;   /* the derivative from backward */
    double numeric;    /* the derivative from differences of the loss */
    size_t checked, skipped; /* numbers of parameters */
    uint64_t reserved[4];    /* 0 */
} mlp_gradient_check;

/* Compares the gradients of mlp_trainer_backward with differences of
 * mlp_trainer_loss, for the rows X and Y, with the penalties, the row and
 * class weights, and the seed of dropout that `options` name (NULL: the
 * defaults). If backward is right, the error is below 1e-7. The check works in
 * float64, on copies of the network and of float32 data. It skips a parameter
 * near a point where the loss has no derivative (such as ReLU's at 0), where
 * differences are unreliable. It costs 6 to 30 forwards of all rows for each
 * parameter: use few rows and narrow layers. With bce after anything but
 * sigmoid, results are meaningless for outputs within 1e-9 of 0 or 1, or in the
 * clipped range. Allocates. Errors are those of mlp_fit before training;
 * MLP_ERR_DIVERGED: the loss is not finite. */
MLP_NODISCARD mlp_status mlp_check_gradients(const mlp_net *net, mlp_cview X,
                                             mlp_cview Y,
                                             const mlp_train_options *options,
                                             mlp_gradient_check *worst);

/* ---------------------------------------------------------------------------
 * 9. Files
 *
 * A .mlp file is a safetensors file, which Python opens, too: its tensors have
 * PyTorch's names, and __metadata__ holds everything else as text. The files
 * model_format.h and description.h in src/formats/mlp specify it. Every later
 * version of the library reads the files of this one, on every machine. A file
 * holds what mlp_net_clone copies, except hooks and kernels. A loaded network
 * predicts the same bits as the saved one. The reader trusts no byte of a file:
 * a hostile file can only fail to load.
 *
 * Paths are passed to the system as they are. Only regular files are read and
 * replaced. Links to a file that a process has open, such as /dev/stdout, are
 * not replaced. A thread is not cancelled in the middle of a file. MLP_ERR_IO:
 * the system refused an operation; the message names it.
 */

/* Saves the network to `path`. A new file is written beside it as
 * <path>.tmp.<number>, flushed to the disk, and renamed, so that an old file is
 * replaced in one moment. The new file gets the permissions of the old one and,
 * where the process may set it, the owner. After a failure the old file is as
 * before and the new one is gone. A symbolic link is replaced, not followed; a
 * file that is a mount point cannot be replaced. Allocates the file's size.
 * MLP_ERR_IO; MLP_ERR_LIMIT: names and metadata of more than 100 MB. */
MLP_NODISCARD mlp_status mlp_net_save(const mlp_net *net, const char *path);

/* Writes the same bytes to memory: exactly mlp_net_save_size of them. The size
 * is 0 for NULL and where mlp_net_save returns MLP_ERR_LIMIT. MLP_ERR_SHAPE:
 * `size` is another number. */
size_t mlp_net_save_size(const mlp_net *net);
MLP_NODISCARD mlp_status mlp_net_save_memory(const mlp_net *net, void *bytes,
                                             size_t size);

/* Make the network that was saved; the caller owns *net. `hooks` may be NULL:
 * none. Allocates the network, and during the call the file's size or, from
 * memory, a table of the tensors. `bytes` may be freed after the call.
 * MLP_ERR_FORMAT: the file is not a .mlp file, is cut, or is damaged.
 * MLP_ERR_UNSUPPORTED: a later version wrote it, or it holds an activation,
 * loss or field that this version does not know.
 * MLP_ERR_ARGUMENT, MLP_ERR_LIMIT: mlp_net_create refuses what it describes.
 * MLP_ERR_IO. */
MLP_NODISCARD mlp_status mlp_net_load(const char *path, const mlp_hooks *hooks,
                                      mlp_net **net);
MLP_NODISCARD mlp_status mlp_net_load_memory(const void *bytes, size_t size,
                                             const mlp_hooks *hooks,
                                             mlp_net **net);

/* Set a network's parameters to those in any safetensors file, such as one
 * saved from PyTorch. Tensors of F64, F32, F16 or BF16 are rounded to the
 * network's precision. The layers are the tensors <name>.weight (n[l], n[l-1]),
 * and a missing <name>.bias means zeros. Batch norms are <name>.weight, .bias,
 * .running_mean and .running_var; if the linear layer before has a bias, the
 * bias is subtracted from the running mean, because a layer with batch norm has
 * no such bias here. Scaling, names and metadata of the network stay.
 *
 * Layers, and batch norms, come in the order of their names if these differ in
 * numbers, which count by value: "fc2" comes before "fc10". Other names
 * ("input", "hidden") tell no order. If only one order fits the shapes, it is
 * taken, and a hint tells it to the log hook. Allocates.
 * MLP_ERR_FORMAT: not a safetensors file. MLP_ERR_SHAPE: other shapes or
 * another number of layers. MLP_ERR_ARGUMENT: several orders fit.
 * MLP_ERR_UNSUPPORTED: a tensor that belongs to no layer and to no batch norm,
 * or has another type. MLP_ERR_NOT_FINITE: a number is finite in the file, and
 * not in the network's precision. MLP_ERR_IO. */
MLP_NODISCARD mlp_status mlp_net_import(mlp_net *net, const char *path);
MLP_NODISCARD mlp_status mlp_net_import_memory(mlp_net *net, const void *bytes,
                                               size_t size);

/* Like the two functions above, but in the caller's order: modules[n] are the
 * names of all layers and batch norms as data passes them, without ".weight":
 * {"input", "norm", "output"}. MLP_ERR_ARGUMENT: other names than those in the
 * file. */
MLP_NODISCARD mlp_status mlp_net_import_ordered(mlp_net *net, const char *path,
                                                const char *const *modules,
                                                size_t n);
MLP_NODISCARD mlp_status
mlp_net_import_memory_ordered(mlp_net *net, const void *bytes, size_t size,
                              const char *const *modules, size_t n);

/* Save and load a checkpoint, from which training resumes with the same bits,
 * on any machine. It holds what the network has learnt, its scaling, what the
 * optimizer remembers, and the state of the fits: epochs, orders of rows,
 * patience and best weights. The trainer that loads it must have a network with
 * the same layers, loss and precision; threads, kernels and max_rows may
 * differ. on_epoch may save a checkpoint.
 *
 * The file is one that mlp_net_save could have written, with the checkpoint
 * added: mlp_net_load reads the network alone. To resume elsewhere, load the
 * network, make a trainer of it, and load the checkpoint. The form for memory
 * holds the checkpoint alone, in mlp_trainer_save_size bytes, a number that may
 * change with each epoch and is 0 for NULL.
 *
 * Saving to a file allocates its size. Loading allocates, and changes nothing
 * before it has checked everything.
 * MLP_ERR_FORMAT: not a checkpoint, cut, or damaged. MLP_ERR_UNSUPPORTED:
 * another version of the format or another MLP_NUMERICS. MLP_ERR_ARGUMENT: a
 * checkpoint of another network. MLP_ERR_SHAPE: `size` is wrong when saving.
 * MLP_ERR_IO; MLP_ERR_LIMIT as mlp_net_save. */
MLP_NODISCARD mlp_status mlp_trainer_save(const mlp_trainer *trainer,
                                          const char *path);
MLP_NODISCARD mlp_status mlp_trainer_load(mlp_trainer *trainer,
                                          const char *path);
size_t mlp_trainer_save_size(const mlp_trainer *trainer);
MLP_NODISCARD mlp_status mlp_trainer_save_memory(const mlp_trainer *trainer,
                                                 void *bytes, size_t size);
MLP_NODISCARD mlp_status mlp_trainer_load_memory(mlp_trainer *trainer,
                                                 const void *bytes,
                                                 size_t size);

typedef struct mlp_export_options {
    const char *prefix; /* begins all names: a letter, then letters, digits and
                           _, at most 63; default NULL: the file's name */
    /* false (default): the code calls exp, log, tanh and (for gelu) erfc of the
     * C library; an output whose size is about 1 is within 1e-6 of that of
     * mlp_predict. (In MLP_F32 scores of 100 before a softmax are rounded to
     * 8e-6, and so is what follows from them.) true: the code contains this
     * library's own functions and uses fma in products; the bits are those of
     * mlp_predict wherever fma rounds once. */
    bool canonical;
    /* true: the code uses only integers, products of 8 bits in sums of 32 bits
     * (Jacob et al., 2018). It leaves a softmax out: the outputs are softmax's
     * inputs. Each output has a scale of its own, unless outputs are classes,
     * which are compared. Default false. */
    bool int8;
    /* true: the code also has a function <prefix>_jacobian, which computes what
     * mlp_jacobian does: with `canonical` the same bits; otherwise it differs
     * by at most 1e-6 (MLP_F32: 1e-5) times the largest number in the same
     * column of the Jacobian, or of the product of all W if that is larger;
     * more if scores before a softmax are large (see `canonical`). int8 has
     * none, since its outputs are rounded to whole numbers. Default false. */
    bool jacobian;
    mlp_cview X; /* rows (m, n[0]). The self-test uses up to 8; int8 needs some
                    and takes the ranges of all numbers from them. Default
                    none: the self-test invents rows */
    mlp_cview Y; /* for int8: targets of X, to compute scores; default none */
    double max_score_drop; /* how much int8 may lower the score; default 0.01 */
    /* C of your own that goes along: declarations for the end of the header,
     * and definitions for the end of the code, which may use what stands before
     * them. The library does not read them. Default NULL: none. */
    const char *header_text, *code_text;
    uint64_t reserved[8]; /* 0 */
} mlp_export_options;

/* Returns options with the defaults named above. */
mlp_export_options mlp_export_defaults(void);

typedef struct mlp_export_report {
    size_t constant_bytes; /* weights, scaling and names: read-only memory */
    size_t scratch_bytes;  /* memory that a prediction needs from its caller */
    size_t jacobian_scratch_bytes; /* the same for a Jacobian; 0 without */
    /* How well the network, and its int8 form, predict Y from X: the accuracy
     * with bce and cce, else r2. NaN without int8 or without Y. */
    double score_before, score_after;
    uint64_t reserved[8]; /* 0 */
} mlp_export_report;

/* Writes the network as C code: `path`, which ends in ".c", and a header beside
 * it, which says how to call it. The code holds all constants, allocates
 * nothing, keeps no state, and needs libm at most. It is valid C99 and C++,
 * also for small machines. Compiled with <PREFIX>_SELF_TEST defined, it is a
 * program that exits with 0 if it computes the network's predictions and, with
 * `jacobian`, its Jacobians. Scaling and class names are included; batch norm
 * is folded as by mlp_net_fold_batch_norm.
 * `options` and `report` may be NULL. Both files are replaced as by
 * mlp_net_save, or neither; a header and a source of different exports do not
 * compile. Allocates the files' size and a network, with `jacobian` two.
 * MLP_ERR_ARGUMENT: a path or prefix of another form, a header that would have
 * the name of one of the system or of this library ("math.c", "mlp.c"), int8
 * without X, or int8 with jacobian.
 * MLP_ERR_NOT_FINITE: a parameter, X, an output for X, or its Jacobian is not
 * finite; with int8 also if a float cannot hold X or an output.
 * MLP_ERR_ACCURACY: int8 lowers the score by more than max_score_drop; the
 * report says how much.
 * MLP_ERR_LIMIT: with int8, a layer of more than 32768 inputs.
 * MLP_ERR_IO; errors of X and Y as mlp_evaluate. */
MLP_NODISCARD mlp_status mlp_export_c(const mlp_net *net, const char *path,
                                      const mlp_export_options *options,
                                      mlp_export_report *report);

/* Sets the names of the classes: n[L] names, or 2 where there is one output;
 * n = 0 removes them. Names are copied and must be UTF-8. Allocates.
 * MLP_ERR_ARGUMENT: another n, or text that is not UTF-8. */
MLP_NODISCARD mlp_status mlp_net_set_class_names(mlp_net *net,
                                                 const char *const *names,
                                                 size_t n);

/* Returns the name of a class, from 0, or NULL if there is none. It is valid
 * until names are set again. */
const char *mlp_net_class_name(const mlp_net *net, size_t index);

/* Sets a text that travels with the network under a key. Both are copied and
 * must be UTF-8. The value NULL removes the key. Allocates. MLP_ERR_ARGUMENT:
 * text that is not UTF-8, or a key that is "mlp" or begins with "mlp.". */
MLP_NODISCARD mlp_status mlp_net_set_metadata(mlp_net *net, const char *key,
                                              const char *value);

/* Return the text of a key, and the index-th key in strcmp's order; NULL if
 * there is none. They are valid until metadata is set again. */
const char *mlp_net_metadata(const mlp_net *net, const char *key);
const char *mlp_net_metadata_key(const mlp_net *net, size_t index);

/* ---------------------------------------------------------------------------
 * 10. Metrics
 *
 * These score predictions against the truth, over m >= 1 rows. Numbers are
 * MLP_F32 or MLP_F64, and two views may differ in precision. Labels are a
 * column (m, 1) of class numbers 0 to k - 1, in any type. Sums are computed in
 * double as eight partial sums (lanes), which are added in a fixed order; term
 * i belongs to lane i mod 8.
 * Averages over columns or classes are plain means. All functions can return
 * MLP_ERR_SHAPE and MLP_ERR_DTYPE; those that take numbers MLP_ERR_NOT_FINITE
 * (one is NaN or infinite), and those that take labels MLP_ERR_ARGUMENT (one is
 * not a class number). `hooks` get the messages, which name row and column,
 * from 0; NULL: none.
 */

/* Computes the confusion matrix: counts (k, k) of MLP_I32 receives at (i, j)
 * how many rows of class i were predicted as class j; k >= 1 is the view's
 * size. MLP_ERR_LIMIT: more rows than an int32 can count. */
MLP_NODISCARD mlp_status mlp_confusion(mlp_cview labels, mlp_cview predicted,
                                       const mlp_hooks *hooks, mlp_view counts);

/* A ratio whose denominator is 0 is 0 (scikit-learn's zero_division=0). */
typedef struct mlp_class_scores {
    double precision; /* the fraction of the rows predicted as this class that
                         belong to it */
    double recall;    /* the fraction of the rows of this class that are
                         predicted as it */
    double f1;        /* the harmonic mean of precision and recall */
    size_t support;   /* rows of the class */
} mlp_class_scores;

/* Computes scores from a confusion matrix (k, k). each[k] gets the scores of
 * the classes; *macro gets their averages (macro averages: each class counts
 * the same, however many rows it has), but as support the sum of all;
 * *accuracy gets the accuracy. Each of the three may be NULL. MLP_ERR_ARGUMENT:
 * a negative count, or no rows. */
MLP_NODISCARD mlp_status mlp_score_classes(mlp_cview counts,
                                           const mlp_hooks *hooks,
                                           mlp_class_scores *each,
                                           mlp_class_scores *macro,
                                           double *accuracy);

/* Computes the area under the ROC curve of two classes: the probability that a
 * row of class 1 has a higher score than a row of class 0, where equal scores
 * count half. Scores (m, 1) are probabilities or any numbers that rise with
 * class 1. Takes m log m time and allocates m doubles.
 * MLP_ERR_ARGUMENT: a label other than 0 and 1, or only one class.
 * MLP_ERR_LIMIT: more than 2^32 - 1 rows. */
MLP_NODISCARD mlp_status mlp_roc_auc(mlp_cview scores, mlp_cview labels,
                                     const mlp_hooks *hooks, double *auc);

/* Computes the mean of -log p, where p is the probability that a row of
 * probabilities (m, k) gives to its class, but at least 1e-15. A single column
 * is the probability of class 1 of the classes 0 and 1. Rows need not sum to 1.
 * MLP_ERR_ARGUMENT: also for a probability outside [0, 1]. */
MLP_NODISCARD mlp_status mlp_log_loss(mlp_cview probabilities, mlp_cview labels,
                                      const mlp_hooks *hooks, double *loss);

/* The scores of one column:
 *   mse  the mean of (predicted - y)^2
 *   mae  the mean of |predicted - y|
 *   r2   1 - sum of (predicted - y)^2 / sum of (y - mean of y)^2; of a column
 *        whose y are all equal, 1 if all predictions are exact, else 0
 * If a square overflows, mse is infinite and r2 is minus infinity or NaN. */
typedef struct mlp_regression_scores {
    double mse, mae, r2;
} mlp_regression_scores;

/* Computes these scores for targets Y and predictions, both (m, n), n >= 1.
 * each[n] gets the scores of the columns; *mean gets the means over all
 * columns. Either may be NULL. */
MLP_NODISCARD mlp_status mlp_score_regression(mlp_cview Y, mlp_cview predicted,
                                              const mlp_hooks *hooks,
                                              mlp_regression_scores *each,
                                              mlp_regression_scores *mean);

/* ---------------------------------------------------------------------------
 * 11. Random numbers
 *
 * The generator and the distributions of NumPy's legacy RandomState
 * (np.random.seed): MT19937 of Matsumoto and Nishimura (1998), drawn in NumPy's
 * order, so that equal seeds give equal numbers. A copy of the struct saves the
 * state. The generator is not for cryptography.
 */

typedef struct mlp_rng {
    uint32_t key[624];
    uint32_t remaining; /* words of `key` that are not used yet */
    uint32_t has_gauss; /* 1 if `gauss` holds the second number of a pair */
    double gauss;
} mlp_rng;

/* Returns the state of np.random.seed(seed). A struct of zeros counts as the
 * seed 5489. */
mlp_rng mlp_rng_seeded(uint32_t seed);

/* Return one number; NaN for a NULL rng:
 *   random_sample  uniform in [0, 1), a multiple of 2^-53
 *   uniform        low + (high - low) * random_sample
 *   randn          standard normal, by Marsaglia's polar method
 *   normal         mean + std * randn */
double mlp_rng_random_sample(mlp_rng *rng);
double mlp_rng_uniform(mlp_rng *rng, double low, double high);
double mlp_rng_randn(mlp_rng *rng);
double mlp_rng_normal(mlp_rng *rng, double mean, double std);

/* Draws an integer in [low, high), as np.random.randint(low, high).
 * MLP_ERR_ARGUMENT: low >= high. */
MLP_NODISCARD mlp_status mlp_rng_randint(mlp_rng *rng, int64_t low,
                                         int64_t high, int64_t *value);

/* Shuffles n items of `size` bytes in place, as np.random.shuffle shuffles the
 * rows of an array. With n = 0, items may be NULL. MLP_ERR_ARGUMENT: size is 0.
 * MLP_ERR_LIMIT: n * size exceeds a size_t. */
MLP_NODISCARD mlp_status mlp_rng_shuffle(mlp_rng *rng, void *items, size_t n,
                                         size_t size);

/* Fills order[n] with a permutation of 0..n-1, as np.random.permutation(n).
 * With n = 0, order may be NULL. MLP_ERR_LIMIT: the bytes of the array exceed a
 * size_t. */
MLP_NODISCARD mlp_status mlp_rng_permutation(mlp_rng *rng, size_t n,
                                             size_t *order);

#ifdef __cplusplus
}
#endif

#endif
