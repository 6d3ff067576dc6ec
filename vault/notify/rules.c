// SPDX-License-Identifier: ISC
#include "vault/notify/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "vault/rotation/name.h"

enum { MAIL_LOCAL_BYTES = 64, PORT_MAX = 65535 };

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool has_any(struct str s, const char *octets)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr(octets, s.ptr[i]) != NULL) {
            return true;
        }
    }
    return false;
}

// ---- hosts

static bool parse_address(struct str host, int family, void *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof text) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    return strlen(text) == host.len && inet_pton(family, text, out) == 1;
}

static bool is_name(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!is_alphanumeric(host.ptr[i]) && host.ptr[i] != '-' && host.ptr[i] != '.') {
            return false;
        }
    }
    return is_alphanumeric(host.ptr[0]) && is_alphanumeric(host.ptr[host.len - 1]);
}

bool rules_is_host(struct str host)
{
    struct in6_addr v6;
    if (host.len == 0 || host.len > RULES_HOST_BYTES) {
        return false;
    }
    return parse_address(host, AF_INET6, &v6) || is_name(host);
}

static bool is_loopback(const struct in6_addr *a)
{
    return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

bool rules_is_loopback_host(struct str host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (parse_address(host, AF_INET, &v4)) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return parse_address(host, AF_INET6, &v6) ? is_loopback(&v6)
                                              : str_equal_nocase(host, STR("localhost"));
}

// ---- URLs

bool rules_is_http(struct str url)
{
    return str_equal_nocase(str_first(url, 7), STR("http://"));
}

static bool port_is_fine(struct str port)
{
    int64_t number;
    return status_ok(str_parse_int(port, &number)) && number >= 1 && number <= PORT_MAX;
}

// host, host:port, [v6], [v6]:port
static bool split_authority(struct str authority, struct str *host)
{
    struct str port;
    if (!str_starts_with(authority, STR("["))) {
        bool with_port = str_split(authority, ':', host, &port);
        return (!with_port || port_is_fine(port)) && rules_is_host(*host);
    }
    struct in6_addr v6;
    if (!str_split(str_skip(authority, 1), ']', host, &port)) {
        return false;
    }
    bool with_port = str_starts_with(port, STR(":"));
    return parse_address(*host, AF_INET6, &v6) &&
           (with_port ? port_is_fine(str_skip(port, 1)) : port.len == 0);
}

static struct str authority_of(struct str url)
{
    struct str rest = str_skip(url, rules_is_http(url) ? 7 : 8);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?') {
        len++;
    }
    return str_first(rest, len);
}

const char *rules_check_url(struct str url)
{
    struct str host;
    if (url.len == 0 || url.len > RULES_URL_BYTES) {
        return "required: an https URL of at most 2048 octets";
    }
    if (!all_visible(url) || has_any(url, "\\\"<>^`{|}")) {
        return "an URL is visible ASCII: percent-encode what isn't";
    }
    if (!rules_is_http(url) && !str_equal_nocase(str_first(url, 8), STR("https://"))) {
        return "expected https://host[:port]/path";
    }
    if (has_any(url, "#") || has_any(authority_of(url), "@")) {
        return "neither user nor fragment may be in it";
    }
    if (!split_authority(authority_of(url), &host)) {
        return "expected https://host[:port]/path";
    }
    if (rules_is_http(url) && !rules_is_loopback_host(host)) {
        return "http is for this machine only: use https";
    }
    return NULL;
}

// ---- mail addresses

static bool is_local_part(struct str s)
{
    static const char others[] = ".!#$%&'*+/=?^_`{|}~-";
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alphanumeric(s.ptr[i]) && (s.ptr[i] == 0 || strchr(others, s.ptr[i]) == NULL)) {
            return false;
        }
    }
    return s.len > 0 && s.len <= MAIL_LOCAL_BYTES;
}

bool rules_is_mail(struct str address)
{
    struct str local;
    struct str domain;
    return address.len <= RULES_MAIL_BYTES && str_split(address, '@', &local, &domain) &&
           is_local_part(local) && domain.len > 0 && is_name(domain);
}

// ---- patterns

bool rules_is_pattern(struct str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (!is_alphanumeric(c) && (c == 0 || strchr(".-_*", c) == NULL)) {
            return false;
        }
    }
    return pattern.len > 0 && pattern.len <= NAME_BYTES;
}

bool rules_pattern_matches(struct str pattern, struct str name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX; // the last one, and what it has taken up to
    size_t taken = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

// ---- addresses

static bool may_connect_v4(const uint8_t a[4], bool loopback_only)
{
    static const uint8_t alibaba_metadata[4] = {100, 100, 100, 200};
    if (loopback_only) {
        return a[0] == 127;
    }
    return a[0] != 0 && !(a[0] == 169 && a[1] == 254) &&
           !bytes_equal((struct bytes){a, 4}, BYTES_OF(alibaba_metadata));
}

static bool may_connect_v6(const struct in6_addr *a, bool loopback_only)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t aws_metadata[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
    const uint8_t *octets = a->s6_addr;
    if (IN6_IS_ADDR_LOOPBACK(a)) {
        return true;
    }
    if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) ||
        bytes_equal((struct bytes){octets, sizeof nat64}, BYTES_OF(nat64))) {
        return may_connect_v4(octets + 12, loopback_only);
    }
    return !loopback_only && !IN6_IS_ADDR_LINKLOCAL(a) && !IN6_IS_ADDR_UNSPECIFIED(a) &&
           !bytes_equal((struct bytes){octets, 16}, BYTES_OF(aws_metadata));
}

bool rules_may_connect(const struct sockaddr *address, bool loopback_only)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        uint8_t octets[4];
        memcpy(&v4, address, sizeof v4);
        memcpy(octets, &v4.sin_addr, sizeof octets);
        return may_connect_v4(octets, loopback_only);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return may_connect_v6(&v6.sin6_addr, loopback_only);
    }
    return false;
}
