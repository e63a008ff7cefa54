! SPDX-License-Identifier: MIT
!
! What mlp.f90 does beyond declaring: views of arrays and sections, arrays of
! views, texts, optional arguments, callbacks. The program ends with status 1 at
! the first expectation that fails, and names it.
program views
  use mlp
  implicit none
  real(c_double), target :: X(3, 4), Y(4), A(4), back(4)
  real(c_float), target :: F(3, 4)
  integer(c_int32_t), target :: K(4)
  type(mlp_layer), target :: layers(2) = [mlp_layer(5), mlp_layer(1)]
  type(mlp_config) :: config
  type(mlp_train_options) :: options
  type(mlp_cview) :: c
  type(mlp_view) :: v
  type(c_ptr) :: net = c_null_ptr, copy = c_null_ptr, trainer = c_null_ptr
  type(c_ptr) :: workspace = c_null_ptr, history = c_null_ptr
  type(mlp_rng) :: rng
  real(c_double), pointer :: p(:, :), losses(:)
  real(c_float), pointer :: q(:, :)
  character(kind=c_char), allocatable, target :: bytes(:)
  integer, target :: calls = 0
  integer :: i, j, status
  procedure(mlp_on_log), pointer :: on_log
  procedure(mlp_on_epoch), pointer :: on_epoch
  character(:), allocatable :: path
  character(200) :: argument

  rng = mlp_rng_seeded(1)
  do j = 1, 4
    do i = 1, 3
      X(i, j) = mlp_rng_randn(rng)
    end do
    Y(j) = mod(j, 2)
  end do
  F = real(X, c_float)
  K = [7, 8, 9, 10]

  ! Both ways to read an array, and sections, whose elements are not copied.
  c = mlp_cview_of(X)
  call expect(c%rows == 3 .and. c%cols == 4, "rows are dimension 1")
  call expect(all_equal(c, X), "a view of an array")
  c = mlp_cview_of(X, row_dim=2)
  call expect(c%rows == 4 .and. c%cols == 3, "rows are dimension 2")
  call expect(all_equal(c, transpose(X)), "a view of columns as rows")
  call expect(all_equal(mlp_cview_of(X(1:3:2, 2:4:2)), X(1:3:2, 2:4:2)), &
              "a view of a section")
  call expect(all_equal(mlp_cview_of(X(2:2, :)), X(2:2, :)), "one row")
  call expect(all_equal(mlp_cview_of(X(:, 3:3), 2), transpose(X(:, 3:3))), &
              "one column")
  call expect(all_equal(mlp_cview_of(F(2:, :)), real(F(2:, :), c_double)), &
              "a view of floats")
  c = mlp_cview_of(K(2:4:2))
  call expect(c%dtype == MLP_I32 .and. c%rows == 2 .and. c%cols == 1, "ranks")
  call expect(mlp_cview_at(c, 1_c_size_t, 0_c_size_t) == 10, "integers")
  c = mlp_cview_of(X(:, 5:))
  call expect(c%cols == 0 .and. .not. c_associated(c%data), "an empty section")
  call expect(logical(mlp_view_set(mlp_view_of(X(:, 2:)), 1_c_size_t, &
                                   2_c_size_t, 6d0)), "an element is set")
  call expect(X(2, 4) == 6, "the element is the array's")

  ! Messages, and failures that leave the outputs alone.
  config = mlp_config_defaults()
  on_log => keep_message ! the compiler compares the interfaces
  config%hooks%log = c_funloc(on_log)
  config%hooks%user = c_loc(calls)
  call expect(mlp_net_create(config, net) == MLP_ERR_ARGUMENT, "no inputs")
  call expect(calls == 1 .and. .not. c_associated(net), "one message, no net")
  call expect(mlp_status_text(MLP_ERR_IO) == &
              "a file could not be read or written", "a text of a status")
  call expect(mlp_activation_name(MLP_ACT_GELU) == "gelu", "a name")
  call expect(mlp_activation_name(99) == "", "no name")
  config%inputs = 3
  config%layers = c_loc(layers)
  config%n_layers = 2
  call check(mlp_net_create(config, net))
  status = mlp_predict(net, mlp_cview_of(X(3:1:-1, :), 2), mlp_view_of(A))
  call expect(status == MLP_ERR_SHAPE, "a negative stride is refused")

  ! Training, with and without the optional arguments.
  options = mlp_train_defaults()
  options%epochs = 3
  calls = 0
  on_epoch => count_epoch
  options%on_epoch = c_funloc(on_epoch)
  options%user = c_loc(calls)
  c = mlp_cview_of(X, 2)
  call check(mlp_fit(net, c, mlp_cview_of(Y), options, history))
  call expect(calls == 3, "a call for each epoch")
  losses => mlp_history_losses(history)
  call expect(size(losses) == 3 .and. all(losses > 0), "a loss of each epoch")
  call check(mlp_fit(net, c, mlp_cview_of(Y)))
  call check(mlp_trainer_create(net, 4_c_size_t, trainer))
  call check(mlp_trainer_step(trainer, c, mlp_cview_of(Y), 0.1d0))

  ! Parameters and activations as arrays of Fortran.
  call check(mlp_net_tensor(net, MLP_W, 1_c_size_t, v))
  call mlp_array_of(v, p)
  call expect(all(shape(p) == [5, 3]), "the shape of W")
  call expect(all_equal(mlp_view_const(v), p), "W as an array")
  call mlp_array_of(v, p, row_dim=2)
  call expect(.not. associated(p), "W's rows are not contiguous")
  call mlp_array_of(mlp_view_of(X(1:3:2, :)), p)
  call expect(.not. associated(p), "nor are every other row's elements")
  call mlp_array_of(v, q)
  call expect(.not. associated(q), "doubles are no floats")
  call check(mlp_trainer_tensor(trainer, MLP_A, 1_c_size_t, v))
  call mlp_array_of(v, p, row_dim=2)
  call expect(all(shape(p) == [5, 4]), "the shape of A")
  call expect(all_equal(mlp_view_const(v), transpose(p)), "A as an array")
  call check(mlp_net_tensor(net, MLP_B, 1_c_size_t, v))
  call mlp_array_of(v, p)
  call expect(all(shape(p) == [1, 5]), "the shape of b")

  ! Texts, memory and files.
  call check(mlp_net_set_metadata(net, "model", "cubic  "))
  call expect(mlp_net_metadata(net, "model") == "cubic", "metadata")
  call expect(len(mlp_net_metadata(net, "model")) == 5, "blanks at the end")
  call expect(mlp_net_metadata_key(net, 0_c_size_t) == "model", "a key")
  call check(mlp_net_set_class_names(net, ["no ", "yes"]))
  call expect(mlp_net_class_name(net, 0_c_size_t) == "no", "a class")
  call check(mlp_predict(net, c, mlp_view_of(A)))
  allocate (bytes(mlp_net_save_size(net)))
  call check(mlp_net_save_memory(net, c_loc(bytes), size(bytes, kind=c_size_t)))
  call check(mlp_net_load_memory(c_loc(bytes), size(bytes, kind=c_size_t), &
                                 net=copy))
  call check(mlp_workspace_create(copy, workspace))
  call check(mlp_predict_with(copy, workspace, c, mlp_view_of(back)))
  call expect(all(A == back), "a network from memory predicts the same")
  call mlp_workspace_free(workspace)
  call mlp_net_free(copy)
  call get_command_argument(1, argument)
  path = trim(argument)
  call check(mlp_net_save(net, path))
  call check(mlp_net_load(argument, net=copy)) ! blanks at the end
  call check(mlp_predict(copy, c, mlp_view_of(back)))
  call expect(all(A == back), "a network from a file predicts the same")
  call check(mlp_net_set_metadata(net, "model"))
  call expect(mlp_net_metadata(net, "model") == "", "no metadata")

  deallocate (bytes, path)
  call mlp_history_free(history)
  call mlp_trainer_free(trainer)
  call mlp_net_free(copy)
  call mlp_net_free(net)

contains

  ! Tells whether a view holds these elements.
  logical function all_equal(view, elements)
    type(mlp_cview), intent(in) :: view
    real(c_double), intent(in) :: elements(:, :)
    real(c_double) :: element
    integer :: i, j
    all_equal = view%rows == size(elements, 1) .and. &
                view%cols == size(elements, 2)
    do j = 1, size(elements, 2)
      do i = 1, size(elements, 1)
        element = mlp_cview_at(view, int(i - 1, c_size_t), int(j - 1, c_size_t))
        all_equal = all_equal .and. element == elements(i, j)
      end do
    end do
  end function

  subroutine keep_message(status, message, user) bind(C)
    integer(c_int), value :: status
    type(c_ptr), value :: message, user
    integer, pointer :: calls
    character(:), allocatable :: text
    text = mlp_text(message)
    call expect(status /= MLP_OK .and. len(text) > 20, text)
    call c_f_pointer(user, calls)
    calls = calls + 1
  end subroutine

  logical(c_bool) function count_epoch(progress, user) bind(C)
    type(mlp_epoch_progress), intent(in) :: progress
    type(c_ptr), value :: user
    integer, pointer :: calls
    call c_f_pointer(user, calls)
    call expect(progress%epoch == calls, "the epoch's number")
    calls = calls + 1
    count_epoch = .true.
  end function

  subroutine expect(holds, what)
    logical, intent(in) :: holds
    character(*), intent(in) :: what
    if (.not. holds) then
      print '(2a)', "FAILED: ", what
      stop 1
    end if
  end subroutine

  subroutine check(status)
    integer(c_int), intent(in) :: status
    call expect(status == MLP_OK, mlp_status_text(status))
  end subroutine
end program
