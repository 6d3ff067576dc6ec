// SPDX-License-Identifier: ISC
// Audit logs of up to two nodes over one real database, which is emptied for every test. The test's
// body runs on a fiber of the loop that both nodes share.
#pragma once

#include "tests/support/test.h"
#include "vault/audit/log.h"
#include "vault/audit/verifier.h"
#include "vault/store/store.h"

enum { FIXTURE_NODES = 2 };

struct audit_fixture {
    struct loop *loop;
    struct offload *offload;
    struct store *store;
    struct store_config config;
    struct keyring *keyring;
    struct audit_signer *signer;
    struct session *admin; // the database's owner: may do anything to the rows
    struct audit_log *logs[FIXTURE_NODES];
    struct batch *batches[FIXTURE_NODES];
    void (*body)(struct audit_fixture *f);
};

void audit_fixture_run(void (*body)(struct audit_fixture *f));

// A node comes up and opens a chain; goes down in good order; or is gone from one moment to the
// next.
void audit_fixture_start(struct audit_fixture *f, size_t node);
void audit_fixture_stop(struct audit_fixture *f, size_t node);
void audit_fixture_kill(struct audit_fixture *f, size_t node);
// Records that tests can tell apart, each in a barrier of its own.
void audit_fixture_append(struct audit_fixture *f, size_t node, size_t count);
void audit_fixture_checkpoint(struct audit_fixture *f);
void audit_fixture_sql(struct audit_fixture *f, const char *sql);
int64_t audit_fixture_count(struct audit_fixture *f, const char *sql); // one number

// What verification finds.
struct audit_finding {
    struct audit_summary summary;
    struct audit_problem first; // of the problems
};
struct audit_finding audit_fixture_verify(struct audit_fixture *f);
