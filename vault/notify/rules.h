// SPDX-License-Identifier: ISC
// What may be said about where notices go. Everything here is plain text work: no look-up, no
// network. Addresses that a name leads to are judged when they are connected to.
#pragma once

#include <netinet/in.h>

#include "vault/base/bytes.h"

enum { RULES_URL_BYTES = 2048, RULES_HOST_BYTES = 253, RULES_MAIL_BYTES = 254 };

// NULL when a webhook may go there, else what is wrong: https, or http to this machine; no user,
// no fragment, nothing that isn't visible ASCII.
const char *rules_check_url(struct str url);
bool rules_is_http(struct str url); // without TLS

// A host name or an IP address, IPv6 without brackets.
bool rules_is_host(struct str host);
// "localhost" or an address of the loopback.
bool rules_is_loopback_host(struct str host);
// One plain mail address, safe to stand in a header and an SMTP command.
bool rules_is_mail(struct str address);
// Letters, digits, dots, dashes, underscores and *, at least one, at most NAME_BYTES.
bool rules_is_pattern(struct str pattern);
bool rules_pattern_matches(struct str pattern, struct str name); // * is any number of characters

// May be connected to? Not what is link-local (cloud metadata lives there) or unspecified,
// whichever way it is written; only the loopback when `loopback_only`.
bool rules_may_connect(const struct sockaddr *address, bool loopback_only);
