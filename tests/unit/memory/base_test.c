// SPDX-License-Identifier: ISC
// Every allocation of the parsers and writers of vault/base fails once.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/base/config.h"
#include "vault/base/hcl.h"
#include "vault/base/json.h"
#include "vault/base/json_writer.h"
#include "vault/base/limits.h"
#include "vault/base/merge_patch.h"

static const struct str document = {
    "{\"a\\u00e9\":[1,2,{\"b\":\"x\\ny\"}],\"c\":{\"d\":null},\"e\":\"1,2\"}", 55};

static struct arena *arena_or_null(void)
{
    return arena_new(LIMIT_ARENA_BYTES);
}

// Takes more than one chunk, so that growing can fail too.
static struct status fill_arena(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_or_null();
    for (size_t size = 100; arena != NULL && size < 100000; size *= 3) {
        struct str copy;
        if (arena_alloc(arena, size) == NULL) {
            FAIL(NOMEM, "no chunk");
        }
        TRY(arena_copy_str(arena, document, &copy));
        assert_true(str_equal(copy, document));
    }
    return arena == NULL ? MAKE_STATUS(NOMEM, "no arena") : OK_STATUS;
}

static struct status read_json(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_or_null();
    struct json_value v;
    struct json_strings list;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(json_parse(document, NULL, arena, &v, NULL));
    assert_int_equal(3, json_count(json_get(v, "a\xc3\xa9")));
    TRY(json_as_strings(json_get(v, "e"), &list));
    assert_int_equal(2, list.count);
    return OK_STATUS;
}

static struct status write_json(void *ctx)
{
    (void)ctx;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, LIMIT_BODY_BYTES);
    struct json_writer w = json_writer_on(&out);
    json_begin_array(&w);
    for (int64_t i = 0; i < 1000; i++) {
        json_put_int(&w, i);
    }
    json_end_array(&w);
    return json_writer_status(&w);
}

static struct status patch_json(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_or_null();
    CLEANUP(buffer_done) struct buffer out;
    struct json_value target;
    struct json_value patch;
    buffer_init(&out, LIMIT_BODY_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(json_parse(document, NULL, arena, &target, NULL));
    TRY(json_parse(STR("{\"c\":{\"d\":1,\"n\":{\"m\":2}},\"e\":null}"), NULL, arena, &patch, NULL));
    TRY(merge_patch_apply(target, patch, arena, &out));
    assert_str("{\"a\xc3\xa9\":[1,2,{\"b\":\"x\\ny\"}],\"c\":{\"d\":1,\"n\":{\"m\":2}}}",
               buffer_str(&out));
    return OK_STATUS;
}

static struct status read_hcl(void *text)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_or_null();
    const struct hcl_node *root = NULL;
    struct text_error error;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(hcl_parse(str_from_c(text), arena, &root, &error));
    assert_non_null(hcl_get(root, "path"));
    return OK_STATUS;
}

static struct status read_config(void *text)
{
    struct config *config = NULL;
    struct config_problem why = {""};
    TRY(config_parse(str_from_c(text), "f", &why, &config));
    assert_int_equal(1, config->listener_count);
    CLEANUP(buffer_done) struct buffer conninfo;
    buffer_init(&conninfo, LIMIT_CONFIG_BYTES);
    struct status s = config_database_conninfo(&config->database, &conninfo);
    config_free(config);
    return s;
}

static void an_arena_survives_each(void **state)
{
    (void)state;
    allocation_fail_each(fill_arena, NULL);
}

static void json_survives_each(void **state)
{
    (void)state;
    allocation_fail_each(read_json, NULL);
    allocation_fail_each(write_json, NULL);
    allocation_fail_each(patch_json, NULL);
}

static void hcl_survives_each(void **state)
{
    (void)state;
    char native[] = "path \"a\" {\n  x = [\"q\\n\", 1, true]\n  y = <<EOF\ntext\nEOF\n}\n";
    char json[] = "{\"path\":{\"a\":{\"x\":[\"q\\n\",1]}}}";
    allocation_fail_each(read_hcl, native);
    allocation_fail_each(read_hcl, json);
}

static void a_configuration_survives_each(void **state)
{
    (void)state;
    char text[] = "listener \"tcp\" {\n  address = \"127.0.0.1:8200\"\n}\n"
                  "database {\n  host = \"/tmp\"\n  name = \"n\"\n  user = \"u\"\n}\n"
                  "seal \"shamir\" {}\n";
    allocation_fail_each(read_config, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_survives_each),
        cmocka_unit_test(json_survives_each),
        cmocka_unit_test(hcl_survives_each),
        cmocka_unit_test(a_configuration_survives_each),
    };
    return RUN_TESTS(tests);
}
