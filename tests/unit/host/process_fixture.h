// SPDX-License-Identifier: ISC
// A launcher and a folder for the mock target per test, and scripts that run on a fiber: cmocka's
// assertions must not jump off a fiber's stack, so a script records and the test asserts.
#pragma once

#include "tests/support/test.h"
#include "vault/base/clock.h"
#include "vault/host/rotator_process.h"

struct world {
    struct launcher *launcher;
    struct arena *arena;
    char folder[64]; // everybody may write to it
};

int world_setup(void **state);
int world_teardown(void **state);
// A copy of the file in the folder, readable by everybody; `path` gets its name.
void world_copy_in(const struct world *w, const char *file, char *path, size_t size);

// One process that is asked one thing.
struct script {
    struct world *world;
    struct rotator_process_options options;
    enum protocol_op op;
    bool only_start;
    struct rotunda_setting settings[4];
    size_t setting_count;
    const char *value;
    int64_t fence;
    // What came of it.
    struct status started;
    struct status answered;
    struct status ended;
    struct protocol_reply reply;
    struct launcher_report report;
    int isolation;
    char name[256]; // of hello
};

// A script for the mock with this fault ("" for none), deadline 20 s.
struct script script_mock(struct world *w, enum protocol_op op, const char *value,
                          const char *fault);
void script_run(struct script *s);
void script_done(struct script *s);

// The launcher is this process's only child; its hosts are its children.
int count_hosts(void);
// Waits up to 5 s for it.
bool no_hosts_left(void);

// main() of every test that starts hosts.
bool is_host_call(int argc, char **argv);
int run_host(int argc, char **argv);
