/* SPDX-License-Identifier: MIT */
/*
 * The wire format of protobuf is a sequence of fields. Each field is a tag and
 * a value; the tag is a varint whose low three bits say how the value is
 * written, and whose other bits are the number of the field:
 *
 *     0  varint: seven bits to a byte, the lowest first
 *     1  8 bytes
 *     2  a length as a varint, then as many bytes: a string or a message
 *     5  4 bytes
 *
 * A first pass over the bytes follows this structure by the descriptors that
 * protobuf-c generates. It refuses files that are nested deeper than DEPTH,
 * that have more than MESSAGES messages or FIELDS fields, and that repeat a
 * message which is not repeatable. What is left costs protobuf-c a bounded
 * amount of stack, memory and time.
 *
 * A model may define functions, and a function in ONNX's own domain may have
 * the name of an operator. Runtimes differ in which of the two they take, so
 * such a model is refused. The bytes tell it, because an old onnx.proto, from
 * which the descriptors come, has no functions.
 */
#include "formats/onnx/decode.h"

#include <string.h>

#include "base/error.h"

/* The deepest message of a network is a dimension: model, graph, input, type,
 * tensor, shape, dimension. Only operators that contain graphs are deeper. A
 * network of 256 layers has about 10,000 messages of five fields each. The
 * number of messages is limited because each costs up to 250 bytes of memory,
 * even if it has only two in the file. */
enum { DEPTH = 12, MESSAGES = 1 << 18, FIELDS = 1 << 20 };

/* The wire types, which are the low three bits of a tag. */
enum { VARINT = 0, BITS_64 = 1, DELIMITED = 2, BITS_32 = 5 };

/* The field of a model that is a function, and that of a function that is its
 * domain. */
enum { FUNCTIONS = 25, DOMAIN = 10 };

/* What the pass has met in the file. */
typedef struct totals {
    size_t messages, fields;
    bool has_own_functions; /* functions in ONNX's own domain */
} totals;

/* The bytes of one message, and how many of them the pass has read. */
typedef struct cursor {
    const unsigned char *bytes;
    size_t size, used;
    struct totals *totals;
} cursor;

/* Reads a varint. Returns false if it does not end within 64 bits or within the
 * message. */
static bool get_varint(cursor *from, uint64_t *value)
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

/* Skips n bytes. Returns false if the message has fewer. */
static bool skip(cursor *from, uint64_t n)
{
    if (n > from->size - from->used) {
        return false;
    }
    from->used += (size_t)n;
    return true;
}

/* Returns true if the field is repeatable or is not yet in `seen`, a set of
 * fields by their index; then adds it. A set has 64 places, which is more than
 * any message of ONNX has fields. */
static bool may_occur(const ProtobufCMessageDescriptor *type,
                      const ProtobufCFieldDescriptor *field, uint64_t *seen)
{
    size_t index = (size_t)(field - type->fields);
    uint64_t bit = (uint64_t)1 << index % 64;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return true;
    }
    bool is_first = index < 64 && !(*seen & bit);
    *seen |= bit;
    return is_first;
}

/* Skips the value of a field. If it is a length and bytes, these become *inner,
 * without being skipped, else it is empty. Returns false if the message ends
 * before. */
static bool skip_value(cursor *from, size_t wire_type, cursor *inner)
{
    uint64_t n = 0;
    bool good = wire_type == VARINT      ? get_varint(from, &n)
                : wire_type == BITS_64   ? skip(from, 8)
                : wire_type == BITS_32   ? skip(from, 4)
                : wire_type == DELIMITED ? get_varint(from, &n)
                                         : false;
    size_t size = good && wire_type == DELIMITED ? (size_t)n : 0;
    *inner = (cursor){from->bytes + from->used, size, 0, from->totals};
    return good && (wire_type != DELIMITED || skip(from, n));
}

/* Returns true if a function is in ONNX's own domain, "" or "ai.onnx". */
static bool is_own_function(cursor from)
{
    bool own = true;
    uint64_t tag = 0;
    cursor inner;
    while (get_varint(&from, &tag) && skip_value(&from, tag & 7, &inner)) {
        if (tag == (DOMAIN << 3 | DELIMITED)) {
            own = inner.size == 0 ||
                  (inner.size == 7 && memcmp(inner.bytes, "ai.onnx", 7) == 0);
        }
    }
    return own;
}

/* Returns true if the bytes are a message within the limits, including all the
 * messages that it contains. The recursion ends at DEPTH. Fields that the
 * descriptor does not know are skipped, as protobuf-c does. */
static bool is_message(const ProtobufCMessageDescriptor *type, cursor from,
                       size_t depth)
{
    uint64_t seen = 0;
    if (depth == DEPTH || ++from.totals->messages > MESSAGES) {
        return false;
    }
    while (from.used < from.size) {
        uint64_t tag = 0;
        cursor inner;
        if (++from.totals->fields > FIELDS || !get_varint(&from, &tag) ||
            tag > UINT32_MAX || !skip_value(&from, tag & 7, &inner)) {
            return false;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        bool good = (tag & 7) != DELIMITED || !field ||
                    field->type != PROTOBUF_C_TYPE_MESSAGE ||
                    (may_occur(type, field, &seen) &&
                     is_message(field->descriptor, inner, depth + 1));
        if (depth == 0 && tag == (FUNCTIONS << 3 | DELIMITED)) {
            from.totals->has_own_functions |= is_own_function(inner);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

/* protobuf-c allocates from the arena, and frees nothing: the arena frees all
 * at once. */
static void *allocate_in_arena(void *arena, size_t size)
{
    return mlpi_arena_allocate(arena, size, 1);
}

static void free_nothing(void *arena, void *object)
{
    (void)arena;
    (void)object;
}

mlp_status mlpi_decode_model(mlpi_arena *arena, const void *bytes, size_t size,
                             onnx_model **model)
{
    totals counted = {.messages = 0};
    cursor file = {bytes, size, 0, &counted};
    ProtobufCAllocator allocator = {allocate_in_arena, free_nothing, arena};
    if (size <= ONNX_MAX_BYTES &&
        is_message(&mlpi_onnx__model_proto__descriptor, file, 0)) {
        if (counted.has_own_functions) {
            return mlpi_error(&arena->hooks, MLP_ERR_UNSUPPORTED,
                              "expects ONNX's own operators, got functions in "
                              "their domain");
        }
        *model = mlpi_onnx__model_proto__unpack(&allocator, size, bytes);
        TRY(arena->status);
        if (*model) {
            return MLP_OK;
        }
    }
    return mlpi_error(&arena->hooks, MLP_ERR_FORMAT,
                      "expects an ONNX file, got another, or a damaged one");
}
