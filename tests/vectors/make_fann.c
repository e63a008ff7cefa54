/* SPDX-License-Identifier: MIT */
/*
 * Writes networks with Debian's libfann 2.2.0, and their predictions. Run it in
 * tests/vectors:
 *
 *     gcc make_fann.c -lfann -lm -o /tmp/make_fann && /tmp/make_fann
 *
 * fann_<name>.net is the network as FANN saves it. A row of fann_<name>.txt
 * holds inputs, then the outputs that FANN predicts after it has loaded the
 * file again.
 *
 *     xor        2-3-1, trained on XOR as in FANN's own example
 *     mushrooms  20-8-2, trained on invented mushrooms: 20 bits and two
 *                classes, which a formula computes from the bits
 *     mixed      3-4-4-3 with another activation in each layer and another
 *                steepness for each neuron of a layer
 *     scaled     2-5-2 whose inputs and outputs have other units, which FANN
 *                scales
 *     steps      2-4-1 with the two stepwise sigmoids
 */
#include <fann.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct fann network;
typedef struct fann_train_data rows;

/* The linear congruential generator of Numerical Recipes. FANN's own generator
 * is seeded by the clock, so its numbers cannot be repeated. */
static double draw(double low, double high)
{
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return low + (high - low) * (state >> 8) / (1 << 24);
}

static void set_weights(network *net, double largest)
{
    unsigned n = fann_get_total_connections(net);
    struct fann_connection *c = calloc(n, sizeof *c);
    fann_get_connection_array(net, c);
    for (unsigned i = 0; i < n; i++) {
        c[i].weight = (float)draw(-largest, largest);
    }
    fann_set_weight_array(net, c, n);
    free(c);
}

static void save(network *net, const char *name, const rows *data)
{
    char path[64];
    (void)snprintf(path, sizeof path, "fann_%s.net", name);
    fann_save(net, path);
    network *again = fann_create_from_file(path);
    (void)snprintf(path, sizeof path, "fann_%s.txt", name);
    FILE *out = fopen(path, "w");
    (void)fprintf(out, "# fann_%s %u %u\n", name, data->num_data,
                  data->num_input + data->num_output);
    for (unsigned i = 0; i < data->num_data; i++) {
        float x[32];
        for (unsigned j = 0; j < data->num_input; j++) {
            x[j] = data->input[i][j];
            (void)fprintf(out, "%.9g ", x[j]);
        }
        if (again->scale_mean_in) {
            fann_scale_input(again, x);
        }
        float *y = fann_run(again, x);
        if (again->scale_mean_in) {
            fann_descale_output(again, y);
        }
        for (unsigned j = 0; j < data->num_output; j++) {
            (void)fprintf(out, "%.9g%c", y[j],
                          j + 1 < data->num_output ? ' ' : '\n');
        }
    }
    (void)fclose(out);
    fann_destroy(again);
    fann_destroy(net);
}

static void make_xor(void)
{
    network *net = fann_create_standard(3, 2, 3, 1);
    rows *data = fann_create_train(4, 2, 1);
    for (int i = 0; i < 4; i++) {
        data->input[i][0] = i / 2 ? 1.0F : -1.0F;
        data->input[i][1] = i % 2 ? 1.0F : -1.0F;
        data->output[i][0] = i == 1 || i == 2 ? 1.0F : -1.0F;
    }
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(net, FANN_SIGMOID_SYMMETRIC);
    set_weights(net, 0.5);
    fann_train_on_data(net, data, 1000, 0, 1e-4F);
    save(net, "xor", data);
    fann_destroy_train(data);
}

static void make_mushrooms(void)
{
    enum { ROWS = 120, BITS = 20 };
    network *net = fann_create_standard(3, BITS, 8, 2);
    rows *data = fann_create_train(ROWS, BITS, 2);
    for (int i = 0; i < ROWS; i++) {
        float *x = data->input[i];
        for (int j = 0; j < BITS; j++) {
            x[j] = draw(0, 1) < 0.3 ? 1.0F : 0.0F;
        }
        int poisonous =
            x[2] > 0 || (x[5] > 0 && x[11] <= 0) || x[17] + x[3] > 1;
        data->output[i][poisonous] = 1.0F;
        data->output[i][!poisonous] = 0.0F;
    }
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    set_weights(net, 0.3);
    fann_train_on_data(net, data, 300, 0, 1e-4F);
    save(net, "mushrooms", data);
    fann_destroy_train(data);
}

static rows *some_rows(unsigned n, unsigned inputs, unsigned outputs)
{
    rows *data = fann_create_train(n, inputs, outputs);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < inputs; j++) {
            data->input[i][j] = (float)draw(-2, 2);
        }
        for (unsigned j = 0; j < outputs; j++) {
            data->output[i][j] = (float)draw(-1, 1);
        }
    }
    return data;
}

static void make_mixed(void)
{
    network *net = fann_create_standard(4, 3, 4, 4, 3);
    rows *data = some_rows(12, 3, 3);
    fann_set_activation_function_layer(net, FANN_SIGMOID, 1);
    fann_set_activation_function_layer(net, FANN_SIGMOID_SYMMETRIC, 2);
    fann_set_activation_function_layer(net, FANN_LINEAR, 3);
    for (int l = 1; l <= 3; l++) {
        for (int k = 0; k < (l < 3 ? 4 : 3); k++) {
            fann_set_activation_steepness(net, 0.2F + 0.3F * (float)(k + l), l,
                                          k);
        }
    }
    set_weights(net, 1.5);
    save(net, "mixed", data);
    fann_destroy_train(data);
}

static void make_scaled(void)
{
    network *net = fann_create_standard(3, 2, 5, 2);
    rows *data = fann_create_train(40, 2, 2);
    for (int i = 0; i < 40; i++) {
        double a = draw(0, 1);
        double b = draw(0, 1);
        data->input[i][0] = (float)(300 + 50 * a);
        data->input[i][1] = (float)(b - 7);
        data->output[i][0] = (float)(20 + 5 * a * b);
        data->output[i][1] = (float)(a - b);
    }
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(net, FANN_LINEAR);
    set_weights(net, 0.5);
    fann_set_scaling_params(net, data, -1, 1.5F, -0.5F, 1);
    rows *scaled = fann_duplicate_train_data(data);
    fann_scale_train(net, scaled);
    fann_train_on_data(net, scaled, 200, 0, 1e-5F);
    save(net, "scaled", data);
    fann_destroy_train(scaled);
    fann_destroy_train(data);
}

static void make_steps(void)
{
    network *net = fann_create_standard(3, 2, 4, 1);
    rows *data = some_rows(12, 2, 1);
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC_STEPWISE);
    fann_set_activation_function_output(net, FANN_SIGMOID_STEPWISE);
    set_weights(net, 1);
    save(net, "steps", data);
    fann_destroy_train(data);
}

int main(void)
{
    make_xor();
    make_mushrooms();
    make_mixed();
    make_scaled();
    make_steps();
    return 0;
}
