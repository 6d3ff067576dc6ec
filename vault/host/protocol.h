// SPDX-License-Identifier: ISC
// What the vault and the host of a rotator say to each other: one JSON object per line, one request
// at a time, one reply per request. rotators/README.md specifies it for rotators in any language.
//
//   vault: {"id":0,"op":"hello","abi":1}
//   host: {"id":0,"result":"done","error_class":"none","abi":1,"name":"postgresql","kind":"K1",...}
//   vault: {"id":1,"op":"probe","attempt":"<uuid>","fence":17,"timeout_ms":30000,
//           "target":{...},"account":{...},"value":{...},"previous":{...}}
//   host:  {"id":1,"attempt":"<uuid>","result":"works","error_class":"none","message":""}
//
// Octets that may be secret are base64; names, settings and messages are text. Unknown members are
// ignored. Whatever else isn't as described is INVALID: the vault then kills the host.
#pragma once

#include "rotunda/rotator.h"
#include "vault/base/arena.h"
#include "vault/base/buffer.h"
#include "vault/base/limits.h"
#include "vault/base/secret.h"

#define PROTOCOL_OP_TABLE(X)                                                                       \
    X(HELLO, "hello")                                                                              \
    X(PLAN, "plan")                                                                                \
    X(CHECK, "check")                                                                              \
    X(APPLY, "apply")                                                                              \
    X(PROBE, "probe")                                                                              \
    X(LIST_EXTERNAL, "list_external")                                                              \
    X(SESSIONS, "sessions")                                                                        \
    X(RETIRE, "retire")                                                                            \
    X(REVOKE, "revoke")                                                                            \
    X(GENERATE, "generate")                                                                        \
    X(DISABLE, "disable")                                                                          \
    X(ENABLE, "enable")

enum protocol_op {
#define X(name, text) PROTOCOL_##name,
    PROTOCOL_OP_TABLE(X)
#undef X
        PROTOCOL_OP_COUNT
};

// probe answers works, rejected or unreachable; apply, retire, revoke, disable and enable answer
// applied, not_applied or unknown; all others done or failed.
#define PROTOCOL_RESULT_TABLE(X)                                                                   \
    X(DONE, "done")                                                                                \
    X(FAILED, "failed")                                                                            \
    X(APPLIED, "applied")                                                                          \
    X(NOT_APPLIED, "not_applied")                                                                  \
    X(UNKNOWN, "unknown")                                                                          \
    X(WORKS, "works")                                                                              \
    X(REJECTED, "rejected")                                                                        \
    X(UNREACHABLE, "unreachable")

enum protocol_result {
#define X(name, text) PROTOCOL_##name,
    PROTOCOL_RESULT_TABLE(X)
#undef X
        PROTOCOL_RESULT_COUNT
};

enum {
    PROTOCOL_SETTINGS_MAX = 64, // of a target or an account
    PROTOCOL_STEPS_MAX = 64,
    PROTOCOL_CHECKS_MAX = 64,
    PROTOCOL_EXTERNALS_MAX = 1000,
    PROTOCOL_SECRETS_MAX = 8,
    PROTOCOL_EXTERNAL_ID_BYTES = 512,
    PROTOCOL_ACCEPTANCE_S = 900,
    PROTOCOL_ACCEPTANCE_PROBES = 10,
};

struct protocol_request {
    int64_t id;
    enum protocol_op op;
    int64_t abi;              // hello only
    struct rotunda_call call; // everything borrowed
    // What a decoded request owns; protocol_request_done() wipes it.
    struct secret *secrets[PROTOCOL_SECRETS_MAX];
    size_t secret_count;
};

struct protocol_check {
    struct str name;
    enum rotunda_check_state state;
    struct str detail;
    struct str how_to_grant;
};

struct protocol_external {
    struct str external_id;
    struct str attempt;
    int64_t created_us;
    int64_t last_used_us;
    bool enabled;
};

// Answer to hello.
struct protocol_hello {
    int64_t abi;
    struct str name;
    enum rotunda_kind kind;
    bool overlap;
    int64_t max_slots;   // 0 unlimited
    uint32_t idempotent; // ROTUNDA_IDEMPOTENT_*, ROTUNDA_REROLL
    bool fences;
    int64_t acceptance_s;
    int64_t acceptance_probes;
    uint32_t ops; // 1 << enum protocol_op
    // Lists that end with a NULL name; never NULL in what was decoded.
    const struct rotunda_setting_spec *target_settings;
    const struct rotunda_setting_spec *account_settings;
};

// Texts and lists are borrowed: from the arena that it was decoded into.
struct protocol_reply {
    int64_t id;
    struct str attempt; // empty for hello
    enum protocol_result result;
    enum rotunda_error error;
    struct str message; // at most ROTUNDA_MESSAGE_BYTES
    int64_t sessions;
    const struct str *steps;
    size_t step_count;
    const struct protocol_check *checks;
    size_t check_count;
    const struct protocol_external *externals;
    size_t external_count;
    int64_t retry_after_s;
    struct str principal_id; // check; empty: unknown
    struct str issued_id;    // also of an uploaded key, whose `issued` is NULL
    struct secret *issued;   // owned; NULL when nothing was issued: protocol_reply_done()
    int64_t issued_valid_until_us;
    struct secret *generated; // owned; NULL when nothing was generated
    struct secret *generated_public;
    struct protocol_hello hello;
};

struct str protocol_op_name(enum protocol_op op);
struct str protocol_result_name(enum protocol_result result);
struct str protocol_error_name(enum rotunda_error error); // as in "error_class"
struct str protocol_kind_name(enum rotunda_kind kind);    // K1 to K6

struct rotunda_text protocol_text(struct str s);
struct rotunda_bytes protocol_bytes(struct bytes b);
struct str protocol_str(struct rotunda_text t);

// What a setting with ROTUNDA_SETTING_CHOICE allows, separated by |; empty: its help names nothing.
struct str protocol_setting_choices(const struct rotunda_setting_spec *spec);

// The operation that its kind needs and doesn't have, or the member that makes no sense; NULL:
// none.
const char *protocol_hello_fault(const struct protocol_hello *hello);

// The line with its newline, appended to `out`. NOMEM; TOO_LARGE above LIMIT_ROTATOR_LINE_BYTES.
struct status protocol_request_encode(const struct protocol_request *request, struct buffer *out);
struct status protocol_reply_encode(const struct protocol_reply *reply, struct buffer *out);

// `line` without its newline is borrowed as long as the result is used. INVALID, NOMEM.
struct status protocol_request_decode(struct str line, struct arena *arena,
                                      struct protocol_request *out);
void protocol_request_done(struct protocol_request *request);

// INVALID unless it answers exactly this request.
struct status protocol_reply_decode(struct str line, const struct protocol_request *request,
                                    struct arena *arena, struct protocol_reply *out);
void protocol_reply_done(struct protocol_reply *reply);
