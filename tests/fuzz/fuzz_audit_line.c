// SPDX-License-Identifier: ISC
// A line of an export, of a file sink or of the checkpoint file. Reading gives back exactly what
// was written, so a line that was read and written once stays as it is, and so does its hash.
#include "tests/fuzz/fuzz.h"
#include "vault/audit/line.h"

// Octets that are longer can only be altered ones; they are written cut.
enum { HEX_BYTES_MAX = 128 };

static void put(struct buffer *out, const struct audit_line *line)
{
    switch (line->kind) {
    case AUDIT_LINE_HEADER:
        audit_line_put_header(out, &line->header);
        break;
    case AUDIT_LINE_ITEM:
        audit_line_put(out, &line->item);
        break;
    case AUDIT_LINE_END:
        audit_line_put_end(out, line->lines);
        break;
    }
}

static void check_hash(const struct audit_line *a, const struct audit_line *b)
{
    if (a->kind == AUDIT_LINE_ITEM && a->item.kind == AUDIT_ITEM_RECORD) {
        struct digest first = {{0}};
        const struct audit_record_item *r = &a->item.record;
        struct digest x = audit_entry_hash(first, r->chain_id, r->seq, &r->entry);
        struct digest y = audit_entry_hash(first, b->item.record.chain_id, b->item.record.seq,
                                           &b->item.record.entry);
        REQUIRE(bytes_equal(digest_bytes(&x), digest_bytes(&y)));
    }
}

// Times outside what RFC 3339 can write come from no database.
static void check_line(struct str text, struct arena *arena)
{
    struct audit_line line;
    struct audit_line again;
    struct buffer first;
    struct buffer second;
    if (!status_ok(audit_line_parse(text, arena, &line))) {
        return;
    }
    buffer_init(&first, AUDIT_LINE_MAX);
    buffer_init(&second, AUDIT_LINE_MAX);
    put(&first, &line);
    struct str written = buffer_str(&first);
    REQUIRE(status_ok(buffer_status(&first)) && str_ends_with(written, STR("}\n")));
    REQUIRE(__builtin_memchr(written.ptr, '\n', written.len - 1) == NULL);
    REQUIRE(status_ok(audit_line_parse(str_first(written, written.len - 1), arena, &again)));
    REQUIRE(again.kind == line.kind);
    check_hash(&line, &again);
    put(&second, &again);
    REQUIRE(str_equal(written, buffer_str(&second)));
    buffer_done(&first);
    buffer_done(&second);
}

static void check_witness(struct str text, struct arena *arena)
{
    struct audit_witness witness;
    struct audit_witness again;
    struct buffer line;
    if (!status_ok(audit_line_parse_witness(text, arena, &witness))) {
        return;
    }
    buffer_init(&line, AUDIT_LINE_MAX);
    audit_line_put_witness(&line, &witness);
    struct str written = str_first(buffer_str(&line), line.len - 1);
    REQUIRE(status_ok(buffer_status(&line)));
    REQUIRE(status_ok(audit_line_parse_witness(written, arena, &again)));
    REQUIRE(again.claim_count == witness.claim_count);
    REQUIRE(again.checkpoint.number == witness.checkpoint.number);
    REQUIRE(again.checkpoint.time_us == witness.checkpoint.time_us);
    REQUIRE(witness.checkpoint.hash.len > HEX_BYTES_MAX ||
            bytes_equal(again.checkpoint.hash, witness.checkpoint.hash));
    for (size_t i = 0; i < witness.claim_count; i++) {
        REQUIRE(again.claims[i].chain_id == witness.claims[i].chain_id);
        REQUIRE(again.claims[i].seq == witness.claims[i].seq);
    }
    buffer_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str text = {(const char *)data, size};
    check_line(text, arena);
    check_witness(text, arena);
    return 0;
}
