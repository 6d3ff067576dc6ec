// SPDX-License-Identifier: ISC
#include "api/dev.h"

#include <stdio.h>
#include <unistd.h>

#include "api/cli/cli.h"
#include "api/cli/token_file.h"
#include "api/dev_postgres.h"
#include "api/dev_vault.h"
#include "api/process.h"
#include "api/server.h"

enum { ARGUMENT_BYTES = 64 * 1024, TEXT_BYTES = 8 * 1024, EXIT_INTERRUPTED = 130 };

const struct cli_flag dev_flags[] = {
    {"dir", CLI_FLAG_TEXT, "DIR",
     "keep everything there (default: nowhere, all is gone at the end)"},
    {"listen", CLI_FLAG_TEXT, "ADDR", "host:port or unix:/path (default 127.0.0.1:8200)"},
    {"login", CLI_FLAG_BOOL, NULL, "log in: keep the root token where `rotunda login` does"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

struct dev {
    struct arena *arena;
    struct cli_args args;
    struct cli_problem why;
    struct dev_folder folder;
    struct dev_postgres postgres;
    struct config *config;
    struct str address; // as clients write it
};

static struct status read_arguments(struct dev *d, int argc, char **argv)
{
    static const struct cli_flag none = {.name = NULL};
    const struct cli_args_source source = {
        .argc = argc, .argv = (const char *const *)argv, .own = dev_flags, .global = &none};
    TRY(cli_args_parse(d->arena, &source, &d->why, &d->args));
    if (d->args.operand_count > 0) {
        return cli_problem_local(&d->why, "dev takes flags only; `rotunda dev -h` lists them");
    }
    return OK_STATUS;
}

static struct status set_listener(struct dev *d, struct config *c)
{
    struct config_listener *l = &c->listeners[0];
    struct str wanted = cli_args_text(&d->args, "listen");
    c->listener_count = 1;
    if (str_starts_with(wanted, STR("unix:"))) {
        *l = (struct config_listener){.kind = CONFIG_LISTENER_UNIX,
                                      .address = str_skip(wanted, sizeof "unix:" - 1)};
        d->address = wanted;
        return OK_STATUS;
    }
    *l = (struct config_listener){.kind = CONFIG_LISTENER_TCP,
                                  .address = wanted.len > 0 ? wanted : STR("127.0.0.1:8200")};
    return arena_printf(d->arena, &d->address, "http://%.*s", STR_ARG(l->address));
}

// What `rotunda server` reads from a file.
static struct status make_config(struct dev *d)
{
    TRY(config_new(&d->config));
    struct config *c = d->config;
    TRY(set_listener(d, c));
    c->database = (struct config_database){.host = str_from_c(d->folder.postgres),
                                           .port = 5432,
                                           .name = STR("postgres"),
                                           .user = STR("rotunda")};
    c->seal = (struct config_seal){.kind = CONFIG_SEAL_STATIC,
                                   .key_file = str_from_c(d->folder.seal_key)};
    c->log_level = LOG_WARN;
    c->allow_unlocked_memory = true;
    c->rotation.min_interval_s = 1;
    return OK_STATUS;
}

static struct status prepare(void *ctx, struct vault *v)
{
    const struct dev *d = ctx;
    return dev_vault_prepare(&d->folder, v);
}

static void log_in(struct dev *d, const struct secret *token)
{
    struct str path;
    struct status done = cli_token_file_path(d->arena, &d->why, &path);
    if (status_ok(done)) {
        done = cli_token_file_write(d->arena, path, secret_view(token), &d->why);
    }
    if (!status_ok(done)) {
        fprintf(stderr, "rotunda dev: not logged in: %s\n", d->why.text);
    }
}

static void append_line(struct buffer *b, const char *label, struct str value)
{
    buffer_append_c(b, label);
    buffer_append_str(b, value);
    buffer_append_byte(b, '\n');
}

static void append_welcome(struct buffer *b, const struct dev *d, struct str token)
{
    const char *kept = d->folder.temporary ? "  (removed at the end; keep one with -dir)" : "";
    buffer_append_c(b,
                    "Rotunda is ready, to try things out. Not for real secrets: whoever can read "
                    "the\nfolder can read them.\n\n");
    append_line(b, "    address     ", d->address);
    append_line(b, "    root token  ", token);
    buffer_append_c(b, "    folder      ");
    buffer_append_c(b, d->folder.path);
    append_line(b, kept, STR(""));
    buffer_append_c(b, "\nFrom another terminal:\n\n");
    append_line(b, "    export ROTUNDA_ADDR=", d->address);
    if (!cli_args_bool(&d->args, "login", false)) {
        append_line(b, "    export ROTUNDA_TOKEN=", token);
    }
    buffer_append_c(b, "    rotunda kv put secret/hello name=world\n"
                       "    rotunda kv get secret/hello\n\nCtrl-C stops it.\n");
}

static void welcome(void *ctx)
{
    struct dev *d = ctx;
    struct secret *token CLEANUP(secret_cleanup) = NULL;
    struct status loaded = dev_folder_load_token(&d->folder, &token);
    if (!status_ok(loaded)) {
        fprintf(stderr, "rotunda dev: %s\n", loaded.what);
    } else if (cli_args_bool(&d->args, "login", false)) {
        log_in(d, token);
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, TEXT_BYTES);
    append_welcome(&text, d, str_from_bytes(secret_view(token)));
    struct bytes all = buffer_bytes(&text);
    // Nobody reads it: no reason not to serve.
    ssize_t written = write(STDOUT_FILENO, all.ptr, all.len);
    (void)written;
}

static int serve(struct dev *d)
{
    struct status ready = make_config(d);
    if (!status_ok(ready)) {
        fprintf(stderr, "rotunda dev: %s\n", ready.what);
        return CLI_EXIT_LOCAL;
    }
    const struct server_hooks hooks = {.ctx = d, .prepare = prepare, .ready = welcome};
    return server_run(d->config, &hooks);
}

static int run(struct dev *d)
{
    struct status ready = process_harden();
    process_block_signals();
    if (status_ok(ready)) {
        ready = dev_folder_open(cli_args_text(&d->args, "dir"), &d->folder);
    }
    if (!status_ok(ready)) {
        fprintf(stderr, "rotunda dev: %s\n", ready.what);
        return CLI_EXIT_LOCAL;
    }
    ready = dev_postgres_start(&d->folder, &d->postgres);
    if (!status_ok(ready)) {
        fprintf(stderr, "rotunda dev: %s\n", ready.what);
        return ready.code == STATUS_TIMEOUT ? EXIT_INTERRUPTED : CLI_EXIT_LOCAL;
    }
    int code = serve(d);
    dev_postgres_stop(&d->postgres);
    return code;
}

int dev_main(int argc, char **argv)
{
    struct dev d = {.arena = arena_new(ARGUMENT_BYTES)};
    int code = CLI_EXIT_LOCAL;
    if (d.arena == NULL) {
        fprintf(stderr, "rotunda dev: out of memory\n");
        return code;
    }
    struct status read = read_arguments(&d, argc, argv);
    if (status_ok(read)) {
        code = run(&d);
    } else {
        fprintf(stderr, "rotunda dev: %s\n", d.why.text[0] == '\0' ? read.what : d.why.text);
    }
    config_free(d.config);
    arena_free(d.arena);
    return code;
}
