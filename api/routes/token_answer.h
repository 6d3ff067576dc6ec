// SPDX-License-Identifier: ISC
// How tokens look in answers.
#pragma once

#include "api/routes/answer.h"
#include "vault/identity/token_grant.h"

struct token_auth {
    const struct token *token;
    struct str client_token; // sensitive; empty when the client named it by accessor
    int64_t lease_duration_s;
    struct str warnings; // JSON array; empty for none
};
// The `auth` of the envelope, as logins answer it too.
struct status token_answer_auth(const struct operation *op, struct http_response *res,
                                const struct token_auth *auth);

// The `data` of a look-up. `id` is empty unless the client knows it already; `uses_left` is what
// remains after this request.
struct token_view {
    const struct token *token;
    struct str id; // sensitive
    int64_t uses_left;
};
struct status token_answer_view(const struct operation *op, struct http_response *res,
                                const struct token_view *view);

// Warnings of a create, for token_auth: policies that don't exist, terms that were cut.
struct status token_answer_warnings(const struct operation *op, const struct token *t,
                                    const struct token_grant_notes *notes, struct str *out);
