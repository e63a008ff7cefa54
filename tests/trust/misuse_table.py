# SPDX-License-Identifier: MIT
"""What misuse.py must know beside the headers: valid arguments, and which bad
values a function takes.

A case is named "<function>: <parameter>[.<field>] = <value>". Patterns are those
of fnmatch.
"""

# Valid arguments, in the words of misuse.h. The most precise key is taken:
# "function.parameter", then "type parameter", then "type".
VALID = {
    # Objects.
    "const mlp_net *": "w->net", "mlp_net *": "w->net",
    "const mlp_trainer *": "w->trainer", "mlp_trainer *": "w->trainer",
    "mlp_workspace *": "w->workspace", "const mlp_history *": "w->history",
    "mlp_rng *": "&w->rng", "const mlp_hooks *": "w->hooks",
    "const mlp_data *": "w->data", "const mlp_data_recipe *": "w->recipe",
    "mlp_picture *": "w->picture", "const mlp_picture *": "w->picture",
    "mlp_net_free.net": "w->other_net",
    "mlp_trainer_free.trainer": "w->other_trainer",
    "mlp_workspace_free.workspace": "w->other_workspace",
    "mlp_history_free.history": "w->other_history",
    "mlp_data_free.data": "w->other_data",
    "mlp_data_recipe_free.recipe": "w->other_recipe",
    "mlp_picture_free.picture": "w->other_picture",
    "mlp_net_set_target_scaling.net": "w->line",
    "mlp_net_standardise_targets.net": "w->line",

    # Views.
    "mlp_cview X": "in(w, &w->X, ROWS, 2)",
    "mlp_cview Y": "in(w, &w->Y, ROWS, 2)",
    "mlp_view A": "out(w, ROWS, 2)",
    "mlp_view labels": "mlp_view_i32(w->out.labels, ROWS, 1)",
    "mlp_cview view": "in(w, &w->X, ROWS, 2)",
    "mlp_view view": "out(w, ROWS, 2)",
    "mlp_cview labels": "mlp_cview_i32(w->labels, ROWS, 1)",
    "mlp_cview predicted": "mlp_cview_i32(w->labels, ROWS, 1)",
    "mlp_cview counts": "mlp_cview_i32(w->labels, 2, 2)",
    "mlp_view counts": "mlp_view_i32(w->out.labels, 2, 2)",
    "mlp_cview scores": "in(w, &w->X, ROWS, 1)",
    "mlp_cview probabilities": "in(w, &w->Y, ROWS, 2)",
    "mlp_cview weights": "in(w, &w->weights, ROWS, 1)",
    "mlp_cview from": "in(w, &w->X, ROWS, 2)",
    "mlp_view to": "out(w, ROWS, 2)",
    "mlp_cview dA": "in(w, &w->Y, ROWS, 2)", "mlp_cview dZ": "in(w, &w->Y, ROWS, 2)",
    "mlp_cview x": "in(w, &w->X, 1, 2)", "mlp_view dA_dx": "out(w, 2, 2)",
    "mlp_cview pixels": "in(w, &w->X, ROWS, 2)",
    "mlp_net_standardise_targets.Y": "in(w, &w->X, ROWS, 1)",
    "mlp_score_regression.predicted": "in(w, &w->X, ROWS, 2)",
    "mlp_data_recipe_encode.X": "out(w, ROWS, 3)",
    "mlp_data_recipe_encode_target.Y": "mlp_view_i32(w->out.labels, ROWS, 1)",

    # Structs that are read; the case gets a copy.
    "const mlp_config *": "w->config",
    "const mlp_optimizer *": "w->optimizer",
    "const mlp_schedule *": "w->schedule",
    "const mlp_train_options *": "w->options",
    "mlp_fit_stream.options": "w->stream_options",
    "mlp_trainer_fit_stream.options": "w->stream_options",
    "mlp_mpi_fit_stream.options": "w->stream_options",
    "mlp_mpi_trainer_fit_stream.options": "w->stream_options",
    "mlp_validation_split.options": "w->plain_options",
    "const mlp_split_options *": "w->split",
    "const mlp_export_options *": "w->export",
    "const mlp_epoch_progress *": "w->progress",
    "const mlp_data_options *": "w->data_options",
    "const mlp_data_points *": "w->points",
    "const mlp_foreign_options *": "w->foreign",
    "const mlp_onnx_options *": "w->onnx",
    "const mlp_picture_options *": "w->picture_options",
    "const mlp_axes *": "w->axes", "const mlp_curve *": "w->curve",
    "const mlp_mpi_options *": "w->mpi",
    # The first element of an array that a struct points to.
    "mlp_config.layers": "w->layers[0]",

    # Outputs.
    "mlp_net **": "&w->out.net", "mlp_trainer **": "&w->out.trainer",
    "mlp_workspace **": "&w->out.workspace",
    "mlp_history **": "&w->out.history", "mlp_data **": "&w->out.data",
    "mlp_data_recipe **": "&w->out.recipe", "mlp_picture **": "&w->out.picture",
    "mlp_view *": "&w->out.view", "mlp_cview *": "&w->out.cview",
    "mlp_layer *": "&w->out.layer", "mlp_scores *": "&w->out.scores",
    "mlp_class_scores * each": "w->out.each",
    "mlp_class_scores * macro": "&w->out.macro",
    "mlp_regression_scores * each": "w->out.columns",
    "mlp_regression_scores * mean": "&w->out.average",
    "mlp_gradient_check *": "&w->out.check",
    "mlp_export_report *": "&w->report",
    "double * loss": "&w->out.loss", "double * accuracy": "&w->out.loss",
    "double * auc": "&w->out.loss", "double * mean": "w->out.mean",
    "double * std": "w->out.std", "size_t * order": "w->out.order",
    "size_t *": "&w->out.count", "int64_t *": "&w->out.drawn",
    "void * bytes": "w->out.bytes", "void * items": "w->order",

    # Numbers and texts.
    "size_t l": "1", "size_t layer": "1", "size_t n": "2", "size_t rows": "2",
    "size_t cols": "2", "size_t first": "0", "size_t count": "1",
    "size_t row": "0", "size_t col": "0", "size_t index": "0", "size_t j": "0",
    "size_t k": "0", "size_t i": "0", "size_t i0": "0", "size_t i1": "1",
    "size_t fold": "0", "size_t threads": "2", "size_t max_rows": "ROWS",
    "size_t epoch": "0", "size_t epochs": "3", "size_t n_series": "1",
    "mlp_rng_shuffle.n": "4", "mlp_rng_shuffle.size": "sizeof(size_t)",
    "mlp_rng_permutation.n": "4", "mlp_picture_curves.n": "1",
    "mlp_data_recipe_make.n": "4",
    # Columns of the table: y has an empty cell, kind has categories.
    "mlp_data_empty_cells.j": "2", "mlp_data_kind_of.j": "3",
    "mlp_data_n_categories.j": "3", "mlp_data_category.j": "3",
    "uint32_t seed": "1", "int64_t low": "0", "int64_t high": "9",
    "double low": "0", "double high": "1", "double mean": "0", "double std": "1",
    "double threshold": "0.5", "double alpha": "0.1", "double value": "0.5",
    "double slope": "0", "double z": "0.5", "double span": "1",
    "const double * mean": "w->means", "const double * std": "w->stds",
    "const double * values": "w->X.wide", "const size_t * order": "w->order",
    "const size_t * rows": "w->order", "const float * data": "w->X.narrow",
    "float * data": "w->X.narrow", "const double * data": "w->X.wide",
    "double * data": "w->out.A", "const int32_t * data": "w->labels",
    "int32_t * data": "w->labels",
    "const char *const * names": "w->names",
    "const char *const * inputs": "w->names",
    "const char *const * series": "w->names",
    "const char *const * modules": "w->modules",
    "const char * key": '"key"', "const char * value": '"value"',
    "const char * name": '"x"', "const char * target": '"kind"',
    "const char * commands": '"plot sin(x)"',
    "int root": "0", "MPI_Comm": "MPI_COMM_WORLD",
    "FILE *": "w->to", "void * user": "w",
    "mlp_next_chunk *": "some_rows",
    "mlp_show_epoch.user": "&w->line_of_progress",
    "mlp_show_progress *": "&w->line_of_progress",

    # Files.
    "mlp_net_save.path": "out_path", "mlp_trainer_save.path": "out_path",
    "mlp_onnx_save.path": "out_path", "mlp_export_c.path": "code_path",
    "mlp_picture_write.path": "script_path",
    "mlp_net_save_memory.size": "mlp_net_save_size(w->net)",
    "mlp_trainer_save_memory.size": "mlp_trainer_save_size(w->trainer)",
    "mlp_onnx_save_memory.size": "mlp_onnx_save_size(w->net)",

    # Constants.
    "mlp_status": "MLP_ERR_SHAPE", "mlp_dtype": "MLP_F64",
    "mlp_activation": "MLP_ACT_ELU", "mlp_loss": "MLP_LOSS_MSE",
    "mlp_weight_init": "MLP_INIT_HE", "mlp_tensor": "MLP_W",
    "mlp_optimizer_kind": "MLP_OPTIMIZER_ADAM",
    "mlp_schedule_kind": "MLP_SCHEDULE_STEP",
}
# The files that are read, by the beginnings of functions.
FILES = {"mlp_net_load": "model", "mlp_trainer_load": "checkpoint",
         "mlp_net_import": "tensors", "mlp_fann_load": "fann",
         "mlp_genann_load": "genann", "mlp_onnx_load": "onnx",
         "mlp_data_load": "csv"}

# Sizes of arrays, which only the caller knows: a larger number is an invalid
# pointer. They get 0 and 1 instead.
SIZES = ["*_load_memory*: size", "mlp_net_import_memory*: size",
         "mlp_net_import_*ordered: n", "mlp_net_set_class_names: n",
         "mlp_data_recipe_make: n", "mlp_picture_curves: n",
         "mlp_picture_bars: n*", "mlp_rng_shuffle: n", "*: curves.n",
         "*: options.n_categories", "*: options.n_ignored",
         "mlp_picture_image: pixels.rows"]

# Arguments that can tell a failure: their types.
SPEAKERS = {"mlp_net", "mlp_trainer", "mlp_workspace", "mlp_config", "mlp_hooks",
            "mlp_split_options", "mlp_foreign_options", "mlp_picture_options",
            "mlp_picture", "mlp_data", "mlp_data_recipe"}

SPEAKER_OF = {"mlp_data_recipe_encode": "data",
              "mlp_data_recipe_encode_target": "data"}

# Functions that write an output although they fail, as mlp.h says.
REPORTS = {"mlp_export_c"}

# What a function returns for NULL and other bad values, by its result `r` or by
# its name. Valid arguments must give another value.
HARMLESS = {
    "size_t": "r == 0", "double": "isnan(r)", "bool": "!r",
    "char": "r == '\\0'", "const char *": "!r || r[0] == '\\0'",
    "const double *": "!r", "mlp_view": "r.rows == 0",
    "mlp_cview": "r.rows == 0",
    "mlp_hooks": "!r.allocate && !r.release && !r.log && !r.user",
    "const mlp_data_column *": "!r", "const mlp_net *": "!r",
    "mlp_data_find": "r == SIZE_MAX",
    "mlp_status_text": "strcmp(r, \"unknown status\") == 0",
    # These are in ALWAYS.
    "mlp_numerics": "r == MLP_NUMERICS", "mlp_show_epoch": "r",
    "mlp_optimizer": "r.kind == kind", "mlp_schedule": "r.kind == kind",
    "mlp_rng": "r.key[0] == seed && r.has_gauss == 0",
    "mlp_show_progress": "r.to == to && !r.is_terminal",
}

# Functions that have no bad value: whatever they get, they return what HARMLESS
# says, and if that is a struct its reserved words are 0. Most return defaults
# and have no parameters. A stream of the test is never a terminal.
ALWAYS = {"mlp_numerics", "mlp_show_epoch", "mlp_config_defaults",
          "mlp_optimizer_defaults", "mlp_schedule_defaults",
          "mlp_train_defaults", "mlp_split_defaults", "mlp_export_defaults",
          "mlp_rng_seeded", "mlp_data_defaults", "mlp_foreign_defaults",
          "mlp_onnx_defaults", "mlp_picture_defaults", "mlp_mpi_defaults",
          "mlp_show_progress_on"}

# Functions whose value for the valid arguments may be that for NULL, too: a
# constant with the number 0, the first epoch, a loss without quantiles.
MAY_BE_EMPTY = {"mlp_net_precision", "mlp_net_quantiles",
                "mlp_history_best_epoch"}

# This one is no misuse: it draws on the standard output.
LEFT_OUT = ["mlp_picture_write: path = NULL"]

# Bad values that are good for some functions, or not looked at.
TAKEN = [
    # These look at a part of a view only.
    "mlp_view_*: *", "mlp_cview_*: *",
    # NULL has a meaning.
    "*: options = NULL", "*: hooks = NULL", "*: history = NULL",
    "*: user = NULL", "*: mpi = NULL", "*: axes = NULL", "*: names = NULL",
    "*: series = NULL",
    "mlp_picture_network: inputs = NULL",
    "mlp_trainer_step: loss = NULL", "mlp_export_c: report = NULL",
    "mlp_net_set_metadata: value = NULL", "mlp_score_classes: each = NULL",
    "mlp_score_classes: macro = NULL", "mlp_score_classes: accuracy = NULL",
    "mlp_score_regression: each = NULL", "mlp_score_regression: mean = NULL",
    # -1 is MLP_AUTO or a bound like others, and infinity means no clipping.
    "*: *learning_rate = -1", "*: *weight_decay = -1",
    "*: *schedule.factor = -1", "*: axes.y_m* = -1",
    "*: *clip_value = INFINITY", "*: *clip_norm = INFINITY",
    "mlp_export_c: options.max_score_drop = INFINITY",
    # A plateau has no decay.
    "*: *schedule.decay = *",
    # The function does not use these options.
    "mlp_validation_split: options.*",
    "mlp_check_gradients: options.learning_rate = *",
    "mlp_check_gradients: options.schedule.*",
    "mlp_check_gradients: options.*validation*",
    "mlp_check_gradients: options.min_delta = *",
    "mlp_k_fold: options.test_fraction = *",
    "mlp_fit_stream: options.row_weights.*",
    "mlp_trainer_fit_stream: options.row_weights.*",
    "mlp_mpi_*fit_stream: options.row_weights.*",
    "mlp_fann_load*: options.hidden = *", "mlp_fann_load*: options.output = *",
    # Several types, or numbers of columns, are right.
    "mlp_train_test_split: Y.dtype = other*", "mlp_k_fold: Y.dtype = other*",
    "mlp_train_test_split: Y.cols = *1", "mlp_k_fold: Y.cols = *1",
    "mlp_roc_auc: scores.dtype = other*",
    "mlp_score_regression: *.dtype = other*",
    "mlp_log_loss: probabilities.cols = *1",
    "mlp_log_loss: probabilities.dtype = other*", "*: *weights.dtype = other*",
    "mlp_data_recipe_encode: X.dtype = other*",
    "mlp_picture_*: X.dtype = other*", "mlp_picture_image: pixels.dtype = other*",
    "mlp_picture_image: pixels.cols = *1",
    # One row has no row_stride.
    "mlp_jacobian: x.row_stride = SIZE_MAX",
]

# Bad values that must be refused, beside those that always are. For a function
# without a status, what it returns is that for NULL.
REFUSED = [
    "mlp_validation_split: options = NULL", "mlp_onnx_load*_with: options = NULL",
    "mlp_validation_split: options.reserved*",
    "mlp_check_gradients: options.reserved*",
    "mlp_validation_split: options.validation_fraction = *N*",
    "mlp_validation_split: options.validation_fraction = -1",
    "mlp_validation_split: options.validation_fraction = 1e308",
    # Layers, elements, classes, columns.
    "mlp_*_tensor: l = *MAX*", "mlp_*_ctensor: l = *MAX*", "mlp_net_layer: l = 0",
    "mlp_net_layer: l = *MAX*", "mlp_picture_surface: l = 0",
    "mlp_picture_surface: * = *MAX*", "mlp_picture_surface: i0 = 1",
    "mlp_picture_surface: i1 = 0", "*: index = *MAX*", "mlp_data_*: j = *MAX*",
    "mlp_data_*: k = *MAX*", "mlp_data_*: i = *MAX*", "mlp_data_line: row = SIZE_MAX - 1",
    "mlp_data_record: row = SIZE_MAX - 1", "mlp_cview_at: row = *MAX*",
    "mlp_cview_at: col = *MAX*", "mlp_picture_losses: first = *MAX*",
    "mlp_k_fold: fold = *MAX*",
    "mlp_view_set: row = SIZE_MAX*", "mlp_view_set: col = SIZE_MAX*",
    "mlp_view_set: view.rows = 0", "mlp_view_set: view.cols = 0",
    "mlp_view_set: view.data = NULL", "mlp_view_set: view.dtype = (mlp_dtype)*",
    # Counts.
    "mlp_trainer_create: max_rows = 0", "mlp_trainer_create: max_rows = *MAX*",
    "*set_threads: threads = *MAX*", "mlp_*fit*: options.threads = *MAX*",
    "mlp_*fit*: *lbfgs_history = 0", "mlp_*fit*: *lbfgs_history = *MAX*",
    "mlp_trainer_set_optimizer: optimizer.lbfgs_history = 0",
    "mlp_trainer_set_optimizer: optimizer.lbfgs_history = *MAX*",
    "mlp_fit*: options.patience = 0", "mlp_trainer_fit*: options.patience = 0",
    "mlp_k_fold: options.folds = *", "mlp_net_create: config.inputs = 0",
    "mlp_net_create: config.inputs = *MAX*", "mlp_net_create: config.n_layers = *",
    "mlp_net_create: *.width = 0", "mlp_net_create: *.width = *MAX*",
    "mlp_net_create: config.layers = NULL", "mlp_net_set_class_names: n = 1",
    "mlp_net_import_*ordered: n = *", "mlp_*_save_memory: size = *",
    "mlp_net_*load_memory: size = *", "mlp_trainer_load_memory: size = *",
    "mlp_net_import_memory*: size = *", "mlp_onnx_load_memory*: size = *",
    "mlp_fann_load_memory: size = *", "mlp_genann_load_memory: size = *",
    "mlp_rng_shuffle: size = 0", "mlp_rng_shuffle: size = *MAX*",
    "mlp_rng_permutation: n = *MAX*", "mlp_rng_randint: low = INT64_MAX",
    "mlp_rng_randint: high = [!I9]*", "mlp_rng_randint: high = INT64_MIN",
    "mlp_picture_create: options.width = -1",
    "mlp_picture_create: options.width = INT_MAX",
    "mlp_picture_create: options.height = INT_MAX",
    "mlp_picture_create: options.columns = -1",
    "mlp_data_generate: points.rows = *",
    "mlp_mpi_*: mpi.parts = [0S]*", "mlp_mpi_*: *comm = MPI_COMM_NULL",
    "mlp_mpi_broadcast: root = [-I]*",
    # Numbers.
    "mlp_trainer_update: alpha = *N*", "mlp_trainer_step: alpha = *N*",
    "mlp_trainer_step: alpha = -1", "mlp_trainer_step: alpha = 0",
    "mlp_classify: threshold = NAN", "mlp_picture_surface: span = *N*",
    "mlp_picture_surface: span = -1", "mlp_picture_surface: span = 0",
    "mlp_train_test_split: options.test_fraction = 0",
    "mlp_net_create: *.dropout = 1e308", "mlp_net_create: *epsilon = 0",
    "mlp_activation_*: slope = *N*", "mlp_activation_value: f = (mlp_activation)*",
    "mlp_schedule_rate: schedule.kind = *",
    # Texts and functions.
    "mlp_net_set_metadata: * = \"\\xff\\xfe\"", "*load*: path = \"\"",
    "*load*: path = long_text", "*save: path = \"\"", "*save: path = long_text",
    "mlp_export_c: path = *", "mlp_export_c: options.prefix = \"*",
    "mlp_export_c: options.prefix = long_text", "mlp_picture_write: path = [\"l]*",
    "mlp_data_recipe_make: target = *", "*: next = NULL",
    "mlp_net_create: config.kernels = [\"l]*",
]
# Pairs of views with one number of rows, and views that need finite numbers.
for _f in ("fit", "trainer_fit", "trainer_step", "evaluate", "check_gradients",
           "mpi_fit", "mpi_trainer_fit"):
    REFUSED += [f"mlp_{_f}: {v}.rows = *+ 1" for v in "XY"]
    REFUSED += [f"mlp_{_f}: {v}.data = *{x})" for v in "XY"
                for x in ("NAN", "INFINITY")]
    REFUSED += [f"mlp_{_f}: {v}.col_stride = SIZE_MAX" for v in "XY"]
for _f, _v in (("net_standardise", "X"), ("net_standardise_targets", "Y"),
               ("roc_auc", "scores"), ("log_loss", "probabilities"),
               ("score_regression", "Y"), ("score_regression", "predicted"),
               ("trainer_set_row_weights", "weights"), ("picture_points", "X"),
               ("picture_regions", "X"), ("picture_image", "pixels"),
               ("fit", "options.row_weights"), ("fit", "options.X_validation"),
               ("fit", "options.Y_validation"), ("export_c", "options.X"),
               ("mpi_fit", "options.row_weights"),
               ("mpi_fit", "options.X_validation"),
               ("mpi_fit", "options.Y_validation")):
    REFUSED += [f"mlp_{_f}: {_v}.data = *{x})" for x in ("NAN", "INFINITY")]
for _f, _v in (("predict", "X"), ("predict", "A"), ("predict_with", "X"),
               ("predict_with", "A"), ("trainer_forward", "X"),
               ("trainer_loss", "Y"), ("trainer_backward", "Y"),
               ("gather_rows", "from"), ("gather_rows", "to"),
               ("net_standardise", "X"), ("confusion", "counts"),
               ("score_classes", "counts"), ("data_recipe_encode", "X")):
    REFUSED.append(f"mlp_{_f}: {_v}.col_stride = SIZE_MAX")
