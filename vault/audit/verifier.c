// SPDX-License-Identifier: ISC
#include "vault/audit/verifier_internal.h"

#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/limits.h"

#define NUMBER_MAX (INT64_C(1) << 40) // of chains, records and checkpoints: more is nonsense

// A chain that is as old as this when a checkpoint is made must be in it: its opening may have been
// under way.
#define OPENING_US (120 * (int64_t)CLOCK_SECOND)

void audit_verifier_free(struct audit_verifier *v)
{
    if (v != NULL) {
        audit_reigns_done(&v->reigns);
        free(v->chains);
        verified_checkpoints_done(&v->checkpoints);
        free(v);
    }
}

void audit_verifier_cleanup(struct audit_verifier **v)
{
    audit_verifier_free(*v);
}

struct status audit_verifier_new(const struct audit_verifier_options *options,
                                 struct audit_verifier **out)
{
    struct audit_verifier *v = calloc(1, sizeof *v);
    if (v == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    v->options = *options;
    *out = v;
    return OK_STATUS;
}

void verifier_report(struct audit_verifier *v, struct audit_problem p)
{
    v->summary.problems++;
    v->options.report(v->options.ctx, &p);
}

bool verifier_digest(struct bytes stored, struct digest *out)
{
    if (stored.len != DIGEST_BYTES) {
        return false;
    }
    memcpy(out->octets, stored.ptr, DIGEST_BYTES);
    return true;
}

bool verifier_digest_is(struct bytes stored, struct digest expected)
{
    struct digest d;
    return verifier_digest(stored, &d) && digest_equal(d, expected);
}

const struct verified_chain *verifier_chain(const struct audit_verifier *v, int64_t id)
{
    size_t low = 0;
    size_t high = v->chain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->chains[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < v->chain_count && v->chains[low].id == id ? &v->chains[low] : NULL;
}

struct status verifier_note_signed(struct audit_verifier *v, bool genuine)
{
    v->unsigned_count += !genuine || v->keys_doubtful;
    if (v->unsigned_count > LIMIT_AUDIT_UNSIGNED) {
        FAIL(LIMIT, "too many keys, chains and checkpoints that this vault didn't sign");
    }
    return OK_STATUS;
}

// ---- keys

static void check_first_key(struct audit_verifier *v, const struct audit_key_item *key)
{
    memcpy(v->summary.first_key, key->public_key.ptr, AUDIT_PUBLIC_KEY_BYTES);
    if (v->options.first_key.len > 0 && !bytes_equal(v->options.first_key, key->public_key)) {
        v->keys_doubtful = true;
        verifier_report(v, (struct audit_problem){.what = "the first key isn't the one expected: "
                                                          "this is another vault's log, or forged",
                                                  .key_number = 1});
    }
}

static struct status take_key(struct audit_verifier *v, const struct audit_key_item *key)
{
    size_t before = v->reigns.count;
    struct status added = audit_reigns_add(&v->reigns, key);
    if (added.code == STATUS_NOMEM) {
        return added;
    }
    bool taken = v->reigns.count > before;
    if (!status_ok(added)) {
        v->keys_doubtful = v->keys_doubtful || taken;
        verifier_report(v, (struct audit_problem){.what = added.what, .key_number = key->number});
    }
    v->summary.keys++;
    if (key->number == 1 && key->public_key.len == AUDIT_PUBLIC_KEY_BYTES) {
        check_first_key(v, key);
    }
    return taken ? verifier_note_signed(v, status_ok(added)) : OK_STATUS;
}

// ---- checkpoints

static void report_checkpoint(struct audit_verifier *v, int64_t number, const char *what)
{
    verifier_report(v, (struct audit_problem){.what = what, .checkpoint = number});
}

static struct digest hash_before(const struct audit_verifier *v, int64_t number)
{
    struct digest zero = {{0}};
    const struct verified_checkpoint *before =
        verified_checkpoints_get(&v->checkpoints, number - 1);
    return before == NULL ? zero : before->hash;
}

// True when its signature is good.
static bool check_checkpoint(struct audit_verifier *v, const struct audit_checkpoint_item *c,
                             const struct verified_checkpoint *known)
{
    struct audit_checkpoint_header header = {.number = c->number,
                                             .time_us = c->time_us,
                                             .dropped_before_us = c->dropped_before_us,
                                             .content = known->content};
    bool linked = verifier_digest_is(c->previous_hash, hash_before(v, c->number));
    if (!linked) {
        report_checkpoint(v, c->number, "the checkpoint doesn't follow the one before it");
    }
    (void)verifier_digest(c->previous_hash, &header.previous_hash);
    struct digest stored = {{0}};
    (void)verifier_digest(c->hash, &stored);
    if (!digest_equal(audit_checkpoint_hash(&header), stored)) {
        report_checkpoint(v, c->number,
                          "the checkpoint, or what it says of the chains, was altered");
    }
    const struct audit_signed s = {.what = stored,
                                   .time_us = c->time_us,
                                   .key_number = c->key_number,
                                   .signature = c->signature};
    struct status genuine = audit_reigns_check(&v->reigns, &s);
    if (!status_ok(genuine)) {
        report_checkpoint(v, c->number, genuine.what);
    }
    return status_ok(genuine);
}

static void report_missing_checkpoints(struct audit_verifier *v, int64_t expected, int64_t found)
{
    for (int64_t n = expected; n < found && n - expected < LIMIT_AUDIT_GAP_PROBLEMS; n++) {
        report_checkpoint(v, n, "the checkpoint was removed");
    }
}

static struct status take_checkpoint(struct audit_verifier *v,
                                     const struct audit_checkpoint_item *c)
{
    verifier_finish_chain(v);
    if (c->number <= v->checkpoints_seen) {
        report_checkpoint(v, c->number, "the checkpoint comes out of order");
        return OK_STATUS;
    }
    struct verified_checkpoint *known = NULL;
    TRY(verified_checkpoints_reach(&v->checkpoints, c->number, &known));
    report_missing_checkpoints(v, v->checkpoints_seen + 1, c->number);
    bool genuine = check_checkpoint(v, c, known);
    known->seen = true;
    known->time_us = c->time_us;
    known->tombstone = c->dropped_before_us != 0;
    (void)verifier_digest(c->hash, &known->hash);
    v->checkpoints_seen = c->number;
    v->summary.checkpoints++;
    return verifier_note_signed(v, genuine);
}

// Sums of what passes stay within int64_t.
static bool makes_sense(const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] < 0 || numbers[i] > NUMBER_MAX) {
            return false;
        }
    }
    return true;
}

#define MAKES_SENSE(...)                                                                           \
    makes_sense((const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static bool has_sane_numbers(const struct audit_item *item)
{
    switch (item->kind) {
    case AUDIT_ITEM_KEY:
        return MAKES_SENSE(item->key.number);
    case AUDIT_ITEM_CHAIN:
        return MAKES_SENSE(item->chain.header.id, item->chain.closed_seq);
    case AUDIT_ITEM_RECORD:
        return MAKES_SENSE(item->record.chain_id, item->record.seq);
    case AUDIT_ITEM_BATCH:
        return MAKES_SENSE(item->batch.chain_id, item->batch.first_seq, item->batch.last_seq);
    case AUDIT_ITEM_CLAIM:
        return MAKES_SENSE(item->claim.chain_id, item->claim.number, item->claim.seq);
    case AUDIT_ITEM_CHECKPOINT:
        return MAKES_SENSE(item->checkpoint.number);
    }
    return false;
}

struct status audit_verifier_take(void *verifier, const struct audit_item *item)
{
    struct audit_verifier *v = verifier;
    if (!has_sane_numbers(item)) {
        verifier_report(v,
                        (struct audit_problem){.what = "a number was altered: no log is so long"});
        return OK_STATUS;
    }
    switch (item->kind) {
    case AUDIT_ITEM_KEY:
        return take_key(v, &item->key);
    case AUDIT_ITEM_CHAIN:
        return verifier_take_chain(v, &item->chain);
    case AUDIT_ITEM_RECORD:
        verifier_take_record(v, &item->record);
        return OK_STATUS;
    case AUDIT_ITEM_BATCH:
        verifier_take_batch(v, &item->batch);
        return OK_STATUS;
    case AUDIT_ITEM_CLAIM:
        return verifier_take_claim(v, &item->claim);
    case AUDIT_ITEM_CHECKPOINT:
        return take_checkpoint(v, &item->checkpoint);
    }
    FAIL(INTERNAL, "no such item");
}

// ---- the end

// Checkpoints that only claims know of: their own rows are gone.
static void check_all_seen(struct audit_verifier *v)
{
    for (size_t i = 0; i < v->checkpoints.count; i++) {
        int64_t number = v->checkpoints.items[i]->number;
        if (number > v->checkpoints_seen) {
            report_checkpoint(v, number, "the checkpoint was removed");
        }
    }
}

// The number of the first ordinary checkpoint that was made long enough after `time_us`; 0 for
// none.
static int64_t first_checkpoint_after(const struct verified_checkpoints *c, int64_t time_us)
{
    for (size_t i = c->count; i > 0; i--) {
        if (c->items[i - 1]->time_us <= time_us + OPENING_US) {
            return i == c->count ? 0 : c->items[i - 1]->number + 1;
        }
    }
    return c->count == 0 ? 0 : 1;
}

// From its first checkpoint to the one that lists it as closed, or the last, none may leave it out.
static void check_listed(struct audit_verifier *v, const struct verified_chain *c)
{
    const struct verified_checkpoints *known = &v->checkpoints;
    int64_t last = c->claimed_closed ? c->last_claim : verified_checkpoints_last(known);
    int64_t first = first_checkpoint_after(known, c->opened_at_us);
    if (c->claims > 0 && (first == 0 || c->first_claim < first)) {
        first = c->first_claim;
    }
    if (first == 0 || last < first) {
        return;
    }
    int64_t expected = verified_checkpoints_ordinary_before(known, last + 1) -
                       verified_checkpoints_ordinary_before(known, first);
    if (c->claims < expected) {
        verifier_report(v, (struct audit_problem){.what = "checkpoints leave the chain out",
                                                  .chain_id = c->id,
                                                  .checkpoint = first});
    }
}

void audit_verifier_end(struct audit_verifier *v)
{
    verifier_finish_chain(v);
    verified_checkpoints_sort(&v->checkpoints);
    check_all_seen(v);
    for (size_t i = 0; i < v->chain_count; i++) {
        check_listed(v, &v->chains[i]);
    }
    if (v->reigns.count == 0) {
        verifier_report(v, (struct audit_problem){.what = "there are no signing keys"});
    }
}

struct audit_summary audit_verifier_summary(const struct audit_verifier *v)
{
    return v->summary;
}

// ---- a witness

static struct status check_witness(const struct audit_verifier *v, const struct audit_witness *w)
{
    const struct audit_checkpoint_item *c = &w->checkpoint;
    struct audit_checkpoint_header header = {
        .number = c->number, .time_us = c->time_us, .dropped_before_us = c->dropped_before_us};
    for (size_t i = 0; i < w->claim_count; i++) {
        struct digest head = {{0}};
        const struct audit_claim_item *claim = &w->claims[i];
        (void)verifier_digest(claim->head, &head);
        audit_content_add(&header.content, claim->chain_id, claim->seq, head, claim->closed,
                          claim->dropped);
    }
    if (!verifier_digest(c->previous_hash, &header.previous_hash) ||
        !verifier_digest_is(c->hash, audit_checkpoint_hash(&header))) {
        FAIL(INTEGRITY, "the witness's own copy of the checkpoint was altered");
    }
    if (c->key_number > (int64_t)v->reigns.count) {
        FAIL(INTEGRITY,
             "the witness's checkpoint is signed with a key that the log doesn't know: it "
             "was put back to an older state, or the witness is of another vault");
    }
    const struct audit_signed s = {.what = audit_checkpoint_hash(&header),
                                   .time_us = c->time_us,
                                   .key_number = c->key_number,
                                   .signature = c->signature};
    if (!status_ok(audit_reigns_check(&v->reigns, &s))) {
        FAIL(INTEGRITY, "the witness's checkpoint isn't of this vault");
    }
    return OK_STATUS;
}

static void check_claim_against(struct audit_verifier *v, const struct audit_claim_item *c)
{
    struct audit_problem p = {.chain_id = c->chain_id, .seq = c->seq, .checkpoint = c->number};
    const struct verified_chain *chain = verifier_chain(v, c->chain_id);
    if (chain == NULL) {
        p.what = "the witness knows a chain that is gone";
        verifier_report(v, p);
    } else if (chain->seq < c->seq) {
        p.what = "the witness knows more records: the chain's tail was cut";
        p.seq = chain->seq + 1;
        verifier_report(v, p);
    } else if (chain->seq == c->seq && !verifier_digest_is(c->head, chain->head)) {
        p.what = "the witness knows another record here";
        verifier_report(v, p);
    }
}

void audit_verifier_against(struct audit_verifier *v, const struct audit_witness *w)
{
    int64_t number = w->checkpoint.number;
    struct status genuine = check_witness(v, w);
    if (!status_ok(genuine)) {
        report_checkpoint(v, number, genuine.what);
        return;
    }
    const struct verified_checkpoint *known = verified_checkpoints_get(&v->checkpoints, number);
    if (known == NULL || !known->seen) {
        report_checkpoint(v, number,
                          "the witness has this checkpoint, the log doesn't: its end was "
                          "removed, or it was put back to an older state");
    } else if (!verifier_digest_is(w->checkpoint.hash, known->hash)) {
        report_checkpoint(v, number, "the witness has another checkpoint of this number");
    }
    for (size_t i = 0; i < w->claim_count; i++) {
        check_claim_against(v, &w->claims[i]);
    }
}
