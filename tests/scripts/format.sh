# SPDX-License-Identifier: MIT
#
# The tree is formatted as .clang-format says.

. "$(dirname "$0")/common.sh"
need clang-format

c_files | tr '\n' '\0' | xargs -0 clang-format --dry-run -Werror
