// SPDX-License-Identifier: ISC
// Tells vault/core/metrics.h what the HTTP server counts.
#pragma once

#include "api/server_worker.h"

// Before the workers run; they and the listeners outlive it. Once per process.
void server_metrics_register(struct server_worker *workers, struct server_listeners *listeners);
