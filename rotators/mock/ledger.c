// SPDX-License-Identifier: ISC
#include "rotators/mock/ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

// An entry without a value only keeps its account's fence.
static bool is_fence(const struct ledger_entry *e)
{
    return e->value_len == 0;
}

static bool belongs(const struct ledger_entry *e, struct rotunda_text account)
{
    return call_text_is(account, e->account);
}

// The next word of a line, "" for a dash. False when there is none or it doesn't fit.
static bool take_word(char **line, char *out, size_t size)
{
    const char *word = strsep(line, " \n");
    if (word == NULL || word[0] == '\0') {
        return false;
    }
    int len = snprintf(out, size, "%s", strcmp(word, "-") == 0 ? "" : word);
    return len >= 0 && (size_t)len < size;
}

static bool take_number(char **line, int64_t *out)
{
    char word[24];
    bool good = take_word(line, word, sizeof word);
    *out = good ? strtoll(word, NULL, 10) : 0;
    return good;
}

// "-" stands for nothing.
static bool parse_line(char *line, struct ledger_entry *out)
{
    char power[8];
    char hex[2 * LEDGER_VALUE_BYTES + 1];
    *out = (struct ledger_entry){.account = ""};
    if (!take_word(&line, out->account, sizeof out->account) ||
        !take_word(&line, out->id, sizeof out->id) ||
        !take_word(&line, out->attempt, sizeof out->attempt) || !take_number(&line, &out->fence) ||
        !take_word(&line, hex, sizeof hex) || !take_word(&line, power, sizeof power) ||
        !take_number(&line, &out->valid_until_us) || !take_number(&line, &out->landed_us) ||
        !take_number(&line, &out->accepted_us)) {
        return false;
    }
    out->disabled = strcmp(power, "off") == 0;
    int failed = sodium_hex2bin(out->value, sizeof out->value, hex, strlen(hex), NULL,
                                &out->value_len, NULL);
    sodium_memzero(hex, sizeof hex);
    return failed == 0;
}

static bool load(struct ledger *s)
{
    int state = openat(s->folder, "state", O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
    FILE *file = state < 0 ? NULL : fdopen(state, "r");
    if (file == NULL) {
        return false;
    }
    char line[LINE_BYTES];
    bool good = true;
    while (good && fgets(line, sizeof line, file) != NULL) {
        good = s->count < LEDGER_ENTRIES && parse_line(line, &s->entries[s->count]);
        s->count++;
    }
    sodium_memzero(line, sizeof line);
    fclose(file);
    return good;
}

// Blanks separate what stands on a line.
static bool is_word(struct rotunda_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ') {
            return false;
        }
    }
    return text.len > 0;
}

bool ledger_open(const struct rotunda_call *call, struct ledger *out, struct rotunda_reply *reply)
{
    char folder[CALL_TEXT_BYTES];
    *out = (struct ledger){.folder = -1, .lock = -1};
    if (!call_target_copy(call, "state_dir", "", folder) || folder[0] != '/') {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "target setting state_dir: an absolute path");
        return false;
    }
    if (!is_word(call->account.name) || !is_word(call->attempt)) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "account and attempt are words without blanks");
        return false;
    }
    out->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    out->lock = openat(out->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    out->entries = calloc(LEDGER_ENTRIES, sizeof out->entries[0]);
    if (out->entries == NULL || out->lock < 0 || flock(out->lock, LOCK_EX) != 0 || !load(out)) {
        call_fail(reply, ROTUNDA_ERROR_UNREACHABLE, "the state can't be read");
        return false;
    }
    return true;
}

void ledger_close(struct ledger *s)
{
    if (s->lock >= 0) {
        close(s->lock);
    }
    if (s->folder >= 0) {
        close(s->folder);
    }
    if (s->entries != NULL) {
        sodium_memzero(s->entries, LEDGER_ENTRIES * sizeof s->entries[0]);
        free(s->entries);
    }
    *s = (struct ledger){.folder = -1, .lock = -1};
}

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static bool write_entries(const struct ledger *s, int file)
{
    char hex[2 * LEDGER_VALUE_BYTES + 1];
    bool good = true;
    for (size_t i = 0; i < s->count; i++) {
        const struct ledger_entry *e = &s->entries[i];
        sodium_bin2hex(hex, sizeof hex, e->value, e->value_len);
        good = good &&
               dprintf(file, "%s %s %s %" PRId64 " %s %s %" PRId64 " %" PRId64 " %" PRId64 "\n",
                       e->account, or_dash(e->id), or_dash(e->attempt), e->fence, or_dash(hex),
                       e->disabled ? "off" : "on", e->valid_until_us, e->landed_us,
                       e->accepted_us) > 0;
    }
    sodium_memzero(hex, sizeof hex);
    return good && fsync(file) == 0;
}

// In the old one's place at once: whoever is killed on the way has changed nothing.
bool ledger_save(struct ledger *s)
{
    int fresh = openat(s->folder, "state.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fresh < 0) {
        return false;
    }
    bool written = write_entries(s, fresh);
    close(fresh);
    return written && renameat(s->folder, "state.new", s->folder, "state") == 0;
}

void ledger_note_call(const struct ledger *s, const char *operation,
                      const struct rotunda_call *call)
{
    int calls = openat(s->folder, "calls", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (calls < 0) {
        return; // only a trace for tests
    }
    dprintf(calls, "%s %.*s %" PRId64 "\n", operation, (int)call->attempt.len, call->attempt.ptr,
            call->fence);
    close(calls);
}

int64_t ledger_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool ledger_is_there(const struct ledger_entry *e)
{
    int64_t now_us = ledger_now_us();
    bool expired = e->valid_until_us != 0 && e->valid_until_us <= now_us;
    return !is_fence(e) && !expired && e->landed_us <= now_us;
}

bool ledger_is_accepted(const struct ledger_entry *e)
{
    return ledger_is_there(e) && !e->disabled && e->accepted_us <= ledger_now_us();
}

size_t ledger_count(const struct ledger *s, struct rotunda_text account)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        count += belongs(&s->entries[i], account) && ledger_is_there(&s->entries[i]);
    }
    return count;
}

int ledger_find_value(const struct ledger *s, struct rotunda_text account,
                      struct rotunda_bytes value)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct ledger_entry *e = &s->entries[i];
        if (belongs(e, account) && ledger_is_there(e) && e->value_len == value.len &&
            sodium_memcmp(e->value, value.ptr, value.len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int ledger_find_id(const struct ledger *s, struct rotunda_text account, struct rotunda_text id)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct ledger_entry *e = &s->entries[i];
        if (belongs(e, account) && ledger_is_there(e) && call_text_is(id, e->id)) {
            return (int)i;
        }
    }
    return -1;
}

bool ledger_add(struct ledger *s, const struct rotunda_call *call, struct rotunda_bytes value,
                const char *id)
{
    if (s->count == LEDGER_ENTRIES || value.len == 0 || value.len > LEDGER_VALUE_BYTES) {
        return false;
    }
    struct ledger_entry *e = &s->entries[s->count];
    *e = (struct ledger_entry){.value_len = value.len, .fence = call->fence};
    if (!call_text_copy(call->account.name, e->account, sizeof e->account) ||
        !call_text_copy(call->attempt, e->attempt, sizeof e->attempt)) {
        return false;
    }
    snprintf(e->id, sizeof e->id, "%s", id);
    memcpy(e->value, value.ptr, value.len);
    s->count++;
    return true;
}

void ledger_remove(struct ledger *s, size_t index)
{
    s->count--;
    memmove(&s->entries[index], &s->entries[index + 1], (s->count - index) * sizeof s->entries[0]);
    sodium_memzero(&s->entries[s->count], sizeof s->entries[0]);
}

void ledger_remove_value(struct ledger *s, struct rotunda_text account, struct rotunda_bytes value)
{
    for (size_t i = s->count; i-- > 0;) {
        struct ledger_entry *e = &s->entries[i];
        if (belongs(e, account) && !is_fence(e) && e->value_len == value.len &&
            sodium_memcmp(e->value, value.ptr, value.len) == 0) {
            ledger_remove(s, i);
        }
    }
}

void ledger_remove_account(struct ledger *s, struct rotunda_text account)
{
    for (size_t i = s->count; i-- > 0;) {
        if (belongs(&s->entries[i], account) && !is_fence(&s->entries[i])) {
            ledger_remove(s, i);
        }
    }
}

bool ledger_take_fence(struct ledger *s, struct rotunda_text account, int64_t fence)
{
    for (size_t i = 0; i < s->count; i++) {
        struct ledger_entry *e = &s->entries[i];
        if (belongs(e, account) && is_fence(e)) {
            bool taken = fence >= e->fence;
            e->fence = taken ? fence : e->fence;
            return taken;
        }
    }
    if (s->count < LEDGER_ENTRIES) {
        struct ledger_entry *e = &s->entries[s->count++];
        *e = (struct ledger_entry){.fence = fence};
        return call_text_copy(account, e->account, sizeof e->account);
    }
    return false;
}

int64_t ledger_sessions(const struct ledger *s)
{
    char text[24] = "";
    int file = openat(s->folder, "sessions", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    return len <= 0 ? 0 : strtoll(text, NULL, 10);
}
