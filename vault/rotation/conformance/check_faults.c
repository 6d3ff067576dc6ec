// SPDX-License-Identifier: ISC
// When something is wrong around the rotator: it is killed, its own credential is refused, the
// target isn't there or says nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/rotation/conformance/conformance_internal.h"

enum { SILENT_US = 2 * CLOCK_SECOND, GRACE_US = CLOCK_SECOND, PAUSE_US = 50000 };

// ---- killed

// Sends an apply and kills the process after `delay_us`.
static struct status apply_and_kill(struct conformance *c, const struct question *q,
                                    int64_t delay_us)
{
    CLEANUP(buffer_done) struct buffer line;
    char attempt[UUID_TEXT_BYTES];
    struct protocol_hello hello;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    uuid_format(q->attempt, attempt);
    TRY(talk_start(c, c->options->timeout_s * CLOCK_SECOND));
    TRY(talk_hello(c, &hello));
    struct protocol_request request = {.id = ++c->talk.last_id, .op = PROTOCOL_APPLY};
    request.call = question_call(c, q, attempt);
    request.call.timeout_ms = c->options->timeout_s * 1000;
    TRY(protocol_request_encode(&request, &line));
    TRY(talk_send(c, buffer_bytes(&line)));
    usleep((useconds_t)delay_us);
    talk_kill(c);
    return OK_STATUS;
}

struct outcome {
    bool definite;
    bool new_works;
    bool old_works;
    const char *text; // of what wasn't definite
};

static bool probe_once(struct conformance *c, const struct question *q, struct outcome *out)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c, q, &a);
    if (!status_ok(a.status) || a.reply.result == PROTOCOL_UNREACHABLE) {
        out->definite = false;
        out->text = answer_text(c, PROTOCOL_PROBE, &a);
    }
    return status_ok(a.status) && a.reply.result == PROTOCOL_WORKS;
}

static struct outcome probe_both(struct conformance *c, const struct made *m)
{
    struct outcome o = {.definite = true};
    const struct question fresh = about(PROTOCOL_PROBE, m);
    const struct question old = {.op = PROTOCOL_PROBE,
                                 .value = c->current,
                                 .public_part = c->current_public,
                                 .external_id = c->current_id};
    o.new_works = probe_once(c, &fresh, &o);
    o.old_works = probe_once(c, &old, &o);
    return o;
}

// One of the two works, or both where they overlap, and nothing in between.
static bool one_works(struct conformance *c, struct verdict *v, const struct made *m, int delay_ms)
{
    bool overlap = c->hello.kind == ROTUNDA_K2 || c->hello.kind == ROTUNDA_K3;
    int64_t until_us = clock_monotonic_us() + c->hello.acceptance_s * CLOCK_SECOND + GRACE_US;
    struct outcome o;
    bool good;
    do {
        o = probe_both(c, m);
        good = o.definite && (overlap ? o.new_works || o.old_works : o.new_works != o.old_works);
    } while (!good && clock_monotonic_us() < until_us && usleep(PAUSE_US) == 0);
    if (!good) {
        const char *seen =
            o.new_works ? "both values work" : "neither the value before nor the new one works";
        fault(v, "killed %d ms into apply: %s", delay_ms, o.definite ? seen : o.text);
    }
    return good;
}

static bool end_before(struct conformance *c, struct verdict *v)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    if (c->hello.kind == ROTUNDA_K1) {
        return true;
    }
    ask(c,
        &(struct question){.op = PROTOCOL_RETIRE,
                           .value = c->hello.kind == ROTUNDA_K2 ? c->current : NULL,
                           .public_part = c->current_public,
                           .external_id = c->current_id},
        &a);
    return expect(c, v, PROTOCOL_RETIRE, &a, PROTOCOL_APPLIED);
}

// What the engine does then: the same value once more.
static bool recover_chosen(struct conformance *c, struct verdict *v, struct made *m, int delay_ms)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer p CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c,
        &(struct question){.op = PROTOCOL_APPLY,
                           .value = c->hello.kind == ROTUNDA_K3 ? NULL : m->value,
                           .public_part = m->public_part,
                           .previous = c->hello.kind == ROTUNDA_K2 ? c->current : NULL,
                           .previous_public = c->current_public},
        &a);
    if (!expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_APPLIED)) {
        return false;
    }
    snprintf(m->id, sizeof m->id, "%.*s", STR_ARG(a.reply.issued_id));
    if (!probe_until(c, about(PROTOCOL_PROBE, m), PROTOCOL_WORKS, &p)) {
        fault(v, "killed %d ms into apply and applied again: %s", delay_ms,
              answer_text(c, PROTOCOL_PROBE, &p));
        return false;
    }
    if (!end_before(c, v)) {
        return false;
    }
    set_current(c, TAKE(m->value), TAKE(m->public_part), str_from_c(m->id));
    return true;
}

static bool kill_chosen(struct conformance *c, struct verdict *v, int delay_ms)
{
    struct made m CLEANUP(made_done) = {.attempt = uuid_new()};
    if (c->hello.kind == ROTUNDA_K3) {
        struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
        ask(c, &(struct question){.op = PROTOCOL_GENERATE}, &a);
        if (!expect(c, v, PROTOCOL_GENERATE, &a, PROTOCOL_DONE)) {
            return false;
        }
        m.value = TAKE(a.reply.generated);
        m.public_part = TAKE(a.reply.generated_public);
    } else {
        m.value = new_value();
    }
    const struct question q = {.value = c->hello.kind == ROTUNDA_K3 ? NULL : m.value,
                               .public_part = m.public_part,
                               .previous = c->hello.kind == ROTUNDA_K2 ? c->current : NULL,
                               .previous_public = c->current_public,
                               .attempt = m.attempt};
    struct status s = apply_and_kill(c, &q, (int64_t)delay_ms * 1000);
    if (!status_ok(s)) {
        fault(v, "it doesn't start: %s", s.what);
        return false;
    }
    return one_works(c, v, &m, delay_ms) && recover_chosen(c, v, &m, delay_ms);
}

// Ends what carries the tag of the attempt that was killed.
static bool end_tagged(struct conformance *c, struct verdict *v, struct uuid attempt)
{
    char text[UUID_TEXT_BYTES];
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    uuid_format(attempt, text);
    ask(c, &(struct question){.op = PROTOCOL_LIST_EXTERNAL}, &a);
    if (!expect(c, v, PROTOCOL_LIST_EXTERNAL, &a, PROTOCOL_DONE)) {
        return false;
    }
    size_t found = 0;
    for (size_t i = 0; i < a.reply.external_count; i++) {
        struct made orphan = {.value = NULL};
        struct answer ended CLEANUP(answer_done) = {.status = OK_STATUS};
        const struct protocol_external *e = &a.reply.externals[i];
        if (!str_equal_c(e->attempt, text)) {
            continue;
        }
        found++;
        snprintf(orphan.id, sizeof orphan.id, "%.*s", STR_ARG(e->external_id));
        struct question q = about(PROTOCOL_RETIRE, &orphan);
        ask(c, &q, &ended);
        if (!expect(c, v, PROTOCOL_RETIRE, &ended, PROTOCOL_APPLIED)) {
            return false;
        }
    }
    if (found > 1) {
        fault(v, "one apply that was killed has made %zu: it may make one thing", found);
    }
    return found <= 1;
}

// K4 to K6: what came of it is in the list; a new one is made as if nothing had been.
static bool kill_issued(struct conformance *c, struct verdict *v, int delay_ms)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer p CLEANUP(answer_done) = {.status = OK_STATUS};
    const struct question q = {.previous = c->hello.kind == ROTUNDA_K5 ? c->current : NULL,
                               .previous_id = c->current_id,
                               .attempt = uuid_new()};
    struct status s = apply_and_kill(c, &q, (int64_t)delay_ms * 1000);
    if (!status_ok(s)) {
        fault(v, "it doesn't start: %s", s.what);
        return false;
    }
    if (has_op(c, PROTOCOL_LIST_EXTERNAL) && !end_tagged(c, v, q.attempt)) {
        return false;
    }
    if (!make_one(c, v, &m)) {
        return false;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &p)) {
        fault(v, "killed %d ms into apply, then another one: %s", delay_ms,
              answer_text(c, PROTOCOL_PROBE, &p));
        return false;
    }
    if (c->hello.kind == ROTUNDA_K4 && !end_before(c, v)) {
        return false;
    }
    set_current(c, TAKE(m.value), NULL, str_from_c(m.id));
    return true;
}

void check_killed(struct conformance *c, struct verdict *v)
{
    static const int delays_ms[] = {0, 2, 8, 25, 80, 250};
    bool rolled_blindly =
        c->hello.kind == ROTUNDA_K5 && (c->hello.idempotent & ROTUNDA_REROLL) == 0;
    if (rolled_blindly) {
        skip(v, "a K5 without `reroll` blocks after an unknown outcome: a person tells the value");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(delays_ms); i++) {
        bool good = c->hello.kind >= ROTUNDA_K4 ? kill_issued(c, v, delays_ms[i])
                                                : kill_chosen(c, v, delays_ms[i]);
        if (!good) {
            return;
        }
    }
    pass(v,
         "killed 0 to 250 ms into apply: a definite state each time, and the next run ended well");
}

// ---- the rotator's own credential

void check_wrong_secret(struct conformance *c, struct verdict *v)
{
    struct secret *wrong CLEANUP(secret_cleanup) = new_value();
    struct secret *value CLEANUP(secret_cleanup) = new_value();
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer p CLEANUP(answer_done) = {.status = OK_STATUS};
    bool chosen = c->hello.kind <= ROTUNDA_K2;
    if (c->options->secret == NULL) {
        skip(v, "no -secret was given");
        return;
    }
    ask(c,
        &(struct question){.op = PROTOCOL_APPLY,
                           .value = chosen ? value : NULL,
                           .public_part = c->hello.kind == ROTUNDA_K3 ? value : NULL,
                           .previous = c->current,
                           .previous_id = c->current_id,
                           .principal_secret = wrong},
        &a);
    if (!expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_NOT_APPLIED)) {
        return;
    }
    bool named = a.reply.error == ROTUNDA_ERROR_NOT_PERMITTED ||
                 a.reply.error == ROTUNDA_ERROR_UNREACHABLE ||
                 a.reply.error == ROTUNDA_ERROR_UNTRUSTED;
    if (!named) {
        fault(v, "%s; expected not_permitted or unreachable", answer_text(c, PROTOCOL_APPLY, &a));
        return;
    }
    struct str refusal = str_from_c(answer_text(c, PROTOCOL_APPLY, &a));
    ask(c,
        &(struct question){.op = PROTOCOL_PROBE,
                           .value = value,
                           .public_part = c->current_public,
                           .external_id = c->current_id,
                           .principal_secret = wrong},
        &p);
    if (status_ok(p.status) && p.reply.result == PROTOCOL_WORKS) {
        fault(v, "probe answered works for a wrong value while its own credential is refused");
        return;
    }
    pass(v, "%.*s", STR_ARG(refusal));
}

// ---- a target that isn't there

static bool has_address(const struct conformance *c)
{
    return settings_spec(c->hello.target_settings, STR("host")) != NULL &&
           settings_spec(c->hello.target_settings, STR("port")) != NULL;
}

// A port of this machine: closed, or listening and never saying a word.
static int open_port(bool listening, char text[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
                (!listening || listen(fd, 1) == 0);
    snprintf(text, 8, "%u", good ? (unsigned)ntohs(address.sin_port) : 0);
    return fd;
}

static void ask_elsewhere(struct conformance *c, struct verdict *v, bool listening)
{
    struct secret *value CLEANUP(secret_cleanup) = new_value();
    struct settings elsewhere = c->options->target;
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    char port[8];
    if (!has_address(c)) {
        skip(v, "it has no settings host and port");
        return;
    }
    int fd = open_port(listening, port);
    struct status s = settings_add(&elsewhere, "host", STR("127.0.0.1"), c->arena);
    s = status_ok(s) ? settings_add(&elsewhere, "port", str_from_c(port), c->arena) : s;
    if (!status_ok(s) || fd < 0) {
        skip(v, "no port on this machine");
        return;
    }
    int64_t begun_us = clock_monotonic_us();
    ask(c,
        &(struct question){.op = PROTOCOL_PROBE,
                           .value = value,
                           .public_part = c->current_public,
                           .external_id = c->current_id,
                           .target = &elsewhere,
                           .timeout_us = SILENT_US},
        &a);
    int64_t took_us = clock_monotonic_us() - begun_us;
    close(fd);
    talk_kill(c);
    if (!status_ok(a.status)) {
        fault(v, "with timeout_ms 2000: %s", answer_text(c, PROTOCOL_PROBE, &a));
    } else if (expect(c, v, PROTOCOL_PROBE, &a, PROTOCOL_UNREACHABLE)) {
        (took_us > SILENT_US + GRACE_US ? fault : pass)(v, "%s, after %lld ms",
                                                        answer_text(c, PROTOCOL_PROBE, &a),
                                                        (long long)(took_us / 1000));
    }
}

void check_closed_port(struct conformance *c, struct verdict *v)
{
    ask_elsewhere(c, v, false);
}

void check_silent_host(struct conformance *c, struct verdict *v)
{
    ask_elsewhere(c, v, true);
}
