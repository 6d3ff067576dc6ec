// SPDX-License-Identifier: ISC
// What the commands of rotation share (rotation.c has their table).
#pragma once

#include "api/cli/body.h"
#include "api/cli/output.h"

// <mount>/<kind>[/<name>][<tail>], the name from the first operand when there is one.
struct status rotation_cli_path(struct cli *c, const char *kind, const char *tail, struct str *out);

// rotation_rotate.c: asks for an attempt and waits for its outcome, with progress on standard
// error where that is a terminal.
struct status rotation_cli_rotate(struct cli *c);
struct status rotation_cli_rollback(struct cli *c);
// Before it connects: the server answers when the flag -wait says; the client's own patience is
// made longer than that.
struct status rotation_cli_outlast_wait(struct cli *c);
// The request's body; `at_once`: it isn't to wait, whatever the flags say.
struct status rotation_cli_rotate_body(struct cli *c, bool at_once, struct buffer *out);
// "blocked; not_permitted: the role is a superuser", of an answer's data or an event.
void rotation_cli_describe(struct json_value data, struct str state, struct buffer *out);

// rotation_watch.c
struct status rotation_cli_creds(struct cli *c);
struct status rotation_cli_watch(struct cli *c);

// rotation_own.c
struct status rotation_cli_rotate_target(struct cli *c);
struct status rotation_cli_recovery(struct cli *c);
struct status rotation_cli_recovery_key(struct cli *c);

// rotation_verbs.c
struct status rotation_cli_plan(struct cli *c);
struct status rotation_cli_pause(struct cli *c);
struct status rotation_cli_resume(struct cli *c);
struct status rotation_cli_import(struct cli *c);
struct status rotation_cli_acknowledge(struct cli *c);
struct status rotation_cli_schedule(struct cli *c);
struct status rotation_cli_check(struct cli *c);
