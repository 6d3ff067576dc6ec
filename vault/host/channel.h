// SPDX-License-Identifier: ISC
// A process that the launcher started, as a fiber of the vault sees it: the socket that is its
// standard input and output, and the one that tells of its start and end and kills it. Lines are
// the business of who uses it.
#pragma once

#include "vault/base/buffer.h"
#include "vault/host/launcher.h"

struct channel {
    int data;            // -1: closed
    int control;         // closing it has the process killed
    int64_t deadline_us; // monotonic, for all that is waited for
    int isolation;       // SANDBOX_*
};
#define CHANNEL_CLOSED ((struct channel){.data = -1, .control = -1})

// Starts the job and waits until it runs; waits while the launcher is busy. Close it in every case.
// LIMIT (too many running), DENIED (a stranger that can't be walled off), TIMEOUT, UPSTREAM,
// UNAVAILABLE.
struct status channel_open(struct launcher *l, const struct launcher_job *job, struct channel *out);
void channel_close(struct channel *c);

// TIMEOUT, UPSTREAM (it has ended).
struct status channel_send(const struct channel *c, struct bytes data);
// Appends what there is to `input`, or waits until there is something; `*out_len` octets more. What
// was received is wiped from everywhere else. TIMEOUT, UPSTREAM, TOO_LARGE.
struct status channel_receive(const struct channel *c, struct buffer *input, size_t *out_len);
// OK once there is something to receive, or an end. TIMEOUT at `until_us`.
struct status channel_wait(const struct channel *c, int64_t until_us);
// How it ended. TIMEOUT, UPSTREAM.
struct status channel_receive_end(const struct channel *c, int64_t deadline_us,
                                  struct launcher_report *out);
