// SPDX-License-Identifier: ISC
// What can be set of a mount, and how mounts are shown: shared by sys/mounts, sys/auth and
// sys/internal/ui/mounts. It is kept in the mount row's config, beside members that belong to the
// engine.
#pragma once

#include "api/routes/answer.h"

struct sys_mounts_config {
    int64_t default_lease_ttl_s; // 0: the server's
    int64_t max_lease_ttl_s;     // 0: the server's
    bool hidden;                 // not listed by sys/internal/ui/mounts
};

// INTEGRITY, NOMEM.
struct status sys_mounts_config_read(const struct mount *m, struct arena *arena,
                                     struct sys_mounts_config *out);
// Changes `config` as the parameters say; what isn't among them stays. INVALID, explained, also for
// settings that would have no effect here.
struct status sys_mounts_config_change(const struct operation *op, struct http_response *res,
                                       struct json_value parameters,
                                       struct sys_mounts_config *config);
// The row's new config: `stored` with these settings. NOMEM, TOO_LARGE, INTEGRITY.
struct status sys_mounts_config_write(struct str stored, const struct sys_mounts_config *config,
                                      struct arena *arena, struct str *out);

// The members of a mount's description, without braces around them.
struct status sys_mounts_put(struct json_writer *w, const struct mount *m, struct arena *arena);
// What sys/mounts/<path>/tune shows: one object, with the server's own times where none are set.
struct status sys_mounts_put_tuning(struct json_writer *w, const struct mount *m,
                                    const struct operation *op);
