// SPDX-License-Identifier: ISC
#include "api/dev_vault.h"

#include <stdio.h>

#include "vault/core/catalog.h"
#include "vault/core/sealing.h"
#include "vault/crypto/password.h"

enum { ACCESSOR_CHARACTERS = 8 };

static struct status mount_work(struct session *s, void *arg)
{
    const struct vault *v = arg;
    struct secret *random CLEANUP(secret_cleanup) = NULL;
    char accessor[32];
    TRY(password_generate_token(STR("kv_"), ACCESSOR_CHARACTERS, &random));
    struct str text = str_from_bytes(secret_view(random));
    snprintf(accessor, sizeof accessor, "%.*s", STR_ARG(text));
    const struct mount m = {.id = uuid_new(),
                            .namespace_id = KEYRING_ROOT_NAMESPACE,
                            .path = STR("secret/"),
                            .type = STR("kv"),
                            .accessor = str_from_c(accessor),
                            .description = STR("key/value secret storage"),
                            .config = STR("{}"),
                            .options = STR("{\"version\":\"2\"}")};
    TRY(catalog_change_begin(v->keyring, s));
    TRY(catalog_put_mount(v->keyring, s, &m));
    return catalog_change_end(v->keyring, s);
}

struct status dev_vault_prepare(const struct dev_folder *f, struct vault *v)
{
    if (vault_state(v) != VAULT_UNINITIALISED) {
        return OK_STATUS;
    }
    struct sealing_init_result made CLEANUP(sealing_init_result_done) = {0};
    const struct sealing_init_request wanted = {.shares = 1, .threshold = 1};
    TRY(sealing_initialise(v->sealing, &wanted, &made));
    TRY(dev_folder_save_token(f, made.root_token));
    TRY(sealing_open_static(v->sealing));
    return store_transact_blocking(v->store, mount_work, v);
}
