// SPDX-License-Identifier: ISC
// Does a rotator do what the engine expects of its kind? Runs it as the server would, in processes
// of the launcher's behind its walls, against a target that the author provides: a test system,
// whose accounts are changed, locked out for moments and left with a value that nobody keeps.
// Blocking; needs neither a loop nor a vault.
#pragma once

#include "vault/host/launcher.h"
#include "vault/host/protocol.h"
#include "vault/rotation/settings.h"

enum { CONFORMANCE_DETAIL_BYTES = 640 };

struct conformance_options {
    struct launcher *launcher;
    enum launcher_form form;
    struct str name;         // of a linked-in rotator, or an absolute path
    bool strangers_anywhere; // start it although nothing walls it off
    struct str principal;
    const struct secret *secret;  // the principal's; NULL: none
    const struct secret *present; // K5: what the account has now; NULL: not known
    struct settings target;
    struct str account;
    struct settings account_settings;
    int64_t timeout_s; // of one process, as of a target
};

enum conformance_outcome {
    CONFORMANCE_PASSED = 1,
    CONFORMANCE_FAILED,
    CONFORMANCE_SKIPPED // it doesn't concern this rotator, or couldn't be tried
};

struct conformance_result {
    const char *name;    // stable
    const char *meaning; // what is asked
    enum conformance_outcome outcome;
    char detail[CONFORMANCE_DETAIL_BYTES]; // what was seen; holds no value that was lent
    const char *fix;                       // how to put right what failed
};

typedef void conformance_report(void *context, const struct conformance_result *result);

// Each result is handed out when it is there. `*failed` counts. INVALID (options), DENIED (it can't
// be walled off), UPSTREAM (it doesn't run, or speaks another protocol), NOMEM.
struct status conformance_run(const struct conformance_options *options, conformance_report *report,
                              void *context, size_t *failed);
