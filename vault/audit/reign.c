// SPDX-License-Identifier: ISC
#include "vault/audit/reign.h"

#include <stdlib.h>
#include <string.h>

#include "vault/audit/rows.h"
#include "vault/base/clock.h"

// How far a node's idea of the database's clock, and its taking over of a new key, may lag.
#define SLACK_US (60 * (int64_t)CLOCK_SECOND)

static const struct store_statement select_keys = {"audit.keys", "SELECT " AUDIT_KEY_COLUMNS
                                                                 " FROM audit_key ORDER BY number"};

void audit_reigns_done(struct audit_reigns *r)
{
    free(r->items);
    *r = (struct audit_reigns){0};
}

static struct status reserve(struct audit_reigns *r)
{
    if (r->count < r->capacity) {
        return OK_STATUS;
    }
    size_t capacity = r->capacity == 0 ? 64 : r->capacity * 2;
    struct audit_reign *items = reallocarray(r->items, capacity, sizeof *items);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    r->items = items;
    r->capacity = capacity;
    return OK_STATUS;
}

static struct status check_succession(const struct audit_reigns *r,
                                      const struct audit_key_item *key)
{
    const struct audit_reign *before = r->count == 0 ? NULL : &r->items[r->count - 1];
    struct bytes signer = before == NULL ? key->public_key : BYTES_OF(before->public_key);
    struct digest what = audit_succession_digest(key->number, key->created_us, key->public_key);
    if (!status_ok(audit_verify_signature(signer, what, key->succession_signature))) {
        FAIL(INTEGRITY, "the key wasn't signed by the one before it");
    }
    if (before != NULL && before->created_us > key->created_us) {
        FAIL(INTEGRITY, "the key is older than the one before it");
    }
    return OK_STATUS;
}

struct status audit_reigns_add(struct audit_reigns *r, const struct audit_key_item *key)
{
    if (key->number != (int64_t)r->count + 1) {
        FAIL(INTEGRITY, "a signing key is missing");
    }
    if (key->public_key.len != AUDIT_PUBLIC_KEY_BYTES) {
        FAIL(INTEGRITY, "the public key was altered");
    }
    TRY(reserve(r));
    struct status checked = check_succession(r, key);
    struct audit_reign *added = &r->items[r->count++];
    added->created_us = key->created_us;
    memcpy(added->public_key, key->public_key.ptr, sizeof added->public_key);
    return checked;
}

struct status audit_reigns_load(struct audit_reigns *r, struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_keys, NULL, 0, &rows));
    for (int i = 0; i < rows.count; i++) {
        struct audit_item item;
        audit_read_key(&rows, i, &item);
        TRY(audit_reigns_add(r, &item.key));
    }
    return OK_STATUS;
}

struct status audit_reigns_check(const struct audit_reigns *r, const struct audit_signed *s)
{
    if (s->key_number < 1 || s->key_number > (int64_t)r->count) {
        FAIL(INTEGRITY, "signed with an unknown key");
    }
    const struct audit_reign *key = &r->items[s->key_number - 1];
    bool succeeded = s->key_number < (int64_t)r->count;
    if (s->time_us < key->created_us - SLACK_US ||
        (succeeded && s->time_us > key[1].created_us + SLACK_US)) {
        FAIL(INTEGRITY, "signed with a key that didn't reign at that time");
    }
    if (!status_ok(audit_verify_signature(BYTES_OF(key->public_key), s->what, s->signature))) {
        FAIL(INTEGRITY, "the signature is wrong");
    }
    return OK_STATUS;
}
