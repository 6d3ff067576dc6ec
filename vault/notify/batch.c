// SPDX-License-Identifier: ISC
// Serves one notifier: what was claimed of it goes out through one process, in order, within the
// lease.
#include <string.h>

#include "vault/base/log.h"
#include "vault/notify/courier.h"
#include "vault/notify/message.h"
#include "vault/notify/notify_internal.h"
#include "vault/rotation/rotation.h"

enum { BATCH_ARENA_BYTES = 4 * 1024 * 1024, MARGIN_US = 2 * CLOCK_SECOND };
#define TIMEOUT_US (DELIVERY_TIMEOUT_S * (int64_t)CLOCK_SECOND)

static const struct store_statement load_notices = {
    "notify.load_notices", "SELECT " NOTICE_COLUMNS ", clock_timestamp() FROM rotation_notice n "
                           "WHERE n.id = ANY ($1)"};

struct batch {
    struct notify *notify;
    const struct batch_claims *claims;
    struct arena *arena;
    struct notifier_found notifier;
    struct store_rows notices;
    int64_t now_us;    // the database's clock
    int64_t loaded_us; // monotonic, at that time
    struct secret *secret;
    struct courier *courier;
};

static void batch_done(struct batch *b)
{
    courier_free(b->courier);
    secret_free(b->secret);
    notifier_found_done(&b->notifier);
    store_rows_done(&b->notices);
    arena_free(b->arena);
}

static struct status load_work(struct session *s, void *arg)
{
    struct batch *b = arg;
    const struct keyring *k = b->notify->worker->vault->keyring;
    struct store_value ids[DELIVERY_EACH_MAX];
    for (size_t i = 0; i < b->claims->count; i++) {
        ids[i] = store_uuid(b->claims->items[i].notice);
    }
    const struct store_value values[] = {store_array(STORE_UUID, ids, b->claims->count)};
    TRY(notifier_load(s, k, b->claims->items[0].notifier, b->arena, &b->notifier));
    TRY(session_exec(s, &load_notices, values, ARRAY_LEN(values), &b->notices));
    b->loaded_us = clock_monotonic_us();
    b->now_us = b->notices.count > 0 ? store_get_time(&b->notices, 0, NOTICE_COLUMN_COUNT) : 0;
    return OK_STATUS;
}

static struct status load(struct batch *b)
{
    struct vault *v = b->notify->worker->vault;
    b->arena = arena_new(BATCH_ARENA_BYTES);
    if (b->arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(store_transact(v->store, load_work, b));
    TRY(notifier_open(v->keyring, &b->notifier.notifier, &b->secret));
    TRY(courier_start(b->notify->launcher, b->notifier.notifier.ca_file, b->claims->lease_end_us,
                      &b->courier));
    courier_heed(b->courier, b->notify);
    return OK_STATUS;
}

static struct status find_notice(const struct batch *b, struct uuid id, struct notice *out)
{
    for (int row = 0; row < b->notices.count; row++) {
        if (uuid_equal(store_get_uuid(&b->notices, row, 0), id)) {
            return notice_read(b->notify->worker->vault->keyring, &b->notices, row, 0, out);
        }
    }
    FAIL(NOT_FOUND, "the notice is gone");
}

// OK: the result says what becomes of it, also where it was never sent.
static struct status try_one(struct batch *b, const struct delivery_claim *claim,
                             struct wire_result *out)
{
    const struct notifier *n = &b->notifier.notifier;
    struct notice notice;
    struct wire_job job;
    struct status found = find_notice(b, claim->notice, &notice);
    if (found.code == STATUS_INTEGRITY) {
        *out = (struct wire_result){.outcome = WIRE_REFUSED};
        wire_explain(out, "the notice was altered in the database: it isn't sent");
        return OK_STATUS;
    }
    TRY(found);
    if (!notifier_wants(n, &notice)) {
        *out = (struct wire_result){.outcome = WIRE_REFUSED};
        wire_explain(out, "the notifier doesn't cover it any more");
        return OK_STATUS;
    }
    const struct message_source source = {.notifier = n,
                                          .notice = &notice,
                                          .secret = b->secret,
                                          .now_us = b->now_us + clock_monotonic_us() - b->loaded_us,
                                          .timeout_ms = TIMEOUT_US / 1000};
    TRY(message_make(&source, b->arena, &job));
    return courier_send(b->courier, &job, b->arena, out);
}

static struct status deliver_one(struct batch *b, const struct delivery_claim *claim, bool *out_on)
{
    struct vault *v = b->notify->worker->vault;
    struct wire_result result = {.status = 0};
    struct status s = try_one(b, claim, &result);
    *out_on = false;
    if (!status_ok(s)) {
        if (notify_should_stop(b->notify)) {
            return s; // not the receiver's fault: it is given back, and sent again
        }
        result = (struct wire_result){.outcome = WIRE_UNREACHABLE};
        wire_explain(&result, "%s", s.what);
    }
    const struct delivery_end end = {claim, &result, b->notifier.notifier.failures};
    TRY(delivery_finish(v->store, v->keyring, &end));
    if (result.outcome != WIRE_DELIVERED) {
        log_repeated(LOG_WARN, "notify.not_delivered",
                     LOG_STR("notifier", b->notifier.notifier.name),
                     LOG_STR("outcome", wire_outcome_name(result.outcome)),
                     LOG_INT("status", result.status), LOG_STR("reason", str_from_c(result.error)));
    }
    *out_on = result.outcome != WIRE_UNREACHABLE && result.outcome != WIRE_GONE;
    return OK_STATUS;
}

static bool has_time(const struct batch *b)
{
    return !notify_should_stop(b->notify) &&
           clock_monotonic_us() + TIMEOUT_US + MARGIN_US < b->claims->lease_end_us;
}

static struct status deliver_all(struct batch *b, size_t *done)
{
    bool on = true;
    while (on && *done < b->claims->count && has_time(b)) {
        TRY(deliver_one(b, &b->claims->items[*done], &on));
        (*done)++;
    }
    return OK_STATUS;
}

bool batch_deliver(struct notify *n, const struct batch_claims *claims)
{
    struct batch b CLEANUP(batch_done) = {.notify = n, .claims = claims};
    struct store *st = n->worker->vault->store;
    size_t done = 0;
    struct status s = load(&b);
    if (status_ok(s)) {
        s = deliver_all(&b, &done);
    }
    if (!status_ok(s) && !notify_should_stop(n)) {
        // The lease passes, or is given back below: somebody tries again.
        log_repeated(LOG_WARN, "notify.batch_failed", LOG_STATUS(s));
        fiber_sleep_until(clock_monotonic_us() + CLOCK_SECOND);
    }
    for (size_t i = done; i < claims->count; i++) {
        status_ignore(delivery_release(st, &claims->items[i]));
    }
    return status_ok(s) && done > 0;
}

// ---- a test

static const struct store_statement read_clock = {"notify.clock", "SELECT clock_timestamp()"};
enum { TEST_PAYLOAD_BYTES = 8192 };

struct status notify_test(struct operation *op, const struct notifier *n, struct str recipient,
                          struct wire_result *out)
{
    struct buffer payload CLEANUP(buffer_done);
    struct secret *secret CLEANUP(secret_cleanup) = NULL;
    struct courier *courier CLEANUP(courier_cleanup) = NULL;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct notice notice;
    struct wire_job job;
    buffer_init(&payload, TEST_PAYLOAD_BYTES);
    struct rotation *engine = rotation_running();
    if (engine == NULL) {
        FAIL(UNAVAILABLE, "rotation isn't running on this node");
    }
    TRY(store_query(op->worker->vault->store, &read_clock, NULL, 0, &rows));
    TRY(message_test_notice(n, op->mount->path, store_get_time(&rows, 0, 0), &payload, &notice));
    notice.owner = recipient;
    TRY(notifier_open(op->worker->vault->keyring, n, &secret));
    const struct message_source source = {.notifier = n,
                                          .notice = &notice,
                                          .secret = secret,
                                          .now_us = notice.time_us,
                                          .timeout_ms = TIMEOUT_US / 1000};
    TRY(message_make(&source, op->arena, &job));
    TRY(courier_start(rotation_launcher(engine), n->ca_file,
                      clock_monotonic_us() + TIMEOUT_US + MARGIN_US, &courier));
    return courier_send(courier, &job, op->arena, out);
}
