// SPDX-License-Identifier: ISC
#include "vault/base/json.h"

#include "vault/base/json_internal.h"

static const struct json_token *token_of(struct json_value v)
{
    return json_token_at(v.doc, v.index);
}

enum json_kind json_kind(struct json_value v)
{
    return v.doc == NULL ? JSON_NONE : (enum json_kind)token_of(v)->kind;
}

struct str json_raw(struct json_value v)
{
    if (v.doc == NULL) {
        return (struct str){NULL, 0};
    }
    const struct json_token *t = token_of(v);
    return (struct str){v.doc->text.ptr + t->start, t->len};
}

bool json_is_null(struct json_value v)
{
    return json_kind(v) <= JSON_NULL;
}

struct str json_token_key(const struct json_doc *doc, const struct json_token *key)
{
    return key->escaped ? doc->decoded_keys[key->next] : json_token_body(doc, key);
}

uint32_t json_count(struct json_value v)
{
    return v.doc == NULL ? 0 : token_of(v)->count;
}

struct json_iter json_iterate(struct json_value v)
{
    struct json_iter it = {.doc = v.doc};
    enum json_kind kind = json_kind(v);
    if (kind == JSON_ARRAY || kind == JSON_OBJECT) {
        it.is_object = kind == JSON_OBJECT;
        it.next = v.index + 1;
        it.end = token_of(v)->next;
    }
    return it;
}

bool json_next(struct json_iter *it)
{
    if (it->next >= it->end) {
        return false;
    }
    if (it->is_object) {
        it->key = json_token_key(it->doc, json_token_at(it->doc, it->next));
        it->next++;
    }
    it->value = (struct json_value){it->doc, it->next};
    it->next = json_token_at(it->doc, it->next)->next;
    return true;
}

struct json_value json_get_str(struct json_value object, struct str key)
{
    if (json_kind(object) == JSON_OBJECT) {
        struct json_iter it = json_iterate(object);
        while (json_next(&it)) {
            if (str_equal(it.key, key)) {
                return it.value;
            }
        }
    }
    return (struct json_value){NULL, 0};
}

struct json_value json_get(struct json_value object, const char *key)
{
    return json_get_str(object, str_from_c(key));
}

struct status json_as_str(struct json_value v, struct str *out)
{
    if (json_kind(v) != JSON_STRING) {
        FAIL(INVALID, "expected a string");
    }
    struct str body = json_token_body(v.doc, token_of(v));
    if (!token_of(v)->escaped) {
        *out = body;
        return OK_STATUS;
    }
    char *text = arena_alloc(v.doc->arena, body.len);
    if (text == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t len;
    TRY(json_unescape(body, text, &len));
    *out = (struct str){text, len};
    return OK_STATUS;
}

// The text of a scalar that may also be sent as a string.
static struct status scalar_text(struct json_value v, enum json_kind kind, struct str *out)
{
    if (json_kind(v) == kind) {
        *out = json_raw(v);
        return OK_STATUS;
    }
    return json_as_str(v, out);
}

struct status json_as_int(struct json_value v, int64_t *out)
{
    struct str text;
    if (!status_ok(scalar_text(v, JSON_NUMBER, &text))) {
        FAIL(INVALID, "expected a whole number");
    }
    return str_parse_int(text, out);
}

struct status json_as_bool(struct json_value v, bool *out)
{
    struct str text;
    enum json_kind kind = json_kind(v) == JSON_NUMBER ? JSON_NUMBER : JSON_BOOL;
    if (!status_ok(scalar_text(v, kind, &text))) {
        FAIL(INVALID, "expected true or false");
    }
    if (str_equal_c(text, "true") || str_equal_c(text, "1")) {
        *out = true;
        return OK_STATUS;
    }
    if (str_equal_c(text, "false") || str_equal_c(text, "0")) {
        *out = false;
        return OK_STATUS;
    }
    FAIL(INVALID, "expected true or false");
}

struct status json_as_duration_s(struct json_value v, int64_t *out)
{
    struct str text;
    if (!status_ok(scalar_text(v, JSON_NUMBER, &text))) {
        FAIL(INVALID, "expected a duration such as 90, \"90s\" or \"1h30m\"");
    }
    return str_parse_duration_s(text, out);
}

static struct status split_commas(struct json_value v, struct json_strings *out)
{
    struct str rest;
    TRY(json_as_str(v, &rest));
    size_t most = 1;
    for (size_t i = 0; i < rest.len; i++) {
        most += rest.ptr[i] == ',';
    }
    struct str *items = ARENA_ARRAY(v.doc->arena, struct str, most);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t count = 0;
    bool more = true;
    while (more) {
        struct str item;
        more = str_split(rest, ',', &item, &rest);
        item = str_trim(item);
        if (item.len > 0) {
            items[count++] = item;
        }
    }
    *out = (struct json_strings){items, count};
    return OK_STATUS;
}

struct status json_as_strings(struct json_value v, struct json_strings *out)
{
    if (json_kind(v) == JSON_STRING) {
        return split_commas(v, out);
    }
    if (json_kind(v) != JSON_ARRAY) {
        FAIL(INVALID, "expected a list of strings");
    }
    struct str *items = ARENA_ARRAY(v.doc->arena, struct str, json_count(v));
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t count = 0;
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        TRY(json_as_str(it.value, &items[count]));
        count++;
    }
    *out = (struct json_strings){items, count};
    return OK_STATUS;
}
