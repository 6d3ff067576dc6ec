// SPDX-License-Identifier: ISC
#include "api/server.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/confine.h"
#include "api/process.h"
#include "api/server_metrics.h"
#include "api/server_watch.h"
#include "rotators/builtin.h"
#include "vault/audit/keeper.h"
#include "vault/base/limits.h"
#include "vault/core/crew.h"
#include "vault/core/sealing.h"
#include "vault/core/unsealer.h"
#include "vault/store/migrate.h"

enum {
    CONNINFO_MAX = 8192,
    FIRST_CONNECT_TRIES = 50,
    FIRST_CONNECT_WAIT_US = 200000,
};

struct server {
    const struct config *config;
    const struct server_hooks *hooks; // NULL for none
    struct buffer conninfo;
    struct secret *password;
    struct store_config database;
    struct vault vault;
    struct launcher *launcher;
    struct dispatch *dispatch;
    struct server_listeners listeners;
    struct server_worker *workers;
    struct worker *worker_list[LIMIT_WORKERS];
    size_t worker_count;
    bool unseals_itself; // and is not unsealed yet when the workers start
    struct server_stop stop;
};

static struct status explain(struct status s, const struct config_problem *why)
{
    if (!status_ok(s)) {
        fprintf(stderr, "%s\n", why->text);
    }
    return s;
}

static struct status read_database(struct server *s)
{
    struct config_problem why = {.text = ""};
    buffer_init(&s->conninfo, CONNINFO_MAX);
    TRY(config_database_conninfo(&s->config->database, &s->conninfo));
    buffer_append_byte(&s->conninfo, 0);
    TRY(buffer_status(&s->conninfo));
    TRY(explain(config_database_password(&s->config->database, &why, &s->password), &why));
    s->database =
        (struct store_config){.conninfo = (const char *)s->conninfo.ptr, .password = s->password};
    return OK_STATUS;
}

// SIGTERM and SIGINT: a database that doesn't answer keeps nobody from ending.
static bool told_to_end(int64_t within_us)
{
    int signal = process_wait_signal(within_us);
    return signal == SIGTERM || signal == SIGINT;
}

// PostgreSQL may be starting at the same time as we are.
static struct status first_session(const struct store_config *database, struct session **out)
{
    struct status s = OK_STATUS;
    for (int attempt = 0; attempt < FIRST_CONNECT_TRIES; attempt++) {
        s = session_open(database, out);
        if (status_ok(s) || s.code != STATUS_UNAVAILABLE) {
            return s;
        }
        if (told_to_end(FIRST_CONNECT_WAIT_US)) {
            FAIL(UNAVAILABLE, "told to end while the database couldn't be reached");
        }
    }
    return s;
}

static struct status migrate(const struct store_config *database)
{
    struct session *session CLEANUP(session_cleanup) = NULL;
    TRY(first_session(database, &session));
    return migrate_run(session);
}

// systemd looks after its credentials by an access list, which shows as the mode of the group.
static struct seal_key_place key_place(struct str file)
{
    struct str folder = str_from_c(getenv("CREDENTIALS_DIRECTORY"));
    bool kept_by_systemd = folder.len > 0 && file.len > folder.len + 1 &&
                           str_starts_with(file, folder) && file.ptr[folder.len] == '/';
    struct seal_key_place place = {.file = kept_by_systemd ? NULL : file.ptr};
    if (kept_by_systemd) {
        place.credential = file.ptr + folder.len + 1;
    }
    return place;
}

// Sinks may only be files in a folder of their own.
static struct status make_audit(struct server *s)
{
    const struct config *c = s->config;
    struct vault *v = &s->vault;
    struct str folder = {NULL, 0};
    if (c->data_dir.len > 0) {
        TRY(arena_printf(c->arena, &folder, "%.*s/audit", STR_ARG(c->data_dir)));
    }
    TRY(audit_sinks_new(folder, &v->sinks));
    const struct audit_keeper_options options = {
        .store = v->store,
        .keyring = v->keyring,
        .signer = v->signer,
        .sinks = v->sinks,
        .checkpoint_interval_s = c->audit.checkpoint_interval_s,
        .retention_s = c->audit.retention_s,
        .checkpoint_file = c->audit.checkpoint_file,
        .room = {c->audit.alarm_bytes, c->database.alarm_bytes}};
    return audit_keeper_new(&options, &v->keeper);
}

static struct status make_vault(struct server *s)
{
    const struct config *c = s->config;
    struct vault *v = &s->vault;
    v->node = c->node_name;
    v->version = STR(ROTUNDA_VERSION);
    v->default_lease_ttl_s = c->default_lease_ttl_s;
    v->max_lease_ttl_s = c->max_lease_ttl_s;
    TRY(offload_new((size_t)c->offload_threads, LIMIT_OFFLOAD_QUEUE, &v->offload));
    TRY(store_new(&s->database, v->offload, (size_t)c->sessions, &v->store));
    TRY(keyring_new(&v->keyring));
    TRY(audit_signer_new(v->keyring, &v->signer));
    TRY(make_audit(s));
    const struct sealing_options options = {
        .ops = seal_ops_named(c->seal.kind == CONFIG_SEAL_STATIC ? STR("static") : STR("shamir")),
        .seal = {.key = key_place(c->seal.key_file),
                 .previous = key_place(c->seal.previous_key_file)}};
    return sealing_new(v, &options, &v->sealing);
}

static struct http_limits http_limits_of(const struct config_limits *l)
{
    struct http_limits h = http_limits_default();
    h.header_us = l->slow_header_s * CLOCK_SECOND;
    h.body_us = l->slow_body_s * CLOCK_SECOND;
    h.idle_us = l->idle_connection_s * CLOCK_SECOND;
    h.request_us = l->request_deadline_s * CLOCK_SECOND;
    h.header_bytes = (size_t)l->header_bytes;
    h.body_bytes = (size_t)l->body_bytes;
    h.connections = (uint32_t)l->connections;
    h.connections_per_address = (uint32_t)l->connections_per_address;
    return h;
}

static struct status open_listener(struct server *s, const struct config_listener *l)
{
    char address[512];
    snprintf(address, sizeof address, "%s%.*s", l->kind == CONFIG_LISTENER_UNIX ? "unix:" : "",
             STR_ARG(l->address));
    const struct http_listener_options options = {
        .address = str_from_c(l->kind == CONFIG_LISTENER_SYSTEMD ? "fd:3" : address),
        .tls_cert_file = l->tls_cert_file.len > 0 ? l->tls_cert_file.ptr : NULL,
        .tls_key_file = l->tls_key_file.len > 0 ? l->tls_key_file.ptr : NULL,
        .allow_plain = l->allow_plain,
        .limits = http_limits_of(&s->config->limits)};
    TRY(http_listener_open(&options, &s->listeners.open[s->listeners.count]));
    s->listeners.address[s->listeners.count] = l->address;
    s->listeners.count++;
    return OK_STATUS;
}

static struct status open_listeners(struct server *s)
{
    for (size_t i = 0; i < s->config->listener_count; i++) {
        const struct config_listener *l = &s->config->listeners[i];
        struct status opened = open_listener(s, l);
        if (!status_ok(opened)) {
            log_event(LOG_ERROR, "server.listen_failed", LOG_STR("address", l->address),
                      LOG_STATUS(opened));
            return opened;
        }
    }
    return OK_STATUS;
}

static size_t wanted_workers(const struct config *c)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = c->workers > 0 ? (size_t)c->workers : (size_t)(processors < 1 ? 1 : processors);
    return wanted > LIMIT_WORKERS ? LIMIT_WORKERS : wanted;
}

static struct status make_workers(struct server *s)
{
    const struct config_limits *l = &s->config->limits;
    const struct json_limits json = {.depth = (uint32_t)l->json_depth,
                                     .members = (uint32_t)l->json_members,
                                     .string_bytes = (uint32_t)l->json_string_bytes};
    TRY(dispatch_new(&s->vault, &json, &s->dispatch));
    size_t count = wanted_workers(s->config);
    s->workers = calloc(count, sizeof *s->workers);
    if (s->workers == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        TRY(server_worker_init(&s->workers[i], &s->vault, (int64_t)i, s->dispatch, &s->listeners));
        s->worker_list[i] = &s->workers[i].worker;
        s->worker_count++;
    }
    server_metrics_register(s->workers, &s->listeners);
    s->vault.workers = s->worker_list;
    s->vault.worker_count = s->worker_count;
    return OK_STATUS;
}

// What the configuration says about rotators of others; `out` has CONFIG_ROTATORS places.
static void list_strangers(const struct config_rotation *c, struct rotation_stranger *out)
{
    _Static_assert((int)CONFIG_PROGRAM_BYTES < (int)LAUNCHER_NAME_BYTES,
                   "a path is a name of the launcher's");
    for (size_t i = 0; i < c->rotator_count; i++) {
        bool program = c->rotators[i].program.len > 0;
        out[i] = (struct rotation_stranger){.name = c->rotators[i].name,
                                            .form = program ? LAUNCHER_PROGRAM : LAUNCHER_MODULE,
                                            .path = program ? c->rotators[i].program
                                                            : c->rotators[i].module};
    }
}

static struct status start_background(struct server *s)
{
    struct rotation_stranger strangers[CONFIG_ROTATORS];
    list_strangers(&s->config->rotation, strangers);
    const struct background_options options = {
        .unseals_itself = s->unseals_itself,
        .launcher = s->launcher,
        .rotation = {.min_interval_s = s->config->rotation.min_interval_s,
                     .running_max = s->config->rotation.concurrency,
                     .allow_asynchronous_replicas = s->config->rotation.allow_asynchronous_replicas,
                     .rotators = rotators_builtin(),
                     .strangers = strangers,
                     .stranger_count = s->config->rotation.rotator_count}};
    return server_worker_add_background(&s->workers[0], &options);
}

// Forked from a process that holds no key yet.
static struct status start_launcher(struct server *s)
{
    const struct config *c = s->config;
    const struct launcher_options options = {
        .user = c->rotation.launcher_user.len > 0 ? c->rotation.launcher_user.ptr : NULL,
        .allow_unlocked = c->allow_unlocked_memory};
    return launcher_start(&options, &s->launcher);
}

// Unsealed before the workers ran: they connect as their first act.
struct connect_task {
    struct loop_task task;
    struct server *server;
    sem_t done;
};

static void connect_fiber(void *arg)
{
    struct connect_task *t = arg;
    status_ignore(crew_unseal(&t->server->vault)); // the workers go on trying by themselves
    sem_post(&t->done);
}

static void on_connect(struct loop_task *task)
{
    struct connect_task *t = CONTAINER_OF(task, struct connect_task, task);
    if (!status_ok(fiber_start(t->server->workers[0].loop, connect_fiber, t))) {
        sem_post(&t->done);
    }
}

// Returns when they are connected, or after a while without the database: who is told that we are
// ready may ask at once.
static void connect_workers(struct server *s)
{
    struct connect_task connect = {.task = {.run = on_connect}, .server = s};
    sem_init(&connect.done, 0, 0);
    loop_post(s->workers[0].loop, &connect.task);
    while (sem_wait(&connect.done) != 0) {
    }
    sem_destroy(&connect.done);
}

static struct status start_workers(struct server *s)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        TRY(server_worker_start(&s->workers[i]));
    }
    if (vault_state(&s->vault) == VAULT_UNSEALED) {
        connect_workers(s);
    }
    return OK_STATUS;
}

static void reload_tls(struct server *s)
{
    size_t reloaded = 0;
    for (size_t i = 0; i < s->listeners.count; i++) {
        struct status r = http_listener_reload_tls(s->listeners.open[i]);
        reloaded += status_ok(r);
        if (!status_ok(r) && r.code != STATUS_UNSUPPORTED) {
            // What it has loaded before goes on being served.
            log_event(LOG_ERROR, "server.tls_reload_failed",
                      LOG_STR("address", s->listeners.address[i]), LOG_STATUS(r));
        }
    }
    log_event(LOG_INFO, "server.reloaded", LOG_INT("certificates", reloaded));
}

static void wait_for_end(struct server *s)
{
    struct server_watch watch;
    server_watch_init(&watch, s->workers, s->worker_count, process_watchdog_us());
    process_notify("READY=1");
    int signal;
    do {
        signal = process_wait_signal(server_watch_wait_us(&watch));
        if (signal == SIGHUP) {
            reload_tls(s);
        }
        server_watch_look(&watch);
        log_sum_up();
    } while (signal != SIGTERM && signal != SIGINT);
    process_notify("STOPPING=1");
    log_event(LOG_INFO, "server.stopping", LOG_INT("deadline_s", s->config->shutdown_deadline_s));
}

static size_t count_started(const struct server *s)
{
    size_t started = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        started += s->workers[i].started;
    }
    return started;
}

static void stop_workers(struct server *s, int exit_code)
{
    s->stop.vault = &s->vault;
    s->stop.deadline_us = clock_monotonic_us() + s->config->shutdown_deadline_s * CLOCK_SECOND;
    s->stop.exit_code = exit_code;
    server_stop_begin(&s->stop, count_started(s));
    for (size_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].started) {
            server_worker_stop(&s->workers[i], &s->stop);
        }
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        server_worker_join(&s->workers[i]);
    }
}

static void release(struct server *s)
{
    // The offload threads end first: they post to the loops.
    offload_free(s->vault.offload);
    for (size_t i = 0; i < s->worker_count; i++) {
        server_worker_done(&s->workers[i]);
    }
    free(s->workers);
    for (size_t i = 0; i < s->listeners.count; i++) {
        http_listener_free(s->listeners.open[i]);
    }
    dispatch_free(s->dispatch);
    sealing_free(s->vault.sealing);
    audit_keeper_free(s->vault.keeper);
    audit_sinks_free(s->vault.sinks);
    audit_signer_free(s->vault.signer);
    keyring_free(s->vault.keyring);
    store_free(s->vault.store);
    secret_free(s->password);
    buffer_done(&s->conninfo);
    launcher_free(s->launcher);
}

static struct status prepare(struct server *s)
{
    TRY(process_harden());
    process_block_signals();
    TRY(start_launcher(s));
    TRY(secret_system_init(s->config->allow_unlocked_memory));
    TRY(read_database(s));
    TRY(migrate(&s->database));
    TRY(make_vault(s));
    TRY(sealing_refresh(s->vault.sealing));
    if (s->hooks != NULL) {
        TRY(s->hooks->prepare(s->hooks->ctx, &s->vault));
    }
    s->unseals_itself = s->config->seal.kind == CONFIG_SEAL_STATIC && unsealer_try(&s->vault);
    TRY(open_listeners(s));
    TRY(make_workers(s));
    return start_background(s);
}

static void tell_ready(const struct server *s)
{
    log_event(LOG_INFO, "server.ready", LOG_STR("node", s->config->node_name),
              LOG_INT("workers", s->worker_count));
    if (s->hooks != NULL) {
        s->hooks->ready(s->hooks->ctx);
    }
}

int server_run(const struct config *config, const struct server_hooks *hooks)
{
    struct server s = {.config = config, .hooks = hooks};
    log_set_level(config->log_level);
    struct status outcome = prepare(&s);
    if (status_ok(outcome)) {
        outcome = start_workers(&s);
    }
    if (status_ok(outcome)) {
        outcome = confine_process();
    }
    if (status_ok(outcome)) {
        tell_ready(&s);
        wait_for_end(&s);
    } else {
        log_event(LOG_ERROR, "server.start_failed", LOG_STATUS(outcome));
    }
    int exit_code = status_ok(outcome) ? 0 : 1;
    stop_workers(&s, exit_code);
    release(&s);
    server_stop_end(&s.stop);
    log_sum_up_all();
    return exit_code;
}

struct server_arguments {
    const char *config_file;
    bool check;
};

static bool read_arguments(int argc, char **argv, struct server_arguments *out)
{
    for (int i = 0; i < argc; i++) {
        struct str arg = str_from_c(argv[i]);
        if (str_equal(arg, STR("-check"))) {
            out->check = true;
        } else if (str_equal(arg, STR("-config")) && i + 1 < argc) {
            out->config_file = argv[++i];
        } else if (str_starts_with(arg, STR("-config="))) {
            out->config_file = argv[i] + sizeof "-config=" - 1;
        } else {
            fprintf(stderr, "unknown argument: %s\n", argv[i]);
            return false;
        }
    }
    if (out->config_file == NULL) {
        fprintf(stderr, "-config FILE is needed\n");
        return false;
    }
    return true;
}

static void free_config(struct config **c)
{
    config_free(*c);
}

// A rotator of others doesn't pass as one of ours.
static bool names_are_free(const struct config *c)
{
    for (size_t i = 0; i < c->rotation.rotator_count; i++) {
        struct str name = c->rotation.rotators[i].name;
        for (const struct rotunda_rotator *const *r = rotators_builtin(); *r != NULL; r++) {
            if (str_equal_c(name, (*r)->name)) {
                fprintf(stderr,
                        "rotation: rotator \"%.*s\": the program has one of this name itself: "
                        "choose another\n",
                        STR_ARG(name));
                return false;
            }
        }
    }
    return true;
}

int server_main(int argc, char **argv)
{
    struct server_arguments args = {0};
    struct config *config CLEANUP(free_config) = NULL;
    struct config_problem why = {.text = ""};
    if (!read_arguments(argc, argv, &args)) {
        return 1;
    }
    if (!status_ok(explain(config_load(args.config_file, &why, &config), &why))) {
        return 1;
    }
    if (!names_are_free(config)) {
        return 1;
    }
    if (args.check) {
        printf("%s: ok\n", args.config_file);
        return 0;
    }
    return server_run(config, NULL);
}

static struct status migrate_only(const struct config *config)
{
    struct server s = {.config = config};
    TRY(secret_system_init(config->allow_unlocked_memory));
    struct status done = read_database(&s);
    if (status_ok(done)) {
        done = migrate(&s.database);
    }
    secret_free(s.password);
    buffer_done(&s.conninfo);
    return done;
}

int migrate_main(int argc, char **argv)
{
    struct server_arguments args = {0};
    struct config *config CLEANUP(free_config) = NULL;
    struct config_problem why = {.text = ""};
    if (!read_arguments(argc, argv, &args) ||
        !status_ok(explain(config_load(args.config_file, &why, &config), &why))) {
        return 1;
    }
    struct status done = migrate_only(config);
    if (!status_ok(done)) {
        fprintf(stderr, "%s\n", done.what);
        return 1;
    }
    return 0;
}
