// SPDX-License-Identifier: ISC
#include "vault/core/initialise.h"

#include <stdio.h>

#include "vault/audit/signer.h"
#include "vault/core/catalog.h"
#include "vault/core/key_store.h"
#include "vault/core/token.h"
#include "vault/crypto/index_hash.h"
#include "vault/crypto/password.h"

enum { TOKEN_CHARACTERS = 24, ACCESSOR_CHARACTERS = 24 };

// What every token may do, for itself.
static const char default_policy[] =
    "# Every token has this policy, unless it was made without.\n"
    "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n"
    "path \"auth/token/renew-self\" { capabilities = [\"update\"] }\n"
    "path \"auth/token/revoke-self\" { capabilities = [\"update\"] }\n"
    "path \"sys/capabilities-self\" { capabilities = [\"update\"] }\n"
    "path \"sys/internal/ui/mounts/*\" { capabilities = [\"read\"] }\n"
    "path \"cubbyhole/*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", "
    "\"list\"] }\n";

static void free_keyring(struct keyring **k)
{
    keyring_free(*k);
}

static struct status put_mount(const struct keyring *k, struct session *s, struct str path,
                               struct str type, struct str description)
{
    struct secret *accessor CLEANUP(secret_cleanup) = NULL;
    TRY(password_generate_token(STR(""), 8, &accessor));
    char text[32];
    snprintf(text, sizeof text, "%.*s_%.8s", STR_ARG(type),
             (const char *)secret_view(accessor).ptr);
    const struct mount m = {.id = uuid_new(),
                            .namespace_id = KEYRING_ROOT_NAMESPACE,
                            .path = path,
                            .type = type,
                            .accessor = str_from_c(text),
                            .description = description,
                            .config = STR("{}"),
                            .options = STR("{}")};
    return catalog_put_mount(k, s, &m);
}

static struct status put_catalog(const struct keyring *k, struct session *s)
{
    TRY(put_mount(k, s, STR("sys/"), STR("system"), STR("system endpoints")));
    TRY(put_mount(k, s, STR("auth/token/"), STR("token"), STR("token based credentials")));
    TRY(put_mount(k, s, STR("cubbyhole/"), STR("cubbyhole"),
                  STR("per-token private secret storage")));
    TRY(catalog_put_policy(k, s, KEYRING_ROOT_NAMESPACE, STR("default"),
                           str_from_c(default_policy)));
    return catalog_change_end(k, s);
}

static struct status put_root_token(const struct keyring *k, struct session *s, struct secret **out)
{
    struct secret *token CLEANUP(secret_cleanup) = NULL;
    struct secret *accessor CLEANUP(secret_cleanup) = NULL;
    TRY(password_generate_token(STR("hvs."), TOKEN_CHARACTERS, &token));
    TRY(password_generate_token(STR(""), ACCESSOR_CHARACTERS, &accessor));
    uint8_t hash[INDEX_HASH_TOKEN_BYTES];
    TRY(index_hash_token(k, str_from_bytes(secret_view(token)), hash));
    const struct str policies[] = {STR("root")};
    const struct token row = {.id = uuid_new(),
                              .namespace_id = KEYRING_ROOT_NAMESPACE,
                              .hash = BYTES_OF(hash),
                              .accessor = str_from_bytes(secret_view(accessor)),
                              .type = STR("service"),
                              .policies = policies,
                              .policy_count = ARRAY_LEN(policies),
                              .path = STR("auth/token/root"),
                              .display_name = STR("root"),
                              .meta = STR("{}"),
                              .orphan = true,
                              .created_us = clock_wall_us(),
                              .expires_us = CLOCK_NEVER,
                              .row_version = 1};
    TRY(token_insert(k, s, &row));
    *out = TAKE(token);
    return OK_STATUS;
}

static struct status put_keys(struct keyring *k, struct session *s, const struct secret *root_key)
{
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    TRY(keyring_create(k, root_key, rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        TRY(key_store_put(s, &rows[i]));
    }
    return OK_STATUS;
}

static struct status put_one_seal(struct session *s, const struct initialise_job *job,
                                  const struct seal_ops *ops, const struct secret *root_key,
                                  struct seal_shares *shares)
{
    struct seal_config config CLEANUP(seal_config_done);
    seal_config_init(&config);
    TRY(seal_init(ops, &job->options, root_key, &config, shares));
    return key_store_put_seal(s, &config);
}

// An automatic seal has recovery shares beside it, which are what the operators get.
static struct status put_seals(struct session *s, const struct initialise_job *job,
                               const struct secret *root_key)
{
    struct sealing_init_result *out = job->out;
    if (job->ops->needs_shares) {
        return put_one_seal(s, job, job->ops, root_key, &out->shares);
    }
    struct seal_shares none CLEANUP(seal_shares_done) = {0};
    TRY(put_one_seal(s, job, job->ops, root_key, &none));
    out->recovery = true;
    return put_one_seal(s, job, &seal_recovery_ops, root_key, &out->shares);
}

struct status initialise_work(struct session *s, void *arg)
{
    struct initialise_job *job = arg;
    TRY(key_store_put_instance(s, uuid_new()));
    struct secret *root_key CLEANUP(secret_cleanup) = NULL;
    TRY(secret_random(KEYRING_KEY_BYTES, &root_key));
    // A keyring of its own: the vault stays sealed until somebody unseals it.
    struct keyring *k CLEANUP(free_keyring) = NULL;
    TRY(keyring_new(&k));
    TRY(put_keys(k, s, root_key));
    TRY(put_seals(s, job, root_key));
    TRY(audit_signer_create_first(k, s));
    TRY(put_catalog(k, s));
    return put_root_token(k, s, &job->out->root_token);
}

void sealing_init_result_done(struct sealing_init_result *r)
{
    seal_shares_done(&r->shares);
    secret_free(r->root_token);
    *r = (struct sealing_init_result){0};
}
