// SPDX-License-Identifier: ISC
// Puts many credentials in care through the vault's own code: rows and MACs as the server makes
// them, but a thousand in one transaction.
//
//     bench_fill_rotation CONNINFO KEY_FILE MOUNT COUNT
//
// shares COUNT credentials out among the mount's targets, each with an interval of a day and up to
// two hours of jitter, rotated last at this moment.
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/fill_vault.h"
#include "vault/base/log.h"
#include "vault/rotation/when/due.h"

enum { PER_TRANSACTION = 1000, ARENA_BYTES = 1024 * 1024, DAY_S = 86400, JITTER_S = 7200 };

struct filling {
    struct fill_vault opened;
    struct arena *arena; // of one credential
    struct uuid mount;
    struct store_rows targets; // id
    int64_t now_us;
};

static const struct store_statement find_mount = {
    "bench.mount", "SELECT id, clock_timestamp() FROM mount WHERE namespace_id = 1 AND path = $1"};
static const struct store_statement find_targets = {
    "bench.targets", "SELECT id FROM rotation_target WHERE mount_id = $1 ORDER BY name"};
static const struct store_statement put_principal = {
    "bench.principal", "INSERT INTO rotation_principal (target_id, account, namespace_id, "
                       "credential_id, fence) VALUES ($1, $2, 1, $3, 0)"};

static struct status find(struct filling *f, const char *path)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value named[] = {store_text(str_from_c(path))};
    TRY(session_exec(f->opened.session, &find_mount, named, ARRAY_LEN(named), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "there is no such mount");
    }
    f->mount = store_get_uuid(&rows, 0, 0);
    f->now_us = store_get_time(&rows, 0, 1);
    const struct store_value of[] = {store_uuid(f->mount)};
    TRY(session_exec(f->opened.session, &find_targets, of, ARRAY_LEN(of), &f->targets));
    if (f->targets.count == 0) {
        FAIL(NOT_FOUND, "the mount has no targets");
    }
    return OK_STATUS;
}

static struct status put_one(struct filling *f, int64_t number)
{
    char name[32];
    snprintf(name, sizeof name, "bench-%07lld", (long long)number);
    struct credential c = {
        .id = uuid_new(),
        .namespace_id = 1,
        .mount = f->mount,
        .name = str_from_c(name),
        .target = store_get_uuid(&f->targets, (int)(number % f->targets.count), 0),
        .kind = 1,
        .strategy = STR("single"),
        .slots = 1,
        .accounts = {str_from_c(name)},
        .account_count = 1,
        .account_settings = STR("{}"),
        .owner = STR("bench"),
        .purpose = STR("bench"),
        .interval_s = DAY_S,
        .jitter_s = JITTER_S,
        .time_zone = STR("UTC"),
        .windows = STR("[]"),
        .value_bits = CREDENTIAL_BITS,
        .expires_us = CLOCK_NEVER,
        .last_rotated_us = f->now_us,
        .created_us = f->now_us,
        .updated_us = f->now_us,
    };
    arena_reset(f->arena);
    TRY(due_set_next(f->opened.session, &c, f->now_us, f->arena));
    TRY(credential_store(f->opened.session, f->opened.vault.keyring, &c));
    const struct store_value values[] = {store_uuid(c.target), store_text(c.name),
                                         store_uuid(c.id)};
    return session_exec(f->opened.session, &put_principal, values, ARRAY_LEN(values), NULL);
}

static struct status run(struct filling *f, char **argv)
{
    const struct store_config database = {.conninfo = argv[1]};
    int64_t count;
    TRY(str_parse_int(str_from_c(argv[4]), &count));
    TRY(fill_vault_open(&database, argv[2], &f->opened));
    TRY(find(f, argv[3]));
    for (int64_t done = 0; done < count;) {
        TRY(session_begin(f->opened.session));
        for (int i = 0; i < PER_TRANSACTION && done < count; i++, done++) {
            TRY(put_one(f, done));
        }
        TRY(session_commit(f->opened.session));
    }
    return OK_STATUS;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_fill_rotation CONNINFO KEY_FILE MOUNT COUNT\n");
        return 2;
    }
    log_set_level(LOG_WARN);
    struct filling f = {.arena = arena_new(ARENA_BYTES)};
    struct status s = f.arena == NULL ? MAKE_STATUS(NOMEM, "out of memory") : run(&f, argv);
    store_rows_done(&f.targets);
    fill_vault_close(&f.opened);
    arena_free(f.arena);
    if (!status_ok(s)) {
        fprintf(stderr, "bench_fill_rotation: %s\n", s.what);
        return 1;
    }
    return 0;
}
