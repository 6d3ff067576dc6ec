// SPDX-License-Identifier: ISC
#include "vault/audit/item_fields.h"
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

static int64_t take_maybe_time(struct fields *f, const char *key)
{
    return json_present(json_get(f->object, key)) ? take_time(f, key) : 0;
}

static struct uuid take_uuid(struct fields *f, const char *key)
{
    struct uuid value = {{0}};
    note(f, uuid_parse(take_text(f, key), &value));
    return value;
}

static struct bytes take_bytes(struct fields *f, const char *key)
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

static struct str take_detail(struct fields *f, const char *key)
{
    struct json_value raw = json_get(f->object, key);
    return json_present(raw) ? json_raw(raw) : take_text(f, "detail_text");
}

#define TAKE_INT take_int
#define TAKE_BOOL take_bool
#define TAKE_TEXT take_text
#define TAKE_TIME take_time
#define TAKE_UUID take_uuid
#define TAKE_BYTES take_bytes
#define TAKE_MAYBE_TIME take_maybe_time
#define TAKE_DETAIL take_detail
#define TAKE_NOT_NULL take_bool
#define TAKE_FIELD(type, column, key, member) item->member = TAKE_##type(f, key);

static void read_key(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_KEY};
    struct audit_key_item *item = &out->key;
    AUDIT_KEY_FIELDS(TAKE_FIELD, TAKE_FIELD)
}

static void read_chain(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHAIN};
    struct audit_chain_item *item = &out->chain;
    AUDIT_CHAIN_FIELDS(TAKE_FIELD, TAKE_FIELD)
    if (item->closed) {
        item->closed_seq = take_int(f, "closed_seq");
        item->closed_head = take_bytes(f, "closed_head");
    }
    audit_chain_item_link(item);
}

static void read_record(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_RECORD};
    struct audit_record_item *item = &out->record;
    AUDIT_RECORD_FIELDS(TAKE_FIELD, TAKE_FIELD)
}

static void read_batch(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_BATCH};
    struct audit_batch_item *item = &out->batch;
    AUDIT_BATCH_FIELDS(TAKE_FIELD, TAKE_FIELD)
}

static struct audit_claim_item claim_of(struct fields *f, int64_t number)
{
    struct audit_claim_item claim = {.number = number};
    struct audit_claim_item *item = &claim;
    AUDIT_CLAIM_FIELDS(TAKE_FIELD, TAKE_FIELD)
    return claim;
}

static void read_claim(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CLAIM,
                               .claim = claim_of(f, take_int(f, "checkpoint"))};
}

static void read_checkpoint(struct fields *f, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHECKPOINT};
    struct audit_checkpoint_item *item = &out->checkpoint;
    AUDIT_CHECKPOINT_FIELDS(TAKE_FIELD, TAKE_FIELD)
}

static void read_header(struct fields *f, struct audit_export_header *out)
{
    bool to = json_present(json_get(f->object, "to"));
    if (take_int(f, "version") != 1) {
        note(f, MAKE_STATUS(INVALID, "the export is of another version of the format"));
    }
    *out = (struct audit_export_header){.exported_us = take_time(f, "exported_at"),
                                        .from_us = take_maybe_time(f, "from"),
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
