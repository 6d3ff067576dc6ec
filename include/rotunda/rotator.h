/* SPDX-License-Identifier: ISC */
/* The ABI of a rotator, version 1: what changes, tests and lists the credentials of one kind of
 * target. C11-clean; it includes nothing of the vault.
 *
 * A rotator runs in a short-lived process of its own, one attempt per process, one call at a time.
 * Its host reads requests from a socket, calls the functions below and writes the replies. Whoever
 * prefers another language speaks that protocol directly: rotators/README.md describes it.
 *
 * A loadable module exports one function:
 *     const struct rotunda_rotator *rotunda_rotator_module(void);
 *
 * Rules that every rotator keeps:
 *  - Everything behind a pointer is lent for the call. Copies of secrets are wiped before
 * returning.
 *  - Nothing is guessed: an answer that isn't certain is ROTUNDA_PROBE_UNREACHABLE or
 *    ROTUNDA_APPLY_UNKNOWN.
 *  - Neither messages nor steps nor anything sent to the target's log holds a secret.
 *  - The fence only grows. Where the target can keep it, a call with a smaller fence than the one
 *    kept there changes nothing and says ROTUNDA_ERROR_FENCED.
 *  - A call that makes something new (K4 to K6) is never repeated inside of the rotator: the vault
 *    counts what exists before it asks again.
 *  - No environment, no argument, no file but those named by settings marked ROTUNDA_SETTING_PATH.
 */
#ifndef ROTUNDA_ROTATOR_H
#define ROTUNDA_ROTATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROTUNDA_ROTATOR_ABI 1u

/* Octets that may be secret, and text (UTF-8, without NUL). Neither is NUL-terminated. */
struct rotunda_bytes {
    const uint8_t *ptr;
    size_t len;
};

struct rotunda_text {
    const char *ptr;
    size_t len;
};

/* Who makes the value and how many are valid side by side decides how a crash is survived. */
enum rotunda_kind {
    ROTUNDA_K1 = 1, /* chosen by us, one slot: stored first, probed on recovery, applied again */
    ROTUNDA_K2 = 2, /* chosen by us, several slots on one identity: add, verify, promote, remove */
    ROTUNDA_K3 = 3, /* key pair made by us, public half uploaded */
    ROTUNDA_K4 = 4, /* made by the issuer, shown once, listable ids: never created twice blindly */
    ROTUNDA_K5 = 5, /* made by the issuer, replaced in place: a lost reply loses the credential */
    ROTUNDA_K6 = 6  /* short-lived, minted on demand: nothing to rotate */
};

/* Calls that may be repeated with the same arguments without changing the outcome. */
enum {
    ROTUNDA_IDEMPOTENT_APPLY = 1u << 0,
    ROTUNDA_IDEMPOTENT_RETIRE = 1u << 1,
    ROTUNDA_IDEMPOTENT_REVOKE = 1u << 2,
    /* K5: the principal may roll a credential whose value nobody knows. Without it a lost reply
     * blocks until a person imports the value that he made by hand. */
    ROTUNDA_REROLL = 1u << 3
};

enum rotunda_apply {
    ROTUNDA_APPLY_APPLIED = 1, /* the target confirmed it durably */
    ROTUNDA_APPLY_NOT_APPLIED, /* certain that nothing changed */
    ROTUNDA_APPLY_UNKNOWN      /* it may have changed: reconcile by probe or list */
};

enum rotunda_probe {
    ROTUNDA_PROBE_WORKS = 1,
    ROTUNDA_PROBE_REJECTED,   /* the target itself refused this value for being wrong */
    ROTUNDA_PROBE_UNREACHABLE /* no answer that can be believed; `error` says why */
};

/* What the engine does about it stands beside each. */
enum rotunda_error {
    ROTUNDA_ERROR_NONE = 0,
    ROTUNDA_ERROR_UNREACHABLE,     /* back off, keep the value */
    ROTUNDA_ERROR_POLICY_REJECTED, /* the target wants another value: make a new one */
    ROTUNDA_ERROR_NOT_PERMITTED,   /* block, tell the owner */
    ROTUNDA_ERROR_FENCED,          /* a later attempt was there: stop at once */
    ROTUNDA_ERROR_UNKNOWN_OUTCOME, /* reconcile */
    ROTUNDA_ERROR_INVALID,         /* settings or arguments are wrong: block, tell the owner */
    ROTUNDA_ERROR_UNTRUSTED,       /* the route accepts anything, or isn't proven: block */
    /* No slot is free (K3, K4): what earlier attempts left is listed and ended, then it is tried
     * again; else block, naming the ids that take the slots. Nothing was changed. */
    ROTUNDA_ERROR_CAP_REACHED,
    /* Nothing was changed: back off, for reply->retry_after_s at least. */
    ROTUNDA_ERROR_THROTTLED
};

/* Optional values: a setting left out is absent from the list, a text or octets {NULL, 0}. */
struct rotunda_setting {
    struct rotunda_text name;
    struct rotunda_text value; /* never secret; numbers and booleans as text */
};

struct rotunda_target {
    const struct rotunda_setting *settings;
    size_t setting_count;
    struct rotunda_text principal; /* who the rotator itself is at the target */
    struct rotunda_bytes secret;   /* and with what it proves it */
};

struct rotunda_account {
    struct rotunda_text name; /* role, user or client at the target */
    const struct rotunda_setting *settings;
    size_t setting_count;
};

struct rotunda_value {
    /* Password or token. Absent from an apply of K4 to K6, whose value the issuer makes. The
     * private key of K3 is lent to probe only. */
    struct rotunda_bytes secret;
    struct rotunda_bytes public_part; /* K3: what is uploaded */
    /* Random octets kept with the value, so that applying it again gives the same bytes. */
    struct rotunda_bytes salt;
    struct rotunda_text external_id; /* K3 to K6: the target's id */
    /* UTC microseconds, when the target itself shall refuse it; 0 leaves that as it is. What an
     * issuer said (K4 to K6), or when the credential expires (K1 to K3). */
    int64_t valid_until_us;
};

struct rotunda_call {
    struct rotunda_text attempt; /* UUID text */
    int64_t fence;
    int64_t timeout_ms; /* the host is killed after it: give up earlier */
    struct rotunda_target target;
    struct rotunda_account account;
    struct rotunda_value value; /* what this call is about */
    /* apply: what is current (K2 to K5), without private key. It stays valid beside the new one
     * where old and new overlap. Empty otherwise. */
    struct rotunda_value previous;
};

enum rotunda_check_state {
    ROTUNDA_CHECK_OK = 1,
    ROTUNDA_CHECK_MISSING,
    ROTUNDA_CHECK_UNKNOWN /* could not be looked at */
};

/* One permission or condition. */
struct rotunda_check {
    const char *name; /* stable, e.g. "may_alter_role" */
    enum rotunda_check_state state;
    const char *detail;       /* one sentence */
    const char *how_to_grant; /* a command for an administrator of the target; "" if none */
};

/* Something that exists at the target, for reconciliation. Times are UTC microseconds, 0 unknown.
 */
struct rotunda_external {
    struct rotunda_text external_id;
    /* The attempt that it is tagged with, where the target allows; empty otherwise. What isn't
     * tagged with an attempt of the credential is never ended by the vault. */
    struct rotunda_text attempt;
    int64_t created_us;
    int64_t last_used_us;
    int enabled;
};

enum { ROTUNDA_MESSAGE_BYTES = 512, ROTUNDA_PRINCIPAL_ID_BYTES = 128 };

/* Filled in by the rotator; the functions belong to the host, copy what they are given, and ignore
 * what exceeds the limits of a reply. */
struct rotunda_reply {
    enum rotunda_error error;
    char message[ROTUNDA_MESSAGE_BYTES]; /* NUL-terminated, for the owner; no secret */
    int64_t sessions;                    /* rotunda_rotator.sessions */
    void *host;
    void (*add_step)(struct rotunda_reply *reply, const char *text);
    void (*add_check)(struct rotunda_reply *reply, const struct rotunda_check *check);
    void (*add_external)(struct rotunda_reply *reply, const struct rotunda_external *external);
    /* apply of K4-K6: what the issuer made. Of K3, with no secret: the id that the target gave to
     * the public part. At most once in a call. */
    void (*set_issued)(struct rotunda_reply *reply, struct rotunda_text external_id,
                       struct rotunda_bytes secret, int64_t valid_until_us);
    /* generate: a new key pair, both halves in the form that probe and apply take. Once. */
    void (*set_generated)(struct rotunda_reply *reply, struct rotunda_bytes secret,
                          struct rotunda_bytes public_part);
    int64_t retry_after_s; /* ROTUNDA_ERROR_THROTTLED: as the target said; 0 unknown */
    /* check: who the rotator itself is at which system, in the system's own words and under
     * whatever name it was reached; NUL-terminated, "" unknown. Of two that are asked shortly after
     * each other it is equal only if they have one and the same password; where one system shows
     * itself as two (a primary and its standby), it may differ although they have. */
    char principal_id[ROTUNDA_PRINCIPAL_ID_BYTES];
};

enum {
    ROTUNDA_SETTING_REQUIRED = 1u << 0,
    /* A value that begins with a slash names a file or folder that the rotator must reach. */
    ROTUNDA_SETTING_PATH = 1u << 1,
    ROTUNDA_SETTING_PATH_WRITABLE = 1u << 2,
    /* What a value looks like, one of these at most; none: any text. What doesn't look like it is
     * refused when somebody writes it, before the rotator is asked anything. */
    ROTUNDA_SETTING_PORT = 1u << 3,     /* 1 to 65535, or several of them separated by commas */
    ROTUNDA_SETTING_DURATION = 1u << 4, /* 90, 90s, 5m, 2h, 7d */
    ROTUNDA_SETTING_BOOLEAN = 1u << 5,  /* true or false */
    ROTUNDA_SETTING_FILE = 1u << 6,     /* with ROTUNDA_SETTING_PATH: must begin with a slash */
    ROTUNDA_SETTING_CHOICE = 1u << 7    /* one of those that the help begins with: "a|b: ..." */
};

struct rotunda_setting_spec {
    const char *name;
    unsigned flags;
    const char *help; /* meaning, values and default, one sentence */
};

/* NULL stands for an operation that the target doesn't have. Tables end with a NULL name. */
struct rotunda_rotator {
    uint32_t abi_version; /* ROTUNDA_ROTATOR_ABI */
    enum rotunda_kind kind;
    const char *name;
    const char *summary;
    int overlap;         /* old and new value of one account are valid side by side */
    uint32_t max_slots;  /* values valid at once per account, 0 unlimited */
    uint32_t idempotent; /* ROTUNDA_IDEMPOTENT_*, ROTUNDA_REROLL */
    /* The target itself refuses what comes with a smaller fence. Without it nobody goes on after an
     * unknown outcome before the time of the call that is missing has passed once more. */
    int fences;
    /* How long the target may refuse a value that it has confirmed, 0 not at all; and how many
     * probes in a row must succeed before it is served, 0 and 1: one. */
    uint32_t acceptance_s;
    uint32_t acceptance_probes;
    const struct rotunda_setting_spec *target_settings;
    const struct rotunda_setting_spec *account_settings;

    /* What apply would do, step by step, values elided. Changes nothing. */
    enum rotunda_error (*plan)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Permission by permission: what works, what is missing, how to grant it. Changes nothing. */
    enum rotunda_error (*check)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* K3: makes a key pair, reply->set_generated(). Reaches no target. */
    enum rotunda_error (*generate)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Makes `value` valid for `account` (K1-K3), or has the issuer make one (K4-K6), tagged with
     * call->attempt where the target allows, and says so with reply->set_issued(). */
    enum rotunda_apply (*apply)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Does the target accept `value` for `account` now? */
    enum rotunda_probe (*probe)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Everything that exists for `account`. ROTUNDA_ERROR_NONE means the list is complete. */
    enum rotunda_error (*list_external)(const struct rotunda_call *call,
                                        struct rotunda_reply *reply);
    /* How many sessions of `account` are open now, in reply->sessions. */
    enum rotunda_error (*sessions)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Makes `value` unusable, and usable again, by its external id or public part. What is already
     * so, or is gone, counts as applied by disable (K3, K4). */
    enum rotunda_apply (*disable)(const struct rotunda_call *call, struct rotunda_reply *reply);
    enum rotunda_apply (*enable)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Ends `value` alone, by its external id or public part where it has one; already gone counts
     * as applied (K2-K4, K6). */
    enum rotunda_apply (*retire)(const struct rotunda_call *call, struct rotunda_reply *reply);
    /* Ends every value of `account` at once; a later apply brings it back. */
    enum rotunda_apply (*revoke)(const struct rotunda_call *call, struct rotunda_reply *reply);
};

/* The one symbol of a loadable module. */
typedef const struct rotunda_rotator *rotunda_rotator_module_function(void);

#ifdef __cplusplus
}
#endif

#endif
