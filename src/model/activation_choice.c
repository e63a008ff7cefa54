/* SPDX-License-Identifier: MIT */
/*
 * The choice of activations (activation_choice.h). One table has a row for each
 * loss: the activation that MLP_ACT_AUTO stands for in the last layer, and
 * whether the loss is meant for that activation only. All 96 pairs follow from
 * it; the header says why.
 */
#include "model/activation_choice.h"

#include "base/error.h"

/* What a loss wants of the last layer. */
typedef struct wanted {
    mlp_activation usual; /* what MLP_ACT_AUTO stands for */
    const char *constant; /* its name in mlp.h, for messages */
    bool is_only_one;     /* false: the loss is meant for all activations */
} wanted;

/* The losses bce and cce want probabilities, poisson rates, and gaussian_nll
 * means and logarithms of variances; the others compare quantities. */
static const wanted wanted_by_loss[] = {
    [MLP_LOSS_BCE] = {MLP_ACT_SIGMOID, "MLP_ACT_SIGMOID", true},
    [MLP_LOSS_MSE] = {MLP_ACT_IDENTITY, "MLP_ACT_IDENTITY", false},
    [MLP_LOSS_CCE] = {MLP_ACT_SOFTMAX, "MLP_ACT_SOFTMAX", true},
    [MLP_LOSS_MAE] = {MLP_ACT_IDENTITY, "MLP_ACT_IDENTITY", false},
    [MLP_LOSS_HUBER] = {MLP_ACT_IDENTITY, "MLP_ACT_IDENTITY", false},
    [MLP_LOSS_QUANTILE] = {MLP_ACT_IDENTITY, "MLP_ACT_IDENTITY", false},
    [MLP_LOSS_POISSON] = {MLP_ACT_EXP, "MLP_ACT_EXP", true},
    [MLP_LOSS_GAUSSIAN_NLL] = {MLP_ACT_IDENTITY, "MLP_ACT_IDENTITY", true},
};

/* ---------------------------------------------------------------------------
 * What a configuration leaves open
 */

/* A -0.0 counts as 0. Activations without a slope keep what was given, which
 * nobody reads. */
double mlpi_slope_in_use(mlp_activation f, double given)
{
    if (given != 0.0) {
        return given;
    }
    return f == MLP_ACT_LEAKY_RELU ? MLP_SLOPE_LEAKY_RELU
           : f == MLP_ACT_ELU      ? MLP_SLOPE_ELU
                                   : 0.0;
}

/* ReLU is the usual activation of hidden layers: its gradient does not become
 * small from layer to layer. */
mlp_activation mlpi_chosen_activation(const mlp_config *config, size_t l)
{
    mlp_activation f = config->layers[l - 1].activation;
    return f != MLP_ACT_AUTO      ? f
           : l < config->n_layers ? MLP_ACT_RELU
                                  : wanted_by_loss[config->loss].usual;
}

void mlpi_choose_activations(const mlp_config *config, mlp_layer *layers)
{
    size_t L = config->n_layers;
    for (size_t l = 1; l <= L; l++) {
        mlp_layer *layer = &layers[l - 1];
        *layer = config->layers[l - 1];
        layer->activation = mlpi_chosen_activation(config, l);
        layer->slope = mlpi_slope_in_use(layer->activation, layer->slope);
    }
}

/* ---------------------------------------------------------------------------
 * Which pairs are meant
 */

/* What two classes need: the end of the messages about a single output. */
#define TWO_CLASSES                                                            \
    "for two classes use one sigmoid output with bce, or two softmax outputs " \
    "with cce and class numbers of type MLP_I32"

/* Checks a last layer of one neuron. The loss comes first, because whoever
 * leaves the activation open has named no softmax. Softmax divides its only
 * output by itself. */
static mlp_status check_single_output(const mlp_config *config,
                                      mlp_activation f)
{
    size_t L = config->n_layers;
    if (config->loss == MLP_LOSS_CCE) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: cce expects an output for each class, 2 "
                          "or more, got 1: " TWO_CLASSES,
                          L);
    }
    if (f == MLP_ACT_SOFTMAX) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: the output of one softmax neuron is "
                          "always 1: " TWO_CLASSES,
                          L);
    }
    return MLP_OK;
}

/* Returns the loss that is meant for an activation that does not suit bce or
 * cce, and for which targets. It may be the loss that was meant. */
static const char *other_loss(mlp_activation f)
{
    return f == MLP_ACT_SOFTMAX   ? "for classes that exclude each other the "
                                    "loss MLP_LOSS_CCE"
           : f == MLP_ACT_SIGMOID ? "for classes that do not exclude each "
                                    "other the loss MLP_LOSS_BCE"
                                  : "for targets that are quantities the loss "
                                    "MLP_LOSS_MSE";
}

mlp_status mlpi_check_outputs(const mlp_config *config, mlp_activation f)
{
    size_t L = config->n_layers;
    const wanted *want = &wanted_by_loss[config->loss];
    if (config->layers[L - 1].width == 1) {
        TRY(check_single_output(config, f));
    }
    if (config->loss == MLP_LOSS_GAUSSIAN_NLL &&
        config->layers[L - 1].width % 2 != 0) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "layer %zu: gaussian_nll expects an even number of "
                          "outputs, the means and then the logarithms of the "
                          "variances, got %zu",
                          L, config->layers[L - 1].width);
    }
    if (want->is_only_one && f != want->usual) {
        return mlpi_error(
            &config->hooks, MLP_ERR_ARGUMENT,
            "layer %zu: %s expects %s in the last layer, got %s: "
            "set %s or MLP_ACT_AUTO, or %s",
            L, mlp_loss_name(config->loss), mlp_activation_name(want->usual),
            mlp_activation_name(f), want->constant, other_loss(f));
    }
    return MLP_OK;
}
