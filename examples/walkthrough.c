/* SPDX-License-Identifier: MIT */
/*
 * Chapters 1.3, 2.3, 3.3, 3.4 and 7.2: the activation functions, then one row
 * that goes forward and backward through a network, with every number printed,
 * and the formulas in short. The library computes the steps. Numbers that the
 * library does not keep, such as activation'(Z), are computed here.
 */
#include "example.h"
#include "flags.h"
#include "numpy_print.h"

static mlp_net *make_net(size_t inputs, const mlp_layer *layers,
                         size_t n_layers, mlp_loss loss)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = n_layers;
    config.loss = loss;
    config.init = MLP_INIT_ZEROS; /* the numbers are set one by one */
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    return net;
}

static void set(mlp_net *net, mlp_tensor which, size_t l, const double *values)
{
    mlp_view array;
    check(mlp_net_tensor(net, which, l, &array));
    fill(array, values);
}

/* Chapter 1.3 shows each activation function at five places. */
static void print_activations(void)
{
    printf("\n");
    print_title("ACTIVATION FUNCTIONS SUMMARY", 70);
    printf("Function     Output Range    Use Case                  "
           "Pros/Cons\n");
    print_line_of('-', 70);
    printf("Sigmoid      (0, 1)          Binary classification     "
           "Vanishing gradient\n"
           "Tanh         (-1, 1)         Hidden layers             "
           "Zero-centered\n"
           "ReLU         [0, ∞)          Hidden layers (default)   "
           "Fast, can die\n");
    print_line_of('=', 70);

    static const double one = 1, z[5] = {-2, -1, 0, 1, 2};
    double a[5];
    print_vector("z        = ", mlp_cview_f64(z, 1, 5), 4);
    for (int f = MLP_ACT_IDENTITY; f <= MLP_ACT_RELU; f++) {
        /* A neuron whose only weight is 1 computes its activation function. */
        mlp_layer neuron = {.width = 1, .activation = (mlp_activation)f};
        mlp_net *net = make_net(1, &neuron, 1, MLP_LOSS_MSE);
        set(net, MLP_W, 1, &one);
        check(mlp_predict(net, mlp_cview_f64(z, 5, 1), mlp_view_f64(a, 5, 1)));
        printf("\n%-8s", mlp_activation_name(neuron.activation));
        print_vector(" = ", mlp_cview_f64(a, 1, 5), 4);
        mlp_net_free(net);
    }
    printf("\n");
}

/* A row x and the parameters of a network with two inputs, two hidden neurons
 * and one output. W[l] and b[l] belong to layer l; index 0 is unused. */
typedef struct problem {
    mlp_activation hidden;
    double x[2], W[3][4], b[3][2];
} problem;

/* The arrays that one forward and backward computes. A row here is a column in
 * the tutorial; a[0] is x. */
typedef struct pass {
    mlp_net *net;
    mlp_trainer *trainer;
    mlp_cview W[3], b[3], z[3], a[3];
} pass;

static mlp_cview see(pass p, mlp_tensor which, size_t l)
{
    mlp_view array;
    check(mlp_trainer_tensor(p.trainer, which, l, &array));
    return mlp_view_const(array);
}

static pass forward(const problem *given)
{
    mlp_layer layers[] = {{.width = 2, .activation = given->hidden},
                          {.width = 1, .activation = MLP_ACT_SIGMOID}};
    pass p = {.net = make_net(2, layers, 2, MLP_LOSS_BCE)};
    check(mlp_trainer_create(p.net, 1, &p.trainer));
    for (size_t l = 1; l <= 2; l++) {
        set(p.net, MLP_W, l, given->W[l]);
        set(p.net, MLP_B, l, given->b[l]);
    }
    check(mlp_trainer_forward(p.trainer, mlp_cview_f64(given->x, 1, 2)));
    p.a[0] = see(p, MLP_A, 0);
    for (size_t l = 1; l <= 2; l++) {
        p.W[l] = see(p, MLP_W, l);
        p.b[l] = see(p, MLP_B, l);
        p.z[l] = see(p, MLP_Z, l);
        p.a[l] = see(p, MLP_A, l);
    }
    return p;
}

static void free_pass(pass p)
{
    mlp_trainer_free(p.trainer);
    mlp_net_free(p.net);
}

/* Returns element i of a row. */
static double at(mlp_cview row, size_t i)
{
    return mlp_cview_at(row, 0, i);
}

/* Computes row i of W times a, which is z of neuron i without its bias. */
static double dot(mlp_cview W, size_t i, mlp_cview a)
{
    return mlp_cview_at(W, i, 0) * at(a, 0) + mlp_cview_at(W, i, 1) * at(a, 1);
}

/* Chapter 2.3 goes forward. */
static void print_forward(pass p)
{
    printf("\n");
    print_title("HAND CALCULATION: FORWARD PROPAGATION", 70);
    print_vector("\nINPUT\nx = ", p.a[0], 8);
    print_matrix("\n\nLAYER 1 PARAMETERS\nW1 =\n", p.W[1], 8);
    print_vector("\nb1 = ", p.b[1], 8);

    print_matrix("\n\nLAYER 1 COMPUTATION\nz1 = W1 @ x + b1\nz1 = ", p.W[1], 8);
    print_vector(" @ ", p.a[0], 8);
    print_vector(" + ", p.b[1], 8);
    for (int line = 0; line < 2; line++) { /* the tutorial prints it twice */
        printf("\nz1 = [%.2f, %.2f] + [%.1f, %.1f]", dot(p.W[1], 0, p.a[0]),
               dot(p.W[1], 1, p.a[0]), at(p.b[1], 0), at(p.b[1], 1));
    }
    print_vector("\nz1 = ", p.z[1], 8);

    printf("\n\nACTIVATION (Sigmoid)\na1 = sigmoid(z1) = 1 / (1 + e^(-z1))\n");
    for (size_t i = 0; i < 2; i++) {
        printf("a1[%zu] = 1 / (1 + e^(-%.2f)) = %.4f\n", i, at(p.z[1], i),
               at(p.a[1], i));
    }
    print_vector("a1 = ", p.a[1], 8);

    print_matrix("\n\nLAYER 2 PARAMETERS\nW2 = ", p.W[2], 8);
    print_vector("\nb2 = ", p.b[2], 8);
    printf("\n\nLAYER 2 COMPUTATION\nz2 = W2 @ a1 + b2\n");
    printf("z2 = %.4f + %.1f\n", dot(p.W[2], 0, p.a[1]), at(p.b[2], 0));
    printf("z2 = %.4f\n", at(p.z[2], 0));
    printf("\nFINAL OUTPUT\ny_hat = sigmoid(z2) = %.4f\n\n", at(p.a[2], 0));

    print_line_of('=', 70);
    print_vector("FORWARD PROPAGATION COMPLETE!\nInput: ", p.a[0], 8);
    printf(" → Output: %.4f\n", at(p.a[2], 0));
    print_line_of('=', 70);
}

/* Solves the exercise of chapter 2.3. The tutorial prints 0.5312 and 0.6298 for
 * z2 and a2, which is a slip: 0.3 * 0.3969 + 0.7 * 0.4462 + 0.2 is 0.6314. */
static void print_exercise(void)
{
    static const problem exercise = {.hidden = MLP_ACT_TANH,
                                     .x = {0.5, 0.8},
                                     .W[1] = {0.2, 0.4, 0.6, 0.1},
                                     .b[1] = {0, 0.1},
                                     .W[2] = {0.3, 0.7},
                                     .b[2] = {0.2}};
    pass p = forward(&exercise);
    print_vector("\nExercise of 2.3\nz1 = ", p.z[1], 4);
    print_vector("\na1 = ", p.a[1], 4);
    print_vector("\nz2 = ", p.z[2], 4);
    print_vector("\na2 = ", p.a[2], 4);
    printf("\n\n");
    free_pass(p);
}

/* Chapter 3.3 sums up the formulas. */
static void print_backward_formulas(void)
{
    print_title("BACKPROPAGATION FORMULAS SUMMARY", 70);
    printf("\nOUTPUT LAYER (Layer L)\n");
    print_line_of('-', 50);
    printf("δ^[L] = dL/dz^[L] = a^[L] - y  (for sigmoid + cross-entropy)\n"
           "dW^[L] = δ^[L] · (a^[L-1])^T\n"
           "db^[L] = δ^[L]\n");
    printf("\nHIDDEN LAYER (Layer l)\n");
    print_line_of('-', 50);
    printf("δ^[l] = (W^[l+1])^T · δ^[l+1] ⊙ σ'(z^[l])\n"
           "dW^[l] = δ^[l] · (a^[l-1])^T\n"
           "db^[l] = δ^[l]\n");
    printf("\nGRADIENT DESCENT UPDATE\n");
    print_line_of('-', 50);
    printf("W^[l] := W^[l] - α · dW^[l]\n"
           "b^[l] := b^[l] - α · db^[l]\n"
           "\nwhere α is the learning rate\n");
    print_line_of('=', 70);
}

/* Chapter 3.4 computes the loss. */
static void print_loss(pass p, double y)
{
    mlp_cview Y = mlp_cview_f64(&y, 1, 1);
    double loss = 0;
    check(mlp_trainer_loss(p.trainer, Y, &loss));

    print_title("HAND CALCULATION: BACKPROPAGATION", 70);
    print_vector("\nVALUES FROM FORWARD PASS\nx = ", p.a[0], 8);
    print_vector("\nz1 = ", p.z[1], 8);
    print_vector("\na1 = ", p.a[1], 8);
    print_vector("\nz2 = ", p.z[2], 8);
    print_vector("\na2 (ŷ) = ", p.a[2], 8);
    print_vector("\ny (true) = ", Y, 8);
    printf("\n\nLOSS\nL = -[y·log(ŷ) + (1-y)·log(1-ŷ)]\n");
    printf("L = -[%.0f·log(%.4f) + %.0f·log(%.4f)]\n", y, at(p.a[2], 0), 1 - y,
           1 - at(p.a[2], 0));
    printf("L = -log(%.4f) = %.4f\n", at(p.a[2], 0), loss);
}

/* Chapter 3.4 goes backward. The library gives no view of δ, the tutorial's
 * dL/dz, but for a single row δ equals db. */
static void print_backward(pass p, double y)
{
    check(mlp_trainer_backward(p.trainer, mlp_cview_f64(&y, 1, 1)));
    mlp_cview dW2 = see(p, MLP_DW, 2), dW1 = see(p, MLP_DW, 1);
    mlp_cview db1 = see(p, MLP_DB, 1);
    double delta2 = at(see(p, MLP_DB, 2), 0);
    double a1[] = {at(p.a[1], 0), at(p.a[1], 1)};

    printf("\nOUTPUT LAYER GRADIENTS\n");
    printf("δ^[2] = dL/dz2 = a2 - y = %.4f - %.1f = %.4f\n", at(p.a[2], 0), y,
           delta2);
    printf("dW2 = δ^[2] · (a1)^T = %.4f × [%.4f, %.4f]\n", delta2, a1[0],
           a1[1]);
    printf("dW2 = [%.4f, %.4f]\n", at(dW2, 0), at(dW2, 1));
    printf("db2 = δ^[2] = %.4f\n", delta2);

    double da[2], rest[2], slope[2];
    for (size_t i = 0; i < 2; i++) {
        da[i] = at(p.W[2], i) * delta2;
        rest[i] = 1 - a1[i];
        slope[i] = a1[i] * rest[i];
    }
    printf("\nHIDDEN LAYER GRADIENTS\n");
    printf("da1 = (W2)^T · δ^[2] = [%.1f, %.1f]^T × %.4f\n", at(p.W[2], 0),
           at(p.W[2], 1), delta2);
    printf("da1 = [%.4f, %.4f]\n", da[0], da[1]);
    printf("\nσ'(z1) = σ(z1) ⊙ (1 - σ(z1))\n");
    printf("σ'(z1) = [%.4f×%.4f, %.4f×%.4f]\n", a1[0], rest[0], a1[1], rest[1]);
    printf("σ'(z1) = [%.4f, %.4f]\n", slope[0], slope[1]);
    printf("\nδ^[1] = da1 ⊙ σ'(z1)\n");
    printf("δ^[1] = [%.4f×%.4f, %.4f×%.4f]\n", da[0], slope[0], da[1],
           slope[1]);
    printf("δ^[1] = [%.4f, %.4f]\n", at(db1, 0), at(db1, 1));
    print_matrix("\ndW1 = δ^[1] · (x)^T\ndW1 =\n", dW1, 8);
    print_vector("\ndb1 = ", db1, 8);
    printf("\n");
}

/* Chapter 3.4 updates the parameters. The views show them before and after. */
static void print_update(pass p, double alpha)
{
    printf("\nPARAMETER UPDATE (α = %g)\nW2_new = W2 - α·dW2 = ", alpha);
    print_matrix("", p.W[2], 8);
    printf(" - %g×", alpha);
    print_matrix("", see(p, MLP_DW, 2), 8);
    check(mlp_trainer_update(p.trainer, alpha));
    print_matrix("\nW2_new = ", p.W[2], 8);
    print_matrix("\n\nW1_new = W1 - α·dW1\nW1_new =\n", p.W[1], 8);
    printf("\n\n");
    print_title("BACKPROPAGATION COMPLETE!", 70);
}

/* Chapter 7.2 is a quick reference. */
static void print_quick_reference(void)
{
    printf("\n");
    print_title("NEURAL NETWORK QUICK REFERENCE", 70);
    printf("\nFORWARD PROPAGATION\n");
    print_line_of('-', 40);
    printf("For layer l = 1 to L:\n"
           "  z^[l] = W^[l] · a^[l-1] + b^[l]\n"
           "  a^[l] = σ(z^[l])\n");
    printf("\nBACKWARD PROPAGATION\n");
    print_line_of('-', 40);
    printf("Output layer (sigmoid + cross-entropy):\n"
           "  δ^[L] = a^[L] - y\n"
           "\n"
           "For layer l = L to 1:\n"
           "  dW^[l] = (1/m) · δ^[l] · (a^[l-1])^T\n"
           "  db^[l] = (1/m) · Σ δ^[l]\n"
           "  δ^[l-1] = (W^[l])^T · δ^[l] ⊙ σ'(z^[l-1])\n");
    printf("\nPARAMETER UPDATE\n");
    print_line_of('-', 40);
    printf("W^[l] := W^[l] - α · dW^[l]\n"
           "b^[l] := b^[l] - α · db^[l]\n");
    printf("\nACTIVATION FUNCTIONS\n");
    print_line_of('-', 40);
    printf("Function     Formula                        Derivative\n");
    print_line_of('-', 60);
    printf("Sigmoid      1/(1+e^(-z))                   σ(z)(1-σ(z))\n"
           "Tanh         (e^z-e^(-z))/(e^z+e^(-z))      1-tanh²(z)\n"
           "ReLU         max(0, z)                      1 if z>0, else 0\n"
           "\n");
    print_line_of('=', 70);
}

static const char usage[] =
    "walkthrough\n"
    "Chapters 1 to 3: one row goes forward and backward, with every number\n"
    "printed. The formulas of chapters 3.3 and 7.2 come with it.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    static const problem example = {.hidden = MLP_ACT_SIGMOID,
                                    .x = {1, 2},
                                    .W[1] = {0.1, 0.2, 0.3, 0.4},
                                    .b[1] = {0.1, 0.2},
                                    .W[2] = {0.5, 0.6},
                                    .b[2] = {0.3}};
    print_activations();
    pass p = forward(&example);
    print_forward(p);
    print_exercise();
    print_backward_formulas();
    print_loss(p, 1);
    print_backward(p, 1);
    print_update(p, 0.1);
    print_quick_reference();
    free_pass(p);
    return 0;
}
