// SPDX-License-Identifier: ISC
#include "vault/base/log.h"
#include "vault/secrets/kv/kv_rows.h"

bool kv_version_lives(const struct kv_version *v, int64_t now_us)
{
    return !v->destroyed && v->deleted_us > now_us;
}

struct status kv_open_value(const struct operation *op, const struct kv_secret *secret,
                            struct str *out)
{
    const struct envelope_binding binding = kv_binding(&secret->head, secret->version.version);
    struct bytes value;
    struct status s = envelope_open_in(op->worker->vault->keyring, secret->version.key_epoch,
                                       &binding, secret->version.ciphertext, op->arena, &value);
    if (s.code == STATUS_NOT_FOUND) {
        // Another node has just made that key; the next change of epoch brings it here.
        FAIL(UNAVAILABLE, "the key of this secret isn't loaded yet, try again");
    }
    if (s.code == STATUS_INTEGRITY) {
        log_event(LOG_ERROR, "kv.altered", LOG_UUID("request_id", op->request_id), LOG_STATUS(s));
    }
    TRY(s);
    *out = str_from_bytes(value);
    return OK_STATUS;
}
