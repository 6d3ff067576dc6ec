// SPDX-License-Identifier: ISC
// Values in what is said, and in arguments and environments of the rotator's processes.
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vault/crypto/encoding.h"
#include "vault/rotation/conformance/conformance_internal.h"

enum { LEAST_BYTES = 8, LIST_BYTES = 65536, DEEPEST = 4 };

void leaks_add(struct conformance *c, struct bytes value)
{
    struct leaks *l = &c->leaks;
    struct secret *copy = NULL;
    if (value.len < LEAST_BYTES) {
        return;
    }
    for (size_t i = 0; i < NEEDLES_MAX && l->items[i] != NULL; i++) {
        if (secret_equal_bytes(l->items[i], value)) {
            return;
        }
    }
    if (status_ok(secret_copy(value, &copy))) {
        secret_free(l->items[l->next % NEEDLES_MAX]);
        l->items[l->next++ % NEEDLES_MAX] = copy;
    }
}

void leaks_done(struct leaks *l)
{
    for (size_t i = 0; i < NEEDLES_MAX; i++) {
        secret_free(l->items[i]);
        l->items[i] = NULL;
    }
}

static bool holds(struct bytes text, struct bytes needle)
{
    return needle.len > 0 && text.len >= needle.len &&
           memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL;
}

static void encode_percent(struct bytes value, bool all, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len; i++) {
        uint8_t b = value.ptr[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                     b == '-' || b == '_' || b == '.' || b == '~';
        if (plain && !all) {
            buffer_append_byte(out, b);
            continue;
        }
        buffer_append_byte(out, '%');
        buffer_append_byte(out, (uint8_t)digits[b >> 4]);
        buffer_append_byte(out, (uint8_t)digits[b & 15]);
    }
}

// Base64 and its padding, in the alphabet for addresses too.
static bool holds_base64(struct bytes text, struct bytes value)
{
    CLEANUP(secret_cleanup) struct secret *coded = NULL;
    if (!status_ok(encoding_to_base64(value, &coded))) {
        return false;
    }
    struct bytes shown = secret_view(coded);
    while (shown.len > 0 && shown.ptr[shown.len - 1] == '=') {
        shown.len--;
    }
    if (holds(text, shown)) {
        return true;
    }
    uint8_t *octets = secret_data(coded);
    for (size_t i = 0; i < shown.len; i++) {
        octets[i] = octets[i] == '+' ? '-' : octets[i] == '/' ? '_' : octets[i];
    }
    return holds(text, shown);
}

static bool holds_hex(struct bytes text, struct bytes value)
{
    CLEANUP(secret_cleanup) struct secret *coded = NULL;
    if (!status_ok(encoding_to_hex(value, &coded))) {
        return false;
    }
    if (holds(text, secret_view(coded))) {
        return true;
    }
    uint8_t *octets = secret_data(coded);
    for (size_t i = 0; i < secret_len(coded); i++) {
        octets[i] = octets[i] >= 'a' ? (uint8_t)(octets[i] - 'a' + 'A') : octets[i];
    }
    return holds(text, secret_view(coded));
}

static bool holds_percent(struct bytes text, struct bytes value)
{
    CLEANUP(buffer_done) struct buffer coded;
    buffer_init(&coded, LIST_BYTES);
    encode_percent(value, false, &coded);
    bool found = holds(text, buffer_bytes(&coded));
    buffer_clear(&coded);
    encode_percent(value, true, &coded);
    return found || holds(text, buffer_bytes(&coded));
}

// How the text holds one of the values; NULL: it doesn't.
static const char *find(const struct leaks *l, struct bytes text)
{
    for (size_t i = 0; i < NEEDLES_MAX && l->items[i] != NULL; i++) {
        struct bytes value = secret_view(l->items[i]);
        if (holds(text, value)) {
            return "as it is";
        }
        if (holds_base64(text, value)) {
            return "in base64";
        }
        if (holds_hex(text, value)) {
            return "in hex";
        }
        if (holds_percent(text, value)) {
            return "with percent signs";
        }
    }
    return NULL;
}

void leaks_search_line(struct conformance *c, struct str line, const char *what)
{
    const char *how = find(&c->leaks, bytes_from_str(line));
    if (how != NULL && c->leaks.where[0] == '\0') {
        snprintf(c->leaks.where, sizeof c->leaks.where, "the answer to %s holds a value %s", what,
                 how);
    }
}

// Arguments and environments are shorter than what encodings would be looked for in: as it is only.
static void search_file(struct conformance *c, long pid, const char *file, const char *what)
{
    char path[64];
    static uint8_t text[LIST_BYTES];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0) {
        close(fd);
    }
    for (size_t i = 0; len > 0 && i < NEEDLES_MAX && c->leaks.items[i] != NULL; i++) {
        if (holds((struct bytes){text, (size_t)len}, secret_view(c->leaks.items[i])) &&
            c->leaks.where[0] == '\0') {
            snprintf(c->leaks.where, sizeof c->leaks.where, "%s of one of its processes, %s",
                     strcmp(file, "cmdline") == 0 ? "a value is in the arguments"
                                                  : "a value is in the environment",
                     what);
        }
    }
    explicit_bzero(text, len > 0 ? (size_t)len : 0);
}

static void search_children(struct conformance *c, long pid, int depth, const char *what)
{
    char path[64];
    char list[4096];
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, list, sizeof list - 1);
    if (fd >= 0) {
        close(fd);
    }
    list[len > 0 ? len : 0] = '\0';
    char *rest = list;
    for (long child = strtol(rest, &rest, 10); child > 0; child = strtol(rest, &rest, 10)) {
        search_file(c, child, "cmdline", what);
        search_file(c, child, "environ", what);
        if (depth < DEEPEST) {
            search_children(c, child, depth + 1, what);
        }
    }
}

// The launcher is a child of ours, everything that it starts is below it.
void leaks_search_processes(struct conformance *c, const char *what)
{
    search_children(c, getpid(), 0, what);
}
