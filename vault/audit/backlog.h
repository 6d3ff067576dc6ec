// SPDX-License-Identifier: ISC
// What is still to be done in the audit log. Blocking.
#pragma once

#include "vault/store/session.h"

struct audit_backlog {
    int64_t open_chains;     // of connections that stand, or of nodes that nobody has adopted yet
    int64_t pending_effects; // changes without a record for a minute
};
struct status audit_backlog_read(struct session *s, struct audit_backlog *out);
