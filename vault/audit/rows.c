// SPDX-License-Identifier: ISC
#include "vault/audit/rows.h"

#include <string.h>

void audit_read_key(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_KEY,
                               .key = {.number = store_get_int(rows, row, 0),
                                       .created_us = store_get_time(rows, row, 1),
                                       .public_key = store_get_bytes(rows, row, 2),
                                       .succession_signature = store_get_bytes(rows, row, 3)}};
}

void audit_read_chain(const struct store_rows *rows, int row, struct audit_item *out)
{
    struct bytes previous_head = store_get_bytes(rows, row, 8);
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHAIN,
                               .chain = {.header = {.id = store_get_int(rows, row, 0),
                                                    .node = store_get_text(rows, row, 1),
                                                    .worker = store_get_int(rows, row, 2),
                                                    .system_id = store_get_int(rows, row, 3),
                                                    .timeline = store_get_int(rows, row, 4),
                                                    .opened_at_us = store_get_time(rows, row, 5),
                                                    .previous_id = store_get_int(rows, row, 6),
                                                    .previous_seq = store_get_int(rows, row, 7)},
                                         .previous_head = previous_head,
                                         .genesis = store_get_bytes(rows, row, 9),
                                         .key_number = store_get_int(rows, row, 10),
                                         .signature = store_get_bytes(rows, row, 11),
                                         .closed = !store_get_null(rows, row, 12),
                                         .closed_seq = store_get_int(rows, row, 13),
                                         .closed_head = store_get_bytes(rows, row, 14)}};
    // Of any other length it isn't what was hashed, and verification will find so.
    if (previous_head.len == DIGEST_BYTES) {
        memcpy(out->chain.header.previous_head.octets, previous_head.ptr, DIGEST_BYTES);
    }
}

void audit_read_record(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_RECORD,
                               .record = {.chain_id = store_get_int(rows, row, 0),
                                          .seq = store_get_int(rows, row, 1),
                                          .entry = {.time_us = store_get_time(rows, row, 2),
                                                    .request_id = store_get_uuid(rows, row, 3),
                                                    .namespace_id = store_get_int(rows, row, 4),
                                                    .accessor = store_get_text(rows, row, 5),
                                                    .actor = store_get_text(rows, row, 6),
                                                    .auth_method = store_get_text(rows, row, 7),
                                                    .remote = store_get_text(rows, row, 8),
                                                    .operation = store_get_text(rows, row, 9),
                                                    .path = store_get_text(rows, row, 10),
                                                    .result = store_get_int(rows, row, 11),
                                                    .duration_us = store_get_int(rows, row, 12),
                                                    .effect = store_get_bool(rows, row, 13),
                                                    .detail = store_get_text(rows, row, 14)},
                                          .hash = store_get_bytes(rows, row, 15)}};
}

void audit_read_batch(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_BATCH,
                               .batch = {.chain_id = store_get_int(rows, row, 0),
                                         .first_seq = store_get_int(rows, row, 1),
                                         .last_seq = store_get_int(rows, row, 2),
                                         .time_us = store_get_time(rows, row, 3),
                                         .head = store_get_bytes(rows, row, 4),
                                         .key_number = store_get_int(rows, row, 5),
                                         .signature = store_get_bytes(rows, row, 6)}};
}

void audit_read_claim(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CLAIM,
                               .claim = {.chain_id = store_get_int(rows, row, 0),
                                         .number = store_get_int(rows, row, 1),
                                         .seq = store_get_int(rows, row, 2),
                                         .head = store_get_bytes(rows, row, 3),
                                         .closed = store_get_bool(rows, row, 4),
                                         .dropped = store_get_bool(rows, row, 5)}};
}

void audit_read_checkpoint(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHECKPOINT,
                               .checkpoint = {.number = store_get_int(rows, row, 0),
                                              .time_us = store_get_time(rows, row, 1),
                                              .dropped_before_us = store_get_time(rows, row, 2),
                                              .previous_hash = store_get_bytes(rows, row, 3),
                                              .hash = store_get_bytes(rows, row, 4),
                                              .key_number = store_get_int(rows, row, 5),
                                              .signature = store_get_bytes(rows, row, 6)}};
}
