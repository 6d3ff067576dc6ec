// SPDX-License-Identifier: ISC
#include "api/http/http_path.h"

#include <string.h>

#include "vault/base/limits.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char folded = (char)(c | 0x20);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

// Decodes percent encodings from `raw` into `out`, which has room for raw.len bytes.
static struct status percent_decode(struct str raw, bool plus_is_space, char *out, size_t *len)
{
    size_t written = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%') {
            int high = raw.len - i > 2 ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.ptr[i + 2]) : -1;
            if (low < 0) {
                FAIL(INVALID, "malformed percent encoding in the URL");
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[written++] = c;
    }
    if (!str_is_text((struct str){out, written})) {
        FAIL(INVALID, "the URL is not UTF-8, or holds a NUL");
    }
    *len = written;
    return OK_STATUS;
}

static struct status check_segment(struct str s)
{
    if (s.len == 0) {
        FAIL(INVALID, "empty segment (//) in the path");
    }
    if (str_equal(s, STR(".")) || str_equal(s, STR(".."))) {
        FAIL(INVALID, "dot segment in the path");
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '/') {
            FAIL(INVALID, "encoded slash in the path");
        }
        if (is_control(s.ptr[i])) {
            FAIL(INVALID, "control character in the path");
        }
    }
    return OK_STATUS;
}

static size_t count_byte(struct str s, char wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += s.ptr[i] == wanted;
    }
    return count;
}

// `raw` has neither the leading nor the trailing slash and isn't empty.
static struct status decode_segments(struct arena *a, struct str raw, struct http_path *out)
{
    size_t count = count_byte(raw, '/') + 1;
    if (count > HTTP_PATH_SEGMENTS) {
        FAIL(INVALID, "too many segments in the path");
    }
    struct str *segments = ARENA_ARRAY(a, struct str, count);
    char *text = arena_alloc(a, raw.len + 2); // a trailing slash, a NUL
    if (segments == NULL || text == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    struct str rest = raw;
    for (size_t i = 0; i < count; i++) {
        struct str part;
        str_split(rest, '/', &part, &rest);
        size_t len;
        TRY(percent_decode(part, false, text + used, &len));
        segments[i] = (struct str){text + used, len};
        TRY(check_segment(segments[i]));
        used += len;
        if (i + 1 < count || out->trailing_slash) {
            text[used++] = '/';
        }
    }
    out->text = (struct str){text, used};
    out->segments = segments;
    out->count = count;
    return OK_STATUS;
}

static struct status parse_path(struct arena *a, struct str raw, struct http_path *out)
{
    if (raw.len == 0 || raw.ptr[0] != '/') {
        FAIL(INVALID, "the URL must be a path that starts with a slash");
    }
    if (raw.len > LIMIT_PATH_BYTES) {
        FAIL(INVALID, "the path is too long");
    }
    struct http_path path = {.count = 0};
    struct str rest = str_skip(raw, 1);
    if (rest.len > 0) {
        path.trailing_slash = str_ends_with(rest, STR("/"));
        rest = str_first(rest, rest.len - (path.trailing_slash ? 1 : 0));
        TRY(decode_segments(a, rest, &path));
    }
    *out = path;
    return OK_STATUS;
}

static struct status decode_text(struct arena *a, struct str raw, struct str *out)
{
    char *text = arena_alloc(a, raw.len + 1);
    if (text == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t len;
    TRY(percent_decode(raw, true, text, &len));
    *out = (struct str){text, len};
    return OK_STATUS;
}

static struct status parse_param(struct arena *a, struct str raw, struct http_param *out)
{
    struct str name;
    struct str value;
    str_split(raw, '=', &name, &value);
    TRY(decode_text(a, name, &out->name));
    return decode_text(a, value, &out->value);
}

static struct status parse_query(struct arena *a, struct str raw, struct http_params *out)
{
    size_t capacity = count_byte(raw, '&') + 1;
    if (capacity > HTTP_QUERY_PARAMS) {
        FAIL(INVALID, "too many query parameters");
    }
    struct http_param *items = ARENA_ARRAY(a, struct http_param, capacity);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct http_params params = {items, 0};
    while (raw.len > 0) {
        struct str part;
        str_split(raw, '&', &part, &raw);
        if (part.len == 0) {
            continue;
        }
        struct str before;
        TRY(parse_param(a, part, &items[params.count]));
        if (http_params_get(&params, items[params.count].name, &before)) {
            FAIL(INVALID, "repeated query parameter");
        }
        params.count++;
    }
    *out = params;
    return OK_STATUS;
}

// The absolute form, as clients of proxies send it: "http://host:8200/v1/sys/health". Which host it
// names makes no difference here, like that of the Host field.
static struct status drop_authority(struct str *target)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!str_equal_nocase(str_first(*target, schemes[i].len), schemes[i])) {
            continue;
        }
        struct str rest = str_skip(*target, schemes[i].len);
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?') {
            if (rest.ptr[len++] == '@') {
                FAIL(INVALID, "user information in the URL");
            }
        }
        if (len == 0) {
            FAIL(INVALID, "no host in the URL");
        }
        *target = str_skip(rest, len);
        return OK_STATUS;
    }
    return OK_STATUS;
}

struct status http_target_parse(struct arena *a, struct str target, struct http_path *path,
                                struct http_params *query)
{
    for (size_t i = 0; i < target.len; i++) {
        if (is_control(target.ptr[i]) || target.ptr[i] == ' ' || target.ptr[i] == '#') {
            FAIL(INVALID, "control character, space or fragment in the URL");
        }
    }
    TRY(drop_authority(&target));
    struct str raw_path;
    struct str raw_query;
    struct http_path parsed;
    struct http_params params = {NULL, 0};
    str_split(target, '?', &raw_path, &raw_query);
    TRY(parse_path(a, raw_path, &parsed));
    if (raw_query.len > 0) {
        TRY(parse_query(a, raw_query, &params));
    }
    *path = parsed;
    *query = params;
    return OK_STATUS;
}

bool http_params_get(const struct http_params *params, struct str name, struct str *out)
{
    for (size_t i = 0; i < params->count; i++) {
        if (str_equal(params->items[i].name, name)) {
            *out = params->items[i].value;
            return true;
        }
    }
    return false;
}
