// SPDX-License-Identifier: ISC
#include "api/routes/sys_metrics_figures.h"

#include "vault/audit/backlog.h"
#include "vault/core/metrics.h"
#include "vault/identity/token_count.h"
#include "vault/notify/tally.h"
#include "vault/rotation/feed.h"
#include "vault/rotation/tally.h"

struct figures {
    int64_t tokens;
    struct audit_backlog audit;
    struct tally rotation;
    struct notify_tally notices;
};

static struct status read_figures(struct session *s, void *arg)
{
    struct figures *f = arg;
    TRY(token_count(s, &f->tokens));
    TRY(audit_backlog_read(s, &f->audit));
    TRY(tally_read(s, &f->rotation));
    return notify_tally_read(s, &f->notices);
}

static void put_done(struct buffer *out)
{
    struct tally_done done = tally_done();
    metrics_put_head(out, "rotunda_rotation_steps_total",
                     "Steps of rotations, by the state reached.", METRICS_COUNTER);
    // The first state is where attempts begin; no step leads there.
    for (size_t i = ATTEMPT_PLANNED + 1; i < ATTEMPT_STATE_COUNT; i++) {
        metrics_put_labelled(out, "rotunda_rotation_steps_total", "state",
                             attempt_state_name((enum attempt_state)i), done.entered[i]);
    }
    metrics_put_single(out, "rotunda_rotation_failed_steps_total",
                       "Steps of rotations that failed.", METRICS_COUNTER, done.failed);
}

static void put_rotation(struct buffer *out, const struct tally *t)
{
    metrics_put_single(out, "rotunda_rotation_credentials", "Credentials under rotation.",
                       METRICS_GAUGE, t->credentials);
    metrics_put_single(out, "rotunda_rotation_credentials_paused", "Those that are paused.",
                       METRICS_GAUGE, t->paused);
    metrics_put_single(out, "rotunda_rotation_credentials_due", "Those that are due.",
                       METRICS_GAUGE, t->due);
    metrics_put_single(out, "rotunda_rotation_credentials_overdue",
                       "Those that are due for longer than their interval, or a minute.",
                       METRICS_GAUGE, t->overdue);
    metrics_put_single(out, "rotunda_rotation_credentials_failing",
                       "Those whose rotation failed and is tried again.", METRICS_GAUGE,
                       t->failing);
    metrics_put_single(out, "rotunda_rotation_targets_blocked",
                       "Targets whose own password waits for somebody.", METRICS_GAUGE,
                       t->own_blocked);
    metrics_put_head(out, "rotunda_rotation_attempts", "Rotations under way, by state.",
                     METRICS_GAUGE);
    for (size_t i = 0; i < ATTEMPT_STATE_COUNT; i++) {
        if (attempt_is_open((enum attempt_state)i)) {
            metrics_put_labelled(out, "rotunda_rotation_attempts", "state",
                                 attempt_state_name((enum attempt_state)i), t->open[i]);
        }
    }
}

static void put_sent(struct buffer *out)
{
    struct notify_tally_done done = notify_tally_done();
    metrics_put_head(out, "rotunda_notify_tries_total", "Notices sent, by how that went.",
                     METRICS_COUNTER);
    for (size_t i = 0; i < WIRE_OUTCOME_COUNT; i++) {
        metrics_put_labelled(out, "rotunda_notify_tries_total", "outcome",
                             wire_outcome_name((enum wire_outcome)i), done.outcomes[i]);
    }
    metrics_put_single(out, "rotunda_notify_parked_total", "Deliveries set aside.", METRICS_COUNTER,
                       done.parked);
}

static void put_waiting(struct buffer *out)
{
    metrics_put_single(out, "rotunda_rotation_waiters",
                       "Requests that wait for another version of a credential.", METRICS_GAUGE,
                       (int64_t)feed_waiting(FEED_VERSION));
    metrics_put_single(out, "rotunda_rotation_event_streams", "Streams of events that are open.",
                       METRICS_GAUGE, (int64_t)feed_waiting(FEED_NOTICES));
}

static void put_notices(struct buffer *out, const struct notify_tally *t)
{
    metrics_put_single(out, "rotunda_notify_deliveries_waiting", "Deliveries that wait.",
                       METRICS_GAUGE, t->waiting);
    metrics_put_single(out, "rotunda_notify_deliveries_parked", "Deliveries that were set aside.",
                       METRICS_GAUGE, t->parked);
    metrics_put_single(out, "rotunda_notify_oldest_seconds",
                       "How long the oldest delivery that waits has waited.", METRICS_GAUGE,
                       t->oldest_s);
    metrics_put_single(out, "rotunda_notify_notifiers_disabled", "Notifiers that are disabled.",
                       METRICS_GAUGE, t->disabled);
    metrics_put_single(out, "rotunda_rotation_credentials_unowned",
                       "Credentials whose owner no notifier reaches.", METRICS_GAUGE, t->unowned);
}

void sys_metrics_put_figures(const struct vault *v, struct buffer *out)
{
    struct figures f = {0};
    struct status s = store_run(v->store, read_figures, &f);
    metrics_put_single(out, "rotunda_database_figures",
                       "1 when the database was asked for what it counts: tokens, rotations.",
                       METRICS_GAUGE, status_ok(s));
    put_done(out);
    put_sent(out);
    put_waiting(out);
    if (!status_ok(s)) {
        return;
    }
    metrics_put_single(out, "rotunda_tokens", "Tokens; an estimate when there are very many.",
                       METRICS_GAUGE, f.tokens);
    metrics_put_single(out, "rotunda_audit_open_chains", "Chains of the audit log that are open.",
                       METRICS_GAUGE, f.audit.open_chains);
    metrics_put_single(out, "rotunda_audit_pending_effects",
                       "Changes that have had no audit record for a minute.", METRICS_GAUGE,
                       f.audit.pending_effects);
    put_rotation(out, &f.rotation);
    put_notices(out, &f.notices);
}
