// SPDX-License-Identifier: ISC
// Shared by log.c (appending), handover.c (a new connection takes over) and adopt.c (nobody does).
// Only for them.
#pragma once

#include "vault/audit/budget.h"
#include "vault/audit/log.h"
#include "vault/audit/sink.h"

// First half of the advisory lock on a chain, which its connection holds: 'RoTu' in ASCII.
#define AUDIT_CHAIN_LOCK "1383027829"
// Held while a chain gets its number, while a checkpoint does, and while effects are claimed.
#define AUDIT_NUMBER_LOCK "1383027830, 1"
#define AUDIT_CHECKPOINT_LOCK "1383027830, 2"
#define AUDIT_CLAIM_LOCK "1383027830, 3"

// $1 chain, $2 last record, $3 its hash.
#define AUDIT_CLOSE_CHAIN_SQL                                                                      \
    "UPDATE audit_chain SET closed_at = clock_timestamp(), closed_seq = $2, closed_head = $3 "     \
    "WHERE id = $1 AND closed_at IS NULL"
extern const struct store_statement audit_close_chain;

// A waiting entry; lives on its fiber's stack.
struct audit_waiter {
    const struct audit_entry *entry;
    struct fiber_event done;
    struct status status;
    struct audit_waiter *next;
};

enum { AUDIT_HEADS_MAX = 8 }; // barriers on their way, plus the last one that is durable

struct audit_head {
    int64_t seq;
    struct digest hash;
};

struct audit_log {
    struct audit_log_options options;
    struct batch *batch;
    struct audit_waiter *waiting;
    struct audit_waiter **waiting_tail;
    size_t waiting_count;
    size_t bound_count;       // of the waiting ones, those that belong to one chain
    bool closing;             // nothing is taken any more
    _Atomic int64_t chain_id; // 0: none yet; a new one is set on an offload thread
    unsigned line_type;       // OID of audit_line; set like chain_id
    int64_t last_time_us;     // of everything sent: times never go back within a chain
    struct audit_head head;   // of everything sent
    // What the stored tail may be: the last durable head and those of barriers in flight.
    struct audit_head known[AUDIT_HEADS_MAX];
    size_t known_count;
    struct audit_log_stats stats;
    _Atomic int64_t database_time_us;
    _Atomic int64_t noted_at_us; // monotonic
    // Failures that aren't recorded one by one.
    struct audit_budget *budget;
    bool summary_running;
    struct fiber_event summary_wake;
    struct fiber_event summary_ended;
};

// On a fiber: records what was counted so far.
void audit_admission_end(struct audit_log *log);

// On an offload thread: fences the chain before, opens and links a new one.
struct status audit_handover(void *ctx, struct session *session);
