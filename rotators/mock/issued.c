// SPDX-License-Identifier: ISC
// K4 to K6: the target makes the value and shows it once. Like most HTTP APIs it keeps no fence.
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rotators/mock/common.h"
#include "rotators/mock/mock.h"

enum { CAP = 3, ISSUED_OCTETS = 24, LIFE_S = 60, ACCEPTANCE_S = 3 };

struct issued {
    char secret[2 * ISSUED_OCTETS + 1];
    char id[LEDGER_ID_BYTES];
};
#define ISSUED_CLEANUP __attribute__((cleanup(issued_done)))

static void issued_done(struct issued *i)
{
    sodium_memzero(i, sizeof *i);
}

static void issue(struct issued *out)
{
    uint8_t octets[ISSUED_OCTETS];
    randombytes_buf(octets, sizeof octets);
    sodium_bin2hex(out->secret, sizeof out->secret, octets, sizeof octets);
    snprintf(out->id, sizeof out->id, "key-%08x", (unsigned)randombytes_random());
    sodium_memzero(octets, sizeof octets);
}

// Adds it, or says why not.
static enum rotunda_apply hand_out(const struct rotunda_call *call, struct mock_change *c,
                                   int64_t life_s, struct rotunda_reply *reply)
{
    ISSUED_CLEANUP struct issued issued;
    issue(&issued);
    struct rotunda_bytes value = {(const uint8_t *)issued.secret, strlen(issued.secret)};
    struct ledger_entry *e = mock_add(call, c, value, issued.id);
    if (e == NULL) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_UNREACHABLE, "the state is full");
    }
    e->valid_until_us = life_s > 0 ? ledger_now_us() + life_s * 1000000 : 0;
    int64_t valid_until_us = e->valid_until_us;
    enum rotunda_apply result = mock_end(call, c, reply);
    if (result == ROTUNDA_APPLY_APPLIED) {
        reply->set_issued(reply, (struct rotunda_text){issued.id, strlen(issued.id)}, value,
                          valid_until_us);
    }
    return result;
}

// Every call makes another key: never to be repeated blindly.
static enum rotunda_apply create(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if ((int64_t)ledger_count(&c.ledger, call->account.name) >= mock_number(call, "cap", CAP)) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_CAP_REACHED, "the account has all its keys");
    }
    return hand_out(call, &c, 0, reply);
}

// The old value ends with the same call.
static enum rotunda_apply roll(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    ledger_remove_account(&c.ledger, call->account.name);
    return hand_out(call, &c, 0, reply);
}

// Of a target that wants to see the present value before it replaces it.
static enum rotunda_apply roll_shown(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if (ledger_find_value(&c.ledger, call->account.name, call->previous.secret) < 0) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_NOT_PERMITTED,
                                "the value to be replaced isn't the account's");
    }
    ledger_remove_account(&c.ledger, call->account.name);
    return hand_out(call, &c, 0, reply);
}

static enum rotunda_apply mint(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    return hand_out(call, &c, mock_number(call, "life_s", LIFE_S), reply);
}

const struct rotunda_rotator rotunda_rotator_mock_issuer = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K4,
    .name = "mock-issuer",
    .summary = "A folder that plays an issuer of keys, shown once and listed by id",
    .overlap = 1,
    .max_slots = CAP,
    .idempotent = ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .acceptance_s = ACCEPTANCE_S,
    .acceptance_probes = 2,
    .apply = create,
    .probe = mock_probe,
    .list_external = mock_list,
    .disable = mock_disable,
    .enable = mock_enable,
    .retire = mock_retire,
    .revoke = mock_revoke,
};

const struct rotunda_rotator rotunda_rotator_mock_rolled = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K5,
    .name = "mock-rolled",
    .summary = "A folder that plays an issuer which replaces in place, as often as it is asked",
    .max_slots = 1,
    .idempotent = ROTUNDA_REROLL,
    .apply = roll,
    .probe = mock_probe,
};

const struct rotunda_rotator rotunda_rotator_mock_rolled_shown = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K5,
    .name = "mock-rolled-shown",
    .summary = "The same, but it must be shown the value that it replaces",
    .max_slots = 1,
    .apply = roll_shown,
    .probe = mock_probe,
};

const struct rotunda_rotator rotunda_rotator_mock_mint = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K6,
    .name = "mock-mint",
    .summary = "A folder that plays an issuer of tokens with a short life",
    .overlap = 1,
    .idempotent = ROTUNDA_IDEMPOTENT_RETIRE,
    .acceptance_s = ACCEPTANCE_S,
    .apply = mint,
    .probe = mock_probe,
    .list_external = mock_list,
    .retire = mock_retire,
};
