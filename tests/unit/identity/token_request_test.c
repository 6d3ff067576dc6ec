// SPDX-License-Identifier: ISC
#include "tests/support/test.h"

#include "vault/base/limits.h"
#include "vault/identity/token_lifetime.h"
#include "vault/identity/token_request.h"

struct reading {
    struct arena *arena;
    struct token_request request;
    const char *field;
    struct status status;
};

static struct reading read_body(const char *json)
{
    struct reading r = {.arena = arena_new(1 << 20), .field = ""};
    struct json_value body;
    assert_ok(json_parse(str_from_c(json), NULL, r.arena, &body, NULL));
    r.status = token_request_read(body, &r.request, &r.field);
    return r;
}

static void refuses(const char *json, const char *field)
{
    struct reading r = read_body(json);
    assert_int_equal(STATUS_INVALID, r.status.code);
    assert_string_equal(field, r.field);
    arena_free(r.arena);
}

static void an_empty_request_asks_for_nothing_special(void **state)
{
    (void)state;
    struct reading r = read_body("{\"unknown\":[1],\"ttl\":null,\"period\":\"\"}");
    assert_ok(r.status);
    assert_true(r.request.renewable);
    assert_false(r.request.no_parent);
    assert_int_equal(0, r.request.ttl_s);
    assert_int_equal(0, r.request.period_s);
    assert_str("{}", r.request.meta);
    assert_int_equal(0, r.request.policies.count);
    arena_free(r.arena);
}

static void parameters_come_as_json_or_as_text(void **state)
{
    (void)state;
    struct reading r =
        read_body("{\"ttl\":\"1h\",\"explicit_max_ttl\":7200,\"num_uses\":\"3\","
                  "\"renewable\":\"false\",\"policies\":\"a, b\",\"type\":\"service\","
                  "\"meta\":{\"k\":\"v\"},\"display_name\":\"d\"}");
    assert_ok(r.status);
    assert_int_equal(3600, r.request.ttl_s);
    assert_int_equal(7200, r.request.explicit_max_ttl_s);
    assert_int_equal(3, r.request.num_uses);
    assert_false(r.request.renewable);
    assert_int_equal(2, r.request.policies.count);
    assert_str("b", r.request.policies.items[1]);
    assert_str("{\"k\":\"v\"}", r.request.meta);
    arena_free(r.arena);
}

static void wrong_types_are_refused_by_name(void **state)
{
    (void)state;
    refuses("{\"ttl\":[]}", "ttl");
    refuses("{\"ttl\":\"-5s\"}", "ttl");
    refuses("{\"period\":\"soon\"}", "period");
    refuses("{\"explicit_max_ttl\":99999999999}", "explicit_max_ttl");
    refuses("{\"num_uses\":-1}", "num_uses");
    refuses("{\"no_parent\":\"perhaps\"}", "no_parent");
    refuses("{\"policies\":[1]}", "policies");
    refuses("{\"display_name\":{}}", "display_name");
    refuses("{\"bound_cidrs\":[\"10.0.0.0/33\"]}", "bound_cidrs");
}

static void metadata_is_a_bounded_object_of_strings(void **state)
{
    (void)state;
    refuses("{\"meta\":\"text\"}", "meta");
    refuses("{\"meta\":{\"a\":1}}", "meta");
    refuses("{\"meta\":{\"a\":{\"b\":\"c\"}}}", "meta");
    char text[LIMIT_METADATA_VALUE_BYTES + 64] = "{\"meta\":{\"a\":\"";
    size_t len = strlen(text);
    memset(text + len, 'x', LIMIT_METADATA_VALUE_BYTES + 1);
    memcpy(text + len + LIMIT_METADATA_VALUE_BYTES + 1, "\"}}", 4);
    refuses(text, "meta");
}

static void batch_tokens_and_aliases_are_refused(void **state)
{
    (void)state;
    refuses("{\"type\":\"batch\"}", "type");
    refuses("{\"type\":\"other\"}", "type");
    refuses("{\"entity_alias\":\"joe\"}", "entity_alias");
}

static void a_custom_id_can_not_imitate_the_vaults_own(void **state)
{
    (void)state;
    refuses("{\"id\":\"hvs.mine\"}", "id");
    refuses("{\"id\":\"with blank\"}", "id");
    refuses("{\"id\":\"line\\nbreak\"}", "id");
    struct reading r = read_body("{\"id\":\"my-own-token\"}");
    assert_ok(r.status);
    assert_str("my-own-token", r.request.id);
    arena_free(r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_request_asks_for_nothing_special),
        cmocka_unit_test(parameters_come_as_json_or_as_text),
        cmocka_unit_test(wrong_types_are_refused_by_name),
        cmocka_unit_test(metadata_is_a_bounded_object_of_strings),
        cmocka_unit_test(batch_tokens_and_aliases_are_refused),
        cmocka_unit_test(a_custom_id_can_not_imitate_the_vaults_own),
    };
    return RUN_TESTS(tests);
}
