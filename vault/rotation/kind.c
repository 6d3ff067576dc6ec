// SPDX-License-Identifier: ISC
#include "vault/rotation/kind.h"

#include <string.h>

#include "vault/base/limits.h"

enum { SPREAD = 15 }; // jitter is up to one part in so many of a value's life

bool kind_is_issued(int64_t kind)
{
    return kind >= ROTUNDA_K4 && kind <= ROTUNDA_K6;
}

int64_t kind_slots(const struct rotunda_rotator *rotator, size_t account_count)
{
    bool several = rotator->kind != ROTUNDA_K1 && rotator->kind != ROTUNDA_K5;
    if (!several || rotator->overlap == 0 || account_count > 1) {
        return 1;
    }
    return rotator->max_slots == 0 ? LIMIT_ROTATION_SLOTS : (int64_t)rotator->max_slots;
}

static struct status check_value(const struct rotunda_rotator *rotator,
                                 const struct kind_given *given, const char **field)
{
    *field = "password";
    if (given->value && rotator->kind == ROTUNDA_K3) {
        FAIL(INVALID, "the rotator makes a key pair of its own: leave it out");
    }
    if (given->value && rotator->kind == ROTUNDA_K6) {
        FAIL(INVALID, "what is short-lived is minted, not imported: leave it out");
    }
    bool self = rotator->kind == ROTUNDA_K5 && (rotator->idempotent & ROTUNDA_REROLL) == 0;
    if (!given->value && self) {
        FAIL(INVALID, "required: the target replaces a value that it is shown, give the present "
                      "one");
    }
    *field = "external_id";
    if (given->value && rotator->kind == ROTUNDA_K4 && !given->external_id) {
        FAIL(INVALID, "required beside password: the issuer's id of this value, by which it is "
                      "ended later");
    }
    if (given->external_id && (!given->value || !kind_is_issued(rotator->kind))) {
        FAIL(INVALID, "only beside the password of a value that an issuer made");
    }
    return OK_STATUS;
}

struct status kind_check(const struct rotunda_rotator *rotator, const struct credential *c,
                         const struct kind_given *given, const char **field)
{
    *field = "accounts";
    if (c->account_count > 1 && rotator->kind > ROTUNDA_K2) {
        FAIL(INVALID, "a pair makes no sense for this rotator's kind (K3 to K6): give one account");
    }
    *field = "target";
    if (rotator->kind == ROTUNDA_K3 && rotator->generate == NULL) {
        FAIL(INVALID, "its rotator can't make key pairs");
    }
    if (rotator->kind == ROTUNDA_K4 &&
        (rotator->list_external == NULL || rotator->retire == NULL)) {
        FAIL(INVALID, "its rotator can't list and end what the issuer makes");
    }
    return check_value(rotator, given, field);
}

void kind_cap_due(struct credential *c, int64_t now_us, int64_t valid_until_us)
{
    if (valid_until_us == 0 || valid_until_us == CLOCK_NEVER) {
        return;
    }
    uint32_t random; // as in credential_spread_us()
    memcpy(&random, c->id.octets + sizeof c->id.octets - sizeof random, sizeof random);
    int64_t life_us = valid_until_us > now_us ? valid_until_us - now_us : 0;
    int64_t early_us = life_us / SPREAD / 1000 * (int64_t)(random % 1000);
    int64_t two_thirds_us = now_us + life_us / 3 * 2 - early_us;
    if (two_thirds_us < c->next_rotation_us) {
        c->next_rotation_us = two_thirds_us;
        c->moved_from_us = 0;
        c->moved_by = STR("");
    }
}

int64_t kind_served_until_us(const struct credential *c, int64_t now_us, int64_t valid_until_us)
{
    int64_t kept_s = credential_retires_by_use(c) ? c->retire_max_s : c->grace_s;
    int64_t until_us = now_us + kept_s * CLOCK_SECOND;
    bool ends = valid_until_us != 0 && valid_until_us < until_us;
    return ends ? valid_until_us : until_us;
}
