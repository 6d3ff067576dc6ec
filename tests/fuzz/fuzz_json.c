// SPDX-License-Identifier: ISC
// Input: a document, or a document and a merge patch with a NUL between them.
#include "tests/fuzz/fuzz.h"
#include "vault/base/json.h"
#include "vault/base/json_writer.h"
#include "vault/base/merge_patch.h"

static void read_scalar(struct json_value v)
{
    struct str text;
    struct json_strings list;
    int64_t number;
    bool truth;
    if (status_ok(json_as_str(v, &text))) {
        REQUIRE(str_is_text(text));
    }
    status_ignore(json_as_int(v, &number));
    status_ignore(json_as_bool(v, &truth));
    status_ignore(json_as_duration_s(v, &number));
    status_ignore(json_as_strings(v, &list));
}

// Copies the document token by token; depth is bounded by the reader's limit.
static void copy(struct json_writer *w, struct json_value v)
{
    enum json_kind kind = json_kind(v);
    REQUIRE(kind != JSON_NONE);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        read_scalar(v);
        json_put_raw(w, json_raw(v));
        return;
    }
    bool object = kind == JSON_OBJECT;
    (object ? json_begin_object : json_begin_array)(w);
    struct json_iter it = json_iterate(v);
    uint32_t count = 0;
    for (; json_next(&it); count++) {
        if (object) {
            REQUIRE(json_get_str(v, it.key).index == it.value.index);
            json_put_key_str(w, it.key);
        }
        copy(w, it.value);
    }
    REQUIRE(count == json_count(v));
    (object ? json_end_object : json_end_array)(w);
}

static void must_parse(struct str text, struct arena *arena)
{
    struct json_value v;
    struct status again = json_parse(text, NULL, arena, &v, NULL);
    REQUIRE(status_ok(again) || again.code == STATUS_NOMEM);
}

static void patch(struct json_value target, struct str text, struct arena *arena)
{
    struct json_value change;
    struct buffer out;
    if (!status_ok(json_parse(text, NULL, arena, &change, NULL))) {
        return;
    }
    buffer_init(&out, LIMIT_BODY_BYTES);
    if (status_ok(merge_patch_apply(target, change, arena, &out))) {
        must_parse(buffer_str(&out), arena);
    }
    buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str rest;
    struct str text = fuzz_split(data, size, &rest);
    struct json_value v;
    struct text_position where = {0, 1, 1};
    if (!status_ok(json_parse(text, NULL, arena, &v, &where))) {
        REQUIRE(where.offset <= text.len);
        return 0;
    }
    struct buffer out;
    buffer_init(&out, LIMIT_BODY_BYTES);
    struct json_writer w = json_writer_on(&out);
    copy(&w, v);
    if (status_ok(json_writer_status(&w))) {
        must_parse(buffer_str(&out), arena);
    }
    buffer_done(&out);
    patch(v, rest, arena);
    return 0;
}
