// SPDX-License-Identifier: ISC
// What a bench reads and writes: secrets in a folder of their own, or tokens below one token of
// their own. Made before it, removed after it, whatever happens in between.
#pragma once

#include "api/cli/cli.h"
#include "api/cli/load.h"

enum bench_operation { BENCH_READ, BENCH_WRITE, BENCH_MIXED, BENCH_TOKEN };

enum { BENCH_FOLDER_BYTES = 32 };

struct bench {
    struct cli *c;
    enum bench_operation operation;
    struct str mount; // of the secrets, without slashes at its ends
    uint64_t secrets;
    int64_t connections;
    int64_t length_s;
    atomic_bool *stop;

    char folder[BENCH_FOLDER_BYTES];
    const char *token_body; // of each request that makes a token
    struct secret *token;   // that the load works with
    struct cli_load *load;
    uint64_t made; // secrets that may be there
};

// Wipes and releases; removes nothing from the vault.
void bench_done(struct bench *b);

// One line about what goes on, for people at a terminal; the next line takes its place.
void bench_tell(const struct bench *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bench_tell_progress(void *bench, int64_t elapsed_us, uint64_t done);

// Makes the data and opens b->load. Stops early without an error when *b->stop is set. UPSTREAM,
// explained. On any error too, bench_remove_data() removes what was made.
struct status bench_make_data(struct bench *b);
// UPSTREAM, explained, when something is left.
struct status bench_remove_data(struct bench *b);

// The requests of the measurement; for struct cli_load_round.
void bench_draft(const void *bench, uint64_t index, struct cli_load_draft *out);
