// SPDX-License-Identifier: ISC
// RFC 3339 times: read as text; the first eight octets also as a moment to be written.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/base/clock.h"

// The years that RFC 3339 can write.
#define YEAR_0000_US (INT64_C(-62167219200) * CLOCK_SECOND)
#define YEAR_9999_END_US (INT64_C(253402300800) * CLOCK_SECOND - 1)

static void write_and_read(int64_t moment)
{
    char text[CLOCK_TEXT_BYTES];
    int64_t again;
    clock_format(moment, text);
    size_t len = strnlen(text, sizeof text);
    REQUIRE(len < sizeof text && text[len - 1] == 'Z');
    if (moment >= YEAR_0000_US && moment <= YEAR_9999_END_US) {
        REQUIRE(status_ok(clock_parse(str_from_c(text), &again)) && again == moment);
    }
}

static void check_form(struct str text)
{
    REQUIRE(text.len >= strlen("2026-11-23T05:00:00Z"));
    for (size_t i = 0; i < text.len; i++) {
        REQUIRE(text.ptr[i] != '\0' && strchr("0123456789-:.+TtZz", text.ptr[i]) != NULL);
    }
    REQUIRE(text.ptr[4] == '-' && text.ptr[7] == '-' && text.ptr[13] == ':' && text.ptr[16] == ':');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    int64_t moment;
    if (status_ok(clock_parse(text, &moment))) {
        check_form(text);
        write_and_read(moment);
    }
    if (size >= sizeof moment) {
        memcpy(&moment, data, sizeof moment);
        write_and_read(moment);
    }
    return 0;
}
