// SPDX-License-Identifier: ISC
// The HTTP client: one server, one token, one request at a time. The only user of libcurl in api/.
// Certificates are always verified, redirects are never followed (the token would travel along),
// and libcurl's own allocations are wiped when they are freed.
#pragma once

#include "api/cli/problem.h"
#include "vault/base/buffer.h"
#include "vault/base/secret.h"

struct cli_client;

struct cli_client_options {
    struct str address; // https://host:port, http://host:port or unix:/path
    struct str ca_cert; // the rest may be empty
    struct str client_cert;
    struct str client_key;
    struct str namespace;
    struct str wrap_ttl;
    int64_t timeout_s;
    const struct secret *token; // copied; NULL for none
};

struct cli_request {
    const char *method;       // "GET", "POST", "PUT", "PATCH", "DELETE"
    struct str path;          // below /v1/, not encoded
    struct str query;         // encoded, without the question mark; may be empty
    struct str body;          // JSON; a NULL ptr sends none
    const char *content_type; // NULL: application/json
    // When set, the body of a 200 goes here in pieces instead of into the response, and the
    // timeout is for each silence rather than for the whole answer.
    struct status (*sink)(void *context, struct bytes piece);
    void *sink_context;
};

struct cli_response {
    long code;          // HTTP status
    struct buffer body; // wiped by cli_response_done(); empty for 204
};

// Once per process, before any client.
struct status cli_client_system_init(void);

void cli_client_free(struct cli_client *client);
// NOMEM. Nothing is sent yet.
struct status cli_client_open(const struct cli_client_options *options, struct cli_client **out);

// True for a unix socket and for a loopback address: what is sent there stays on this machine.
bool cli_address_is_local(struct str address);
// True when a token would travel without encryption to another machine.
bool cli_client_is_exposed(const struct cli_client *client);

// OK for every HTTP status; the caller looks at the code. UPSTREAM, explained, when the server
// could not be reached, trusted or understood.
struct status cli_client_send(struct cli_client *client, const struct cli_request *request,
                              struct cli_problem *why, struct cli_response *out);
void cli_response_done(struct cli_response *response); // for CLEANUP; zeroed is fine
