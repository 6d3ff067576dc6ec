// SPDX-License-Identifier: ISC
#include "vault/base/hcl_internal.h"
#include "vault/base/json.h"
#include "vault/base/limits.h"

struct conversion {
    struct arena *arena;
    struct hcl_lexer place; // walks along with the values, so that counting lines stays linear
    struct text_error *error;
};

static struct status fill(struct conversion *c, struct json_value v, struct hcl_node *node);

// Errors show a part of the text, which a decoded key isn't.
static struct str as_written(const struct conversion *c, struct str key)
{
    struct str text = c->place.text;
    bool within = key.ptr >= text.ptr && key.ptr < text.ptr + text.len;
    return within ? key : (struct str){NULL, 0};
}

static struct status fill_children(struct conversion *c, struct json_value v, struct hcl_node *node)
{
    struct hcl_node **tail = &node->first;
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        struct hcl_node *child = ARENA_NEW(c->arena, struct hcl_node);
        if (child == NULL) {
            FAIL(NOMEM, "out of memory");
        }
        child->key = it.key;
        child->name = as_written(c, it.key);
        TRY(fill(c, it.value, child));
        *tail = child;
        tail = &child->next;
    }
    return OK_STATUS;
}

// Recurses as deep as the document, which was parsed with LIMIT_HCL_DEPTH.
static struct status fill(struct conversion *c, struct json_value v, struct hcl_node *node)
{
    struct str raw = json_raw(v);
    hcl_lexer_skip(&c->place, (size_t)(raw.ptr - c->place.text.ptr) - c->place.at);
    node->line = c->place.line;
    node->column = c->place.column;
    *c->error = (struct text_error){node->line, node->column, (struct str){NULL, 0}};
    enum json_kind kind = json_kind(v);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        node->kind = kind == JSON_OBJECT ? HCL_OBJECT : HCL_LIST;
        return fill_children(c, v, node);
    }
    node->raw = raw;
    node->text = raw;
    c->error->word = raw;
    switch (kind) {
    case JSON_STRING:
        node->kind = HCL_STRING;
        return json_as_str(v, &node->text);
    case JSON_NUMBER:
        node->kind = HCL_NUMBER;
        return OK_STATUS;
    case JSON_BOOL:
        node->kind = HCL_BOOL;
        return OK_STATUS;
    case JSON_NONE:
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    FAIL(INVALID, "null is not allowed here");
}

struct status hcl_parse_json(struct str text, struct arena *arena, struct hcl_node **out,
                             struct text_error *error)
{
    const struct json_limits limits = {LIMIT_HCL_DEPTH, LIMIT_JSON_MEMBERS,
                                       LIMIT_JSON_STRING_BYTES};
    struct json_value v;
    struct text_position at = {0, 1, 1};
    struct status parsed = json_parse(text, &limits, arena, &v, &at);
    if (!status_ok(parsed)) {
        *error = (struct text_error){at.line, at.column, (struct str){NULL, 0}};
        return parsed;
    }
    struct hcl_node *root = ARENA_NEW(arena, struct hcl_node);
    if (root == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct conversion c = {arena, hcl_lexer_on(text, arena), error};
    TRY(fill(&c, v, root));
    *out = root;
    return OK_STATUS;
}
