// SPDX-License-Identifier: ISC
// Certificate and key of a listener, replaceable while it serves (the only user of GnuTLS beside
// libmicrohttpd).
#pragma once

#include <gnutls/abstract.h>

#include "vault/base/macros.h"
#include "vault/base/status.h"

struct http_tls;
struct http_credentials;

// TLS 1.2 and 1.3, GnuTLS's normal ciphers.
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

void http_tls_free(struct http_tls *t);
// INVALID with what is wrong with the files, NOMEM.
struct status http_tls_new(const char *cert_file, const char *key_file, struct http_tls **out);
// Any thread. After a failure the old credentials stay.
struct status http_tls_reload(struct http_tls *t);
// When the first of the chain that is served now ends, in seconds since 1970. Any thread.
int64_t http_tls_expires_s(struct http_tls *t);

// The current credentials, held until given back: a handshake that began with them ends with them.
struct http_credentials *http_tls_hold(struct http_tls *t);
void http_credentials_release(struct http_credentials *c); // NULL is fine
void http_credentials_lend(struct http_credentials *c, gnutls_pcert_st **chain, unsigned *chain_len,
                           gnutls_privkey_t *key);
