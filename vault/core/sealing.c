// SPDX-License-Identifier: ISC
#include "vault/core/sealing.h"

#include <pthread.h>
#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/core/initialise.h"
#include "vault/core/key_store.h"

struct sealing {
    struct vault *vault;
    struct sealing_options options;
    pthread_mutex_t lock;
    const struct seal_ops *ops;     // of the stored seal; of the configuration before init
    struct seal_progress *progress; // NULL before init, and for an automatic seal
};

void sealing_free(struct sealing *s)
{
    if (s != NULL) {
        seal_progress_free(s->progress);
        pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

struct status sealing_new(struct vault *v, const struct sealing_options *options,
                          struct sealing **out)
{
    struct sealing *s = calloc(1, sizeof *s);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    s->vault = v;
    s->options = *options;
    s->ops = options->ops;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return OK_STATUS;
}

static void set_state(struct vault *v, enum vault_state state)
{
    atomic_store_explicit(&v->state, state, memory_order_release);
}

static struct status take_seal(struct sealing *s, struct session *session)
{
    struct seal_config config CLEANUP(seal_config_done);
    seal_config_init(&config);
    TRY(key_store_load_seal(session, false, &config));
    s->ops = seal_ops_of(config.type);
    if (s->ops == NULL) {
        FAIL(INTEGRITY, "the stored seal is of an unknown kind");
    }
    if (s->ops->needs_shares && s->progress == NULL) {
        TRY(seal_progress_new(&config, &s->progress));
    }
    return OK_STATUS;
}

static struct status refresh_work(struct session *session, void *arg)
{
    struct sealing *s = arg;
    struct status found = key_store_load_instance(session, &s->vault->cluster_id);
    if (found.code == STATUS_NOT_FOUND) {
        set_state(s->vault, VAULT_UNINITIALISED);
        return OK_STATUS;
    }
    TRY(found);
    TRY(take_seal(s, session));
    if (vault_state(s->vault) != VAULT_UNSEALED) {
        set_state(s->vault, VAULT_SEALED);
    }
    return OK_STATUS;
}

struct status sealing_refresh(struct sealing *s)
{
    pthread_mutex_lock(&s->lock);
    struct status done = store_transact_blocking(s->vault->store, refresh_work, s);
    pthread_mutex_unlock(&s->lock);
    return done;
}

struct status sealing_initialise(struct sealing *s, const struct sealing_init_request *request,
                                 struct sealing_init_result *out)
{
    struct initialise_job job = {
        .vault = s->vault, .ops = s->options.ops, .options = s->options.seal, .out = out};
    job.options.shares = request->shares;
    job.options.threshold = request->threshold;
    TRY(store_transact_blocking(s->vault->store, initialise_work, &job));
    return sealing_refresh(s);
}

struct status sealing_status(struct sealing *s, struct sealing_status *out)
{
    // Another node may have initialised the database meanwhile.
    if (vault_state(s->vault) < VAULT_SEALED) {
        TRY(sealing_refresh(s));
    }
    pthread_mutex_lock(&s->lock);
    *out = (struct sealing_status){.state = vault_state(s->vault),
                                   .type = s->ops->name,
                                   .recovery_seal = !s->ops->needs_shares,
                                   .cluster_id = s->vault->cluster_id};
    if (s->progress != NULL) {
        seal_progress_get(s->progress, &out->progress);
    }
    pthread_mutex_unlock(&s->lock);
    return OK_STATUS;
}

// What opening needs from the database, and what it does with it.
struct open_job {
    struct sealing *sealing;
    const struct secret *unseal_key; // NULL: the seal finds its own
};

static struct status find_root(const struct open_job *job, const struct seal_config *config,
                               struct secret **out)
{
    if (job->unseal_key != NULL) {
        return seal_unwrap_root(config, job->unseal_key, out);
    }
    bool previous;
    TRY(seal_open_root(&job->sealing->options.seal, config, out, &previous));
    if (previous) {
        log_event(LOG_WARN, "seal.previous_key",
                  LOG_STR("advice", STR("the vault is still sealed with the previous key: rekey")));
    }
    return OK_STATUS;
}

static struct status open_work(struct session *session, void *arg)
{
    struct open_job *job = arg;
    struct vault *v = job->sealing->vault;
    struct seal_config config CLEANUP(seal_config_done);
    seal_config_init(&config);
    TRY(key_store_load_seal(session, false, &config));
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    TRY(find_root(job, &config, &root));
    struct key_rows keys CLEANUP(key_rows_done) = {0};
    TRY(key_store_load(session, &keys));
    TRY(keyring_open(v->keyring, root, keys.rows, keys.count));
    struct status loaded = audit_signer_load(v->signer, session);
    if (!status_ok(loaded)) {
        keyring_close(v->keyring);
    }
    return loaded;
}

static struct status open_with(struct sealing *s, const struct secret *unseal_key)
{
    if (vault_state(s->vault) == VAULT_UNSEALED) {
        return OK_STATUS;
    }
    struct open_job job = {s, unseal_key};
    TRY(store_transact_blocking(s->vault->store, open_work, &job));
    set_state(s->vault, VAULT_UNSEALED);
    log_event(LOG_INFO, "vault.unsealed", LOG_STR("node", s->vault->node));
    return OK_STATUS;
}

static struct status add_share(struct sealing *s, struct str share, bool *out_open)
{
    if (s->progress == NULL) {
        FAIL(INVALID, "this vault isn't sealed with shares, or isn't initialised");
    }
    if (vault_state(s->vault) == VAULT_UNSEALED) {
        return OK_STATUS; // it isn't needed, so it isn't kept
    }
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    TRY(seal_progress_add(s->progress, share, &key));
    *out_open = key != NULL;
    return key == NULL ? OK_STATUS : open_with(s, key);
}

struct status sealing_add_share(struct sealing *s, struct str share, bool *out_open)
{
    if (vault_state(s->vault) < VAULT_SEALED) {
        TRY(sealing_refresh(s));
    }
    pthread_mutex_lock(&s->lock);
    struct status done = add_share(s, share, out_open);
    pthread_mutex_unlock(&s->lock);
    return done;
}

void sealing_reset(struct sealing *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->progress != NULL) {
        seal_progress_reset(s->progress);
    }
    pthread_mutex_unlock(&s->lock);
}

struct status sealing_open_static(struct sealing *s)
{
    pthread_mutex_lock(&s->lock);
    struct status done = open_with(s, NULL);
    pthread_mutex_unlock(&s->lock);
    return done;
}

void sealing_refuse(struct sealing *s)
{
    set_state(s->vault, VAULT_SEALED);
}

void sealing_close(struct sealing *s)
{
    pthread_mutex_lock(&s->lock);
    keyring_close(s->vault->keyring);
    audit_signer_forget(s->vault->signer);
    pthread_mutex_unlock(&s->lock);
    log_event(LOG_INFO, "vault.sealed", LOG_STR("node", s->vault->node));
}

struct status sealing_store_epoch(struct vault *v, struct session *session,
                                  struct keyring_wrapped *out)
{
    TRY(keyring_make_epoch(v->keyring, KEYRING_ROOT_NAMESPACE, out));
    return key_store_put(session, out);
}

// In order of kind: a namespace comes before its data keys.
static struct status add_keys(struct vault *v, const struct key_rows *keys,
                              enum keyring_state state)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct keyring_wrapped *row = &keys->rows[i];
        bool changes = row->kind == KEYRING_DATA || row->kind == KEYRING_NAMESPACE;
        if (changes && row->state == state) {
            TRY(keyring_add(v->keyring, row));
        }
    }
    return OK_STATUS;
}

struct status sealing_reload_keys(struct vault *v, struct session *session)
{
    struct key_rows keys CLEANUP(key_rows_done) = {0};
    TRY(key_store_load(session, &keys));
    // Retired ones last: what may still be the newest epoch here has a successor by then.
    TRY(add_keys(v, &keys, KEYRING_LIVE));
    return add_keys(v, &keys, KEYRING_RETIRED);
}
