// SPDX-License-Identifier: ISC
// Connection URLs of database mounts. What is accepted names one server, and goes over TLS or a
// socket.
#include "api/routes/database_url.h"
#include "tests/fuzz/fuzz.h"
#include "vault/base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str sent = {(const char *)data, size};
    struct database_url u;
    struct str parameter;
    if (!str_is_text(sent) || !status_ok(database_url_parse(sent, arena, &u, &parameter))) {
        return 0;
    }
    REQUIRE(u.host.len > 0 && str_is_text(u.host) && str_is_text(u.database));
    REQUIRE(u.ca_file.len == 0 || u.ca_file.ptr[0] == '/');
    REQUIRE(u.socket_owner.len == 0 || u.host.ptr[0] == '/');
    return 0;
}
