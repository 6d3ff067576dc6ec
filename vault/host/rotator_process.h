// SPDX-License-Identifier: ISC
// One attempt's rotator, as seen by a fiber of the vault. Everything here is called on the fiber
// that started it.
//
//     struct rotator_process *p;
//     TRY(rotator_process_start(launcher, &options, &p));
//     TRY(rotator_process_call(p, PROTOCOL_PROBE, &call, arena, &reply));
//     rotator_process_free(p);
//
// A rotator that crashes, hangs past the deadline, or says anything but one well-formed answer to
// what it was asked is killed, and every later call fails. What an interrupted change did at the
// target is then unknown.
#pragma once

#include "vault/host/launcher.h"
#include "vault/host/protocol.h"

struct rotator_process;

struct rotator_process_options {
    enum launcher_form form;
    struct str name;         // of a linked-in rotator, or an absolute path
    bool strangers_anywhere; // the operator allows others' rotators without walls
    int64_t deadline_us;     // monotonic, for the whole process
    const struct sandbox_path *paths;
    size_t path_count; // at most SANDBOX_PATHS_MAX - 1
};

// Starts the host and shakes hands. INVALID (name, paths), LIMIT (too many running), DENIED (a
// stranger that can't be walled off), TIMEOUT, UPSTREAM (it doesn't run, or speaks differently),
// UNAVAILABLE, NOMEM.
struct status rotator_process_start(struct launcher *l,
                                    const struct rotator_process_options *options,
                                    struct rotator_process **out);

// What the rotator says that it is; borrowed.
const struct protocol_hello *rotator_process_hello(const struct rotator_process *p);
int rotator_process_isolation(const struct rotator_process *p); // SANDBOX_*

// Asks and waits. OK means that the rotator answered, whatever it answered. Texts are borrowed from
// `arena`; release the reply with protocol_reply_done(). call->timeout_ms is set to what is left.
// UNSUPPORTED (it has no such operation), INVALID (the request is too long), TIMEOUT, UPSTREAM (it
// died or broke the protocol), NOMEM. After the last three a change may have happened or not.
struct status rotator_process_call(struct rotator_process *p, enum protocol_op op,
                                   const struct rotunda_call *call, struct arena *arena,
                                   struct protocol_reply *out);

// Lets the host end by itself (for `wait_us`) and says how it ended, for the log; also after a call
// that failed, when it has been killed already. TIMEOUT, UPSTREAM when the launcher doesn't tell.
struct status rotator_process_end(struct rotator_process *p, int64_t wait_us,
                                  struct launcher_report *out);

void rotator_process_free(struct rotator_process *p);     // kills it if it still runs; NULL is fine
void rotator_process_cleanup(struct rotator_process **p); // for CLEANUP
