// SPDX-License-Identifier: ISC
// Who has read which value of a credential, as far as its retirement wants to know: who still reads
// the one that was replaced, and where `retire` is use also who read it while it was current. Rows
// of rotation_read; they decide when a value ends, never who may read one, and stand under no MAC.
#pragma once

#include "vault/rotation/creds.h"

// Notes that the caller has read the value. Not an effect of the request: what it did stands in its
// audit record. Reads of a current value are noted only where `retire` is use, once a minute for
// each worker, version and token; the first before the answer leaves. UNAVAILABLE.
struct status readers_note(struct operation *op, bool previous, const struct creds *creds);
void readers_free(struct worker *w); // when the worker has ended

// As the condition of a row r of rotation_read for the previous version of c, a row of
// rotation_credential: it is waited for. Who has read the current value since doesn't count. The
// others do for as long as `retire_quiet` says; and who got the value while it was current, and can
// come back for the next one because its token lives, does until then.
#define READERS_HOLD                                                                               \
    "r.credential_id = c.id AND r.version = c.previous_version AND NOT EXISTS (SELECT 1 FROM "     \
    "rotation_read n WHERE n.credential_id = c.id AND n.version = c.current_version "              \
    "AND n.accessor = r.accessor AND n.last_read_at >= r.last_read_at) "                           \
    "AND (r.last_read_at > clock_timestamp() - c.retire_quiet_s * interval '1 second' "            \
    "OR (r.held AND EXISTS (SELECT 1 FROM token t WHERE "                                          \
    "t.accessor = r.accessor AND t.expires_at > clock_timestamp())))"
