// SPDX-License-Identifier: ISC
// The language of policies and of the server's configuration: HashiCorp's HCL version 1 without
// expressions, or the same as JSON. Both give one tree.
//
//     ui = true                          # attributes: strings, numbers, booleans, lists, objects
//     listener "tcp" {                   // blocks with any number of labels
//         address = "127.0.0.1:8200"     /* comments */
//     }
//     motd = <<EOF
//     lines, taken as they are (<<-EOF drops the indentation that they share)
//     EOF
//
// Commas between the items of an object or list may be left out in objects only. Inside strings:
// \" \\ \n \r \t \uXXXX \UXXXXXXXX; "${" has no meaning. A text whose first character is an opening
// brace is JSON (json.h), where null is refused.
//
// A block is an object under its name; with labels, an object in an object for each label, which
// is how JSON has always spelled it: {"listener": {"tcp": {...}}}, or a list of such objects.
// Blocks may repeat; an attribute given twice in one place is an error.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/text_position.h"

enum hcl_kind {
    HCL_STRING,
    HCL_NUMBER,
    HCL_BOOL,
    HCL_LIST,
    HCL_OBJECT,
};

struct hcl_node {
    enum hcl_kind kind;
    bool is_block; // written as a block, without an equals sign
    uint32_t line; // of the key, or of the value when it has none (in JSON always the value)
    uint32_t column;
    struct str key;         // decoded; empty for elements of a list and for the root
    struct str text;        // decoded string; number or boolean as written; empty for others
    struct str raw;         // the value as written; of lists and objects the key, or nothing
    struct str name;        // the key as written; empty in JSON when it has escapes
    struct hcl_node *first; // of what a list or object holds, in the order of the text
    struct hcl_node *next;
};

// The root is an object. `text` is borrowed for as long as the tree is used, which lives in
// `arena`. INVALID with a literal, then `*error` says where; NOMEM. Depth is bounded by
// LIMIT_HCL_DEPTH.
struct status hcl_parse(struct str text, struct arena *arena, const struct hcl_node **out,
                        struct text_error *error);

// The first item called `key` in an object, or NULL; NULL for anything else.
const struct hcl_node *hcl_get(const struct hcl_node *object, const char *key);

// Typed reading. INVALID for another kind and for NULL. Numbers, booleans and durations may be
// quoted, as in Vault's own configuration.
struct status hcl_as_str(const struct hcl_node *node, struct str *out);
struct status hcl_as_int(const struct hcl_node *node, int64_t *out);
struct status hcl_as_bool(const struct hcl_node *node, bool *out);
struct status hcl_as_duration_s(const struct hcl_node *node, int64_t *out);

// Where a node stands, for an error about it.
struct text_error hcl_error_at(const struct hcl_node *node);
struct text_error hcl_error_at_key(const struct hcl_node *node); // about its key, not the value

// All blocks called `name` that carry one label, however they were spelled:
//     struct hcl_blocks it = hcl_blocks(root, "listener");
//     while (hcl_next_block(&it)) { ... it.label, it.body ... }
// `body` is whatever stands under the label; the caller checks that it is an object. An item called
// `name` that holds neither blocks nor a list of them ends the loop with `it.wrong` set to it.
struct hcl_blocks {
    const char *name;
    struct str label;
    const struct hcl_node *body;
    const struct hcl_node *wrong;
    const struct hcl_node *item;     // next item of the outer object
    const struct hcl_node *element;  // next element, when the item is a list
    const struct hcl_node *labelled; // next label within
};
struct hcl_blocks hcl_blocks(const struct hcl_node *object, const char *name);
bool hcl_next_block(struct hcl_blocks *it);
