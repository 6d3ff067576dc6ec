// SPDX-License-Identifier: ISC
#include "vault/core/alarm.h"

#include "vault/audit/keeper.h"
#include "vault/audit/sink.h"
#include "vault/core/worker.h"

const char *alarm_name(enum alarm a)
{
    static const char *const names[] = {
#define X(name, text) [ALARM_##name] = (text),
        ALARM_TABLE(X)
#undef X
    };
    return names[a];
}

static bool any_sink_fails(struct audit_sinks *sinks)
{
    struct audit_sink_stats stats[AUDIT_SINKS_MAX];
    size_t count = sinks == NULL ? 0 : audit_sinks_stats(sinks, stats);
    bool failing = false;
    for (size_t i = 0; i < count; i++) {
        failing = failing || stats[i].failing;
    }
    return failing;
}

static bool any_worker_waits(const struct vault *v)
{
    bool away = false;
    for (size_t i = 0; i < v->worker_count; i++) {
        away = away || atomic_load(&v->workers[i]->database_away);
    }
    return away;
}

void alarms_read(const struct vault *v, bool out[ALARM_COUNT])
{
    struct audit_keeper_state k = {0};
    if (v->keeper != NULL) {
        k = audit_keeper_state(v->keeper);
    }
    out[ALARM_DATABASE_AWAY] = any_worker_waits(v);
    out[ALARM_AUDIT_ALTERED] = k.altered > 0;
    out[ALARM_AUDIT_CHECKPOINT_LATE] = k.checkpoint_late;
    out[ALARM_AUDIT_CHECKPOINT_FILE_FAILING] = k.checkpoint_file_failing;
    out[ALARM_ROOM_SHORT] = k.room_state == AUDIT_ROOM_SHORT;
    out[ALARM_ROOM_SHORT_SOON] = k.room_state == AUDIT_ROOM_SHORT_SOON;
    out[ALARM_AUDIT_SINK_FAILING] = any_sink_fails(v->sinks);
}
