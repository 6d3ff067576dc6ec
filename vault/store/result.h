// SPDX-License-Identifier: ISC
// Rows from PostgreSQL in the binary format, read by column number. Slices are borrowed from the
// result. Asking for the wrong type is a bug of ours and ends the process; NULL reads as 0, empty,
// or nil.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/bytes.h"
#include "vault/base/uuid.h"

struct store_result;

// Shared within one thread: batched loads hand one result to many requests.
struct store_result *store_result_retain(struct store_result *r);
void store_result_release(struct store_result *r); // NULL is fine
void store_result_cleanup(struct store_result **r);

// The part of a result that belongs to one caller.
struct store_rows {
    struct store_result *result; // a reference of its own, or NULL for no rows
    int first;
    int count;
};

void store_rows_done(struct store_rows *rows); // for CLEANUP

// `row` counts from the first of these rows, `column` from 0.
bool store_get_null(const struct store_rows *rows, int row, int column);
bool store_get_bool(const struct store_rows *rows, int row, int column);
int64_t store_get_int(const struct store_rows *rows, int row, int column); // int2, int4, int8
int64_t store_get_time(const struct store_rows *rows, int row, int column);
struct uuid store_get_uuid(const struct store_rows *rows, int row, int column);
struct str store_get_text(const struct store_rows *rows, int row, int column);
struct bytes store_get_bytes(const struct store_rows *rows, int row, int column);
// A text[] without NULLs: the slices are in the arena, the text is borrowed. NOMEM, INTEGRITY.
struct status store_get_texts(const struct store_rows *rows, int row, int column, struct arena *a,
                              struct str **out, size_t *out_count);
