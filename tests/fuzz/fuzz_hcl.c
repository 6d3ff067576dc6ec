// SPDX-License-Identifier: ISC
#include "tests/fuzz/fuzz.h"
#include "vault/base/hcl.h"

static void walk(const struct hcl_node *node)
{
    struct str text;
    int64_t number;
    bool truth;
    if (status_ok(hcl_as_str(node, &text))) {
        REQUIRE(str_is_text(text));
    }
    status_ignore(hcl_as_int(node, &number));
    status_ignore(hcl_as_bool(node, &truth));
    status_ignore(hcl_as_duration_s(node, &number));
    REQUIRE(node->line > 0 && node->column > 0);
    for (const struct hcl_node *n = node->first; n != NULL; n = n->next) {
        walk(n);
    }
    struct hcl_blocks it = hcl_blocks(node, "path");
    while (hcl_next_block(&it)) {
        REQUIRE(it.body != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    const struct hcl_node *root;
    struct text_error error;
    struct str text = {(const char *)data, size};
    if (status_ok(hcl_parse(text, arena, &root, &error))) {
        walk(root);
    } else {
        REQUIRE(error.line > 0 && error.column > 0);
    }
    return 0;
}
