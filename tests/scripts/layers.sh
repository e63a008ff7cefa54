# SPDX-License-Identifier: MIT
#
# The structure of src/ is a graph without cycles. A file includes, besides its
# own header, mlp.h and the system's, only headers of files above it in this
# table, which goes from the ground up. Files on one line do not know each other.
# Of foreign/ and onnx/, libraries of their own, they are files of there, and of
# the ground.

. "$(dirname "$0")/common.sh"

table='
report
memory
sort
disk
clock
bytes hexfloat
json
texts container
view
team
status names
ops
ops/plain ops/lent
ops/vec_portable ops/vec_avx2 ops/vec_avx512 ops/vec_neon
ops/loop_tmpl
ops/math_tmpl
ops/update_tmpl ops/small_tmpl ops/pack_tmpl
ops/tile_tmpl
ops/gemm_tmpl ops/sums_tmpl
ops/softmax_tmpl ops/rectifier_tmpl
ops/activation_tmpl ops/loss_tmpl ops/dropout_tmpl ops/batch_norm_tmpl ops/convert_tmpl
ops/update_rest_tmpl ops/loss_other_tmpl
ops/penalty_tmpl
ops/row_tmpl
ops/ops_tmpl
ops/plain_tmpl
ops/ops_portable_f32 ops/ops_avx2_f32 ops/ops_avx512_f32 ops/ops_neon_f32
ops/ops_portable_f64 ops/ops_avx2_f64 ops/ops_avx512_f64 ops/ops_neon_f64
rng
lbfgs
metrics
schedule
course
history
history_read
layout
init
net
net_copy net_tensors net_data
scaling notes fold
description
model_file
model_write model_read import
batch_norm dropout
snapshot
split
foretell
weights
loss
pass
plan
workspace
predict
kept_workspace classify evaluate
optimizer
penalty
descent
shares
step
step_parts lbfgs_step
trainer steps
state
trainer_file
loop
rows
fit pieces
gradient_check
foreign/scan
foreign/load
foreign/fann foreign/genann
export/plain export/canonical export/net export/int8
export_text
export_pieces
quantise
export
export_real export_int8
export_c
onnx/arena onnx/model
onnx/graph_writer
onnx/save
onnx/wire onnx/constant
onnx/graph_reader
onnx/gate
onnx/chain
onnx/load
'

cd "$source"

find src -name '*.[ch]' | sort | tr '\n' '\0' | xargs -0 awk -v table="$table" '
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad = 1
    }
    BEGIN {
        lines = split(table, line, "\n")
        for (i = 1; i <= lines; i++) {
            files = split(line[i], file, " ")
            for (j = 1; j <= files; j++) {
                level[file[j]] = i
            }
        }
    }
    FNR == 1 {
        me = FILENAME
        sub(/^src\//, "", me)
        sub(/\.[ch]$/, "", me)
        if (!level[me]) {
            complain("is not in the table of layers")
        }
    }
    # Names are relative to src/, or to src/ops/ from a file in there.
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\"")
        other = quoted[2]
        sub(/\.h$/, "", other)
        if (me ~ /^ops\// && !sub(/^\.\.\//, "", other) && other != "mlp") {
            other = "ops/" other
        }
        library = me ~ /^(foreign|onnx)\// ? substr(me, 1, index(me, "/")) : ""
        if (other == "mlp" || other "/" == "mlp_" library || other == me) {
            next
        }
        if (!level[other]) {
            complain("includes " other ", which is not in the table of layers")
        } else if (level[other] >= level[me]) {
            complain("includes " other ", which is not below it")
        } else if (library && index(other, library) != 1 &&
                   level[other] > level["json"]) {
            complain("includes " other ", which is not of the ground")
        }
    }
    # What a compiler or a build defines; __cplusplus is the public header only.
    /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)/ &&
    /[^A-Za-z0-9_](_[_A-Z]|MLPI_HAVE_)/ &&
    FILENAME !~ /(\/ops\.c|\/vec_[a-z0-9_]*\.h|\/memory\.c)$/ {
        complain("asks about a compiler or a CPU")
    }
    END { exit bad }' || fail "src/ must keep its layers"

# Sizes. A body is what stands between braces in the first column, which the
# test `format` makes certain.
find include src examples -name '*.[ch]' | sort | tr '\n' '\0' | xargs -0 awk '
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad = 1
    }
    FNR == 1 { opened = 0 }
    /^\{/ { opened = FNR }
    /^\}/ && opened {
        if (FNR - opened - 1 > 80) {
            complain("a function of " (FNR - opened - 1) " lines")
        }
        opened = 0
    }
    # The public header is the manual: all of it in one file.
    FNR == (FILENAME == "include/mlp.h" ? 1201 : 601) {
        complain("the file is longer than " FNR - 1 " lines")
    }
    END { exit bad }' || fail "functions have at most 80 lines, files 600, mlp.h 1200"
