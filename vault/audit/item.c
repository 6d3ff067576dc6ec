// SPDX-License-Identifier: ISC
#include "vault/audit/item.h"

#include <string.h>

void audit_chain_item_link(struct audit_chain_item *c)
{
    if (c->previous_head.len == DIGEST_BYTES) {
        memcpy(c->header.previous_head.octets, c->previous_head.ptr, DIGEST_BYTES);
    }
}
