// SPDX-License-Identifier: ISC
#include "vault/store/result.h"

#include <endian.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/store/pgtypes.h"
#include "vault/store/result_internal.h"

struct store_result {
    PGresult *res;
    size_t references;
};

struct status store_result_wrap(PGresult *res, struct store_result **out)
{
    struct store_result *r = calloc(1, sizeof *r);
    if (r == NULL) {
        PQclear(res);
        FAIL(NOMEM, "out of memory");
    }
    r->res = res;
    r->references = 1;
    *out = r;
    return OK_STATUS;
}

int store_result_row_count(const struct store_result *r)
{
    return PQntuples(r->res);
}

struct store_result *store_result_retain(struct store_result *r)
{
    r->references++;
    return r;
}

void store_result_release(struct store_result *r)
{
    if (r != NULL && --r->references == 0) {
        PQclear(r->res);
        free(r);
    }
}

void store_result_cleanup(struct store_result **r)
{
    store_result_release(*r);
}

void store_rows_done(struct store_rows *rows)
{
    store_result_release(rows->result);
    *rows = (struct store_rows){0};
}

bool store_get_null(const struct store_rows *rows, int row, int column)
{
    REQUIRE(row >= 0 && row < rows->count);
    return PQgetisnull(rows->result->res, rows->first + row, column) == 1;
}

struct bytes store_get_bytes(const struct store_rows *rows, int row, int column)
{
    REQUIRE(row >= 0 && row < rows->count && column < PQnfields(rows->result->res));
    const PGresult *res = rows->result->res;
    int at = rows->first + row;
    return (struct bytes){(const uint8_t *)PQgetvalue(res, at, column),
                          (size_t)PQgetlength(res, at, column)};
}

struct str store_get_text(const struct store_rows *rows, int row, int column)
{
    return str_from_bytes(store_get_bytes(rows, row, column));
}

static int64_t load_int(struct bytes raw)
{
    switch (raw.len) {
    case 0:
        return 0;
    case 1:
        return raw.ptr[0];
    case 2:
        return (int16_t)(raw.ptr[0] << 8 | raw.ptr[1]);
    case 4: {
        uint32_t wire;
        memcpy(&wire, raw.ptr, sizeof wire);
        return (int32_t)be32toh(wire);
    }
    default: {
        uint64_t wire;
        REQUIRE(raw.len == sizeof wire);
        memcpy(&wire, raw.ptr, sizeof wire);
        return (int64_t)be64toh(wire);
    }
    }
}

bool store_get_bool(const struct store_rows *rows, int row, int column)
{
    return load_int(store_get_bytes(rows, row, column)) != 0;
}

int64_t store_get_int(const struct store_rows *rows, int row, int column)
{
    return load_int(store_get_bytes(rows, row, column));
}

int64_t store_get_time(const struct store_rows *rows, int row, int column)
{
    if (store_get_null(rows, row, column)) {
        return 0;
    }
    int64_t wire = load_int(store_get_bytes(rows, row, column));
    return wire == INT64_MAX ? CLOCK_NEVER : wire + PG_EPOCH_US;
}

struct uuid store_get_uuid(const struct store_rows *rows, int row, int column)
{
    struct uuid u = {0};
    struct bytes raw = store_get_bytes(rows, row, column);
    if (raw.len > 0) {
        REQUIRE(raw.len == sizeof u.octets);
        memcpy(u.octets, raw.ptr, sizeof u.octets);
    }
    return u;
}

static bool take_u32(struct bytes *raw, uint32_t *out)
{
    if (raw->len < sizeof *out) {
        return false;
    }
    memcpy(out, raw->ptr, sizeof *out);
    *out = be32toh(*out);
    raw->ptr += sizeof *out;
    raw->len -= sizeof *out;
    return true;
}

// The header of array_send for a one-dimensional array; leaves `raw` at the first element.
static bool take_array_header(struct bytes *raw, uint32_t *count)
{
    uint32_t dimensions;
    uint32_t has_null;
    uint32_t type;
    uint32_t lower;
    if (!take_u32(raw, &dimensions) || !take_u32(raw, &has_null) || !take_u32(raw, &type)) {
        return false;
    }
    *count = 0;
    return dimensions == 0 || (dimensions == 1 && take_u32(raw, count) && take_u32(raw, &lower));
}

struct status store_get_texts(const struct store_rows *rows, int row, int column, struct arena *a,
                              struct str **out, size_t *out_count)
{
    struct bytes raw = store_get_bytes(rows, row, column);
    uint32_t count = 0;
    if (raw.len > 0 && !take_array_header(&raw, &count)) {
        FAIL(INTEGRITY, "malformed array from the database");
    }
    // Every element takes at least its length word.
    if (count > raw.len / sizeof(uint32_t)) {
        FAIL(INTEGRITY, "malformed array from the database");
    }
    struct str *items = ARENA_ARRAY(a, struct str, count);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len;
        if (!take_u32(&raw, &len) || len > raw.len) {
            FAIL(INTEGRITY, "malformed array from the database");
        }
        items[i] = (struct str){(const char *)raw.ptr, len};
        raw.ptr += len;
        raw.len -= len;
    }
    *out = items;
    *out_count = count;
    return OK_STATUS;
}
