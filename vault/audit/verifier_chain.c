// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/audit/verifier_internal.h"
#include "vault/base/limits.h"

static struct verified_chain *current(struct audit_verifier *v)
{
    return &v->chains[v->chain_count - 1];
}

static void report_at(struct audit_verifier *v, int64_t seq, const char *what)
{
    verifier_report(v,
                    (struct audit_problem){.what = what, .chain_id = current(v)->id, .seq = seq});
}

// ---- the header

// True when its signature is good.
static bool check_header(struct audit_verifier *v, const struct audit_chain_item *c)
{
    struct digest genesis = audit_chain_genesis(&c->header);
    if (!verifier_digest_is(c->genesis, genesis) || c->previous_head.len != DIGEST_BYTES) {
        report_at(v, 0, "the chain's header was altered");
    }
    struct digest stored;
    if (!verifier_digest(c->genesis, &stored)) {
        return false;
    }
    const struct audit_signed s = {.what = stored,
                                   .time_us = c->header.opened_at_us,
                                   .key_number = c->key_number,
                                   .signature = c->signature};
    struct status genuine = audit_reigns_check(&v->reigns, &s);
    if (!status_ok(genuine)) {
        report_at(v, 0, genuine.what);
    }
    return status_ok(genuine);
}

// A chain continues the one whose connection was lost, exactly where that ended.
static void check_link(struct audit_verifier *v, const struct audit_chain_item *c)
{
    if (c->header.previous_id == 0) {
        return;
    }
    const struct verified_chain *previous = verifier_chain(v, c->header.previous_id);
    if (previous == NULL || previous == current(v)) {
        report_at(v, 0, "the chain continues one that doesn't exist");
    } else if (!v->options.excerpt && (previous->seq != c->header.previous_seq ||
                                       !digest_equal(previous->head, c->header.previous_head))) {
        report_at(v, 0,
                  "the chain that this one continues ends elsewhere: its tail was cut or altered");
    }
}

static void report_missing_chains(struct audit_verifier *v, int64_t expected, int64_t found)
{
    for (int64_t id = expected; id < found && id - expected < LIMIT_AUDIT_GAP_PROBLEMS; id++) {
        verifier_report(v, (struct audit_problem){.what = "the chain was removed", .chain_id = id});
    }
    if (found < expected) {
        verifier_report(
            v, (struct audit_problem){.what = "the chain comes out of order", .chain_id = found});
    }
}

static struct status add_chain(struct audit_verifier *v, const struct audit_chain_item *c)
{
    if (v->chain_count == v->chain_capacity) {
        size_t capacity = v->chain_capacity == 0 ? 64 : v->chain_capacity * 2;
        struct verified_chain *chains = reallocarray(v->chains, capacity, sizeof *chains);
        if (chains == NULL) {
            FAIL(NOMEM, "out of memory");
        }
        v->chains = chains;
        v->chain_capacity = capacity;
    }
    v->chains[v->chain_count++] =
        (struct verified_chain){.id = c->header.id, .opened_at_us = c->header.opened_at_us};
    return OK_STATUS;
}

struct status verifier_take_chain(struct audit_verifier *v, const struct audit_chain_item *c)
{
    verifier_finish_chain(v);
    int64_t last = v->chain_count == 0 ? 0 : current(v)->id;
    report_missing_chains(v, last + 1, c->header.id);
    if (c->header.id <= last) {
        return OK_STATUS; // reported; its records are reported one by one
    }
    TRY(add_chain(v, c));
    v->open = (struct open_chain){.active = true,
                                  .head = audit_chain_genesis(&c->header),
                                  .last_time_us = c->header.opened_at_us,
                                  .closed = c->closed,
                                  .closed_seq = c->closed_seq};
    // Records follow the genesis that was signed, even when the header was altered.
    (void)verifier_digest(c->genesis, &v->open.head);
    (void)verifier_digest(c->closed_head, &v->open.closed_head);
    bool genuine = check_header(v, c);
    check_link(v, c);
    v->summary.chains++;
    return verifier_note_signed(v, genuine);
}

// ---- records

// Claims about records that should have come by now.
static void settle_debt(struct audit_verifier *v)
{
    if (v->open.owed) {
        v->open.owed = false;
        if (!v->options.excerpt) {
            verifier_report(v, v->open.debt);
        }
    }
}

static void note_time(struct audit_verifier *v, int64_t time_us)
{
    struct audit_summary *s = &v->summary;
    if (s->first_time_us == 0 || time_us < s->first_time_us) {
        s->first_time_us = time_us;
    }
    if (time_us > s->last_time_us) {
        s->last_time_us = time_us;
    }
}

static bool check_place(struct audit_verifier *v, const struct audit_record_item *r)
{
    struct open_chain *o = &v->open;
    if (r->seq == o->seq + 1) {
        return true;
    }
    if (r->seq <= o->seq) {
        report_at(v, r->seq, "the record is there twice, or out of order");
        return false;
    }
    report_at(v, o->seq + 1,
              r->seq == o->seq + 2 ? "the record is missing"
                                   : "this record and others behind it are missing");
    o->broken_link = true; // nothing to check this one's link against
    o->signed_through = r->seq - 1;
    return true;
}

static void check_hash(struct audit_verifier *v, const struct audit_record_item *r)
{
    struct open_chain *o = &v->open;
    struct digest stored = {{0}};
    bool whole = verifier_digest(r->hash, &stored);
    struct digest computed = audit_entry_hash(o->head, r->chain_id, r->seq, &r->entry);
    if (!whole || (!o->broken_link && !digest_equal(computed, stored))) {
        report_at(v, r->seq, "the record was altered");
    }
    o->broken_link = false;
    o->head = stored;
}

// One barrier's records carry one time, which its signature covers.
static void check_time(struct audit_verifier *v, const struct audit_record_item *r)
{
    struct open_chain *o = &v->open;
    bool first_of_batch = o->signed_through + 1 >= r->seq;
    if (r->entry.time_us < o->last_time_us ||
        (!first_of_batch && r->entry.time_us != o->unsigned_time_us)) {
        report_at(v, r->seq, "the record's time doesn't fit its place");
    }
    o->unsigned_time_us = r->entry.time_us;
    o->last_time_us = r->entry.time_us;
}

void verifier_take_record(struct audit_verifier *v, const struct audit_record_item *r)
{
    struct open_chain *o = &v->open;
    if (!o->active || r->chain_id != current(v)->id) {
        verifier_report(v, (struct audit_problem){.what = "the record belongs to no chain",
                                                  .chain_id = r->chain_id,
                                                  .seq = r->seq});
        return;
    }
    settle_debt(v);
    if (!check_place(v, r)) {
        return;
    }
    check_hash(v, r);
    check_time(v, r);
    o->started = true;
    o->seq = r->seq;
    note_time(v, r->entry.time_us);
    v->summary.records++;
}

// ---- signatures

static void check_signature(struct audit_verifier *v, const struct audit_batch_item *b)
{
    struct audit_batch_head head = {.chain_id = b->chain_id,
                                    .first_seq = b->first_seq,
                                    .last_seq = b->last_seq,
                                    .time_us = b->time_us};
    struct status genuine = MAKE_STATUS(INTEGRITY, "the signature was altered");
    if (verifier_digest(b->head, &head.head)) {
        const struct audit_signed s = {.what = audit_batch_digest(&head),
                                       .time_us = b->time_us,
                                       .key_number = b->key_number,
                                       .signature = b->signature};
        genuine = audit_reigns_check(&v->reigns, &s);
    }
    if (!status_ok(genuine)) {
        report_at(v, b->last_seq, genuine.what);
    }
}

// An excerpt of a chain begins with the signature just before it.
static void start_excerpt(struct audit_verifier *v, const struct audit_batch_item *b)
{
    struct open_chain *o = &v->open;
    o->seq = b->last_seq;
    o->signed_through = b->last_seq;
    o->last_time_us = b->time_us;
    (void)verifier_digest(b->head, &o->head);
}

void verifier_take_batch(struct audit_verifier *v, const struct audit_batch_item *b)
{
    struct open_chain *o = &v->open;
    if (!o->active || b->chain_id != current(v)->id) {
        verifier_report(v, (struct audit_problem){.what = "the signature belongs to no chain",
                                                  .chain_id = b->chain_id,
                                                  .seq = b->last_seq});
        return;
    }
    v->summary.batches++;
    check_signature(v, b);
    if (v->options.excerpt && !o->started) {
        start_excerpt(v, b);
        return;
    }
    if (b->last_seq != o->seq || !verifier_digest_is(b->head, o->head)) {
        report_at(v, b->last_seq, "the signature is of other records than those stored");
        return;
    }
    if (b->first_seq != o->signed_through + 1 || b->time_us != o->unsigned_time_us) {
        report_at(v, b->first_seq, "the signature doesn't cover the records before it exactly");
    }
    o->signed_through = b->last_seq;
}

// ---- what checkpoints say

// Retention has removed everything up to the claim.
static void skip_dropped(struct audit_verifier *v, const struct audit_claim_item *c)
{
    struct open_chain *o = &v->open;
    if (c->seq <= o->seq && o->started) {
        report_at(v, c->seq, "a tombstone says that these records were removed, but they are here");
        return;
    }
    v->summary.dropped_records += c->seq - o->seq;
    o->owed = false;
    o->seq = c->seq;
    o->signed_through = c->seq;
    (void)verifier_digest(c->head, &o->head);
}

static void check_claim(struct audit_verifier *v, const struct audit_claim_item *c)
{
    struct open_chain *o = &v->open;
    if (c->dropped) {
        skip_dropped(v, c);
    } else if (c->seq > o->seq && !o->owed) {
        o->owed = true;
        o->debt = (struct audit_problem){.what = "records that the checkpoint knows are missing",
                                         .chain_id = c->chain_id,
                                         .seq = o->seq + 1,
                                         .checkpoint = c->number};
    } else if (c->seq == o->seq && !verifier_digest_is(c->head, o->head)) {
        verifier_report(v,
                        (struct audit_problem){.what = "the checkpoint knows another record here",
                                               .chain_id = c->chain_id,
                                               .seq = c->seq,
                                               .checkpoint = c->number});
    }
}

static void note_claim(struct verified_chain *chain, const struct audit_claim_item *c)
{
    if (c->dropped) {
        return;
    }
    if (chain->claims == 0 || c->number < chain->first_claim) {
        chain->first_claim = c->number;
    }
    chain->last_claim = c->number > chain->last_claim ? c->number : chain->last_claim;
    chain->claims++;
    chain->claimed_closed = chain->claimed_closed || c->closed;
}

struct status verifier_take_claim(struct audit_verifier *v, const struct audit_claim_item *c)
{
    struct verified_checkpoint *checkpoint = NULL;
    struct digest head;
    if (c->number < 1 || !verifier_digest(c->head, &head)) {
        verifier_report(v, (struct audit_problem){.what = "what the checkpoint says was altered",
                                                  .chain_id = c->chain_id,
                                                  .checkpoint = c->number});
        return OK_STATUS;
    }
    TRY(verified_checkpoints_reach(&v->checkpoints, c->number, &checkpoint));
    audit_content_add(&checkpoint->content, c->chain_id, c->seq, head, c->closed, c->dropped);
    if (!v->open.active || current(v)->id != c->chain_id) {
        verifier_report(v,
                        (struct audit_problem){.what = "the checkpoint knows a chain that is gone",
                                               .chain_id = c->chain_id,
                                               .seq = c->seq,
                                               .checkpoint = c->number});
        return OK_STATUS;
    }
    note_claim(current(v), c);
    check_claim(v, c);
    return OK_STATUS;
}

// ---- the end of a chain

void verifier_finish_chain(struct audit_verifier *v)
{
    struct open_chain *o = &v->open;
    if (!o->active) {
        return;
    }
    settle_debt(v);
    if (o->signed_through < o->seq) {
        report_at(v, o->signed_through + 1, "no signature covers the chain's records from here on");
    }
    if (o->closed && !v->options.excerpt &&
        (o->seq != o->closed_seq || !digest_equal(o->head, o->closed_head))) {
        report_at(v, o->closed_seq, "the chain was closed here, but ends elsewhere");
    }
    current(v)->seq = o->seq;
    current(v)->head = o->head;
    o->active = false;
}
