// SPDX-License-Identifier: ISC
// talk.c is one process, as octets; leak.c looks for what was lent; ask.c puts questions together;
// check_*.c are the checks, listed in conformance.c.
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "vault/base/clock.h"
#include "vault/base/uuid.h"
#include "vault/rotation/conformance/conformance.h"

enum {
    NEEDLES_MAX = 256, // values that were lent or issued, those before are forgotten
    WHAT_BYTES = 160,
    SHORT_US = 5 * CLOCK_SECOND, // for what takes no target
};

// ---- one process

struct talk {
    int channel; // -1: none
    int control;
    int isolation;
    int64_t deadline_us;
    int64_t last_id;
    size_t received;
    struct buffer input;
};

// What was lent, to be looked for in what is said and in the lists of processes.
struct leaks {
    struct secret *items[NEEDLES_MAX];
    size_t next;
    char where[WHAT_BYTES]; // the first one that was found; "" none
};

struct conformance {
    const struct conformance_options *options;
    struct arena *arena;
    struct protocol_hello hello;
    struct sandbox_path paths[SANDBOX_PATHS_MAX - 1];
    size_t path_count;
    struct talk talk;
    struct leaks leaks;
    int64_t fence;
    size_t largest_line;
    size_t most_output;
    bool established;       // `current` works
    struct secret *current; // what the account has now; of K3 the private key
    struct secret *current_public;
    char current_id[PROTOCOL_EXTERNAL_ID_BYTES + 1];
};

// Starts it and waits until it runs. DENIED, UPSTREAM, TIMEOUT, UNAVAILABLE, INVALID.
struct status talk_start(struct conformance *c, int64_t timeout_us);
struct status talk_send(struct conformance *c, struct bytes data);
// One line, without its newline; borrowed until the next call. UPSTREAM (it ended, says too much),
// TIMEOUT.
struct status talk_receive(struct conformance *c, int64_t wait_us, struct str *out);
// Ends its input and tells how it ended. TIMEOUT when it doesn't within `wait_us`.
struct status talk_end(struct conformance *c, int64_t wait_us, struct launcher_report *out);
// Kills it, waits until it is gone.
void talk_kill(struct conformance *c);
// Handshake; `out` is in the run's arena.
struct status talk_hello(struct conformance *c, struct protocol_hello *out);

// ---- leaks

void leaks_add(struct conformance *c, struct bytes value); // short ones are no evidence
void leaks_search_line(struct conformance *c, struct str line, const char *what);
void leaks_search_processes(struct conformance *c, const char *what);
void leaks_done(struct leaks *l);

// ---- questions

struct question {
    enum protocol_op op;
    const struct secret *value;
    const struct secret *public_part;
    const char *external_id;
    const struct secret *previous;
    const struct secret *previous_public;
    const char *previous_id;
    struct uuid attempt; // nil: a new one
    int64_t fence;       // 0: the next one
    // Otherwise than the options say; NULL and empty: as they say.
    const struct secret *principal_secret;
    const struct settings *target;
    int64_t timeout_us; // 0: the options'
};

struct answer {
    struct status status; // not OK: it gave no good answer; `reply` is empty
    struct protocol_reply reply;
};
void answer_done(struct answer *a); // for CLEANUP

// Asks in the process that runs, or a new one. Never fails otherwise than in `out->status`.
void ask(struct conformance *c, const struct question *q, struct answer *out);
struct rotunda_call question_call(struct conformance *c, const struct question *q,
                                  const char *attempt);
// "apply answered not_applied, fenced: message"
const char *answer_text(struct conformance *c, enum protocol_op op, const struct answer *a);
// probe, again and again until it says `wanted` or the acceptance and some patience have passed.
bool probe_until(struct conformance *c, struct question q, enum protocol_result wanted,
                 struct answer *out);
bool has_op(const struct conformance *c, enum protocol_op op);
// 24 letters and digits. NULL: no memory.
struct secret *new_value(void);
int64_t next_fence(struct conformance *c);
// Keeps `value` (taken) as what the account has.
void set_current(struct conformance *c, struct secret *value, struct secret *public_part,
                 struct str external_id);
// One more credential by the way of the kind: value, key pair or issued. False, with the verdict
// given, when that fails.
struct verdict;
struct made {
    struct secret *value;
    struct secret *public_part;
    char id[PROTOCOL_EXTERNAL_ID_BYTES + 1];
    struct uuid attempt;
    int64_t valid_until_us;
};
bool make_one(struct conformance *c, struct verdict *v, struct made *out);
void made_done(struct made *m); // for CLEANUP
// The question about something that was made.
struct question about(enum protocol_op op, const struct made *m);

// ---- verdicts

struct verdict {
    enum conformance_outcome outcome;
    char detail[CONFORMANCE_DETAIL_BYTES];
};
void pass(struct verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fault(struct verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void skip(struct verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
// False, with the verdict, unless the answer is this.
bool expect(struct conformance *c, struct verdict *v, enum protocol_op op, const struct answer *a,
            enum protocol_result wanted);

typedef void conformance_check(struct conformance *c, struct verdict *v);
conformance_check check_handshake, check_settings, check_unknown_op, check_garbage,
    check_end_of_input, check_permissions, check_bounds, check_silence;
conformance_check check_works, check_stranger_rejected, check_plan, check_again, check_awkward,
    check_fence, check_old_ends, check_slots, check_revoke;
conformance_check check_key_pair, check_issues, check_turned_off, check_ends, check_cap,
    check_rolled, check_mint;
conformance_check check_killed, check_wrong_secret, check_closed_port, check_silent_host;
