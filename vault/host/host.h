// SPDX-License-Identifier: ISC
// Speaks the protocol on standard input and output for one rotator, either linked in (by name) or a
// loadable module (by path), in a process of its own for one attempt.
#pragma once

#include <stdbool.h>

#include "rotunda/rotator.h"
#include "vault/base/arena.h"
#include "vault/base/buffer.h"
#include "vault/base/status.h"

// What is asked on standard input, line by line, is answered on standard output: `answer` puts a
// line into `out`, with what it needs in between in `arena`. Returns the process's exit code: 0
// when the input ended, 1 when a line is too long or can't be answered.
typedef struct status host_answer(void *arg, struct str line, struct arena *arena,
                                  struct buffer *out);
int host_serve_lines(size_t longest, host_answer *answer, void *arg);

// In a child of the launcher. A rotator that can't be loaded answers hello with the reason. The
// process's exit code: 0 when the input ended, 1 when it isn't the protocol. `builtin` lists the
// rotators that are linked in and ends with NULL.
int rotator_host_serve(const char *name, bool allow_unlocked,
                       const struct rotunda_rotator *const *builtin);

// `rotunda rotator-host NAME [-allow-unlocked-memory]`: the same for a module, after an exec.
// argv[0] is "rotator-host" or the program's name, whatever stands before NAME is ignored.
int rotator_host_main(int argc, char **argv, const struct rotunda_rotator *const *builtin);

// What every process behind the launcher does first: no core, locked memory. UNAVAILABLE.
struct status rotator_host_protect(bool allow_unlocked);
