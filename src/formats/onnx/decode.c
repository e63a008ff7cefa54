/* SPDX-License-Identifier: MIT */
#include "formats/onnx/decode.h"

#include "base/error.h"

/* A network's deepest: model, graph, input, type, tensor, shape, dimension.
 * Deeper are operators that hold graphs. A network of 256 layers has some
 * 10,000 messages, of five fields or so; each takes up to 250 bytes of memory,
 * however few it has in the file. */
enum { DEPTH = 12, MESSAGES = 1 << 18, FIELDS = 1 << 20 };

/* How a field is written: the low bits of its tag. */
enum { VARINT = 0, BITS_64 = 1, DELIMITED = 2, BITS_32 = 5 };

/* Of what was seen in the whole file. */
typedef struct counts {
    size_t messages, fields;
} counts;

typedef struct scan {
    const unsigned char *bytes;
    size_t size, used;
    struct counts *counts;
} scan;

static bool get_varint(scan *from, uint64_t *value)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64 && from->used < from->size;
         shift += 7) {
        uint64_t byte = from->bytes[from->used++];
        result |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return false;
}

static bool skip(scan *from, uint64_t n)
{
    if (n > from->size - from->used) {
        return false;
    }
    from->used += (size_t)n;
    return true;
}

/* May this field stand here, after those in `seen`? */
static bool is_new(const ProtobufCMessageDescriptor *type,
                   const ProtobufCFieldDescriptor *field, uint64_t *seen)
{
    size_t index = (size_t)(field - type->fields);
    uint64_t bit = (uint64_t)1 << index % 64;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return true;
    }
    bool is = index < 64 && !(*seen & bit);
    *seen |= bit;
    return is;
}

/* Is this a message, with all that are in it? */
static bool is_message(const ProtobufCMessageDescriptor *type, scan from,
                       size_t depth)
{
    uint64_t seen = 0;
    if (depth == DEPTH || ++from.counts->messages > MESSAGES) {
        return false;
    }
    while (from.used < from.size) {
        uint64_t tag = 0;
        uint64_t n = 0;
        if (++from.counts->fields > FIELDS || !get_varint(&from, &tag) ||
            tag > UINT32_MAX) {
            return false;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        size_t kind = (size_t)(tag & 7);
        bool good = kind == VARINT      ? get_varint(&from, &n)
                    : kind == BITS_64   ? skip(&from, 8)
                    : kind == BITS_32   ? skip(&from, 4)
                    : kind == DELIMITED ? get_varint(&from, &n)
                                        : false;
        if (good && kind == DELIMITED) {
            scan part = {from.bytes + from.used, (size_t)n, 0, from.counts};
            good = skip(&from, n) &&
                   (!field || field->type != PROTOBUF_C_TYPE_MESSAGE ||
                    (is_new(type, field, &seen) &&
                     is_message(field->descriptor, part, depth + 1)));
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

static void *take(void *arena, size_t size)
{
    return mlpi_arena_allocate(arena, size, 1);
}

/* The arena goes as a whole. */
static void leave(void *arena, void *piece)
{
    (void)arena;
    (void)piece;
}

mlp_status mlpi_decode_model(mlpi_arena *arena, const void *bytes, size_t size,
                             onnx_model **model)
{
    counts seen = {0, 0};
    scan all = {bytes, size, 0, &seen};
    ProtobufCAllocator allocator = {take, leave, arena};
    if (size <= ONNX_MAX_BYTES &&
        is_message(&mlpi_onnx__model_proto__descriptor, all, 0)) {
        *model = mlpi_onnx__model_proto__unpack(&allocator, size, bytes);
        TRY(arena->status);
        if (*model) {
            return MLP_OK;
        }
    }
    return mlpi_error(&arena->hooks, MLP_ERR_FORMAT,
                      "expects an ONNX file, got another, or a damaged one");
}
