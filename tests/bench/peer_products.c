/* SPDX-License-Identifier: MIT */
/*
 * Measures W9 with OpenBLAS or oneDNN. The name of the peer tells which of them
 * is loaded at run time: cc -O2 peer_products.c -ldl -lm. The forms of the
 * products, and the layout of operands and results, are those of products.c.
 * Elements drawn at random are compared with plain loops; a wrong product is
 * reported and not printed. The exit status is 77 if the library is not
 * installed.
 *
 * oneDNN multiplies float32 only.
 */
/* This declares clock_gettime. */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"

#include <dlfcn.h>
#include <math.h>
#include <stdint.h>

enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112, NOT_INSTALLED = 77 };

typedef void blas_f32(int, int, int, int, int, int, float, const float *, int,
                      const float *, int, float, float *, int);
typedef void blas_f64(int, int, int, int, int, int, double, const double *, int,
                      const double *, int, double, double *, int);
typedef int dnnl_f32(char, char, int64_t, int64_t, int64_t, float,
                     const float *, int64_t, const float *, int64_t, float,
                     float *, int64_t);

/* The functions of the library, NULL for one that it does not have. */
typedef struct library {
    blas_f32 *blas_f32;
    blas_f64 *blas_f64;
    dnnl_f32 *dnnl_f32;
} library;

typedef struct product {
    const library *library;
    bool wide; /* true for double */
    int m, n, k;
    bool a_transposed, b_transposed;
    void *a, *b, *c;
} product;

static void find(void *handle, const char *name, void *function)
{
    void *found = handle ? dlsym(handle, name) : NULL;
    memcpy(function, &found, sizeof found);
}

static library load(const char *name)
{
    bool dnnl = strcmp(name, "onednn") == 0;
    void *handle = dlopen(dnnl ? "libdnnl.so.2" : "libopenblas.so.0", RTLD_NOW);
    if (!handle && dnnl) {
        handle = dlopen("libdnnl.so.3", RTLD_NOW);
    }
    if (!handle) {
        (void)printf("%s\n", dlerror());
        exit(NOT_INSTALLED);
    }
    library l = {NULL, NULL, NULL};
    find(dnnl ? handle : NULL, "dnnl_sgemm", &l.dnnl_f32);
    find(dnnl ? NULL : handle, "cblas_sgemm", &l.blas_f32);
    find(dnnl ? NULL : handle, "cblas_dgemm", &l.blas_f64);
    return l;
}

static void multiply(void *state, long calls)
{
    const product *p = state;
    int lda = p->a_transposed ? p->m : p->k;
    int ldb = p->b_transposed ? p->k : p->n;
    int a_form = p->a_transposed ? TRANSPOSED : AS_IT_IS;
    int b_form = p->b_transposed ? TRANSPOSED : AS_IT_IS;
    for (long i = 0; i < calls; i++) {
        if (p->wide) {
            p->library->blas_f64(ROW_MAJOR, a_form, b_form, p->m, p->n, p->k,
                                 1.0, p->a, lda, p->b, ldb, 0.0, p->c, p->n);
        } else if (p->library->blas_f32) {
            p->library->blas_f32(ROW_MAJOR, a_form, b_form, p->m, p->n, p->k,
                                 1.0F, p->a, lda, p->b, ldb, 0.0F, p->c, p->n);
        } else {
            (void)p->library->dnnl_f32(
                p->a_transposed ? 'T' : 'N', p->b_transposed ? 'T' : 'N', p->m,
                p->n, p->k, 1.0F, p->a, lda, p->b, ldb, 0.0F, p->c, p->n);
        }
    }
}

static double get(const product *p, const void *reals, int i)
{
    return p->wide ? ((const double *)reals)[i]
                   : (double)((const float *)reals)[i];
}

static double draw(void)
{
    return 2.0 * rand() / RAND_MAX - 1.0;
}

static void *random_reals(const product *p, int n)
{
    double *doubles = peer_memory((size_t)n, sizeof *doubles);
    float *floats = (float *)doubles;
    for (int i = 0; i < n; i++) {
        if (p->wide) {
            doubles[i] = draw();
        } else {
            floats[i] = (float)draw();
        }
    }
    return doubles;
}

static bool is_right(const product *p)
{
    double most = p->wide ? 1e-13 : 1e-4;
    for (int sample = 0; sample < 100; sample++) {
        int i = sample == 0 ? p->m - 1 : rand() % p->m;
        int j = sample == 0 ? p->n - 1 : rand() % p->n;
        double value = 0.0;
        double size = 0.0;
        for (int k = 0; k < p->k; k++) {
            double a =
                get(p, p->a, p->a_transposed ? k * p->m + i : i * p->k + k);
            double b =
                get(p, p->b, p->b_transposed ? j * p->k + k : k * p->n + j);
            value += a * b;
            size += fabs(a * b);
        }
        if (!(fabs(get(p, p->c, i * p->n + j) - value) <= most * size)) {
            return false;
        }
    }
    return true;
}

static void measure(const peer *all, const char *name, product p)
{
    bool able = p.wide ? p.library->blas_f64 != NULL
                       : p.library->blas_f32 || p.library->dnnl_f32;
    if (!able || !peer_wants(all, name)) {
        return;
    }
    p.a = random_reals(&p, p.m * p.k);
    p.b = random_reals(&p, p.k * p.n);
    p.c = random_reals(&p, p.m * p.n);
    double times[2];
    peer_time(all, multiply, &p, times);
    if (is_right(&p)) {
        peer_print_rate(all, name, times, 2e-9 * p.m * p.n * p.k, "GFLOP/s");
    } else {
        (void)fprintf(stderr, "%s: %s computes a wrong product\n", name,
                      all->name);
    }
    free(p.a);
    free(p.b);
    free(p.c);
}

static void squares(const peer *all, const library *l, bool wide)
{
    static const int sizes[] = {4, 8, 16, 256, 512, 1024, 2048};
    static const char *const ends[] = {"", "-AtB", "-ABt"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int form = 0; form < 3; form++) {
            char name[64];
            int n = sizes[i];
            (void)snprintf(name, sizeof name, "W9-%s-%d%s",
                           wide ? "f64" : "f32", n, ends[form]);
            measure(all, name,
                    (product){l, wide, n, n, n, form == 1, form == 2, NULL,
                              NULL, NULL});
        }
    }
}

static void layers(const peer *all, const library *l, bool wide)
{
    static const int shapes[][3] = {{128, 784, 512}, {128, 512, 512},
                                    {128, 512, 10},  {32, 64, 128},
                                    {32, 128, 64},   {32, 64, 10}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int m = shapes[i][0];
        int in = shapes[i][1];
        int out = shapes[i][2];
        const struct {
            const char *name;
            product p;
        } products[] = {
            {"forward", {l, wide, m, out, in, false, false, NULL, NULL, NULL}},
            {"dW", {l, wide, in, out, m, true, false, NULL, NULL, NULL}},
            {"dX", {l, wide, m, in, out, false, true, NULL, NULL, NULL}}};
        for (int k = 0; k < 3; k++) {
            char name[64];
            (void)snprintf(name, sizeof name, "W9-%s-%dx%dx%d-%s",
                           wide ? "f64" : "f32", m, in, out, products[k].name);
            measure(all, name, products[k].p);
        }
    }
}

int main(int argc, char **argv)
{
    peer all = peer_of(argc, argv);
    library l = load(all.name);
    for (int wide = 0; wide <= 1; wide++) {
        squares(&all, &l, wide);
        layers(&all, &l, wide);
    }
    return 0;
}
