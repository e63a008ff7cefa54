/* SPDX-License-Identifier: MIT */
/*
 * Activations and their derivatives of a single number, for programs that draw
 * them (chapter 1.3 draws f and f') or check a backward pass by hand.
 *
 * The numbers come from the portable kernels of float64, which compute the same
 * bits as all others, so they are those of a network. A backward pass
 * multiplies the derivative by dJ/da. With dJ/da = 1 that product is exact, and
 * the result is the derivative itself:
 *
 *     a     = activate(z)
 *     da/dz = activate_backward(z, a, 1)
 *
 * Programs that need many values at once give them to a network as a batch.
 */
#include <math.h>

#include "kernels/kernels.h"
#include "model/activation_choice.h"
#include "model/layout.h"

/* True if a = f(z) is defined for a single z. Softmax is a function of a whole
 * row, and what auto stands for depends on the layer. Numbers that are not in
 * the list have no name. The slope must be one that a layer may have. A
 * negative one would make `a` positive for negative z; the derivative is
 * computed from the sign of `a`, and would be wrong. */
static bool is_defined(mlp_activation f, double slope)
{
    bool is_known =
        mlp_activation_name(f) && f != MLP_ACT_AUTO && f != MLP_ACT_SOFTMAX;
    bool has_good_slope =
        !mlpi_has_slope(f) || (slope >= 0.0 && isfinite(slope));
    return is_known && has_good_slope;
}

/* Describes a layer of one neuron for a batch of one row. */
static mlpi_activation_args one_neuron(mlp_activation f, double slope)
{
    return (mlpi_activation_args){
        .f = f, .slope = mlpi_slope_in_use(f, slope), .m = 1, .n = 1};
}

double mlp_activation_value(mlp_activation f, double slope, double z)
{
    if (!is_defined(f, slope)) {
        return (double)NAN;
    }
    mlpi_activation_args neuron = one_neuron(f, slope);
    double a = 0;
    mlpi_kernels_portable_f64.activate(&neuron, &z, &a);
    return a;
}

double mlp_activation_derivative(mlp_activation f, double slope, double z)
{
    if (!is_defined(f, slope)) {
        return (double)NAN;
    }
    mlpi_activation_args neuron = one_neuron(f, slope);
    double a = mlp_activation_value(f, slope, z);
    double da = 1;
    mlpi_kernels_portable_f64.activate_backward(&neuron, &z, &a, &da);
    return da;
}
