// SPDX-License-Identifier: ISC
// What the user sees.
#include "tests/unit/cli/cli_fixture.h"

#define MOUNT                                                                                      \
    {                                                                                              \
        200, "{\"data\":{\"path\":\"secret/\",\"options\":{\"version\":\"2\"}}}", NULL             \
    }
#define SECRET                                                                                     \
    {                                                                                              \
        200,                                                                                       \
            "{\"request_id\":\"r\",\"data\":{\"data\":{\"user\":\"ada\",\"password\":\"hunter2\"," \
            "\"n\":7},\"metadata\":{\"version\":3,\"created_time\":\"2026-11-23T05:52:56Z\","      \
            "\"custom_metadata\":null}}}",                                                         \
            NULL                                                                                   \
    }

static const struct http_answer secret[] = {MOUNT, SECRET};

static void kv_get_shows_metadata_and_data_as_tables(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run_with(f, "kv get secret/db", secret, 2);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("== Secret Path ==\n"
                        "secret/data/db\n"
                        "\n== Metadata ==\n"
                        "Key              Value\n"
                        "---              -----\n"
                        "version          3\n"
                        "created_time     2026-11-23T05:52:56Z\n"
                        "custom_metadata  n/a\n"
                        "\n== Data ==\n"
                        "Key       Value\n"
                        "---       -----\n"
                        "user      ada\n"
                        "password  hunter2\n"
                        "n         7\n",
                        f->out);
    assert_string_equal("", f->err);
}

static void a_field_is_printed_alone_and_exactly(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run_with(f, "kv get -field=password secret/db", secret, 2);
    assert_string_equal("hunter2", f->out);
    cli_fixture_run_with(f, "kv get -field=n -format=json secret/db", secret, 2);
    assert_string_equal("7\n", f->out);
}

static void a_missing_field_fails_without_showing_the_others(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run_with(f, "kv get -field=nope secret/db", secret, 2);
    assert_int_equal(1, f->exit_code);
    assert_string_equal("", f->out);
    assert_contains(f->err, "no field \"nope\"");
    assert_lacks(f->err, "hunter2");
}

static void json_is_the_whole_answer_indented(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answer = {200, "{\"data\":{\"a\":[1,\"x\\n\"],\"e\":{}}}", NULL};
    cli_fixture_run_with(f, "read -format=json a", &answer, 1);
    assert_string_equal("{\n"
                        "  \"data\": {\n"
                        "    \"a\": [\n"
                        "      1,\n"
                        "      \"x\\n\"\n"
                        "    ],\n"
                        "    \"e\": {}\n"
                        "  }\n"
                        "}\n",
                        f->out);
}

static void the_format_comes_from_the_environment_too(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer keys = {200, "{\"data\":{\"keys\":[\"a\",\"b/\"]}}", NULL};
    cli_fixture_run_with(f, "list a", &keys, 1);
    assert_string_equal("Keys\n----\na\nb/\n", f->out);
    setenv("VAULT_FORMAT", "json", 1);
    cli_fixture_run_with(f, "list a", &keys, 1);
    assert_string_equal("[\n  \"a\",\n  \"b/\"\n]\n", f->out);
    setenv("ROTUNDA_FORMAT", "table", 1);
    cli_fixture_run_with(f, "list a", &keys, 1);
    assert_contains(f->out, "Keys\n");
}

static void a_new_token_is_shown_with_the_names_clients_know(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer created = {200,
                                  "{\"request_id\":\"r\",\"lease_id\":\"\",\"data\":null,\"auth\":{"
                                  "\"client_token\":\"s.new\",\"accessor\":\"A\","
                                  "\"lease_duration\":3600,\"policies\":[\"a\"]}}",
                                  NULL};
    cli_fixture_run_with(f, "token create", &created, 1);
    assert_contains(f->out, "token           s.new\n");
    assert_contains(f->out, "token_duration  3600\n");
    assert_contains(f->out, "policies        [\"a\"]\n");
    cli_fixture_run_with(f, "token create -field=token", &created, 1);
    assert_string_equal("s.new", f->out);
}

static void a_refusal_shows_the_servers_words_and_exits_with_two(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer denied = {403, "{\"errors\":[\"permission denied\",\"again\"]}", NULL};
    cli_fixture_run_with(f, "read secret/data/x", &denied, 1);
    assert_int_equal(2, f->exit_code);
    assert_string_equal("", f->out);
    assert_contains(f->err, "GET secret/data/x was refused (HTTP 403):\n  * permission denied\n"
                            "  * again\n");
    assert_contains(f->err, "rotunda token capabilities");
}

static void nothing_there_is_said_so(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer absent = {404, "{\"errors\":[]}", NULL};
    cli_fixture_run_with(f, "read secret/data/x", &absent, 1);
    assert_int_equal(2, f->exit_code);
    assert_string_equal("rotunda: there is nothing at secret/data/x\n", f->err);
}

static void a_deleted_version_shows_its_metadata_and_fails(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answers[] = {
        MOUNT,
        {404,
         "{\"data\":{\"data\":null,\"metadata\":{\"version\":3,\"deletion_time\":\"2026-01-01\"}}}",
         NULL}};
    cli_fixture_run_with(f, "kv get secret/db", answers, 2);
    assert_int_equal(2, f->exit_code);
    assert_contains(f->out, "deletion_time  2026-01-01");
    assert_lacks(f->out, "Data");
    assert_contains(f->err, "version 3 of secret/data/db is deleted");
}

static void warnings_go_to_standard_error(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answer = {200, "{\"data\":{\"a\":\"b\"},\"warnings\":[\"mind the gap\"]}",
                                 NULL};
    cli_fixture_run_with(f, "read -field=a x", &answer, 1);
    assert_string_equal("b", f->out);
    assert_contains(f->err, "mind the gap");
}

static void status_has_an_exit_code_for_each_state(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer open = {200, "{\"sealed\":false,\"t\":3}", NULL};
    struct http_answer sealed = {200, "{\"sealed\":true}", NULL};
    struct http_answer broken = {500, "{\"errors\":[\"oops\"]}", NULL};
    cli_fixture_run_with(f, "status", &open, 1);
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "sealed  false");
    cli_fixture_run_with(f, "status", &sealed, 1);
    assert_int_equal(2, f->exit_code);
    assert_string_equal("", f->err);
    cli_fixture_run_with(f, "status", &broken, 1);
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, "oops");
}

static void an_unreachable_server_is_explained(void **state)
{
    struct cli_fixture *f = *state;
    setenv("ROTUNDA_ADDR", "http://127.0.0.1:1", 1);
    cli_fixture_run(f, "read a");
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "can't reach the server");
    assert_contains(f->err, "ROTUNDA_ADDR");
    cli_fixture_run(f, "status");
    assert_int_equal(1, f->exit_code);
}

static void a_redirect_is_not_followed(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer away = {307, NULL, "Location: http://127.0.0.1:1/v1/a\r\n"};
    cli_fixture_run_with(f, "read a", &away, 1);
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "HTTP 307");
}

static void an_answer_that_is_not_json_is_not_shown(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer page = {200, "<html>hunter2</html>", NULL};
    cli_fixture_run_with(f, "read a", &page, 1);
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "isn't JSON");
    assert_lacks(f->err, "hunter2");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answer = {200, "{\"request_id\":\"r\",\"data\":{\"a\":\"\\u001b[2Jx\"}}",
                                 NULL};
    cli_fixture_run_with(f, "read a", &answer, 1);
    assert_contains(f->out, "a    \\u001b[2Jx\n");
}

// U+009B is what some terminals take for the start of an escape sequence.
static void nor_do_the_upper_control_characters(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answer = {
        200, "{\"data\":{\"\x7f\":\"a\xc2\x9b[2J\",\"u\":\"\xc3\xbc\xc2\xa0\",\"e\":{\r}}}", NULL};
    cli_fixture_run_with(f, "read a", &answer, 1);
    assert_contains(f->out, "\\u007f");
    assert_contains(f->out, "a\\u009b[2J");
    assert_contains(f->out, "\xc3\xbc\xc2\xa0");
    cli_fixture_run_with(f, "read -format=json a", &answer, 1);
    assert_string_equal("{\n"
                        "  \"data\": {\n"
                        "    \"\\u007f\": \"a\\u009b[2J\",\n"
                        "    \"u\": \"\xc3\xbc\xc2\xa0\",\n"
                        "    \"e\": {}\n"
                        "  }\n"
                        "}\n",
                        f->out);
}

static void search_prints_full_paths_that_match(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answers[] = {
        MOUNT, {200, "{\"data\":{\"keys\":[\"app/db\",\"app/web\",\"db\"]}}", NULL}};
    cli_fixture_run_with(f, "kv search secret/ db", answers, 2);
    assert_string_equal("secret/app/db\nsecret/db\n", f->out);
    cli_fixture_run_with(f, "kv search -format=json secret/ db", answers, 2);
    assert_string_equal("[\n  \"secret/app/db\",\n  \"secret/db\"\n]\n", f->out);
    cli_fixture_run_with(f, "kv search secret/ nothing", answers, 2);
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "no secret below secret/ has that in its path");
}

static void records_show_the_columns_that_matter(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer answer = {200,
                                 "{\"data\":{\"records\":[{\"time\":\"T\",\"actor\":\"ada\","
                                 "\"operation\":\"read\",\"path\":\"a/b\",\"result\":\"ok\"}],"
                                 "\"next\":\"17\"}}",
                                 NULL};
    cli_fixture_run_with(f, "audit records", &answer, 1);
    assert_contains(f->out, "T     ada    read       a/b   ok      n/a\n");
    assert_contains(f->out, "There are more: -after=17");
}

static void the_version_obeys_format_and_field(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "version -format=json");
    assert_contains(f->out, "{\n  \"version\": \"");
    cli_fixture_run(f, "version -field=version");
    assert_lacks(f->out, "rotunda");
    assert_true(f->out[0] >= '0' && f->out[0] <= '9');
}

struct rotation_outcome {
    const char *answer;
    int exit_code;
    const char *said;
};

#define ROTATED(state, class, error)                                                               \
    "{\"request_id\":\"r\",\"data\":{\"attempt\":\"a\",\"state\":\"" state                         \
    "\",\"version\":3,\"error_class\":" class ",\"error\":" error "}}"

static void a_rotation_succeeds_only_when_the_new_version_is_current(void **state)
{
    struct cli_fixture *f = *state;
    static const struct rotation_outcome outcomes[] = {
        {ROTATED("promoted", "null", "null"), 0, "version 3 of app is current"},
        {ROTATED("draining", "null", "null"), 0, "version 3 of app is current"},
        {ROTATED("retired", "null", "null"), 0, "version 3 of app is current"},
        {ROTATED("blocked", "\"not_permitted\"", "\"no ADMIN\""), 2, "not_permitted: no ADMIN"},
        {ROTATED("rolled_back", "null", "null"), 2, "was given up"},
        {ROTATED("staged", "\"unreachable\"", "\"away\""), 3, "unreachable: away"},
        {ROTATED("applying", "null", "null"), 3, "isn't done yet (state applying)"},
        {"{\"data\":{}}", 2, "doesn't say"},
    };
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        struct http_answer answer = {200, outcomes[i].answer, NULL};
        cli_fixture_run_with(f, "rotation rotate app", &answer, 1);
        assert_int_equal(outcomes[i].exit_code, f->exit_code);
        assert_contains(f->exit_code == 0 ? f->out : f->err, outcomes[i].said);
    }
}

static void a_rotation_that_is_not_waited_for_is_only_asked_for(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer planned = {200, ROTATED("planned", "null", "null"), NULL};
    cli_fixture_run_with(f, "rotation rotate -wait=0s app", &planned, 1);
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "was asked for");
    assert_string_equal("{\"timeout\":\"0s\"}", http_fixture_body(&f->server, 0));
    struct http_answer blocked = {200, ROTATED("blocked", "\"invalid\"", "\"no\""), NULL};
    cli_fixture_run_with(f, "rotation rotate -wait=0 app", &blocked, 1);
    assert_int_equal(2, f->exit_code);
}

static void only_a_sealed_vault_is_said_to_be_sealed(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer sealed = {503, "{\"errors\":[\"Vault is sealed\"]}", NULL};
    struct http_answer busy = {503, "{\"errors\":[\"nothing is known to work\"]}", NULL};
    cli_fixture_run_with(f, "read a", &sealed, 1);
    assert_contains(f->err, "rotunda status");
    cli_fixture_run_with(f, "read a", &busy, 1);
    assert_contains(f->err, "nothing is known to work");
    assert_lacks(f->err, "sealed");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kv_get_shows_metadata_and_data_as_tables),
        TEST(a_field_is_printed_alone_and_exactly),
        TEST(a_missing_field_fails_without_showing_the_others),
        TEST(json_is_the_whole_answer_indented),
        TEST(the_format_comes_from_the_environment_too),
        TEST(a_new_token_is_shown_with_the_names_clients_know),
        TEST(a_refusal_shows_the_servers_words_and_exits_with_two),
        TEST(nothing_there_is_said_so),
        TEST(a_deleted_version_shows_its_metadata_and_fails),
        TEST(warnings_go_to_standard_error),
        TEST(status_has_an_exit_code_for_each_state),
        TEST(an_unreachable_server_is_explained),
        TEST(a_redirect_is_not_followed),
        TEST(an_answer_that_is_not_json_is_not_shown),
        TEST(control_characters_do_not_reach_the_terminal),
        TEST(nor_do_the_upper_control_characters),
        TEST(search_prints_full_paths_that_match),
        TEST(the_version_obeys_format_and_field),
        TEST(only_a_sealed_vault_is_said_to_be_sealed),
        TEST(a_rotation_succeeds_only_when_the_new_version_is_current),
        TEST(a_rotation_that_is_not_waited_for_is_only_asked_for),
        TEST(records_show_the_columns_that_matter),
    };
    return cmocka_run_group_tests(tests, cli_fixture_group, NULL);
}
