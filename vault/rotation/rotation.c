// SPDX-License-Identifier: ISC
#include "vault/rotation/rotation.h"

#include "vault/base/log.h"
#include "vault/rotation/engine/own_run.h"
#include "vault/rotation/engine/rotation_internal.h"
#include "vault/rotation/fault.h"

enum {
    ROUND_US = CLOCK_SECOND / 5,      // while something waits for room, or the database is away
    ROUND_MIN_US = CLOCK_SECOND / 50, // so that many ends of runs make one round
    ROUND_QUIET_US = CLOCK_SECOND,    // what other nodes leave behind is noticed by then
    OWN_ROUND_US = CLOCK_SECOND,
    LEARN_US = 30 * CLOCK_SECOND, // a program that was put right is noticed by then
};

// Handlers of any worker reach the engine through this; set once, before they can run rotations.
static struct rotation *_Atomic the_rotation;

bool rotation_should_stop(const struct rotation *r)
{
    return r->stopping || vault_state(r->worker->vault) != VAULT_UNSEALED;
}

static bool may_work(const struct rotation *r)
{
    const struct worker *w = r->worker;
    return !rotation_should_stop(r) && w->batch != NULL && batch_connected(w->batch);
}

// ---- running attempts

struct attempt_fiber {
    struct rotation *rotation;
    struct run_claim claim;
};

static void run_fiber(void *arg)
{
    struct attempt_fiber *f = arg;
    struct rotation *r = f->rotation;
    run_attempt(r, r->worker, &f->claim);
    free(f);
    r->running--;
    r->worker->operations--; // sealing has waited for it
    fiber_signal(&r->wake);
}

// When it can't be started its lease passes, and it is claimed again.
static void start_run(struct rotation *r, const struct run_claim *claim)
{
    struct attempt_fiber *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return;
    }
    *f = (struct attempt_fiber){r, *claim};
    r->running++;
    r->worker->operations++;
    struct status s = fiber_start(r->worker->loop, run_fiber, f);
    if (!status_ok(s)) {
        r->running--;
        r->worker->operations--;
        free(f);
    }
}

static size_t free_places(const struct rotation *r)
{
    size_t left = (size_t)r->options.running_max - r->running;
    return left < SCHEDULE_ROUND_MAX ? left : SCHEDULE_ROUND_MAX;
}

struct own_fiber {
    struct rotation *rotation;
    struct own_claim claim;
};

static void run_own_fiber(void *arg)
{
    struct own_fiber *f = arg;
    struct rotation *r = f->rotation;
    own_run(r, &f->claim);
    free(f);
    r->running--;
    r->worker->operations--;
    fiber_signal(&r->wake);
}

static void start_own(struct rotation *r, const struct own_claim *claim)
{
    struct own_fiber *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return;
    }
    *f = (struct own_fiber){r, *claim};
    r->running++;
    r->worker->operations++;
    if (!status_ok(fiber_start(r->worker->loop, run_own_fiber, f))) {
        r->running--;
        r->worker->operations--;
        free(f);
    }
}

// Changes of targets' own credentials: rare, so looked for less often than what is due, or when
// somebody kicks.
static void run_own_round(struct rotation *r)
{
    struct own_claim claim;
    bool found = false;
    bool early = !r->was_kicked && loop_now_us(r->worker->loop) < r->own_round_us;
    r->was_kicked = false;
    if (early || !may_work(r) || free_places(r) == 0) {
        return;
    }
    r->own_round_us = loop_now_us(r->worker->loop) + OWN_ROUND_US;
    r->worker->operations++;
    struct status s = own_claim_next(r, &claim, &found);
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "rotation.round_failed", LOG_STATUS(s));
    }
    if (found) {
        start_own(r, &claim);
    }
    r->worker->operations--;
}

static void learn_fiber(void *arg)
{
    struct rotation *r = arg;
    strangers_learn(r->strangers, r->launcher, &r->stopping);
    r->running--;
    fiber_signal(&r->wake);
}

// Needs neither keys nor database.
static void learn_strangers(struct rotation *r)
{
    int64_t now_us = loop_now_us(r->worker->loop);
    if (r->stopping || now_us < r->learn_us || strangers_all_known(r->strangers)) {
        return;
    }
    r->learn_us = now_us + LEARN_US;
    r->running++;
    if (!status_ok(fiber_start(r->worker->loop, learn_fiber, r))) {
        r->running--;
    }
}

// When to look again: what is due at a known time is planned at that time.
static int64_t pause_us(struct rotation *r)
{
    int64_t quiet_us = 0;
    if (!status_ok(schedule_quiet_us(r, &quiet_us)) || quiet_us <= 0) {
        return ROUND_US;
    }
    return quiet_us < ROUND_QUIET_US ? quiet_us : ROUND_QUIET_US;
}

// Returns how long nothing more is expected.
static int64_t run_round(struct rotation *r)
{
    size_t most = free_places(r);
    if (!may_work(r) || most == 0) {
        return ROUND_US; // the end of a run wakes us
    }
    struct run_claim claims[SCHEDULE_ROUND_MAX];
    size_t count = 0;
    r->worker->operations++;
    struct status s = schedule_round(r, most, claims, &count);
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "rotation.round_failed", LOG_STATUS(s));
    }
    for (size_t i = 0; i < count; i++) {
        start_run(r, &claims[i]);
    }
    int64_t pause = count > 0 ? 0 : pause_us(r);
    r->worker->operations--;
    return pause;
}

static void run_scheduler(void *arg)
{
    struct rotation *r = arg;
    while (!r->stopping || r->running > 0) {
        learn_strangers(r);
        int64_t pause = run_round(r);
        int64_t least_us = clock_monotonic_us() + ROUND_MIN_US;
        run_own_round(r);
        status_ignore(fiber_wait(&r->wake, clock_monotonic_us() + pause));
        r->wake = (struct fiber_event){0};
        if (!r->stopping) {
            fiber_sleep_until(least_us);
        }
    }
    fiber_signal(&r->ended);
}

// ---- from outside

static void on_kick(struct loop_task *task)
{
    struct rotation *r = CONTAINER_OF(task, struct rotation, kick);
    atomic_store(&r->kicked, false);
    r->was_kicked = true;
    fiber_signal(&r->wake);
}

void rotation_kick(struct rotation *r)
{
    if (!atomic_exchange(&r->kicked, true)) {
        loop_post(r->worker->loop, &r->kick);
    }
}

struct rotation *rotation_running(void)
{
    return atomic_load(&the_rotation);
}

struct status rotation_start(struct worker *w, struct launcher *l,
                             const struct rotation_options *options, struct rotation **out)
{
    struct rotation *r = calloc(1, sizeof *r);
    if (r == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *r = (struct rotation){.worker = w,
                           .launcher = l,
                           .options = *options,
                           .lease_us = fault_lease_us(ROTATION_LEASE_US),
                           .kick = {.run = on_kick}};
    if (r->options.min_interval_s <= 0) {
        r->options.min_interval_s = ROTATION_MIN_INTERVAL_S;
    }
    if (r->options.running_max <= 0) {
        r->options.running_max = ROTATION_RUNNING;
    }
    struct status s = strangers_new(options->strangers, options->stranger_count, &r->strangers);
    if (status_ok(s)) {
        s = fiber_start(w->loop, run_scheduler, r);
    }
    if (!status_ok(s)) {
        strangers_free(r->strangers);
        free(r);
        return s;
    }
    atomic_store(&the_rotation, r);
    *out = r;
    return OK_STATUS;
}

void rotation_stop(struct rotation *r)
{
    if (r == NULL) {
        return;
    }
    r->stopping = true;
    fiber_signal(&r->wake);
    status_ignore(fiber_wait(&r->ended, CLOCK_NEVER)); // can't time out
}

void rotation_free(struct rotation *r)
{
    if (r != NULL) {
        atomic_store(&the_rotation, NULL);
        strangers_free(r->strangers);
        free(r);
    }
}

const struct rotunda_rotator *rotation_rotator(const struct rotation *r, struct str name)
{
    for (size_t i = 0; r->options.rotators[i] != NULL; i++) {
        if (str_equal_c(name, r->options.rotators[i]->name)) {
            return r->options.rotators[i];
        }
    }
    return strangers_find(r->strangers, name);
}

bool rotation_awaits(const struct rotation *r, struct str name)
{
    return strangers_place(r->strangers, name) != NULL &&
           strangers_find(r->strangers, name) == NULL;
}

const struct rotation_stranger *rotation_stranger(const struct rotation *r, struct str name)
{
    return strangers_place(r->strangers, name);
}

int64_t rotation_min_interval_s(const struct rotation *r)
{
    return r->options.min_interval_s;
}

struct launcher *rotation_launcher(const struct rotation *r)
{
    return r->launcher;
}

struct store *rotation_store(const struct rotation *r)
{
    return r->worker->vault->store;
}

bool rotation_allows_asynchronous(const struct rotation *r)
{
    return r->options.allow_asynchronous_replicas;
}
