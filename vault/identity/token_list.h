// SPDX-License-Identifier: ISC
#pragma once

#include "vault/core/operation.h"

struct token_list_page {
    struct str after; // accessors after this one, in byte order; empty for the first page
    int64_t most;     // 0: all, if they are no more than LIMIT_LIST_PAGE
};

struct token_list {
    struct store_rows rows; // what `accessors` borrow from
    struct str *accessors;  // in the request's arena
    size_t count;
};
void token_list_done(struct token_list *l); // for CLEANUP

// The accessors of the namespace's live tokens. INVALID when there are too many for one answer.
struct status token_list_accessors(struct operation *op, const struct token_list_page *page,
                                   struct token_list *out);
