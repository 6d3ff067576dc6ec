// SPDX-License-Identifier: ISC
#include "vault/base/hcl.h"

#include "vault/base/hcl_internal.h"

struct status hcl_parse(struct str text, struct arena *arena, const struct hcl_node **out,
                        struct text_error *error)
{
    *error = (struct text_error){1, 1, {NULL, 0}};
    if (!str_is_text(text)) {
        FAIL(INVALID, "the text is not UTF-8");
    }
    struct hcl_node *root;
    if (str_starts_with(str_trim(text), STR("{"))) {
        TRY(hcl_parse_json(text, arena, &root, error));
    } else {
        TRY(hcl_parse_native(text, arena, &root, error));
    }
    *out = root;
    return OK_STATUS;
}

const struct hcl_node *hcl_get(const struct hcl_node *object, const char *key)
{
    if (object == NULL || object->kind != HCL_OBJECT) {
        return NULL;
    }
    const struct hcl_node *item = object->first;
    while (item != NULL && !str_equal_c(item->key, key)) {
        item = item->next;
    }
    return item;
}

struct status hcl_as_str(const struct hcl_node *node, struct str *out)
{
    if (node == NULL || node->kind != HCL_STRING) {
        FAIL(INVALID, "expected a string in double quotes");
    }
    *out = node->text;
    return OK_STATUS;
}

static bool is_scalar(const struct hcl_node *node, enum hcl_kind kind)
{
    return node != NULL && (node->kind == kind || node->kind == HCL_STRING);
}

struct status hcl_as_int(const struct hcl_node *node, int64_t *out)
{
    if (!is_scalar(node, HCL_NUMBER)) {
        FAIL(INVALID, "expected a whole number");
    }
    return str_parse_int(node->text, out);
}

struct status hcl_as_bool(const struct hcl_node *node, bool *out)
{
    bool is_true = is_scalar(node, HCL_BOOL) && str_equal_c(node->text, "true");
    bool is_false = is_scalar(node, HCL_BOOL) && str_equal_c(node->text, "false");
    if (!is_true && !is_false) {
        FAIL(INVALID, "expected true or false");
    }
    *out = is_true;
    return OK_STATUS;
}

struct status hcl_as_duration_s(const struct hcl_node *node, int64_t *out)
{
    if (!is_scalar(node, HCL_NUMBER)) {
        FAIL(INVALID, "expected a duration such as 90, \"90s\" or \"1h30m\"");
    }
    return str_parse_duration_s(node->text, out);
}

struct text_error hcl_error_at(const struct hcl_node *node)
{
    return (struct text_error){node->line, node->column, node->raw};
}

struct text_error hcl_error_at_key(const struct hcl_node *node)
{
    struct str word = node->name.len > 0 ? node->name : node->raw;
    return (struct text_error){node->line, node->column, word};
}

struct hcl_blocks hcl_blocks(const struct hcl_node *object, const char *name)
{
    return (struct hcl_blocks){.name = name, .item = object->first};
}

// Looks into the next element or item for labels; false when there is none left or it is no block.
static bool open_next(struct hcl_blocks *it)
{
    const struct hcl_node *from = it->element;
    if (from != NULL) {
        it->element = from->next;
    } else {
        while (it->item != NULL && !str_equal_c(it->item->key, it->name)) {
            it->item = it->item->next;
        }
        if (it->item == NULL) {
            return false;
        }
        from = it->item;
        it->item = from->next;
        if (from->kind == HCL_LIST) {
            it->element = from->first;
            return true;
        }
    }
    if (from->kind != HCL_OBJECT) {
        it->wrong = from;
        return false;
    }
    it->labelled = from->first;
    return true;
}

bool hcl_next_block(struct hcl_blocks *it)
{
    while (it->labelled == NULL) {
        if (!open_next(it)) {
            return false;
        }
    }
    it->label = it->labelled->key;
    it->body = it->labelled;
    it->labelled = it->labelled->next;
    return true;
}
