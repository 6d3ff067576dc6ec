// SPDX-License-Identifier: ISC
#include "vault/rotation/readers.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/digest.h"
#include "vault/base/limits.h"
#include "vault/base/log.h"

enum { NOTED = 4096, AGAIN_US = 60 * CLOCK_SECOND };

// What a worker has noted lately. One that is pushed out by another is noted again: no more than a
// write too many.
struct noted {
    struct digest what;
    int64_t at_us;
};
static struct noted *noted_of[LIMIT_WORKERS];

static const struct store_statement note_read = {
    "readers.note",
    "INSERT INTO rotation_read (credential_id, version, accessor, namespace_id, actor, remote, "
    "reads, last_read_at, held) VALUES ($1, $2, $3, $4, $5, $6, 1, clock_timestamp(), $7) "
    "ON CONFLICT (credential_id, version, accessor) DO UPDATE SET remote = excluded.remote, "
    "held = excluded.held, reads = rotation_read.reads + 1, last_read_at = excluded.last_read_at"};

static struct status write_note(struct operation *op, bool held, const struct creds *creds)
{
    struct batch_op write CLEANUP(batch_op_done) = {0};
    const struct store_value values[] = {store_uuid(creds->credential.id),
                                         store_int(creds->version.number),
                                         store_text(op->caller.accessor),
                                         store_int(op->namespace_id),
                                         store_text(op->caller.display_name),
                                         store_text(op->remote),
                                         store_bool(held)};
    batch_write(op->worker->batch, &note_read, values, ARRAY_LEN(values), &write);
    return batch_wait(&write);
}

static struct digest what_of(const struct operation *op, const struct creds *creds)
{
    struct digest_stream d;
    const uint8_t *id = creds->credential.id.octets;
    digest_begin(&d, "rotation read");
    digest_add_bytes(&d, (struct bytes){id, sizeof creds->credential.id.octets});
    digest_add_int(&d, creds->version.number);
    digest_add_bytes(&d, bytes_from_str(op->caller.accessor));
    return digest_finish(&d);
}

// NULL when memory is short.
static struct noted *place_of(const struct worker *w, const struct digest *what)
{
    struct noted **all = &noted_of[w->number];
    uint32_t number;
    if (*all == NULL) {
        *all = calloc(NOTED, sizeof **all);
    }
    memcpy(&number, digest_bytes(what).ptr, sizeof number);
    return *all == NULL ? NULL : &(*all)[number % NOTED];
}

// What can't be noted is served all the same, and noted the next time.
static void note_current(struct operation *op, const struct creds *creds)
{
    struct digest what = what_of(op, creds);
    struct noted *place = place_of(op->worker, &what);
    int64_t now_us = clock_monotonic_us();
    if (place != NULL && place->at_us != 0 && digest_equal(place->what, what) &&
        now_us < place->at_us + AGAIN_US) {
        return;
    }
    struct status s = write_note(op, true, creds);
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "rotation.read_not_noted", LOG_STATUS(s));
    } else if (place != NULL) {
        *place = (struct noted){what, now_us};
    }
}

struct status readers_note(struct operation *op, bool previous, const struct creds *creds)
{
    if (previous) {
        return write_note(op, false, creds);
    }
    if (credential_retires_by_use(&creds->credential)) {
        note_current(op, creds);
    }
    return OK_STATUS;
}

void readers_free(struct worker *w)
{
    free(noted_of[w->number]);
    noted_of[w->number] = NULL;
}
