// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/audit/line.h"
#include "vault/base/clock.h"

enum { ARENA_BYTES = 1024 * 1024 };

struct line_fixture {
    struct buffer text;
    struct arena *arena;
    struct audit_line line;
};

static void read_back(struct line_fixture *f, const struct audit_item *item)
{
    buffer_init(&f->text, ARENA_BYTES);
    f->arena = arena_new(ARENA_BYTES);
    audit_line_put(&f->text, item);
    assert_ok(buffer_status(&f->text));
    assert_int_equal('\n', f->text.ptr[f->text.len - 1]);
    assert_ok(audit_line_parse(str_trim(buffer_str(&f->text)), f->arena, &f->line));
    assert_int_equal(AUDIT_LINE_ITEM, f->line.kind);
    assert_int_equal(item->kind, f->line.item.kind);
}

static void done(struct line_fixture *f)
{
    buffer_done(&f->text);
    arena_free(f->arena);
}

static struct audit_item record_with(struct str path, struct str detail)
{
    static const uint8_t hash[DIGEST_BYTES] = {1, 2, 3};
    return (struct audit_item){.kind = AUDIT_ITEM_RECORD,
                               .record = {.chain_id = 3,
                                          .seq = 9,
                                          .entry = {.time_us = 1700000000123456,
                                                    .request_id = uuid_new(),
                                                    .namespace_id = 1,
                                                    .actor = STR("\"quoted\" \\ \x01 \xc3\xa9"),
                                                    .path = path,
                                                    .result = 200,
                                                    .duration_us = 77,
                                                    .effect = true,
                                                    .detail = detail},
                                          .hash = BYTES_OF(hash)}};
}

// What is hashed must come back octet by octet.
static void assert_same_hash(struct str path, struct str detail)
{
    struct line_fixture f;
    struct digest zero = {{0}};
    struct audit_item item = record_with(path, detail);
    read_back(&f, &item);
    struct digest before = audit_entry_hash(zero, 3, 9, &item.record.entry);
    struct digest after = audit_entry_hash(zero, 3, 9, &f.line.item.record.entry);
    assert_true(digest_equal(before, after));
    assert_true(bytes_equal(item.record.hash, f.line.item.record.hash));
    done(&f);
}

static void records_come_back_exactly(void **state)
{
    (void)state;
    assert_same_hash(STR("secret/data/a"), STR("{}"));
    assert_same_hash(STR(""), STR("{\"n\": 1.10, \"s\":\"\\u00e9\"}"));
    assert_same_hash(STR("new\nline"), STR("{\"a\":\n1}"));
    assert_same_hash(STR("x"), STR(" {} "));
    assert_same_hash(STR("x"), STR("not JSON"));
    assert_same_hash(STR("x"), STR(""));
    assert_same_hash(STR("x"), STR("[1]"));
}

static void details_that_are_json_stay_readable(void **state)
{
    (void)state;
    struct buffer text;
    struct audit_item item = record_with(STR("x"), STR("{\"reason\":\"no token\"}"));
    buffer_init(&text, ARENA_BYTES);
    audit_line_put(&text, &item);
    buffer_append_byte(&text, 0);
    assert_non_null(strstr((const char *)text.ptr, "\"detail\":{\"reason\":\"no token\"}"));
    buffer_done(&text);
}

static void chains_come_back_with_their_genesis(void **state)
{
    (void)state;
    static const uint8_t head[DIGEST_BYTES] = {7};
    struct line_fixture f;
    struct audit_item item = {.kind = AUDIT_ITEM_CHAIN,
                              .chain = {.header = {.id = 4,
                                                   .node = STR("n"),
                                                   .worker = 1,
                                                   .system_id = -42,
                                                   .timeline = 2,
                                                   .opened_at_us = 1700000000000001,
                                                   .previous_id = 2,
                                                   .previous_seq = 8},
                                        .previous_head = BYTES_OF(head),
                                        .closed = true,
                                        .closed_seq = 5}};
    memcpy(item.chain.header.previous_head.octets, head, sizeof head);
    read_back(&f, &item);
    assert_true(digest_equal(audit_chain_genesis(&item.chain.header),
                             audit_chain_genesis(&f.line.item.chain.header)));
    assert_true(f.line.item.chain.closed);
    done(&f);
}

static void witnesses_come_back_with_all_chains(void **state)
{
    (void)state;
    static const uint8_t head[DIGEST_BYTES] = {7};
    const struct audit_claim_item claims[] = {{1, 5, 10, BYTES_OF(head), false, false},
                                              {2, 5, 0, BYTES_OF(head), true, false}};
    const struct audit_witness w = {
        {.number = 5, .time_us = 1, .hash = BYTES_OF(head)}, claims, ARRAY_LEN(claims)};
    struct audit_witness back;
    struct buffer text;
    struct arena *arena = arena_new(ARENA_BYTES);
    buffer_init(&text, ARENA_BYTES);
    audit_line_put_witness(&text, &w);
    assert_ok(audit_line_parse_witness(str_trim(buffer_str(&text)), arena, &back));
    assert_int_equal(2, back.claim_count);
    assert_int_equal(10, back.claims[0].seq);
    assert_true(back.claims[1].closed);
    assert_int_equal(5, back.checkpoint.number);
    buffer_done(&text);
    arena_free(arena);
}

static void what_is_no_line_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"type\":\"other\"}",
        "{\"type\":\"record\"}",
        "{\"type\":\"end\",\"lines\":\"many\"}",
        "{\"type\":\"export\",\"version\":2,\"exported_at\":\"2026-01-01T00:00:00Z\","
        "\"filtered\":false}",
        "{\"type\":\"key\",\"key\":1,\"created_at\":\"2026-01-01T00:00:00Z\",\"public_key\":\"0\","
        "\"succession_signature\":\"\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena *arena = arena_new(ARENA_BYTES);
        struct audit_line line;
        assert_status(INVALID, audit_line_parse(str_from_c(wrong[i]), arena, &line));
        arena_free(arena);
    }
}

static void the_header_says_what_was_exported(void **state)
{
    (void)state;
    const struct audit_export_header h = {
        .exported_us = 5, .from_us = 1700000000000000, .to_us = CLOCK_NEVER, .filtered = true};
    struct arena *arena = arena_new(ARENA_BYTES);
    struct audit_line line;
    struct buffer text;
    buffer_init(&text, ARENA_BYTES);
    audit_line_put_header(&text, &h);
    assert_ok(audit_line_parse(str_trim(buffer_str(&text)), arena, &line));
    assert_int_equal(AUDIT_LINE_HEADER, line.kind);
    assert_int_equal(h.from_us, line.header.from_us);
    assert_true(line.header.to_us == CLOCK_NEVER);
    assert_true(line.header.filtered);
    buffer_done(&text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_exactly),
        cmocka_unit_test(details_that_are_json_stay_readable),
        cmocka_unit_test(chains_come_back_with_their_genesis),
        cmocka_unit_test(witnesses_come_back_with_all_chains),
        cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(the_header_says_what_was_exported),
    };
    return RUN_TESTS(tests);
}
