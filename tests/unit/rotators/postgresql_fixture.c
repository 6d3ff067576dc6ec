// SPDX-License-Identifier: ISC
#include "tests/unit/rotators/postgresql_fixture.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "rotators/postgresql/postgresql.h"

static const char fresh_roles[] =
    "DO $$ DECLARE r text; BEGIN"
    " FOR r IN SELECT rolname FROM pg_roles WHERE rolname <> 'rotunda' AND rolname !~ '^pg_' LOOP"
    "  EXECUTE format('DROP OWNED BY %I', r); EXECUTE format('DROP ROLE %I', r); END LOOP; END $$;"
    "CREATE ROLE rotator LOGIN CREATEROLE PASSWORD '" ROTATOR_PASSWORD "';"
    "CREATE ROLE app LOGIN PASSWORD '" OLD_PASSWORD "';"
    "COMMENT ON ROLE app IS 'billing'; GRANT app TO rotator WITH ADMIN OPTION";

struct rotunda_text text_of(const char *c)
{
    return (struct rotunda_text){c, strlen(c)};
}

struct rotunda_bytes octets_of(const char *c)
{
    return (struct rotunda_bytes){(const uint8_t *)c, strlen(c)};
}

void server_do(const struct server *s, const char *sql)
{
    PGresult *result = PQexec(s->superuser, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(result));
    }
    PQclear(result);
}

const char *server_value(const struct server *s, const char *sql)
{
    static char value[1024];
    PGresult *result = PQexec(s->superuser, sql);
    assert_int_equal(PGRES_TUPLES_OK, PQresultStatus(result));
    snprintf(value, sizeof value, "%s",
             PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "(no row)");
    PQclear(result);
    return value;
}

void server_set(struct server *s, const char *name, const char *value)
{
    for (size_t i = 0; i < s->setting_count; i++) {
        if (strcmp(s->settings[i].name.ptr, name) == 0) {
            s->settings[i].value = text_of(value);
            return;
        }
    }
    s->settings[s->setting_count++] = (struct rotunda_setting){text_of(name), text_of(value)};
}

int server_setup(void **state)
{
    struct server *s = test_calloc(1, sizeof *s);
    *state = s;
    s->superuser = PQconnectdb(getenv("ROTUNDA_TEST_DATABASE"));
    assert_int_equal(CONNECTION_OK, PQstatus(s->superuser));
    PQsetNoticeProcessor(s->superuser, NULL, NULL);
    // Its own statements may hold passwords; the log is searched for them.
    server_do(s, "SET log_statement = none; SET log_min_error_statement = panic");
    server_do(s, fresh_roles);
    server_set(s, "host", "127.0.0.1");
    server_set(s, "port", getenv("ROTUNDA_TEST_PG_PORT"));
    server_set(s, "database", "rotunda");
    server_set(s, "ca_file", getenv("ROTUNDA_TEST_PG_CA"));
    return 0;
}

int server_teardown(void **state)
{
    struct server *s = *state;
    PQfinish(s->superuser);
    test_free(s);
    return 0;
}

bool server_log_contains(const char *text)
{
    char path[512];
    char line[4096];
    bool found = false;
    snprintf(path, sizeof path, "%s/log", getenv("ROTUNDA_TEST_PG_DIR"));
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log) != NULL) {
        found = found || strstr(line, text) != NULL;
    }
    fclose(log);
    return found;
}

const char *server_user(void)
{
    struct stat about;
    assert_int_equal(0, stat(getenv("ROTUNDA_TEST_PG_DIR"), &about));
    const struct passwd *owner = getpwuid(about.st_uid);
    assert_non_null(owner);
    return owner->pw_name;
}

struct rotunda_call server_call(const struct server *s, const char *role, const char *password)
{
    return (struct rotunda_call){
        .attempt = text_of("0197a2b4-0000-7000-8000-000000000001"),
        .fence = 17,
        .timeout_ms = 10000,
        .target = {s->settings, s->setting_count, text_of("rotator"), octets_of(ROTATOR_PASSWORD)},
        .account = {.name = text_of(role)},
        .value = {.secret = octets_of(password), .salt = octets_of("0123456789abcdef")},
    };
}

static void append(char *to, size_t size, const char *text)
{
    size_t len = strlen(to);
    snprintf(to + len, size - len, "%s ", text);
}

static void add_step(struct rotunda_reply *reply, const char *text)
{
    struct collected *c = reply->host;
    append(c->steps, sizeof c->steps, text);
}

static void add_check(struct rotunda_reply *reply, const struct rotunda_check *check)
{
    struct collected *c = reply->host;
    c->checks++;
    if (check->state != ROTUNDA_CHECK_OK) {
        append(c->missing, sizeof c->missing, check->name);
        append(c->hints, sizeof c->hints, check->how_to_grant);
    }
}

void collected_init(struct collected *c)
{
    *c = (struct collected){.reply = {.host = c, .add_step = add_step, .add_check = add_check}};
}

enum rotunda_apply do_apply(const struct rotunda_call *call, enum rotunda_error *error)
{
    struct rotunda_reply reply = {.error = ROTUNDA_ERROR_NONE};
    enum rotunda_apply result = rotunda_rotator_postgresql.apply(call, &reply);
    *error = reply.error;
    return result;
}

enum rotunda_probe do_probe(const struct server *s, const char *role, const char *password,
                            enum rotunda_error *error)
{
    struct rotunda_call call = server_call(s, role, password);
    struct rotunda_reply reply = {.error = ROTUNDA_ERROR_NONE};
    enum rotunda_probe result = rotunda_rotator_postgresql.probe(&call, &reply);
    *error = reply.error;
    return result;
}
