// SPDX-License-Identifier: ISC
#include "tests/bench/fill_vault.h"

struct status fill_vault_open(const struct store_config *database, const char *key_file,
                              struct fill_vault *out)
{
    struct vault *v = &out->vault;
    const struct sealing_options options = {.ops = &seal_static_ops,
                                            .seal = {.key = {.file = key_file}}};
    TRY(secret_system_init(true));
    TRY(offload_new(1, 1, &v->offload));
    TRY(store_new(database, v->offload, 1, &v->store));
    TRY(keyring_new(&v->keyring));
    TRY(audit_signer_new(v->keyring, &v->signer));
    TRY(sealing_new(v, &options, &v->sealing));
    TRY(sealing_refresh(v->sealing));
    TRY(sealing_open_static(v->sealing));
    return session_open(database, &out->session);
}

void fill_vault_close(struct fill_vault *f)
{
    session_close(f->session);
    sealing_free(f->vault.sealing);
    audit_signer_free(f->vault.signer);
    keyring_free(f->vault.keyring);
    store_free(f->vault.store);
    offload_free(f->vault.offload);
}
