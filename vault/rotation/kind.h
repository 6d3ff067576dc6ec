// SPDX-License-Identifier: ISC
// What a credential's kind (K1 to K6 of rotunda/rotator.h) means for how it is rotated. Pure.
#pragma once

#include "rotunda/rotator.h"
#include "vault/rotation/version.h"

// K4 to K6: the issuer makes the value, and shows it once.
bool kind_is_issued(int64_t kind);
// Values of one account that are valid side by side under this rotator; 1 where old and new don't
// overlap, or where two accounts take turns.
int64_t kind_slots(const struct rotunda_rotator *rotator, size_t account_count);

// What was said about a new credential, beside its accounts.
struct kind_given {
    bool value;       // its present value comes with it
    bool external_id; // and the target's id for that
};
// Does it make sense for the rotator's kind? INVALID with the name of the field in `*field`.
struct status kind_check(const struct rotunda_rotator *rotator, const struct credential *c,
                         const struct kind_given *given, const char **field);

// A value that was made at `now_us` and ends at `valid_until_us` (0: never) is replaced at two
// thirds of its life, a little earlier for some than for others, always the same: whatever windows
// say, but no later than the schedule, which the credential's next date is from.
void kind_cap_due(struct credential *c, int64_t now_us, int64_t valid_until_us);
// Until when the value that is replaced at `now_us` is kept: its grace, or its longest grace where
// it is retired by use; and no longer than it is valid.
int64_t kind_served_until_us(const struct credential *c, int64_t now_us, int64_t valid_until_us);
