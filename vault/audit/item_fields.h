// SPDX-License-Identifier: ISC
// The members of every kind of item, once: F(type, column, key, member), and L for the last of
// them. From these come the columns that are selected (rows.h), how a row is read (rows.c), and how
// a line is written and read (line_write.c, line_read.c). `type` is INT, BOOL, TEXT, TIME, UUID or
// BYTES; MAYBE_TIME is left out of a line when it is 0, NOT_NULL tells whether a column is set,
// DETAIL is JSON wherever it comes back octet by octet.
#pragma once

#define AUDIT_KEY_FIELDS(F, L)                                                                     \
    F(INT, number, "key", number)                                                                  \
    F(TIME, created_at, "created_at", created_us)                                                  \
    F(BYTES, public_key, "public_key", public_key)                                                 \
    L(BYTES, succession_signature, "succession_signature", succession_signature)

// Without how it was closed, which only a closed one has.
#define AUDIT_CHAIN_FIELDS(F, L)                                                                   \
    F(INT, id, "chain", header.id)                                                                 \
    F(TEXT, node, "node", header.node)                                                             \
    F(INT, worker, "worker", header.worker)                                                        \
    F(INT, system_id, "system_id", header.system_id)                                               \
    F(INT, timeline, "timeline", header.timeline)                                                  \
    F(TIME, opened_at, "opened_at", header.opened_at_us)                                           \
    F(INT, previous_id, "previous_chain", header.previous_id)                                      \
    F(INT, previous_seq, "previous_seq", header.previous_seq)                                      \
    F(BYTES, previous_head, "previous_head", previous_head)                                        \
    F(BYTES, genesis, "genesis", genesis)                                                          \
    F(INT, key_number, "key", key_number)                                                          \
    F(BYTES, signature, "signature", signature)                                                    \
    L(NOT_NULL, closed_at, "closed", closed)

#define AUDIT_RECORD_FIELDS(F, L)                                                                  \
    F(INT, chain_id, "chain", chain_id)                                                            \
    F(INT, seq, "seq", seq)                                                                        \
    F(TIME, time, "time", entry.time_us)                                                           \
    F(UUID, request_id, "request_id", entry.request_id)                                            \
    F(INT, namespace_id, "namespace", entry.namespace_id)                                          \
    F(TEXT, accessor, "accessor", entry.accessor)                                                  \
    F(TEXT, actor, "actor", entry.actor)                                                           \
    F(TEXT, auth_method, "auth_method", entry.auth_method)                                         \
    F(TEXT, remote, "remote", entry.remote)                                                        \
    F(TEXT, operation, "operation", entry.operation)                                               \
    F(TEXT, path, "path", entry.path)                                                              \
    F(INT, result, "result", entry.result)                                                         \
    F(INT, duration_us, "duration_us", entry.duration_us)                                          \
    F(BOOL, effect, "effect", entry.effect)                                                        \
    F(DETAIL, detail, "detail", entry.detail)                                                      \
    L(BYTES, hash, "hash", hash)

#define AUDIT_BATCH_FIELDS(F, L)                                                                   \
    F(INT, chain_id, "chain", chain_id)                                                            \
    F(INT, first_seq, "first_seq", first_seq)                                                      \
    F(INT, last_seq, "last_seq", last_seq)                                                         \
    F(TIME, time, "time", time_us)                                                                 \
    F(BYTES, head, "head", head)                                                                   \
    F(INT, key_number, "key", key_number)                                                          \
    L(BYTES, signature, "signature", signature)

// Without the number of its checkpoint, which a witness gives for all of them.
#define AUDIT_CLAIM_FIELDS(F, L)                                                                   \
    F(INT, chain_id, "chain", chain_id)                                                            \
    F(INT, seq, "seq", seq)                                                                        \
    F(BYTES, head, "head", head)                                                                   \
    F(BOOL, closed, "closed", closed)                                                              \
    L(BOOL, dropped, "dropped", dropped)

#define AUDIT_CHECKPOINT_FIELDS(F, L)                                                              \
    F(INT, number, "checkpoint", number)                                                           \
    F(TIME, time, "time", time_us)                                                                 \
    F(MAYBE_TIME, dropped_before, "dropped_before", dropped_before_us)                             \
    F(BYTES, previous_hash, "previous_hash", previous_hash)                                        \
    F(BYTES, hash, "hash", hash)                                                                   \
    F(INT, key_number, "key", key_number)                                                          \
    L(BYTES, signature, "signature", signature)
