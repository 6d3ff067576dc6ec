// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/audit/item_fields.h"
#include "vault/audit/line.h"
#include "vault/base/clock.h"
#include "vault/base/json.h"
#include "vault/base/json_writer.h"

enum { HEX_BYTES_MAX = 128, DETAIL_ARENA_BYTES = 4 * 1024 * 1024 };

static void add_bytes(struct json_writer *w, const char *key, struct bytes b)
{
    char text[2 * HEX_BYTES_MAX + 1];
    // What is longer was altered: cut short, it can't verify either.
    struct bytes shown = {b.ptr, b.len < HEX_BYTES_MAX ? b.len : HEX_BYTES_MAX};
    bytes_to_hex(shown, text);
    json_add_string(w, key, str_from_c(text));
}

static void add_uuid(struct json_writer *w, const char *key, struct uuid u)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(u, text);
    json_add_string(w, key, str_from_c(text));
}

// Only what comes back octet by octet may stand there as JSON.
static bool can_be_raw(struct str detail)
{
    if (detail.len == 0 || memchr(detail.ptr, '\n', detail.len) != NULL ||
        memchr(detail.ptr, '\r', detail.len) != NULL) {
        return false;
    }
    if (str_equal(detail, STR("{}"))) {
        return true;
    }
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(DETAIL_ARENA_BYTES);
    struct json_value v;
    return arena != NULL && status_ok(json_parse(detail, NULL, arena, &v, NULL)) &&
           json_kind(v) == JSON_OBJECT && json_raw(v).len == detail.len;
}

static void add_maybe_time(struct json_writer *w, const char *key, int64_t us)
{
    if (us != 0) {
        json_add_time(w, key, us);
    }
}

static void add_detail(struct json_writer *w, const char *key, struct str detail)
{
    if (can_be_raw(detail)) {
        json_add_raw(w, key, detail);
    } else {
        json_add_string(w, "detail_text", detail);
    }
}

#define ADD_INT json_add_int
#define ADD_BOOL json_add_bool
#define ADD_TEXT json_add_string
#define ADD_TIME json_add_time
#define ADD_UUID add_uuid
#define ADD_BYTES add_bytes
#define ADD_MAYBE_TIME add_maybe_time
#define ADD_DETAIL add_detail
#define ADD_NOT_NULL json_add_bool
#define ADD_FIELD(type, column, key, member) ADD_##type(w, key, item->member);

static void put_record(struct json_writer *w, const struct audit_record_item *item)
{
    json_add_string(w, "type", STR("record"));
    AUDIT_RECORD_FIELDS(ADD_FIELD, ADD_FIELD)
}

static void put_chain(struct json_writer *w, const struct audit_chain_item *item)
{
    json_add_string(w, "type", STR("chain"));
    AUDIT_CHAIN_FIELDS(ADD_FIELD, ADD_FIELD)
    if (item->closed) {
        json_add_int(w, "closed_seq", item->closed_seq);
        add_bytes(w, "closed_head", item->closed_head);
    }
}

static void put_batch(struct json_writer *w, const struct audit_batch_item *item)
{
    json_add_string(w, "type", STR("signature"));
    AUDIT_BATCH_FIELDS(ADD_FIELD, ADD_FIELD)
}

static void put_claim_fields(struct json_writer *w, const struct audit_claim_item *item)
{
    AUDIT_CLAIM_FIELDS(ADD_FIELD, ADD_FIELD)
}

static void put_claim(struct json_writer *w, const struct audit_claim_item *c)
{
    json_add_string(w, "type", STR("claim"));
    json_add_int(w, "checkpoint", c->number);
    put_claim_fields(w, c);
}

static void put_checkpoint(struct json_writer *w, const struct audit_checkpoint_item *item)
{
    json_add_string(w, "type", STR("checkpoint"));
    AUDIT_CHECKPOINT_FIELDS(ADD_FIELD, ADD_FIELD)
}

static void put_key(struct json_writer *w, const struct audit_key_item *item)
{
    json_add_string(w, "type", STR("key"));
    AUDIT_KEY_FIELDS(ADD_FIELD, ADD_FIELD)
}

void audit_line_put(struct buffer *out, const struct audit_item *item)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    switch (item->kind) {
    case AUDIT_ITEM_KEY:
        put_key(&w, &item->key);
        break;
    case AUDIT_ITEM_CHAIN:
        put_chain(&w, &item->chain);
        break;
    case AUDIT_ITEM_RECORD:
        put_record(&w, &item->record);
        break;
    case AUDIT_ITEM_BATCH:
        put_batch(&w, &item->batch);
        break;
    case AUDIT_ITEM_CLAIM:
        put_claim(&w, &item->claim);
        break;
    case AUDIT_ITEM_CHECKPOINT:
        put_checkpoint(&w, &item->checkpoint);
        break;
    }
    json_end_object(&w);
    buffer_append_byte(out, '\n');
}

void audit_line_put_header(struct buffer *out, const struct audit_export_header *h)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_add_string(&w, "type", STR("export"));
    json_add_int(&w, "version", 1);
    json_add_time(&w, "exported_at", h->exported_us);
    if (h->from_us > 0) {
        json_add_time(&w, "from", h->from_us);
    }
    if (h->to_us != CLOCK_NEVER) {
        json_add_time(&w, "to", h->to_us);
    }
    json_add_bool(&w, "filtered", h->filtered);
    json_end_object(&w);
    buffer_append_byte(out, '\n');
}

void audit_line_put_end(struct buffer *out, int64_t lines)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_add_string(&w, "type", STR("end"));
    json_add_int(&w, "lines", lines);
    json_end_object(&w);
    buffer_append_byte(out, '\n');
}

void audit_line_put_witness(struct buffer *out, const struct audit_witness *witness)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    put_checkpoint(&w, &witness->checkpoint);
    json_put_key(&w, "chains");
    json_begin_array(&w);
    for (size_t i = 0; i < witness->claim_count; i++) {
        json_begin_object(&w);
        put_claim_fields(&w, &witness->claims[i]);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    buffer_append_byte(out, '\n');
}
