// SPDX-License-Identifier: ISC
#include "vault/store/value.h"

#include <endian.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/macros.h"
#include "vault/store/pgtypes.h"

enum { PARAMS_MAX_BYTES = 256 * 1024 * 1024 };

static const struct {
    unsigned oid;
    unsigned array_oid;
} type_oids[STORE_TYPE_COUNT] = {
    [STORE_BOOL] = {16, 1000}, [STORE_BYTEA] = {17, 1001},  [STORE_INT8] = {20, 1016},
    [STORE_TEXT] = {25, 1009}, [STORE_TIME] = {1184, 1185}, [STORE_UUID] = {2950, 2951},
};

static void put_u32(struct buffer *b, uint32_t v)
{
    uint32_t wire = htobe32(v);
    buffer_append(b, (struct bytes){(const uint8_t *)&wire, sizeof wire});
}

static void put_i64(struct buffer *b, int64_t v)
{
    uint64_t wire = htobe64((uint64_t)v);
    buffer_append(b, (struct bytes){(const uint8_t *)&wire, sizeof wire});
}

static struct status put_scalar(struct buffer *b, const struct store_value *v)
{
    switch (v->type) {
    case STORE_BOOL:
        buffer_append_byte(b, v->integer != 0);
        break;
    case STORE_INT8:
        put_i64(b, v->integer);
        break;
    case STORE_TIME:
        put_i64(b, v->integer == CLOCK_NEVER ? INT64_MAX : v->integer - PG_EPOCH_US);
        break;
    case STORE_UUID:
        buffer_append(b, uuid_bytes(&v->uuid));
        break;
    case STORE_TEXT:
        if (!str_is_text(str_from_bytes(v->bytes))) {
            FAIL(INVALID, "text must be UTF-8 without NUL");
        }
        buffer_append(b, v->bytes);
        break;
    case STORE_BYTEA:
        buffer_append(b, v->bytes);
        break;
    case STORE_TYPE_COUNT:
        REQUIRE(false);
    }
    return OK_STATUS;
}

// The length, at `at`, of what follows it.
static struct status fill_length(struct buffer *b, size_t at)
{
    TRY(buffer_status(b));
    uint32_t len = htobe32((uint32_t)(b->len - at - sizeof len));
    memcpy(b->ptr + at, &len, sizeof len);
    return OK_STATUS;
}

// An item with its length before it, -1 for NULL.
static struct status put_item(struct buffer *b, const struct store_value *v)
{
    if (v->is_null) {
        put_u32(b, UINT32_MAX);
        return OK_STATUS;
    }
    size_t at = b->len;
    put_u32(b, 0);
    TRY(put_scalar(b, v));
    return fill_length(b, at);
}

// record_recv: the number of fields, then of each the type and the item.
static struct status put_row(struct buffer *b, const struct store_value *cells, size_t fields)
{
    size_t at = b->len;
    put_u32(b, 0);
    put_u32(b, (uint32_t)fields);
    for (size_t i = 0; i < fields; i++) {
        REQUIRE(!cells[i].is_array);
        put_u32(b, type_oids[cells[i].type].oid);
        TRY(put_item(b, &cells[i]));
    }
    return fill_length(b, at);
}

// array_recv: dimensions, has-null flag, element type, then length and lower bound of each
// dimension, then the items.
static struct status put_array(struct buffer *b, const struct store_value *v)
{
    const struct store_row_type *row = &v->array.row;
    put_u32(b, v->array.count == 0 ? 0 : 1);
    put_u32(b, 1);
    put_u32(b, row->oid != 0 ? row->oid : type_oids[v->type].oid);
    if (v->array.count > 0) {
        put_u32(b, (uint32_t)v->array.count);
        put_u32(b, 1);
    }
    for (size_t i = 0; i < v->array.count; i++) {
        if (row->oid != 0) {
            TRY(put_row(b, v->array.items + i * row->fields, row->fields));
            continue;
        }
        const struct store_value *item = &v->array.items[i];
        REQUIRE(item->type == v->type && !item->is_array);
        TRY(put_item(b, item));
    }
    return OK_STATUS;
}

struct status store_value_check(const struct store_value *value)
{
    if (value->type != STORE_TEXT || value->is_null) {
        return OK_STATUS;
    }
    size_t count = value->is_array ? value->array.count : 1;
    const struct store_value *items = value->is_array ? value->array.items : value;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].is_null && !str_is_text(str_from_bytes(items[i].bytes))) {
            FAIL(INVALID, "text must be UTF-8 without NUL");
        }
    }
    return OK_STATUS;
}

static struct status encode(struct store_params *p, const struct store_value *values,
                            size_t offsets[])
{
    for (size_t i = 0; i < p->count; i++) {
        const struct store_value *v = &values[i];
        p->types[i] = v->is_array ? type_oids[v->type].array_oid : type_oids[v->type].oid;
        p->formats[i] = 1;
        offsets[i] = p->data.len;
        if (!v->is_null) {
            TRY(v->is_array ? put_array(&p->data, v) : put_scalar(&p->data, v));
        }
        p->lengths[i] = (int)(p->data.len - offsets[i]);
    }
    // A value of length 0 still needs a pointer that isn't NULL.
    buffer_append_byte(&p->data, 0);
    return buffer_status(&p->data);
}

struct status store_params_init(struct store_params *p, const struct store_value *values,
                                size_t count)
{
    REQUIRE(count <= STORE_PARAMS_MAX);
    size_t offsets[STORE_PARAMS_MAX];
    p->count = count;
    buffer_init(&p->data, PARAMS_MAX_BYTES);
    struct status s = encode(p, values, offsets);
    if (!status_ok(s)) {
        buffer_done(&p->data);
        return s;
    }
    for (size_t i = 0; i < count; i++) {
        p->values[i] = values[i].is_null ? NULL : (const char *)p->data.ptr + offsets[i];
    }
    return OK_STATUS;
}

void store_params_done(struct store_params *p)
{
    buffer_done(&p->data);
}
