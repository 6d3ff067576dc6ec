// SPDX-License-Identifier: ISC
// The launcher: a small process that starts the hosts of rotators. It is forked before any key is
// loaded and before seccomp is set (a filter survives exec), so that hosts descend from a process
// that never held a secret. It executes its own program once, so that its addresses aren't the
// vault's; hosts of our own rotators are forked from it without another exec, which would cost half
// of what a rotation costs.
//
// Every host has a session of its own, an empty environment, one socket as standard input and
// output and nothing else open, resource limits and the walls of sandbox.h. It is killed, with
// whatever it has started, at its deadline, when its owner closes the control socket, or when the
// vault is gone.
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/macros.h"
#include "vault/host/sandbox.h"

struct launcher;

enum { LAUNCHER_HOSTS_MAX = 128 }; // running at once; beyond it starts are refused

struct launcher_options {
    // Of the program whose first argument `rotator-launcher` reaches rotator_launcher_main(), and
    // `rotator-host` rotator_host_main(). NULL for this very program.
    const char *program;
    const char *user;    // hosts run as this user when we are root; NULL for nobody
    bool allow_unlocked; // as for secret_system_init()
};

// Call from the main thread, before threads, keys and seccomp. INVALID (no such user or program),
// UNAVAILABLE.
struct status launcher_start(const struct launcher_options *options, struct launcher **out);
// What a child of the launcher becomes for a job of the form LAUNCHER_LINKED, with the channel as
// its standard input and output. Returns the process's exit code.
typedef int launcher_host(const char *name, bool allow_unlocked);
// `rotunda rotator-launcher`, executed by launcher_start(). argv[0] is the command's name.
int rotator_launcher_main(int argc, char **argv, launcher_host *host);
void launcher_free(struct launcher *l); // kills its hosts and waits for it; NULL is fine

enum launcher_form {
    LAUNCHER_LINKED, // a rotator of ours, by name
    LAUNCHER_MODULE, // a loadable module of others, by absolute path
    LAUNCHER_PROGRAM // an executable of others, by absolute path
};

enum { LAUNCHER_NAME_BYTES = 256 };

struct launcher_job {
    enum launcher_form form;
    bool strangers_anywhere; // start what isn't ours even where nothing walls it off
    char name[LAUNCHER_NAME_BYTES];
    int64_t deadline_us; // monotonic
    size_t path_count;
    struct sandbox_path paths[SANDBOX_PATHS_MAX]; // what its target needs
};

enum launcher_event {
    LAUNCHER_STARTED = 1,
    LAUNCHER_REFUSED, // by the walls, or the program could not be run
    LAUNCHER_EXITED,
};

// What arrives on the control socket: STARTED then EXITED, or REFUSED (EXITED may follow).
struct launcher_report {
    enum launcher_event event;
    int isolation;        // SANDBOX_*
    int error;            // errno, of REFUSED
    int exit_code;        // EXITED by itself, -1 otherwise
    int signal;           // EXITED by a signal, 0 otherwise
    bool deadline_passed; // it was killed for that
};

// Hands a job over; any thread, no lock, never blocks. `channel` is the other end of the host's
// standard input and output, `control` brings reports (SOCK_SEQPACKET, one a packet) and kills the
// host when it is closed, or shut down for writing: then the last report still comes. Both are
// non-blocking and the caller's. LIMIT when the launcher is busy (try again), UNAVAILABLE when it
// is gone.
struct status launcher_send(struct launcher *l, const struct launcher_job *job, int *channel,
                            int *control);
