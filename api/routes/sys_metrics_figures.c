// SPDX-License-Identifier: ISC
#include "api/routes/sys_metrics_figures.h"

#include "vault/audit/backlog.h"
#include "vault/core/metrics.h"
#include "vault/identity/token_count.h"
#include "vault/rotation/tally.h"

struct figures {
    int64_t tokens;
    struct audit_backlog audit;
    struct tally rotation;
};

static struct status read_figures(struct session *s, void *arg)
{
    struct figures *f = arg;
    TRY(token_count(s, &f->tokens));
    TRY(audit_backlog_read(s, &f->audit));
    return tally_read(s, &f->rotation);
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
    metrics_put_head(out, "rotunda_rotation_attempts", "Rotations under way, by state.",
                     METRICS_GAUGE);
    for (size_t i = 0; i < ATTEMPT_STATE_COUNT; i++) {
        if (attempt_is_open((enum attempt_state)i)) {
            metrics_put_labelled(out, "rotunda_rotation_attempts", "state",
                                 attempt_state_name((enum attempt_state)i), t->open[i]);
        }
    }
}

void sys_metrics_put_figures(const struct vault *v, struct buffer *out)
{
    struct figures f = {0};
    struct status s = store_run(v->store, read_figures, &f);
    metrics_put_single(out, "rotunda_database_figures",
                       "1 when the database was asked for what it counts: tokens, rotations.",
                       METRICS_GAUGE, status_ok(s));
    put_done(out);
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
}
