// SPDX-License-Identifier: ISC
// The operations of this rotator, one file each; see rotunda/rotator.h for their contracts and the
// README for the statements that they send.
#pragma once

#include "rotunda/rotator.h"

enum rotunda_error postgresql_plan(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error postgresql_check(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply postgresql_apply(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply postgresql_revoke(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_probe postgresql_probe(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error postgresql_sessions(const struct rotunda_call *call,
                                       struct rotunda_reply *reply);
