// SPDX-License-Identifier: ISC
// What no single key of the configuration can tell.
#include <string.h>

#include "vault/base/config_keys.h"

static bool is_host_and_port(struct str address)
{
    int64_t port = 0;
    const char *colon = address.len == 0 ? NULL : memrchr(address.ptr, ':', address.len);
    return colon != NULL && colon > address.ptr &&
           status_ok(str_parse_int(str_skip(address, (size_t)(colon + 1 - address.ptr)), &port)) &&
           port >= 0 && port <= 65535;
}

static struct status check_address(const struct config_listener *l, const char *place,
                                   struct config_problem *why)
{
    bool good = true;
    const char *expected = "";
    switch (l->kind) {
    case CONFIG_LISTENER_TCP:
        good = is_host_and_port(l->address);
        expected = "host:port, for instance \"0.0.0.0:8200\"";
        break;
    case CONFIG_LISTENER_UNIX:
        good = l->address.len > 0 && l->address.ptr[0] == '/';
        expected = "the absolute path of a socket";
        break;
    case CONFIG_LISTENER_SYSTEMD:
        break;
    }
    return good ? OK_STATUS : config_explain(why, "%s: address: expected %s", place, expected);
}

// Nothing that is sent there leaves the machine.
static bool stays_here(const struct config_listener *l)
{
    return l->kind == CONFIG_LISTENER_UNIX || str_starts_with(l->address, STR("127.")) ||
           str_starts_with(l->address, STR("[::1]:")) ||
           str_starts_with(l->address, STR("localhost:"));
}

struct status config_check_listener(const struct config_listener *l, const char *place,
                                    struct config_problem *why)
{
    bool certificate = l->tls_cert_file.len > 0;
    TRY(check_address(l, place, why));
    if (certificate != (l->tls_key_file.len > 0)) {
        return config_explain(why, "%s: expected tls_cert_file and tls_key_file together", place);
    }
    if (certificate && l->allow_plain) {
        return config_explain(why, "%s: expected either TLS or allow_plain, not both", place);
    }
    if (!certificate && !l->allow_plain && !stays_here(l)) {
        return config_explain(why,
                              "%s: expected tls_cert_file and tls_key_file, or allow_plain = true "
                              "where something else encrypts",
                              place);
    }
    return OK_STATUS;
}

// The same letters as in the name of a rotator that is linked in.
static bool is_rotator_name(struct str name)
{
    bool good = name.len > 0 && name.len <= 63 && name.ptr[0] >= 'a' && name.ptr[0] <= 'z';
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return good;
}

struct status config_check_rotator(const struct config_rotation *r, const char *place,
                                   struct config_problem *why)
{
    const struct config_rotator *last = &r->rotators[r->rotator_count - 1];
    if (!is_rotator_name(last->name)) {
        return config_explain(why,
                              "%s: expected a name of at most 63 lower-case letters, digits "
                              "and hyphens, a letter first",
                              place);
    }
    for (size_t i = 0; i + 1 < r->rotator_count; i++) {
        if (str_equal(r->rotators[i].name, last->name)) {
            return config_explain(why, "%s: given twice", place);
        }
    }
    return (last->program.len > 0) != (last->module.len > 0)
               ? OK_STATUS
               : config_explain(why, "%s: expected either program or module", place);
}

static bool contains(struct str s, const char *word)
{
    return s.len > 0 && memmem(s.ptr, s.len, word, strlen(word)) != NULL;
}

// scheme://user:password@host:port/...: what stands between the slashes.
static struct str uri_authority(struct str uri)
{
    struct str head;
    struct str rest;
    struct str authority;
    if (!str_split(uri, '/', &head, &rest) || !str_starts_with(rest, STR("/"))) {
        return (struct str){NULL, 0};
    }
    str_split(str_skip(rest, 1), '/', &authority, &rest);
    str_split(authority, '?', &authority, &rest);
    return authority;
}

static struct status check_uri(struct str uri, const char *name, struct config_problem *why)
{
    struct str authority = uri_authority(uri);
    struct str user;
    struct str host;
    if (!str_starts_with(uri, STR("postgresql://")) && !str_starts_with(uri, STR("postgres://"))) {
        return config_explain(why, "%s: database.uri: expected postgresql://...", name);
    }
    bool has_user = str_split(authority, '@', &user, &host);
    if (contains(uri, "password") || (has_user && contains(user, ":"))) {
        // It would be in every backup of the configuration.
        return config_explain(why,
                              "%s: database.uri: expected no password in it: use password_file or "
                              "password_credential",
                              name);
    }
    if (!config_host_is_local(has_user ? host : authority) && !contains(uri, "sslmode=")) {
        return config_explain(why,
                              "%s: database.uri: expected ?sslmode=verify-full, or another sslmode "
                              "chosen knowingly, for a host on a network",
                              name);
    }
    return OK_STATUS;
}

static struct status check_database(const struct config_database *d, const char *name,
                                    struct config_problem *why)
{
    bool parts = d->host.len > 0 || d->name.len > 0 || d->user.len > 0;
    if (d->uri.len == 0 && !parts) {
        return config_explain(why,
                              "%s: database: expected a block with uri, or with host, name "
                              "and user",
                              name);
    }
    if (d->uri.len > 0 && parts) {
        return config_explain(why, "%s: database: expected either uri or host, name and user",
                              name);
    }
    if (d->uri.len > 0) {
        TRY(check_uri(d->uri, name, why));
    }
    if (d->password_file.len > 0 && d->password_credential.len > 0) {
        return config_explain(why,
                              "%s: database: expected either password_file or "
                              "password_credential",
                              name);
    }
    if (contains(d->password_credential, "/")) {
        return config_explain(why, "%s: database.password_credential: expected a name without '/'",
                              name);
    }
    return OK_STATUS;
}

static struct status check_times(const struct config *c, const char *name,
                                 struct config_problem *why)
{
    enum { WEEK_S = 7 * 24 * 3600 };
    if (c->default_lease_ttl_s > c->max_lease_ttl_s) {
        return config_explain(why,
                              "%s: default_lease_ttl: expected no more than max_lease_ttl (%lld s)",
                              name, (long long)c->max_lease_ttl_s);
    }
    if (c->audit.retention_s != 0 && c->audit.retention_s < WEEK_S) {
        return config_explain(why, "%s: audit.retention_s: expected 0 or at least 7 days", name);
    }
    return OK_STATUS;
}

struct status config_check_whole(const struct config *c, const char *name,
                                 struct config_problem *why)
{
    if (c->listener_count == 0) {
        return config_explain(why, "%s: listener: expected at least one block: %s", name,
                              config_sections[CONFIG_SECTION_LISTENER].example);
    }
    if (c->seal.kind == CONFIG_SEAL_NONE) {
        return config_explain(why,
                              "%s: seal: expected a block, seal \"static\" { key_file = ... } "
                              "or seal \"shamir\" {}",
                              name);
    }
    TRY(check_database(&c->database, name, why));
    return check_times(c, name, why);
}
