/* SPDX-License-Identifier: MIT */
/* Places for the verbs that are still being written. Delete what gets a file. */
#include "tool/options.h"
#include "tool/talk.h"

static int unwritten(const tool_options *options)
{
    (void)options;
    mlpi_tool_complain("this verb is not there yet");
    return TOOL_FAILED;
}

int mlpi_tool_test(const tool_options *options)
{
    return unwritten(options);
}

int mlpi_tool_predict(const tool_options *options)
{
    return unwritten(options);
}

int mlpi_tool_info(const tool_options *options)
{
    return unwritten(options);
}

int mlpi_tool_export(const tool_options *options)
{
    return unwritten(options);
}
