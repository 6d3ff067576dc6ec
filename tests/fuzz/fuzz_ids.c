// SPDX-License-Identifier: ISC
// UUIDs and the cursors of audit queries: what is accepted is written the same way again.
#include "tests/fuzz/fuzz.h"
#include "vault/audit/query.h"
#include "vault/base/uuid.h"

static void check_uuid(struct str text)
{
    struct uuid id;
    struct uuid again;
    char written[UUID_TEXT_BYTES];
    if (status_ok(uuid_parse(text, &id))) {
        uuid_format(id, written);
        REQUIRE(str_equal_nocase(str_from_c(written), text));
        REQUIRE(status_ok(uuid_parse(str_from_c(written), &again)) && uuid_equal(id, again));
    }
}

static void check_cursor(struct str text)
{
    struct audit_cursor c;
    struct audit_cursor again;
    char written[AUDIT_CURSOR_BYTES];
    if (status_ok(audit_cursor_parse(text, &c))) {
        audit_cursor_format(&c, written);
        REQUIRE(status_ok(audit_cursor_parse(str_from_c(written), &again)));
        REQUIRE(again.time_us == c.time_us && again.chain_id == c.chain_id && again.seq == c.seq);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_uuid(text);
    check_cursor(text);
    if (size >= sizeof(struct uuid)) {
        struct uuid id;
        struct uuid again;
        char written[UUID_TEXT_BYTES];
        __builtin_memcpy(id.octets, data, sizeof id.octets);
        uuid_format(id, written);
        REQUIRE(status_ok(uuid_parse(str_from_c(written), &again)) && uuid_equal(id, again));
    }
    return 0;
}
