// SPDX-License-Identifier: ISC
// The mock target: a folder that outlives processes.
//
//   <state_dir>/state     one line per valid value: account, id, value, attempt (hexadecimal)
//                         and one per account: its fence
//   <state_dir>/calls     one line per operation that reached the target: operation, attempt, fence
//   <state_dir>/sessions  a number, if present: how many sessions every account has
#pragma once

#include <stdbool.h>

#include "rotators/common/call.h"

enum {
    STATE_ENTRIES = 64,
    STATE_ACCOUNT_BYTES = 64,
    STATE_VALUE_BYTES = 256,
    STATE_ID_BYTES = 40,
};

struct state_entry {
    char account[STATE_ACCOUNT_BYTES];
    char id[STATE_ID_BYTES];
    char attempt[STATE_ID_BYTES];
    uint8_t value[STATE_VALUE_BYTES];
    size_t value_len;
    int64_t fence; // of the account, repeated in each of its entries
};

// Held exclusively from open to close.
struct state {
    int folder;
    int file;
    struct state_entry *entries; // STATE_ENTRIES of them, wiped when closed
    size_t count;
};

// False with reply filled in. Release with state_close() in every case.
bool state_open(const struct rotunda_call *call, struct state *out, struct rotunda_reply *reply);
void state_close(struct state *s); // also for __attribute__((cleanup)); wipes
bool state_save(struct state *s);
void state_note_call(const struct state *s, const char *operation, const struct rotunda_call *call);

// Number of values that the account has; the index of the one with this value or id, or -1.
size_t state_count(const struct state *s, struct rotunda_text account);
int state_find_value(const struct state *s, struct rotunda_text account,
                     struct rotunda_bytes value);
int state_find_id(const struct state *s, struct rotunda_text account, struct rotunda_text id);

// False when there is no room or something is too long.
bool state_add(struct state *s, const struct rotunda_call *call, struct rotunda_bytes value,
               const char *id);
void state_remove(struct state *s, size_t index);
void state_remove_account(struct state *s, struct rotunda_text account);

// The fence is kept for the account even when it has no value left. False when `fence` is smaller.
bool state_take_fence(struct state *s, struct rotunda_text account, int64_t fence);
int64_t state_sessions(const struct state *s);
