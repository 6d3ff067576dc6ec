// SPDX-License-Identifier: ISC
#include "vault/audit/rows.h"

#define GET_INT store_get_int
#define GET_BOOL store_get_bool
#define GET_TEXT store_get_text
#define GET_TIME store_get_time
#define GET_UUID store_get_uuid
#define GET_BYTES store_get_bytes
#define GET_MAYBE_TIME store_get_time // NULL is 0
#define GET_DETAIL store_get_text
#define GET_NOT_NULL !store_get_null
#define GET(type, column, key, member) item->member = GET_##type(rows, row, i++);

void audit_read_key(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_KEY};
    struct audit_key_item *item = &out->key;
    int i = 0;
    AUDIT_KEY_FIELDS(GET, GET)
}

void audit_read_chain(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHAIN};
    struct audit_chain_item *item = &out->chain;
    int i = 0;
    AUDIT_CHAIN_FIELDS(GET, GET)
    item->closed_seq = store_get_int(rows, row, i++);
    item->closed_head = store_get_bytes(rows, row, i);
    audit_chain_item_link(item);
}

void audit_read_record(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_RECORD};
    struct audit_record_item *item = &out->record;
    int i = 0;
    AUDIT_RECORD_FIELDS(GET, GET)
}

void audit_read_batch(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_BATCH};
    struct audit_batch_item *item = &out->batch;
    int i = 0;
    AUDIT_BATCH_FIELDS(GET, GET)
}

void audit_read_claim(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CLAIM};
    struct audit_claim_item *item = &out->claim;
    int i = 0;
    AUDIT_CLAIM_FIELDS(GET, GET)
    item->number = store_get_int(rows, row, i);
}

void audit_read_checkpoint(const struct store_rows *rows, int row, struct audit_item *out)
{
    *out = (struct audit_item){.kind = AUDIT_ITEM_CHECKPOINT};
    struct audit_checkpoint_item *item = &out->checkpoint;
    int i = 0;
    AUDIT_CHECKPOINT_FIELDS(GET, GET)
}
