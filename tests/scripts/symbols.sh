# SPDX-License-Identifier: MIT
#
# The archives libmlp.a, libmlp_data.a, libmlp_foreign.a and, where they are
# built, libmlp_mpi.a, libmlp_onnx.a and libmlp_show.a define only names that begin with mlp_ or mlpi_, hold no writable data, and
# call only the host functions listed below. None of these prints, ends the
# program or keeps a state of its own; only log_stderr.c, the hooks that print
# because the program asked for them, writes to the standard error stream. fma and sqrt are the only functions of
# libm, because IEEE 754 defines every bit of their results.

. "$(dirname "$0")/common.sh"
need nm objdump

taken='malloc free memcpy memmove memset memcmp memchr strchr strrchr strcmp
    strncmp strlen vsnprintf snprintf __xpg_strerror_r __errno_location open open64 close
    lseek lseek64 read write fsync fchmod fchown fstat fstat64 stat stat64 lstat lstat64
    rename link readlink unlink mmap munmap madvise
    fma fmaf sqrt sqrtf __cpu_model __cpu_indicator_init __assert_fail
    __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    pthread_create pthread_join pthread_sigmask sigfillset sigemptyset
    sigaddset sigismember sigpending sigwait pthread_mutex_init
    pthread_mutex_destroy pthread_mutex_lock pthread_mutex_unlock
    pthread_cond_init pthread_cond_destroy pthread_cond_wait
    pthread_cond_broadcast pthread_setcancelstate pthread_testcancel clock_gettime getpid sysconf sched_getaffinity sched_yield __sched_cpucount'
# What log_stderr.c may call besides: some compilers make fprintf of a constant
# format to another of these functions.
printing='stderr fprintf __fprintf_chk fputs fputc fwrite'
onnx_taken="$taken protobuf_c_message_get_packed_size protobuf_c_message_pack
    protobuf_c_message_pack_to_buffer protobuf_c_message_unpack
    protobuf_c_message_free_unpacked protobuf_c_message_descriptor_get_field"

# strtod reads what an exact formula cannot decide, from text without a decimal
# point, so that the locale does not matter. Files are read as streams, and the
# path "-" as stdin. qsort sorts categories.
data_taken="$taken strtod strstr strspn strcspn fopen fopen64 fread fclose
    fseek ftell clearerr ferror stdin qsort inflate inflateEnd
    inflateInit2_ inflateReset"

# Tables are written to the caller's stream, and a picture that has no file to
# standard output. gnuplot is another process.
show_taken="$taken fwrite fputs fputc fprintf __fprintf_chk fflush ferror fclose
    fopen fopen64 fdopen fileno tmpfile tmpfile64 stdout strtod
    strspn strcspn strstr strncasecmp getenv isatty ioctl pread pread64 waitpid
    environ posix_spawnp posix_spawn_file_actions_init
    posix_spawn_file_actions_adddup2 posix_spawn_file_actions_destroy
    floor ceil fmod fmin fmax"

# Some of MPI's constants are objects, with names of Open MPI.
mpi_taken='MPI_Allgather MPI_Allreduce MPI_Alltoallv MPI_Bcast MPI_Comm_dup
    MPI_Comm_free MPI_Comm_rank MPI_Comm_set_errhandler MPI_Comm_size
    MPI_Error_string MPI_Finalized MPI_Initialized MPI_Sendrecv MPI_Type_commit
    MPI_Type_contiguous MPI_Type_free ompi_mpi_byte ompi_mpi_comm_null
    ompi_mpi_comm_world ompi_mpi_datatype_null ompi_mpi_double
    ompi_mpi_errors_return ompi_mpi_float ompi_mpi_int ompi_mpi_op_min
    ompi_mpi_uint64_t'

# look <archive> <what it may take>
look() {
    nm -g --defined-only "$1" | awk 'NF == 3 && $3 !~ /^mlpi?_/ {
            print "defined: " $3
            bad = 1
        }
        END { exit bad }' || fail "global names must begin with mlp_ or mlpi_"

    # The check goes by section, because nm calls a constant table of pointers
    # data although it is read-only after relocation. A section's own symbol is
    # no data.
    objdump -t "$1" | awk -F '\t' '
        NF == 2 {
            n = split($1, left, " ")
            m = split($2, right, " ")
            section = left[n]
            if (section ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ &&
                section !~ /^\.data\.rel\.ro/ && right[m] != section) {
                print "writable: " right[m] " in " section
                bad = 1
            }
        }
        END { exit bad }' || fail "there must be no writable data"

    nm -u "$1" | awk -v taken="$2" -v printing="$printing" '
        BEGIN {
            split(taken, list)
            for (i in list) {
                known[list[i]] = 1
            }
            split(printing, list)
            for (i in list) {
                prints[list[i]] = 1
            }
        }
        /:$/ {
            member = $1
        }
        # A program that does not ask for these hooks must not link them.
        $2 == "mlp_hooks_stderr" {
            print "taken: mlp_hooks_stderr in " member
            bad = 1
        }
        NF == 2 && $2 !~ /^mlpi?_/ && !known[$2] &&
        !(member ~ /^log_stderr\.c/ && prints[$2]) {
            print "taken from the host: " $2 " in " member
            bad = 1
        }
        END { exit bad }' || fail "functions that are not on the list"
}

look "$build/libmlp.a" "$taken"
look "$build/libmlp_data.a" "$data_taken"
look "$build/libmlp_foreign.a" "$taken"
if [ -e "$build/libmlp_mpi.a" ]; then
    look "$build/libmlp_mpi.a" "$taken $mpi_taken"
fi
if [ -e "$build/libmlp_onnx.a" ]; then
    look "$build/libmlp_onnx.a" "$onnx_taken"
fi
if [ -e "$build/libmlp_show.a" ]; then
    look "$build/libmlp_show.a" "$show_taken"
fi
