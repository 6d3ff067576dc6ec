// SPDX-License-Identifier: ISC
// The JSON body that a command's operands describe:
//     key=value     a string
//     key=@file     the file's contents, exactly
//     key=-         standard input, exactly (once)
//     key=\@value   a string that begins with @
//     @file.json    the members of the JSON object in the file
//     -             the members of the JSON object on standard input
// Values are never part of an error message.
#pragma once

#include "api/cli/cli.h"
#include "vault/base/json_writer.h"

// Operands from `first` on as one JSON object appended to `out`, which is wiped by its owner.
// INVALID, explained: no '=', a key twice, a value that isn't UTF-8 text, an unreadable file.
struct status cli_body_read(struct cli *c, size_t first, struct buffer *out);

// key=value strings given with a repeatable flag, as the member `key` of an open object; nothing
// when the flag wasn't given.
struct status cli_body_add_map(struct cli *c, struct json_writer *w, const char *key,
                               const char *flag);
// The values of a repeatable flag as an array of strings.
void cli_body_add_list(struct cli *c, struct json_writer *w, const char *key, const char *flag);
// The flag's text as a string member; nothing when it wasn't given.
void cli_body_add_text(struct cli *c, struct json_writer *w, const char *key, const char *flag);
void cli_body_add_count(struct cli *c, struct json_writer *w, const char *key, const char *flag);
