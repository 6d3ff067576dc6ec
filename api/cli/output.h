// SPDX-License-Identifier: ISC
// Printing answers: as a table for people, as JSON for programs (-format json), or one field alone
// (-field). Everything goes to c->out. Control characters never reach a terminal raw, except in a
// single field, which is printed as it is.
#pragma once

#include "api/cli/call.h"

void cli_buffer_done(struct buffer *b); // for CLEANUP

// Text with control characters other than newline and tab shown as \u00XX.
void cli_append_visible(struct buffer *into, struct str text);
// A value as a cell: strings as they are, null as n/a, arrays and objects as JSON. Arena-allocated
// text is borrowed.
struct str cli_value_text(struct json_value v);

// A sentence for people; silent with -format json or -field.
void cli_say(struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A document, indented, and a newline.
void cli_print_json(struct cli *c, struct json_value v);
// A value that -field asked for.
void cli_print_field(struct cli *c, struct json_value v);

// The answer of a read or write: lease, auth, wrapping and data. Obeys -format and -field. INVALID,
// explained, when the field isn't there. An answer without a body prints nothing.
struct status cli_print_answer(struct cli *c, const struct cli_answer *answer);
// An object: one row for each member.
struct status cli_print_object(struct cli *c, struct json_value object);
// The keys of a LIST answer.
struct status cli_print_keys(struct cli *c, const struct cli_answer *answer);
// The list of objects in `data` (the first member that is an array): a row for each, a column for
// each name in `columns` (ended by NULL). As JSON: the whole answer.
struct status cli_print_records(struct cli *c, const struct cli_answer *answer,
                                const char *const *columns);
