// SPDX-License-Identifier: ISC
#include <stdarg.h>
#include <unistd.h>

#include "vault/crypto/random.h"
#include "vault/rotation/conformance/conformance_internal.h"

enum { VALUE_BYTES = 24, PATIENCE_US = 3 * CLOCK_SECOND, PAUSE_US = 50000 };

static void say(struct verdict *v, enum conformance_outcome outcome, const char *format,
                va_list args)
{
    v->outcome = outcome;
    vsnprintf(v->detail, sizeof v->detail, format, args);
}

#define VERDICT(name, outcome)                                                                     \
    void name(struct verdict *v, const char *format, ...)                                          \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        say(v, outcome, format, args);                                                             \
        va_end(args);                                                                              \
    }
VERDICT(pass, CONFORMANCE_PASSED)
VERDICT(fault, CONFORMANCE_FAILED)
VERDICT(skip, CONFORMANCE_SKIPPED)

void answer_done(struct answer *a)
{
    protocol_reply_done(&a->reply);
}

void made_done(struct made *m)
{
    secret_free(m->value);
    secret_free(m->public_part);
    *m = (struct made){.value = NULL};
}

bool has_op(const struct conformance *c, enum protocol_op op)
{
    return (c->hello.ops & (1U << op)) != 0;
}

int64_t next_fence(struct conformance *c)
{
    return ++c->fence;
}

struct secret *new_value(void)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    struct secret *s = secret_new(VALUE_BYTES);
    if (s != NULL) {
        random_fill(secret_data(s), VALUE_BYTES);
        for (size_t i = 0; i < VALUE_BYTES; i++) {
            secret_data(s)[i] = (uint8_t)letters[secret_data(s)[i] % (sizeof letters - 1)];
        }
    }
    return s;
}

static struct rotunda_bytes lend(struct conformance *c, const struct secret *s)
{
    leaks_add(c, secret_view(s));
    return protocol_bytes(secret_view(s));
}

static struct rotunda_bytes lend_public(const struct secret *s)
{
    return protocol_bytes(secret_view(s));
}

// The salt is the value's own, as stored: the same value is applied with the same salt.
static struct rotunda_bytes salt_of(struct conformance *c, const struct secret *value)
{
    enum { SALT_BYTES = 16 };
    uint8_t *salt = value == NULL ? NULL : arena_alloc(c->arena, SALT_BYTES);
    for (size_t i = 0; salt != NULL && i < SALT_BYTES; i++) {
        struct bytes v = secret_view(value);
        salt[i] = (uint8_t)(v.ptr[i % v.len] * 7U + i);
    }
    return (struct rotunda_bytes){salt, salt == NULL ? 0 : SALT_BYTES};
}

struct rotunda_call question_call(struct conformance *c, const struct question *q,
                                  const char *attempt)
{
    const struct conformance_options *o = c->options;
    const struct settings *target = q->target == NULL ? &o->target : q->target;
    const struct secret *own = q->principal_secret == NULL ? o->secret : q->principal_secret;
    bool chosen = c->hello.kind == ROTUNDA_K1 || c->hello.kind == ROTUNDA_K2;
    return (struct rotunda_call){
        .attempt = protocol_text(str_from_c(attempt)),
        .fence = q->fence == 0 ? next_fence(c) : q->fence,
        .target = {target->items, target->count, protocol_text(o->principal), lend(c, own)},
        .account = {protocol_text(o->account), o->account_settings.items,
                    o->account_settings.count},
        .value = {.secret = lend(c, q->value),
                  .public_part = lend_public(q->public_part),
                  .salt = chosen ? salt_of(c, q->value) : (struct rotunda_bytes){NULL, 0},
                  .external_id = protocol_text(str_from_c(q->external_id))},
        .previous = {.secret = lend(c, q->previous),
                     .public_part = lend_public(q->previous_public),
                     .external_id = protocol_text(str_from_c(q->previous_id))}};
}

// What an issuer or generator says for the first time isn't a leak, unless it says it elsewhere
// too.
static void search_reply(struct conformance *c, enum protocol_op op, struct str line,
                         const struct protocol_reply *r)
{
    const char *name = protocol_op_name(op).ptr;
    leaks_search_line(c, line, name);
    if (r->issued != NULL) {
        leaks_add(c, secret_view(r->issued));
    }
    if (r->generated != NULL) {
        leaks_add(c, secret_view(r->generated));
    }
    leaks_search_line(c, r->message, name);
    leaks_search_line(c, r->issued_id, name);
}

static struct status exchange(struct conformance *c, struct protocol_request *request,
                              int64_t wait_us, struct protocol_reply *out)
{
    CLEANUP(buffer_done) struct buffer line;
    struct str received;
    struct str kept;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    TRY(protocol_request_encode(request, &line));
    TRY(talk_send(c, buffer_bytes(&line)));
    TRY(talk_receive(c, wait_us, &received));
    TRY(arena_copy_str(c->arena, received, &kept));
    leaks_search_processes(c, "after its answer");
    struct status decoded = protocol_reply_decode(kept, request, c->arena, out);
    if (!status_ok(decoded)) {
        leaks_search_line(c, kept, protocol_op_name(request->op).ptr);
        return decoded;
    }
    search_reply(c, request->op, kept, out);
    return OK_STATUS;
}

static struct status try_ask(struct conformance *c, const struct question *q,
                             struct protocol_reply *out)
{
    char attempt[UUID_TEXT_BYTES];
    int64_t timeout_us = q->timeout_us > 0 ? q->timeout_us : c->options->timeout_s * CLOCK_SECOND;
    uuid_format(uuid_is_nil(q->attempt) ? uuid_new() : q->attempt, attempt);
    if (c->talk.channel < 0) {
        TRY(talk_start(c, timeout_us + SHORT_US));
        TRY(talk_hello(c, &c->hello));
    }
    struct protocol_request request = {
        .id = ++c->talk.last_id, .op = q->op, .call = question_call(c, q, attempt)};
    request.call.timeout_ms = timeout_us / 1000;
    return exchange(c, &request, timeout_us, out);
}

void ask(struct conformance *c, const struct question *q, struct answer *out)
{
    *out = (struct answer){.status = OK_STATUS};
    // A process lives as long as its target's time, and says 1 MiB; the next question gets another
    // one.
    int64_t left_us = c->talk.deadline_us - clock_monotonic_us();
    bool talkative = c->talk.received > LIMIT_ROTATOR_OUTPUT_BYTES / 2;
    if (c->talk.channel >= 0 && (talkative || left_us < c->options->timeout_s * CLOCK_SECOND)) {
        talk_kill(c);
    }
    out->status = try_ask(c, q, &out->reply);
    if (!status_ok(out->status)) {
        talk_kill(c);
    }
}

const char *answer_text(struct conformance *c, enum protocol_op op, const struct answer *a)
{
    struct str text = STR("");
    const char *name = protocol_op_name(op).ptr;
    if (!status_ok(a->status)) {
        status_ignore(arena_printf(c->arena, &text, "%s: %s", name, a->status.what));
        return text.ptr;
    }
    bool hidden = c->leaks.where[0] != '\0';
    struct str message =
        hidden ? STR("(its message isn't shown: it may hold a value)") : a->reply.message;
    status_ignore(arena_printf(c->arena, &text, "%s answered %s, %s%s%.*s", name,
                               protocol_result_name(a->reply.result).ptr,
                               protocol_error_name(a->reply.error).ptr, message.len > 0 ? ": " : "",
                               STR_ARG(message)));
    return text.len > 0 ? text.ptr : name;
}

bool expect(struct conformance *c, struct verdict *v, enum protocol_op op, const struct answer *a,
            enum protocol_result wanted)
{
    if (status_ok(a->status) && a->reply.result == wanted) {
        return true;
    }
    fault(v, "%s; expected %s", answer_text(c, op, a), protocol_result_name(wanted).ptr);
    return false;
}

bool probe_until(struct conformance *c, struct question q, enum protocol_result wanted,
                 struct answer *out)
{
    int64_t until_us = clock_monotonic_us() + c->hello.acceptance_s * CLOCK_SECOND + PATIENCE_US;
    q.op = PROTOCOL_PROBE;
    for (;;) {
        ask(c, &q, out);
        bool there = status_ok(out->status) && out->reply.result == wanted;
        bool definite = status_ok(out->status) && out->reply.result != PROTOCOL_UNREACHABLE &&
                        c->hello.acceptance_s == 0;
        if (there || definite || clock_monotonic_us() > until_us) {
            return there;
        }
        answer_done(out);
        usleep(PAUSE_US);
    }
}

void set_current(struct conformance *c, struct secret *value, struct secret *public_part,
                 struct str external_id)
{
    secret_free(c->current);
    secret_free(c->current_public);
    c->current = value;
    c->current_public = public_part;
    snprintf(c->current_id, sizeof c->current_id, "%.*s", STR_ARG(external_id));
    c->established = true;
}

struct question about(enum protocol_op op, const struct made *m)
{
    bool named_by_value = m->public_part == NULL && m->id[0] == '\0';
    return (struct question){.op = op,
                             .value = op == PROTOCOL_PROBE || named_by_value ? m->value : NULL,
                             .public_part = m->public_part,
                             .external_id = m->id};
}

static bool generate(struct conformance *c, struct verdict *v, struct made *out)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c, &(struct question){.op = PROTOCOL_GENERATE}, &a);
    if (!expect(c, v, PROTOCOL_GENERATE, &a, PROTOCOL_DONE)) {
        return false;
    }
    if (a.reply.generated == NULL || a.reply.generated_public == NULL) {
        fault(v, "generate answered done without `generated`");
        return false;
    }
    out->value = TAKE(a.reply.generated);
    out->public_part = TAKE(a.reply.generated_public);
    return true;
}

static bool take_issued(struct conformance *c, struct verdict *v, struct answer *a,
                        struct made *out)
{
    snprintf(out->id, sizeof out->id, "%.*s", STR_ARG(a->reply.issued_id));
    out->valid_until_us = a->reply.issued_valid_until_us;
    bool issued = c->hello.kind >= ROTUNDA_K4;
    if (issued && a->reply.issued == NULL) {
        fault(v, "apply answered applied without `issued` and its secret: what was made is lost");
        return false;
    }
    if (issued) {
        out->value = TAKE(a->reply.issued);
    }
    return true;
}

bool make_one(struct conformance *c, struct verdict *v, struct made *out)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    enum rotunda_kind kind = c->hello.kind;
    *out = (struct made){.attempt = uuid_new()};
    if (kind == ROTUNDA_K3 && !generate(c, v, out)) {
        return false;
    }
    if (kind <= ROTUNDA_K2 && (out->value = new_value()) == NULL) {
        fault(v, "out of locked memory");
        return false;
    }
    bool shown = kind == ROTUNDA_K2 || kind == ROTUNDA_K5;
    const struct question q = {.op = PROTOCOL_APPLY,
                               .value = kind <= ROTUNDA_K2 ? out->value : NULL,
                               .public_part = out->public_part,
                               .previous = shown ? c->current : NULL,
                               .previous_public = c->current_public,
                               .previous_id = c->current_id,
                               .attempt = out->attempt};
    ask(c, &q, &a);
    return expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_APPLIED) && take_issued(c, v, &a, out);
}
