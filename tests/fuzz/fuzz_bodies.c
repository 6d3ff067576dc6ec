// SPDX-License-Identifier: ISC
// What handlers read out of a JSON body: the parameters of a new token or a role, the custom
// metadata and the shape of a secret.
#include "tests/fuzz/fuzz.h"
#include "vault/base/json_writer.h"
#include "vault/core/address.h"
#include "vault/identity/token_limits.h"
#include "vault/identity/token_request.h"
#include "vault/identity/token_role_request.h"
#include "vault/policy/name.h"
#include "vault/secrets/kv/kv_custom.h"
#include "vault/secrets/kv/kv_subkeys.h"

static void check_token(struct json_value body)
{
    struct token_request r;
    const char *field = NULL;
    if (!status_ok(token_request_read(body, &r, &field))) {
        REQUIRE(field != NULL);
        return;
    }
    REQUIRE(r.id.len <= LIMIT_NAME_BYTES && r.display_name.len <= LIMIT_NAME_BYTES);
    REQUIRE(r.ttl_s >= 0 && r.period_s >= 0 && r.explicit_max_ttl_s >= 0 && r.num_uses >= 0);
    REQUIRE(r.policies.count <= LIMIT_POLICIES_PER_TOKEN);
    for (size_t i = 0; i < r.id.len; i++) {
        REQUIRE(r.id.ptr[i] > ' ' && r.id.ptr[i] <= '~' && r.id.ptr[i] != '.');
    }
    for (size_t i = 0; i < r.bound_cidrs.count; i++) {
        REQUIRE(status_ok(address_check_cidr(r.bound_cidrs.items[i])));
    }
}

static void check_role(struct json_value body, struct arena *arena)
{
    struct token_role r;
    const char *field = NULL;
    REQUIRE(status_ok(token_role_new(1, STR("r"), &r)));
    if (!status_ok(token_role_read(body, arena, &r, &field))) {
        REQUIRE(field != NULL);
        return;
    }
    REQUIRE(r.period_s >= 0 && r.explicit_max_ttl_s >= 0 && r.num_uses >= 0);
    REQUIRE(r.path_suffix.len <= LIMIT_NAME_BYTES && !str_equal(r.path_suffix, STR("..")));
    for (size_t i = 0; i < r.allowed_policies.count; i++) {
        struct str name = r.allowed_policies.items[i];
        struct str again = name;
        REQUIRE(policy_name_is_root(name) || status_ok(policy_name_normalise(name, arena, &again)));
        REQUIRE(str_equal(name, again));
    }
    for (size_t i = 0; i < r.bound_cidrs.count; i++) {
        REQUIRE(status_ok(address_check_cidr(r.bound_cidrs.items[i])));
    }
}

static void check_custom(struct json_value body, struct arena *arena)
{
    struct str stored;
    struct str again;
    struct json_value object;
    if (!status_ok(kv_custom_build(body, false, STR(""), arena, &stored)) || stored.len == 0) {
        return;
    }
    REQUIRE(status_ok(json_parse(stored, NULL, arena, &object, NULL)));
    REQUIRE(json_count(object) <= LIMIT_METADATA_ENTRIES);
    struct json_iter it = json_iterate(object);
    while (json_next(&it)) {
        struct str value;
        REQUIRE(status_ok(json_as_str(it.value, &value)) && kv_text_printable(value));
        REQUIRE(kv_text_printable(it.key) && value.len <= LIMIT_METADATA_VALUE_BYTES);
    }
    // What is stored is taken again as it is, and an empty patch leaves it.
    REQUIRE(status_ok(kv_custom_build(object, false, STR(""), arena, &again)));
    REQUIRE(str_equal(stored, again));
    REQUIRE(status_ok(json_parse(STR("{}"), NULL, arena, &object, NULL)));
    REQUIRE(status_ok(kv_custom_build(object, true, stored, arena, &again)));
    REQUIRE(str_equal(stored, again));
}

// No value is left: every leaf is null or an empty object.
static void check_blank(struct json_value v)
{
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        REQUIRE(json_kind(it.value) == JSON_NULL || json_kind(it.value) == JSON_OBJECT);
        check_blank(it.value);
    }
}

static void check_subkeys(struct json_value body, int64_t depth, struct arena *arena)
{
    struct buffer out;
    struct json_value shape;
    buffer_init(&out, LIMIT_RESPONSE_BYTES);
    struct json_writer w = json_writer_on(&out);
    if (status_ok(kv_subkeys_write(body, depth, arena, &w)) && status_ok(json_writer_status(&w))) {
        const struct json_limits wide = {LIMIT_JSON_DEPTH, LIMIT_JSON_MEMBERS,
                                         8 * LIMIT_BODY_BYTES};
        REQUIRE(status_ok(json_parse(buffer_str(&out), &wide, arena, &shape, NULL)));
        REQUIRE(json_count(shape) == json_count(body));
        check_blank(shape);
    }
    buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(2 * LIMIT_ARENA_BYTES);
    struct json_value body;
    struct str text = {(const char *)data, size};
    if (!status_ok(json_parse(text, NULL, arena, &body, NULL)) || json_kind(body) != JSON_OBJECT) {
        return 0;
    }
    check_token(body);
    check_role(body, arena);
    check_custom(body, arena);
    for (int64_t depth = 0; depth < 3; depth++) {
        check_subkeys(body, depth, arena);
    }
    return 0;
}
