// SPDX-License-Identifier: ISC
// One operator's share as it is handed out and typed back in:
//
//     version (1) || set id (8) || number (1) || share (32) || checksum (4)      46 bytes
//
// printed as 92 hexadecimal digits or as 64 characters of base64; either is accepted. The checksum
// (BLAKE2b) finds typing errors; the set id tells a share of another vault or of an earlier set.
#pragma once

#include "vault/seal/seal.h"

enum { SHARE_BYTES = 46 };

// `number` is 1 to SEAL_SHARES_MAX, `key` SEAL_KEY_BYTES long. NOMEM.
struct status share_encode(const uint8_t set_id[SEAL_SET_ID_BYTES], int number, struct bytes key,
                           struct secret **out);
// Blanks around the text don't matter. INVALID with what is wrong: the form, the checksum, the
// version, number 0; NOMEM. What it returns is SHARE_BYTES long.
struct status share_decode(struct str text, struct secret **out);

// Of a share from the two functions above.
struct bytes share_set_id(const struct secret *share);
int share_number(const struct secret *share);
struct bytes share_key(const struct secret *share);
// What is stored to recognise it: a share is 256 random bits, so this gives nothing away.
void share_digest(const struct secret *share, uint8_t out[SEAL_DIGEST_BYTES]);

// The texts for the operator. NOMEM.
struct status share_to_hex(const struct secret *share, struct secret **out);
struct status share_to_base64(const struct secret *share, struct secret **out);
