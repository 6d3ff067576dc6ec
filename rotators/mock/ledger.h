// SPDX-License-Identifier: ISC
// The mock target: a folder that outlives processes.
//
//   <state_dir>/state     one line per value: account, id, attempt, fence, value (hexadecimal), on
//                         or off, when it expires, lands and is accepted (UTC microseconds);
//                         and one per account without a value: its fence
//   <state_dir>/calls     one line per operation that reached the target: operation, attempt, fence
//   <state_dir>/sessions  a number, if present: how many sessions every account has
#pragma once

#include <stdbool.h>

#include "rotators/common/call.h"

enum {
    LEDGER_ENTRIES = 64,
    LEDGER_ACCOUNT_BYTES = 64,
    LEDGER_VALUE_BYTES = 256,
    LEDGER_ID_BYTES = 40,
};

struct ledger_entry {
    char account[LEDGER_ACCOUNT_BYTES];
    char id[LEDGER_ID_BYTES];
    char attempt[LEDGER_ID_BYTES];
    uint8_t value[LEDGER_VALUE_BYTES];
    size_t value_len;
    int64_t fence; // of the account; in the entry that has no value
    bool disabled;
    int64_t valid_until_us; // 0: for ever
    int64_t landed_us;      // before that it isn't there
    int64_t accepted_us;    // before that it is there, and refused
};

// Held exclusively from open to close.
struct ledger {
    int folder;
    int lock;
    struct ledger_entry *entries; // LEDGER_ENTRIES of them, wiped when closed
    size_t count;
};

// False with reply filled in. Release with ledger_close() in every case.
bool ledger_open(const struct rotunda_call *call, struct ledger *out, struct rotunda_reply *reply);
void ledger_close(struct ledger *s); // also for __attribute__((cleanup)); wipes
bool ledger_save(struct ledger *s);
void ledger_note_call(const struct ledger *s, const char *operation,
                      const struct rotunda_call *call);

// Number of values that the account has; the index of the one with this value or id, or -1.
size_t ledger_count(const struct ledger *s, struct rotunda_text account);
int ledger_find_value(const struct ledger *s, struct rotunda_text account,
                      struct rotunda_bytes value);
int ledger_find_id(const struct ledger *s, struct rotunda_text account, struct rotunda_text id);

// False when there is no room or something is too long.
bool ledger_add(struct ledger *s, const struct rotunda_call *call, struct rotunda_bytes value,
                const char *id);
void ledger_remove(struct ledger *s, size_t index);
// An entry of this value, landed or not.
void ledger_remove_value(struct ledger *s, struct rotunda_text account, struct rotunda_bytes value);
void ledger_remove_account(struct ledger *s, struct rotunda_text account);

// Is it there, and is it accepted, just now?
bool ledger_is_there(const struct ledger_entry *e);
bool ledger_is_accepted(const struct ledger_entry *e);
int64_t ledger_now_us(void);

// The fence is kept for the account even when it has no value left. False when `fence` is smaller.
bool ledger_take_fence(struct ledger *s, struct rotunda_text account, int64_t fence);
int64_t ledger_sessions(const struct ledger *s);
