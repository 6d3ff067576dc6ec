// SPDX-License-Identifier: ISC
#include "vault/base/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { TEXT_BYTES = 8192 };

struct fixture {
    char folder[64];
    char key[96];  // a file closed to others
    char open[96]; // a file that everybody may read
    char text[TEXT_BYTES];
    struct config_problem why;
};

#define SEAL "seal \"shamir\" {}\n"
#define LISTENER "listener \"tcp\" { address = \"127.0.0.1:8200\" allow_plain = true }\n"
#define DATABASE "database { host = \"/run/postgresql\" name = \"rotunda\" user = \"rotunda\" }\n"
#define MINIMUM LISTENER DATABASE SEAL

static int group_setup(void **state)
{
    (void)state;
    return status_ok(secret_system_init(true)) ? 0 : -1;
}

static void make_file(const char *path, const char *contents, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(contents);
    REQUIRE(fd >= 0 && write(fd, contents, len) == (ssize_t)len && fchmod(fd, mode) == 0);
    close(fd);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    REQUIRE(f != NULL);
    snprintf(f->folder, sizeof f->folder, "/tmp/rotunda-config-XXXXXX");
    REQUIRE(mkdtemp(f->folder) != NULL);
    snprintf(f->key, sizeof f->key, "%s/key", f->folder);
    snprintf(f->open, sizeof f->open, "%s/open", f->folder);
    make_file(f->key, "hunter2\r\n", 0600);
    make_file(f->open, "hunter2\n", 0644);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/c.hcl", f->folder);
    unlink(path);
    unlink(f->key);
    unlink(f->open);
    rmdir(f->folder);
    free(f);
    return 0;
}

// Every @KEY@, @OPEN@ and @DIR@ becomes a path of the fixture.
static const char *fill_in(struct fixture *f, const char *pattern)
{
    const struct {
        const char *name;
        const char *value;
    } places[] = {{"@KEY@", f->key}, {"@OPEN@", f->open}, {"@DIR@", f->folder}};
    size_t len = 0;
    while (*pattern != '\0') {
        size_t i = 0;
        while (i < ARRAY_LEN(places) &&
               strncmp(pattern, places[i].name, strlen(places[i].name)) != 0) {
            i++;
        }
        bool place = i < ARRAY_LEN(places);
        const char *piece = place ? places[i].value : pattern;
        size_t piece_len = place ? strlen(piece) : 1;
        REQUIRE(len + piece_len < sizeof f->text);
        memcpy(f->text + len, piece, piece_len);
        len += piece_len;
        pattern += place ? strlen(places[i].name) : 1;
    }
    f->text[len] = '\0';
    return f->text;
}

static struct config *accept(struct fixture *f, const char *pattern)
{
    struct config *c = NULL;
    struct status s = config_parse(str_from_c(fill_in(f, pattern)), "c.hcl", &f->why, &c);
    if (!status_ok(s)) {
        fail_msg("%s: %s", s.what, f->why.text);
    }
    return c;
}

static void refuse(struct fixture *f, const char *pattern, const char *expected)
{
    struct config *c = NULL;
    f->why.text[0] = '\0';
    assert_status(INVALID, config_parse(str_from_c(fill_in(f, pattern)), "c.hcl", &f->why, &c));
    if (strstr(f->why.text, fill_in(f, expected)) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", expected, f->why.text);
    }
    assert_null(c);
}

static void the_least_configuration_has_the_documented_defaults(void **state)
{
    struct config *c = accept(*state, MINIMUM);
    assert_int_equal(1, c->listener_count);
    assert_int_equal(CONFIG_LISTENER_TCP, c->listeners[0].kind);
    assert_str("127.0.0.1:8200", c->listeners[0].address);
    assert_int_equal(CONFIG_SEAL_SHAMIR, c->seal.kind);
    assert_int_equal(0, c->workers);
    assert_int_equal(8, c->sessions);
    assert_int_equal(LOG_INFO, c->log_level);
    assert_int_equal(768 * 3600, c->default_lease_ttl_s);
    assert_int_equal(5432, c->database.port);
    assert_int_equal(1024 * 1024, c->limits.body_bytes);
    assert_int_equal(60, c->rotation.min_interval_s);
    assert_false(c->rotation.allow_asynchronous_replicas);
    assert_true(c->node_name.len > 0);
    assert_false(c->allow_unlocked_memory);
    config_free(c);
}

static void leases_live_no_longer_than_the_bound_that_is_given(void **state)
{
    struct config *c = accept(*state, MINIMUM "max_lease_ttl = \"72h\"\n");
    assert_int_equal(72 * 3600, c->default_lease_ttl_s);
    assert_int_equal(72 * 3600, c->max_lease_ttl_s);
    config_free(c);
    c = accept(*state, MINIMUM "max_lease_ttl = \"90d\"\n");
    assert_int_equal(768 * 3600, c->default_lease_ttl_s);
    config_free(c);
}

static void every_section_reaches_its_structure(void **state)
{
    struct config *c = accept(
        *state, "workers = 4\nlog_level = \"debug\"\nnode_name = \"n1\"\n"
                "data_dir = \"@DIR@\"\nallow_unlocked_memory = true\n"
                "default_lease_ttl = \"1h\"\nmax_lease_ttl = \"2d\"\n"
                "listener \"tcp\" {\n address = \"[::]:8200\"\n tls_cert_file = \"@OPEN@\"\n"
                " tls_key_file = \"@KEY@\"\n}\n"
                "listener \"unix\" { address = \"@DIR@/s\" }\n"
                "database { uri = \"postgresql://r@127.0.0.1:5432/r\" password_file = \"@KEY@\" }\n"
                "seal \"static\" { key_file = \"@KEY@\" }\n"
                "limits { request_deadline_s = \"2m\" json_depth = 10 }\n"
                "audit { retention_s = \"30d\" checkpoint_file = \"@DIR@/check\" }\n"
                "rotation { launcher_user = \"nobody\" }\n");
    assert_int_equal(4, c->workers);
    assert_int_equal(LOG_DEBUG, c->log_level);
    assert_str("n1", c->node_name);
    assert_true(c->allow_unlocked_memory);
    assert_int_equal(3600, c->default_lease_ttl_s);
    assert_int_equal(2 * 86400, c->max_lease_ttl_s);
    assert_int_equal(2, c->listener_count);
    assert_true(c->listeners[0].tls_key_file.len > 0);
    assert_int_equal(CONFIG_LISTENER_UNIX, c->listeners[1].kind);
    assert_int_equal(CONFIG_SEAL_STATIC, c->seal.kind);
    assert_int_equal(120, c->limits.request_deadline_s);
    assert_int_equal(10, c->limits.json_depth);
    assert_int_equal(30 * 86400, c->audit.retention_s);
    assert_str("nobody", c->rotation.launcher_user);
    config_free(c);
}

static void json_is_the_same_configuration(void **state)
{
    struct config *c =
        accept(*state, "{\"workers\": 2, \"listener\": [{\"tcp\": {\"address\": \"a:1\", "
                       "\"allow_plain\": true}}, {\"systemd\": {\"allow_plain\": true}}],"
                       " \"database\": {\"host\": \"h\"}, \"seal\": {\"shamir\": {}}}");
    assert_int_equal(2, c->workers);
    assert_int_equal(2, c->listener_count);
    assert_int_equal(CONFIG_LISTENER_SYSTEMD, c->listeners[1].kind);
    config_free(c);
}

static void unknown_keys_are_located_and_the_nearest_is_named(void **state)
{
    struct fixture *f = *state;
    refuse(f, MINIMUM "wokers = 3\n",
           "c.hcl:4:1: wokers: unknown key (at the top level); did you "
           "mean workers?");
    refuse(f, MINIMUM "limits {\n  body_byte = 1\n}\n",
           "c.hcl:5:3: body_byte: unknown key (limits)"
           "; did you mean body_bytes?");
    refuse(f, MINIMUM "listenr \"tcp\" {}\n", "did you mean listener?");
    refuse(f, MINIMUM "zzzzzzzzzzzz = 1\n", "docs/configuration.md");
    refuse(f, SEAL DATABASE "listener \"tcp\" { addzess = \"a:1\" }", "did you mean address?");
}

static void wrong_values_say_what_was_expected(void **state)
{
    static const char *const matrix[][2] = {
        {MINIMUM "workers = \"many\"\n", "c.hcl:4:1: workers: expected a whole number between 0"},
        {MINIMUM "workers = 65\n", "between 0 and 64"},
        {MINIMUM "workers = -1\n", "between 0 and 64"},
        {MINIMUM "workers = [1]\n", "workers: expected a whole number"},
        {MINIMUM "shutdown_deadline = \"soon\"\n", "shutdown_deadline: expected a duration"},
        {MINIMUM "shutdown_deadline = 0\n", "between 1 and 600 seconds"},
        {MINIMUM "allow_unlocked_memory = 7\n", "expected true or false"},
        {MINIMUM "log_level = \"loud\"\n", "\"debug\", \"info\", \"warn\" or \"error\""},
        {MINIMUM "node_name = 3\n", "node_name: expected a text in quotes"},
        {MINIMUM "node_name = \"a\\u0000b\"\n", "c.hcl:4:"},
        {MINIMUM "limits = 3\n", "limits: expected a block"},
        {MINIMUM "limits {}\nlimits {}\n", "limits: given twice"},
        {MINIMUM "listener \"udp\" { address = \"a:1\" }\n", "expected tcp, unix or systemd"},
        {MINIMUM "seal \"shamir\" {}\n", "seal: expected only one"},
        {LISTENER DATABASE "seal \"hsm\" {}\n", "expected static or shamir"},
        {LISTENER DATABASE "seal \"static\" {}\n", "expected a key_file"},
        {MINIMUM "workers = \n", "c.hcl:"},
        {MINIMUM "data_dir = \"/a\"\ndata_dir = \"/b\"\n",
         ": given twice in the same place: data_dir"},
    };
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        refuse(*state, matrix[i][0], matrix[i][1]);
    }
}

static void a_message_is_one_line_that_a_terminal_can_show(void **state)
{
    struct fixture *f = *state;
    refuse(f, "log\x1b[2J = 1", "unexpected character: ?");
    refuse(f, "log_level = \"\xc2\x9b[2J\"\n", "c.hcl:1:");
    assert_null(strpbrk(f->why.text, "\x9b"));
    refuse(f, "sd\" }\nrotation { x\"1\"\n", "c.hcl:1:");
    assert_null(strpbrk(f->why.text, "\n\x1b"));
}

static void what_is_missing_or_contradicts_is_said(void **state)
{
    static const char *const matrix[][2] = {
        {DATABASE SEAL, "listener: expected at least one block"},
        {LISTENER DATABASE, "seal: expected a block"},
        {LISTENER SEAL, "database: expected a block"},
        {DATABASE SEAL "listener \"tcp\" { address = \"a:1\" }", "allow_plain = true"},
        {DATABASE SEAL "listener \"tcp\" { allow_plain = true }", "address: expected host:port"},
        {DATABASE SEAL "listener \"unix\" { address = \"x\" }", "the absolute path of a socket"},
        {DATABASE SEAL "listener \"tcp\" { address = \"a:1\" tls_key_file = \"@KEY@\" }",
         "tls_cert_file and tls_key_file together"},
        {LISTENER SEAL "database { uri = \"postgresql://h/d\" host = \"h\" }", "expected either"},
        {LISTENER SEAL "database { host = \"h\" password_file = \"@KEY@\" "
                       "password_credential = \"p\" }",
         "either password_file or"},
        {MINIMUM "default_lease_ttl = \"2h\"\nmax_lease_ttl = \"1h\"\n", "no more than"},
        {MINIMUM "default_lease_ttl = \"60d\"\n", "no more than max_lease_ttl (2764800 s)"},
        {MINIMUM "audit { retention_s = \"1d\" }\n", "at least 7 days"},
    };
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        refuse(*state, matrix[i][0], matrix[i][1]);
    }
}

static void a_password_in_the_uri_is_refused_and_not_shown(void **state)
{
    struct fixture *f = *state;
    refuse(f, LISTENER SEAL "database { uri = \"postgresql://u:hunter2@h/d\" }", "no password");
    assert_null(strstr(f->why.text, "hunter2"));
    refuse(f, LISTENER SEAL "database { uri = \"postgresql://h/d?password=hunter2\" }",
           "no password");
    assert_null(strstr(f->why.text, "hunter2"));
}

static void a_uri_to_a_network_chooses_its_sslmode(void **state)
{
    refuse(*state, LISTENER SEAL "database { uri = \"postgresql://u@h/d\" }",
           "sslmode=verify-full");
    refuse(*state, LISTENER SEAL "database { uri = \"h/d\" }", "expected postgresql://");
    config_free(accept(*state, LISTENER SEAL
                       "database { uri = \"postgresql://u@h/d?sslmode=verify-full\" }"));
    config_free(accept(*state, LISTENER SEAL "database { uri = \"postgresql:///d?host=/run\" }"));
}

static void secret_files_must_exist_and_be_closed_to_others(void **state)
{
    static const char *const matrix[][2] = {
        {LISTENER DATABASE "seal \"static\" { key_file = \"@OPEN@\" }",
         "c.hcl:3:17: key_file: @OPEN@: it is open to others (mode 0644)"},
        {LISTENER DATABASE "seal \"static\" { key_file = \"@DIR@/none\" }",
         "key_file: @DIR@/none: it can't be read: No such file"},
        {LISTENER DATABASE "seal \"static\" { key_file = \"@DIR@\" }", "not a regular file"},
        {LISTENER DATABASE "seal \"static\" { key_file = \"key\" }", "expected an absolute path"},
        {LISTENER SEAL "database { host = \"h\" password_file = \"@OPEN@\" }",
         "password_file: @OPEN@: it is open to others"},
        {MINIMUM "data_dir = \"@KEY@\"\n", "it is not a folder"},
        {MINIMUM "audit { checkpoint_file = \"@DIR@/none/x\" }\n", "No such file"},
    };
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        refuse(*state, matrix[i][0], matrix[i][1]);
    }
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    struct fixture *f = *state;
    struct config *c = NULL;
    char path[96];
    snprintf(path, sizeof path, "%s/c.hcl", f->folder);
    make_file(path, MINIMUM, 0666);
    assert_status(INVALID, config_load(path, &f->why, &c));
    assert_non_null(strstr(f->why.text, "others can't write"));
    make_file(path, MINIMUM, 0644);
    assert_ok(config_load(path, &f->why, &c));
    config_free(c);
    assert_status(INVALID, config_load("/nonexistent.hcl", &f->why, &c));
    assert_non_null(strstr(f->why.text, "/nonexistent.hcl: can't be read: No such file"));
}

static void the_connection_string_is_quoted_and_has_no_password(void **state)
{
    CLEANUP(buffer_done) struct buffer out;
    struct config *c = accept(*state, LISTENER SEAL "database { host = \"db\" name = \"o'b\\\\\" "
                                                    "user = \"r\" password_file = \"@KEY@\" }");
    buffer_init(&out, TEXT_BYTES);
    assert_ok(config_database_conninfo(&c->database, &out));
    assert_str("host='db' port='5432' dbname='o\\'b\\\\' user='r' sslmode='verify-full'",
               buffer_str(&out));
    config_free(c);
}

static void the_password_comes_from_its_file_without_the_line_end(void **state)
{
    struct fixture *f = *state;
    struct config_database d = {.password_file = str_from_c(f->key)};
    CLEANUP(secret_cleanup) struct secret *password = NULL;
    CLEANUP(secret_cleanup) struct secret *credential = NULL;
    assert_ok(config_database_password(&d, &f->why, &password));
    assert_str("hunter2", str_from_bytes(secret_view(password)));
    d = (struct config_database){.password_credential = STR("key")};
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_status(INVALID, config_database_password(&d, &f->why, &credential));
    setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
    assert_ok(config_database_password(&d, &f->why, &credential));
    assert_str("hunter2", str_from_bytes(secret_view(credential)));
    d = (struct config_database){.password_file = str_from_c(f->open)};
    assert_status(INVALID, config_database_password(&d, &f->why, &credential));
}

static void the_reference_in_the_documentation_is_the_table(void **state)
{
    (void)state;
    static char page[256 * 1024];
    CLEANUP(buffer_done) struct buffer reference;
    buffer_init(&reference, sizeof page);
    config_describe(&reference);
    buffer_append_byte(&reference, '\0');
    FILE *file = fopen(ROTUNDA_SOURCE_DIR "/docs/configuration.md", "re");
    assert_non_null(file);
    size_t len = fread(page, 1, sizeof page - 1, file);
    page[len] = '\0';
    fclose(file);
    if (strstr(page, (const char *)reference.ptr) == NULL) {
        fail_msg("docs/configuration.md should hold exactly this:\n%s",
                 (const char *)reference.ptr);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_least_configuration_has_the_documented_defaults),
        TEST(leases_live_no_longer_than_the_bound_that_is_given),
        TEST(every_section_reaches_its_structure),
        TEST(json_is_the_same_configuration),
        TEST(unknown_keys_are_located_and_the_nearest_is_named),
        TEST(wrong_values_say_what_was_expected),
        TEST(a_message_is_one_line_that_a_terminal_can_show),
        TEST(what_is_missing_or_contradicts_is_said),
        TEST(a_password_in_the_uri_is_refused_and_not_shown),
        TEST(a_uri_to_a_network_chooses_its_sslmode),
        TEST(secret_files_must_exist_and_be_closed_to_others),
        TEST(a_file_that_others_may_write_is_refused),
        TEST(the_connection_string_is_quoted_and_has_no_password),
        TEST(the_password_comes_from_its_file_without_the_line_end),
        cmocka_unit_test(the_reference_in_the_documentation_is_the_table),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
