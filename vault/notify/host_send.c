// SPDX-License-Identifier: ISC
// One delivery by libcurl. Nothing is followed, looked up in a file or taken from the environment:
// no redirect, proxy, netrc or cookie, and no other protocol than the one that was asked for.
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/limits.h"
#include "vault/notify/host.h"
#include "vault/notify/rules.h"

enum { CONNECT_MS = 5000, HTTP_OK_FIRST = 200, HTTP_OK_LAST = 299, HTTP_GONE = 410 };

struct sending {
    CURL *curl;
    const struct wire_job *job;
    struct wire_result *result;
    struct curl_slist *list; // headers, or the recipient
    size_t received;         // headers and body, bounded
    size_t sent;             // of a mail
    bool forbidden;          // the address isn't one that we may connect to
    char error[CURL_ERROR_SIZE];
};

// libcurl wants the type of the option exactly, and a failure here is one of memory or of ours.
#define SET(s, option, value) ((void)curl_easy_setopt((s)->curl, (option), (value)))

// ---- what libcurl calls

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sending *s = ctx;
    (void)purpose;
    if (!rules_may_connect(&address->addr, s->job->loopback_only)) {
        s->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Whatever it says is dropped; who says too much is cut off.
static size_t drop(char *data, size_t size, size_t count, void *ctx)
{
    struct sending *s = ctx;
    (void)data;
    s->received += size * count;
    return s->received > LIMIT_NOTIFY_ANSWER_BYTES ? 0 : size * count;
}

static size_t give_mail(char *room, size_t size, size_t count, void *ctx)
{
    struct sending *s = ctx;
    size_t len = s->job->body.len - s->sent;
    len = len < size * count ? len : size * count;
    memcpy(room, s->job->body.ptr + s->sent, len);
    s->sent += len;
    return len;
}

// ---- setting up

static void add_line(struct sending *s, const char *name, struct str value)
{
    char line[1024];
    snprintf(line, sizeof line, "%s%.*s", name, STR_ARG(value));
    struct curl_slist *longer = curl_slist_append(s->list, line);
    s->list = longer == NULL ? s->list : longer;
}

// Texts in a job may lack their NUL.
static void set_text(struct sending *s, CURLoption option, struct str value)
{
    char text[RULES_URL_BYTES + 1];
    snprintf(text, sizeof text, "%.*s", STR_ARG(value));
    SET(s, option, text);
    explicit_bzero(text, sizeof text);
}

static void set_common(struct sending *s)
{
    const struct wire_job *job = s->job;
    curl_easy_reset(s->curl);
    SET(s, CURLOPT_ERRORBUFFER, s->error);
    SET(s, CURLOPT_NOSIGNAL, 1L);
    SET(s, CURLOPT_PROXY, "");
    SET(s, CURLOPT_FOLLOWLOCATION, 0L);
    SET(s, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(s, CURLOPT_TIMEOUT_MS, (long)job->timeout_ms);
    SET(s, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(s, CURLOPT_OPENSOCKETDATA, s);
    SET(s, CURLOPT_WRITEFUNCTION, drop);
    SET(s, CURLOPT_WRITEDATA, s);
    SET(s, CURLOPT_HEADERFUNCTION, drop);
    SET(s, CURLOPT_HEADERDATA, s);
    SET(s, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set_text(s, CURLOPT_URL, job->url);
    if (job->ca_file.len > 0) {
        set_text(s, CURLOPT_CAINFO, job->ca_file);
        SET(s, CURLOPT_CAPATH, NULL);
    }
}

static void set_webhook(struct sending *s)
{
    const struct wire_job *job = s->job;
    SET(s, CURLOPT_PROTOCOLS_STR, job->loopback_only ? "http" : "https");
    SET(s, CURLOPT_USERAGENT, "rotunda");
    add_line(s, "Content-Type: ", STR("application/json"));
    add_line(s, "webhook-id: ", job->id);
    add_line(s, "webhook-timestamp: ", job->timestamp);
    add_line(s, "webhook-signature: ", job->signature);
    add_line(s, "Expect:", STR("")); // no round trip before the body
    SET(s, CURLOPT_HTTPHEADER, s->list);
    SET(s, CURLOPT_POST, 1L);
    SET(s, CURLOPT_POSTFIELDSIZE, (long)job->body.len);
    SET(s, CURLOPT_POSTFIELDS, job->body.ptr);
}

static void set_mail(struct sending *s)
{
    const struct wire_job *job = s->job;
    SET(s, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(s, CURLOPT_USE_SSL, job->require_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (job->username.len > 0) {
        set_text(s, CURLOPT_USERNAME, job->username);
        set_text(s, CURLOPT_PASSWORD, job->password);
    }
    set_text(s, CURLOPT_MAIL_FROM, job->sender);
    add_line(s, "", job->recipient);
    SET(s, CURLOPT_MAIL_RCPT, s->list);
    SET(s, CURLOPT_UPLOAD, 1L);
    SET(s, CURLOPT_READFUNCTION, give_mail);
    SET(s, CURLOPT_READDATA, s);
}

// ---- judging

static void judge_webhook(struct sending *s, long status)
{
    struct wire_result *r = s->result;
    curl_off_t wait_s = 0;
    if (status >= HTTP_OK_FIRST && status <= HTTP_OK_LAST) {
        r->outcome = WIRE_DELIVERED;
        return;
    }
    r->outcome = status == HTTP_GONE ? WIRE_GONE : WIRE_FAILED;
    wire_explain(r, "it answered %ld", status);
    (void)curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &wait_s);
    if (status == 429 || status == 503) {
        r->outcome = WIRE_UNREACHABLE;
        r->retry_s = wait_s < WIRE_WAIT_MAX_S ? (int64_t)wait_s : WIRE_WAIT_MAX_S;
    }
    if (status / 100 == 3) {
        wire_explain(r, "it answered %ld: redirects aren't followed, write the final URL", status);
    }
}

// A mailbox that doesn't exist never will; everything else may be put right.
static void judge_mail(struct sending *s, long status, bool sent)
{
    struct wire_result *r = s->result;
    bool to_this_mail = status >= 550 && status <= 554;
    r->outcome = sent ? WIRE_DELIVERED : to_this_mail ? WIRE_REFUSED : WIRE_FAILED;
    if (!sent) {
        wire_explain(r, "it answered %ld", status);
    }
}

static bool was_not_reached(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
           code == CURLE_OPERATION_TIMEDOUT || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_USE_SSL_FAILED || code == CURLE_LOGIN_DENIED ||
           code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR;
}

static void judge_failure(struct sending *s, CURLcode code)
{
    struct wire_result *r = s->result;
    r->outcome = was_not_reached(code) ? WIRE_UNREACHABLE : WIRE_FAILED;
    if (s->forbidden) {
        r->outcome = WIRE_UNREACHABLE;
        wire_explain(r, "%s",
                     s->job->loopback_only
                         ? "without TLS it must be on this machine"
                         : "its address is link-local or a metadata service: refused");
        return;
    }
    wire_explain(r, "%s", s->error[0] != 0 ? s->error : curl_easy_strerror(code));
}

static void judge(struct sending *s, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    s->result->status = status >= 0 && status <= 999 ? status : 0;
    bool said_too_much = code == CURLE_WRITE_ERROR && s->received > LIMIT_NOTIFY_ANSWER_BYTES;
    if (!s->job->mail && status > 0 && (code == CURLE_OK || said_too_much)) {
        judge_webhook(s, status);
    } else if (s->job->mail && (code == CURLE_OK || (status >= 400 && !was_not_reached(code)))) {
        judge_mail(s, status, code == CURLE_OK);
    } else {
        judge_failure(s, code);
    }
}

void notify_host_send(void *curl, const struct wire_job *job, struct wire_result *out)
{
    struct sending s = {.curl = curl, .job = job, .result = out};
    set_common(&s);
    if (job->mail) {
        set_mail(&s);
    } else {
        set_webhook(&s);
    }
    judge(&s, curl_easy_perform(curl));
    // Whatever it keeps of the login and the body goes with the next reset.
    curl_easy_reset(curl);
    curl_slist_free_all(s.list);
}
