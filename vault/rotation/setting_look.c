// SPDX-License-Identifier: ISC
#include "vault/rotation/setting_look.h"

#include "vault/host/protocol.h"

static bool is_port(struct str text)
{
    enum { PORT_DIGITS = 5, PORT_MAX = 65535 };
    int64_t port;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len <= PORT_DIGITS && status_ok(str_parse_int(text, &port)) && port >= 1 &&
           port <= PORT_MAX;
}

static bool are_ports(struct str text)
{
    struct str part;
    bool more = true;
    while (more) {
        more = str_split(text, ',', &part, &text);
        if (!is_port(part)) {
            return false;
        }
    }
    return true;
}

static bool is_choice(struct str choices, struct str value)
{
    struct str part;
    bool more = true;
    while (more) {
        more = str_split(choices, '|', &part, &choices);
        if (value.len > 0 && str_equal(part, value)) {
            return true;
        }
    }
    return false;
}

// As it was written: nothing that leads up, and none of the folders whose files do something when
// they are read.
static struct status check_path(struct str path)
{
    static const char *const forbidden[] = {"proc", "sys", "dev"};
    struct str part;
    struct str rest = str_skip(path, 1);
    (void)str_split(rest, '/', &part, &rest);
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        if (str_equal_c(part, forbidden[i])) {
            FAIL(INVALID, "a path below /proc, /sys or /dev isn't one of a file: name another");
        }
    }
    for (;;) {
        bool empty = part.len == 0 && rest.len > 0;
        if (empty || str_equal_c(part, ".") || str_equal_c(part, "..")) {
            FAIL(INVALID, "expected a path as it is, without . or .. or empty parts");
        }
        if (rest.len == 0) {
            return OK_STATUS;
        }
        (void)str_split(rest, '/', &part, &rest);
    }
}

struct status setting_look(const struct rotunda_setting_spec *spec, struct str value)
{
    int64_t seconds;
    bool begins = value.len > 0 && value.ptr[0] == '/';
    if ((spec->flags & ROTUNDA_SETTING_FILE) != 0 && !begins) {
        FAIL(INVALID, "expected the absolute path of a file: it begins with a slash");
    }
    if ((spec->flags & ROTUNDA_SETTING_PATH) != 0 && begins) {
        TRY(check_path(value));
    }
    if ((spec->flags & ROTUNDA_SETTING_PORT) != 0 && !are_ports(value)) {
        FAIL(INVALID, "expected a port, 1 to 65535");
    }
    if ((spec->flags & ROTUNDA_SETTING_DURATION) != 0 &&
        !status_ok(str_parse_duration_s(value, &seconds))) {
        FAIL(INVALID, "expected a duration, such as 30s, 5m or 2h");
    }
    if ((spec->flags & ROTUNDA_SETTING_BOOLEAN) != 0 && !str_equal_c(value, "true") &&
        !str_equal_c(value, "false")) {
        FAIL(INVALID, "expected true or false");
    }
    if ((spec->flags & ROTUNDA_SETTING_CHOICE) != 0 &&
        !is_choice(protocol_setting_choices(spec), value)) {
        FAIL(INVALID, "expected one of the values that it knows");
    }
    return OK_STATUS;
}
