// SPDX-License-Identifier: ISC
#include "api/cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "api/cli/client_memory.h"
#include "api/cli/encode.h"
#include "vault/base/limits.h"

enum { URL_MAX_BYTES = 64 * 1024, HEADER_MAX_BYTES = 16 * 1024, CONNECT_MAX_S = 10 };

struct cli_client {
    CURL *curl;
    struct curl_slist *headers; // those of every request, the token's among them
    struct buffer base;         // "https://host:port/v1/"
    struct buffer socket;       // its path, with a NUL; empty when the server is on a network
    char error[CURL_ERROR_SIZE];
    long timeout_s;
    bool plain_to_network; // http:// to something that isn't this machine
};

struct status cli_client_system_init(void)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, cli_wiping_malloc, cli_wiping_free,
                             cli_wiping_realloc, cli_wiping_strdup,
                             cli_wiping_calloc) != CURLE_OK) {
        FAIL(INTERNAL, "libcurl could not start");
    }
    return OK_STATUS;
}

void cli_response_done(struct cli_response *response)
{
    buffer_done(&response->body);
}

static void client_cleanup(struct cli_client **client)
{
    cli_client_free(*client);
}

void cli_client_free(struct cli_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_slist_free_all(client->headers);
    curl_easy_cleanup(client->curl);
    buffer_done(&client->base);
    buffer_done(&client->socket);
    free(client);
}

static void done_buffer(struct buffer *b)
{
    buffer_done(b);
}

static struct status add_header(struct cli_client *client, const char *name, struct str value)
{
    CLEANUP(done_buffer) struct buffer line;
    buffer_init(&line, HEADER_MAX_BYTES);
    buffer_append_c(&line, name);
    buffer_append_c(&line, ": ");
    buffer_append_str(&line, value);
    buffer_append_byte(&line, '\0');
    TRY(buffer_status(&line));
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < ' ') {
            FAIL(INVALID, "a token, namespace or time to live with a control character");
        }
    }
    struct curl_slist *more = curl_slist_append(client->headers, (const char *)line.ptr);
    if (more == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    client->headers = more;
    return OK_STATUS;
}

static struct status add_headers(struct cli_client *client,
                                 const struct cli_client_options *options)
{
    TRY(add_header(client, "X-Vault-Request", STR("true")));
    TRY(add_header(client, "Accept", STR("application/json")));
    if (secret_len(options->token) > 0) {
        TRY(add_header(client, "X-Vault-Token", str_from_bytes(secret_view(options->token))));
    }
    if (options->namespace.len > 0) {
        TRY(add_header(client, "X-Vault-Namespace", options->namespace));
    }
    if (options->wrap_ttl.len > 0) {
        TRY(add_header(client, "X-Vault-Wrap-TTL", options->wrap_ttl));
    }
    return OK_STATUS;
}

// Text options are NUL-terminated for libcurl, which copies them.
static struct status set_text(struct cli_client *client, CURLoption option, struct str value)
{
    if (value.len == 0) {
        return OK_STATUS;
    }
    CLEANUP(done_buffer) struct buffer text;
    buffer_init(&text, URL_MAX_BYTES);
    buffer_append_str(&text, value);
    buffer_append_byte(&text, '\0');
    TRY(buffer_status(&text));
    if (curl_easy_setopt(client->curl, option, (const char *)text.ptr) != CURLE_OK) {
        FAIL(NOMEM, "out of memory");
    }
    return OK_STATUS;
}

// 127.0.0.1, but not 127.example.com
static bool is_loopback_number(struct str host)
{
    bool digits = str_starts_with(host, STR("127."));
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        digits = digits && ((c >= '0' && c <= '9') || c == '.');
    }
    return digits;
}

bool cli_address_is_local(struct str address)
{
    if (str_starts_with(address, STR("unix:"))) {
        return true;
    }
    size_t scheme =
        str_starts_with(address, STR("https://")) ? strlen("https://") : strlen("http://");
    struct str host;
    struct str rest;
    str_split(str_skip(address, scheme), '/', &host, &rest);
    if (str_starts_with(host, STR("[::1]"))) {
        return host.len == strlen("[::1]") || host.ptr[strlen("[::1]")] == ':';
    }
    str_split(host, ':', &host, &rest);
    return str_equal_nocase(host, STR("localhost")) || is_loopback_number(host);
}

static struct status set_address(struct cli_client *client, struct str address)
{
    buffer_init(&client->base, URL_MAX_BYTES);
    buffer_init(&client->socket, URL_MAX_BYTES);
    if (str_starts_with(address, STR("unix:"))) {
        struct str path = str_skip(address, strlen("unix:"));
        while (str_starts_with(path, STR("//"))) {
            path = str_skip(path, 1);
        }
        buffer_append_c(&client->base, "http://localhost/v1/");
        buffer_append_str(&client->socket, path);
        buffer_append_byte(&client->socket, '\0');
        TRY(buffer_status(&client->socket));
        TRY(set_text(client, CURLOPT_UNIX_SOCKET_PATH, path));
        return set_text(client, CURLOPT_NOPROXY, STR("*"));
    }
    while (str_ends_with(address, STR("/"))) {
        address = str_first(address, address.len - 1);
    }
    if (str_starts_with(address, STR("http://"))) {
        // A proxy would read the token; through TLS it sees none.
        TRY(set_text(client, CURLOPT_NOPROXY, STR("*")));
        client->plain_to_network = !cli_address_is_local(address);
    }
    buffer_append_str(&client->base, address);
    buffer_append_c(&client->base, "/v1/");
    return buffer_status(&client->base);
}

static struct status set_options(struct cli_client *client,
                                 const struct cli_client_options *options)
{
    CURL *curl = client->curl;
    client->timeout_s = (long)options->timeout_s;
    long connect_s = client->timeout_s < CONNECT_MAX_S ? client->timeout_s : CONNECT_MAX_S;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); // the server refuses dot segments, aloud
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_s);
    TRY(set_address(client, options->address));
    TRY(set_text(client, CURLOPT_CAINFO, options->ca_cert));
    TRY(set_text(client, CURLOPT_SSLCERT, options->client_cert));
    TRY(set_text(client, CURLOPT_SSLKEY, options->client_key));
    return OK_STATUS;
}

struct status cli_client_open(const struct cli_client_options *options, struct cli_client **out)
{
    CLEANUP(client_cleanup) struct cli_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(set_options(client, options));
    TRY(add_headers(client, options));
    *out = TAKE(client);
    return OK_STATUS;
}

bool cli_client_is_exposed(const struct cli_client *client)
{
    return client->plain_to_network;
}

struct reception {
    CURL *curl;
    const struct cli_request *request;
    struct buffer *body;
    struct status failed;
};

static size_t receive(char *data, size_t size, size_t count, void *context)
{
    struct reception *r = context;
    struct bytes piece = {(const uint8_t *)data, size * count};
    long code = 0;
    curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &code);
    if (r->request->sink != NULL && code == 200) {
        r->failed = r->request->sink(r->request->sink_context, piece);
    } else {
        buffer_append(r->body, piece);
        r->failed = buffer_status(r->body);
    }
    return status_ok(r->failed) ? piece.len : 0;
}

static void set_patience(const struct cli_client *client, bool streaming)
{
    long whole_s = streaming ? 0 : client->timeout_s;
    long silence_s = streaming ? client->timeout_s : 0;
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, whole_s);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, streaming ? 1L : 0L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, silence_s);
}

static void set_body(CURL *curl, const struct cli_request *request)
{
    if (request->body.ptr == NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static struct status set_url(struct cli_client *client, const struct cli_request *request)
{
    CLEANUP(done_buffer) struct buffer url;
    buffer_init(&url, URL_MAX_BYTES);
    buffer_append_str(&url, buffer_str(&client->base));
    cli_encode_path(&url, request->path);
    if (request->query.len > 0) {
        buffer_append_byte(&url, '?');
        buffer_append_str(&url, request->query);
    }
    TRY(buffer_status(&url));
    return set_text(client, CURLOPT_URL, buffer_str(&url));
}

// Of a socket curl says that localhost couldn't be reached, as it stands in the URL.
static const char *detail_of(const struct cli_client *client, CURLcode result)
{
    long number = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (client->socket.len > 0 && result == CURLE_COULDNT_CONNECT && number != 0) {
        return strerror((int)number);
    }
    return client->error[0] == '\0' ? curl_easy_strerror(result) : client->error;
}

// What curl says names hosts, files and certificates, never headers or bodies.
static struct status explain(const struct cli_client *client, CURLcode result,
                             struct cli_problem *why)
{
    const char *socket = client->socket.len > 0 ? (const char *)client->socket.ptr : "";
    const char *advice = "";
    if (result == CURLE_PEER_FAILED_VERIFICATION) {
        advice = "; name the authority with -ca-cert or ROTUNDA_CACERT";
    } else if (result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST) {
        advice = "; is the server running, and is -address or ROTUNDA_ADDR right?";
    }
    return cli_problem_remote(why, "can't reach the server: %s%s%s%s", socket,
                              socket[0] == '\0' ? "" : ": ", detail_of(client, result), advice);
}

static struct status perform(struct cli_client *client, struct reception *r,
                             struct curl_slist *headers, struct cli_problem *why)
{
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    client->error[0] = '\0';
    CURLcode result = curl_easy_perform(curl);
    TRY(r->failed);
    return result == CURLE_OK ? OK_STATUS : explain(client, result, why);
}

static struct status send_with_type(struct cli_client *client, struct reception *r,
                                    struct cli_problem *why)
{
    const char *type = r->request->content_type;
    char line[128];
    snprintf(line, sizeof line, "Content-Type: %s", type == NULL ? "application/json" : type);
    // A list head of its own in front of the shared headers, for the time of this request.
    struct curl_slist no_expect = {(char[]){"Expect:"}, client->headers};
    struct curl_slist content_type = {line, &no_expect};
    bool has_body = r->request->body.ptr != NULL;
    return perform(client, r, has_body ? &content_type : client->headers, why);
}

struct status cli_client_send(struct cli_client *client, const struct cli_request *request,
                              struct cli_problem *why, struct cli_response *out)
{
    struct cli_response response = {.code = 0};
    buffer_init(&response.body, LIMIT_RESPONSE_BYTES);
    struct reception r = {client->curl, request, &response.body, OK_STATUS};
    struct status sent = set_url(client, request);
    if (status_ok(sent)) {
        set_body(client->curl, request);
        set_patience(client, request->sink != NULL);
        sent = send_with_type(client, &r, why);
    }
    if (!status_ok(sent)) {
        cli_response_done(&response);
        return sent;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &response.code);
    *out = response;
    return OK_STATUS;
}
