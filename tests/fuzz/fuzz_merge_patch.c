// SPDX-License-Identifier: ISC
// Input: a document and a merge patch, with a NUL between them. The result is held against RFC
// 7386, member by member, and patching twice changes nothing more.
#include "tests/fuzz/fuzz.h"
#include "vault/base/merge_patch.h"

static void check(struct json_value target, struct json_value patch, struct json_value result);

static void check_kept(struct json_value target, struct json_value patch, struct json_value result)
{
    struct json_iter it = json_iterate(target);
    while (json_next(&it)) {
        if (!json_present(json_get_str(patch, it.key))) {
            REQUIRE(str_equal(json_raw(json_get_str(result, it.key)), json_raw(it.value)));
        }
    }
}

static void check_changed(struct json_value target, struct json_value patch,
                          struct json_value result)
{
    struct json_iter it = json_iterate(patch);
    while (json_next(&it)) {
        struct json_value now = json_get_str(result, it.key);
        if (json_kind(it.value) == JSON_NULL) {
            REQUIRE(!json_present(now));
        } else {
            check(json_get_str(target, it.key), it.value, now);
        }
    }
}

static void check(struct json_value target, struct json_value patch, struct json_value result)
{
    if (json_kind(patch) != JSON_OBJECT) {
        REQUIRE(str_equal(json_raw(result), json_raw(patch)));
        return;
    }
    if (json_kind(target) != JSON_OBJECT) {
        target = (struct json_value){NULL, 0};
    }
    REQUIRE(json_kind(result) == JSON_OBJECT);
    REQUIRE(json_count(result) <= json_count(target) + json_count(patch));
    check_kept(target, patch, result);
    check_changed(target, patch, result);
}

static void check_twice(struct json_value result, struct json_value patch, struct arena *arena)
{
    struct buffer again;
    buffer_init(&again, LIMIT_BODY_BYTES);
    REQUIRE(status_ok(merge_patch_apply(result, patch, arena, &again)));
    REQUIRE(str_equal(buffer_str(&again), json_raw(result)));
    buffer_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(2 * LIMIT_ARENA_BYTES);
    struct json_value target = {NULL, 0};
    struct json_value patch;
    struct json_value result;
    struct str changes;
    struct str text = fuzz_split(data, size, &changes);
    struct buffer out;
    if ((text.len > 0 && !status_ok(json_parse(text, NULL, arena, &target, NULL))) ||
        !status_ok(json_parse(changes, NULL, arena, &patch, NULL))) {
        return 0;
    }
    buffer_init(&out, LIMIT_BODY_BYTES);
    if (status_ok(merge_patch_apply(target, patch, arena, &out))) {
        struct json_limits wide = JSON_DEFAULT_LIMITS;
        wide.members *= 2;
        REQUIRE(status_ok(json_parse(buffer_str(&out), &wide, arena, &result, NULL)));
        check(target, patch, result);
        check_twice(result, patch, arena);
    }
    buffer_done(&out);
    return 0;
}
