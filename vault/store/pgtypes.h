// SPDX-License-Identifier: ISC
// Constants of PostgreSQL's binary formats that both directions share.
#pragma once

// timestamptz counts from 2000-01-01 UTC.
#define PG_EPOCH_US INT64_C(946684800000000)
