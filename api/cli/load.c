// SPDX-License-Identifier: ISC
#include "api/cli/load.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "vault/base/clock.h"

enum { TICK_NS = 200 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000, REST_NS = 100 * 1000 * 1000 };

struct lane {
    struct cli_load *load;
    struct cli_client *client;
    pthread_t thread;
    struct cli_load_result result;
};

struct cli_load {
    size_t count;
    const struct cli_load_round *round; // of the run under way
    int64_t started_us;
    atomic_uint_fast64_t next; // number of the next request
    atomic_uint_fast64_t done;
    atomic_bool given_up; // not all threads could be started
    sem_t ended;          // posted by each lane
    struct lane lanes[];
};

void cli_load_free(struct cli_load *load)
{
    if (load == NULL) {
        return;
    }
    for (size_t i = 0; i < load->count; i++) {
        cli_client_free(load->lanes[i].client);
    }
    sem_destroy(&load->ended);
    free(load);
}

static void load_cleanup(struct cli_load **load)
{
    cli_load_free(*load);
}

struct status cli_load_new(const struct cli_client_options *options, size_t connections,
                           struct cli_load **out)
{
    CLEANUP(load_cleanup)
    struct cli_load *load = calloc(1, sizeof *load + connections * sizeof load->lanes[0]);
    if (load == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    sem_init(&load->ended, 0, 0);
    load->count = connections;
    for (size_t i = 0; i < connections; i++) {
        load->lanes[i].load = load;
        TRY(cli_client_open(options, &load->lanes[i].client));
    }
    *out = TAKE(load);
    return OK_STATUS;
}

static bool take_number(struct cli_load *load, uint64_t *index)
{
    const struct cli_load_round *round = load->round;
    int64_t elapsed_us = clock_monotonic_us() - load->started_us;
    bool late = round->length_s > 0 && elapsed_us >= round->length_s * CLOCK_SECOND;
    bool stopped = round->stop != NULL && atomic_load(round->stop);
    if (late || stopped || atomic_load(&load->given_up)) {
        return false;
    }
    *index = atomic_fetch_add(&load->next, 1);
    return *index < round->count;
}

static void send_one(struct lane *lane, const struct cli_load_draft *draft)
{
    CLEANUP(cli_response_done) struct cli_response response = {.code = 0};
    struct cli_request request = {.method = draft->method, .path = str_from_c(draft->path)};
    if (draft->body[0] != '\0') {
        request.body = str_from_c(draft->body);
    }
    int64_t sent_us = clock_monotonic_us();
    struct status s = cli_client_send(lane->client, &request, &lane->result.why, &response);
    if (!status_ok(s) || response.code < 0 || response.code >= CLI_LOAD_CODES) {
        lane->result.unanswered++;
        // A server that isn't there refuses at once: nothing is learnt from asking in a loop.
        nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
        return;
    }
    cli_histogram_add(&lane->result.latency, clock_monotonic_us() - sent_us);
    lane->result.answers[response.code]++;
}

static void *run_lane(void *context)
{
    struct lane *lane = context;
    struct cli_load *load = lane->load;
    struct cli_load_draft draft = {.body = ""};
    uint64_t index;
    while (take_number(load, &index)) {
        load->round->draft(load->round->context, index, &draft);
        send_one(lane, &draft);
        atomic_fetch_add(&load->done, 1);
    }
    explicit_bzero(&draft, sizeof draft);
    sem_post(&load->ended);
    return NULL;
}

// Signals are for the caller's thread, which waits.
static size_t start_lanes(struct cli_load *load)
{
    sigset_t all;
    sigset_t before;
    size_t started = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < load->count) {
        struct lane *lane = &load->lanes[started];
        memset(&lane->result, 0, sizeof lane->result);
        if (pthread_create(&lane->thread, NULL, run_lane, lane) != 0) {
            break;
        }
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void wait_for_lanes(struct cli_load *load, size_t started)
{
    const struct cli_load_round *round = load->round;
    for (size_t ended = 0; ended < started;) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / SECOND_NS;
        until.tv_nsec %= SECOND_NS;
        if (sem_clockwait(&load->ended, CLOCK_MONOTONIC, &until) == 0) {
            ended++;
        } else if (errno == ETIMEDOUT && round->progress != NULL) {
            round->progress(round->progress_context, clock_monotonic_us() - load->started_us,
                            atomic_load(&load->done));
        }
    }
}

static void collect(struct cli_load *load, size_t started, struct cli_load_result *out)
{
    for (size_t i = 0; i < started; i++) {
        struct lane *lane = &load->lanes[i];
        pthread_join(lane->thread, NULL);
        for (size_t code = 0; code < CLI_LOAD_CODES; code++) {
            out->answers[code] += lane->result.answers[code];
        }
        out->unanswered += lane->result.unanswered;
        if (lane->result.unanswered > 0) {
            out->why = lane->result.why;
        }
        cli_histogram_merge(&out->latency, &lane->result.latency);
    }
}

struct status cli_load_run(struct cli_load *load, const struct cli_load_round *round,
                           struct cli_load_result *out)
{
    load->round = round;
    load->started_us = clock_monotonic_us();
    atomic_store(&load->next, 0);
    atomic_store(&load->done, 0);
    atomic_store(&load->given_up, false);
    size_t started = start_lanes(load);
    atomic_store(&load->given_up, started < load->count);
    wait_for_lanes(load, started);
    memset(out, 0, sizeof *out);
    out->elapsed_us = clock_monotonic_us() - load->started_us;
    collect(load, started, out);
    if (started < load->count) {
        FAIL(UNAVAILABLE, "the system gives no more threads: take fewer connections (-c)");
    }
    return OK_STATUS;
}

uint64_t cli_load_total(const struct cli_load_result *r)
{
    uint64_t total = r->unanswered;
    for (size_t code = 0; code < CLI_LOAD_CODES; code++) {
        total += r->answers[code];
    }
    return total;
}

uint64_t cli_load_failures(const struct cli_load_result *r)
{
    uint64_t failures = r->unanswered;
    for (size_t code = 300; code < CLI_LOAD_CODES; code++) {
        failures += r->answers[code];
    }
    return failures;
}
