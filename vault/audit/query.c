// SPDX-License-Identifier: ISC
#include "vault/audit/query.h"

#include <inttypes.h>
#include <stdio.h>

#include "vault/audit/rows.h"
#include "vault/base/clock.h"

#define FIRST_WINDOW_US (60 * (int64_t)CLOCK_SECOND)
enum { WINDOW_GROWTH = 4 };

static const struct store_statement select_window = {
    "audit.query",
    "SELECT " AUDIT_RECORD_COLUMNS " FROM audit_record WHERE time >= $1 AND time < $2 "
    "AND (time, chain_id, seq) < ($3, $4::int8, $5::int8) "
    "AND ($6 = '' OR actor = $6 OR accessor = $6) "
    "AND ($7 = '' OR (path COLLATE \"C\" >= $7 AND path COLLATE \"C\" < $7 || chr(1114111) "
    "AND starts_with(path, $7))) "
    "AND ($8 = '' OR operation = $8) AND result >= $9 AND result <= $10 "
    "AND ($11::uuid IS NULL OR request_id = $11) "
    "ORDER BY time DESC, chain_id DESC, seq DESC LIMIT $12"};
static const struct store_statement read_span = {"audit.span",
                                                 "SELECT clock_timestamp() + interval '1 minute', "
                                                 "(SELECT min(opened_at) FROM audit_chain)"};
static const struct store_statement select_keys = {
    "audit.query_keys", "SELECT " AUDIT_KEY_COLUMNS " FROM audit_key ORDER BY number"};

void audit_cursor_format(const struct audit_cursor *c, char out[AUDIT_CURSOR_BYTES])
{
    snprintf(out, AUDIT_CURSOR_BYTES, "%" PRId64 ".%" PRId64 ".%" PRId64, c->time_us, c->chain_id,
             c->seq);
}

struct status audit_cursor_parse(struct str text, struct audit_cursor *out)
{
    struct str time;
    struct str chain;
    struct str rest;
    struct str seq;
    struct audit_cursor c;
    if (!str_split(text, '.', &time, &rest) || !str_split(rest, '.', &chain, &seq) ||
        !status_ok(str_parse_int(time, &c.time_us)) ||
        !status_ok(str_parse_int(chain, &c.chain_id)) || !status_ok(str_parse_int(seq, &c.seq)) ||
        c.time_us <= 0 || c.time_us == INT64_MAX) {
        FAIL(INVALID, "after must be what an earlier answer gave as next");
    }
    *out = c;
    return OK_STATUS;
}

static struct status keep_record(const struct store_rows *rows, int row, struct arena *arena,
                                 struct audit_record_item *out)
{
    struct audit_item item;
    audit_read_record(rows, row, &item);
    struct audit_entry *e = &item.record.entry;
    struct str *const texts[] = {&e->accessor,  &e->actor, &e->auth_method, &e->remote,
                                 &e->operation, &e->path,  &e->detail};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        TRY(arena_copy_str(arena, *texts[i], texts[i]));
    }
    TRY(arena_copy_bytes(arena, item.record.hash, &item.record.hash));
    *out = item.record;
    return OK_STATUS;
}

struct window {
    int64_t from_us;
    int64_t to_us;
};

static struct status query_window(struct session *s, const struct audit_query *q, struct window w,
                                  struct arena *arena, struct audit_page *page)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct audit_filter *f = &q->filter;
    bool first = q->after.time_us == 0;
    const struct store_value values[] = {
        store_time(w.from_us),
        store_time(w.to_us),
        store_time(first ? CLOCK_NEVER : q->after.time_us),
        store_int(q->after.chain_id),
        store_int(q->after.seq),
        store_text(f->actor),
        store_text(f->path_prefix),
        store_text(f->operation),
        store_int(f->result_from),
        store_int(f->result_to),
        uuid_is_nil(q->request_id) ? store_null(STORE_UUID) : store_uuid(q->request_id),
        store_int((int64_t)(q->limit - page->count)),
    };
    TRY(session_exec(s, &select_window, values, ARRAY_LEN(values), &rows));
    for (int i = 0; i < rows.count; i++) {
        TRY(keep_record(&rows, i, arena, &page->records[page->count]));
        page->count++;
    }
    return OK_STATUS;
}

// From where to where there can be records at all.
static struct status find_span(struct session *s, const struct audit_query *q, struct window *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &read_span, NULL, 0, &rows));
    int64_t newest_us = store_get_time(&rows, 0, 0);
    int64_t oldest_us = store_get_time(&rows, 0, 1);
    out->to_us = q->filter.to_us < newest_us ? q->filter.to_us : newest_us;
    out->from_us = q->filter.from_us > oldest_us ? q->filter.from_us : oldest_us;
    if (q->after.time_us != 0 && q->after.time_us + 1 < out->to_us) {
        out->to_us = q->after.time_us + 1;
    }
    return OK_STATUS;
}

struct status audit_query_run(struct session *s, const struct audit_query *q, struct arena *arena,
                              struct audit_page *out)
{
    struct window span;
    struct audit_page page = {.records = ARENA_ARRAY(arena, struct audit_record_item, q->limit)};
    if (page.records == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    TRY(find_span(s, q, &span));
    int64_t length_us = FIRST_WINDOW_US;
    int64_t to_us = span.to_us;
    while (page.count < q->limit && to_us > span.from_us) {
        int64_t from_us = to_us - length_us > span.from_us ? to_us - length_us : span.from_us;
        TRY(query_window(s, q, (struct window){from_us, to_us}, arena, &page));
        to_us = from_us;
        length_us *= WINDOW_GROWTH;
    }
    page.more = page.count == q->limit;
    *out = page;
    return OK_STATUS;
}

struct status audit_query_keys(struct session *s, struct arena *arena, struct audit_key_item **out,
                               size_t *out_count)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_keys, NULL, 0, &rows));
    struct audit_key_item *keys = ARENA_ARRAY(arena, struct audit_key_item, (size_t)rows.count + 1);
    if (keys == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < rows.count; i++) {
        struct audit_item item;
        audit_read_key(&rows, i, &item);
        keys[i] = item.key;
        TRY(arena_copy_bytes(arena, item.key.public_key, &keys[i].public_key));
        TRY(arena_copy_bytes(arena, item.key.succession_signature, &keys[i].succession_signature));
    }
    *out = keys;
    *out_count = (size_t)rows.count;
    return OK_STATUS;
}
