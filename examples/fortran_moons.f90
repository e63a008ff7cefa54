! SPDX-License-Identifier: MIT
!
! Fortran: a network learns to tell two moons apart, two half circles of points.
! Samples are columns of the arrays, and nothing is copied for the library.
program fortran_moons
  use mlp
  implicit none
  integer, parameter :: m = 400, m_train = 300
  real(c_double), target :: X(2, m), Y(m), A(m)
  type(mlp_layer), target :: layers(2) = [mlp_layer(16), mlp_layer(1)]
  type(mlp_config) :: config
  type(mlp_train_options) :: options
  type(mlp_scores) :: scores
  type(c_ptr) :: net = c_null_ptr
  integer, target :: every = 50
  integer :: i

  call draw_moons(X, Y)
  config = mlp_config_defaults()
  config%inputs = 2
  config%layers = c_loc(layers)
  config%n_layers = size(layers)
  config%hooks = mlp_hooks_stderr() ! prints what goes wrong
  call check(mlp_net_create(config, net))

  options = mlp_train_defaults()
  options%epochs = 200
  options%learning_rate = 0.01d0
  options%on_epoch = c_funloc(print_epoch)
  options%user = c_loc(every)
  call check(mlp_fit(net, mlp_cview_of(X(:, :m_train), row_dim=2), &
                     mlp_cview_of(Y(:m_train)), options))

  call check(mlp_evaluate(net, mlp_cview_of(X(:, m_train + 1:), row_dim=2), &
                          mlp_cview_of(Y(m_train + 1:)), scores))
  print '(a, i0, a, f6.2, a)', "Test points: ", m - m_train, ", accuracy ", &
    100 * scores%accuracy, "%"
  call check(mlp_predict(net, mlp_cview_of(X, row_dim=2), mlp_view_of(A)))
  do i = m - 2, m
    print '(a, 2f7.3, a, i2, a, f6.3)', "Point", X(:, i), ": moon", int(Y(i)), &
      ", predicted", A(i)
  end do
  print '(a, z8.8)', "Hash of the parameters: ", parameter_hash(net)
  call mlp_net_free(net)

contains

  ! Draws the points X(:, i) of the moons Y(i), in turn, with noise.
  subroutine draw_moons(X, Y)
    real(c_double), intent(out) :: X(:, :), Y(:)
    type(mlp_rng) :: rng
    real(c_double) :: angle
    integer :: i, moon
    rng = mlp_rng_seeded(42)
    do i = 1, size(Y)
      moon = mod(i, 2)
      Y(i) = moon
      angle = mlp_rng_uniform(rng, 0d0, 3.14159265358979d0)
      X(1, i) = cos(angle)
      X(2, i) = sin(angle)
      if (moon == 1) X(:, i) = [1 - X(1, i), 0.5d0 - X(2, i)]
      X(1, i) = X(1, i) + mlp_rng_normal(rng, 0d0, 0.1d0)
      X(2, i) = X(2, i) + mlp_rng_normal(rng, 0d0, 0.1d0)
    end do
  end subroutine

  ! Prints a line every so many epochs; `user` is options%user.
  logical(c_bool) function print_epoch(progress, user) bind(C)
    type(mlp_epoch_progress), intent(in) :: progress
    type(c_ptr), value :: user
    integer, pointer :: every
    call c_f_pointer(user, every)
    if (mod(progress%epoch + 1, int(every, c_size_t)) == 0) then
      print '(a, i0, a, f8.6)', "Epoch ", progress%epoch + 1, " | Loss: ", &
        progress%loss
    end if
    print_epoch = .true. ! .false. would end the training
  end function

  ! Returns the FNV-1a hash of all weights and biases, byte by byte.
  integer(c_int64_t) function parameter_hash(net) result(hash)
    type(c_ptr), intent(in) :: net
    real(c_double), pointer :: p(:, :)
    type(mlp_view) :: view
    integer(c_size_t) :: l
    integer :: which, i, j, k
    hash = int(z'811C9DC5', c_int64_t)
    do l = 1, mlp_net_layer_count(net)
      do which = MLP_W, MLP_B
        call check(mlp_net_tensor(net, which, l, view))
        call mlp_array_of(view, p)
        do j = 1, size(p, 2)
          do i = 1, size(p, 1)
            do k = 0, 56, 8
              hash = ieor(hash, ibits(transfer(p(i, j), hash), k, 8))
              hash = ibits(hash * 16777619, 0, 32)
            end do
          end do
        end do
      end do
    end do
  end function

  ! Ends the program if a call failed.
  subroutine check(status)
    integer(c_int), intent(in) :: status
    if (status /= MLP_OK) then
      print '(2a)', "stopped: ", mlp_status_text(status)
      error stop 1
    end if
  end subroutine
end program
