// SPDX-License-Identifier: ISC
#include "api/http/http_tls.h"

#include <gnutls/x509.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "vault/base/bytes.h"

enum { CHAIN_MAX = 16, KEY_ID_MAX = 64 };

struct http_credentials {
    atomic_uint references;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_len;
    gnutls_privkey_t key;
    int64_t expires_s; // the first of the chain to do so
};

// The lock covers one pointer and is taken once per handshake, never per request.
struct http_tls {
    pthread_mutex_t lock;
    struct http_credentials *current;
    char *cert_file;
    char *key_file;
};

void http_credentials_release(struct http_credentials *c)
{
    if (c == NULL || atomic_fetch_sub(&c->references, 1) > 1) {
        return;
    }
    for (unsigned i = 0; i < c->chain_len; i++) {
        gnutls_pcert_deinit(&c->chain[i]);
    }
    if (c->key != NULL) {
        gnutls_privkey_deinit(c->key);
    }
    free(c);
}

static void release_cleanup(struct http_credentials **c)
{
    http_credentials_release(*c);
}

static void datum_cleanup(gnutls_datum_t *d)
{
    if (d->data != NULL) {
        explicit_bzero(d->data, d->size);
        gnutls_free(d->data);
    }
}

static struct status load_chain(struct http_credentials *c, const char *file)
{
    gnutls_datum_t pem CLEANUP(datum_cleanup) = {NULL, 0};
    if (gnutls_load_file(file, &pem) != GNUTLS_E_SUCCESS) {
        FAIL(INVALID, "tls_cert_file can't be read");
    }
    unsigned count = CHAIN_MAX;
    int result = gnutls_pcert_list_import_x509_raw(c->chain, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (result < 0 || count == 0) {
        FAIL(INVALID, "tls_cert_file doesn't hold certificates in PEM");
    }
    c->chain_len = count;
    return OK_STATUS;
}

static struct status note_expiry(struct http_credentials *c)
{
    c->expires_s = INT64_MAX;
    for (unsigned i = 0; i < c->chain_len; i++) {
        gnutls_x509_crt_t cert;
        if (gnutls_pcert_export_x509(&c->chain[i], &cert) != GNUTLS_E_SUCCESS) {
            FAIL(INVALID, "tls_cert_file holds a certificate that can't be read");
        }
        int64_t expires_s = gnutls_x509_crt_get_expiration_time(cert);
        c->expires_s = expires_s < c->expires_s ? expires_s : c->expires_s;
        gnutls_x509_crt_deinit(cert);
    }
    return OK_STATUS;
}

static struct status load_key(struct http_credentials *c, const char *file)
{
    gnutls_datum_t pem CLEANUP(datum_cleanup) = {NULL, 0};
    if (gnutls_load_file(file, &pem) != GNUTLS_E_SUCCESS) {
        FAIL(INVALID, "tls_key_file can't be read");
    }
    if (gnutls_privkey_init(&c->key) != GNUTLS_E_SUCCESS) {
        FAIL(NOMEM, "out of memory");
    }
    if (gnutls_privkey_import_x509_raw(c->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) < 0) {
        FAIL(INVALID, "tls_key_file doesn't hold a private key in PEM without a password");
    }
    return OK_STATUS;
}

static struct status check_key_matches(struct http_credentials *c)
{
    gnutls_pubkey_t of_key;
    if (gnutls_pubkey_init(&of_key) != GNUTLS_E_SUCCESS) {
        FAIL(NOMEM, "out of memory");
    }
    unsigned char ids[2][KEY_ID_MAX];
    size_t lens[2] = {KEY_ID_MAX, KEY_ID_MAX};
    bool known = gnutls_pubkey_import_privkey(of_key, c->key, 0, 0) >= 0 &&
                 gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, ids[0], &lens[0]) >= 0 &&
                 gnutls_pubkey_get_key_id(c->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, ids[1],
                                          &lens[1]) >= 0;
    gnutls_pubkey_deinit(of_key);
    if (!known || !bytes_equal((struct bytes){ids[0], lens[0]}, (struct bytes){ids[1], lens[1]})) {
        FAIL(INVALID, "tls_key_file doesn't belong to the first certificate of tls_cert_file");
    }
    return OK_STATUS;
}

static struct status load(const struct http_tls *t, struct http_credentials **out)
{
    struct http_credentials *c CLEANUP(release_cleanup) = calloc(1, sizeof *c);
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    atomic_init(&c->references, 1);
    TRY(load_chain(c, t->cert_file));
    TRY(note_expiry(c));
    TRY(load_key(c, t->key_file));
    TRY(check_key_matches(c));
    *out = TAKE(c);
    return OK_STATUS;
}

void http_tls_free(struct http_tls *t)
{
    if (t != NULL) {
        http_credentials_release(t->current);
        pthread_mutex_destroy(&t->lock);
        free(t->cert_file);
        free(t->key_file);
        free(t);
    }
}

static void wiping_free(void *memory)
{
    if (memory != NULL) {
        explicit_bzero(memory, malloc_usable_size(memory));
        free(memory);
    }
}

// realloc() may leave the old copy behind.
static void *wiping_realloc(void *memory, size_t size)
{
    void *grown = malloc(size);
    if (grown != NULL && memory != NULL) {
        size_t old = malloc_usable_size(memory);
        memcpy(grown, memory, old < size ? old : size);
        wiping_free(memory);
    }
    return grown;
}

// GnuTLS leaves decrypted records, and so tokens and secrets, in memory that it releases. What it
// allocated before came from malloc() as well, so its release function may be replaced at any time.
static void wipe_what_gnutls_frees(void)
{
    gnutls_realloc = wiping_realloc;
    gnutls_free = wiping_free;
}

static void tls_cleanup(struct http_tls **t)
{
    http_tls_free(*t);
}

struct status http_tls_new(const char *cert_file, const char *key_file, struct http_tls **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, wipe_what_gnutls_frees);
    struct http_tls *t CLEANUP(tls_cleanup) = calloc(1, sizeof *t);
    if (t == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    pthread_mutex_init(&t->lock, NULL);
    t->cert_file = strdup(cert_file);
    t->key_file = strdup(key_file);
    if (t->cert_file == NULL || t->key_file == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(load(t, &t->current));
    *out = TAKE(t);
    return OK_STATUS;
}

struct status http_tls_reload(struct http_tls *t)
{
    struct http_credentials *fresh;
    TRY(load(t, &fresh));
    pthread_mutex_lock(&t->lock);
    struct http_credentials *old = t->current;
    t->current = fresh;
    pthread_mutex_unlock(&t->lock);
    http_credentials_release(old);
    return OK_STATUS;
}

int64_t http_tls_expires_s(struct http_tls *t)
{
    pthread_mutex_lock(&t->lock);
    int64_t expires_s = t->current->expires_s;
    pthread_mutex_unlock(&t->lock);
    return expires_s;
}

struct http_credentials *http_tls_hold(struct http_tls *t)
{
    pthread_mutex_lock(&t->lock);
    struct http_credentials *c = t->current;
    atomic_fetch_add(&c->references, 1);
    pthread_mutex_unlock(&t->lock);
    return c;
}

void http_credentials_lend(struct http_credentials *c, gnutls_pcert_st **chain, unsigned *chain_len,
                           gnutls_privkey_t *key)
{
    *chain = c->chain;
    *chain_len = c->chain_len;
    *key = c->key;
}
