// SPDX-License-Identifier: ISC
// Every maximum in the program, in one list. Those marked (configurable) are defaults that the
// configuration's `limits` block overrides; the others are fixed because stored data or buffers
// depend on them.
#pragma once

enum {
    // HTTP (configurable)
    LIMIT_BODY_BYTES = 1024 * 1024,
    LIMIT_HEADER_BYTES = 8 * 1024,
    LIMIT_PATH_BYTES = 2048, // fixed: policies and stored paths are bounded by it too
    LIMIT_CONNECTIONS = 20000,
    LIMIT_CONNECTIONS_PER_ADDRESS = 12000,
    LIMIT_REQUEST_DEADLINE_S = 90,
    LIMIT_SLOW_HEADER_S = 10,
    LIMIT_SLOW_BODY_S = 30,
    LIMIT_IDLE_CONNECTION_S = 300,

    // JSON (configurable)
    LIMIT_JSON_DEPTH = 300,
    LIMIT_JSON_MEMBERS = 10000,
    LIMIT_JSON_STRING_BYTES = 1024 * 1024,

    // Memory
    LIMIT_ARENA_BYTES = 16 * 1024 * 1024, // one request
    LIMIT_RESPONSE_BYTES = 64 * 1024 * 1024,
    LIMIT_SECRET_BYTES = 2 * 1024 * 1024,
    LIMIT_FIBER_STACK_BYTES = 256 * 1024,

    // Runtime
    LIMIT_FIBERS_PER_WORKER = 16384,
    LIMIT_WORKERS = 64,
    LIMIT_OFFLOAD_THREADS = 16,
    LIMIT_OFFLOAD_QUEUE = 1024,

    // Store
    LIMIT_BATCH_MEMBERS = 512, // coalesced into one statement
    LIMIT_BATCH_QUEUE = 16384, // waiting for a flight, per worker; beyond it 503
    LIMIT_SESSIONS = 8,        // second pool, per process (configurable)
    LIMIT_STATEMENT_MS = 1000, // on batch connections
    LIMIT_LOCK_WAIT_MS = 50,   // on batch connections
    LIMIT_SILENCE_S = 10,      // without any answer: the database is taken for dead
    LIMIT_WRITE_RETRIES = 16,  // optimistic writes that lost their race
    LIMIT_RESEAL_ROWS = 64,    // re-encrypted in one transaction
    LIMIT_RESEAL_BYTES = 4 * 1024 * 1024,

    // Names and paths as stored
    LIMIT_NAME_BYTES = 256,
    LIMIT_MOUNT_PATH_BYTES = 256,
    LIMIT_POLICY_BYTES = 256 * 1024,
    LIMIT_CATALOG_BYTES = 32 * 1024 * 1024, // all policies and roles, which every worker holds
    LIMIT_POLICIES_PER_TOKEN = 64,
    LIMIT_METADATA_ENTRIES = 64,
    LIMIT_METADATA_KEY_BYTES = 128,
    LIMIT_METADATA_VALUE_BYTES = 512,
    LIMIT_KV_VERSIONS = 1000,
    LIMIT_LIST_PAGE = 100000,
    LIMIT_LIST_ENTRIES = 1000000, // one unpaged LIST

    // Configuration and policy text
    LIMIT_HCL_DEPTH = 32,
    LIMIT_CONFIG_BYTES = 1024 * 1024,
    LIMIT_LOG_LINE_BYTES = 4096,

    // Audit
    LIMIT_AUDIT_BATCH = 512,
    LIMIT_AUDIT_NOTE_BYTES = 2048, // of a record, operation.h
    LIMIT_AUDIT_QUERY_PAGE = 1000,
    // A record is far shorter; a checkpoint's line, of some 150 octets for each open chain, has
    // room for more chains than JSON's members allow.
    LIMIT_AUDIT_LINE_BYTES = 4 * 1024 * 1024,
    // Checkpoints that a verifier remembers, of 150 octets each, as long as their lines: those of
    // 160 years at the default interval, of half a year at the shortest.
    LIMIT_AUDIT_CHECKPOINTS = 1 << 24,
    // Keys, chains and checkpoints without a good signature that a verifier remembers: a genuine
    // log has none, and these take 10 MiB.
    LIMIT_AUDIT_UNSIGNED = 1 << 16,
    // One gap in the log's numbers is reported as so many problems at most: enough to see how long
    // it is, and no work that a single altered number could ask for.
    LIMIT_AUDIT_GAP_PROBLEMS = 1000,

    // Rotators
    LIMIT_ROTATOR_LINE_BYTES = 256 * 1024,
    LIMIT_ROTATOR_OUTPUT_BYTES = 1024 * 1024,
    LIMIT_ROTATOR_DEADLINE_S = 120,

    // Rotation
    LIMIT_ROTATION_SLOTS = 1000,         // of one account, where the target has no limit
    LIMIT_ROTATION_OBSERVE_S = 3600,     // that a value stays disabled before it is ended
    LIMIT_ROTATION_RETRY_AFTER_S = 3600, // that a target may ask us to stay away
    LIMIT_ROTATION_ACCEPTANCE_S = 900,   // that a target may take to accept a new value
    LIMIT_ROTATION_ACCEPTANCE_PROBES = 10,
    LIMIT_FEED_POLLS = 10000,  // that wait for a new value on one node
    LIMIT_FEED_STREAMS = 1000, // of notices on one node

    // Notifiers
    LIMIT_NOTIFY_LINE_BYTES = 256 * 1024,  // between the vault and the process that sends
    LIMIT_NOTIFY_ANSWER_BYTES = 64 * 1024, // of a receiver: headers, and a body that nobody reads
    LIMIT_NOTIFY_RUNNING = 16,             // notifiers at work on one node
};
