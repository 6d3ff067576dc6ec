// SPDX-License-Identifier: ISC
// The host `notify`: the process that talks to receivers. It is started by the launcher
// behind the same walls as a rotator, so that neither libcurl nor a receiver ever meets the vault's
// keys; it serves deliveries of one notifier, one after the other, and ends with its input.
#pragma once

#include "vault/notify/wire.h"

#define NOTIFY_HOST_NAME "notify"

// The process's exit code: 0 when the input ended, 1 when it isn't the protocol.
int notify_host_serve(bool allow_unlocked);

// What is told from libcurl's point of view: one attempt. Needs curl_global_init().
void notify_host_send(void *curl, const struct wire_job *job, struct wire_result *out);
