// SPDX-License-Identifier: ISC
// Memory for libcurl (curl_global_init_mem), wiped when it is freed.
#pragma once

#include <stddef.h>

void *cli_wiping_malloc(size_t size);
void cli_wiping_free(void *ptr);
void *cli_wiping_realloc(void *ptr, size_t size);
void *cli_wiping_calloc(size_t count, size_t size);
char *cli_wiping_strdup(const char *text);
