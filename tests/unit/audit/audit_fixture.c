// SPDX-License-Identifier: ISC
#include "tests/unit/audit/audit_fixture.h"

#include <stdio.h>

#include "vault/audit/checkpoint.h"
#include "vault/audit/log_internal.h"
#include "vault/audit/walk.h"
#include "vault/store/migrate.h"

enum { CONNECT_POLL_US = 500 };

static struct status create_key(struct session *s, void *arg)
{
    struct audit_fixture *f = arg;
    return audit_signer_create_first(f->keyring, s);
}

static void make_keys(struct audit_fixture *f)
{
    static bool memory_locked;
    struct secret *root = NULL;
    if (!memory_locked) {
        assert_ok(secret_system_init(true));
        memory_locked = true;
    }
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    assert_ok(secret_random(KEYRING_KEY_BYTES, &root));
    assert_ok(keyring_new(&f->keyring));
    assert_ok(keyring_create(f->keyring, root, rows));
    secret_free(root);
    assert_ok(audit_signer_new(f->keyring, &f->signer));
    assert_ok(store_transact_blocking(f->store, create_key, f));
}

static void run_fiber(void *arg)
{
    struct audit_fixture *f = arg;
    f->body(f);
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        audit_fixture_kill(f, i);
    }
    loop_stop(f->loop);
}

void audit_fixture_run(void (*body)(struct audit_fixture *f))
{
    struct audit_fixture f = {.config = {.conninfo = getenv("ROTUNDA_TEST_DATABASE")},
                              .body = body};
    assert_ok(loop_new(&f.loop));
    assert_ok(offload_new(3, 64, &f.offload));
    assert_ok(store_new(&f.config, f.offload, 4, &f.store));
    assert_ok(session_open(&f.config, &f.admin));
    audit_fixture_sql(&f, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    assert_ok(migrate_run(f.admin));
    make_keys(&f);
    assert_ok(fiber_start(f.loop, run_fiber, &f));
    loop_run(f.loop);
    offload_free(f.offload);
    store_free(f.store);
    session_close(f.admin);
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        audit_log_free(f.logs[i]);
    }
    audit_signer_free(f.signer);
    keyring_free(f.keyring);
    loop_free(f.loop);
}

void audit_fixture_start(struct audit_fixture *f, size_t node)
{
    static const char *const names[FIXTURE_NODES] = {"node0", "node1"};
    if (f->logs[node] == NULL) {
        const struct audit_log_options options = {
            .loop = f->loop, .signer = f->signer, .node = str_from_c(names[node])};
        assert_ok(audit_log_new(&options, &f->logs[node]));
    }
    const struct batch_options options = {.loop = f->loop,
                                          .offload = f->offload,
                                          .config = &f->config,
                                          .barrier = audit_log_barrier(),
                                          .barrier_ctx = f->logs[node]};
    assert_ok(batch_new(&options, &f->batches[node]));
    audit_log_attach(f->logs[node], f->batches[node]);
    while (!batch_connected(f->batches[node])) {
        fiber_sleep_until(clock_monotonic_us() + CONNECT_POLL_US);
    }
}

// PostgreSQL learns of it later than we do, and until then takes the chain's node for alive.
static void wait_for_unlocking(struct audit_fixture *f, int64_t chain)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
             "classid = " AUDIT_CHAIN_LOCK " AND objid = %lld",
             (long long)chain);
    while (audit_fixture_count(f, sql) > 0) {
        fiber_sleep_until(clock_monotonic_us() + CONNECT_POLL_US);
    }
}

void audit_fixture_kill(struct audit_fixture *f, size_t node)
{
    if (f->batches[node] != NULL) {
        int64_t chain = audit_log_chain(f->logs[node]);
        struct batch *b = TAKE(f->batches[node]);
        audit_log_attach(f->logs[node], NULL);
        batch_close(b);
        batch_free(b);
        wait_for_unlocking(f, chain);
    }
}

void audit_fixture_stop(struct audit_fixture *f, size_t node)
{
    audit_log_close(f->logs[node]);
    audit_fixture_kill(f, node);
}

void audit_fixture_append(struct audit_fixture *f, size_t node, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[48];
        snprintf(path, sizeof path, "secret/data/%zu", i);
        const struct audit_entry entry = {.request_id = uuid_new(),
                                          .namespace_id = 1,
                                          .accessor = STR("accessor-1"),
                                          .actor = STR("alice"),
                                          .auth_method = STR("auth/token/create"),
                                          .remote = STR("192.0.2.1:40000"),
                                          .operation = STR("read"),
                                          .path = str_from_c(path),
                                          .result = 200,
                                          .duration_us = 900,
                                          .detail = STR("{\"n\":1.10}")};
        assert_ok(audit_append(f->logs[node], &entry));
    }
}

static struct status checkpoint_work(struct session *s, void *arg)
{
    struct audit_fixture *f = arg;
    struct audit_checkpoint_head previous;
    struct audit_checkpoint_head made;
    int64_t age_s;
    int64_t altered;
    TRY(audit_checkpoint_lock(s, &previous, &age_s));
    return audit_checkpoint_make(s, f->signer, &previous, &made, &altered);
}

void audit_fixture_checkpoint(struct audit_fixture *f)
{
    assert_ok(store_transact(f->store, checkpoint_work, f));
}

void audit_fixture_sql(struct audit_fixture *f, const char *sql)
{
    struct status done = session_script(f->admin, sql);
    if (!status_ok(done)) {
        fail_msg("%s: %s", sql, done.what);
    }
}

int64_t audit_fixture_count(struct audit_fixture *f, const char *sql)
{
    const struct store_statement statement = {"test.count", sql};
    struct session *s = NULL;
    struct store_rows rows = {0};
    assert_ok(session_open(&f->config, &s)); // its own: the statement's name is used again
    assert_ok(session_exec(s, &statement, NULL, 0, &rows));
    int64_t count = store_get_int(&rows, 0, 0);
    store_rows_done(&rows);
    session_close(s);
    return count;
}

static void note_problem(void *ctx, const struct audit_problem *p)
{
    struct audit_finding *finding = ctx;
    if (finding->first.what == NULL) {
        finding->first = *p;
    }
}

struct audit_finding audit_fixture_verify(struct audit_fixture *f)
{
    struct audit_finding finding = {0};
    struct audit_verifier *v CLEANUP(audit_verifier_cleanup) = NULL;
    const struct audit_verifier_options options = {.report = note_problem, .ctx = &finding};
    assert_ok(audit_verifier_new(&options, &v));
    assert_ok(audit_walk(f->admin, &AUDIT_FILTER_NONE, audit_verifier_take, v));
    audit_verifier_end(v);
    finding.summary = audit_verifier_summary(v);
    return finding;
}
