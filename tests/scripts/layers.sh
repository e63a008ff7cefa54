# SPDX-License-Identifier: MIT
#
# The structure of src/, checked in the sources and in the objects of a build:
#
# - a folder includes and calls only the folders that its line below names;
# - the parts of formats/ do not know each other; onnx and foreign, which are
#   libraries of their own, know base and the public interface; data, mpi and show,
#   which are such too, and the program tool know only the public interface;
# - inside a folder, modules (x.h with x.c) do not depend on each other in a
#   circle;
# - a function that x.h declares is defined in x.c;
# - only kernels.c, vec_*.h, base/thread_team.c and base/host.c ask about a
#   compiler or a CPU.

. "$(dirname "$0")/common.sh"
need python3 nm

python3 "$source/tests/scripts/layers.py" "$source" "$build" <<'END' ||
base
kernels
model    base kernels
predict  base kernels model
train    base kernels model predict
formats  base kernels model predict train
data
mpi
show
tool
END
    fail "src/ must keep its layers"
