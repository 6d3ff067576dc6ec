// SPDX-License-Identifier: ISC
// Where results come from: only for the files of this folder.
#pragma once

#include <libpq-fe.h>

#include "vault/store/result.h"

// Takes `res` (never NULL). One reference. NOMEM frees it.
struct status store_result_wrap(PGresult *res, struct store_result **out);
int store_result_row_count(const struct store_result *r);
