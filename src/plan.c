/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "memory.h"

size_t mlpi_plan_room(const mlp_net *net)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, net->layout.L + 1, sizeof(mlpi_layer_plan));
    return measure.used;
}

/* Row `first` of a matrix of layer l. */
static void *row_of(const mlp_net *net, size_t l, void *matrix, size_t first)
{
    return mlpi_at(net->ops, matrix, first * net->layout.layer[l].width);
}

static mlpi_planned planned(const mlp_net *net, mlpi_product product)
{
    return (mlpi_planned){product, net->ops->product_way(&product)};
}

/* Is Z kept? Most derivatives show in A as well: so not where nobody else will
 * ask for it. */
static bool has_z(const mlp_net *net, const mlpi_batch *batch, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return !batch->hides_Z || l == net->layout.L ||
           mlpi_needs_z(shape->activation) || shape->batch_norm;
}

static void plan_rows(const mlp_net *net, const mlpi_batch *batch,
                      const mlpi_plan *plan, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    mlpi_layer_plan *p = &plan->layer[l];
    void *Z = has_z(net, batch, l) ? batch->Z[l] : batch->A[l];
    p->Z = row_of(net, l, Z, plan->first);
    p->A = row_of(net, l, batch->A[l], plan->first);
    p->dZ = row_of(net, l, batch->dZ[l], plan->first);
    p->how = mlpi_net_activation(net, l, plan->m);
    bool is_linear = shape->activation == MLP_ACT_IDENTITY;
    p->activates = !mlpi_has_relu(net, l) && !(is_linear && p->Z == p->A);
    p->activates_back = shape->activation != MLP_ACT_RELU;
    void *X =
        shape->batch_norm ? row_of(net, l, batch->X[l], plan->first) : p->Z;
    mlpi_forward_step forward = {
        .l = l,
        .m = plan->m,
        .A_prev = {row_of(net, l - 1, batch->D[l - 1], plan->first),
                   net->layout.layer[l - 1].width, 1},
        .Z = X,
        .A = p->A,
        .scratch = batch->scratch};
    p->forward = planned(net, mlpi_forward_product(net, &forward));
    if (l > 1) {
        const mlpi_layer_plan *before = p - 1;
        mlpi_backward_step backward = {.l = l,
                                       .m = plan->m,
                                       .dZ = p->dZ,
                                       .A_prev = before->A,
                                       .dA_prev = before->dZ,
                                       .scratch = batch->scratch};
        p->backward = planned(net, mlpi_backward_product(net, &backward));
    }
}

static void plan_inputs(const mlp_net *net, const mlpi_member *self,
                        const mlpi_batch *batch, const mlpi_plan *plan,
                        size_t l)
{
    mlpi_layer_plan *p = &plan->layer[l];
    mlpi_share(self, net->layout.layer[l - 1].width, MLPI_INPUTS_GRAIN,
               &p->first, &p->count);
    mlpi_gradient_step gradient = {.l = l,
                                   .m = batch->m,
                                   .dZ = batch->dZ[l],
                                   .A_prev = batch->D[l - 1],
                                   .first = p->first,
                                   .count = p->count,
                                   .gradients = batch->gradients,
                                   .scratch = batch->scratch};
    p->gradient = planned(net, mlpi_gradient_product(net, &gradient));
}

void mlpi_plan_make(const mlp_net *net, const mlpi_member *self,
                    const mlpi_batch *batch, mlpi_plan *plan)
{
    plan->batch = batch->m;
    plan->members = self->count;
    plan->hides_Z = batch->hides_Z;
    mlpi_share(self, batch->m, MLPI_ROWS_GRAIN, &plan->first, &plan->m);
    for (size_t l = 1; l <= net->layout.L; l++) {
        plan_rows(net, batch, plan, l);
        plan_inputs(net, self, batch, plan, l);
    }
    size_t L = net->layout.L;
    plan->outputs = (mlpi_outputs){.m = plan->m,
                                   .Z = plan->layer[L].Z,
                                   .A = plan->layer[L].A,
                                   .Y = row_of(net, L, batch->Y, plan->first)};
}
