// SPDX-License-Identifier: ISC
// The server's configuration: one file, HCL or JSON, read once at start into typed structures.
// Which keys there are, their ranges, defaults and descriptions stands in one table
// (config_keys.c), from which docs/configuration.md is checked. Whatever the table doesn't know, or
// holds no value of its kind, is refused with file, line, column, key and what was expected.
// Files that hold secrets must exist and be closed to others; the file never holds a secret itself.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/buffer.h"
#include "vault/base/log.h"
#include "vault/base/secret.h"

enum {
    CONFIG_LISTENERS = 8,
    CONFIG_ROTATORS = 32,
    CONFIG_PROGRAM_BYTES = 255, // of the path of a rotator
    CONFIG_PROBLEM_BYTES = 1024,
};

enum config_listener_kind { CONFIG_LISTENER_TCP, CONFIG_LISTENER_UNIX, CONFIG_LISTENER_SYSTEMD };

struct config_listener {
    enum config_listener_kind kind;
    struct str address; // tcp: host:port; unix: absolute path; systemd: the socket's name
    struct str tls_cert_file;
    struct str tls_key_file;
    bool allow_plain;
};

struct config_database {
    struct str uri; // postgresql://...; otherwise the parts
    struct str host;
    int64_t port;
    struct str name;
    struct str user;
    struct str sslmode;
    struct str sslrootcert;
    struct str password_file;
    struct str password_credential; // name in $CREDENTIALS_DIRECTORY
    int64_t alarm_bytes;            // 0: none
};

enum config_seal_kind { CONFIG_SEAL_NONE, CONFIG_SEAL_SHAMIR, CONFIG_SEAL_STATIC };

struct config_seal {
    enum config_seal_kind kind;
    struct str key_file;
    struct str previous_key_file;
};

// Those of vault/base/limits.h that are marked configurable.
struct config_limits {
    int64_t body_bytes;
    int64_t header_bytes;
    int64_t connections;
    int64_t connections_per_address;
    int64_t request_deadline_s;
    int64_t slow_header_s;
    int64_t slow_body_s;
    int64_t idle_connection_s;
    int64_t json_depth;
    int64_t json_members;
    int64_t json_string_bytes;
};

struct config_audit {
    int64_t retention_s; // 0: for ever
    int64_t checkpoint_interval_s;
    struct str checkpoint_file; // empty: none
    int64_t alarm_bytes;        // 0: none
};

// A rotator of others: one of the two.
struct config_rotator {
    struct str name;    // as targets say it
    struct str program; // executable that speaks the protocol; empty: none
    struct str module;  // shared object that exports rotunda_rotator_module; empty: none
};

struct config_rotation {
    int64_t min_interval_s;
    bool allow_asynchronous_replicas;
    int64_t concurrency;
    struct str launcher_user; // empty: none
    struct config_rotator rotators[CONFIG_ROTATORS];
    size_t rotator_count;
};

struct config {
    struct arena *arena; // owns every text below
    int64_t workers;     // 0: one for each processor
    int64_t offload_threads;
    int64_t sessions;
    enum log_level log_level;
    struct str node_name; // never empty: the machine's name when it wasn't given
    struct str data_dir;  // empty: none
    struct str run_dir;   // empty: none
    bool allow_unlocked_memory;
    int64_t default_lease_ttl_s;
    int64_t max_lease_ttl_s;
    int64_t shutdown_deadline_s;
    struct config_listener listeners[CONFIG_LISTENERS];
    size_t listener_count;
    struct config_database database;
    struct config_seal seal;
    struct config_limits limits;
    struct config_audit audit;
    struct config_rotation rotation;
};

// One line for the operator: "FILE:LINE:COLUMN: KEY: what is wrong and what was expected".
struct config_problem {
    char text[CONFIG_PROBLEM_BYTES];
};

void config_free(struct config *c);

// Everything at its default, without listener, database and seal: for `rotunda dev`. NOMEM.
struct status config_new(struct config **out);
// Reads and checks a file. INVALID, explained in `why`; NOMEM.
struct status config_load(const char *path, struct config_problem *why, struct config **out);
// The same for a text; `name` stands for the file in messages.
struct status config_parse(struct str text, const char *name, struct config_problem *why,
                           struct config **out);

// The whole file in secret memory, exactly. INVALID, explained, when it isn't a regular file, is
// empty or above LIMIT_NAME_BYTES * 16, belongs to neither us nor root, or is open to others.
struct status config_read_secret_file(struct str path, struct config_problem *why,
                                      struct secret **out);

// libpq's connection string without a password.
struct status config_database_conninfo(const struct config_database *d, struct buffer *out);
// The password from the file or the systemd credential, without its line end; NULL when the
// database needs none. INVALID, explained.
struct status config_database_password(const struct config_database *d, struct config_problem *why,
                                       struct secret **out);

// The reference of all keys as Markdown, for docs/configuration.md.
void config_describe(struct buffer *into);
