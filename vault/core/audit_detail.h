// SPDX-License-Identifier: ISC
// What an audit record says about a request's parameters without giving them away: texts as HMACs
// (vault/crypto/audit_hmac.h), keyed by their field; what could be guessed (short texts, numbers,
// booleans) masked. Names of fields are shown, and so is what the handler noted (operation.h).
#pragma once

#include "vault/core/operation.h"

// A JSON object in the operation's arena. SEALED, NOMEM.
struct status audit_detail(const struct operation *op, struct str *out);
