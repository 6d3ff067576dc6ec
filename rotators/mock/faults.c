// SPDX-License-Identifier: ISC
#include "rotators/mock/faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_CHANNEL = STDIN_FILENO, FLOOD_BYTES = 1024 * 1024 * 1024 };

static const struct {
    const char *name;
    enum fault fault;
} names[] = {
    {"policy_reject", FAULT_POLICY_REJECT}, {"not_permitted", FAULT_NOT_PERMITTED},
    {"unreachable", FAULT_UNREACHABLE},     {"lie_works", FAULT_LIE_WORKS},
    {"lie_rejected", FAULT_LIE_REJECTED},   {"die_before_commit", FAULT_BEFORE_COMMIT},
    {"hang", FAULT_BEFORE_COMMIT},          {"crash", FAULT_BEFORE_COMMIT},
    {"garbage", FAULT_BEFORE_COMMIT},       {"flood", FAULT_BEFORE_COMMIT},
    {"other_attempt", FAULT_BEFORE_COMMIT}, {"die_after_commit", FAULT_AFTER_COMMIT},
    {"lose_reply", FAULT_AFTER_COMMIT},     {"land_late", FAULT_DURING_COMMIT},
    {"cap_reached", FAULT_CAP_REACHED},     {"throttled", FAULT_THROTTLED},
};

static bool is_called(const struct rotunda_call *call, const char *name)
{
    return call_text_is(call_target_setting(call, "fault"), name);
}

static enum fault wanted(const struct ledger *s, const struct rotunda_call *call,
                         const char *operation)
{
    struct rotunda_text only = call_target_setting(call, "fault_op");
    if (only.len == 0) {
        only = (struct rotunda_text){"apply", strlen("apply")};
    }
    if (!call_text_is(only, operation)) {
        return FAULT_NONE;
    }
    if (call_text_is(call_target_setting(call, "fault_once"), "true")) {
        int fired = openat(s->folder, "fired", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fired < 0) {
            return FAULT_NONE;
        }
        close(fired);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_called(call, names[i].name)) {
            return names[i].fault;
        }
    }
    return FAULT_NONE;
}

static _Noreturn void hang(void)
{
    for (;;) {
        pause();
    }
}

static bool say(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(HOST_CHANNEL, text, len);
        if (written <= 0) {
            return false;
        }
        text += written;
        len -= (size_t)written;
    }
    return true;
}

static void flood(void)
{
    char block[4096];
    memset(block, 'x', sizeof block);
    for (size_t sent = 0; sent < FLOOD_BYTES && say(block, sizeof block); sent += sizeof block) {
    }
}

static _Noreturn void misbehave(const struct rotunda_call *call)
{
    static const char garbage[] = "\x01garbage {{{\n";
    static const char other[] = "{\"id\":1,\"attempt\":\"00000000-0000-7000-8000-000000000000\","
                                "\"result\":\"applied\",\"error_class\":\"none\"}\n";
    if (is_called(call, "die_before_commit")) {
        raise(SIGKILL);
    } else if (is_called(call, "crash")) {
        abort();
    } else if (is_called(call, "garbage")) {
        say(garbage, sizeof garbage - 1);
    } else if (is_called(call, "other_attempt")) {
        say(other, sizeof other - 1);
    } else if (is_called(call, "flood")) {
        flood();
    }
    hang();
}

enum fault fault_before(const struct ledger *s, const struct rotunda_call *call,
                        const char *operation)
{
    enum fault fault = wanted(s, call, operation);
    if (fault == FAULT_BEFORE_COMMIT) {
        misbehave(call);
    }
    return fault;
}

void fault_after(enum fault fault, const struct rotunda_call *call)
{
    if (fault != FAULT_AFTER_COMMIT && fault != FAULT_DURING_COMMIT) {
        return;
    }
    if (!is_called(call, "lose_reply")) {
        raise(SIGKILL);
    }
    shutdown(HOST_CHANNEL, SHUT_WR);
    hang();
}
