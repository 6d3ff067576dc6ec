// SPDX-License-Identifier: ISC
// Many requests at the same time: a thread for each connection, which is kept alive from round to
// round. Memory per connection is constant, however many requests there are.
#pragma once

#include <stdatomic.h>

#include "api/cli/client.h"
#include "api/cli/histogram.h"

enum { CLI_LOAD_CODES = 600, CLI_LOAD_PATH_BYTES = 512, CLI_LOAD_BODY_BYTES = 512 };

struct cli_load;

// Where a request is put together.
struct cli_load_draft {
    const char *method;
    char path[CLI_LOAD_PATH_BYTES];
    char body[CLI_LOAD_BODY_BYTES]; // empty: none
};

struct cli_load_round {
    // Makes request number `index`; each number is asked for once, from any thread.
    void (*draft)(const void *context, uint64_t index, struct cli_load_draft *out);
    const void *context;
    uint64_t count;    // ends after that many requests; UINT64_MAX for no such end
    int64_t length_s;  // ends after that time; 0 for no such end
    atomic_bool *stop; // ends when this becomes true; NULL for no such end
    // Called about five times a second, from the caller's thread; NULL for not at all.
    void (*progress)(void *context, int64_t elapsed_us, uint64_t done);
    void *progress_context;
};

struct cli_load_result {
    int64_t elapsed_us;
    uint64_t answers[CLI_LOAD_CODES]; // by HTTP status
    uint64_t unanswered;              // not connected, broken off, too late
    struct cli_histogram latency;     // of what was answered
    struct cli_problem why;           // the last reason for one without answer
};

void cli_load_free(struct cli_load *load);
// NOMEM. Nothing is sent yet. `options` and what it points to outlive the load.
struct status cli_load_new(const struct cli_client_options *options, size_t connections,
                           struct cli_load **out);
// Runs until the round's first end. OK whatever was answered. UNAVAILABLE when the system gives too
// few threads; `out` then has what was done all the same.
struct status cli_load_run(struct cli_load *load, const struct cli_load_round *round,
                           struct cli_load_result *out);

// Requests made, and those among them that were not answered with success.
uint64_t cli_load_total(const struct cli_load_result *r);
uint64_t cli_load_failures(const struct cli_load_result *r);
