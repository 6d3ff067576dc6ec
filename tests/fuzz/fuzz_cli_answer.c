// SPDX-License-Identifier: ISC
// Input: how to print it, then a server's answer. Whatever the server says, only visible characters
// reach the terminal, and as JSON it stays the same document.
#include <fcntl.h>

#include "api/cli/output.h"
#include "tests/fuzz/fuzz.h"

enum { WAYS = 4, FAILED_CODE = 400 };

static void check_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool c1 = c == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;
        REQUIRE((c >= 0x20 && c != 0x7F && !c1) || c == '\n' || c == '\t');
    }
}

static void check_json(struct cli *c, struct json_value sent)
{
    struct json_value printed;
    cli_print_json(c, sent);
    const struct json_limits wide = {LIMIT_JSON_DEPTH, LIMIT_JSON_MEMBERS, 8 * LIMIT_BODY_BYTES};
    if (!status_ok(buffer_status(&c->out))) {
        return;
    }
    REQUIRE(status_ok(json_parse(buffer_str(&c->out), &wide, c->arena, &printed, NULL)));
    REQUIRE(json_kind(printed) == json_kind(sent) && json_count(printed) == json_count(sent));
    struct str a;
    struct str b;
    if (status_ok(json_as_str(sent, &a))) {
        REQUIRE(status_ok(json_as_str(printed, &b)) && str_equal(a, b));
    }
}

static void print(struct cli *c, const struct cli_answer *answer, unsigned way)
{
    static const char *const columns[] = {"id", "name", NULL};
    switch (way % WAYS) {
    case 0:
        status_ignore(cli_print_answer(c, answer)); // any of these may be refused
        break;
    case 1:
        status_ignore(cli_print_keys(c, answer));
        break;
    case 2:
        status_ignore(cli_print_records(c, answer, columns));
        break;
    default:
        status_ignore(cli_check(c, answer));
        check_visible(str_from_c(c->problem.text));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(2 * LIMIT_ARENA_BYTES);
    struct bytes rest = {data, size};
    unsigned way = fuzz_take_octet(&rest);
    static int nowhere = -1;
    if (nowhere < 0) {
        nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    struct cli c = {.arena = arena, .io = {nowhere, nowhere, nowhere}};
    struct cli_answer answer = {.method = "GET", .path = STR("p")};
    buffer_init(&c.out, 4 * LIMIT_ARENA_BYTES);
    if (!status_ok(json_parse(str_from_bytes(rest), NULL, arena, &answer.json, NULL))) {
        return 0;
    }
    answer.response.code = way % WAYS == 3 ? FAILED_CODE : 200;
    print(&c, &answer, way);
    check_visible(buffer_str(&c.out));
    buffer_clear(&c.out);
    check_json(&c, answer.json);
    check_visible(buffer_str(&c.out));
    buffer_done(&c.out);
    return 0;
}
