// SPDX-License-Identifier: ISC
// What is wrong although requests are answered: told by sys/health (to anybody, so only by name),
// by sys/metrics, and in the log by whoever finds it.
#pragma once

#include "vault/core/vault.h"

#define ALARM_TABLE(X)                                                                             \
    X(DATABASE_AWAY, "database_away")                                                              \
    X(AUDIT_ALTERED, "audit_altered")                                                              \
    X(AUDIT_CHECKPOINT_LATE, "audit_checkpoint_late")                                              \
    X(AUDIT_CHECKPOINT_FILE_FAILING, "audit_checkpoint_file_failing")                              \
    X(AUDIT_SINK_FAILING, "audit_sink_failing")                                                    \
    X(ROOM_SHORT, "room_short")                                                                    \
    X(ROOM_SHORT_SOON, "room_short_soon")

enum alarm {
#define X(name, text) ALARM_##name,
    ALARM_TABLE(X)
#undef X
        ALARM_COUNT
};

const char *alarm_name(enum alarm a); // as in health and metrics
// Which ones are raised, any thread.
void alarms_read(const struct vault *v, bool out[ALARM_COUNT]);
