// SPDX-License-Identifier: ISC
// Every allocation of what is read from a request's body, and of what its audit record says, fails
// once.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/base/clock.h"
#include "vault/base/json_writer.h"
#include "vault/core/audit_detail.h"
#include "vault/core/audit_path.h"
#include "vault/identity/token_grant.h"
#include "vault/identity/token_role_request.h"
#include "vault/secrets/kv/kv_custom.h"
#include "vault/secrets/kv/kv_subkeys.h"

static const char body[] =
    "{\"policies\":[\"app\",\"\\u0061pp2\"],\"bound_cidrs\":\"10.0.0.0/8,::1\","
    "\"meta\":{\"a\":\"b\"},\"ttl\":\"1h\",\"nested\":{\"k\":[\"long enough\",1]}}";

static struct status parse(struct arena *arena, struct json_value *out)
{
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    return json_parse(str_from_c(body), NULL, arena, out, NULL);
}

static struct status grant_token(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    static const struct str policies[] = {{"root", 4}};
    const struct token caller = {
        .policies = policies, .policy_count = 1, .namespace_id = 1, .expires_us = CLOCK_NEVER};
    const struct token_grant_input input = {.caller = &caller,
                                            .sudo = true,
                                            .path = STR("auth/token/create"),
                                            .limits = {.default_ttl_s = 600, .max_ttl_s = 36000},
                                            .now_us = 1700000000000000,
                                            .arena = arena};
    struct json_value v;
    struct token_request request;
    struct token token;
    const char *field = NULL;
    struct token_grant_notes notes;
    TRY(parse(arena, &v));
    TRY(token_request_read(v, &request, &field));
    TRY(token_grant(&input, &request, &token, &notes));
    assert_int_equal(2, token.bound_cidr_count);
    return OK_STATUS;
}

static struct status grant_by_role(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    const struct token caller = {.namespace_id = 1, .expires_us = CLOCK_NEVER};
    struct token_role role;
    struct token_grant_input input = {.caller = &caller,
                                      .role = &role,
                                      .path = STR("auth/token/create/r"),
                                      .limits = {.default_ttl_s = 600, .max_ttl_s = 36000},
                                      .now_us = 1700000000000000,
                                      .arena = arena};
    struct json_value v;
    struct token_request request;
    struct token token;
    struct token_grant_notes notes;
    const char *field = NULL;
    TRY(parse(arena, &v));
    TRY(token_request_read(v, &request, &field));
    TRY(json_parse(STR("{\"allowed_policies_glob\":\"app*\",\"path_suffix\":\"v1\","
                       "\"disallowed_policies\":[\"Other\"],\"token_bound_cidrs\":[\"::1\"]}"),
                   NULL, arena, &v, NULL));
    TRY(token_role_new(1, STR("r"), &role));
    TRY(token_role_read(v, arena, &role, &field));
    TRY(token_grant(&input, &request, &token, &notes));
    assert_str("auth/token/create/r/v1", token.path);
    assert_int_equal(3, token.policy_count);
    assert_int_equal(1, token.bound_cidr_count);
    return OK_STATUS;
}

static struct status keep_metadata(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct json_value v;
    struct str stored;
    struct str patched;
    TRY(parse(arena, &v));
    TRY(kv_custom_build(json_get(v, "meta"), false, STR(""), arena, &stored));
    TRY(json_parse(STR("{\"c\":\"d\"}"), NULL, arena, &v, NULL));
    TRY(kv_custom_build(v, true, stored, arena, &patched));
    assert_str("{\"a\":\"b\",\"c\":\"d\"}", patched);
    return OK_STATUS;
}

static struct status show_shape(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(buffer_done) struct buffer out;
    struct json_value v;
    buffer_init(&out, LIMIT_RESPONSE_BYTES);
    TRY(parse(arena, &v));
    struct json_writer w = json_writer_on(&out);
    TRY(kv_subkeys_write(v, 0, arena, &w));
    return json_writer_status(&w);
}

static struct status describe_request(void *vault)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct worker worker = {.vault = vault};
    struct operation op = {
        .worker = &worker, .arena = arena, .namespace_id = 1, .reason = "a reason"};
    struct str detail;
    struct str path;
    TRY(parse(arena, &op.body));
    op.path = STR("secret/data/hvs.abcdefghijklmnopqrstuvwx");
    TRY(audit_path(&op, &path));
    assert_true(str_starts_with(path, STR("secret/data/hmac-sha256:")));
    TRY(audit_detail(&op, &detail));
    assert_true(str_starts_with(detail, STR("{\"reason\":\"a reason\",\"request\":{")));
    return OK_STATUS;
}

static void tokens_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(grant_token, NULL);
    allocation_fail_each(grant_by_role, NULL);
}

static void secrets_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(keep_metadata, NULL);
    allocation_fail_each(show_shape, NULL);
}

static void audit_records_survive_each(void **state)
{
    (void)state;
    struct vault vault = {.keyring = NULL};
    struct secret *root_key CLEANUP(secret_cleanup) = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    assert_ok(secret_random(KEYRING_KEY_BYTES, &root_key));
    assert_ok(keyring_new(&vault.keyring));
    assert_ok(keyring_create(vault.keyring, root_key, rows));
    allocation_fail_each(describe_request, &vault);
    keyring_free(vault.keyring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_survive_each),
        cmocka_unit_test(secrets_survive_each),
        cmocka_unit_test(audit_records_survive_each),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
