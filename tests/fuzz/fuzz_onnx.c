/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of mlp_onnx_load_memory. If the bytes load, the network predicts and
 * is saved, and the saved file must load as the same layers. The one exception
 * is a batch norm that cannot be folded, which saving refuses.
 *
 * A file is a message of Protocol Buffers: a sequence of fields, each a key
 * (8 times its number plus a type) and a value; messages lie in it as values of
 * type 2, behind their length. A lie changes one field at any depth, and all
 * lengths around it are made true.
 */
#include "fuzz/fuzz.h"

#include "mlp_onnx.h"

/* ---------------------------------------------------------------------------
 * Messages
 */

enum { VARINT, FIXED64, BYTES, FIXED32 = 5, MAX_FIELDS = 64, DEEPEST = 10 };

typedef struct field {
    size_t from, value, to; /* the key begins, the value begins, all ends */
    size_t type;
} field;

/* Reads a number of 7 bits a byte, the lowest first. Returns false at the
 * end. */
static bool get_varint(const unsigned char *bytes, size_t size, size_t *at,
                       uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < size && shift < 64; shift += 7) {
        unsigned char byte = bytes[(*at)++];
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return true;
        }
    }
    return false;
}

static size_t put_varint(unsigned char *to, uint64_t value)
{
    size_t n = 0;
    do {
        to[n] = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
        n++;
    } while (value > 0);
    return n;
}

/* Reads one field. */
static bool get_field(const unsigned char *bytes, size_t size, size_t *at,
                      field *x)
{
    uint64_t key = 0;
    uint64_t n = 0;
    x->from = *at;
    if (!get_varint(bytes, size, at, &key) || key < 8) {
        return false;
    }
    x->type = (size_t)(key & 7);
    x->value = *at;
    if (x->type == VARINT) {
        if (!get_varint(bytes, size, at, &n)) {
            return false;
        }
        n = 0;
    } else if (x->type == BYTES) {
        if (!get_varint(bytes, size, at, &n)) {
            return false;
        }
        x->value = *at;
    } else if (x->type == FIXED32 || x->type == FIXED64) {
        n = x->type == FIXED32 ? 4 : 8;
    } else {
        return false;
    }
    if (n > size - *at) {
        return false;
    }
    *at += (size_t)n;
    x->to = *at;
    return true;
}

/* Splits a message into fields, and returns how many there are: 0 if the bytes
 * are no message. Fields after the first MAX_FIELDS get no lie. */
static size_t get_fields(const unsigned char *bytes, size_t size,
                         field fields[MAX_FIELDS])
{
    size_t count = 0;
    size_t at = 0;
    while (at < size) {
        field x;
        if (!get_field(bytes, size, &at, &x)) {
            return 0;
        }
        if (count < MAX_FIELDS) {
            fields[count++] = x;
        }
    }
    return count;
}

static bool lie_in_message(fuzz_file *f, fuzz_draw *d, int depth);

/* Replaces the value of a field of type BYTES after a lie in it. */
static void lie_in_value(fuzz_file *f, fuzz_draw *d, const field *x, int depth)
{
    enum { ROOM = 8192, LENGTH = 10 };
    size_t n = x->to - x->value;
    unsigned char *block = malloc(ROOM);
    NEED(block != NULL);
    fuzz_file value = {block, n < ROOM ? n : ROOM, ROOM};
    memcpy(block, f->bytes + x->value, value.size);
    bool is_message = depth < DEEPEST && !fuzz_once_in(d, 8) &&
                      lie_in_message(&value, d, depth + 1);
    if (!is_message && fuzz_once_in(d, 2)) {
        (void)fuzz_lie_in_text(&value, d, 0, value.size);
    } else if (!is_message) {
        (void)fuzz_lie_in_fields(&value, d, 0, value.size);
    }
    unsigned char length[LENGTH];
    size_t old = put_varint(length, n);
    size_t new = put_varint(length, value.size);
    /* The value first, because the places before it move then. */
    fuzz_splice(f, x->value, n, value.bytes, value.size);
    fuzz_splice(f, x->value - old, old, length, new);
    free(block);
}

/* Changes a number; small ones are codes and sizes. */
static void lie_in_varint(fuzz_file *f, fuzz_draw *d, const field *x)
{
    unsigned char bytes[10];
    uint64_t value = 0;
    size_t at = x->value;
    (void)get_varint(f->bytes, x->to, &at, &value);
    uint64_t near = (uint64_t)fuzz_below(d, 5) - 2;
    value = fuzz_once_in(d, 3)   ? value + near
            : fuzz_once_in(d, 2) ? fuzz_below(d, 20)
                                 : (UINT64_C(1) << fuzz_below(d, 64)) + near;
    fuzz_splice(f, x->value, x->to - x->value, bytes, put_varint(bytes, value));
}

/* Changes, removes, doubles or replaces one field. Returns false if the bytes
 * are no message. */
static bool lie_in_message(fuzz_file *f, fuzz_draw *d, int depth)
{
    field fields[MAX_FIELDS];
    size_t count = get_fields(f->bytes, f->size, fields);
    if (count == 0) {
        return false;
    }
    const field *x = &fields[fuzz_below(d, count)];
    const field *other = &fields[fuzz_below(d, count)];
    size_t kind = fuzz_below(d, x->type == BYTES ? 16 : 6);
    if (kind == 0) {
        fuzz_splice(f, x->from, x->to - x->from, "", 0);
    } else if (kind == 1) {
        fuzz_splice(f, other->from, 0, f->bytes + x->from, x->to - x->from);
    } else if (kind == 2) {
        fuzz_splice(f, other->from, other->to - other->from, f->bytes + x->from,
                    x->to - x->from);
    } else if (x->type == BYTES) {
        lie_in_value(f, d, x, depth);
    } else if (x->type == VARINT) {
        lie_in_varint(f, d, x);
    } else {
        (void)fuzz_lie_in_fields(f, d, x->value, x->to);
    }
    return true;
}

static void lie(fuzz_file *f, fuzz_draw *d)
{
    if (fuzz_once_in(d, 64) || !lie_in_message(f, d, 0)) {
        (void)fuzz_lie_in_fields(f, d, 0, f->size);
    }
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    size_t size = 0;
    while (size == 0) {
        mlp_net *net = fuzz_net(d);
        size = mlp_onnx_save_size(net);
        unsigned char *bytes = fuzz_zeros(size, 1);
        if (mlp_onnx_save_memory(net, bytes, size) == MLP_OK) {
            fuzz_append(f, bytes, size);
        } else {
            size = 0;
        }
        free(bytes);
        mlp_net_free(net);
        (void)fuzz_messages();
    }
}

/* ---------------------------------------------------------------------------
 * The check
 */

static mlp_net *load(const void *bytes, size_t size)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_net *net = NULL;
    bool loaded =
        fuzz_succeeded(mlp_onnx_load_memory(bytes, size, &hooks, &net));
    NEED(loaded == (net != NULL));
    return net;
}

static void need_equal(const mlp_net *a, const mlp_net *b)
{
    NEED(mlp_net_inputs(a) == mlp_net_inputs(b));
    NEED(mlp_net_precision(a) == mlp_net_precision(b));
    NEED(mlp_net_layer_count(a) == mlp_net_layer_count(b));
    for (size_t l = 1; l <= mlp_net_layer_count(a); l++) {
        mlp_layer x;
        mlp_layer y;
        NEED(mlp_net_layer(a, l, &x) == MLP_OK);
        NEED(mlp_net_layer(b, l, &y) == MLP_OK);
        NEED(x.width == y.width && x.activation == y.activation &&
             (float)x.slope == (float)y.slope); /* a float in every file */
    }
}

static void save(const mlp_net *net)
{
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size + 1);
    NEED(size > 0 && bytes);
    mlp_status status = mlp_onnx_save_memory(net, bytes, size);
    NEED(status == MLP_OK || status == MLP_ERR_NOT_FINITE);
    (void)fuzz_succeeded(status);
    if (status == MLP_OK) {
        mlp_net *again = load(bytes, size);
        NEED(again != NULL);
        need_equal(net, again);
        mlp_net_free(again);
    }
    free(bytes);
}

static void check(const unsigned char *bytes, size_t size)
{
    mlp_net *net = load(bytes, size);
    if (net) {
        fuzz_accept();
        fuzz_predict(net);
        fuzz_save_twice(net);
        save(net);
        mlp_net_free(net);
    }
}

const fuzz_target fuzz_this = {build, lie, check, NULL};
