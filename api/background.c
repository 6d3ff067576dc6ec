// SPDX-License-Identifier: ISC
#include "api/background.h"

#include <stdlib.h>

#include "vault/core/metrics.h"
#include "vault/core/reseal.h"
#include "vault/core/unsealer.h"
#include "vault/identity/expiry.h"
#include "vault/notify/notify.h"
#include "vault/rotation/manage/own.h"
#include "vault/rotation/target.h"
#include "vault/rotation/version.h"
#include "vault/secrets/cubbyhole/cubbyhole.h"
#include "vault/secrets/kv/kv.h"

struct background {
    const struct worker *worker;
    struct unsealer *unsealer; // NULL where people unseal
    struct expiry *expiry;
    struct rotation *rotation;
    struct notify *notify;
    struct reseal *reseal;
};

// Who seals values that are stored. A table that is missing here keeps old keys in use for ever.
static const struct reseal_table *const reseal_tables[] = {&kv_reseal_table,
                                                           &cubbyhole_reseal_table,
                                                           &target_reseal_table,
                                                           &version_reseal_table,
                                                           &own_reseal_table,
                                                           &notifier_reseal_table,
                                                           NULL};

static struct reseal_stats stats_of(const struct background *b, const struct worker *w)
{
    struct reseal_stats none = {0};
    return w == b->worker && b->reseal != NULL ? *reseal_stats(b->reseal) : none;
}

#define RESEAL_TABLE(X)                                                                            \
    X(key_term, GAUGE, "Key epoch that seals new values.", term)                                   \
    X(reencrypt_pending, GAUGE, "1 while older key epochs are still there.", pending)              \
    X(reencrypted_total, COUNTER, "Values moved to the newest key epoch.", written)                \
    X(reencrypt_failed_total, COUNTER, "Values that couldn't be moved.", failed)                   \
    X(keys_retired_total, COUNTER, "Key epochs retired.", retired)

#define X(name, kind, help, member)                                                                \
    static int64_t read_##name(void *ctx, const struct worker *w)                                  \
    {                                                                                              \
        return stats_of(ctx, w).member;                                                            \
    }
RESEAL_TABLE(X)
#undef X

static void register_metrics(struct background *b)
{
    const struct metrics_source sources[] = {
#define X(name, kind, help, member) {"rotunda_" #name, help, METRICS_##kind, read_##name, b},
        RESEAL_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        metrics_register(&sources[i]);
    }
}

static struct status start_parts(struct background *b, struct worker *w,
                                 const struct background_options *options)
{
    if (options->unseals_itself) {
        TRY(unsealer_start(w, &b->unsealer));
    }
    TRY(expiry_start(w, &b->expiry));
    TRY(reseal_start(w, reseal_tables, &b->reseal));
    register_metrics(b);
    TRY(rotation_start(w, options->launcher, &options->rotation, &b->rotation));
    return notify_start(w, options->launcher, &b->notify);
}

struct status background_start(struct worker *w, const struct background_options *options,
                               struct background **out)
{
    struct background *b = calloc(1, sizeof *b);
    if (b == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    b->worker = w;
    *out = b; // what was started before a failure is stopped with the rest
    return start_parts(b, w, options);
}

void background_stop(struct background *b)
{
    if (b != NULL) {
        notify_stop(b->notify);
        rotation_stop(b->rotation);
        reseal_stop(b->reseal);
        expiry_stop(b->expiry);
        unsealer_stop(b->unsealer);
    }
}

void background_free(struct background *b)
{
    if (b != NULL) {
        notify_free(b->notify);
        rotation_free(b->rotation);
        reseal_free(b->reseal);
        free(b);
    }
}
