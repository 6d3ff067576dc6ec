// SPDX-License-Identifier: ISC
#include "api/routes/database_url.h"

enum { PORT_MAX = 65535 };

static const char placeholders[] = "{{username}}:{{password}}";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct status decode(struct str text, struct arena *arena, struct str *out)
{
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (decoded == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                FAIL(INVALID, "a % must be followed by two hexadecimal digits");
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 0x7f) {
            FAIL(INVALID, "control characters don't belong in it");
        }
        decoded[len++] = c;
    }
    *out = (struct str){decoded, len};
    if (!str_is_text(*out)) {
        FAIL(INVALID, "it isn't UTF-8");
    }
    return OK_STATUS;
}

// ---- in front of the path

static struct status cut_scheme(struct str url, struct str *rest)
{
    const struct str schemes[] = {STR("postgresql://"), STR("postgres://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (str_starts_with(url, schemes[i])) {
            *rest = str_skip(url, schemes[i].len);
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "expected postgresql://{{username}}:{{password}}@host:port/database");
}

// Whoever reads the configuration sees the URL: nothing secret may stand in it.
static struct status cut_user(struct str authority, struct str *rest)
{
    struct str user;
    if (!str_split(authority, '@', &user, rest) || !str_equal_c(user, placeholders)) {
        FAIL(INVALID, "write {{username}}:{{password}}@ in front of the host, and give both as "
                      "fields of their own: the URL is shown to whoever reads the connection");
    }
    return OK_STATUS;
}

static struct status check_port(struct str port)
{
    int64_t number;
    if (!status_ok(str_parse_int(port, &number)) || number < 1 || number > PORT_MAX) {
        FAIL(INVALID, "the port is a number from 1 to 65535");
    }
    return OK_STATUS;
}

// name, name:port, [2001:db8::1]:port
static struct status read_host(struct str place, struct arena *arena, struct database_url *u)
{
    struct str host = place;
    struct str rest = {0};
    bool bracketed = place.len > 0 && place.ptr[0] == '[';
    if (bracketed && !str_split(str_skip(place, 1), ']', &host, &rest)) {
        FAIL(INVALID, "the bracket around the address isn't closed");
    }
    if (bracketed && rest.len > 0 && rest.ptr[0] != ':') {
        FAIL(INVALID, "expected a port behind the address");
    }
    bool has_port = bracketed ? rest.len > 0 : str_split(place, ':', &host, &rest);
    struct str port = bracketed ? str_skip(rest, rest.len > 0 ? 1 : 0) : rest;
    if (has_port && port.len > 0) {
        TRY(check_port(port));
        u->port = port;
    }
    return decode(host, arena, &u->host);
}

static struct status refuse_lists(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == ',') {
            FAIL(INVALID, "name one server, the primary: make a connection for each");
        }
    }
    return OK_STATUS;
}

// ---- the query

struct query {
    struct database_url *url;
    struct arena *arena;
    struct str sslmode;
};

static struct status set_once(struct str *slot, struct str value)
{
    if (slot->len > 0) {
        FAIL(INVALID, "it is given twice");
    }
    if (value.len == 0) {
        FAIL(INVALID, "it has no value: leave it out");
    }
    *slot = value;
    return OK_STATUS;
}

static struct status set_ca_file(struct query *q, struct str value)
{
    if (str_equal_c(value, "system")) {
        return OK_STATUS; // what is trusted unless a file is named
    }
    if (value.len == 0 || value.ptr[0] != '/') {
        FAIL(INVALID, "expected the absolute path of a file with certificates, on each of the "
                      "vault's nodes");
    }
    return set_once(&q->url->ca_file, value);
}

static struct status set_port(struct query *q, struct str value)
{
    TRY(check_port(value));
    return set_once(&q->url->port, value);
}

static struct status set_host(struct query *q, struct str value)
{
    return set_once(&q->url->host, value);
}

static struct status set_database(struct query *q, struct str value)
{
    return set_once(&q->url->database, value);
}

static struct status set_socket_owner(struct query *q, struct str value)
{
    return set_once(&q->url->socket_owner, value);
}

static struct status set_sslmode(struct query *q, struct str value)
{
    return set_once(&q->sslmode, value);
}

static struct status expect_primary(struct query *q, struct str value)
{
    (void)q;
    if (!str_equal_c(value, "primary") && !str_equal_c(value, "read-write") &&
        !str_equal_c(value, "any")) {
        FAIL(INVALID, "passwords can be changed on the primary only: leave it out");
    }
    return OK_STATUS;
}

static struct status expect_binding(struct query *q, struct str value)
{
    (void)q;
    if (!str_equal_c(value, "require") && !str_equal_c(value, "prefer")) {
        FAIL(INVALID, "the channel is always bound where there is TLS: leave it out");
    }
    return OK_STATUS;
}

static const struct {
    const char *name;
    struct status (*set)(struct query *q, struct str value);
} parameters[] = {
    {"sslmode", set_sslmode},
    {"sslrootcert", set_ca_file},
    {"host", set_host},
    {"port", set_port},
    {"dbname", set_database},
    {"requirepeer", set_socket_owner},
    {"target_session_attrs", expect_primary},
    {"channel_binding", expect_binding},
};

static struct status read_parameter(struct query *q, struct str name, struct str value)
{
    struct str decoded;
    TRY(decode(value, q->arena, &decoded));
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if (str_equal_c(name, parameters[i].name)) {
            return parameters[i].set(q, decoded);
        }
    }
    FAIL(INVALID, "this parameter isn't supported: leave it out");
}

static struct status read_query(struct query *q, struct str text, struct str *parameter)
{
    while (text.len > 0) {
        struct str pair;
        struct str value;
        str_split(text, '&', &pair, &text);
        str_split(pair, '=', parameter, &value);
        TRY(read_parameter(q, *parameter, value));
    }
    *parameter = STR("");
    return OK_STATUS;
}

// ---- what it comes to

static struct status check_transport(const struct query *q)
{
    struct str mode = q->sslmode;
    bool socket = q->url->host.len > 0 && q->url->host.ptr[0] == '/';
    if (q->url->host.len == 0) {
        FAIL(INVALID, "it names no host");
    }
    if (socket && (str_equal_c(mode, "disable") || str_equal_c(mode, "prefer"))) {
        return OK_STATUS;
    }
    if (socket && (mode.len > 0 || q->url->ca_file.len > 0)) {
        FAIL(INVALID, "there is no TLS on a unix socket: leave sslmode and sslrootcert out");
    }
    if (!socket && q->url->socket_owner.len > 0) {
        FAIL(INVALID, "requirepeer is about unix sockets: leave it out");
    }
    if (!socket && mode.len > 0 && !str_equal_c(mode, "verify-full")) {
        FAIL(INVALID, "over TCP the server's certificate and name are always verified: write "
                      "sslmode=verify-full, and sslrootcert=/path/to/ca.pem unless the system "
                      "trusts who signed it. A server of the same machine without TLS is reached "
                      "over its socket: @/database?host=/run/postgresql");
    }
    return OK_STATUS;
}

struct status database_url_parse(struct str url, struct arena *arena, struct database_url *out,
                                 struct str *parameter)
{
    struct database_url u = {0};
    struct query q = {.url = &u, .arena = arena};
    struct str rest;
    struct str query;
    struct str place;
    struct str path;
    struct str behind;
    *parameter = STR("");
    if (url.len > DATABASE_URL_BYTES) {
        FAIL(INVALID, "it is longer than 2048 octets");
    }
    if (str_split(url, '#', &rest, &behind)) {
        FAIL(INVALID, "a URL of a database has no #: write %23");
    }
    TRY(cut_scheme(url, &rest));
    str_split(rest, '?', &rest, &query);
    str_split(rest, '/', &place, &path);
    TRY(cut_user(place, &place));
    TRY(read_host(place, arena, &u));
    TRY(decode(path, arena, &u.database));
    TRY(read_query(&q, query, parameter));
    TRY(refuse_lists(u.host));
    TRY(check_transport(&q));
    *out = u;
    return OK_STATUS;
}
