/* SPDX-License-Identifier: MIT */
/*
 * mlp.h - multi-layer perceptrons in C, with the same numbers everywhere.
 *
 *   1. version and status        what is linked, what a call answers
 *   2. views                     your arrays, with their shape and type
 *   3. describing a network      layers, loss, precision, seed, hooks
 *   4. a network's life          create, clone, free, look inside
 *   5. scaling                   standardise inputs and targets inside
 *   6. predicting                outputs, classes, scores
 *   7. training                  one call
 *   8. training, step by step    forward, loss, backward, update
 *   9. files                     save, load, import, export, names
 *  10. metrics                   how good predictions are
 *  11. random numbers            NumPy's seeded streams
 *
 *   mlp_layer layers[] = {{.width = 4, .activation = MLP_ACT_TANH},
 *                         {.width = 1, .activation = MLP_ACT_SIGMOID}};
 *   mlp_config config = mlp_config_defaults();
 *   config.inputs = 2, config.layers = layers, config.n_layers = 2;
 *   mlp_net *net = NULL;
 *   mlp_status s = mlp_net_create(&config, &net);
 *   mlp_train_options options = mlp_train_defaults();
 *   options.epochs = 5000, options.learning_rate = 0.5;
 *   if (!s) s = mlp_fit(net, mlp_cview_f64(X, 4, 2), mlp_cview_f64(Y, 4, 1),
 *                       &options, NULL);
 *   if (!s) s = mlp_predict(net, mlp_cview_f64(X, 4, 2),
 *                           mlp_view_f64(A, 4, 1));
 *   mlp_net_free(net);
 *
 * Notation is that of Rishabh Mondal's tutorial "Multi-Layer Perceptrons: From
 * Mathematics to Implementation" ("chapter 2.2" means its chapter): layer
 * l = 1..L has n[l] neurons, weights W (n[l], n[l-1]) and biases b; for a
 * batch of m samples, one a row, Z = A_prev W^T + b and A = activation(Z);
 * dW is the derivative of the loss J by W. Matrices are (rows, columns).
 *
 * Rules for every function:
 * - What can fail returns an mlp_status; MLP_OK is 0. On failure outputs are
 *   untouched and objects are as before (training says what it does instead).
 *   Nothing is ever printed, aborted or leaked. A NULL where an object, an
 *   array or an output is needed gives MLP_ERR_NULL, so it is not listed at
 *   each function; nor is MLP_ERR_MEMORY, where "allocates" is said.
 * - A `const mlp_net` may be used by any number of threads at once; every
 *   other object by one thread at a time. There is no global state.
 * - Pointers are not kept after a call unless it says "borrows".
 * - The floating-point environment is C's default: round to nearest, subnormal
 *   numbers kept. (Linking a program with -ffast-math may change that.)
 * - Memory that a call writes may not overlap what it reads, unless it is said.
 * - Equal seed, data and options give equal bits on every machine; but of a NaN
 *   only that it is one.
 */
#ifndef LIBMLP_MLP_H
#define LIBMLP_MLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------
 * 1. Version and status
 */

#define MLP_VERSION_MAJOR 0
#define MLP_VERSION_MINOR 1
#define MLP_VERSION_PATCH 0

/* The set of arithmetic rules: results of equal number are equal in bits. */
#define MLP_NUMERICS 1

/* "0.1.0", and the MLP_NUMERICS, of the library that is linked. */
const char *mlp_version(void);
int mlp_numerics(void);

/* X(constant, number, text) */
#define MLP_STATUS_LIST(X)                                                     \
    X(MLP_OK, 0, "success")                                                    \
    X(MLP_ERR_NULL, 1, "a required pointer is NULL")                           \
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

/* The text of a status; "unknown status" for any other number. Never NULL. */
const char *mlp_status_text(mlp_status status);

/* ---------------------------------------------------------------------------
 * 2. Views: the caller's arrays
 *
 * A matrix of rows x cols elements at `data`: element (i, j) is
 * data[i * row_stride + j * col_stride], strides counted in elements. A
 * transpose is a view with the strides exchanged, and costs nothing. A view
 * owns nothing; passing one copies the struct. Samples are rows: shape (m, n).
 * In a view to be read a stride may be 0: the same row, or column, again and
 * again. In a view to be written rows must lie one after another, or columns
 * must: else elements might overlap, and MLP_ERR_SHAPE is returned. Where a
 * view has no rows, its data may be NULL.
 */

#define MLP_DTYPE_LIST(X)                                                      \
    X(MLP_F32, 0, "float32")                                                   \
    X(MLP_F64, 1, "float64")                                                   \
    X(MLP_I32, 2, "int32")
typedef enum mlp_dtype { MLP_DTYPE_LIST(MLP_ENUM_VALUE) } mlp_dtype;

/* Read-only, and writable. */
typedef struct mlp_cview {
    mlp_dtype dtype;
    size_t rows, cols;
    size_t row_stride, col_stride;
    const void *data;
} mlp_cview;

typedef struct mlp_view {
    mlp_dtype dtype;
    size_t rows, cols;
    size_t row_stride, col_stride;
    void *data;
} mlp_view;

/* Views of dense row-major arrays: C's double X[rows][cols], NumPy's order. */
mlp_cview mlp_cview_f32(const float *data, size_t rows, size_t cols);
mlp_cview mlp_cview_f64(const double *data, size_t rows, size_t cols);
mlp_cview mlp_cview_i32(const int32_t *data, size_t rows, size_t cols);
mlp_view mlp_view_f32(float *data, size_t rows, size_t cols);
mlp_view mlp_view_f64(double *data, size_t rows, size_t cols);
mlp_view mlp_view_i32(int32_t *data, size_t rows, size_t cols);

/* The same elements read-only; and with rows and columns exchanged. */
mlp_cview mlp_view_const(mlp_view view);
mlp_cview mlp_cview_transpose(mlp_cview view);

/* Rows [first, first + count) of a view; clipped to the rows there are, and
 * empty where a stride leads out of the address space. */
mlp_cview mlp_cview_rows(mlp_cview view, size_t first, size_t count);

/* Reads and writes element (row, col), as a double. Outside the view, or
 * without data, NaN is read, and writing does nothing and gives false; so it
 * does where an int32 cannot hold the value. For convenience, not for speed. */
double mlp_cview_at(mlp_cview view, size_t row, size_t col);
bool mlp_view_set(mlp_view view, size_t row, size_t col, double value);

/* ---------------------------------------------------------------------------
 * 3. Describing a network
 */

/* X(constant, number, name). With a = activation(z), chapter 1.3:
 *   identity  a = z                       da/dz = 1
 *   sigmoid   a = 1 / (1 + e^-z)          da/dz = a (1 - a)
 *   tanh      a = tanh(z)                 da/dz = 1 - a^2
 *   relu      a = max(0, z)               da/dz = 1 if z > 0, else 0
 *   softmax   a_j = e^(z_j) / sum of e^(z_k) over the layer's neurons k, whose
 *             a are probabilities of classes; da_j/dz_k = a_j ((j = k) - a_k).
 *             Of the last layer only
 * and, with the layer's slope and the sigmoid s, for z <= 0 and z > 0
 *   leaky_relu  slope z                   z   (Maas et al., 2013)
 *   elu         slope (e^z - 1)           z   (Clevert et al., 2016)
 *   gelu        z Phi(z), Phi the normal distribution (Hendrycks and Gimpel,
 *               2016); gelu_tanh is their z s(2 sqrt(2 / pi) (z + 0.044715 z^3))
 *   silu        z s(z), also called swish (Elfwing et al., 2018)
 *   softplus    log(1 + e^z)              da/dz = s(z)
 * For all but identity and relu a is within 2 units in the last place. Each
 * rises where the function does, or for silu and gelu within 0.2 of their
 * minimum at least never steps back by more than such a unit. */
#define MLP_ACTIVATION_LIST(X)                                                 \
    X(MLP_ACT_IDENTITY, 0, "identity")                                         \
    X(MLP_ACT_SIGMOID, 1, "sigmoid")                                           \
    X(MLP_ACT_TANH, 2, "tanh")                                                 \
    X(MLP_ACT_RELU, 3, "relu")                                                 \
    X(MLP_ACT_SOFTMAX, 4, "softmax")                                           \
    X(MLP_ACT_LEAKY_RELU, 5, "leaky_relu")                                     \
    X(MLP_ACT_ELU, 6, "elu")                                                   \
    X(MLP_ACT_GELU, 7, "gelu")                                                 \
    X(MLP_ACT_GELU_TANH, 8, "gelu_tanh")                                       \
    X(MLP_ACT_SILU, 9, "silu")                                                 \
    X(MLP_ACT_SOFTPLUS, 10, "softplus")
typedef enum mlp_activation {
    MLP_ACTIVATION_LIST(MLP_ENUM_VALUE)
} mlp_activation;

/* X(constant, number, name). J is the mean over all m x n outputs of
 *   bce   -(y log a + (1 - y) log(1 - a)), a clipped to [1e-15, 1 - 1e-15]
 *         (chapter 3.1; targets y in [0, 1])
 *   mse   (a - y)^2
 *   mae   |a - y|
 *   huber (a - y)^2 / 2 where |a - y| <= delta, else delta (|a - y| - delta / 2)
 *         (Huber, 1964; PyTorch's HuberLoss)
 * and for classes that exclude each other the mean over the m rows of
 *   cce   -sum of y_j log a_j over the n outputs, categorical cross-entropy.
 *         After softmax log a_j is z_j - log(sum of e^(z_k)), finite for every
 *         finite z; after others a is clipped as for bce
 * in double. After sigmoid log a and log(1 - a) are -softplus(-z) and
 * -softplus(z), but at least log 1e-15: a is 1 long before its logarithm is 0.
 *
 * Targets Y (m, n[L]) have the network's precision. For cce each row holds the
 * probabilities of the classes, from 0 to 1 with sum 1, say a 1 among zeros;
 * or Y is (m, 1) of MLP_I32: the numbers of the classes, from 0. */
#define MLP_LOSS_LIST(X)                                                       \
    X(MLP_LOSS_BCE, 0, "bce")                                                  \
    X(MLP_LOSS_MSE, 1, "mse")                                                  \
    X(MLP_LOSS_CCE, 2, "cce")                                                  \
    X(MLP_LOSS_MAE, 3, "mae")                                                  \
    X(MLP_LOSS_HUBER, 4, "huber")
typedef enum mlp_loss { MLP_LOSS_LIST(MLP_ENUM_VALUE) } mlp_loss;

/* X(constant, number, name). First weights of a layer; biases start at zero.
 *   he      randn * sqrt(2 / n[l-1]): He et al., "Delving Deep into
 *           Rectifiers" (2015); chapter 4.1
 *   glorot  randn * sqrt(2 / (n[l-1] + n[l])): Glorot and Bengio,
 *           "Understanding the difficulty of training deep feedforward neural
 *           networks" (2010)
 *   zeros   0
 *   lecun   randn * sqrt(1 / n[l-1]): LeCun et al., "Efficient BackProp" (1998)
 *   ..._uniform  uniform in [-sqrt(3) s, sqrt(3) s), where those have randn * s
 *   auto    for each layer what suits its activation: lecun for identity,
 *           glorot for sigmoid, tanh and softmax, he for relu and its kin
 * randn is drawn layer by layer, for W row by row, as np.random.randn does, and
 * uniform numbers as np.random.uniform does. */
#define MLP_INIT_LIST(X)                                                       \
    X(MLP_INIT_HE, 0, "he")                                                    \
    X(MLP_INIT_GLOROT, 1, "glorot")                                            \
    X(MLP_INIT_ZEROS, 2, "zeros")                                              \
    X(MLP_INIT_LECUN, 3, "lecun")                                              \
    X(MLP_INIT_HE_UNIFORM, 4, "he_uniform")                                    \
    X(MLP_INIT_GLOROT_UNIFORM, 5, "glorot_uniform")                            \
    X(MLP_INIT_LECUN_UNIFORM, 6, "lecun_uniform")                              \
    X(MLP_INIT_AUTO, 7, "auto")
typedef enum mlp_weight_init { MLP_INIT_LIST(MLP_ENUM_VALUE) } mlp_weight_init;

/* The names in the lists above; NULL for any other number, so that a loop
 * from 0 to NULL visits all of them. */
const char *mlp_dtype_name(mlp_dtype dtype);
const char *mlp_activation_name(mlp_activation activation);
const char *mlp_loss_name(mlp_loss loss);
const char *mlp_weight_init_name(mlp_weight_init init);

/* Limits, above which MLP_ERR_LIMIT is returned. */
#define MLP_MAX_LAYERS 256
#define MLP_MAX_WIDTH 16777216        /* neurons of a layer, and inputs */
#define MLP_MAX_PARAMETERS 2147483647 /* of a network */

#define MLP_MAX_THREADS 256

#define MLP_SLOPE_LEAKY_RELU 0.01
#define MLP_SLOPE_ELU 1.0

typedef struct mlp_layer {
    size_t width; /* neurons n[l], 1 to MLP_MAX_WIDTH */
    mlp_activation activation;
    double slope;    /* of leaky_relu and elu: finite, 0 or more; the others
                        have none, and give 0. 0 is 0, and makes them relu (but
                        leaky_relu of -infinity NaN): the usual numbers are
                        MLP_SLOPE_LEAKY_RELU and MLP_SLOPE_ELU */
    double dropout;  /* p in [0, 1); 0 in the last layer. In training each
                        output is 0 with probability p, else divided by 1 - p
                        (Srivastava et al., 2014). Predicting needs nothing */
    bool batch_norm; /* Z = scale * (U - mean) / sqrt(variance + epsilon) + b,
                        with U = A_prev W^T (Ioffe and Szegedy, 2015). In
                        training with each column's mean and variance over the
                        batch, in predicting with running ones */
} mlp_layer;

/* Services of the host program. All may be NULL; `allocate` and `release` only
 * together. An object keeps the hooks of its network; they must be callable
 * until it is freed, and from several threads if the network is used so. */
typedef struct mlp_hooks {
    /* At least `bytes` bytes aligned as malloc's, or NULL. Default: malloc. */
    void *(*allocate)(size_t bytes, void *user);
    /* Takes back a block. Default: free. */
    void (*release)(void *block, void *user);
    /* Told of each failure of a function that has an object with these hooks
     * or a configuration: what was expected and what came, one line without
     * newline; `message` is valid during the call. Default: nobody is told. */
    void (*log)(mlp_status status, const char *message, void *user);
    void *user; /* handed to the three */
} mlp_hooks;

typedef struct mlp_config {
    size_t inputs;           /* n[0], 1 to MLP_MAX_WIDTH; default 0: set it */
    const mlp_layer *layers; /* the L layers, the last one gives the outputs */
    size_t n_layers;         /* L, 1 to MLP_MAX_LAYERS; default 0: set it */
    mlp_loss loss;           /* default MLP_LOSS_BCE */
    double huber_delta; /* of MLP_LOSS_HUBER, finite and above 0; default 1 */
    /* 0 (default) or more and less than 1. Training takes for each target y
     *   (1 - label_smoothing) y + label_smoothing / k
     * k being n[L] for cce (Szegedy et al., 2016, and PyTorch's
     * CrossEntropyLoss), 2 for bce, whose outputs are questions with two
     * answers; other losses have none. In the losses of training it is, not in
     * mlp_evaluate's and those of validation, which are of the targets as they
     * are. */
    double label_smoothing;
    mlp_dtype precision; /* MLP_F64 (default) or MLP_F32 */
    mlp_weight_init
        init;      /* default MLP_INIT_HE, the tutorial's, for every layer;
                            MLP_INIT_AUTO suits more networks */
    uint32_t seed; /* of the first weights; default 42 */
    /* Of batch norm, as PyTorch names them: a training step moves the running
     * moments by momentum * (the batch's - the running), 0 to 1, default 0.1.
     * Epsilon is finite and above 0, default 1e-5. */
    double batch_norm_momentum, batch_norm_epsilon;
    const char *kernels; /* a name that mlp_kernels gives; default NULL:
                                the fastest here. All give the same bits */
    mlp_hooks hooks;     /* default none */
} mlp_config;

/* The defaults named above. */
mlp_config mlp_config_defaults(void);

/* The name of the index-th kernel table that this machine can run, slowest
 * ("portable") first; NULL past the last. */
const char *mlp_kernels(size_t index);

/* ---------------------------------------------------------------------------
 * 4. A network's life
 */

/* Layers with their parameters, the loss and the scaling. */
typedef struct mlp_net mlp_net;

/* Makes a network with its first weights. Allocates. `*net` is the caller's,
 * to be freed by mlp_net_free.
 * MLP_ERR_ARGUMENT: no inputs, no layers, a width of 0, an unknown constant,
 * a softmax or dropout that may not stand in its layer, dropout outside [0, 1),
 * a slope or a number of the loss or of batch norm out of range, a precision
 * other than MLP_F32 and MLP_F64, one of `allocate` and `release` without the
 * other.
 * MLP_ERR_LIMIT: above a limit. MLP_ERR_UNSUPPORTED: no kernels of that name
 * here. */
mlp_status mlp_net_create(const mlp_config *config, mlp_net **net);

/* Makes an independent copy: parameters, running moments, scaling, names,
 * metadata and hooks. Allocates. */
mlp_status mlp_net_clone(const mlp_net *net, mlp_net **copy);

/* Like mlp_net_clone, but with batch norm multiplied into the weights, for
 * those who know none: of each neuron W' = s W and b' = b - s mean, where s =
 * scale / sqrt(variance + epsilon), in double and rounded once. The copy
 * predicts the same, but for rounding, from layers without batch norm.
 * MLP_ERR_NOT_FINITE: W' or b' is not, in a layer that is named. */
mlp_status mlp_net_fold_batch_norm(const mlp_net *net, mlp_net **folded);

/* Frees a network; NULL is allowed. */
void mlp_net_free(mlp_net *net);

/* Draws all weights anew, as mlp_net_create did, and sets biases to 0, scales
 * to 1, running means to 0 and running variances to 1.
 * MLP_ERR_ARGUMENT: unknown init. */
mlp_status mlp_net_initialise(mlp_net *net, mlp_weight_init init,
                              uint32_t seed);

/* What a network is. For NULL: 0, and the first constant of the list. */
size_t mlp_net_inputs(const mlp_net *net);          /* n[0] */
size_t mlp_net_outputs(const mlp_net *net);         /* n[L] */
size_t mlp_net_layer_count(const mlp_net *net);     /* L */
size_t mlp_net_parameter_count(const mlp_net *net); /* W, b, scale */
mlp_dtype mlp_net_precision(const mlp_net *net);
mlp_loss mlp_net_loss(const mlp_net *net);
const char *mlp_net_kernels(const mlp_net *net); /* "" for NULL */
mlp_hooks mlp_net_hooks(const mlp_net *net);     /* all NULL for NULL */

/* Layer l, 1 to L. MLP_ERR_ARGUMENT: no such layer. */
mlp_status mlp_net_layer(const mlp_net *net, size_t l, mlp_layer *layer);

/* The arrays of a layer, in the tutorial's notation. */
#define MLP_TENSOR_LIST(X)                                                     \
    X(MLP_W, 0, "W")                /* weights (n[l], n[l-1]) */               \
    X(MLP_B, 1, "b")                /* biases (1, n[l]) */                     \
    X(MLP_Z, 2, "Z")                /* pre-activations (m, n[l]) */            \
    X(MLP_A, 3, "A")                /* activations, as Z; l = 0: inputs */     \
    X(MLP_DW, 4, "dW")              /* dJ/dW, as W */                          \
    X(MLP_DB, 5, "db")              /* dJ/db, as b */                          \
    X(MLP_DROPPED, 6, "A_dropped")  /* A after dropout, into layer l + 1 */    \
    X(MLP_SCALE, 7, "scale")        /* of batch norm (1, n[l]), first 1 */     \
    X(MLP_DSCALE, 8, "dscale")      /* dJ/dscale, as scale */                  \
    X(MLP_MEAN, 9, "mean")          /* its running mean (1, n[l]) */           \
    X(MLP_VARIANCE, 10, "variance") /* its running variance */
typedef enum mlp_tensor { MLP_TENSOR_LIST(MLP_ENUM_VALUE) } mlp_tensor;
const char *mlp_tensor_name(mlp_tensor which);

/* A view of MLP_W, MLP_B, MLP_SCALE, MLP_MEAN or MLP_VARIANCE of layer l, 1 to
 * L: of the network's own, to read or set, valid until it is freed. W lies
 * input-major in memory, so its view has row_stride 1. The const form is for a
 * const network. MLP_ERR_ARGUMENT: no such layer, or one without batch norm;
 * another tensor. */
mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which, size_t l,
                          mlp_view *view);
mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which, size_t l,
                           mlp_cview *view);

/* ---------------------------------------------------------------------------
 * 5. Scaling
 *
 * A network can keep a mean and a standard deviation for each input and put
 * x' = (x - mean) / std (chapter 5.1) before its first layer, in training and
 * predicting alike, so that callers always hand in raw rows. A column that
 * does not vary gets std = 1. New networks do not scale.
 *
 * With the loss mse, mae or huber it can do so for the targets, too. Y that
 * callers hand in, and what is predicted, are in their units then; the layers
 * learn y' = (y - mean) / std, and a std + mean is predicted from the last
 * one's a. Losses, of training, validation and mlp_evaluate, huber_delta and
 * gradients are in units of y', and so is A[L] of a trainer.
 */

/* Takes mean and std (divided by m, as np.std) from the rows of X (m, n[0]),
 * m >= 1, of the network's precision: give it the training rows only.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_NOT_FINITE: names row and column. */
mlp_status mlp_net_standardise(mlp_net *net, mlp_cview X);

/* Sets, and copies out, n[0] means and standard deviations; set with both NULL
 * to scale no more. Reading gives 0 and 1 where the network does not scale.
 * MLP_ERR_ARGUMENT: a std that is not above 0, or not finite in the network's
 * precision; a mean that is not finite; one NULL without the other. */
mlp_status mlp_net_set_scaling(mlp_net *net, const double *mean,
                               const double *std);
mlp_status mlp_net_scaling(const mlp_net *net, double *mean, double *std);

/* The same of the targets Y (m, n[L]), n[L] means and standard deviations.
 * MLP_ERR_ARGUMENT: also, but when reading, with another loss. */
mlp_status mlp_net_standardise_targets(mlp_net *net, mlp_cview Y);
mlp_status mlp_net_set_target_scaling(mlp_net *net, const double *mean,
                                      const double *std);
mlp_status mlp_net_target_scaling(const mlp_net *net, double *mean,
                                  double *std);

/* ---------------------------------------------------------------------------
 * 6. Predicting
 *
 * X (m, n[0]) has the network's precision, and so has A (m, n[L]); m may be 0.
 * Errors of all: MLP_ERR_SHAPE, MLP_ERR_DTYPE. A NaN or infinity in X is no
 * error: it goes through the layers, and outputs may be NaN. A may be written
 * over X only if they are the same view. These calls allocate a workspace and
 * free it; mlp_predict_with uses the caller's and allocates nothing.
 */

/* Outputs A = network(X). */
mlp_status mlp_predict(const mlp_net *net, mlp_cview X, mlp_view A);

/* Classes: label (m, n[L]) of MLP_I32 is 1 where the output >= threshold, else
 * 0; -1 where the output is NaN (chapter 4.1, predict; its threshold is 0.5).
 * Where the loss is MLP_LOSS_CCE, label (m, 1) is the number of the row's
 * largest output, the first of several; -1 where an output is NaN; and the
 * threshold is not used. MLP_ERR_ARGUMENT: threshold is NaN. */
mlp_status mlp_classify(const mlp_net *net, mlp_cview X, double threshold,
                        mlp_view labels);

typedef struct mlp_scores {
    double loss;     /* J over all rows; NaN if outputs are */
    double accuracy; /* share of outputs whose class at threshold 0.5 is y;
                        for cce, of rows whose largest output is the target's */
} mlp_scores;

/* Scores against the targets Y, m >= 1. MLP_ERR_NOT_FINITE: X or Y holds a NaN
 * or infinity. MLP_ERR_ARGUMENT: a target outside [0, 1] where the loss is
 * MLP_LOSS_BCE or MLP_LOSS_CCE, or where it is the latter a row whose sum is
 * not 1 within 1e-6, or a class that is not from 0 to n[L] - 1. */
mlp_status mlp_evaluate(const mlp_net *net, mlp_cview X, mlp_cview Y,
                        mlp_scores *scores);

/* Scratch memory for predicting with one network, or others of the same
 * layers and precision; one per thread. */
typedef struct mlp_workspace mlp_workspace;

/* Makes a workspace, the caller's. Allocates, with the network's hooks. */
mlp_status mlp_workspace_create(const mlp_net *net, mlp_workspace **workspace);
void mlp_workspace_free(mlp_workspace *workspace); /* NULL is allowed */

/* How many threads share the rows of mlp_predict_with: 1 in a new workspace, at
 * most MLP_MAX_THREADS, 0 for one for each core that the process may use. They
 * start here, sleep between calls, and end with the workspace; where there are
 * none to be had, fewer will do. Few rows are left to one. Allocates.
 * MLP_ERR_LIMIT: too many. */
mlp_status mlp_workspace_set_threads(mlp_workspace *workspace, size_t threads);

/* Like mlp_predict, but without allocating.
 * MLP_ERR_ARGUMENT: the workspace was made for other layers, another precision
 * or other kernels. */
mlp_status mlp_predict_with(const mlp_net *net, mlp_workspace *workspace,
                            mlp_cview X, mlp_view A);

/* ---------------------------------------------------------------------------
 * 7. Training: gradient descent (chapters 3 and 4)
 */

/* Activations and gradients of a batch, for a network being trained. */
typedef struct mlp_trainer mlp_trainer;

/* What a callback is told after each epoch. */
typedef struct mlp_epoch_progress {
    size_t epoch;  /* from 0, as the tutorial prints it */
    size_t epochs; /* how many there will be, unless something ends them */
    double loss;   /* mean over the epoch's rows, each taken before the
                      update of its batch, and with its dropout */
    double validation_loss;     /* J of the validation rows after the epoch, */
    double validation_accuracy; /* both as mlp_evaluate gives them; NaN where
                                   there are no such rows */
    size_t best_epoch;  /* so far: with the least validation loss, or the least
                          loss where there is no validation; the first such */
    double rate;        /* the learning rate of the epoch */
    double seconds;     /* that the epoch took */
    const mlp_net *net; /* as it is after the epoch's updates */
    const mlp_trainer *trainer; /* whose state may be saved here */
} mlp_epoch_progress;

/* What a callback is told after each batch. */
typedef struct mlp_batch_progress {
    size_t epoch, batch; /* from 0 */
    size_t rows;         /* of the batch */
    double loss;         /* J of the batch, before its update */
    double rate;
    const mlp_net *net; /* as it is after the update */
} mlp_batch_progress;

/* X(constant, number, name). From a gradient g of a parameter w to its next
 * value, with what is remembered of the gradients before; v and s begin at 0:
 *   sgd       w -= alpha g
 *   momentum  v = mu v + g; w -= alpha v
 *   tutorial_momentum  v = mu v + (1 - mu) g; w -= alpha v (exercise 3)
 *   nesterov  v = mu v + g; w -= alpha (g + mu v)
 *   rmsprop   s = rho s + (1 - rho) g^2; w -= alpha g / (sqrt(s) + epsilon)
 *   adam      v = beta1 v + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
 *             w -= alpha v' / (sqrt(s') + epsilon), where v' = v / (1 -
 *             beta1^t) and s' = s / (1 - beta2^t) in the t-th step: Kingma and
 *             Ba, "Adam: A Method for Stochastic Optimization" (2015)
 *   adamw     adam with weight_decay: Loshchilov and Hutter, "Decoupled Weight
 *             Decay Regularization" (2019)
 *   rprop     each w has a step of its own, alpha at first: it grows while g
 *             keeps its sign, and shrinks, without w moving, when g changes it;
 *             w -= sign(g) step. For full batches. Igel and Huesken, "Improving
 *             the Rprop Learning Algorithm" (2000), iRprop-; FANN's default
 *   lbfgs     each step goes along -H g, where H is what the last lbfgs_history
 *             steps tell of the inverse Hessian, as far as the strong Wolfe
 *             conditions want; the first length tried is alpha: let it be 1.
 *             For small data and full batches: only in a fit, of which an epoch
 *             is one step and one pass over the rows or a few; without dropout,
 *             weight_decay and clipping. Nocedal and Wright, "Numerical
 *             Optimization" (2006), algorithms 7.4, 3.5 and 3.6
 * All as PyTorch has them, where it does. */
#define MLP_OPTIMIZER_LIST(X)                                                  \
    X(MLP_OPTIMIZER_SGD, 0, "sgd")                                             \
    X(MLP_OPTIMIZER_MOMENTUM, 1, "momentum")                                   \
    X(MLP_OPTIMIZER_TUTORIAL_MOMENTUM, 2, "tutorial_momentum")                 \
    X(MLP_OPTIMIZER_NESTEROV, 3, "nesterov")                                   \
    X(MLP_OPTIMIZER_RMSPROP, 4, "rmsprop")                                     \
    X(MLP_OPTIMIZER_ADAM, 5, "adam")                                           \
    X(MLP_OPTIMIZER_ADAMW, 6, "adamw")                                         \
    X(MLP_OPTIMIZER_RPROP, 7, "rprop")                                         \
    X(MLP_OPTIMIZER_LBFGS, 8, "lbfgs")
typedef enum mlp_optimizer_kind {
    MLP_OPTIMIZER_LIST(MLP_ENUM_VALUE)
} mlp_optimizer_kind;
const char *
mlp_optimizer_name(mlp_optimizer_kind kind); /* NULL for any other number */

/* How gradients change parameters. Penalties are part of the loss J that
 * training computes, and of dW; mlp_evaluate leaves them out. m is the number
 * of rows of a batch. Biases are neither penalised nor do they decay. */
typedef struct mlp_optimizer {
    mlp_optimizer_kind kind;
    double momentum;     /* mu in [0, 1); default 0.9 */
    double beta1, beta2; /* in [0, 1); default 0.9 and 0.999 */
    double rho;          /* in [0, 1); default 0.99 */
    double epsilon;      /* above 0; default 1e-8 */
    double l2;           /* J += l2 / (2 m) sum W^2 (exercise 2); default 0 */
    double l1;           /* J += l1 / m sum |W|; default 0 */
    double weight_decay; /* W -= alpha weight_decay W, besides any rule's step;
                            default 0, of adamw 0.01 */
    double clip_value;   /* each g is held in [-clip_value, clip_value]; above
                            0; default INFINITY: it is not */
    double clip_norm;    /* all g are multiplied by clip_norm / (norm + 1e-6) if
                            that is below 1, norm^2 being the sum of all g^2
                            before clip_value; above 0; default INFINITY */
    double rprop_grow, rprop_shrink; /* at least 1, in (0, 1]; 1.2 and 0.5 */
    double rprop_min, rprop_max;     /* bounds of steps; 1e-6 and 50 */
    size_t lbfgs_history;            /* 1 to 1000; default 10 */
} mlp_optimizer;

/* The defaults named above; of plain gradient descent MLP_OPTIMIZER_SGD. */
mlp_optimizer mlp_optimizer_defaults(mlp_optimizer_kind kind);

/* X(constant, number, name). The learning rate of an epoch, from 0, of `epochs`,
 * where alpha is the one to begin with:
 *   constant      alpha
 *   inverse_time  alpha / (1 + decay epoch) (exercise 4)
 *   step          alpha factor^floor(epoch / every)
 *   exponential   alpha factor^epoch
 *   cosine        alpha (epoch + 1) / (warm_up + 1) before epoch `warm_up`;
 *                 then, with t from 0 to 1 between that and the end, min_rate
 *                 + (alpha - min_rate) (1 + cos(pi t)) / 2: Loshchilov and
 *                 Hutter, "SGDR" (2017), without restarts
 *   plateau       times factor whenever the watched loss, of validation or else
 *                 of training, has not fallen by more than min_delta for
 *                 `patience` epochs since it last did, or the rate did; not
 *                 below min_rate
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
const char *mlp_schedule_name(mlp_schedule_kind kind); /* NULL for any other */

/* How the learning rate changes; only the fields that the kind names count. */
typedef struct mlp_schedule {
    mlp_schedule_kind kind;
    double decay;     /* 0 or more; default 0.01 */
    double factor;    /* in (0, 1]; default 0.1, of exponential 0.99 */
    size_t every;     /* epochs, 1 or more; default 10 */
    size_t warm_up;   /* epochs; default 0 */
    size_t epochs;    /* where the cosine ends; default 0: with the training.
                          Set it if the training is resumed */
    size_t patience;  /* epochs, 1 or more; default 10 */
    double min_delta; /* 0 or more; default 0 */
    double min_rate;  /* 0 or more; above alpha it counts as alpha; default 0 */
    /* The caller's function; default NULL. If it gives what is negative or not
     * finite, training ends with MLP_ERR_ARGUMENT, and the network keeps what
     * it has learnt; 0 is allowed. */
    double (*rate)(size_t epoch, double alpha, void *user);
    void *user; /* handed to it */
} mlp_schedule;

/* The defaults named above. */
mlp_schedule mlp_schedule_defaults(mlp_schedule_kind kind);

/* The rate that a schedule gives; of a plateau that of the beginning. NaN for
 * NULL and for what mlp_fit refuses. */
double mlp_schedule_rate(const mlp_schedule *schedule, double alpha,
                         size_t epoch, size_t epochs);

typedef struct mlp_train_options {
    size_t epochs;           /* passes over the rows; default 1000 */
    size_t batch_size;       /* rows in a step; default 0: all of them */
    double learning_rate;    /* alpha > 0; default 0.01 */
    mlp_optimizer optimizer; /* default that of MLP_OPTIMIZER_SGD */
    mlp_schedule schedule;   /* of the rate; default MLP_SCHEDULE_CONSTANT */
    bool shuffle;   /* draw a new order of rows for each epoch, if there
                             are several batches; default true. Epoch by epoch
                             np.random.permutation(m) of `seed` */
    uint32_t seed;  /* of the shuffling and of dropout; default 42 */
    size_t threads; /* that share the work of a step, the caller's being
                             one; at most MLP_MAX_THREADS; default 0: one for
                             each core that the process may use (a share of
                             them that a container grants is not seen). Small
                             steps, forked children, and builds without
                             threads use one; fewer will do where threads or
                             their memory are not to be had. All numbers give
                             the same bits */

    /* Weights: J of a batch is sum of w[i] J[i] / sum of w[i], where J[i] is
     * that of row i alone and w[i] the row's weight times that of its class, as
     * PyTorch's weighted means are. So a row of weight 2 counts as if it were
     * there twice; in an epoch's loss and as m of the penalties, too, but not
     * in the moments of batch norm. A batch of weight 0 is passed over, with a
     * loss of 0. Validation does not weigh. */
    mlp_cview row_weights; /* (m, 1), of float64 or the network's precision,
                              finite, 0 or more; default no rows: all are 1 */
    const double *class_weights; /* [n[L]] with cce, [2] with bce and one
                              output; finite, 0 or more; default NULL: all
                              are 1. Targets between classes weigh between:
                              the sum over classes of target, before any
                              smoothing, times weight; the result weighs
                              the whole row, smoothed or not */

    /* Validation: rows that are not trained on, scored after each epoch. Either
     * a share of X and Y, see mlp_split, or rows of their own. */
    double validation_fraction; /* in [0, 1); default 0: none */
    mlp_cview X_validation;     /* (k, n[0]) and */
    mlp_cview Y_validation;     /* (k, n[L]); default no rows: none */
    bool restore_best; /* with validation: give `net` the weights of the epoch
                          with the least validation loss in the end, however
                          training ends but by an error; default true */

    /* Early stopping: training ends when the validation loss, or the loss where
     * there is no validation, has not fallen by more than min_delta for
     * `patience` epochs one after another. */
    size_t patience;  /* 1 or more; default SIZE_MAX: never */
    double min_delta; /* 0 or more; default 0 */

    /* Called after each epoch unless NULL (default); false ends the training
     * with MLP_OK. It may call what takes a const network. */
    bool (*on_epoch)(const mlp_epoch_progress *progress, void *user);
    /* Like on_epoch, but after each batch; an epoch that it ends is not in the
     * history. */
    bool (*on_batch)(const mlp_batch_progress *progress, void *user);
    void *user; /* handed to both */
} mlp_train_options;

/* The defaults named above. */
mlp_train_options mlp_train_defaults(void);

/* Tells which rows options->validation_fraction holds out of rows with the
 * targets Y (m, n[L]): order[m] receives the rows to train on, ascending, then
 * the `*held` rows held out, ascending. np.random.permutation(m) of
 * options->seed is gone through, and rows are held out as they come, until
 * there are fraction * m of them, to the nearest. Where the loss is cce with
 * targets that are classes, or rows with a 1 among zeros, or bce with one output
 * and targets 0 and 1, each class gives its share, by largest remainders: a row
 * is passed by if its class has given enough. Allocates.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ARGUMENT: a fraction outside [0, 1), or
 * one that leaves no row on one side. */
mlp_status mlp_split(const mlp_net *net, mlp_cview Y,
                     const mlp_train_options *options, size_t *order,
                     size_t *held);

/* What happened in each epoch that was run. */
typedef struct mlp_history mlp_history;

/* How many epochs there were, and, for each, what mlp_epoch_progress says of it;
 * arrays are valid until the history is freed. NULL gives 0 and NULL. Epochs
 * below 2 microseconds are timed sixteen together, without on_epoch. */
size_t mlp_history_epochs(const mlp_history *history);
const double *mlp_history_losses(const mlp_history *history);
const double *mlp_history_validation_losses(const mlp_history *history);
const double *mlp_history_validation_accuracies(const mlp_history *history);
const double *mlp_history_rates(const mlp_history *history);
const double *mlp_history_seconds(const mlp_history *history);
size_t mlp_history_best_epoch(const mlp_history *history); /* the last one's */
void mlp_history_free(mlp_history *history);               /* NULL is allowed */

/* Trains `net` on the rows of X (m, n[0]) and targets Y, m >= 1, of the
 * network's precision. Batches are cut from the (shuffled) rows in order; the
 * last may be smaller. `options` NULL means the defaults. `history`, unless
 * NULL, receives a history that the caller frees. Allocates before the first
 * epoch only. Called again, it goes on from the present weights.
 * Before anything is changed: MLP_ERR_SHAPE, MLP_ERR_DTYPE;
 * MLP_ERR_NOT_FINITE, naming row and column (from 0) of X or Y;
 * MLP_ERR_ARGUMENT: a learning rate that is not finite and above 0 in the
 * network's precision, a field of the optimizer or the schedule outside its
 * range, lbfgs with more than one batch or with what it does not go with, a
 * target as for mlp_evaluate, a weight below 0, weights whose sum is 0 or not
 * finite, class weights for a loss without classes, both kinds of validation, a
 * fraction that mlp_split refuses, a patience of 0, or a min_delta that is not
 * finite and 0 or more; MLP_ERR_LIMIT: a history or a batch that no size_t
 * counts the bytes of, or too many threads.
 * MLP_ERR_DIVERGED, naming the epoch: the loss or a gradient of a batch, which
 * is named too, or the square of lbfgs' gradient, or the validation loss is not
 * finite, or a weight is not; `net` gets the last finite weights that began an
 * epoch with a finite loss, or keeps what it had if there were none; there is no
 * history. */
mlp_status mlp_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_history **history);

/* Some of the rows of an epoch; no rows: there are no more in this epoch. */
typedef struct mlp_chunk {
    mlp_cview X, Y;        /* as in mlp_fit, and valid until the next call; */
    mlp_cview row_weights; /* so are these; no rows: all are 1 */
} mlp_chunk;

/* Sets *piece, which has no rows before, to the next piece of an epoch: epochs
 * and pieces count from 0. Any other answer than MLP_OK ends the training, as
 * its answer. */
typedef mlp_status mlp_next_chunk(size_t epoch, size_t piece, mlp_chunk *rows,
                                  void *user);

/* Like mlp_fit, but with rows that come piece by piece, since they need not all
 * fit into memory; with the same rows, cut anywhere, it gives the same bits as
 * mlp_fit does without shuffling. Rows are taken in the order in which they
 * come: `shuffle` is not looked at, it is the caller's to shuffle, and epochs
 * may differ in their rows. `user` is handed to `next`.
 * Errors as mlp_fit; MLP_ERR_ARGUMENT: also for a batch_size of 0, lbfgs, a
 * validation_fraction (rows to validate are given), the options' row_weights
 * (pieces bring theirs), or weights that are 0 in all of an epoch. A piece is
 * checked when it comes, and messages name epoch and piece; MLP_ERR_SHAPE: also
 * if there was no row in an epoch. If training ends so in an epoch that has
 * trained, `net` gets the weights that the epoch began with. */
mlp_status mlp_fit_stream(mlp_net *net, mlp_next_chunk *next, void *user,
                          const mlp_train_options *options,
                          mlp_history **history);

/* ---------------------------------------------------------------------------
 * 8. Training, step by step
 */

/* Makes a trainer for batches of at most `max_rows` rows, 1 or more. Borrows
 * `net`, which must outlive it and may be used in between. Allocates, with the
 * network's hooks. MLP_ERR_ARGUMENT: max_rows is 0. MLP_ERR_LIMIT: the batch's
 * size in bytes is not a size_t. */
mlp_status mlp_trainer_create(mlp_net *net, size_t max_rows,
                              mlp_trainer **trainer);
void mlp_trainer_free(mlp_trainer *trainer); /* NULL is allowed */

/* How many threads share the work, as `threads` of mlp_train_options; 1 in a
 * new trainer. Allocates, and starts the threads, which sleep between steps and
 * end with the trainer; where there are none to be had, fewer will do. After a
 * fork the child's trainer works on one. MLP_ERR_LIMIT. */
mlp_status mlp_trainer_set_threads(mlp_trainer *trainer, size_t threads);

/* The stream of dropout's masks, from its beginning; 42 in a new trainer. Each
 * forward draws the next mask of each layer: it depends on the seed, on how
 * many forwards there were since, on the layer, row and column, and on nothing
 * else. So the same seed before each forward gives the same masks. */
mlp_status mlp_trainer_set_seed(mlp_trainer *trainer, uint32_t seed);

/* Chapter 2.2: copies the rows X (m, n[0]), scaled if the network scales, to
 * A[0], and computes Z[l] = A[l-1] W[l]^T + b[l], A[l] = activation(Z[l]) for
 * l = 1..L; where a layer drops outputs, D[l] stands for A[l] in the next one,
 * and also in dW. Where a layer has batch norm, Z is normalised over these m
 * rows, and the network's running mean and variance move, at each forward; one
 * row alone is normalised to b and does not move the variance.
 * MLP_ERR_SHAPE: also if m is 0 or above max_rows. MLP_ERR_DTYPE. */
mlp_status mlp_trainer_forward(mlp_trainer *trainer, mlp_cview X);

/* What mlp_trainer_update does from now on, with nothing remembered; sgd in a
 * new trainer. Allocates what the rule remembers: an array as long as the
 * parameters for momentum, tutorial_momentum, nesterov and rmsprop, two for
 * adam, adamw and rprop, 2 lbfgs_history + 6 for lbfgs. MLP_ERR_ARGUMENT: a field
 * is outside its range in the network's precision, or lbfgs is asked for with
 * what it does not go with. */
mlp_status mlp_trainer_set_optimizer(mlp_trainer *trainer,
                                     const mlp_optimizer *optimizer);

/* Chapter 3.1: the loss J of the last forward against Y, with the optimizer's
 * penalties. May be NaN or infinite; values of Y are not checked.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_ORDER: no forward yet. */
mlp_status mlp_trainer_loss(mlp_trainer *trainer, mlp_cview Y, double *loss);

/* What the rows of the last forward count in loss and backward, which are to
 * follow: weights (m, 1) as row_weights of mlp_train_options; no rows: all 1,
 * as after each forward. MLP_ERR_SHAPE, MLP_ERR_DTYPE; MLP_ERR_NOT_FINITE;
 * MLP_ERR_ARGUMENT: a weight below 0, or a sum that is 0 or not finite;
 * MLP_ERR_ORDER: no forward yet. */
mlp_status mlp_trainer_set_row_weights(mlp_trainer *trainer, mlp_cview weights);

/* Chapter 3.3: dW[l] = dZ[l]^T A[l-1] and db[l] = column sums of dZ[l], where
 * dZ[L] = dJ/dA * activation'(Z[L]), which is (A - Y) / (m n[L]) for sigmoid
 * with bce and (A - Y) / m for softmax with cce, saturated or not, and
 * dZ[l-1] = (dZ[l] W[l]) * activation'(Z[l-1]).
 * The optimizer's penalties add (l2 W + l1 sign(W)) / m to dW.
 * To be called after forward and before update, which leaves Z and A as they
 * are. Values of Y are not checked. Errors as mlp_trainer_loss. */
mlp_status mlp_trainer_backward(mlp_trainer *trainer, mlp_cview Y);

/* Chapter 3.3: W := W - alpha dW, b := b - alpha db, or what else the optimizer
 * makes of dW and db, which stay as they are. May be called again, for the same
 * gradients.
 * MLP_ERR_ARGUMENT: alpha is not finite in the network's precision, or the rule
 * is lbfgs, which a gradient is not enough for.
 * MLP_ERR_ORDER: no backward since the last forward. */
mlp_status mlp_trainer_update(mlp_trainer *trainer, double alpha);

/* All of that in one go, for learning online: forward, loss, backward and, if
 * the loss and all gradients are finite, update; else MLP_ERR_DIVERGED, and the
 * network is as before. X (m, n[0]), Y (m, n[L]), m from 1 to max_rows, are
 * checked as by mlp_fit, and have no weights; *loss is J before the update,
 * unless `loss` is NULL. (Where alpha alone made a weight infinite, the next
 * step tells.)
 * MLP_ERR_ARGUMENT: alpha is not finite and above 0 in the network's precision,
 * or the rule is lbfgs; else as mlp_fit says of X and Y. */
mlp_status mlp_trainer_step(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                            double alpha, double *loss);

/* mlp_fit by the caller's trainer, which goes on where it stopped: called
 * again, it counts epochs on and goes on drawing orders, waiting and looking
 * for the best weights, so that 10 epochs and 10 are 20, to the bit, if the
 * data and the options are the same. (Without validation, or if restore_best is
 * false in the first call; the weights that it restores are those that the
 * second would begin with.) `threads` and `optimizer` are not looked at: the
 * trainer has its own.
 * Errors as mlp_fit; MLP_ERR_SHAPE: also if a batch is above max_rows. Where a
 * failure puts weights back, the optimizer has forgotten what it remembered. */
mlp_status mlp_trainer_fit(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                           const mlp_train_options *options,
                           mlp_history **history);
mlp_status mlp_trainer_fit_stream(mlp_trainer *trainer, mlp_next_chunk *next,
                                  void *user, const mlp_train_options *options,
                                  mlp_history **history);

/* The state of a trainer as bytes: what its network has learnt and how it
 * scales, what the optimizer remembers, and where fits stand with their epochs,
 * orders, patience and best weights. Loaded into a trainer of a network with
 * the same layers, loss and precision, on any machine, it goes on to the same
 * bits; threads, kernels and max_rows may differ. on_epoch may save the state,
 * to go on from there.
 *
 * save writes mlp_trainer_save_size bytes, which may change with each epoch;
 * MLP_ERR_SHAPE: `size` is another number. load changes nothing before it has
 * looked at everything, and allocates. MLP_ERR_FORMAT: these are not all of the
 * bytes that were saved, and nothing else. MLP_ERR_UNSUPPORTED: a state of
 * another format or MLP_NUMERICS. MLP_ERR_ARGUMENT: of another network. */
size_t mlp_trainer_save_size(const mlp_trainer *trainer); /* 0 for NULL */
mlp_status mlp_trainer_save_memory(const mlp_trainer *trainer, void *bytes,
                                   size_t size);
mlp_status mlp_trainer_load_memory(mlp_trainer *trainer, const void *bytes,
                                   size_t size);

/* A view of any tensor of layer l, 1 to L (MLP_A and MLP_DROPPED: 0 to L), valid
 * until the trainer is freed; Z, A and D have the rows of the last forward, and
 * are written anew by the next. Writing to dW or db before the update changes
 * what the update does. MLP_ERR_ARGUMENT: no such layer or tensor.
 * MLP_ERR_ORDER: Z, A or D before a forward, gradients before a backward. */
mlp_status mlp_trainer_tensor(mlp_trainer *trainer, mlp_tensor which, size_t l,
                              mlp_view *view);

/* What mlp_check_gradients found. Errors are relative to the larger of the two
 * derivatives, or to a thousandth of loss and largest gradient together if they
 * are smaller: they drown in the loss's rounding. */
typedef struct mlp_gradient_check {
    double error;      /* the worst; infinite if the gradient is not finite */
    size_t layer;      /* where: layer l, */
    mlp_tensor tensor; /* of its W, b or scale, */
    size_t row, col;   /* this element, */
    double analytic, numeric; /* by backward, and by differences */
    size_t checked, skipped;  /* parameters */
} mlp_gradient_check;

/* Compares the gradients that mlp_trainer_backward gives for the rows X and Y,
 * with the penalties, weights and seed of dropout that `options` (NULL: the
 * defaults) name, with differences of mlp_trainer_loss: where backward is
 * right, error is below 1e-7. Works in float64 on copies of the network and, if
 * they are float32, of the data. Skips parameters whose differences do not
 * settle, because a corner such as ReLU's is nearer than rounding lets them
 * look, or at the very spot. Costs 6 to 30 forwards of all rows for each
 * parameter: give it few rows and narrow layers. Where bce judges outputs, not
 * of a sigmoid, that differ from 0 or 1 by less than 1e-9 or so, or any beyond
 * the clips, the loss itself is too coarse for differences, and errors mean
 * nothing. Allocates. Errors as those of mlp_fit
 * before anything is changed; MLP_ERR_DIVERGED: the loss is not finite. */
mlp_status mlp_check_gradients(const mlp_net *net, mlp_cview X, mlp_cview Y,
                               const mlp_train_options *options,
                               mlp_gradient_check *worst);

/* ---------------------------------------------------------------------------
 * 9. Files
 *
 * A .mlp file is a safetensors file, which Python opens too: tensors named as
 * PyTorch names them, and all else as texts in __metadata__. src/model_file.h
 * and src/description.h specify it; files of this version can be read for
 * ever, on every machine. A file holds what mlp_net_clone copies, but for hooks
 * and kernels. A network that is loaded predicts to the bit what the saved one
 * did. No byte of a file is trusted: the worst it can do is not to load.
 *
 * Paths are handed to the system as they are. Only ordinary files are read and
 * replaced; MLP_ERR_IO: the system refused something, which the message names.
 */

/* Makes `path` the network's file. What was there is replaced in one step, when
 * the new file (<path>.tmp.<process>.<n> until then) is whole and on the disk;
 * if that fails it is as before, and there is no other file. A symbolic link is
 * replaced by the file. Allocates the file's size. MLP_ERR_IO; MLP_ERR_LIMIT:
 * names and metadata of more than 100 MB. */
mlp_status mlp_net_save(const mlp_net *net, const char *path);

/* Writes the same bytes to memory: mlp_net_save_size of them, which is 0 for
 * NULL and where mlp_net_save gives MLP_ERR_LIMIT. MLP_ERR_SHAPE: `size` is
 * another number. */
size_t mlp_net_save_size(const mlp_net *net);
mlp_status mlp_net_save_memory(const mlp_net *net, void *bytes, size_t size);

/* Makes the network that was saved; *net is the caller's. `hooks` may be NULL:
 * none. Allocates, the file's size and the network; with mlp_net_load_memory,
 * which copies from the bytes so that they may go at once, the network, and a
 * table of its tensors for the time of the call.
 * MLP_ERR_FORMAT: no file of ours, not all of it, or damaged.
 * MLP_ERR_UNSUPPORTED: of a later version, or with an activation, loss or field
 * that this one does not know. MLP_ERR_ARGUMENT, MLP_ERR_LIMIT: it describes
 * what mlp_net_create refuses. MLP_ERR_IO. */
mlp_status mlp_net_load(const char *path, const mlp_hooks *hooks,
                        mlp_net **net);
mlp_status mlp_net_load_memory(const void *bytes, size_t size,
                               const mlp_hooks *hooks, mlp_net **net);

/* Sets the parameters of a network to those of anybody's safetensors file, of
 * F64, F32, F16 or BF16, rounded to the network's precision. Its layers are the
 * tensors <name>.weight of two dimensions (n[l], n[l-1]) in the order of names,
 * numbers in them by their value: "fc2" stands before "fc10". <name>.bias may be
 * missing, for zeros. For layers with batch norm, in turn, <name>.running_mean
 * and .running_var come with .weight and .bias, where they are; if the layer
 * itself has a bias, the mean is less by that. Scaling, names and metadata stay.
 * Allocates. MLP_ERR_FORMAT: no safetensors file. MLP_ERR_SHAPE: other shapes,
 * or not as many layers. MLP_ERR_UNSUPPORTED: tensors that belong to neither
 * layer nor norm, or of another type. MLP_ERR_IO. */
mlp_status mlp_net_import(mlp_net *net, const char *path);
mlp_status mlp_net_import_memory(mlp_net *net, const void *bytes, size_t size);

/* Saves the trainer's network like mlp_net_save, and in the same file all that
 * mlp_trainer_save_memory saves; mlp_net_load loads the network alone from it.
 * mlp_trainer_load is mlp_trainer_load_memory from there: to go on elsewhere,
 * load the network, make its trainer, load that.
 * Errors as of these functions. MLP_ERR_FORMAT: also a file without a state. */
mlp_status mlp_trainer_save(const mlp_trainer *trainer, const char *path);
mlp_status mlp_trainer_load(mlp_trainer *trainer, const char *path);

typedef struct mlp_export_options {
    const char *prefix; /* of all names, a letter, then letters, digits and _,
                           63 at most; default NULL: the file's name */
    bool canonical; /* false (default): exp, log, tanh and (for gelu) erfc of
                       the C library; outputs of about 1 are within 1e-6 of
                       mlp_predict's. true: our own, and products by fma: the
                       same bits, wherever fma rounds once */
    /* true: integers alone, of 8 bits, summed up in 32 (Jacob et al., 2018); a
     * softmax is left out, its inputs are the outputs. Default false. */
    bool int8;
    mlp_cview X; /* rows (m, n[0]), of which the self-test takes up to 8; for
                    int8 those whose ranges it is to hold, and m >= 1. Default
                    none: some that are made up */
    mlp_cview Y; /* of int8: their targets, to be scored with; default none */
    double max_score_drop; /* of the score, by int8; default 0.01 */
} mlp_export_options;

/* The defaults named above. */
mlp_export_options mlp_export_defaults(void);

typedef struct mlp_export_report {
    size_t constant_bytes; /* of weights, scaling and names: read-only memory */
    size_t scratch_bytes;  /* that a prediction needs of its caller */
    double score_before, score_after; /* of X and Y as they are and in int8: the
                                         accuracy, of mse, mae and huber r2; NaN
                                         where it is not asked for */
} mlp_export_report;

/* Writes the network as C, to `path`, which ends in ".c", and a header beside
 * it, which says how to call it: a function of arrays that knows all constants,
 * allocates nothing, keeps nothing, and needs libm at most. It is C99 and C++,
 * for small machines too; with <PREFIX>_SELF_TEST defined it is a program that
 * ends with 0 if it predicts what the network does. Scaling and names of
 * classes are in it, batch norm as by mlp_net_fold_batch_norm. `options` and
 * `report` may be NULL. Both files are replaced as by mlp_net_save, the
 * header first; they do not compile with one of another export. Allocates their
 * size and a network. MLP_ERR_ARGUMENT: a path or prefix that is none; no X for
 * int8. MLP_ERR_NOT_FINITE: a parameter, X, or what the network says of it; in
 * int8 also numbers of X or of outputs that a float cannot hold.
 * MLP_ERR_ACCURACY: int8 loses more than max_score_drop; the report says how much.
 * MLP_ERR_LIMIT: in int8, a layer of more than 32768 inputs. MLP_ERR_IO. Of X
 * and Y as mlp_evaluate. */
mlp_status mlp_export_c(const mlp_net *net, const char *path,
                        const mlp_export_options *options,
                        mlp_export_report *report);

/* Names of the n classes: n[L] of them, or 2 where there is one output; n = 0
 * for none, as in a new network. Copied, UTF-8. Allocates. The name of a class,
 * from 0, is valid until names are set again; NULL where there is none.
 * MLP_ERR_ARGUMENT: another n, or other texts. */
mlp_status mlp_net_set_class_names(mlp_net *net, const char *const *names,
                                   size_t n);
const char *mlp_net_class_name(const mlp_net *net, size_t index);

/* What else is to travel with a network: texts under keys, copied, UTF-8. The
 * value NULL removes a key. Allocates. What mlp_net_metadata gives, NULL where
 * there is no such key, is valid until metadata are set again; and so is the
 * index-th key of all, ascending as strcmp has them; NULL past the last.
 * MLP_ERR_ARGUMENT: other texts; the key is "mlp" or begins with "mlp.". */
mlp_status mlp_net_set_metadata(mlp_net *net, const char *key,
                                const char *value);
const char *mlp_net_metadata(const mlp_net *net, const char *key);
const char *mlp_net_metadata_key(const mlp_net *net, size_t index);

/* ---------------------------------------------------------------------------
 * 10. Metrics
 *
 * Scores of predictions against the truth, for data of m >= 1 rows. Numbers are
 * of MLP_F32 or MLP_F64, and need not be of one precision. Labels are a column
 * (m, 1) of any type that holds whole numbers, the classes 0 to k - 1. Sums
 * are in double, in eight lanes: term i is added to lane i mod 8, the lanes are
 * joined by halves; rows come in order, columns after one another. Averages
 * over columns or classes are plain means. Errors of all: MLP_ERR_SHAPE,
 * MLP_ERR_DTYPE; MLP_ERR_NOT_FINITE: numbers that hold a NaN or infinity;
 * MLP_ERR_ARGUMENT: a label that is none of the classes. They have no object,
 * so no log hook is told why.
 */

/* The confusion matrix: counts (k, k) of MLP_I32 receives, at (i, j), how many
 * rows of class i were predicted as j; k >= 1 is its size. MLP_ERR_LIMIT: more
 * rows than an int32 counts. */
mlp_status mlp_confusion(mlp_cview labels, mlp_cview predicted,
                         mlp_view counts);

/* Where the denominator is 0, the ratio is 0 (scikit-learn's zero_division=0).
 */
typedef struct mlp_class_scores {
    double precision; /* of rows predicted as the class, those that are it */
    double recall;    /* of rows of the class, those predicted as it */
    double f1;        /* their harmonic mean */
    size_t support;   /* rows of the class */
} mlp_class_scores;

/* From a confusion matrix, or a sum of such: the scores of each of the k
 * classes; their macro average, over all k, with the support of all; and the
 * share of rows predicted as what they are. Any of the three may be NULL.
 * MLP_ERR_ARGUMENT: a negative count, or no rows at all. */
mlp_status mlp_score_classes(mlp_cview counts, mlp_class_scores *each,
                             mlp_class_scores *macro, double *accuracy);

/* Area under the ROC curve of two classes: how probably a row of class 1 has a
 * higher score than one of class 0, equal scores counting half. Scores (m, 1)
 * may be probabilities or any others that rise with class 1. Takes m log m
 * steps and allocates m doubles, with malloc. MLP_ERR_ARGUMENT: labels other
 * than 0 and 1, or all the same. MLP_ERR_LIMIT: above 2^32 - 1 rows. */
mlp_status mlp_roc_auc(mlp_cview scores, mlp_cview labels, double *auc);

/* Mean of -log p, p being what a row of probabilities (m, k) gives its class,
 * but at least 1e-15. A single column is the probability of class 1, of the two
 * classes 0 and 1. Rows need not sum to 1. MLP_ERR_ARGUMENT: also a number
 * outside [0, 1]. */
mlp_status mlp_log_loss(mlp_cview probabilities, mlp_cview labels,
                        double *loss);

/* Means over all columns of
 *   mse  mean of (predicted - y)^2         mae  mean of |predicted - y|
 *   r2   1 - sum (predicted - y)^2 / sum (y - mean of y)^2; of a column of
 *        equal y 1 if all are met, else 0
 * Where a square overflows, mse is infinite and r2 minus infinity or NaN. */
typedef struct mlp_regression_scores {
    double mse, mae, r2;
} mlp_regression_scores;

/* For targets Y and predictions, both (m, n), n >= 1. */
mlp_status mlp_score_regression(mlp_cview Y, mlp_cview predicted,
                                mlp_regression_scores *scores);

/* ---------------------------------------------------------------------------
 * 11. Random numbers
 *
 * NumPy's frozen legacy stream (np.random.seed, RandomState): MT19937 of
 * Matsumoto and Nishimura (1998) and the distributions drawn from it in
 * NumPy's order. Copying the struct saves the state. Not for cryptography.
 */

typedef struct mlp_rng {
    uint32_t key[624];
    uint32_t remaining; /* words of `key` not yet used */
    uint32_t has_gauss; /* normals come in pairs; the second waits here */
    double gauss;
} mlp_rng;

/* The state of np.random.seed(seed). A struct of zeros counts as seed 5489. */
mlp_rng mlp_rng_seeded(uint32_t seed);

/* One draw; NaN for NULL. random_sample: [0, 1) in steps of 2^-53. uniform:
 * low + (high - low) * random_sample. randn: standard normal, by Marsaglia's
 * polar method. normal: mean + std * randn. */
double mlp_rng_random_sample(mlp_rng *rng);
double mlp_rng_uniform(mlp_rng *rng, double low, double high);
double mlp_rng_randn(mlp_rng *rng);
double mlp_rng_normal(mlp_rng *rng, double mean, double std);

/* An integer in [low, high), as np.random.randint(low, high).
 * MLP_ERR_ARGUMENT: low >= high. */
mlp_status mlp_rng_randint(mlp_rng *rng, int64_t low, int64_t high,
                           int64_t *value);

/* Shuffles n items of `size` bytes in place, as np.random.shuffle does the
 * rows of an array. MLP_ERR_ARGUMENT: size is 0. MLP_ERR_LIMIT: n * size is
 * not a size_t. n = 0 allows items = NULL. */
mlp_status mlp_rng_shuffle(mlp_rng *rng, void *items, size_t n, size_t size);

/* Fills order[n] with a permutation of 0..n-1, as np.random.permutation(n).
 * MLP_ERR_LIMIT: an array of n is no array. n = 0 allows order = NULL. */
mlp_status mlp_rng_permutation(mlp_rng *rng, size_t n, size_t *order);

#ifdef __cplusplus
}
#endif

#endif
