// SPDX-License-Identifier: ISC
// One API call of a command: sends it, reads the JSON answer, and turns a refusal into words.
#pragma once

#include "api/cli/cli.h"
#include "vault/base/json.h"

struct cli_answer {
    struct cli_response response;
    struct json_value json; // JSON_NONE when the answer has no body; borrows from `response`
    const char *method;     // of the request, for messages
    struct str path;
};

void cli_answer_done(struct cli_answer *answer); // for CLEANUP; zeroed is fine

// Asks, whatever the HTTP status. UPSTREAM, explained, for no answer or one that isn't JSON.
struct status cli_ask(struct cli *c, const struct cli_request *request, struct cli_answer *out);
// UPSTREAM with the server's own lines when it refused; passes its warnings on to standard error.
struct status cli_check(struct cli *c, const struct cli_answer *answer);
// Both.
struct status cli_call(struct cli *c, const struct cli_request *request, struct cli_answer *out);

// The usual calls. `body` is a whole JSON document.
struct status cli_get(struct cli *c, struct str path, struct cli_answer *out);
struct status cli_list(struct cli *c, struct str path, struct cli_answer *out);
struct status cli_post(struct cli *c, struct str path, struct str body, struct cli_answer *out);
struct status cli_put(struct cli *c, struct str path, struct str body, struct cli_answer *out);
struct status cli_delete(struct cli *c, struct str path, struct cli_answer *out);

// A path as users write it: without blanks and slashes at its ends. INVALID, explained, when
// nothing is left.
struct status cli_operand_path(struct cli *c, size_t index, struct str *out);
// `format` into the arena, for paths put together from names.
#define cli_path(c, out, ...) arena_printf((c)->arena, (out), __VA_ARGS__)
