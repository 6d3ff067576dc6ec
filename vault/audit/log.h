// SPDX-License-Identifier: ISC
// One worker's audit log: collects entries, appends them as the commit barrier of the worker's
// batch connection, and keeps the hash chain and its signatures. Loop thread only, but for what the
// batch calls while it connects.
//
// Invariants
//   1. An entry's fiber continues only when its record is durable, or told that it isn't.
//   2. The head in memory is that of everything sent. A barrier that fails ends the connection, and
//      with it the chain: nothing is ever appended to a head that the database may not have.
//   3. All records of one barrier carry the same time, and times never go back within a chain.
//   4. A new connection first makes sure that the old one can't commit any more (terminates its
//      backend and takes its lock), then compares the stored tail with memory, then links to it.
#pragma once

#include "vault/audit/record.h"
#include "vault/audit/signer.h"
#include "vault/store/batch.h"

struct audit_log;
struct audit_sinks;

struct audit_log_options {
    struct loop *loop;
    struct audit_signer *signer;
    struct str node; // borrowed for the life of the log
    int64_t worker;
    struct audit_sinks *sinks; // further sinks; NULL for none
};

void audit_log_free(struct audit_log *log);
struct status audit_log_new(const struct audit_log_options *options, struct audit_log **out);
// What the batch needs to run the barrier; then tell the log its batch.
const struct batch_barrier *audit_log_barrier(void);
void audit_log_attach(struct audit_log *log, struct batch *batch);
// On a fiber, before the batch is closed: takes no entry any more, waits for those under way, and
// closes the chain in the database. Harmless without a connection: another node, or this one when
// it is back, closes the chain then. Attaching again opens the log again.
void audit_log_close(struct audit_log *log);

// Called on a fiber: returns when the record (and all that this connection did before it) is
// durable. The effect row of the same request, if any, goes with it. UNAVAILABLE otherwise:
// whatever was done stays recorded as an effect, which becomes a record later. An entry with an
// effect whose effect_chain isn't the current chain any more is refused in the same way.
struct status audit_append(struct audit_log *log, const struct audit_entry *entry);

// Ask before recording a failure of somebody without a valid token. False: leave it out, it was
// counted for its network (budget.h), and the count becomes a record within a minute.
bool audit_log_admit(struct audit_log *log, struct str remote);

int64_t audit_log_chain(const struct audit_log *log);             // 0 before the first connection
struct audit_sinks *audit_log_sinks(const struct audit_log *log); // may be NULL
struct audit_log_stats {
    int64_t appended; // records
    int64_t waiting;  // records that aren't on their way yet
    int64_t failures; // of nobody in particular: audit_log_admit()
    int64_t summed;   // those of them that were only counted for a sum
};
struct audit_log_stats audit_log_stats(const struct audit_log *log);
// The database's clock as of the last thing heard from it, carried on by the monotonic clock.
void audit_log_note_time(struct audit_log *log, int64_t database_now_us);
int64_t audit_log_now_us(const struct audit_log *log);
