// SPDX-License-Identifier: ISC
// The part of sys/metrics that is about the node as a whole: seal, alarms, audit log, sinks.
#pragma once

#include "vault/base/buffer.h"
#include "vault/core/vault.h"

void sys_metrics_put_node(const struct vault *v, struct buffer *out); // any thread
