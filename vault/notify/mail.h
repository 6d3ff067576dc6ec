// SPDX-License-Identifier: ISC
// Mails about notices: plain text, marked as written by a machine, the same Message-ID each time.
#pragma once

#include "vault/notify/notifier.h"

// Headers and body with CRLF, in the arena. Whatever stands in names, no header can be added and no
// line is longer than mail allows. INTEGRITY (a payload that isn't ours), NOMEM.
struct status mail_write(const struct notifier *n, const struct notice *notice,
                         struct str recipient, int64_t now_us, struct arena *arena,
                         struct str *out);
