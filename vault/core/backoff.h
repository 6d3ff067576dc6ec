// SPDX-License-Identifier: ISC
// Waiting a little, by chance, before an optimistic change that lost its race is tried again.
#pragma once

// On a fiber. Up to a millisecond after the first loss, doubling to a quarter of a second.
void backoff_pause(int losses);
