// SPDX-License-Identifier: ISC
#include "api/conformance.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli/terminal.h"
#include "rotators/builtin.h"
#include "vault/base/json_writer.h"
#include "vault/rotation/conformance/conformance.h"

enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_UNTRIED = 2,
    ARENA_BYTES = 4 * 1024 * 1024,
    FILE_BYTES = 64 * 1024,
    OUTPUT_BYTES = 1024 * 1024,
    NAME_SHOWN_BYTES = 100,
    TIMEOUT_S = 10,
    TIMEOUT_MOST_S = 20,
};

const struct cli_flag conformance_flags[] = {
    {"target", CLI_FLAG_LIST, "KEY=VALUE", "a setting of the target; again for more"},
    {"username", CLI_FLAG_TEXT, "NAME", "who the rotator is at the target"},
    {"secret", CLI_FLAG_TEXT, "@FILE", "file of what it logs in with, without a line end"},
    {"present", CLI_FLAG_TEXT, "@FILE", "K5: file of the value that the account has now"},
    {"account", CLI_FLAG_TEXT, "NAME", "account whose value is changed: conformance unless given"},
    {"account-setting", CLI_FLAG_LIST, "KEY=VALUE", "a setting of the account; again for more"},
    {"time", CLI_FLAG_DURATION, "TIME", "what a process of it may take: 10s, at most 20s"},
    {"user", CLI_FLAG_TEXT, "NAME", "when run as root: user that it runs as, nobody unless given"},
    {"without-walls", CLI_FLAG_BOOL, NULL,
     "start it although nothing keeps it from this machine's files"},
    {"format", CLI_FLAG_TEXT, "FORMAT", "table or json"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

struct output {
    bool json;
    struct buffer text;
    struct json_writer writer;
};

static const char *outcome_name(enum conformance_outcome outcome)
{
    static const char *const names[] = {"", "passed", "FAILED", "skipped"};
    return names[outcome];
}

// What a rotator says may move a terminal's cursor.
static void print_safely(const char *text)
{
    for (; *text != '\0'; text++) {
        putchar((unsigned char)*text < ' ' || *text == 0x7F ? '?' : *text);
    }
}

static void print_row(void *context, const struct conformance_result *r)
{
    struct output *o = context;
    if (o->json) {
        json_begin_object(&o->writer);
        json_add_string(&o->writer, "check", str_from_c(r->name));
        json_add_string(&o->writer, "outcome",
                        r->outcome == CONFORMANCE_FAILED ? STR("failed")
                                                         : str_from_c(outcome_name(r->outcome)));
        json_add_string(&o->writer, "meaning", str_from_c(r->meaning));
        json_add_string(&o->writer, "detail", str_from_c(r->detail));
        json_add_string(&o->writer, "fix",
                        r->outcome == CONFORMANCE_FAILED ? str_from_c(r->fix) : STR(""));
        json_end_object(&o->writer);
        return;
    }
    printf("%-15s  %-7s  %-42s  ", r->name, outcome_name(r->outcome), r->meaning);
    print_safely(r->detail);
    putchar('\n');
    if (r->outcome == CONFORMANCE_FAILED) {
        printf("%-15s  to do:   %s\n", "", r->fix);
    }
    fflush(stdout);
}

static struct status read_settings(const struct cli_args *args, const char *flag,
                                   struct arena *arena, struct cli_problem *why,
                                   struct settings *out)
{
    *out = (struct settings){.count = 0};
    for (size_t i = 0; i < args->use_count; i++) {
        struct str key;
        struct str value;
        if (strcmp(args->uses[i].flag->name, flag) != 0) {
            continue;
        }
        if (!str_split(args->uses[i].value, '=', &key, &value) || key.len == 0) {
            return cli_problem_local(why, "-%s: expected KEY=VALUE", flag);
        }
        TRY(arena_copy_str(arena, key, &key));
        if (settings_get(out, key.ptr).len > 0) {
            return cli_problem_local(why, "-%s: %s is given twice", flag, key.ptr);
        }
        TRY(settings_add(out, key.ptr, value, arena));
    }
    return OK_STATUS;
}

// Never from an argument, which every user of the machine can read.
static struct status read_secret(const struct cli_args *args, const char *flag,
                                 struct cli_problem *why, struct secret **out)
{
    struct str given = cli_args_text(args, flag);
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, FILE_BYTES);
    if (!cli_args_has(args, flag)) {
        return OK_STATUS;
    }
    if (given.len < 2 || given.ptr[0] != '@') {
        return cli_problem_local(why, "-%s: expected @FILE: arguments can be read by others", flag);
    }
    TRY(cli_read_file(str_skip(given, 1), -1, why, &text));
    if (text.len == 0) {
        return cli_problem_local(why, "-%s: the file is empty", flag);
    }
    return secret_copy(buffer_bytes(&text), out);
}

static enum launcher_form form_of(struct str name)
{
    if (!str_starts_with(name, STR("/"))) {
        return LAUNCHER_LINKED;
    }
    return str_ends_with(name, STR(".so")) ? LAUNCHER_MODULE : LAUNCHER_PROGRAM;
}

// What is linked into the program, by name.
static struct status check_linked(struct str name, struct arena *arena, struct cli_problem *why)
{
    struct str names = STR("");
    for (const struct rotunda_rotator *const *r = rotators_builtin(); *r != NULL; r++) {
        if (str_equal_c(name, (*r)->name)) {
            return OK_STATUS;
        }
        TRY(arena_printf(arena, &names, "%.*s%s%s", STR_ARG(names), names.len > 0 ? ", " : "",
                         (*r)->name));
    }
    return cli_problem_local(why,
                             "no such rotator: %.*s. There are %.*s, and programs and modules by "
                             "their absolute path",
                             STR_ARG(str_first(name, NAME_SHOWN_BYTES)), STR_ARG(names));
}

static struct status read_time(const struct cli_args *args, struct cli_problem *why, int64_t *out)
{
    int64_t given_s = TIMEOUT_S;
    if (cli_args_has(args, "time") &&
        !status_ok(str_parse_duration_s(cli_args_text(args, "time"), &given_s))) {
        return cli_problem_local(why, "-time: expected a duration");
    }
    if (given_s < 1 || given_s > TIMEOUT_MOST_S) {
        return cli_problem_local(why, "-time: expected 1s to 20s, as of a target");
    }
    *out = given_s;
    return OK_STATUS;
}

static struct status read_options(const struct cli_args *args, struct arena *arena,
                                  struct cli_problem *why, struct conformance_options *out)
{
    if (args->operand_count != 1) {
        return cli_problem_local(why, "expected one operand: the rotator's name or absolute path");
    }
    struct str format = cli_args_text(args, "format");
    if (format.len > 0 && !str_equal_c(format, "json") && !str_equal_c(format, "table")) {
        return cli_problem_local(why, "-format: expected table or json");
    }
    struct str account = cli_args_text(args, "account");
    *out = (struct conformance_options){.name = cli_args_operand(args, 0),
                                        .form = form_of(cli_args_operand(args, 0)),
                                        .strangers_anywhere =
                                            cli_args_bool(args, "without-walls", false),
                                        .principal = cli_args_text(args, "username"),
                                        .account = account.len > 0 ? account : STR("conformance")};
    TRY(read_time(args, why, &out->timeout_s));
    TRY(read_settings(args, "target", arena, why, &out->target));
    return read_settings(args, "account-setting", arena, why, &out->account_settings);
}

static struct status start_launcher(const struct cli_args *args, struct arena *arena,
                                    struct launcher **out)
{
    struct str user;
    TRY(arena_copy_str(arena, cli_args_text(args, "user"), &user));
    const struct launcher_options options = {.user = user.len > 0 ? user.ptr : NULL,
                                             .allow_unlocked = true};
    return launcher_start(&options, out);
}

static void launcher_cleanup(struct launcher **l)
{
    launcher_free(*l);
}

static struct status finish(struct output *o, size_t failed, struct cli_problem *why)
{
    if (!o->json) {
        printf("\n%s\n", failed == 0 ? "It conforms." : "It doesn't conform.");
        return OK_STATUS;
    }
    json_end_array(&o->writer);
    json_add_bool(&o->writer, "conforms", failed == 0);
    json_end_object(&o->writer);
    TRY(json_writer_status(&o->writer));
    buffer_append_byte(&o->text, '\n');
    return cli_write_all(STDOUT_FILENO, buffer_bytes(&o->text), why);
}

static struct status run(const struct cli_args *args, struct arena *arena, struct cli_problem *why,
                         size_t *failed)
{
    CLEANUP(launcher_cleanup) struct launcher *launcher = NULL;
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    CLEANUP(secret_cleanup) struct secret *present = NULL;
    struct output o = {.json = str_equal_c(cli_args_text(args, "format"), "json")};
    struct conformance_options options;
    TRY(read_options(args, arena, why, &options));
    if (options.form == LAUNCHER_LINKED) {
        TRY(check_linked(options.name, arena, why));
    }
    TRY(start_launcher(args, arena, &launcher)); // before there is a secret
    TRY(secret_system_init(true));               // of a test system
    TRY(read_secret(args, "secret", why, &secret));
    TRY(read_secret(args, "present", why, &present));
    options.launcher = launcher;
    options.secret = secret;
    options.present = present;
    buffer_init(&o.text, OUTPUT_BYTES);
    o.writer = json_writer_on(&o.text);
    if (o.json) {
        json_begin_object(&o.writer);
        json_put_key(&o.writer, "checks");
        json_begin_array(&o.writer);
    }
    struct status ran = conformance_run(&options, print_row, &o, failed);
    ran = status_ok(ran) ? finish(&o, *failed, why) : ran;
    buffer_done(&o.text);
    return ran;
}

int conformance_main(int argc, char **argv)
{
    static const struct cli_flag none[] = {{NULL, CLI_FLAG_BOOL, NULL, NULL}};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(ARENA_BYTES);
    struct cli_problem why = {.text = ""};
    struct cli_args args = {.use_count = 0};
    size_t failed = 0;
    if (arena == NULL) {
        return EXIT_UNTRIED;
    }
    const struct cli_args_source source = {argc, (const char *const *)argv, conformance_flags,
                                           none};
    struct status s = cli_args_parse(arena, &source, &why, &args);
    s = status_ok(s) ? run(&args, arena, &why, &failed) : s;
    if (!status_ok(s)) {
        fprintf(stderr, "rotunda: %s\n", why.text[0] != '\0' ? why.text : s.what);
        return EXIT_UNTRIED;
    }
    return failed == 0 ? EXIT_PASSED : EXIT_FAILED;
}
