// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/audit/line.h"
#include "vault/base/clock.h"
#include "vault/base/json.h"
#include "vault/base/json_writer.h"

enum { HEX_BYTES_MAX = 128, DETAIL_ARENA_BYTES = 4 * 1024 * 1024 };

static void add_hex(struct json_writer *w, const char *key, struct bytes b)
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

static void put_record(struct json_writer *w, const struct audit_record_item *r)
{
    const struct audit_entry *e = &r->entry;
    json_add_string(w, "type", STR("record"));
    json_add_int(w, "chain", r->chain_id);
    json_add_int(w, "seq", r->seq);
    json_add_time(w, "time", e->time_us);
    add_uuid(w, "request_id", e->request_id);
    json_add_int(w, "namespace", e->namespace_id);
    json_add_string(w, "accessor", e->accessor);
    json_add_string(w, "actor", e->actor);
    json_add_string(w, "auth_method", e->auth_method);
    json_add_string(w, "remote", e->remote);
    json_add_string(w, "operation", e->operation);
    json_add_string(w, "path", e->path);
    json_add_int(w, "result", e->result);
    json_add_int(w, "duration_us", e->duration_us);
    json_add_bool(w, "effect", e->effect);
    if (can_be_raw(e->detail)) {
        json_add_raw(w, "detail", e->detail);
    } else {
        json_add_string(w, "detail_text", e->detail);
    }
    add_hex(w, "hash", r->hash);
}

static void put_chain(struct json_writer *w, const struct audit_chain_item *c)
{
    const struct audit_chain_header *h = &c->header;
    json_add_string(w, "type", STR("chain"));
    json_add_int(w, "chain", h->id);
    json_add_string(w, "node", h->node);
    json_add_int(w, "worker", h->worker);
    json_add_int(w, "system_id", h->system_id);
    json_add_int(w, "timeline", h->timeline);
    json_add_time(w, "opened_at", h->opened_at_us);
    json_add_int(w, "previous_chain", h->previous_id);
    json_add_int(w, "previous_seq", h->previous_seq);
    add_hex(w, "previous_head", c->previous_head);
    add_hex(w, "genesis", c->genesis);
    json_add_int(w, "key", c->key_number);
    add_hex(w, "signature", c->signature);
    json_add_bool(w, "closed", c->closed);
    if (c->closed) {
        json_add_int(w, "closed_seq", c->closed_seq);
        add_hex(w, "closed_head", c->closed_head);
    }
}

static void put_batch(struct json_writer *w, const struct audit_batch_item *b)
{
    json_add_string(w, "type", STR("signature"));
    json_add_int(w, "chain", b->chain_id);
    json_add_int(w, "first_seq", b->first_seq);
    json_add_int(w, "last_seq", b->last_seq);
    json_add_time(w, "time", b->time_us);
    add_hex(w, "head", b->head);
    json_add_int(w, "key", b->key_number);
    add_hex(w, "signature", b->signature);
}

static void put_claim_fields(struct json_writer *w, const struct audit_claim_item *c)
{
    json_add_int(w, "chain", c->chain_id);
    json_add_int(w, "seq", c->seq);
    add_hex(w, "head", c->head);
    json_add_bool(w, "closed", c->closed);
    json_add_bool(w, "dropped", c->dropped);
}

static void put_claim(struct json_writer *w, const struct audit_claim_item *c)
{
    json_add_string(w, "type", STR("claim"));
    json_add_int(w, "checkpoint", c->number);
    put_claim_fields(w, c);
}

static void put_checkpoint(struct json_writer *w, const struct audit_checkpoint_item *c)
{
    json_add_string(w, "type", STR("checkpoint"));
    json_add_int(w, "checkpoint", c->number);
    json_add_time(w, "time", c->time_us);
    if (c->dropped_before_us != 0) {
        json_add_time(w, "dropped_before", c->dropped_before_us);
    }
    add_hex(w, "previous_hash", c->previous_hash);
    add_hex(w, "hash", c->hash);
    json_add_int(w, "key", c->key_number);
    add_hex(w, "signature", c->signature);
}

static void put_key(struct json_writer *w, const struct audit_key_item *k)
{
    json_add_string(w, "type", STR("key"));
    json_add_int(w, "key", k->number);
    json_add_time(w, "created_at", k->created_us);
    add_hex(w, "public_key", k->public_key);
    add_hex(w, "succession_signature", k->succession_signature);
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
