/* SPDX-License-Identifier: MIT */
/* A place for `mlp train`, which is being written. */
#include "tool/options.h"

int mlpi_tool_train(const tool_options *options)
{
    (void)options;
    return TOOL_FAILED;
}
