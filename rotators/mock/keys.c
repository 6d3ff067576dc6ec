// SPDX-License-Identifier: ISC
// K3: a key pair that is made here. The target gets the public half; whoever can show the private
// one is let in. (Of a mock: the public half is a hash of the private one.)
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rotators/mock/common.h"
#include "rotators/mock/mock.h"

enum { KEYS = 3, KEY_OCTETS = 24, PRIVATE_BYTES = 2 * KEY_OCTETS + 1, ACCEPTANCE_S = 3 };
enum { PUBLIC_BYTES = 2 * crypto_generichash_BYTES + 1 };

static struct rotunda_bytes octets_of(const char *text)
{
    return (struct rotunda_bytes){(const uint8_t *)text, strlen(text)};
}

static void public_of(struct rotunda_bytes private_key, char out[PUBLIC_BYTES])
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof hash, private_key.ptr, private_key.len, NULL, 0);
    sodium_bin2hex(out, PUBLIC_BYTES, hash, sizeof hash);
}

static enum rotunda_error generate(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    uint8_t octets[KEY_OCTETS];
    char private_key[PRIVATE_BYTES];
    char public_part[PUBLIC_BYTES];
    (void)call;
    randombytes_buf(octets, sizeof octets);
    sodium_bin2hex(private_key, sizeof private_key, octets, sizeof octets);
    public_of(octets_of(private_key), public_part);
    reply->set_generated(reply, octets_of(private_key), octets_of(public_part));
    sodium_memzero(octets, sizeof octets);
    sodium_memzero(private_key, sizeof private_key);
    return ROTUNDA_ERROR_NONE;
}

// Idempotent: the same public part isn't added twice, and has the same id.
static enum rotunda_apply upload(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    char id[LEDGER_ID_BYTES];
    if (!mock_begin(call, "apply", true, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if (call->value.secret.len > 0 || call->value.public_part.len < 8) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "the public part alone is uploaded");
    }
    snprintf(id, sizeof id, "pub-%.8s", (const char *)call->value.public_part.ptr);
    if (ledger_find_value(&c.ledger, call->account.name, call->value.public_part) < 0) {
        if (ledger_count(&c.ledger, call->account.name) >= KEYS) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_CAP_REACHED, "the account has 3 keys");
        }
        if (mock_add(call, &c, call->value.public_part, id) == NULL) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "a key has 1 to 256 octets");
        }
    }
    enum rotunda_apply result = mock_end(call, &c, reply);
    reply->set_issued(reply, (struct rotunda_text){id, strlen(id)}, (struct rotunda_bytes){NULL, 0},
                      0);
    return result;
}

static enum rotunda_probe probe(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    char public_part[PUBLIC_BYTES];
    public_of(call->value.secret, public_part);
    return mock_probe_octets(call, octets_of(public_part), reply);
}

const struct rotunda_rotator rotunda_rotator_mock_keys = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K3,
    .name = "mock-keys",
    .summary = "A folder that plays a target with up to three public keys per account",
    .overlap = 1,
    .max_slots = KEYS,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .fences = 1,
    .acceptance_s = ACCEPTANCE_S,
    .acceptance_probes = 2,
    .generate = generate,
    .apply = upload,
    .probe = probe,
    .list_external = mock_list,
    .retire = mock_retire,
    .revoke = mock_revoke,
};
