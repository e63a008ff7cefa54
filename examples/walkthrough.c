/* SPDX-License-Identifier: MIT */
/*
 * Chapters 1.3, 2.3 and 3.4: the activation functions, and one row through a
 * network and back, with every number on the way. The steps are the library's;
 * what it does not keep, such as activation'(Z), is worked out here.
 */
#include "example.h"

/* A 2-2-1 network with its numbers, and the row that goes through it. */
typedef struct problem {
    mlp_activation hidden;
    double x[2], W1[4], b1[2], W2[2], b2[1];
} problem;

/* Chapter 1.3, and each function of the library at five places. */
static void activation_functions(void)
{
    printf("\n");
    print_title("ACTIVATION FUNCTIONS SUMMARY", 70);
    printf("%-12s %-15s %-25s %s\n", "Function", "Output Range", "Use Case",
           "Pros/Cons");
    print_rule('-', 70);
    printf("Sigmoid      (0, 1)          Binary classification     "
           "Vanishing gradient\n"
           "Tanh         (-1, 1)         Hidden layers             "
           "Zero-centered\n"
           "ReLU         [0, ∞)          Hidden layers (default)   "
           "Fast, can die\n");
    print_rule('=', 70);

    static const double z[5] = {-2, -1, 0, 1, 2};
    double a[5];
    print_vector("z        = ", mlp_cview_f64(z, 1, 5), 4);
    for (int f = 0; mlp_activation_name((mlp_activation)f) != NULL; f++) {
        /* A neuron with one weight of 1 is its activation function. */
        mlp_layer layer = {1, (mlp_activation)f};
        mlp_config config = mlp_config_defaults();
        config.inputs = config.n_layers = 1;
        config.layers = &layer;
        config.hooks.log = tell;
        mlp_net *net = NULL;
        mlp_view W;
        check(mlp_net_create(&config, &net));
        check(mlp_net_tensor(net, MLP_W, 1, &W));
        put(W, 0, 0, 1);
        check(mlp_predict(net, mlp_cview_f64(z, 5, 1), mlp_view_f64(a, 5, 1)));
        printf("\n%-8s", mlp_activation_name(layer.activation));
        print_vector(" = ", mlp_cview_f64(a, 1, 5), 4);
        mlp_net_free(net);
    }
    printf("\n");
}

static void set(mlp_net *net, mlp_tensor which, size_t l, const double *values)
{
    mlp_view array;
    check(mlp_net_tensor(net, which, l, &array));
    put_all(array, values);
}

static mlp_net *problem_net(const problem *p)
{
    mlp_layer layers[] = {{2, p->hidden}, {1, MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.hooks.log = tell;
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    set(net, MLP_W, 1, p->W1);
    set(net, MLP_B, 1, p->b1);
    set(net, MLP_W, 2, p->W2);
    set(net, MLP_B, 2, p->b2);
    return net;
}

/* The arrays of a pass; a row here is the tutorial's column. */
typedef struct pass {
    mlp_cview x, W1, b1, z1, a1, W2, b2, z2, a2;
} pass;

static mlp_cview see(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view array;
    check(mlp_trainer_tensor(trainer, which, l, &array));
    return mlp_view_const(array);
}

static pass forward(mlp_trainer *t, const problem *p)
{
    check(mlp_trainer_forward(t, mlp_cview_f64(p->x, 1, 2)));
    return (pass){see(t, MLP_A, 0), see(t, MLP_W, 1), see(t, MLP_B, 1),
                  see(t, MLP_Z, 1), see(t, MLP_A, 1), see(t, MLP_W, 2),
                  see(t, MLP_B, 2), see(t, MLP_Z, 2), see(t, MLP_A, 2)};
}

/* Element i of a row. */
static double at(mlp_cview row, size_t i)
{
    return mlp_cview_at(row, 0, i);
}

/* Chapter 2.3 */
static void print_forward(pass p)
{
    printf("\n");
    print_title("HAND CALCULATION: FORWARD PROPAGATION", 70);
    print_vector("\nINPUT\nx = ", p.x, 8);
    print_matrix("\n\nLAYER 1 PARAMETERS\nW1 =\n", p.W1, 8);
    print_vector("\nb1 = ", p.b1, 8);

    print_matrix("\n\nLAYER 1 COMPUTATION\nz1 = W1 @ x + b1\nz1 = ", p.W1, 8);
    print_vector(" @ ", p.x, 8);
    print_vector(" + ", p.b1, 8);
    double product[2][2]; /* W1 by x, not yet added up */
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++) {
            product[i][j] = mlp_cview_at(p.W1, i, j) * at(p.x, j);
        }
    }
    for (int line = 0; line < 2; line++) { /* the tutorial shows it twice */
        printf("\nz1 = [%.2f, %.2f] + [%.1f, %.1f]",
               product[0][0] + product[0][1], product[1][0] + product[1][1],
               at(p.b1, 0), at(p.b1, 1));
    }
    print_vector("\nz1 = ", p.z1, 8);

    printf("\n\nACTIVATION (Sigmoid)\na1 = sigmoid(z1) = 1 / (1 + e^(-z1))\n");
    for (size_t i = 0; i < 2; i++) {
        printf("a1[%zu] = 1 / (1 + e^(-%.2f)) = %.4f\n", i, at(p.z1, i),
               at(p.a1, i));
    }
    print_vector("a1 = ", p.a1, 8);

    print_matrix("\n\nLAYER 2 PARAMETERS\nW2 = ", p.W2, 8);
    print_vector("\nb2 = ", p.b2, 8);
    printf("\n\nLAYER 2 COMPUTATION\nz2 = W2 @ a1 + b2\n");
    printf("z2 = %.4f + %.1f\n",
           at(p.W2, 0) * at(p.a1, 0) + at(p.W2, 1) * at(p.a1, 1), at(p.b2, 0));
    printf("z2 = %.4f\n", at(p.z2, 0));
    printf("\nFINAL OUTPUT\ny_hat = sigmoid(z2) = %.4f\n\n", at(p.a2, 0));

    print_rule('=', 70);
    print_vector("FORWARD PROPAGATION COMPLETE!\nInput: ", p.x, 8);
    printf(" → Output: %.4f\n", at(p.a2, 0));
    print_rule('=', 70);
}

/* The exercise of chapter 2.3. The tutorial's solution gives 0.5312 and 0.6298
 * for z2 and a2, a slip: 0.3 * 0.3969 + 0.7 * 0.4462 + 0.2 is 0.6314. */
static void print_exercise(pass p)
{
    print_vector("\nExercise of 2.3\nz1 = ", p.z1, 4);
    print_vector("\na1 = ", p.a1, 4);
    print_vector("\nz2 = ", p.z2, 4);
    print_vector("\na2 = ", p.a2, 4);
    printf("\n\n");
}

/* Chapter 3.4: the loss */
static void print_loss(mlp_trainer *t, pass p, double y)
{
    mlp_cview Y = mlp_cview_f64(&y, 1, 1);
    double loss = 0;
    check(mlp_trainer_loss(t, Y, &loss));

    print_title("HAND CALCULATION: BACKPROPAGATION", 70);
    print_vector("\nVALUES FROM FORWARD PASS\nx = ", p.x, 8);
    print_vector("\nz1 = ", p.z1, 8);
    print_vector("\na1 = ", p.a1, 8);
    print_vector("\nz2 = ", p.z2, 8);
    print_vector("\na2 (ŷ) = ", p.a2, 8);
    print_vector("\ny (true) = ", Y, 8);
    printf("\n\nLOSS\nL = -[y·log(ŷ) + (1-y)·log(1-ŷ)]\n");
    printf("L = -[%.0f·log(%.4f) + %.0f·log(%.4f)]\n", y, at(p.a2, 0), 1 - y,
           1 - at(p.a2, 0));
    printf("L = -log(%.4f) = %.4f\n", at(p.a2, 0), loss);
}

/* Chapter 3.4: backward. For a single row db is δ, which is the tutorial's
 * dL/dz and not kept by the library. */
static void print_backward(mlp_trainer *t, pass p, double y)
{
    check(mlp_trainer_backward(t, mlp_cview_f64(&y, 1, 1)));
    mlp_cview dW2 = see(t, MLP_DW, 2), db2 = see(t, MLP_DB, 2);
    mlp_cview dW1 = see(t, MLP_DW, 1), db1 = see(t, MLP_DB, 1);
    double delta2 = at(db2, 0);

    printf("\nOUTPUT LAYER GRADIENTS\n");
    printf("δ^[2] = dL/dz2 = a2 - y = %.4f - %.1f = %.4f\n", at(p.a2, 0), y,
           delta2);
    printf("dW2 = δ^[2] · (a1)^T = %.4f × [%.4f, %.4f]\n", delta2, at(p.a1, 0),
           at(p.a1, 1));
    printf("dW2 = [%.4f, %.4f]\n", at(dW2, 0), at(dW2, 1));
    printf("db2 = δ^[2] = %.4f\n", at(db2, 0));

    double da1[2], slope[2];
    for (size_t i = 0; i < 2; i++) {
        da1[i] = at(p.W2, i) * delta2;
        slope[i] = at(p.a1, i) * (1 - at(p.a1, i));
    }
    printf("\nHIDDEN LAYER GRADIENTS\n");
    printf("da1 = (W2)^T · δ^[2] = [%.1f, %.1f]^T × %.4f\n", at(p.W2, 0),
           at(p.W2, 1), delta2);
    printf("da1 = [%.4f, %.4f]\n", da1[0], da1[1]);
    printf("\nσ'(z1) = σ(z1) ⊙ (1 - σ(z1))\n");
    printf("σ'(z1) = [%.4f×%.4f, %.4f×%.4f]\n", at(p.a1, 0), 1 - at(p.a1, 0),
           at(p.a1, 1), 1 - at(p.a1, 1));
    printf("σ'(z1) = [%.4f, %.4f]\n", slope[0], slope[1]);
    printf("\nδ^[1] = da1 ⊙ σ'(z1)\n");
    printf("δ^[1] = [%.4f×%.4f, %.4f×%.4f]\n", da1[0], slope[0], da1[1],
           slope[1]);
    printf("δ^[1] = [%.4f, %.4f]\n", at(db1, 0), at(db1, 1));
    print_matrix("\ndW1 = δ^[1] · (x)^T\ndW1 =\n", dW1, 8);
    print_vector("\ndb1 = ", db1, 8);
    printf("\n");
}

/* Chapter 3.4: update. The views show the parameters before and after it. */
static void print_update(mlp_trainer *t, pass p, double alpha)
{
    printf("\nPARAMETER UPDATE (α = %g)\nW2_new = W2 - α·dW2 = ", alpha);
    print_matrix("", p.W2, 8);
    printf(" - %g×", alpha);
    print_matrix("", see(t, MLP_DW, 2), 8);
    check(mlp_trainer_update(t, alpha));
    print_matrix("\nW2_new = ", p.W2, 8);
    print_matrix("\n\nW1_new = W1 - α·dW1\nW1_new =\n", p.W1, 8);
    printf("\n\n");
    print_title("BACKPROPAGATION COMPLETE!", 70);
}

int main(void)
{
    static const problem example = {MLP_ACT_SIGMOID,      {1, 2},
                                    {0.1, 0.2, 0.3, 0.4}, {0.1, 0.2},
                                    {0.5, 0.6},           {0.3}};
    static const problem exercise = {MLP_ACT_TANH,         {0.5, 0.8},
                                     {0.2, 0.4, 0.6, 0.1}, {0, 0.1},
                                     {0.3, 0.7},           {0.2}};
    activation_functions();

    mlp_net *net = problem_net(&example), *other = problem_net(&exercise);
    mlp_trainer *trainer = NULL, *others = NULL;
    check(mlp_trainer_create(net, 1, &trainer));
    check(mlp_trainer_create(other, 1, &others));

    pass p = forward(trainer, &example);
    print_forward(p);
    print_exercise(forward(others, &exercise));
    print_loss(trainer, p, 1);
    print_backward(trainer, p, 1);
    print_update(trainer, p, 0.1);

    mlp_trainer_free(trainer);
    mlp_trainer_free(others);
    mlp_net_free(net);
    mlp_net_free(other);
    return 0;
}
