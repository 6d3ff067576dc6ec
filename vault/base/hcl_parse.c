// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/base/hcl_internal.h"
#include "vault/base/limits.h"
#include "vault/base/utf8.h"

struct parser {
    struct hcl_lexer lexer;
    struct hcl_token token; // the one being looked at
    uint32_t depth;
};

// Where children are hung up, in order.
struct children {
    struct hcl_node *owner;
    struct hcl_node **tail;
    size_t count;
};

static struct status advance(struct parser *p)
{
    struct status next = hcl_lexer_next(&p->lexer, &p->token);
    if (!status_ok(next)) { // the trouble is inside the word, not at the one before it
        struct str rest = str_skip(p->lexer.text, p->lexer.at);
        p->token.line = p->lexer.line;
        p->token.column = p->lexer.column;
        p->token.raw = str_first(rest, utf8_length(rest));
    }
    return next;
}

static bool at_mark(const struct parser *p, char mark)
{
    return p->token.word == HCL_WORD_MARK && p->token.mark == mark;
}

static struct status new_node(struct parser *p, enum hcl_kind kind, struct hcl_node **out)
{
    struct hcl_node *node = ARENA_NEW(p->lexer.arena, struct hcl_node);
    if (node == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    node->kind = kind;
    node->line = p->token.line;
    node->column = p->token.column;
    *out = node;
    return OK_STATUS;
}

static void hang(struct children *c, struct hcl_node *node)
{
    *c->tail = node;
    c->tail = &node->next;
    c->count++;
}

static struct status deeper(struct parser *p)
{
    if (p->depth >= LIMIT_HCL_DEPTH) {
        FAIL(INVALID, "nested too deeply");
    }
    p->depth++;
    return OK_STATUS;
}

static int compare_keys(const void *a, const void *b)
{
    const struct hcl_node *left = *(const struct hcl_node *const *)a;
    const struct hcl_node *right = *(const struct hcl_node *const *)b;
    int order = str_compare(left->key, right->key);
    if (order != 0) {
        return order;
    }
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    return (left->column > right->column) - (left->column < right->column);
}

// Sorted, because comparing each with each would be quadratic in what a client sends.
static struct status refuse_repeated_attributes(struct parser *p, const struct children *c)
{
    const struct hcl_node **all = ARENA_ARRAY(p->lexer.arena, const struct hcl_node *, c->count);
    if (all == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    for (const struct hcl_node *n = c->owner->first; n != NULL; n = n->next) {
        all[count++] = n;
    }
    qsort(all, count, sizeof all[0], compare_keys);
    for (size_t i = 1; i < count; i++) {
        bool blocks = all[i]->is_block && all[i - 1]->is_block;
        if (!blocks && str_equal(all[i]->key, all[i - 1]->key)) {
            p->token.line = all[i]->line;
            p->token.column = all[i]->column;
            p->token.raw = all[i]->name;
            FAIL(INVALID, "given twice in the same place");
        }
    }
    return OK_STATUS;
}

static struct status parse_value(struct parser *p, struct hcl_node **out);
static struct status parse_items(struct parser *p, struct hcl_node *owner, char closing);

// Stands at the opening brace; fills `node`, which may be a block or an object.
static struct status parse_braces(struct parser *p, struct hcl_node *node)
{
    TRY(deeper(p));
    TRY(advance(p));
    TRY(parse_items(p, node, '}'));
    p->depth--;
    return advance(p);
}

static struct status parse_list(struct parser *p, struct hcl_node **out)
{
    struct hcl_node *list;
    TRY(new_node(p, HCL_LIST, &list));
    struct children elements = {list, &list->first, 0};
    TRY(deeper(p));
    TRY(advance(p));
    while (!at_mark(p, ']')) {
        struct hcl_node *element;
        TRY(parse_value(p, &element));
        hang(&elements, element);
        if (at_mark(p, ',')) {
            TRY(advance(p));
        } else if (!at_mark(p, ']')) {
            FAIL(INVALID, "expected a comma or the end of the list");
        }
    }
    p->depth--;
    *out = list;
    return advance(p);
}

static struct status parse_scalar(struct parser *p, struct hcl_node **out)
{
    enum hcl_kind kind = HCL_STRING;
    if (p->token.word == HCL_WORD_NUMBER) {
        kind = HCL_NUMBER;
    } else if (p->token.word == HCL_WORD_NAME) {
        kind = HCL_BOOL;
        if (!str_equal_c(p->token.text, "true") && !str_equal_c(p->token.text, "false")) {
            FAIL(INVALID, "expected a value; text stands in double quotes");
        }
    } else if (p->token.word != HCL_WORD_STRING) {
        FAIL(INVALID, "expected a value");
    }
    struct hcl_node *node;
    TRY(new_node(p, kind, &node));
    node->text = p->token.text;
    node->raw = p->token.raw;
    *out = node;
    return advance(p);
}

static struct status parse_value(struct parser *p, struct hcl_node **out)
{
    if (at_mark(p, '[')) {
        return parse_list(p, out);
    }
    if (!at_mark(p, '{')) {
        return parse_scalar(p, out);
    }
    struct hcl_node *object;
    TRY(new_node(p, HCL_OBJECT, &object));
    TRY(parse_braces(p, object));
    *out = object;
    return OK_STATUS;
}

static struct status parse_attribute(struct parser *p, const struct hcl_token *key,
                                     struct hcl_node **out)
{
    struct hcl_node *node;
    TRY(advance(p));
    TRY(parse_value(p, &node));
    node->key = key->text;
    node->name = key->raw;
    node->line = key->line;
    node->column = key->column;
    if (node->raw.len == 0) {
        node->raw = key->raw;
    }
    *out = node;
    return OK_STATUS;
}

// Stands after the block's name. Each label opens an object of its own.
static struct status parse_block(struct parser *p, const struct hcl_token *key,
                                 struct hcl_node **out)
{
    struct hcl_node *node;
    struct hcl_token label = p->token;
    TRY(new_node(p, HCL_OBJECT, &node));
    node->is_block = true;
    node->key = key->text;
    node->name = key->raw;
    node->raw = key->raw;
    node->line = key->line;
    node->column = key->column;
    if (at_mark(p, '{')) {
        *out = node;
        return parse_braces(p, node);
    }
    if (label.word != HCL_WORD_STRING && label.word != HCL_WORD_NAME) {
        FAIL(INVALID, "expected = or { after the name");
    }
    TRY(deeper(p));
    TRY(advance(p));
    TRY(parse_block(p, &label, &node->first));
    p->depth--;
    *out = node;
    return OK_STATUS;
}

static struct status parse_item(struct parser *p, struct hcl_node **out)
{
    struct hcl_token key = p->token;
    if (key.word != HCL_WORD_NAME && key.word != HCL_WORD_STRING) {
        FAIL(INVALID, "expected a name");
    }
    TRY(advance(p));
    return at_mark(p, '=') ? parse_attribute(p, &key, out) : parse_block(p, &key, out);
}

// Items up to the closing mark, which is left for the caller; NUL means the end of the text.
static struct status parse_items(struct parser *p, struct hcl_node *owner, char closing)
{
    struct children items = {owner, &owner->first, 0};
    while (!(closing == '\0' ? p->token.word == HCL_WORD_END : at_mark(p, closing))) {
        struct hcl_node *item;
        TRY(parse_item(p, &item));
        hang(&items, item);
        if (closing != '\0' && at_mark(p, ',')) {
            TRY(advance(p));
        }
    }
    return refuse_repeated_attributes(p, &items);
}

static struct status parse_root(struct parser *p, struct hcl_node **out)
{
    TRY(advance(p));
    TRY(new_node(p, HCL_OBJECT, out));
    return parse_items(p, *out, '\0');
}

struct status hcl_parse_native(struct str text, struct arena *arena, struct hcl_node **out,
                               struct text_error *error)
{
    struct parser p = {.lexer = hcl_lexer_on(text, arena)};
    struct hcl_node *root = NULL;
    struct status parsed = parse_root(&p, &root);
    if (status_ok(parsed)) {
        *out = root;
        return OK_STATUS;
    }
    *error = (struct text_error){p.token.line, p.token.column, p.token.raw};
    return parsed;
}
