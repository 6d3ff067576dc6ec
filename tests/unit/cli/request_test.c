// SPDX-License-Identifier: ISC
// What each command asks the server.
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cli/cli_fixture.h"

struct expectation {
    const char *line;    // the command
    const char *request; // method and path of the last request
    const char *body;    // of the last request
};

static const struct expectation direct[] = {
    {"seal", "PUT /v1/sys/seal", "{}"},
    {"key-status", "GET /v1/sys/key-status", ""},
    {"rotate", "PUT /v1/sys/rotate", "{}"},
    {"operator rotate", "PUT /v1/sys/rotate", "{}"},
    {"unseal -reset", "PUT /v1/sys/unseal", "{\"reset\":true}"},
    {"read sys/host-info a=b%c", "GET /v1/sys/host-info?a=b%25c", ""},
    {"list /auth/token/accessors/", "GET /v1/auth/token/accessors?list=true", ""},
    {"delete a/../b", "DELETE /v1/a/../b", ""},
    {"write -f sys/step-down", "PUT /v1/sys/step-down", "{}"},
    {"write a/\xC3\xA4?#% x=1", "PUT /v1/a/%C3%A4%3F%23%25", "{\"x\":\"1\"}"},
    {"token create -policy=a -policy=b -ttl=1h -metadata=k=v -renewable=false",
     "POST /v1/auth/token/create",
     "{\"policies\":[\"a\",\"b\"],\"ttl\":\"1h\",\"meta\":{\"k\":\"v\"},\"renewable\":false}"},
    {"token create -orphan", "POST /v1/auth/token/create-orphan", "{}"},
    {"token create -role=r", "POST /v1/auth/token/create/r", "{}"},
    {"token lookup", "GET /v1/auth/token/lookup-self", ""},
    {"token lookup -", "POST /v1/auth/token/lookup", "{\"token\":\"typed\"}"},
    {"token lookup -accessor=A", "POST /v1/auth/token/lookup-accessor", "{\"accessor\":\"A\"}"},
    {"token renew -increment=1h", "POST /v1/auth/token/renew-self", "{\"increment\":\"1h\"}"},
    {"token revoke -self", "POST /v1/auth/token/revoke-self", "{}"},
    {"token revoke -", "POST /v1/auth/token/revoke", "{\"token\":\"typed\"}"},
    {"token revoke -accessor=A", "POST /v1/auth/token/revoke-accessor", "{\"accessor\":\"A\"}"},
    {"token capabilities a/b", "POST /v1/sys/capabilities-self", "{\"paths\":[\"a/b\"]}"},
    {"policy list", "GET /v1/sys/policies/acl?list=true", ""},
    {"policy read p", "GET /v1/sys/policies/acl/p", ""},
    {"policy write p -", "PUT /v1/sys/policies/acl/p", "{\"policy\":\"typed\\n\"}"},
    {"policy delete p", "DELETE /v1/sys/policies/acl/p", ""},
    {"secrets list", "GET /v1/sys/mounts", ""},
    {"secrets enable -path=secret -version=2 kv", "POST /v1/sys/mounts/secret",
     "{\"type\":\"kv\",\"config\":{},\"options\":{\"version\":\"2\"}}"},
    {"secrets enable kv-v2", "POST /v1/sys/mounts/kv-v2",
     "{\"type\":\"kv\",\"config\":{},\"options\":{\"version\":\"2\"}}"},
    {"secrets disable secret/", "DELETE /v1/sys/mounts/secret", ""},
    {"secrets tune secret/", "GET /v1/sys/mounts/secret/tune", ""},
    {"secrets tune -format=json secret/", "GET /v1/sys/mounts/secret/tune", ""},
    {"secrets tune -max-lease-ttl=1h secret/", "POST /v1/sys/mounts/secret/tune",
     "{\"max_lease_ttl\":\"1h\"}"},
    {"auth enable userpass", "POST /v1/sys/auth/userpass", "{\"type\":\"userpass\",\"config\":{}}"},
    {"auth disable userpass", "DELETE /v1/sys/auth/userpass", ""},
    {"rotation target write db rotator=postgresql password=-", "POST /v1/rotation/targets/db",
     "{\"rotator\":\"postgresql\",\"password\":\"typed\\n\"}"},
    {"rotation target list", "GET /v1/rotation/targets?list=true", ""},
    {"rotation target read db", "GET /v1/rotation/targets/db", ""},
    {"rotation target delete db", "DELETE /v1/rotation/targets/db", ""},
    {"rotation credential write -mount=turn app target=db", "POST /v1/turn/credentials/app",
     "{\"target\":\"db\"}"},
    {"rotation credential list", "GET /v1/rotation/credentials?list=true", ""},
    {"rotation creds app", "GET /v1/rotation/creds/app", ""},
    {"rotation creds -previous app", "GET /v1/rotation/creds/app?version=previous", ""},
    {"rotation rotate app", "POST /v1/rotation/credentials/app/rotate", "{}"},
    {"rotation history app", "GET /v1/rotation/credentials/app/history", ""},
    {"rotation rotate -force -wait=5s app", "POST /v1/rotation/credentials/app/rotate",
     "{\"timeout\":\"5s\",\"force\":true}"},
    {"rotation plan app", "POST /v1/rotation/credentials/app/plan", "{}"},
    {"rotation pause app", "POST /v1/rotation/credentials/app/pause", "{}"},
    {"rotation resume -mount=turn app", "POST /v1/turn/credentials/app/resume", "{}"},
    {"rotation rollback -wait=0s app", "POST /v1/rotation/credentials/app/rollback",
     "{\"timeout\":\"0s\"}"},
    {"rotation import app password=-", "POST /v1/rotation/credentials/app/import",
     "{\"password\":\"typed\\n\"}"},
    {"rotation acknowledge -action=apply app", "POST /v1/rotation/credentials/app/acknowledge",
     "{\"action\":\"apply\"}"},
    {"rotation schedule -next=3 app", "GET /v1/rotation/credentials/app/schedule?next=3", ""},
    {"rotation target check -account=a db", "POST /v1/rotation/targets/db/check",
     "{\"account\":\"a\"}"},
    {"rotation status", "GET /v1/rotation/status", ""},
    {"rotation notifier write ops type=webhook url=https://x/", "POST /v1/rotation/notifiers/ops",
     "{\"type\":\"webhook\",\"url\":\"https://x/\"}"},
    {"rotation notifier list", "GET /v1/rotation/notifiers?list=true", ""},
    {"rotation notifier read ops", "GET /v1/rotation/notifiers/ops", ""},
    {"rotation notifier delete -mount=turn ops", "DELETE /v1/turn/notifiers/ops", ""},
    {"rotation notifier test -to=a@b ops", "POST /v1/rotation/notifiers/ops/test",
     "{\"to\":\"a@b\"}"},
    {"rotation notifier deliveries -state=parked ops",
     "GET /v1/rotation/notifiers/ops/deliveries?limit=100&after=0&state=parked", ""},
    {"rotation notifier replay -credential=app ops", "POST /v1/rotation/notifiers/ops/replay",
     "{\"credential\":\"app\"}"},
    {"audit list", "GET /v1/sys/audit", ""},
    {"audit enable -path=f file file_path=/var/log/a", "POST /v1/sys/audit/f",
     "{\"type\":\"file\",\"options\":{\"file_path\":\"/var/log/a\"}}"},
    {"audit disable f", "DELETE /v1/sys/audit/f", ""},
    {"audit records -actor=ada -path=a/b -limit=5",
     "GET /v1/sys/audit/records?actor=ada&path=a%2Fb&limit=5", ""},
    {"audit export -as=csv -from=2026-01-01T00:00:00Z",
     "GET /v1/sys/audit/export?from=2026-01-01T00%3A00%3A00Z&format=csv", ""},
};

// What kv commands ask after the mount was looked up.
static const struct expectation versioned[] = {
    {"kv get secret/a/b", "GET /v1/secret/data/a/b", ""},
    {"kv get -version=2 secret/a", "GET /v1/secret/data/a?version=2", ""},
    {"kv get -mount=secret a", "GET /v1/secret/data/a", ""},
    {"kv put secret/a x=1", "POST /v1/secret/data/a", "{\"options\":{},\"data\":{\"x\":\"1\"}}"},
    {"kv put -cas=0 secret/a x=1", "POST /v1/secret/data/a",
     "{\"options\":{\"cas\":0},\"data\":{\"x\":\"1\"}}"},
    {"kv patch secret/a x=1", "PATCH /v1/secret/data/a", "{\"options\":{},\"data\":{\"x\":\"1\"}}"},
    {"kv list secret/", "GET /v1/secret/metadata?list=true", ""},
    {"kv list secret/a", "GET /v1/secret/metadata/a?list=true", ""},
    {"kv search secret/ x", "GET /v1/secret/metadata?scan=true", ""},
    {"kv delete secret/a", "DELETE /v1/secret/data/a", ""},
    {"kv delete -versions=1,2 secret/a", "POST /v1/secret/delete/a", "{\"versions\":[1,2]}"},
    {"kv undelete -versions=2 secret/a", "POST /v1/secret/undelete/a", "{\"versions\":[2]}"},
    {"kv destroy -versions=2 secret/a", "POST /v1/secret/destroy/a", "{\"versions\":[2]}"},
    {"kv metadata get secret/a", "GET /v1/secret/metadata/a", ""},
    {"kv metadata put -max-versions=5 -custom-metadata=o=ada secret/a",
     "POST /v1/secret/metadata/a", "{\"max_versions\":5,\"custom_metadata\":{\"o\":\"ada\"}}"},
    {"kv metadata delete secret/a", "DELETE /v1/secret/metadata/a", ""},
};

static const struct expectation unversioned[] = {
    {"kv get secret/a/b", "GET /v1/secret/a/b", ""},
    {"kv put secret/a x=1", "POST /v1/secret/a", "{\"x\":\"1\"}"},
    {"kv list secret/", "GET /v1/secret?list=true", ""},
    {"kv delete secret/a", "DELETE /v1/secret/a", ""},
};

static const struct http_answer mount_v2 = {
    200, "{\"data\":{\"path\":\"secret/\",\"options\":{\"version\":\"2\"}}}", NULL};
static const struct http_answer mount_v1 = {200, "{\"data\":{\"path\":\"secret/\",\"options\":{}}}",
                                            NULL};
static const struct http_answer done = {204, NULL, NULL};

static void check(struct cli_fixture *f, const struct expectation *e, size_t index)
{
    if (strcmp(e->request, http_fixture_line(&f->server, index)) != 0) {
        fail_msg("%s: asked %s (%s)", e->line, http_fixture_line(&f->server, index), f->err);
    }
    if (strcmp(e->body, http_fixture_body(&f->server, index)) != 0) {
        fail_msg("%s: sent %s", e->line, http_fixture_body(&f->server, index));
    }
    assert_true(http_fixture_has_header(&f->server, index, "X-Vault-Request: true"));
}

static void each_command_asks_for_its_path_with_its_body(void **state)
{
    struct cli_fixture *f = *state;
    f->input = "typed\n";
    for (size_t i = 0; i < ARRAY_LEN(direct); i++) {
        cli_fixture_run_with(f, direct[i].line, &done, 1);
        check(f, &direct[i], 0);
    }
}

static void run_kv(struct cli_fixture *f, const struct http_answer *mount,
                   const struct expectation *e)
{
    struct http_answer answers[] = {*mount, done};
    cli_fixture_run_with(f, e->line, answers, 2);
    check(f, e, 1);
}

static void kv_commands_look_up_the_mount_first(void **state)
{
    struct cli_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(versioned); i++) {
        run_kv(f, &mount_v2, &versioned[i]);
        assert_non_null(strstr(f->server.requests[0], "GET /v1/sys/internal/ui/mounts/secret"));
    }
    for (size_t i = 0; i < ARRAY_LEN(unversioned); i++) {
        run_kv(f, &mount_v1, &unversioned[i]);
    }
}

static void the_token_travels_in_its_header_only(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run_with(f, "read a", &done, 1);
    assert_true(http_fixture_has_header(&f->server, 0, "X-Vault-Token: " CLI_FIXTURE_TOKEN));
    cli_fixture_run_with(f, "status", &done, 1);
    assert_lacks(f->server.requests[0], CLI_FIXTURE_TOKEN);
}

static void namespace_wrapping_and_types_have_their_headers(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answers[] = {mount_v2, done};
    cli_fixture_run_with(f, "kv patch -namespace=team -wrap-ttl=5m secret/a x=1", answers, 2);
    assert_true(http_fixture_has_header(&f->server, 1, "X-Vault-Namespace: team"));
    assert_true(http_fixture_has_header(&f->server, 1, "X-Vault-Wrap-TTL: 5m"));
    assert_true(
        http_fixture_has_header(&f->server, 1, "Content-Type: application/merge-patch+json"));
}

static void a_rollback_writes_the_old_values_over_the_current_version(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answers[] = {
        mount_v2,
        {200, "{\"data\":{\"current_version\":4}}", NULL},
        {200, "{\"data\":{\"data\":{\"x\": \"old\"}}}", NULL},
        {200, "{\"data\":{\"version\":5}}", NULL},
    };
    cli_fixture_run_with(f, "kv rollback -version=2 secret/a", answers, 4);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("GET /v1/secret/data/a?version=2", http_fixture_line(&f->server, 2));
    assert_string_equal("{\"options\":{\"cas\":4},\"data\":{\"x\": \"old\"}}",
                        http_fixture_body(&f->server, 3));
}

static void init_asks_for_recovery_keys_of_a_vault_that_unseals_itself(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer shamir[] = {{200, "{\"recovery_seal\":false}", NULL}, {200, "{}", NULL}};
    struct http_answer self[] = {{200, "{\"recovery_seal\":true}", NULL}, {200, "{}", NULL}};
    cli_fixture_run_with(f, "init -key-shares=1 -key-threshold=1", shamir, 2);
    assert_string_equal("{\"secret_shares\":1,\"secret_threshold\":1}",
                        http_fixture_body(&f->server, 1));
    cli_fixture_run_with(f, "init", self, 2);
    assert_string_equal("{\"recovery_shares\":5,\"recovery_threshold\":3}",
                        http_fixture_body(&f->server, 1));
}

static void a_unix_socket_serves_as_address(void **state)
{
    struct cli_fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/sock", f->folder);
    http_fixture_start(&f->server, path, &done, 1);
    setenv("ROTUNDA_ADDR", f->server.address, 1);
    cli_fixture_run(f, "delete a");
    http_fixture_stop(&f->server);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("DELETE /v1/a", http_fixture_line(&f->server, 0));
}

static void a_socket_that_is_not_there_is_named(void **state)
{
    struct cli_fixture *f = *state;
    setenv("ROTUNDA_ADDR", "unix:/nonexistent.sock", 1);
    cli_fixture_run(f, "read a");
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "can't reach the server: /nonexistent.sock: No such file or directory");
    assert_lacks(f->err, "localhost");
    char line[256];
    snprintf(line, sizeof line, "read -address=unix:/%0150d a", 0);
    cli_fixture_run(f, line);
    assert_contains(f->err, "can't reach the server: /000");
    assert_contains(f->err, "too long");
}

static void an_export_goes_to_a_new_file_of_the_users_own(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer lines = {200, "{\"n\":1}\n{\"n\":2}\n", NULL};
    struct stat s;
    char line[192];
    char path[128];
    snprintf(path, sizeof path, "%s/export", f->folder);
    snprintf(line, sizeof line, "audit export -output=%s", path);
    cli_fixture_run_with(f, line, &lines, 1);
    assert_int_equal(0, f->exit_code);
    assert_int_equal(0, stat(path, &s));
    assert_int_equal(0600, s.st_mode & 07777);
    assert_int_equal(strlen(lines.body), s.st_size);
    cli_fixture_run(f, line);
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, "File exists");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_command_asks_for_its_path_with_its_body),
        TEST(kv_commands_look_up_the_mount_first),
        TEST(the_token_travels_in_its_header_only),
        TEST(namespace_wrapping_and_types_have_their_headers),
        TEST(a_rollback_writes_the_old_values_over_the_current_version),
        TEST(init_asks_for_recovery_keys_of_a_vault_that_unseals_itself),
        TEST(a_unix_socket_serves_as_address),
        TEST(a_socket_that_is_not_there_is_named),
        TEST(an_export_goes_to_a_new_file_of_the_users_own),
    };
    return cmocka_run_group_tests(tests, cli_fixture_group, NULL);
}
