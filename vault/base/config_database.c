// SPDX-License-Identifier: ISC
// How to reach the database, from the configuration.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/config_keys.h"
#include "vault/base/limits.h"

// Quoted as libpq reads it: backslash before quotes and backslashes.
static void add_part(struct buffer *out, const char *key, struct str value)
{
    if (value.len == 0) {
        return;
    }
    buffer_append_c(out, out->len > 0 ? " " : "");
    buffer_append_c(out, key);
    buffer_append_c(out, "='");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'' || value.ptr[i] == '\\') {
            buffer_append_byte(out, '\\');
        }
        buffer_append_byte(out, (uint8_t)value.ptr[i]);
    }
    buffer_append_byte(out, '\'');
}

bool config_host_is_local(struct str host)
{
    static const char *const prefixes[] = {"/", "%2F", "%2f", "127.", "localhost", "::1", "[::1]"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (str_starts_with(host, str_from_c(prefixes[i]))) {
            return true;
        }
    }
    return host.len == 0;
}

// Over a network the server's certificate is checked unless the operator says otherwise: libpq's
// own default would let anybody on the way pose as a server that knows no TLS.
static struct str choose_sslmode(const struct config_database *d)
{
    bool as_given = d->sslmode.len > 0 || config_host_is_local(d->host);
    return as_given ? d->sslmode : STR("verify-full");
}

struct status config_database_conninfo(const struct config_database *d, struct buffer *out)
{
    if (d->uri.len > 0) {
        buffer_append_str(out, d->uri);
        return buffer_status(out);
    }
    char port[24];
    snprintf(port, sizeof port, "%lld", (long long)d->port);
    add_part(out, "host", d->host);
    add_part(out, "port", str_from_c(port));
    add_part(out, "dbname", d->name);
    add_part(out, "user", d->user);
    add_part(out, "sslmode", choose_sslmode(d));
    add_part(out, "sslrootcert", d->sslrootcert);
    return buffer_status(out);
}

static struct status read_credential(struct str name, struct config_problem *why,
                                     struct secret **out)
{
    char path[LIMIT_PATH_BYTES];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL) {
        return config_explain(why,
                              "database.password_credential: systemd passes no credentials: "
                              "LoadCredential=%.*s:FILE is missing in the unit",
                              STR_ARG(name));
    }
    int len = snprintf(path, sizeof path, "%s/%.*s", folder, STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof path) {
        return config_explain(why, "database.password_credential: the name is too long");
    }
    return config_read_secret_file(str_from_c(path), why, out);
}

struct status config_database_password(const struct config_database *d, struct config_problem *why,
                                       struct secret **out)
{
    struct secret *password = NULL;
    if (d->password_credential.len > 0) {
        TRY(read_credential(d->password_credential, why, &password));
    } else if (d->password_file.len > 0) {
        TRY(config_read_secret_file(d->password_file, why, &password));
    }
    struct bytes text = secret_view(password);
    size_t len = text.len;
    while (len > 0 && (text.ptr[len - 1] == '\n' || text.ptr[len - 1] == '\r')) {
        len--;
    }
    if (password != NULL) {
        secret_truncate(password, len);
    }
    *out = password;
    return OK_STATUS;
}
