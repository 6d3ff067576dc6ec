// SPDX-License-Identifier: ISC
// The executable specification of rotunda/rotator.h: the least that each operation has to do. Here
// what we choose (K1, K2); keys.c has K3, issued.c K4 to K6, common.c what is the same for all.
#include "rotators/mock/mock.h"

#include "rotators/mock/common.h"

enum { SLOTS = 2, ACCEPTANCE_S = 3 };

static enum rotunda_apply apply_one_slot(const struct rotunda_call *call,
                                         struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", true, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    ledger_remove_account(&c.ledger, call->account.name);
    if (mock_add(call, &c, call->value.secret, "") == NULL) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "a value has 1 to 256 octets");
    }
    return mock_end(call, &c, reply);
}

static enum rotunda_apply apply_slots(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "apply", true, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if (ledger_find_value(&c.ledger, call->account.name, call->value.secret) < 0) {
        if (ledger_count(&c.ledger, call->account.name) >= SLOTS) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_CAP_REACHED, "both slots are taken");
        }
        if (mock_add(call, &c, call->value.secret, "") == NULL) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "a value has 1 to 256 octets");
        }
    }
    return mock_end(call, &c, reply);
}

const struct rotunda_rotator rotunda_rotator_mock = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K1,
    .name = "mock",
    .summary = "A folder that plays a target with one value per account",
    .max_slots = 1,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .fences = 1,
    .acceptance_s = ACCEPTANCE_S,
    .apply = apply_one_slot,
    .probe = mock_probe,
    .revoke = mock_revoke,
};

const struct rotunda_rotator rotunda_rotator_mock_slots = {
    MOCK_EVERYWHERE,
    .kind = ROTUNDA_K2,
    .name = "mock-slots",
    .summary = "A folder that plays a target with two values per account",
    .overlap = 1,
    .max_slots = SLOTS,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .fences = 1,
    .acceptance_s = ACCEPTANCE_S,
    .apply = apply_slots,
    .probe = mock_probe,
    .retire = mock_retire,
    .revoke = mock_revoke,
};
