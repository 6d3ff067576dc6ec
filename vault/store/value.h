// SPDX-License-Identifier: ISC
// Values on their way to PostgreSQL: always parameters, always in the binary format
// (PostgreSQL 15, "src/backend/utils/adt", *_send and *_recv functions).
#pragma once

#include "vault/base/buffer.h"
#include "vault/base/bytes.h"
#include "vault/base/uuid.h"

enum store_type {
    STORE_BOOL,
    STORE_BYTEA,
    STORE_INT8,
    STORE_TEXT,
    STORE_TIME, // timestamptz; CLOCK_NEVER is 'infinity'
    STORE_UUID,
    STORE_TYPE_COUNT
};

// A composite type of the schema: its OID differs from database to database.
struct store_row_type {
    unsigned oid;
    size_t fields;
};

struct store_value {
    enum store_type type; // of the elements, when it is an array
    bool is_null;
    bool is_array;
    union {
        int64_t integer; // STORE_BOOL, STORE_INT8, STORE_TIME
        struct bytes bytes;
        struct uuid uuid;
        struct {
            const struct store_value *items; // scalars of `type`; borrowed
            size_t count;
            struct store_row_type row; // oid 0: not of rows
        } array;
    };
};

static inline struct store_value store_bool(bool v)
{
    return (struct store_value){.type = STORE_BOOL, .integer = v};
}

static inline struct store_value store_int(int64_t v)
{
    return (struct store_value){.type = STORE_INT8, .integer = v};
}

static inline struct store_value store_time(int64_t wall_us)
{
    return (struct store_value){.type = STORE_TIME, .integer = wall_us};
}

static inline struct store_value store_uuid(struct uuid v)
{
    return (struct store_value){.type = STORE_UUID, .uuid = v};
}

// NULL pointer gives the empty string, not SQL NULL.
static inline struct store_value store_text(struct str v)
{
    return (struct store_value){.type = STORE_TEXT, .bytes = bytes_from_str(v)};
}

static inline struct store_value store_bytea(struct bytes v)
{
    return (struct store_value){.type = STORE_BYTEA, .bytes = v};
}

static inline struct store_value store_null(enum store_type type)
{
    return (struct store_value){.type = type, .is_null = true};
}

static inline struct store_value store_array(enum store_type type, const struct store_value *items,
                                             size_t count)
{
    return (struct store_value){
        .type = type, .is_array = true, .array = {.items = items, .count = count}};
}

// An array of rows; `cells` holds the fields of one row after the other. Its parameter's type must
// be spelled out in the statement.
static inline struct store_value store_row_array(struct store_row_type type,
                                                 const struct store_value *cells, size_t rows)
{
    return (struct store_value){.is_array = true,
                                .array = {.items = cells, .count = rows, .row = type}};
}

// INVALID for text that PostgreSQL would refuse: not UTF-8, or with a NUL.
struct status store_value_check(const struct store_value *value);

enum { STORE_PARAMS_MAX = 48 };

// Encoded parameters in the shape that libpq takes. The pointers lead into `data`.
struct store_params {
    struct buffer data;
    size_t count;
    unsigned types[STORE_PARAMS_MAX]; // OIDs
    const char *values[STORE_PARAMS_MAX];
    int lengths[STORE_PARAMS_MAX];
    int formats[STORE_PARAMS_MAX];
};

// Text must be UTF-8 without NUL (INVALID otherwise): one bad byte may not fail a whole batch.
struct status store_params_init(struct store_params *p, const struct store_value *values,
                                size_t count);
void store_params_done(struct store_params *p);
