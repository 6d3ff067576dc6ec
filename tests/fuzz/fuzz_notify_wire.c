// SPDX-License-Identifier: ISC
// A line between the vault and the process that sends. What is accepted survives being written and
// read again, as a job and as a result.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/notify/wire.h"

static void check_job(const struct wire_job *job, struct arena *arena)
{
    struct wire_job again;
    struct buffer line;
    buffer_init(&line, LIMIT_NOTIFY_LINE_BYTES);
    if (status_ok(wire_put_job(job, &line))) {
        struct str text = str_first(buffer_str(&line), line.len - 1);
        REQUIRE(status_ok(wire_get_job(text, arena, &again)));
        REQUIRE(job->mail == again.mail && job->require_tls == again.require_tls);
        REQUIRE(job->loopback_only == again.loopback_only && job->timeout_ms == again.timeout_ms);
        REQUIRE(str_equal(job->url, again.url) && str_equal(job->body, again.body));
        REQUIRE(str_equal(job->signature, again.signature));
        REQUIRE(str_equal(job->password, again.password));
        REQUIRE(str_equal(job->recipient, again.recipient));
    }
    buffer_done(&line);
}

static void check_result(const struct wire_result *r, struct arena *arena)
{
    struct wire_result again;
    struct buffer line;
    buffer_init(&line, LIMIT_NOTIFY_LINE_BYTES);
    REQUIRE(r->outcome < WIRE_OUTCOME_COUNT);
    REQUIRE(r->retry_s >= 0 && r->retry_s <= WIRE_WAIT_MAX_S);
    REQUIRE(memchr(r->error, '\0', sizeof r->error) != NULL);
    REQUIRE(status_ok(wire_put_result(r, &line)));
    struct str text = str_first(buffer_str(&line), line.len - 1);
    REQUIRE(status_ok(wire_get_result(text, arena, &again)));
    REQUIRE(r->outcome == again.outcome && r->status == again.status);
    REQUIRE(str_equal_c(str_from_c(again.error), r->error));
    buffer_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    const struct str line = {(const char *)data, size};
    struct wire_job job;
    struct wire_result result;
    if (status_ok(wire_get_job(line, arena, &job))) {
        check_job(&job, arena);
    }
    if (status_ok(wire_get_result(line, arena, &result))) {
        check_result(&result, arena);
    }
    return 0;
}
