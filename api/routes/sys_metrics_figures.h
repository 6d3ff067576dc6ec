// SPDX-License-Identifier: ISC
// The part of sys/metrics that the database has to be asked for: tokens, rotation, what is left to
// do in the audit log.
#pragma once

#include "vault/base/buffer.h"
#include "vault/core/vault.h"

// On a fiber. Without them when the database doesn't answer: rotunda_database_figures is 0 then.
void sys_metrics_put_figures(const struct vault *v, struct buffer *out);
