// SPDX-License-Identifier: ISC
#include "api/cli/bench_data.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli/call.h"
#include "api/cli/output.h"
#include "vault/base/clock.h"
#include "vault/base/uuid.h"

// Tokens that a killed bench leaves behind expire that long after its end.
enum { TOKEN_GRACE_S = 300, WRITE_EVERY = 10 };

void bench_done(struct bench *b)
{
    cli_load_free(b->load);
    secret_free(b->token);
}

void bench_tell(const struct bench *b, const char *format, ...)
{
    if (b->c->settings.format == CLI_FORMAT_JSON || !isatty(b->c->io.err_fd)) {
        return;
    }
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dprintf(b->c->io.err_fd, "\r\033[K%s", text);
}

void bench_tell_progress(void *bench, int64_t elapsed_us, uint64_t done)
{
    bench_tell(bench, "%" PRId64 " s, %" PRIu64 " requests", elapsed_us / CLOCK_SECOND, done);
}

// Evenly spread numbers from a count (the finaliser of splitmix64, Vigna 2015).
static uint64_t spread(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void name_secret(const struct bench *b, const char *kind, uint64_t number,
                        struct cli_load_draft *out)
{
    snprintf(out->path, sizeof out->path, "%.*s/%s/%s/s%07" PRIu64, STR_ARG(b->mount), kind,
             b->folder, number);
}

static void draft_read(const struct bench *b, uint64_t number, struct cli_load_draft *out)
{
    out->method = "GET";
    out->body[0] = '\0';
    name_secret(b, "data", number, out);
}

static void draft_write(const struct bench *b, uint64_t number, uint64_t value,
                        struct cli_load_draft *out)
{
    out->method = "POST";
    snprintf(out->body, sizeof out->body,
             "{\"data\":{\"username\":\"bench\",\"password\":\"%016" PRIx64 "%016" PRIx64 "\"}}",
             spread(value), spread(~value));
    name_secret(b, "data", number, out);
}

static void draft_first_write(const void *bench, uint64_t index, struct cli_load_draft *out)
{
    draft_write(bench, index, index, out);
}

static void draft_removal(const void *bench, uint64_t index, struct cli_load_draft *out)
{
    out->method = "DELETE";
    out->body[0] = '\0';
    name_secret(bench, "metadata", index, out);
}

static void draft_token(const struct bench *b, struct cli_load_draft *out)
{
    out->method = "POST";
    snprintf(out->path, sizeof out->path, "auth/token/create");
    snprintf(out->body, sizeof out->body, "%s", b->token_body);
}

void bench_draft(const void *bench, uint64_t index, struct cli_load_draft *out)
{
    const struct bench *b = bench;
    uint64_t number = spread(index) % b->secrets;
    bool writes =
        b->operation == BENCH_WRITE || (b->operation == BENCH_MIXED && index % WRITE_EVERY == 0);
    if (b->operation == BENCH_TOKEN) {
        draft_token(b, out);
    } else if (writes) {
        draft_write(b, number, index, out);
    } else {
        draft_read(b, number, out);
    }
}

static struct status open_load(struct bench *b)
{
    struct cli_client_options options = cli_client_options_of(b->c, b->token);
    return cli_load_new(&options, (size_t)b->connections, &b->load);
}

// Before anything is written: what another engine keeps could not be removed again.
static struct status check_mount(struct bench *b)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli *c = b->c;
    struct str path;
    struct str version = {NULL, 0};
    TRY(cli_path(c, &path, "sys/internal/ui/mounts/%.*s/%s", STR_ARG(b->mount), b->folder));
    TRY(cli_ask(c, &(struct cli_request){.method = "GET", .path = path}, &answer));
    if (answer.response.code == 404) {
        return cli_problem_remote(&c->problem, "there is no engine at %.*s/", STR_ARG(b->mount));
    }
    TRY(cli_check(c, &answer));
    struct json_value options = json_get(json_get(answer.json, "data"), "options");
    status_ignore(json_as_str(json_get(options, "version"), &version)); // others have none
    if (!str_equal_c(version, "2")) {
        return cli_problem_remote(&c->problem, "%.*s/ isn't a kv engine of version 2",
                                  STR_ARG(b->mount));
    }
    return OK_STATUS;
}

// Alone and first, because a refusal of one request can be explained.
static struct status write_first_secret(struct bench *b)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_load_draft draft;
    struct cli *c = b->c;
    draft_first_write(b, 0, &draft);
    struct cli_request request = {
        .method = draft.method, .path = str_from_c(draft.path), .body = str_from_c(draft.body)};
    b->made = 1; // also when the answer is lost
    TRY(cli_ask(c, &request, &answer));
    return cli_check(c, &answer);
}

static struct status run_round(struct bench *b, const struct cli_load_round *round,
                               const char *what)
{
    struct cli_load_result *result = ARENA_NEW(b->c->arena, struct cli_load_result);
    if (result == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct status ran = cli_load_run(b->load, round, result);
    uint64_t done = cli_load_total(result);
    b->made = done > b->made ? done : b->made;
    TRY(ran);
    uint64_t failed = cli_load_failures(result);
    if (failed > 0) {
        return cli_problem_remote(&b->c->problem,
                                  "%" PRIu64 " of %" PRIu64 " secrets could not be %s %.*s/%s%s%s",
                                  failed, done, what, STR_ARG(b->mount), b->folder,
                                  result->unanswered > 0 ? ": " : "", result->why.text);
    }
    return OK_STATUS;
}

static struct status make_secrets(struct bench *b)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(uuid_new(), id);
    snprintf(b->folder, sizeof b->folder, "bench-%s", id + sizeof id - sizeof "0123456789ab");
    TRY(cli_connect_with(b->c, b->token));
    TRY(check_mount(b));
    TRY(write_first_secret(b));
    TRY(open_load(b));
    bench_tell(b, "writing %" PRIu64 " secrets to %.*s/%s", b->secrets, STR_ARG(b->mount),
               b->folder);
    struct cli_load_round round = {
        .draft = draft_first_write, .context = b, .count = b->secrets, .stop = b->stop};
    return run_round(b, &round, "written to");
}

static bool has_policy(struct json_value policies, const char *name)
{
    struct json_iter it = json_iterate(policies);
    while (json_next(&it)) {
        struct str policy;
        if (status_ok(json_as_str(it.value, &policy)) && str_equal_c(policy, name)) {
            return true;
        }
    }
    return false;
}

// All tokens of a bench are children of one: revoking it takes them along. They can do as little as
// possible: where the given token allows it, they have the default policy alone.
static struct status make_parent_token(struct bench *b)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli *c = b->c;
    struct str body;
    struct str token;
    long long ttl_s = b->length_s + TOKEN_GRACE_S;
    TRY(cli_connect_with(c, b->token));
    TRY(arena_printf(c->arena, &body, "{\"display_name\":\"bench\",\"ttl\":\"%llds\"}", ttl_s));
    TRY(cli_post(c, STR("auth/token/create"), body, &answer));
    struct json_value auth = json_get(answer.json, "auth");
    if (!status_ok(json_as_str(json_get(auth, "client_token"), &token))) {
        return cli_problem_remote(&c->problem, "the answer has no token");
    }
    struct json_value policies = json_get(auth, "policies");
    bool least = has_policy(policies, "root") || has_policy(policies, "default");
    b->token_body = least ? "{\"policies\":[\"default\"],\"ttl\":\"5m\"}" : "{\"ttl\":\"5m\"}";
    secret_free(TAKE(b->token));
    TRY(secret_copy(bytes_from_str(token), &b->token));
    TRY(cli_connect_with(c, b->token));
    return open_load(b);
}

struct status bench_make_data(struct bench *b)
{
    return b->operation == BENCH_TOKEN ? make_parent_token(b) : make_secrets(b);
}

static struct status revoke_tokens(struct bench *b)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    if (b->token_body == NULL) {
        return OK_STATUS;
    }
    bench_tell(b, "revoking the tokens");
    return cli_post(b->c, STR("auth/token/revoke-self"), STR("{}"), &answer);
}

static struct status remove_secrets(struct bench *b)
{
    if (b->made == 0) {
        return OK_STATUS;
    }
    if (b->load == NULL) {
        TRY(open_load(b));
    }
    bench_tell(b, "removing the secrets (Ctrl-C leaves the rest there)");
    struct cli_load_round round = {.draft = draft_removal, .context = b, .count = b->made};
    return run_round(b, &round, "removed from");
}

struct status bench_remove_data(struct bench *b)
{
    return b->operation == BENCH_TOKEN ? revoke_tokens(b) : remove_secrets(b);
}
