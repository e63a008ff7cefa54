/* SPDX-License-Identifier: MIT */
/*
 * Checks of networks that were read from the ONNX files of onnx_files.h.
 */
#ifndef TESTS_ONNX_CHECKS_H
#define TESTS_ONNX_CHECKS_H

#include "support/training.h"

#include "support/onnx_files.h"

/* Reads onnx_<name>.txt. Fails if that is not possible. */
static inline foreign foreign_of(const char *name)
{
    foreign f;
    if (!read_foreign(MLP_TEST_VECTORS, name, &f)) {
        fail_msg("cannot read onnx_%s.txt", name);
    }
    return f;
}

/* Checks that the network predicts what the other software does. */
static inline void assert_predicts(const mlp_net *net, const foreign *f)
{
    mlp_dtype p = mlp_net_precision(net);
    mlp_view X = new_matrix(p, f->rows, f->inputs, f->X);
    mlp_view A = new_matrix(p, f->rows, f->outputs, NULL);
    assert_int_equal(mlp_net_inputs(net), f->inputs);
    assert_int_equal(mlp_net_outputs(net), f->outputs);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    for (size_t i = 0; i < f->rows * f->outputs; i++) {
        assert_absolute(at(A, i / f->outputs, i % f->outputs), f->A[i],
                        p == MLP_F32 ? 1e-5 : 1e-12);
    }
    free(X.data);
    free(A.data);
}

#endif
