// SPDX-License-Identifier: ISC
#include "vault/audit/line.h"
#include "vault/base/clock.h"
#include "vault/base/json.h"

// Reads member after member of one object and remembers the first failure.
struct fields {
    struct json_value object;
    struct arena *arena;
    struct status failed;
};

static void note(struct fields *f, struct status s)
{
    if (status_ok(f->failed)) {
        f->failed = s;
    }
}

static int64_t take_int(struct fields *f, const char *key)
{
    int64_t value = 0;
    note(f, json_as_int(json_get(f->object, key), &value));
    return value;
}

static bool take_bool(struct fields *f, const char *key)
{
    bool value = false;
    note(f, json_as_bool(json_get(f->object, key), &value));
    return value;
}

static struct str take_text(struct fields *f, const char *key)
{
    struct str value = {NULL, 0};
    note(f, json_as_str(json_get(f->object, key), &value));
    return value;
}

static int64_t take_time(struct fields *f, const char *key)
{
    int64_t value = 0;
    note(f, clock_parse(take_text(f, key), &value));
    return value;
}

static struct uuid take_uuid(struct fields *f, const char *key)
{
    struct uuid value = {{0}};
    note(f, uuid_parse(take_text(f, key), &value));
    return value;
}

static struct bytes take_hex(struct fields *f, const char *key)
{
    struct str text = take_text(f, key);
    uint8_t *octets = arena_alloc(f->arena, text.len / 2 + 1);
    if (octets == NULL) {
        note(f, MAKE_STATUS(NOMEM, "out of memory"));
        return (struct bytes){NULL, 0};
    }
    note(f, bytes_from_hex(text, octets, text.len / 2));
    return (struct bytes){octets, text.len / 2};
}

static struct str take_detail(struct fields *f)
{
    struct json_value raw = json_get(f->object, "detail");
    return json_present(raw) ? json_raw(raw) : take_text(f, "detail_text");
}

static void read_key(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_KEY;
    out->key = (struct audit_key_item){.number = take_int(f, "key"),
                                       .created_us = take_time(f, "created_at"),
                                       .public_key = take_hex(f, "public_key"),
                                       .succession_signature = take_hex(f, "succession_signature")};
}

static void read_chain(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_CHAIN;
    struct audit_chain_item *c = &out->chain;
    *c = (struct audit_chain_item){.header = {.id = take_int(f, "chain"),
                                              .node = take_text(f, "node"),
                                              .worker = take_int(f, "worker"),
                                              .system_id = take_int(f, "system_id"),
                                              .timeline = take_int(f, "timeline"),
                                              .opened_at_us = take_time(f, "opened_at"),
                                              .previous_id = take_int(f, "previous_chain"),
                                              .previous_seq = take_int(f, "previous_seq")},
                                   .previous_head = take_hex(f, "previous_head"),
                                   .genesis = take_hex(f, "genesis"),
                                   .key_number = take_int(f, "key"),
                                   .signature = take_hex(f, "signature"),
                                   .closed = take_bool(f, "closed")};
    if (c->closed) {
        c->closed_seq = take_int(f, "closed_seq");
        c->closed_head = take_hex(f, "closed_head");
    }
    if (c->previous_head.len == DIGEST_BYTES) {
        __builtin_memcpy(c->header.previous_head.octets, c->previous_head.ptr, DIGEST_BYTES);
    }
}

static void read_record(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_RECORD;
    out->record = (struct audit_record_item){.chain_id = take_int(f, "chain"),
                                             .seq = take_int(f, "seq"),
                                             .entry = {.time_us = take_time(f, "time"),
                                                       .request_id = take_uuid(f, "request_id"),
                                                       .namespace_id = take_int(f, "namespace"),
                                                       .accessor = take_text(f, "accessor"),
                                                       .actor = take_text(f, "actor"),
                                                       .auth_method = take_text(f, "auth_method"),
                                                       .remote = take_text(f, "remote"),
                                                       .operation = take_text(f, "operation"),
                                                       .path = take_text(f, "path"),
                                                       .result = take_int(f, "result"),
                                                       .duration_us = take_int(f, "duration_us"),
                                                       .effect = take_bool(f, "effect"),
                                                       .detail = take_detail(f)},
                                             .hash = take_hex(f, "hash")};
}

static void read_batch(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_BATCH;
    out->batch = (struct audit_batch_item){.chain_id = take_int(f, "chain"),
                                           .first_seq = take_int(f, "first_seq"),
                                           .last_seq = take_int(f, "last_seq"),
                                           .time_us = take_time(f, "time"),
                                           .head = take_hex(f, "head"),
                                           .key_number = take_int(f, "key"),
                                           .signature = take_hex(f, "signature")};
}

static struct audit_claim_item claim_of(struct fields *f, int64_t number)
{
    return (struct audit_claim_item){.chain_id = take_int(f, "chain"),
                                     .number = number,
                                     .seq = take_int(f, "seq"),
                                     .head = take_hex(f, "head"),
                                     .closed = take_bool(f, "closed"),
                                     .dropped = take_bool(f, "dropped")};
}

static void read_claim(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_CLAIM;
    out->claim = claim_of(f, take_int(f, "checkpoint"));
}

static void read_checkpoint(struct fields *f, struct audit_item *out)
{
    out->kind = AUDIT_ITEM_CHECKPOINT;
    bool tombstone = json_present(json_get(f->object, "dropped_before"));
    out->checkpoint = (struct audit_checkpoint_item){
        .number = take_int(f, "checkpoint"),
        .time_us = take_time(f, "time"),
        .dropped_before_us = tombstone ? take_time(f, "dropped_before") : 0,
        .previous_hash = take_hex(f, "previous_hash"),
        .hash = take_hex(f, "hash"),
        .key_number = take_int(f, "key"),
        .signature = take_hex(f, "signature")};
}

static void read_header(struct fields *f, struct audit_export_header *out)
{
    bool from = json_present(json_get(f->object, "from"));
    bool to = json_present(json_get(f->object, "to"));
    if (take_int(f, "version") != 1) {
        note(f, MAKE_STATUS(INVALID, "the export is of another version of the format"));
    }
    *out = (struct audit_export_header){.exported_us = take_time(f, "exported_at"),
                                        .from_us = from ? take_time(f, "from") : 0,
                                        .to_us = to ? take_time(f, "to") : CLOCK_NEVER,
                                        .filtered = take_bool(f, "filtered")};
}

static struct status begin(struct str text, struct arena *arena, struct fields *f)
{
    *f = (struct fields){.arena = arena, .failed = OK_STATUS};
    TRY(json_parse(text, NULL, arena, &f->object, NULL));
    if (json_kind(f->object) != JSON_OBJECT) {
        FAIL(INVALID, "expected a JSON object");
    }
    return OK_STATUS;
}

struct status audit_line_parse(struct str text, struct arena *arena, struct audit_line *out)
{
    static const struct {
        const char *type;
        void (*read)(struct fields *f, struct audit_item *out);
    } types[] = {{"record", read_record}, {"signature", read_batch},
                 {"claim", read_claim},   {"chain", read_chain},
                 {"key", read_key},       {"checkpoint", read_checkpoint}};
    struct fields f;
    TRY(begin(text, arena, &f));
    struct audit_line line = {.kind = AUDIT_LINE_ITEM};
    struct str type = take_text(&f, "type");
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(types) && !known; i++) {
        if (str_equal_c(type, types[i].type)) {
            types[i].read(&f, &line.item);
            known = true;
        }
    }
    if (str_equal_c(type, "export")) {
        line.kind = AUDIT_LINE_HEADER;
        read_header(&f, &line.header);
    } else if (str_equal_c(type, "end")) {
        line.kind = AUDIT_LINE_END;
        line.lines = take_int(&f, "lines");
    } else if (!known) {
        FAIL(INVALID, "unknown type of line");
    }
    TRY(f.failed);
    *out = line;
    return OK_STATUS;
}

struct status audit_line_parse_witness(struct str text, struct arena *arena,
                                       struct audit_witness *out)
{
    struct fields f;
    TRY(begin(text, arena, &f));
    struct audit_item checkpoint;
    read_checkpoint(&f, &checkpoint);
    TRY(f.failed);
    struct json_value chains = json_get(f.object, "chains");
    struct audit_claim_item *claims =
        ARENA_ARRAY(arena, struct audit_claim_item, json_count(chains) + 1);
    if (claims == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    struct json_iter it = json_iterate(chains);
    while (json_next(&it)) {
        struct fields inner = {.object = it.value, .arena = arena, .failed = OK_STATUS};
        claims[count++] = claim_of(&inner, checkpoint.checkpoint.number);
        TRY(inner.failed);
    }
    *out = (struct audit_witness){checkpoint.checkpoint, claims, count};
    return OK_STATUS;
}
