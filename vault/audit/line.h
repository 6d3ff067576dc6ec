// SPDX-License-Identifier: ISC
// Items as lines of JSON: the format of exports, of file sinks and of the checkpoint file. One
// object per line, which says its `type`; times are RFC 3339, octets hexadecimal. Reading gives
// back exactly what was written, so that hashes and signatures can be checked.
#pragma once

#include "vault/audit/verifier.h"
#include "vault/audit/walk.h"
#include "vault/base/arena.h"
#include "vault/base/buffer.h"
#include "vault/base/limits.h"

enum { AUDIT_LINE_MAX = LIMIT_AUDIT_LINE_BYTES };

// The first line of an export: what of the log it holds.
struct audit_export_header {
    int64_t exported_us;
    int64_t from_us; // as in audit_filter
    int64_t to_us;
    bool filtered; // records were picked: can't be verified
};

// Appends a line with its end. Failures show in buffer_status().
void audit_line_put(struct buffer *out, const struct audit_item *item);
void audit_line_put_header(struct buffer *out, const struct audit_export_header *h);
// The last line: the export is whole.
void audit_line_put_end(struct buffer *out, int64_t lines);
// A checkpoint with what it says of the chains, in one line.
void audit_line_put_witness(struct buffer *out, const struct audit_witness *w);

enum audit_line_kind { AUDIT_LINE_HEADER, AUDIT_LINE_ITEM, AUDIT_LINE_END };

struct audit_line {
    enum audit_line_kind kind;
    struct audit_export_header header;
    struct audit_item item;
    int64_t lines; // of the end
};
// `text` is without its end; slices lead into it and the arena. INVALID, NOMEM.
struct status audit_line_parse(struct str text, struct arena *arena, struct audit_line *out);
struct status audit_line_parse_witness(struct str text, struct arena *arena,
                                       struct audit_witness *out);
