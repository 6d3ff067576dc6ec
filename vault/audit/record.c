// SPDX-License-Identifier: ISC
#include "vault/audit/record.h"

// The order of the fields is part of the format: a change needs a new purpose ("audit-record/2").
struct digest audit_entry_hash(struct digest previous, int64_t chain_id, int64_t seq,
                               const struct audit_entry *e)
{
    struct digest_stream d;
    digest_begin(&d, "audit-record/1");
    digest_add_bytes(&d, digest_bytes(&previous));
    digest_add_int(&d, chain_id);
    digest_add_int(&d, seq);
    digest_add_int(&d, e->time_us);
    digest_add_bytes(&d, uuid_bytes(&e->request_id));
    digest_add_int(&d, e->namespace_id);
    digest_add_str(&d, e->accessor);
    digest_add_str(&d, e->actor);
    digest_add_str(&d, e->auth_method);
    digest_add_str(&d, e->remote);
    digest_add_str(&d, e->operation);
    digest_add_str(&d, e->path);
    digest_add_int(&d, e->result);
    digest_add_int(&d, e->duration_us);
    digest_add_int(&d, e->effect);
    digest_add_str(&d, e->detail);
    return digest_finish(&d);
}

struct digest audit_chain_genesis(const struct audit_chain_header *h)
{
    struct digest_stream d;
    digest_begin(&d, "audit-chain/1");
    digest_add_int(&d, h->id);
    digest_add_str(&d, h->node);
    digest_add_int(&d, h->worker);
    digest_add_int(&d, h->system_id);
    digest_add_int(&d, h->timeline);
    digest_add_int(&d, h->opened_at_us);
    digest_add_int(&d, h->previous_id);
    digest_add_int(&d, h->previous_seq);
    digest_add_bytes(&d, digest_bytes(&h->previous_head));
    return digest_finish(&d);
}

struct digest audit_batch_digest(const struct audit_batch_head *b)
{
    struct digest_stream d;
    digest_begin(&d, "audit-batch/1");
    digest_add_int(&d, b->chain_id);
    digest_add_int(&d, b->first_seq);
    digest_add_int(&d, b->last_seq);
    digest_add_int(&d, b->time_us);
    digest_add_bytes(&d, digest_bytes(&b->head));
    return digest_finish(&d);
}

void audit_content_add(struct audit_content *c, int64_t chain_id, int64_t seq, struct digest head,
                       bool closed, bool dropped)
{
    struct digest_stream d;
    digest_begin(&d, "audit-claim/1");
    digest_add_bytes(&d, digest_bytes(&c->digest));
    digest_add_int(&d, chain_id);
    digest_add_int(&d, seq);
    digest_add_bytes(&d, digest_bytes(&head));
    digest_add_int(&d, closed);
    digest_add_int(&d, dropped);
    c->digest = digest_finish(&d);
    c->count++;
}

struct digest audit_checkpoint_hash(const struct audit_checkpoint_header *h)
{
    struct digest_stream d;
    digest_begin(&d, "audit-checkpoint/1");
    digest_add_int(&d, h->number);
    digest_add_int(&d, h->time_us);
    digest_add_int(&d, h->dropped_before_us);
    digest_add_bytes(&d, digest_bytes(&h->previous_hash));
    digest_add_int(&d, h->content.count);
    digest_add_bytes(&d, digest_bytes(&h->content.digest));
    return digest_finish(&d);
}
