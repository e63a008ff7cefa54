! SPDX-License-Identifier: MIT
!
! mlp.f90 - multi-layer perceptrons in Fortran: the module `mlp`, for mlp.h.
!
!   use mlp
!   implicit none
!   type(mlp_layer), target :: layers(2) = [mlp_layer(8), mlp_layer(1)]
!   real(c_double), target :: X(2, 4), Y(4), A(4)     ! a sample in each column
!   type(mlp_config) :: config
!   type(c_ptr) :: net = c_null_ptr
!   integer(c_int) :: s
!   X = reshape([0d0, 0d0, 0d0, 1d0, 1d0, 0d0, 1d0, 1d0], [2, 4])
!   Y = [0, 1, 1, 0]
!   config = mlp_config_defaults()
!   config%inputs = 2
!   config%layers = c_loc(layers)
!   config%n_layers = 2
!   config%hooks = mlp_hooks_stderr()                 ! prints what goes wrong
!   s = mlp_net_create(config, net)
!   if (s == MLP_OK) s = mlp_fit(net, mlp_cview_of(X, 2), mlp_cview_of(Y))
!   if (s == MLP_OK) s = mlp_predict(net, mlp_cview_of(X, 2), mlp_view_of(A))
!   call mlp_net_free(net)
!
! Functions, types and constants have the names of mlp.h and its chapters.
! mlp.h is the manual: it tells the shapes, the errors and the defaults. What
! differs here:
! - Networks, trainers, workspaces and histories are of type(c_ptr), and must be
!   c_null_ptr or made by this library. Each has a procedure that frees it.
! - A function that can fail returns an mlp_status as integer(c_int).
! - An argument that mlp.h allows to be NULL is optional.
! - Layers l count from 1, as in mlp.h. All other indices and class numbers, and
!   the orders of rows, count from 0, as in C: row order(i) of C is row
!   order(i) + 1 of an array in Fortran.
! - Sizes are integer(c_size_t). SIZE_MAX, which switches `patience` off, reads
!   as -1. Seeds of 2^31 and above are negative numbers here.
! - A view is made by mlp_view_of and mlp_cview_of from an array, of rank 1 or
!   2, or from a section of one; it copies nothing. Declare the array `target`:
!   the view is valid as long as the array. A stride must not be negative.
! - Texts are plain character strings; blanks at their end do not count. Texts
!   inside structs are pointers to texts that end with c_null_char.
! - mlp_net_import_ordered and its form for memory are missing.
! - A field for an array or a function takes c_loc(array) or c_funloc(function).
!   Procedures for callbacks need bind(C) and the interfaces named mlp_on_...
module mlp
  use, intrinsic :: iso_c_binding
  implicit none
  private :: cview_f32_1, view_f32_1, cview_f32_2, view_f32_2, cview_f64_1
  private :: view_f64_1, cview_f64_2, view_f64_2, cview_i32_1, view_i32_1
  private :: cview_i32_2, view_i32_2, array_f32, array_f64, mlpc_text, numbers
  private :: view_of, address, writable, sides_of

  ! -------------------------------------------------------------------------
  ! 1. Constants

  enum, bind(C) ! mlp_status
    enumerator :: MLP_OK = 0, MLP_ERR_NULL = 1, MLP_ERR_ARGUMENT = 2
    enumerator :: MLP_ERR_SHAPE = 3, MLP_ERR_DTYPE = 4, MLP_ERR_NOT_FINITE = 5
    enumerator :: MLP_ERR_LIMIT = 6, MLP_ERR_MEMORY = 7, MLP_ERR_ORDER = 8
    enumerator :: MLP_ERR_UNSUPPORTED = 9, MLP_ERR_DIVERGED = 10
    enumerator :: MLP_ERR_FORMAT = 11, MLP_ERR_IO = 12, MLP_ERR_ACCURACY = 13
  end enum

  enum, bind(C) ! mlp_dtype
    enumerator :: MLP_F32 = 0, MLP_F64 = 1, MLP_I32 = 2
  end enum

  enum, bind(C) ! mlp_activation
    enumerator :: MLP_ACT_AUTO = 0, MLP_ACT_IDENTITY = 1, MLP_ACT_SIGMOID = 2
    enumerator :: MLP_ACT_TANH = 3, MLP_ACT_RELU = 4, MLP_ACT_SOFTMAX = 5
    enumerator :: MLP_ACT_LEAKY_RELU = 6, MLP_ACT_ELU = 7, MLP_ACT_GELU = 8
    enumerator :: MLP_ACT_GELU_TANH = 9, MLP_ACT_SILU = 10
    enumerator :: MLP_ACT_SOFTPLUS = 11, MLP_ACT_EXP = 12
  end enum

  enum, bind(C) ! mlp_loss
    enumerator :: MLP_LOSS_BCE = 0, MLP_LOSS_MSE = 1, MLP_LOSS_CCE = 2
    enumerator :: MLP_LOSS_MAE = 3, MLP_LOSS_HUBER = 4
    enumerator :: MLP_LOSS_QUANTILE = 5, MLP_LOSS_POISSON = 6
    enumerator :: MLP_LOSS_GAUSSIAN_NLL = 7
  end enum

  enum, bind(C) ! mlp_weight_init
    enumerator :: MLP_INIT_AUTO = 0, MLP_INIT_HE = 1, MLP_INIT_GLOROT = 2
    enumerator :: MLP_INIT_ZEROS = 3, MLP_INIT_LECUN = 4
    enumerator :: MLP_INIT_HE_UNIFORM = 5, MLP_INIT_GLOROT_UNIFORM = 6
    enumerator :: MLP_INIT_LECUN_UNIFORM = 7, MLP_INIT_TORCH = 8
  end enum

  enum, bind(C) ! mlp_tensor
    enumerator :: MLP_W = 0, MLP_B = 1, MLP_Z = 2, MLP_A = 3, MLP_DW = 4
    enumerator :: MLP_DB = 5, MLP_DROPPED = 6, MLP_SCALE = 7, MLP_DSCALE = 8
    enumerator :: MLP_MEAN = 9, MLP_VARIANCE = 10, MLP_DX = 11
  end enum

  enum, bind(C) ! mlp_optimizer_kind
    enumerator :: MLP_OPTIMIZER_AUTO = 0, MLP_OPTIMIZER_SGD = 1
    enumerator :: MLP_OPTIMIZER_MOMENTUM = 2
    enumerator :: MLP_OPTIMIZER_TUTORIAL_MOMENTUM = 3
    enumerator :: MLP_OPTIMIZER_NESTEROV = 4, MLP_OPTIMIZER_RMSPROP = 5
    enumerator :: MLP_OPTIMIZER_ADAM = 6, MLP_OPTIMIZER_ADAMW = 7
    enumerator :: MLP_OPTIMIZER_RPROP = 8, MLP_OPTIMIZER_LBFGS = 9
  end enum

  enum, bind(C) ! mlp_schedule_kind
    enumerator :: MLP_SCHEDULE_CONSTANT = 0, MLP_SCHEDULE_INVERSE_TIME = 1
    enumerator :: MLP_SCHEDULE_STEP = 2, MLP_SCHEDULE_EXPONENTIAL = 3
    enumerator :: MLP_SCHEDULE_COSINE = 4, MLP_SCHEDULE_PLATEAU = 5
    enumerator :: MLP_SCHEDULE_CUSTOM = 6
  end enum

  ! These stand for a choice that the library makes.
  real(c_double), parameter :: MLP_AUTO = -1
  integer(c_size_t), parameter :: MLP_AUTO_COUNT = -2

  integer(c_size_t), parameter, private :: one = 1

  ! -------------------------------------------------------------------------
  ! 2. Types. Those with defaults other than 0 come from a function
  ! mlp_..._defaults.

  type, bind(C) :: mlp_cview ! a matrix in the caller's memory, to read
    integer(c_int) :: dtype = MLP_F64
    integer(c_size_t) :: rows = 0, cols = 0
    integer(c_size_t) :: row_stride = 0, col_stride = 0 ! in elements
    type(c_ptr) :: data = c_null_ptr
  end type

  type, bind(C) :: mlp_view ! a matrix in the caller's memory, to write
    integer(c_int) :: dtype = MLP_F64
    integer(c_size_t) :: rows = 0, cols = 0
    integer(c_size_t) :: row_stride = 0, col_stride = 0 ! in elements
    type(c_ptr) :: data = c_null_ptr
  end type

  type, bind(C) :: mlp_layer
    integer(c_size_t) :: width = 0
    integer(c_int) :: activation = MLP_ACT_AUTO
    real(c_double) :: slope = 0
    real(c_double) :: dropout = 0
    logical(c_bool) :: batch_norm = .false.
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_hooks
    type(c_funptr) :: allocate = c_null_funptr
    type(c_funptr) :: release = c_null_funptr
    type(c_funptr) :: log = c_null_funptr ! see mlp_on_log
    type(c_ptr) :: user = c_null_ptr
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_config
    integer(c_size_t) :: inputs
    type(c_ptr) :: layers ! c_loc of an array of mlp_layer
    integer(c_size_t) :: n_layers
    integer(c_int) :: loss
    real(c_double) :: huber_delta
    type(c_ptr) :: quantiles ! c_loc of an array of real(c_double)
    real(c_double) :: label_smoothing
    integer(c_int) :: precision, init
    integer(c_int32_t) :: seed
    real(c_double) :: batch_norm_momentum, batch_norm_epsilon
    type(c_ptr) :: kernels
    type(mlp_hooks) :: hooks
    integer(c_int64_t) :: reserved(16) = 0
  end type

  type, bind(C) :: mlp_scores
    real(c_double) :: loss, accuracy
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_epoch_progress
    integer(c_size_t) :: epoch, epochs
    real(c_double) :: loss, validation_loss, validation_accuracy
    integer(c_size_t) :: best_epoch
    real(c_double) :: rate, seconds
    type(c_ptr) :: net, trainer
    integer(c_int64_t) :: reserved(8) = 0
  end type

  type, bind(C) :: mlp_batch_progress
    integer(c_size_t) :: epoch, batch, rows
    real(c_double) :: loss, rate
    type(c_ptr) :: net
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_optimizer
    integer(c_int) :: kind
    real(c_double) :: momentum, beta1, beta2, rho, epsilon
    real(c_double) :: rprop_grow, rprop_shrink, rprop_min, rprop_max
    integer(c_size_t) :: lbfgs_history
    real(c_double) :: l2, l1, weight_decay, clip_value, clip_norm
    integer(c_int64_t) :: reserved(8) = 0
  end type

  type, bind(C) :: mlp_schedule
    integer(c_int) :: kind
    real(c_double) :: decay, factor
    integer(c_size_t) :: every, warm_up, epochs, patience
    real(c_double) :: min_delta, min_rate
    type(c_funptr) :: rate ! see mlp_on_rate
    type(c_ptr) :: user
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_train_options
    integer(c_size_t) :: epochs, batch_size
    real(c_double) :: learning_rate
    type(mlp_optimizer) :: optimizer
    type(mlp_schedule) :: schedule
    logical(c_bool) :: standardise, shuffle
    integer(c_int32_t) :: seed
    integer(c_size_t) :: threads, parts
    type(c_ptr) :: exchange ! c_loc of an mlp_exchange
    type(mlp_cview) :: row_weights
    type(c_ptr) :: class_weights ! c_loc of an array of real(c_double)
    real(c_double) :: validation_fraction
    type(mlp_cview) :: X_validation, Y_validation
    logical(c_bool) :: restore_best
    integer(c_size_t) :: patience
    real(c_double) :: min_delta
    type(c_funptr) :: on_epoch, on_batch ! see mlp_on_epoch, mlp_on_batch
    type(c_ptr) :: user
    integer(c_int64_t) :: reserved(16) = 0
  end type

  type, bind(C) :: mlp_exchange
    integer(c_size_t) :: rank, ranks
    type(c_funptr) :: sum
    type(c_ptr) :: user
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_split_options
    real(c_double) :: test_fraction
    integer(c_size_t) :: folds
    logical(c_bool) :: stratify
    integer(c_int32_t) :: seed
    type(mlp_hooks) :: hooks
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_chunk
    type(mlp_cview) :: X, Y, row_weights
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_gradient_check
    real(c_double) :: error
    integer(c_size_t) :: layer
    integer(c_int) :: tensor
    integer(c_size_t) :: row, col
    real(c_double) :: analytic, numeric
    integer(c_size_t) :: checked, skipped
    integer(c_int64_t) :: reserved(4) = 0
  end type

  type, bind(C) :: mlp_export_options
    type(c_ptr) :: prefix
    logical(c_bool) :: canonical, int8, jacobian
    type(mlp_cview) :: X, Y
    real(c_double) :: max_score_drop
    type(c_ptr) :: header_text, code_text
    integer(c_int64_t) :: reserved(8) = 0
  end type

  type, bind(C) :: mlp_export_report
    integer(c_size_t) :: constant_bytes, scratch_bytes
    integer(c_size_t) :: jacobian_scratch_bytes
    real(c_double) :: score_before, score_after
    integer(c_int64_t) :: reserved(8) = 0
  end type

  type, bind(C) :: mlp_class_scores
    real(c_double) :: precision, recall, f1
    integer(c_size_t) :: support
  end type

  type, bind(C) :: mlp_regression_scores
    real(c_double) :: mse, mae, r2
  end type

  type, bind(C) :: mlp_rng
    integer(c_int32_t) :: key(624), remaining, has_gauss
    real(c_double) :: gauss
  end type

  ! -------------------------------------------------------------------------
  ! 3. Callbacks: the interfaces of the caller's own functions. The statement
  ! procedure(mlp_on_epoch) :: f makes the compiler check the function f.

  abstract interface
    ! Is called after each epoch; .false. ends the training.
    logical(c_bool) function mlp_on_epoch(progress, user) bind(C)
      import :: c_bool, c_ptr, mlp_epoch_progress
      type(mlp_epoch_progress), intent(in) :: progress
      type(c_ptr), value :: user
    end function

    ! Is called after each batch; .false. ends the training.
    logical(c_bool) function mlp_on_batch(progress, user) bind(C)
      import :: c_bool, c_ptr, mlp_batch_progress
      type(mlp_batch_progress), intent(in) :: progress
      type(c_ptr), value :: user
    end function

    ! Returns the learning rate of an epoch of MLP_SCHEDULE_CUSTOM.
    real(c_double) function mlp_on_rate(epoch, alpha, user) bind(C)
      import :: c_double, c_size_t, c_ptr
      integer(c_size_t), value :: epoch
      real(c_double), value :: alpha
      type(c_ptr), value :: user
    end function

    ! Takes a message; mlp_text turns `message` into a character string.
    subroutine mlp_on_log(status, message, user) bind(C)
      import :: c_int, c_ptr
      integer(c_int), value :: status
      type(c_ptr), value :: message, user
    end subroutine

    ! Sets a chunk of an epoch's rows for mlp_fit_stream.
    integer(c_int) function mlp_next_chunk(epoch, number, chunk, user) bind(C)
      import :: c_int, c_size_t, c_ptr, mlp_chunk
      integer(c_size_t), value :: epoch, number
      type(mlp_chunk), intent(inout) :: chunk
      type(c_ptr), value :: user
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 4. Views of arrays

  ! mlp_view_of(X, row_dim) and mlp_cview_of(X, row_dim) return a view, writable
  ! or read-only, of an array of real(c_float), real(c_double) or
  ! integer(c_int32_t). `row_dim` is the dimension of X that counts the samples:
  ! 1 (default) for X(samples, features), 2 for X(features, samples). An array
  ! of rank 1 is one column, or one row if row_dim is 2.
  interface mlp_view_of
    module procedure view_f32_1, view_f32_2, view_f64_1, view_f64_2
    module procedure view_i32_1, view_i32_2
  end interface
  interface mlp_cview_of
    module procedure cview_f32_1, cview_f32_2, cview_f64_1, cview_f64_2
    module procedure cview_i32_1, cview_i32_2
  end interface

  ! call mlp_array_of(view, p, row_dim) makes the pointer p(:,:) point to the
  ! elements of a view, such as one of mlp_net_tensor: W(n[l], n[l-1]) with
  ! row_dim 1 (default), Z, A and dropped outputs (n[l], m) with row_dim 2. A
  ! view of other strides, or of another type than p, gives null().
  interface mlp_array_of
    module procedure array_f32, array_f64
  end interface

  interface
    ! Return a read-only view of the same elements, and one with rows and
    ! columns exchanged.
    type(mlp_cview) function mlp_view_const(view) bind(C)
      import
      type(mlp_view), value :: view
    end function
    type(mlp_cview) function mlp_cview_transpose(view) bind(C)
      import
      type(mlp_cview), value :: view
    end function

    ! Return rows, or columns, first to first + count - 1 of a view; `first`
    ! counts from 0.
    type(mlp_cview) function mlp_cview_rows(view, first, count) bind(C)
      import
      type(mlp_cview), value :: view
      integer(c_size_t), value :: first, count
    end function
    type(mlp_cview) function mlp_cview_cols(view, first, count) bind(C)
      import
      type(mlp_cview), value :: view
      integer(c_size_t), value :: first, count
    end function
    type(mlp_view) function mlp_view_rows(view, first, count) bind(C)
      import
      type(mlp_view), value :: view
      integer(c_size_t), value :: first, count
    end function
    type(mlp_view) function mlp_view_cols(view, first, count) bind(C)
      import
      type(mlp_view), value :: view
      integer(c_size_t), value :: first, count
    end function

    ! Read and write one element, whose row and column count from 0.
    real(c_double) function mlp_cview_at(view, row, col) bind(C)
      import
      type(mlp_cview), value :: view
      integer(c_size_t), value :: row, col
    end function
    logical(c_bool) function mlp_view_set(view, row, col, value) bind(C)
      import
      type(mlp_view), value :: view
      integer(c_size_t), value :: row, col
      real(c_double), value :: value
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 5. Networks

  interface
    ! Returns the version of the arithmetic: equal versions give equal bits.
    integer(c_int) function mlp_numerics() bind(C)
      import
    end function

    ! Return a = activation(z), and its derivative.
    real(c_double) function mlp_activation_value(f, slope, z) bind(C)
      import
      integer(c_int), value :: f
      real(c_double), value :: slope, z
    end function
    real(c_double) function mlp_activation_derivative(f, slope, z) bind(C)
      import
      integer(c_int), value :: f
      real(c_double), value :: slope, z
    end function

    ! Returns hooks that print each message to the standard error stream.
    type(mlp_hooks) function mlp_hooks_stderr() bind(C)
      import
    end function

    ! Returns a configuration with the defaults.
    type(mlp_config) function mlp_config_defaults() bind(C)
      import
    end function

    ! Makes a network and draws its initial weights; mlp_net_free frees it.
    integer(c_int) function mlp_net_create(config, net) bind(C)
      import
      type(mlp_config), intent(in) :: config
      type(c_ptr), intent(inout) :: net
    end function

    ! Makes a copy, and a copy with batch norm multiplied into the weights.
    integer(c_int) function mlp_net_clone(net, copy) bind(C)
      import
      type(c_ptr), value :: net
      type(c_ptr), intent(inout) :: copy
    end function
    integer(c_int) function mlp_net_fold_batch_norm(net, folded) bind(C)
      import
      type(c_ptr), value :: net
      type(c_ptr), intent(inout) :: folded
    end function

    ! Frees a network.
    subroutine mlp_net_free(net) bind(C)
      import
      type(c_ptr), value :: net
    end subroutine

    ! Draws all weights anew.
    integer(c_int) function mlp_net_initialise(net, init, seed) bind(C)
      import
      type(c_ptr), value :: net
      integer(c_int), value :: init
      integer(c_int32_t), value :: seed
    end function

    ! Describe a network: n[0], n[L], L, the number of parameters, constants,
    ! hooks.
    integer(c_size_t) function mlp_net_inputs(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_size_t) function mlp_net_outputs(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_size_t) function mlp_net_targets(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_size_t) function mlp_net_layer_count(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_size_t) function mlp_net_parameter_count(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_int) function mlp_net_precision(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_int) function mlp_net_loss(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    type(c_ptr) function mlp_net_quantiles(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    type(mlp_hooks) function mlp_net_hooks(net) bind(C)
      import
      type(c_ptr), value :: net
    end function

    ! Copies out the description of layer l, 1 to L.
    integer(c_int) function mlp_net_layer(net, l, layer) bind(C)
      import
      type(c_ptr), value :: net
      integer(c_size_t), value :: l
      type(mlp_layer), intent(inout) :: layer
    end function

    ! Give a view of MLP_W, MLP_B, MLP_SCALE, MLP_MEAN or MLP_VARIANCE of layer
    ! l. The first view reads and sets them; mlp_array_of makes a pointer of it.
    integer(c_int) function mlp_net_tensor(net, which, l, view) bind(C)
      import
      type(c_ptr), value :: net
      integer(c_int), value :: which
      integer(c_size_t), value :: l
      type(mlp_view), intent(inout) :: view
    end function
    integer(c_int) function mlp_net_ctensor(net, which, l, view) bind(C)
      import
      type(c_ptr), value :: net
      integer(c_int), value :: which
      integer(c_size_t), value :: l
      type(mlp_cview), intent(inout) :: view
    end function

    ! Give one view of all parameters. The first view reads and sets them.
    integer(c_int) function mlp_net_parameters(net, view) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_view), intent(inout) :: view
    end function
    integer(c_int) function mlp_net_cparameters(net, view) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), intent(inout) :: view
    end function

    ! Set the scaling of the inputs from the rows of X, or from means and
    ! standard deviations (both absent: no scaling); the last one copies them
    ! out.
    integer(c_int) function mlp_net_standardise(net, X) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X
    end function
    integer(c_int) function mlp_net_set_scaling(net, mean, std) bind(C)
      import
      type(c_ptr), value :: net
      real(c_double), intent(in), optional :: mean(*), std(*)
    end function
    integer(c_int) function mlp_net_scaling(net, mean, std) bind(C)
      import
      type(c_ptr), value :: net
      real(c_double), intent(inout) :: mean(*), std(*)
    end function

    ! Do the same for the targets of a regression.
    integer(c_int) function mlp_net_standardise_targets(net, Y) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: Y
    end function
    integer(c_int) function mlp_net_set_target_scaling(net, mean, std) bind(C)
      import
      type(c_ptr), value :: net
      real(c_double), intent(in), optional :: mean(*), std(*)
    end function
    integer(c_int) function mlp_net_target_scaling(net, mean, std) bind(C)
      import
      type(c_ptr), value :: net
      real(c_double), intent(inout) :: mean(*), std(*)
    end function
    integer(c_int) function mlp_net_output_scaling(net, mean, std) bind(C)
      import
      type(c_ptr), value :: net
      real(c_double), intent(inout) :: mean(*), std(*)
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 6. Predicting

  interface
    ! Computes the outputs A of the rows X.
    integer(c_int) function mlp_predict(net, X, A) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X
      type(mlp_view), value :: A
    end function

    ! Computes the classes of the rows X, from 0.
    integer(c_int) function mlp_classify(net, X, threshold, labels) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X
      real(c_double), value :: threshold
      type(mlp_view), value :: labels
    end function

    ! Scores the outputs of X against the targets Y.
    integer(c_int) function mlp_evaluate(net, X, Y, scores) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X, Y
      type(mlp_scores), intent(inout) :: scores
    end function

    ! Make and free scratch memory for mlp_predict_with, and set its threads.
    integer(c_int) function mlp_workspace_create(net, workspace) bind(C)
      import
      type(c_ptr), value :: net
      type(c_ptr), intent(inout) :: workspace
    end function
    subroutine mlp_workspace_free(workspace) bind(C)
      import
      type(c_ptr), value :: workspace
    end subroutine
    integer(c_int) function mlp_workspace_set_threads(workspace, threads) &
        bind(C)
      import
      type(c_ptr), value :: workspace
      integer(c_size_t), value :: threads
    end function

    ! Computes the outputs A of the rows X without allocating.
    integer(c_int) function mlp_predict_with(net, workspace, X, A) bind(C)
      import
      type(c_ptr), value :: net, workspace
      type(mlp_cview), value :: X
      type(mlp_view), value :: A
    end function

    ! Computes the Jacobian: the derivatives of the outputs with respect to x.
    integer(c_int) function mlp_jacobian(net, workspace, x, dA_dx) bind(C)
      import
      type(c_ptr), value :: net, workspace
      type(mlp_cview), value :: x
      type(mlp_view), value :: dA_dx
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 7. Training

  interface
    ! Return an optimizer, a schedule, options of training and of splitting,
    ! each with the defaults.
    type(mlp_optimizer) function mlp_optimizer_defaults(kind) bind(C)
      import
      integer(c_int), value :: kind
    end function
    type(mlp_schedule) function mlp_schedule_defaults(kind) bind(C)
      import
      integer(c_int), value :: kind
    end function
    type(mlp_train_options) function mlp_train_defaults() bind(C)
      import
    end function
    type(mlp_split_options) function mlp_split_defaults() bind(C)
      import
    end function

    ! Returns the learning rate of an epoch in a training run of `epochs`
    ! epochs.
    real(c_double) function mlp_schedule_rate(schedule, alpha, epoch, epochs) &
        bind(C)
      import
      type(mlp_schedule), intent(in) :: schedule
      real(c_double), value :: alpha
      integer(c_size_t), value :: epoch, epochs
    end function

    ! Tells which rows options%validation_fraction holds out.
    integer(c_int) function mlp_validation_split(net, Y, options, order, held) &
        bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: Y
      type(mlp_train_options), intent(in) :: options
      integer(c_size_t), intent(inout) :: order(*), held
    end function

    ! Split rows into training rows and test rows, or into folds.
    integer(c_int) function mlp_train_test_split(Y, options, order, test_rows) &
        bind(C)
      import
      type(mlp_cview), value :: Y
      type(mlp_split_options), intent(in), optional :: options
      integer(c_size_t), intent(inout) :: order(*), test_rows
    end function
    integer(c_int) function mlp_k_fold(Y, options, fold, order, test_rows) &
        bind(C)
      import
      type(mlp_cview), value :: Y
      type(mlp_split_options), intent(in), optional :: options
      integer(c_size_t), value :: fold
      integer(c_size_t), intent(inout) :: order(*), test_rows
    end function

    ! Copies row order(i) of `from` to row i of `to`.
    integer(c_int) function mlp_gather_rows(from, order, hooks, to) bind(C)
      import
      type(mlp_cview), value :: from
      integer(c_size_t), intent(in) :: order(*)
      type(mlp_hooks), intent(in), optional :: hooks
      type(mlp_view), value :: to
    end function

    ! Trains a network on the rows X and the targets Y. `history` receives what
    ! happened in each epoch.
    integer(c_int) function mlp_fit(net, X, Y, options, history) bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X, Y
      type(mlp_train_options), intent(in), optional :: options
      type(c_ptr), intent(inout), optional :: history
    end function

    ! Trains on rows that the caller's function brings chunk by chunk.
    integer(c_int) function mlp_fit_stream(net, next, user, options, history) &
        bind(C)
      import
      type(c_ptr), value :: net
      procedure(mlp_next_chunk) :: next
      type(c_ptr), value :: user
      type(mlp_train_options), intent(in), optional :: options
      type(c_ptr), intent(inout), optional :: history
    end function

    ! Return the number of epochs and the epoch with the lowest loss. Functions
    ! below return the numbers of each epoch.
    integer(c_size_t) function mlp_history_epochs(history) bind(C)
      import
      type(c_ptr), value :: history
    end function
    integer(c_size_t) function mlp_history_best_epoch(history) bind(C)
      import
      type(c_ptr), value :: history
    end function

    ! Frees a history.
    subroutine mlp_history_free(history) bind(C)
      import
      type(c_ptr), value :: history
    end subroutine
  end interface

  ! -------------------------------------------------------------------------
  ! 8. Training, step by step

  interface
    ! Makes a trainer of a network, for batches of at most max_rows rows.
    integer(c_int) function mlp_trainer_create(net, max_rows, trainer) bind(C)
      import
      type(c_ptr), value :: net
      integer(c_size_t), value :: max_rows
      type(c_ptr), intent(inout) :: trainer
    end function
    subroutine mlp_trainer_free(trainer) bind(C)
      import
      type(c_ptr), value :: trainer
    end subroutine
    ! Returns the network of a trainer.
    type(c_ptr) function mlp_trainer_net(trainer) bind(C)
      import
      type(c_ptr), value :: trainer
    end function

    ! Set the number of threads, the seed of dropout, and the optimizer.
    integer(c_int) function mlp_trainer_set_threads(trainer, threads) bind(C)
      import
      type(c_ptr), value :: trainer
      integer(c_size_t), value :: threads
    end function
    integer(c_int) function mlp_trainer_set_seed(trainer, seed) bind(C)
      import
      type(c_ptr), value :: trainer
      integer(c_int32_t), value :: seed
    end function
    integer(c_int) function mlp_trainer_set_optimizer(trainer, optimizer) &
        bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_optimizer), intent(in) :: optimizer
    end function

    ! Computes Z and A of all layers for the rows X.
    integer(c_int) function mlp_trainer_forward(trainer, X) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: X
    end function

    ! Computes the loss J of the last forward against Y.
    integer(c_int) function mlp_trainer_loss(trainer, Y, loss) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: Y
      real(c_double), intent(inout) :: loss
    end function

    ! Sets the weights of the last forward's rows.
    integer(c_int) function mlp_trainer_set_row_weights(trainer, weights) &
        bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: weights
    end function

    ! Computes the gradients dW and db of all layers.
    integer(c_int) function mlp_trainer_backward(trainer, Y) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: Y
    end function

    ! Backward from your own dJ/dA[L], or dJ/dZ[L].
    integer(c_int) function mlp_trainer_backward_from(trainer, dA) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: dA
    end function
    integer(c_int) function mlp_trainer_backward_from_dZ(trainer, dZ) &
        bind(C, name="mlp_trainer_backward_from_dZ")
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: dZ
    end function

    ! Changes the parameters by the gradients, with the learning rate alpha.
    integer(c_int) function mlp_trainer_update(trainer, alpha) bind(C)
      import
      type(c_ptr), value :: trainer
      real(c_double), value :: alpha
    end function

    ! Makes one whole step: forward, loss, backward and update.
    integer(c_int) function mlp_trainer_step(trainer, X, Y, alpha, loss) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: X, Y
      real(c_double), value :: alpha
      real(c_double), intent(inout), optional :: loss
    end function

    ! Train like mlp_fit and mlp_fit_stream; a second call goes on where the
    ! first one stopped.
    integer(c_int) function mlp_trainer_fit(trainer, X, Y, options, history) &
        bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_cview), value :: X, Y
      type(mlp_train_options), intent(in), optional :: options
      type(c_ptr), intent(inout), optional :: history
    end function
    integer(c_int) function mlp_trainer_fit_stream(trainer, next, user, &
        options, history) bind(C)
      import
      type(c_ptr), value :: trainer
      procedure(mlp_next_chunk) :: next
      type(c_ptr), value :: user
      type(mlp_train_options), intent(in), optional :: options
      type(c_ptr), intent(inout), optional :: history
    end function

    ! Gives a view of any tensor of layer l.
    integer(c_int) function mlp_trainer_tensor(trainer, which, l, view) bind(C)
      import
      type(c_ptr), value :: trainer
      integer(c_int), value :: which
      integer(c_size_t), value :: l
      type(mlp_view), intent(inout) :: view
    end function

    ! Gives one view of all gradients, in the order of the parameters.
    integer(c_int) function mlp_trainer_gradients(trainer, view) bind(C)
      import
      type(c_ptr), value :: trainer
      type(mlp_view), intent(inout) :: view
    end function

    ! Compares the gradients of backward with differences of the loss.
    integer(c_int) function mlp_check_gradients(net, X, Y, options, worst) &
        bind(C)
      import
      type(c_ptr), value :: net
      type(mlp_cview), value :: X, Y
      type(mlp_train_options), intent(in), optional :: options
      type(mlp_gradient_check), intent(inout) :: worst
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 9. Files in memory. Functions with paths and texts stand below.

  interface
    ! Return how many bytes a network, or a checkpoint, takes.
    integer(c_size_t) function mlp_net_save_size(net) bind(C)
      import
      type(c_ptr), value :: net
    end function
    integer(c_size_t) function mlp_trainer_save_size(trainer) bind(C)
      import
      type(c_ptr), value :: trainer
    end function

    ! Write these bytes; `bytes` is c_loc of an array of that size.
    integer(c_int) function mlp_net_save_memory(net, bytes, size) bind(C)
      import
      type(c_ptr), value :: net, bytes
      integer(c_size_t), value :: size
    end function
    integer(c_int) function mlp_trainer_save_memory(trainer, bytes, size) &
        bind(C)
      import
      type(c_ptr), value :: trainer, bytes
      integer(c_size_t), value :: size
    end function

    ! Make the network, set the parameters, or load the checkpoint that the
    ! bytes hold.
    integer(c_int) function mlp_net_load_memory(bytes, size, hooks, net) bind(C)
      import
      type(c_ptr), value :: bytes
      integer(c_size_t), value :: size
      type(mlp_hooks), intent(in), optional :: hooks
      type(c_ptr), intent(inout) :: net
    end function
    integer(c_int) function mlp_net_import_memory(net, bytes, size) bind(C)
      import
      type(c_ptr), value :: net, bytes
      integer(c_size_t), value :: size
    end function
    integer(c_int) function mlp_trainer_load_memory(trainer, bytes, size) &
        bind(C)
      import
      type(c_ptr), value :: trainer, bytes
      integer(c_size_t), value :: size
    end function

    ! Returns options of mlp_export_c with the defaults.
    type(mlp_export_options) function mlp_export_defaults() bind(C)
      import
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 10. Metrics

  interface
    ! Counts how many rows of a class were predicted as each class.
    integer(c_int) function mlp_confusion(labels, predicted, hooks, counts) &
        bind(C)
      import
      type(mlp_cview), value :: labels, predicted
      type(mlp_hooks), intent(in), optional :: hooks
      type(mlp_view), value :: counts
    end function

    ! Computes precision, recall and F1 of each class from these counts.
    integer(c_int) function mlp_score_classes(counts, hooks, each, macro, &
        accuracy) bind(C)
      import
      type(mlp_cview), value :: counts
      type(mlp_hooks), intent(in), optional :: hooks
      type(mlp_class_scores), intent(out), optional :: each(*), macro
      real(c_double), intent(inout), optional :: accuracy
    end function

    ! Compute the area under the ROC curve, and the mean of -log p.
    integer(c_int) function mlp_roc_auc(scores, labels, hooks, auc) bind(C)
      import
      type(mlp_cview), value :: scores, labels
      type(mlp_hooks), intent(in), optional :: hooks
      real(c_double), intent(inout) :: auc
    end function
    integer(c_int) function mlp_log_loss(probabilities, labels, hooks, loss) &
        bind(C)
      import
      type(mlp_cview), value :: probabilities, labels
      type(mlp_hooks), intent(in), optional :: hooks
      real(c_double), intent(inout) :: loss
    end function

    ! Computes mse, mae and r2 of each column, and their means.
    integer(c_int) function mlp_score_regression(Y, predicted, hooks, each, &
        mean) bind(C)
      import
      type(mlp_cview), value :: Y, predicted
      type(mlp_hooks), intent(in), optional :: hooks
      type(mlp_regression_scores), intent(out), optional :: each(*), mean
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 11. Random numbers

  interface
    ! Returns the state of np.random.seed(seed).
    type(mlp_rng) function mlp_rng_seeded(seed) bind(C)
      import
      integer(c_int32_t), value :: seed
    end function

    ! Return one number: uniform in [0, 1) or [low, high), standard normal,
    ! normal.
    real(c_double) function mlp_rng_random_sample(rng) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
    end function
    real(c_double) function mlp_rng_uniform(rng, low, high) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
      real(c_double), value :: low, high
    end function
    real(c_double) function mlp_rng_randn(rng) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
    end function
    real(c_double) function mlp_rng_normal(rng, mean, std) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
      real(c_double), value :: mean, std
    end function

    ! Draws an integer in [low, high).
    integer(c_int) function mlp_rng_randint(rng, low, high, value) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
      integer(c_int64_t), value :: low, high
      integer(c_int64_t), intent(inout) :: value
    end function

    ! Shuffles n items of `size` bytes; `items` is c_loc of the first one.
    integer(c_int) function mlp_rng_shuffle(rng, items, n, size) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
      type(c_ptr), value :: items
      integer(c_size_t), value :: n, size
    end function

    ! Fills order with a permutation of 0 to n - 1.
    integer(c_int) function mlp_rng_permutation(rng, n, order) bind(C)
      import
      type(mlp_rng), intent(inout) :: rng
      integer(c_size_t), value :: n
      integer(c_size_t), intent(inout) :: order(*)
    end function
  end interface

  ! -------------------------------------------------------------------------
  ! 12. Texts as C takes them. The procedures below call these.

  abstract interface
    type(c_ptr) function mlpc_name(constant) bind(C)
      import
      integer(c_int), value :: constant
    end function
    type(c_ptr) function mlpc_of(object) bind(C)
      import
      type(c_ptr), value :: object
    end function
    type(c_ptr) function mlpc_item(object, index) bind(C)
      import
      type(c_ptr), value :: object
      integer(c_size_t), value :: index
    end function
    integer(c_int) function mlpc_file(object, path) bind(C)
      import
      type(c_ptr), value :: object
      character(kind=c_char), intent(in) :: path(*)
    end function
  end interface

  procedure(mlpc_name), bind(C, name="mlp_dtype_name") :: mlpc_dtype_name
  procedure(mlpc_name), bind(C, name="mlp_activation_name") :: &
    mlpc_activation_name
  procedure(mlpc_name), bind(C, name="mlp_loss_name") :: mlpc_loss_name
  procedure(mlpc_name), bind(C, name="mlp_weight_init_name") :: &
    mlpc_weight_init_name
  procedure(mlpc_name), bind(C, name="mlp_tensor_name") :: mlpc_tensor_name
  procedure(mlpc_name), bind(C, name="mlp_optimizer_name") :: &
    mlpc_optimizer_name
  procedure(mlpc_name), bind(C, name="mlp_schedule_name") :: mlpc_schedule_name
  procedure(mlpc_name), bind(C, name="mlp_status_text") :: mlpc_status_text
  procedure(mlpc_of), bind(C, name="mlp_net_kernels") :: mlpc_net_kernels
  procedure(mlpc_of), bind(C, name="mlp_history_losses") :: mlpc_losses
  procedure(mlpc_of), bind(C, name="mlp_history_validation_losses") :: &
    mlpc_validation_losses
  procedure(mlpc_of), bind(C, name="mlp_history_validation_accuracies") :: &
    mlpc_validation_accuracies
  procedure(mlpc_of), bind(C, name="mlp_history_rates") :: mlpc_rates
  procedure(mlpc_of), bind(C, name="mlp_history_seconds") :: mlpc_seconds
  procedure(mlpc_item), bind(C, name="mlp_net_class_name") :: mlpc_class_name
  procedure(mlpc_item), bind(C, name="mlp_net_metadata_key") :: &
    mlpc_metadata_key
  procedure(mlpc_file), bind(C, name="mlp_net_save") :: mlpc_net_save
  procedure(mlpc_file), bind(C, name="mlp_net_import") :: mlpc_net_import
  procedure(mlpc_file), bind(C, name="mlp_trainer_save") :: mlpc_trainer_save
  procedure(mlpc_file), bind(C, name="mlp_trainer_load") :: mlpc_trainer_load

  interface
    type(c_ptr) function mlpc_version() bind(C, name="mlp_version")
      import
    end function
    type(c_ptr) function mlpc_kernels(index) bind(C, name="mlp_kernels")
      import
      integer(c_size_t), value :: index
    end function
    type(c_ptr) function mlpc_metadata(net, key) &
        bind(C, name="mlp_net_metadata")
      import
      type(c_ptr), value :: net
      character(kind=c_char), intent(in) :: key(*)
    end function
    integer(c_int) function mlpc_set_metadata(net, key, value) &
        bind(C, name="mlp_net_set_metadata")
      import
      type(c_ptr), value :: net
      character(kind=c_char), intent(in) :: key(*)
      character(kind=c_char), intent(in), optional :: value(*)
    end function
    integer(c_int) function mlpc_set_class_names(net, names, n) &
        bind(C, name="mlp_net_set_class_names")
      import
      type(c_ptr), value :: net
      type(c_ptr), intent(in) :: names(*)
      integer(c_size_t), value :: n
    end function
    integer(c_int) function mlpc_net_load(path, hooks, net) &
        bind(C, name="mlp_net_load")
      import
      character(kind=c_char), intent(in) :: path(*)
      type(mlp_hooks), intent(in), optional :: hooks
      type(c_ptr), intent(inout) :: net
    end function
    integer(c_int) function mlpc_export_c(net, path, options, report) &
        bind(C, name="mlp_export_c")
      import
      type(c_ptr), value :: net
      character(kind=c_char), intent(in) :: path(*)
      type(mlp_export_options), intent(in), optional :: options
      type(mlp_export_report), intent(inout), optional :: report
    end function
    integer(c_size_t) function mlpc_strlen(text) bind(C, name="strlen")
      import
      type(c_ptr), value :: text
    end function
  end interface

contains

  ! -------------------------------------------------------------------------
  ! 13. Texts

  ! Returns the characters of a text of C; "" for a null pointer.
  function mlp_text(at) result(text)
    type(c_ptr), intent(in) :: at
    character(:), allocatable :: text
    character(kind=c_char), pointer :: characters(:)
    integer(c_size_t) :: i
    if (.not. c_associated(at)) then
      text = ""
      return
    end if
    call c_f_pointer(at, characters, [mlpc_strlen(at)])
    allocate (character(size(characters)) :: text)
    do i = 1, size(characters, kind=c_size_t)
      text(i:i) = characters(i)
    end do
  end function

  ! Returns a text as C takes it: without blanks at its end, and with a null
  ! character.
  pure function mlpc_text(text) result(copy)
    character(*), intent(in) :: text
    character(:, c_char), allocatable :: copy
    copy = trim(text)//c_null_char
  end function

  ! Return the version of the library, and the text of a status.
  function mlp_version() result(text)
    character(:), allocatable :: text
    text = mlp_text(mlpc_version())
  end function

  function mlp_status_text(status) result(text)
    integer(c_int), intent(in) :: status
    character(:), allocatable :: text
    text = mlp_text(mlpc_status_text(status))
  end function

  ! Return the name of a constant; "" for any other number.
  function mlp_dtype_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_dtype_name(constant))
  end function

  function mlp_activation_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_activation_name(constant))
  end function

  function mlp_loss_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_loss_name(constant))
  end function

  function mlp_weight_init_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_weight_init_name(constant))
  end function

  function mlp_tensor_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_tensor_name(constant))
  end function

  function mlp_optimizer_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_optimizer_name(constant))
  end function

  function mlp_schedule_name(constant) result(text)
    integer(c_int), intent(in) :: constant
    character(:), allocatable :: text
    text = mlp_text(mlpc_schedule_name(constant))
  end function

  ! Return the name of the index-th kernels of this machine, from 0, and the
  ! name of those of a network.
  function mlp_kernels(index) result(text)
    integer(c_size_t), intent(in) :: index
    character(:), allocatable :: text
    text = mlp_text(mlpc_kernels(index))
  end function

  function mlp_net_kernels(net) result(text)
    type(c_ptr), intent(in) :: net
    character(:), allocatable :: text
    text = mlp_text(mlpc_net_kernels(net))
  end function

  ! Sets the names of the classes, in their order; an empty array removes them.
  integer(c_int) function mlp_net_set_class_names(net, names) result(status)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: names(:)
    character(len(names) + 1, c_char), target :: texts(size(names) + 1)
    type(c_ptr) :: at(size(names) + 1)
    integer :: i
    do i = 1, size(names)
      texts(i) = mlpc_text(names(i))
      at(i) = c_loc(texts(i))
    end do
    status = mlpc_set_class_names(net, at, size(names, kind=c_size_t))
  end function

  ! Returns the name of a class, from 0; "" if there is none.
  function mlp_net_class_name(net, index) result(text)
    type(c_ptr), intent(in) :: net
    integer(c_size_t), intent(in) :: index
    character(:), allocatable :: text
    text = mlp_text(mlpc_class_name(net, index))
  end function

  ! Sets a text that travels with the network under a key; without a value,
  ! removes the key.
  integer(c_int) function mlp_net_set_metadata(net, key, value) result(status)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: key
    character(*), intent(in), optional :: value
    if (present(value)) then
      status = mlpc_set_metadata(net, mlpc_text(key), mlpc_text(value))
    else
      status = mlpc_set_metadata(net, mlpc_text(key))
    end if
  end function

  ! Return the text of a key, and the index-th key, from 0; "" if there is none.
  function mlp_net_metadata(net, key) result(text)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: key
    character(:), allocatable :: text
    text = mlp_text(mlpc_metadata(net, mlpc_text(key)))
  end function

  function mlp_net_metadata_key(net, index) result(text)
    type(c_ptr), intent(in) :: net
    integer(c_size_t), intent(in) :: index
    character(:), allocatable :: text
    text = mlp_text(mlpc_metadata_key(net, index))
  end function

  ! -------------------------------------------------------------------------
  ! 14. Files

  ! Saves a network to a file.
  integer(c_int) function mlp_net_save(net, path) result(status)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: path
    status = mlpc_net_save(net, mlpc_text(path))
  end function

  ! Makes the network that was saved; mlp_net_free frees it.
  integer(c_int) function mlp_net_load(path, hooks, net) result(status)
    character(*), intent(in) :: path
    type(mlp_hooks), intent(in), optional :: hooks
    type(c_ptr), intent(inout) :: net
    status = mlpc_net_load(mlpc_text(path), hooks, net)
  end function

  ! Sets a network's parameters to those in a safetensors file.
  integer(c_int) function mlp_net_import(net, path) result(status)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: path
    status = mlpc_net_import(net, mlpc_text(path))
  end function

  ! Save and load a checkpoint, from which training resumes.
  integer(c_int) function mlp_trainer_save(trainer, path) result(status)
    type(c_ptr), intent(in) :: trainer
    character(*), intent(in) :: path
    status = mlpc_trainer_save(trainer, mlpc_text(path))
  end function

  integer(c_int) function mlp_trainer_load(trainer, path) result(status)
    type(c_ptr), intent(in) :: trainer
    character(*), intent(in) :: path
    status = mlpc_trainer_load(trainer, mlpc_text(path))
  end function

  ! Writes a network as C code.
  integer(c_int) function mlp_export_c(net, path, options, report) &
      result(status)
    type(c_ptr), intent(in) :: net
    character(*), intent(in) :: path
    type(mlp_export_options), intent(in), optional :: options
    type(mlp_export_report), intent(inout), optional :: report
    status = mlpc_export_c(net, mlpc_text(path), options, report)
  end function

  ! -------------------------------------------------------------------------
  ! 15. Histories. Each function returns a number for each epoch; the array is
  ! valid until the history is freed.

  function mlp_history_losses(history) result(losses)
    type(c_ptr), intent(in) :: history
    real(c_double), pointer :: losses(:)
    losses => numbers(mlpc_losses(history), history)
  end function

  function mlp_history_validation_losses(history) result(losses)
    type(c_ptr), intent(in) :: history
    real(c_double), pointer :: losses(:)
    losses => numbers(mlpc_validation_losses(history), history)
  end function

  function mlp_history_validation_accuracies(history) result(accuracies)
    type(c_ptr), intent(in) :: history
    real(c_double), pointer :: accuracies(:)
    accuracies => numbers(mlpc_validation_accuracies(history), history)
  end function

  function mlp_history_rates(history) result(rates)
    type(c_ptr), intent(in) :: history
    real(c_double), pointer :: rates(:)
    rates => numbers(mlpc_rates(history), history)
  end function

  function mlp_history_seconds(history) result(seconds)
    type(c_ptr), intent(in) :: history
    real(c_double), pointer :: seconds(:)
    seconds => numbers(mlpc_seconds(history), history)
  end function

  function numbers(at, history)
    type(c_ptr), intent(in) :: at, history
    real(c_double), pointer :: numbers(:)
    call c_f_pointer(at, numbers, [mlp_history_epochs(history)])
  end function

  ! -------------------------------------------------------------------------
  ! 16. Views of arrays. The strides of a section are the distances of its
  ! elements in memory.

  ! Makes a view of an array of n(1) x n(2) elements, each of some bytes. at
  ! holds the places of the first element and of its neighbours in both
  ! dimensions. Without a neighbour, the stride is that of a dense array.
  pure function view_of(dtype, bytes, n, at, row_dim) result(view)
    integer(c_int), intent(in) :: dtype
    integer, intent(in) :: bytes
    integer(c_size_t), intent(in) :: n(2)
    type(c_ptr), intent(in) :: at(3)
    integer, intent(in), optional :: row_dim
    type(mlp_cview) :: view
    integer(c_size_t) :: stride(2)
    stride = [one, max(n(1), one)]
    if (n(1) > 1) stride = (address(at(2)) - address(at(1))) / bytes * stride
    if (n(2) > 1) stride(2) = (address(at(3)) - address(at(1))) / bytes
    view = mlp_cview(dtype, n(1), n(2), stride(1), stride(2), at(1))
    if (present(row_dim)) then
      if (row_dim == 2) then
        view = mlp_cview(dtype, n(2), n(1), stride(2), stride(1), at(1))
      end if
    end if
  end function

  pure integer(c_size_t) function address(at)
    type(c_ptr), intent(in) :: at
    address = transfer(at, address)
  end function

  pure type(mlp_view) function writable(view)
    type(mlp_cview), intent(in) :: view
    writable = mlp_view(view%dtype, view%rows, view%cols, view%row_stride, &
                        view%col_stride, view%data)
  end function

  type(mlp_cview) function cview_f32_1(X, row_dim) result(view)
    real(c_float), intent(in), target :: X(:)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) at = [c_loc(X(1)), c_loc(X(min(2, size(X)))), c_null_ptr]
    view = view_of(MLP_F32, 4, [size(X, kind=c_size_t), one], at, row_dim)
  end function

  type(mlp_view) function view_f32_1(X, row_dim) result(view)
    real(c_float), intent(inout), target :: X(:)
    integer, intent(in), optional :: row_dim
    view = writable(cview_f32_1(X, row_dim))
  end function

  type(mlp_cview) function cview_f32_2(X, row_dim) result(view)
    real(c_float), intent(in), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) then
      at = [c_loc(X(1, 1)), c_loc(X(min(2, size(X, 1)), 1)), &
            c_loc(X(1, min(2, size(X, 2))))]
    end if
    view = view_of(MLP_F32, 4, shape(X, c_size_t), at, row_dim)
  end function

  type(mlp_view) function view_f32_2(X, row_dim) result(view)
    real(c_float), intent(inout), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    view = writable(cview_f32_2(X, row_dim))
  end function

  type(mlp_cview) function cview_f64_1(X, row_dim) result(view)
    real(c_double), intent(in), target :: X(:)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) at = [c_loc(X(1)), c_loc(X(min(2, size(X)))), c_null_ptr]
    view = view_of(MLP_F64, 8, [size(X, kind=c_size_t), one], at, row_dim)
  end function

  type(mlp_view) function view_f64_1(X, row_dim) result(view)
    real(c_double), intent(inout), target :: X(:)
    integer, intent(in), optional :: row_dim
    view = writable(cview_f64_1(X, row_dim))
  end function

  type(mlp_cview) function cview_f64_2(X, row_dim) result(view)
    real(c_double), intent(in), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) then
      at = [c_loc(X(1, 1)), c_loc(X(min(2, size(X, 1)), 1)), &
            c_loc(X(1, min(2, size(X, 2))))]
    end if
    view = view_of(MLP_F64, 8, shape(X, c_size_t), at, row_dim)
  end function

  type(mlp_view) function view_f64_2(X, row_dim) result(view)
    real(c_double), intent(inout), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    view = writable(cview_f64_2(X, row_dim))
  end function

  type(mlp_cview) function cview_i32_1(X, row_dim) result(view)
    integer(c_int32_t), intent(in), target :: X(:)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) at = [c_loc(X(1)), c_loc(X(min(2, size(X)))), c_null_ptr]
    view = view_of(MLP_I32, 4, [size(X, kind=c_size_t), one], at, row_dim)
  end function

  type(mlp_view) function view_i32_1(X, row_dim) result(view)
    integer(c_int32_t), intent(inout), target :: X(:)
    integer, intent(in), optional :: row_dim
    view = writable(cview_i32_1(X, row_dim))
  end function

  type(mlp_cview) function cview_i32_2(X, row_dim) result(view)
    integer(c_int32_t), intent(in), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    type(c_ptr) :: at(3)
    at = c_null_ptr
    if (size(X) > 0) then
      at = [c_loc(X(1, 1)), c_loc(X(min(2, size(X, 1)), 1)), &
            c_loc(X(1, min(2, size(X, 2))))]
    end if
    view = view_of(MLP_I32, 4, shape(X, c_size_t), at, row_dim)
  end function

  type(mlp_view) function view_i32_2(X, row_dim) result(view)
    integer(c_int32_t), intent(inout), target :: X(:, :)
    integer, intent(in), optional :: row_dim
    view = writable(cview_i32_2(X, row_dim))
  end function

  ! Returns how many elements a view has in the first dimension of an array, how
  ! far apart its columns are, and how many there are; zeros if no array of this
  ! type has the view's strides.
  pure function sides_of(view, dtype, row_dim) result(sides)
    type(mlp_view), intent(in) :: view
    integer(c_int), intent(in) :: dtype
    integer, intent(in), optional :: row_dim
    integer(c_size_t) :: sides(3), stride
    stride = view%row_stride
    sides = [view%rows, view%col_stride, view%cols]
    if (present(row_dim)) then
      if (row_dim == 2) then
        stride = view%col_stride
        sides = [view%cols, view%row_stride, view%rows]
      end if
    end if
    if (sides(3) <= 1) sides(2) = sides(1)
    if (sides(1) > 1 .and. stride /= 1) sides = 0
    if (sides(2) < sides(1) .or. view%dtype /= dtype) sides = 0
  end function

  subroutine array_f32(view, p, row_dim)
    type(mlp_view), intent(in) :: view
    real(c_float), pointer, intent(out) :: p(:, :)
    integer, intent(in), optional :: row_dim
    integer(c_size_t) :: sides(3)
    sides = sides_of(view, MLP_F32, row_dim)
    p => null()
    if (sides(1) > 0) then
      call c_f_pointer(view%data, p, sides(2:3))
      p => p(:sides(1), :)
    end if
  end subroutine

  subroutine array_f64(view, p, row_dim)
    type(mlp_view), intent(in) :: view
    real(c_double), pointer, intent(out) :: p(:, :)
    integer, intent(in), optional :: row_dim
    integer(c_size_t) :: sides(3)
    sides = sides_of(view, MLP_F64, row_dim)
    p => null()
    if (sides(1) > 0) then
      call c_f_pointer(view%data, p, sides(2:3))
      p => p(:sides(1), :)
    end if
  end subroutine

end module mlp
