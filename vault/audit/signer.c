// SPDX-License-Identifier: ISC
#include "vault/audit/signer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vault/crypto/signing.h"

struct audit_signer {
    const struct keyring *keyring;
    pthread_mutex_t lock;
    int64_t number;              // 0: none is loaded
    struct secret *private_half; // of key `number`
};

static const struct store_statement insert_key = {
    "audit.insert_key",
    "INSERT INTO audit_key (number, public_key, succession_signature, wrapped_private, created_at) "
    "VALUES ($1, $2, $3, $4, $5)"};
static const struct store_statement newest_key = {
    "audit.newest_key",
    "SELECT number, wrapped_private, (extract(epoch FROM clock_timestamp() - created_at))::int8 "
    "FROM audit_key ORDER BY number DESC LIMIT 1"};
static const struct store_statement read_clock = {"audit.clock", "SELECT clock_timestamp()"};
static const struct store_statement destroy_private = {
    "audit.destroy_private", "UPDATE audit_key SET wrapped_private = NULL, "
                             "succeeded_at = clock_timestamp() "
                             "WHERE number = $1 AND succeeded_at IS NULL RETURNING number"};

static struct bytes context_of(const int64_t *number)
{
    return (struct bytes){(const uint8_t *)number, sizeof *number};
}

void audit_signer_free(struct audit_signer *s)
{
    if (s != NULL) {
        secret_free(s->private_half);
        pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

struct status audit_signer_new(const struct keyring *k, struct audit_signer **out)
{
    struct audit_signer *s = calloc(1, sizeof *s);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    s->keyring = k;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return OK_STATUS;
}

struct digest audit_succession_digest(int64_t number, int64_t created_us, struct bytes public_key)
{
    struct digest_stream d;
    digest_begin(&d, "audit-key/1");
    digest_add_int(&d, number);
    digest_add_int(&d, created_us);
    digest_add_bytes(&d, public_key);
    return digest_finish(&d);
}

static struct status database_now(struct session *session, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(session, &read_clock, NULL, 0, &rows));
    *out = store_get_time(&rows, 0, 0);
    return OK_STATUS;
}

// Stores a new key; `signer` is the private half that vouches for it, NULL for itself.
static struct status store_new_key(const struct keyring *k, struct session *session, int64_t number,
                                   const struct secret *signer)
{
    uint8_t public_key[AUDIT_PUBLIC_KEY_BYTES];
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
    struct secret *private_half CLEANUP(secret_cleanup) = NULL;
    TRY(signing_generate(public_key, &private_half));
    int64_t now_us;
    TRY(database_now(session, &now_us));
    struct digest what = audit_succession_digest(number, now_us, BYTES_OF(public_key));
    signing_sign(signer != NULL ? signer : private_half, digest_bytes(&what), signature);
    struct buffer wrapped CLEANUP(buffer_done);
    buffer_init(&wrapped, 1024);
    TRY(keyring_wrap(k, "audit-signing-key", context_of(&number), private_half, &wrapped));
    const struct store_value values[] = {store_int(number), store_bytea(BYTES_OF(public_key)),
                                         store_bytea(BYTES_OF(signature)),
                                         store_bytea(buffer_bytes(&wrapped)), store_time(now_us)};
    return session_exec(session, &insert_key, values, ARRAY_LEN(values), NULL);
}

struct status audit_signer_create_first(const struct keyring *k, struct session *s)
{
    return store_new_key(k, s, 1, NULL);
}

static void adopt(struct audit_signer *s, int64_t number, struct secret *private_half)
{
    pthread_mutex_lock(&s->lock);
    struct secret *old = s->private_half;
    s->private_half = private_half;
    s->number = number;
    pthread_mutex_unlock(&s->lock);
    secret_free(old);
}

int64_t audit_signer_number(struct audit_signer *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t number = s->number;
    pthread_mutex_unlock(&s->lock);
    return number;
}

void audit_signer_forget(struct audit_signer *s)
{
    adopt(s, 0, NULL);
}

static struct status load(struct audit_signer *s, struct session *session, int64_t *out_age_s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(session, &newest_key, NULL, 0, &rows));
    if (rows.count != 1) {
        FAIL(INTEGRITY, "the audit log has no signing key");
    }
    int64_t number = store_get_int(&rows, 0, 0);
    *out_age_s = store_get_int(&rows, 0, 2);
    if (number == audit_signer_number(s)) {
        return OK_STATUS;
    }
    struct secret *private_half = NULL;
    TRY(keyring_unwrap(s->keyring, "audit-signing-key", context_of(&number),
                       store_get_bytes(&rows, 0, 1), &private_half));
    adopt(s, number, private_half);
    return OK_STATUS;
}

struct status audit_signer_load(struct audit_signer *s, struct session *session)
{
    int64_t age_s;
    return load(s, session, &age_s);
}

struct status audit_signer_refresh(struct audit_signer *s, struct session *session, bool *out_due)
{
    int64_t age_s;
    TRY(load(s, session, &age_s));
    *out_due = age_s >= AUDIT_REIGN_S;
    return OK_STATUS;
}

// A copy, since another thread may exchange the key while the database is being asked.
static struct status copy_private(struct audit_signer *s, int64_t *number, struct secret **out)
{
    struct status copied = MAKE_STATUS(SEALED, "no signing key is loaded");
    pthread_mutex_lock(&s->lock);
    if (s->number != 0) {
        *number = s->number;
        copied = secret_copy(secret_view(s->private_half), out);
    }
    pthread_mutex_unlock(&s->lock);
    return copied;
}

struct status audit_signer_succeed(struct audit_signer *s, struct session *session)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct secret *private_half CLEANUP(secret_cleanup) = NULL;
    int64_t number;
    TRY(copy_private(s, &number, &private_half));
    const struct store_value values[] = {store_int(number)};
    TRY(session_exec(session, &destroy_private, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "another node succeeded the signing key first");
    }
    return store_new_key(s->keyring, session, number + 1, private_half);
}

struct status audit_sign(struct audit_signer *s, struct digest what, struct audit_signature *out)
{
    struct status outcome = MAKE_STATUS(SEALED, "no signing key is loaded");
    pthread_mutex_lock(&s->lock);
    if (s->number != 0) {
        out->key_number = s->number;
        signing_sign(s->private_half, digest_bytes(&what), out->octets);
        outcome = OK_STATUS;
    }
    pthread_mutex_unlock(&s->lock);
    return outcome;
}

struct status audit_verify_signature(struct bytes public_key, struct digest what,
                                     struct bytes signature)
{
    return signing_verify(public_key, digest_bytes(&what), signature);
}
