// SPDX-License-Identifier: ISC
#include "api/routes/sys_metrics_node.h"

#include "vault/audit/keeper.h"
#include "vault/audit/sink.h"
#include "vault/base/log.h"
#include "vault/core/alarm.h"
#include "vault/core/metrics.h"

static void put_vault(const struct vault *v, struct buffer *out)
{
    metrics_put_head(out, "rotunda_build_info", "The program's version.", METRICS_GAUGE);
    metrics_put_labelled(out, "rotunda_build_info", "version", v->version, 1);
    metrics_put_single(out, "rotunda_unsealed", "1 while the vault is unsealed.", METRICS_GAUGE,
                       vault_state(v) == VAULT_UNSEALED);
    metrics_put_single(out, "rotunda_log_suppressed_lines_total",
                       "Log lines left out because they repeated.", METRICS_COUNTER,
                       log_suppressed_lines());
}

static void put_alarms(const struct vault *v, struct buffer *out)
{
    bool raised[ALARM_COUNT];
    alarms_read(v, raised);
    metrics_put_head(out, "rotunda_alarm", "1 while the alarm is raised.", METRICS_GAUGE);
    for (size_t i = 0; i < ALARM_COUNT; i++) {
        metrics_put_labelled(out, "rotunda_alarm", "alarm", str_from_c(alarm_name((enum alarm)i)),
                             raised[i]);
    }
}

static void put_keeper(struct audit_keeper *keeper, struct buffer *out)
{
    struct audit_keeper_state k = audit_keeper_state(keeper);
    metrics_put_single(out, "rotunda_audit_altered_total", "Chains and checkpoints found altered.",
                       METRICS_COUNTER, k.altered);
    metrics_put_single(out, "rotunda_audit_adopted_effects_total",
                       "Changes of dead connections that were turned into records.",
                       METRICS_COUNTER, k.adopted_effects);
    metrics_put_single(out, "rotunda_audit_keeping_failures_total",
                       "Times that looking after the audit log failed.", METRICS_COUNTER,
                       k.failures);
    metrics_put_single(out, "rotunda_audit_checkpoint_number", "The newest checkpoint.",
                       METRICS_GAUGE, k.last_checkpoint);
    if (k.checkpoint_at_us > 0) {
        metrics_put_head(out, "rotunda_audit_checkpoint_age_seconds",
                         "Time since the newest checkpoint.", METRICS_GAUGE);
        metrics_put_seconds(out, "rotunda_audit_checkpoint_age_seconds", NULL,
                            clock_monotonic_us() - k.checkpoint_at_us);
    }
}

static void put_room(const struct vault *v, struct buffer *out)
{
    struct audit_room room = audit_keeper_state(v->keeper).room;
    metrics_put_single(out, "rotunda_audit_size_bytes",
                       "Size of the audit log in the database, with its indexes.", METRICS_GAUGE,
                       room.audit_bytes);
    metrics_put_single(out, "rotunda_audit_daily_bytes",
                       "What the audit log grows by in a day: mean of up to seven whole days.",
                       METRICS_GAUGE, room.daily_bytes);
    metrics_put_single(out, "rotunda_database_size_bytes",
                       "Size of the vault's database, the audit log among it.", METRICS_GAUGE,
                       room.database_bytes);
}

static void put_pools(const struct vault *v, struct buffer *out)
{
    struct store_stats sessions = store_stats(v->store);
    struct offload_stats offload = offload_stats(v->offload);
    metrics_put_head(out, "rotunda_sessions",
                     "Database connections beside those of the workers, by state.", METRICS_GAUGE);
    metrics_put_labelled(out, "rotunda_sessions", "state", STR("busy"), (int64_t)sessions.busy);
    metrics_put_labelled(out, "rotunda_sessions", "state", STR("idle"), (int64_t)sessions.idle);
    metrics_put_single(out, "rotunda_sessions_max", "The most that there may be.", METRICS_GAUGE,
                       (int64_t)sessions.most);
    metrics_put_single(out, "rotunda_session_waits_total", "Times that none was free at once.",
                       METRICS_COUNTER, (int64_t)sessions.waits);
    metrics_put_single(out, "rotunda_offload_queued", "Jobs that wait for an offload thread.",
                       METRICS_GAUGE, (int64_t)offload.queued);
    metrics_put_single(out, "rotunda_offload_busy", "Offload threads at work.", METRICS_GAUGE,
                       (int64_t)offload.busy);
    metrics_put_single(out, "rotunda_offload_threads", "Offload threads.", METRICS_GAUGE,
                       (int64_t)offload.threads);
}

// name, kind, help, value of one sink
#define SINK_TABLE(X)                                                                              \
    X("written_lines_total", COUNTER, "Lines written to a sink.", written)                         \
    X("dropped_lines_total", COUNTER, "Lines that a sink lost.", dropped)                          \
    X("reopened_total", COUNTER, "Times that a sink's file had been moved or removed.", reopened)  \
    X("waiting_lines", GAUGE, "Lines that wait for a sink.", waiting)                              \
    X("failing", GAUGE, "1 while a sink can't be written to.", failing)

static void put_sinks(struct audit_sinks *sinks, struct buffer *out)
{
    struct audit_sink_stats stats[AUDIT_SINKS_MAX];
    size_t count = audit_sinks_stats(sinks, stats);
    if (count == 0) {
        return;
    }
#define X(name, kind, help, member)                                                                \
    metrics_put_head(out, "rotunda_audit_sink_" name, help, METRICS_##kind);                       \
    for (size_t i = 0; i < count; i++) {                                                           \
        metrics_put_labelled(out, "rotunda_audit_sink_" name, "sink", str_from_c(stats[i].path),   \
                             stats[i].member);                                                     \
    }
    SINK_TABLE(X)
#undef X
}

void sys_metrics_put_node(const struct vault *v, struct buffer *out)
{
    put_vault(v, out);
    put_alarms(v, out);
    put_pools(v, out);
    if (v->keeper != NULL) {
        put_keeper(v->keeper, out);
        put_room(v, out);
    }
    if (v->sinks != NULL) {
        put_sinks(v->sinks, out);
    }
}
