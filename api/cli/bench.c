// SPDX-License-Identifier: ISC
// `rotunda bench`: how fast a running vault answers, as one client machine sees it.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "api/cli/bench_data.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/token_file.h"
#include "vault/base/clock.h"
#include "vault/base/json_writer.h"
#include "vault/base/limits.h"

enum {
    DEFAULT_CONNECTIONS = 16,
    DEFAULT_LENGTH_S = 10,
    DEFAULT_SECRETS = 1000,
    MOST_CONNECTIONS = 1000,
    MOST_LENGTH_S = 3600,
    MOST_SECRETS = 1000000,
    REPORT_BYTES = 64 * 1024,
};

static const char *const operations[] = {[BENCH_READ] = "read",
                                         [BENCH_WRITE] = "write",
                                         [BENCH_MIXED] = "mixed",
                                         [BENCH_TOKEN] = "token"};

static atomic_bool interrupted;

static void note_interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted, true);
}

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
struct former {
    struct sigaction actions[ARRAY_LEN(interrupts)];
};

// The first interrupt ends the measurement, the second one the program.
static void catch_interrupts(struct former *former)
{
    struct sigaction noting = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
    atomic_store(&interrupted, false);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++) {
        sigaction(interrupts[i], &noting, &former->actions[i]);
    }
}

static void restore_interrupts(const struct former *former)
{
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++) {
        sigaction(interrupts[i], &former->actions[i], NULL);
    }
}

static struct status read_operation(struct cli *c, enum bench_operation *out)
{
    struct str text = cli_args_text(&c->args, "op");
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (text.len == 0 || str_equal_c(text, operations[i])) {
            *out = (enum bench_operation)i;
            return OK_STATUS;
        }
    }
    return cli_problem_local(&c->problem, "-op is read, write, mixed or token");
}

static struct status check_range(struct cli *c, const char *flag, int64_t value, int64_t most)
{
    if (value < 1 || value > most) {
        return cli_problem_local(&c->problem, "-%s is between 1 and %" PRId64, flag, most);
    }
    return OK_STATUS;
}

static struct status read_mount(struct cli *c, struct str *out)
{
    struct str mount = cli_args_has(&c->args, "mount") ? str_trim(cli_args_text(&c->args, "mount"))
                                                       : STR("secret");
    while (str_ends_with(mount, STR("/"))) {
        mount = str_first(mount, mount.len - 1);
    }
    if (mount.len == 0 || mount.len > LIMIT_MOUNT_PATH_BYTES) {
        return cli_problem_local(&c->problem, "-mount is the path of a kv engine");
    }
    *out = mount;
    return OK_STATUS;
}

static struct status read_plan(struct cli *c, struct bench *b)
{
    int64_t secrets = cli_args_count(&c->args, "n", DEFAULT_SECRETS);
    b->connections = cli_args_count(&c->args, "c", DEFAULT_CONNECTIONS);
    b->length_s = DEFAULT_LENGTH_S;
    if (cli_args_has(&c->args, "d")) {
        TRY(str_parse_duration_s(cli_args_text(&c->args, "d"), &b->length_s));
    }
    TRY(read_operation(c, &b->operation));
    TRY(check_range(c, "c", b->connections, MOST_CONNECTIONS));
    if (b->length_s < 1 || b->length_s > MOST_LENGTH_S) {
        return cli_problem_local(&c->problem, "-d is between 1s and 1h");
    }
    TRY(check_range(c, "n", secrets, MOST_SECRETS));
    TRY(read_mount(c, &b->mount));
    b->secrets = (uint64_t)secrets;
    if (!cli_address_is_local(c->settings.address) && !cli_args_bool(&c->args, "yes", false)) {
        return cli_problem_local(&c->problem,
                                 "%.*s is another machine, which others may need: -yes if the load "
                                 "is meant for it",
                                 STR_ARG(c->settings.address));
    }
    return OK_STATUS;
}

static void add_answers(struct json_writer *w, const struct cli_load_result *r)
{
    char name[32];
    for (unsigned code = 0; code < CLI_LOAD_CODES; code++) {
        if (r->answers[code] > 0) {
            snprintf(name, sizeof name, "status_%u", code);
            json_add_int(w, name, (int64_t)r->answers[code]);
        }
    }
    json_add_int(w, "unanswered", (int64_t)r->unanswered);
}

static void add_ms(struct json_writer *w, const char *key, int64_t duration_us)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 ".%03" PRId64, duration_us / 1000, duration_us % 1000);
    json_add_raw(w, key, str_from_c(text));
}

static void write_report(const struct bench *b, const struct cli_load_result *r,
                         struct json_writer *w)
{
    int64_t total = (int64_t)cli_load_total(r);
    json_begin_object(w);
    json_add_string(w, "operation", str_from_c(operations[b->operation]));
    json_add_int(w, "connections", b->connections);
    if (b->operation != BENCH_TOKEN) {
        json_add_int(w, "secrets", (int64_t)b->secrets);
    }
    add_ms(w, "seconds", r->elapsed_us / 1000);
    json_add_int(w, "requests", total);
    json_add_int(w, "requests_per_second", total * CLOCK_SECOND / (r->elapsed_us + 1));
    add_ms(w, "p50_ms", cli_histogram_percentile(&r->latency, 50));
    add_ms(w, "p90_ms", cli_histogram_percentile(&r->latency, 90));
    add_ms(w, "p99_ms", cli_histogram_percentile(&r->latency, 99));
    add_ms(w, "max_ms", r->latency.longest_us);
    json_add_int(w, "errors", (int64_t)cli_load_failures(r));
    add_answers(w, r);
    json_end_object(w);
}

static struct status print_report(const struct bench *b, const struct cli_load_result *r)
{
    CLEANUP(cli_buffer_done) struct buffer text;
    struct cli_answer answer = {.method = NULL};
    buffer_init(&text, REPORT_BYTES);
    struct json_writer w = json_writer_on(&text);
    write_report(b, r, &w);
    TRY(json_writer_status(&w));
    TRY(json_parse(buffer_str(&text), NULL, b->c->arena, &answer.json, NULL));
    return cli_print_answer(b->c, &answer);
}

static struct status explain_failures(struct cli *c, const struct cli_load_result *r)
{
    uint64_t failed = cli_load_failures(r);
    if (failed == 0) {
        return OK_STATUS;
    }
    return cli_problem_remote(&c->problem, "%" PRIu64 " of %" PRIu64 " requests failed%s%s", failed,
                              cli_load_total(r), r->unanswered > 0 ? ": " : "", r->why.text);
}

static struct status measure(struct bench *b)
{
    struct cli_load_result *result = ARENA_NEW(b->c->arena, struct cli_load_result);
    if (result == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct cli_load_round round = {.draft = bench_draft,
                                   .context = b,
                                   .count = UINT64_MAX,
                                   .length_s = b->length_s,
                                   .stop = b->stop,
                                   .progress = bench_tell_progress,
                                   .progress_context = b};
    TRY(cli_load_run(b->load, &round, result));
    TRY(print_report(b, result));
    return explain_failures(b->c, result);
}

static struct status make_and_measure(struct bench *b)
{
    TRY(bench_make_data(b));
    struct status measured = atomic_load(b->stop) ? OK_STATUS : measure(b);
    if (atomic_load(b->stop)) {
        return cli_problem_local(&b->c->problem, "interrupted");
    }
    return measured;
}

// A connection needs three descriptors: its own and two with which libcurl wakes itself.
static void allow_many_connections(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

// Of two errors the first is told, and the second alone at once.
static struct status remove_data(struct bench *b, struct status so_far)
{
    struct cli_problem first = b->c->problem;
    struct status removed = bench_remove_data(b);
    bench_tell(b, "%s", "");
    if (status_ok(so_far)) {
        return removed;
    }
    if (!status_ok(removed)) {
        dprintf(b->c->io.err_fd, "rotunda: %s\n", b->c->problem.text);
    }
    b->c->problem = first;
    return so_far;
}

static struct status run_bench(struct cli *c)
{
    CLEANUP(bench_done) struct bench b = {.c = c, .stop = &interrupted};
    struct former former;
    TRY(read_plan(c, &b));
    TRY(cli_token_find(c->arena, &c->problem, &b.token));
    allow_many_connections();
    catch_interrupts(&former);
    struct status s = remove_data(&b, make_and_measure(&b));
    restore_interrupts(&former);
    return s;
}

static const struct cli_flag bench_flags[] = {
    {"c", CLI_FLAG_COUNT, "N", "connections, each with one request at a time (default 16)"},
    {"d", CLI_FLAG_DURATION, "TIME", "how long to measure (default 10s)"},
    {"n", CLI_FLAG_COUNT, "N", "secrets to work on (default 1000)"},
    {"mount", CLI_FLAG_TEXT, "PATH", "kv engine, version 2, to put them in (default secret)"},
    {"op", CLI_FLAG_TEXT, "OPERATION",
     "read (default), write, mixed (nine reads, one write), token"},
    {"yes", CLI_FLAG_BOOL, NULL, "load a server on another machine too"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define BENCH_HELP                                                                                 \
    "Sends requests over kept-alive connections as fast as they are answered, and prints how\n"    \
    "many were, and how long they took. Works on secrets that it makes in a folder\n"              \
    "MOUNT/bench-... and removes afterwards, also after Ctrl-C; tokens that it makes are\n"        \
    "revoked. The audit log keeps a record of each request.\n\n"                                   \
    "The token needs create, update and read below MOUNT/data/bench-*, delete below\n"             \
    "MOUNT/metadata/bench-*; for tokens update on auth/token/create.\n\n"                          \
    "Example: rotunda bench -op=mixed -c=64 -d=30s"

static const struct cli_command commands[] = {
    {"bench", "how fast a running vault answers", "", BENCH_HELP, bench_flags, 0, 0, run_bench,
     NULL},
};
const struct cli_command_list cli_bench_commands = {commands, ARRAY_LEN(commands)};
