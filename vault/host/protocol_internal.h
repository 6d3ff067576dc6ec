// SPDX-License-Identifier: ISC
// Shared by protocol_request.c, protocol_reply.c and protocol_hello.c.
#pragma once

#include "vault/base/json.h"
#include "vault/base/json_writer.h"
#include "vault/host/protocol.h"

struct protocol_names {
    const char *const *items; // indexed by the enum; an empty one is no value
    size_t count;
};

extern const struct protocol_names protocol_ops;
extern const struct protocol_names protocol_results;
extern const struct protocol_names protocol_errors;
extern const struct protocol_names protocol_checks;
extern const struct protocol_names protocol_kinds;

struct str protocol_name(const struct protocol_names *names, size_t value);
struct status protocol_read_name(const struct protocol_names *names, struct json_value value,
                                 size_t *out);

struct status protocol_parse_line(struct str line, struct arena *arena, struct json_value *out);
// Absent members give the empty text and 0.
struct status protocol_read_text(struct json_value object, const char *key, struct str *out);
struct status protocol_read_int(struct json_value object, const char *key, int64_t *out);

// Ends the line that `w` wrote into `line` and appends it to `out`.
struct status protocol_finish_line(struct json_writer *w, struct buffer *line, struct buffer *out);

void protocol_add_hello(struct json_writer *w, const struct protocol_hello *hello);
// INVALID, NOMEM.
struct status protocol_read_hello(struct json_value root, struct arena *arena,
                                  struct protocol_hello *out);
