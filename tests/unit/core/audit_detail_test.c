// SPDX-License-Identifier: ISC
#include "vault/core/audit_detail.h"

#include "tests/support/test.h"
#include "vault/base/limits.h"

static struct str detail_of(struct arena *arena, struct str note)
{
    const struct operation op = {.arena = arena, .note = note};
    struct str out;
    assert_ok(audit_detail(&op, &out));
    return out;
}

static void a_request_without_anything_to_tell_has_an_empty_detail(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    assert_str("{}", detail_of(arena, STR("")));
}

static void a_note_is_told_in_the_clear(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    assert_str("{\"note\":\"version 1 of \\\"app\\\"\"}",
               detail_of(arena, STR("version 1 of \"app\"")));
}

static void a_long_note_is_cut_off_and_stays_json(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    char note[LIMIT_AUDIT_NOTE_BYTES + 100];
    for (size_t i = 0; i < sizeof note; i++) {
        note[i] = i % 2 == 0 ? '\xC3' : '\xA9'; // one letter of two octets
    }
    struct json_value root;
    struct str text;
    // Cut in the middle of a letter.
    struct str out = detail_of(arena, (struct str){note + 1, sizeof note - 1});
    assert_ok(json_parse(out, NULL, arena, &root, NULL));
    assert_ok(json_as_str(json_get(root, "note"), &text));
    assert_true(text.len >= LIMIT_AUDIT_NOTE_BYTES - 1 && text.len <= LIMIT_AUDIT_NOTE_BYTES + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_anything_to_tell_has_an_empty_detail),
        cmocka_unit_test(a_note_is_told_in_the_clear),
        cmocka_unit_test(a_long_note_is_cut_off_and_stays_json),
    };
    return RUN_TESTS(tests);
}
