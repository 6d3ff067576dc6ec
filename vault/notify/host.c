// SPDX-License-Identifier: ISC
#include "vault/notify/host.h"

#include <curl/curl.h>
#include <signal.h>

#include "vault/base/limits.h"
#include "vault/host/host.h"

static struct status answer(void *curl, struct str line, struct arena *arena, struct buffer *out)
{
    struct wire_job job;
    struct wire_result result = {.status = 0};
    TRY(wire_get_job(line, arena, &job));
    notify_host_send(curl, &job, &result);
    return wire_put_result(&result, out);
}

int notify_host_serve(bool allow_unlocked)
{
    signal(SIGPIPE, SIG_IGN);
    if (!status_ok(rotator_host_protect(allow_unlocked)) ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return 1;
    }
    CURL *curl = curl_easy_init();
    int code = curl == NULL ? 1 : host_serve_lines(LIMIT_NOTIFY_LINE_BYTES, answer, curl);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return code;
}
