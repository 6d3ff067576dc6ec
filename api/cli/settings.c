// SPDX-License-Identifier: ISC
#include "api/cli/settings.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_ADDRESS "https://127.0.0.1:8200"

enum { DEFAULT_TIMEOUT_S = 60, MAX_TIMEOUT_S = 24 * 3600 };

const struct cli_flag cli_global_flags[] = {
    {"address", CLI_FLAG_TEXT, "URL", "server: https://host:8200 or unix:/path"},
    {"ca-cert", CLI_FLAG_TEXT, "FILE", "PEM file of the authority that signed the server's name"},
    {"client-cert", CLI_FLAG_TEXT, "FILE", "PEM certificate to show to the server"},
    {"client-key", CLI_FLAG_TEXT, "FILE", "its private key"},
    {"namespace", CLI_FLAG_TEXT, "NAME", "namespace to work in"},
    {"format", CLI_FLAG_TEXT, "table|json", "how to print the answer"},
    {"field", CLI_FLAG_TEXT, "NAME", "print only this field, without a newline when piped"},
    {"wrap-ttl", CLI_FLAG_DURATION, "TIME", "wrap the answer for this long (for other servers)"},
    {"timeout", CLI_FLAG_DURATION, "TIME", "give up after this long (default 60s)"},
    {"h", CLI_FLAG_BOOL, NULL, "help"},
    {"help", CLI_FLAG_BOOL, NULL, "help"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

struct str cli_environment(const char *name)
{
    static const char *const prefixes[] = {"ROTUNDA_", "VAULT_"};
    char full[64];
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        snprintf(full, sizeof full, "%s%s", prefixes[i], name);
        struct str value = str_from_c(getenv(full));
        if (value.len > 0) {
            return value;
        }
    }
    return (struct str){NULL, 0};
}

static struct str choose(const struct cli_args *args, const char *flag, const char *variable)
{
    return cli_args_has(args, flag) ? cli_args_text(args, flag) : cli_environment(variable);
}

static struct status read_format(struct str text, struct cli_problem *why, enum cli_format *out)
{
    if (text.len == 0 || str_equal_c(text, "table")) {
        *out = CLI_FORMAT_TABLE;
        return OK_STATUS;
    }
    if (str_equal_c(text, "json")) {
        *out = CLI_FORMAT_JSON;
        return OK_STATUS;
    }
    return cli_problem_local(why, "the output format is either table or json");
}

static struct status read_timeout(struct str text, struct cli_problem *why, int64_t *out)
{
    int64_t seconds = DEFAULT_TIMEOUT_S;
    if (text.len > 0 && !status_ok(str_parse_duration_s(text, &seconds))) {
        return cli_problem_local(why, "ROTUNDA_CLIENT_TIMEOUT needs a duration such as 60s");
    }
    if (seconds < 1 || seconds > MAX_TIMEOUT_S) {
        return cli_problem_local(why, "the timeout is between 1s and 24h");
    }
    *out = seconds;
    return OK_STATUS;
}

// A password in the address would end up in shell histories and error messages.
static struct status check_address(struct str address, struct cli_problem *why)
{
    bool known = str_starts_with(address, STR("https://")) ||
                 str_starts_with(address, STR("http://")) ||
                 str_starts_with(address, STR("unix:/"));
    if (!known) {
        return cli_problem_local(
            why, "the address begins with https://, http:// or unix:/ (-address, ROTUNDA_ADDR)");
    }
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];
        if (c == '@' || c == '?' || c == '#' || (unsigned char)c <= ' ') {
            return cli_problem_local(why, "the address is only a scheme, a host and a port: no "
                                          "user, password, query or blanks");
        }
    }
    return OK_STATUS;
}

struct status cli_settings_read(const struct cli_args *args, struct cli_problem *why,
                                struct cli_settings *out)
{
    struct cli_settings s = {
        .address = choose(args, "address", "ADDR"),
        .ca_cert = choose(args, "ca-cert", "CACERT"),
        .client_cert = choose(args, "client-cert", "CLIENT_CERT"),
        .client_key = choose(args, "client-key", "CLIENT_KEY"),
        .namespace = choose(args, "namespace", "NAMESPACE"),
        .wrap_ttl = choose(args, "wrap-ttl", "WRAP_TTL"),
        .field = cli_args_text(args, "field"),
    };
    if (s.address.len == 0) {
        s.address = STR(DEFAULT_ADDRESS);
    }
    TRY(check_address(s.address, why));
    TRY(read_format(choose(args, "format", "FORMAT"), why, &s.format));
    TRY(read_timeout(choose(args, "timeout", "CLIENT_TIMEOUT"), why, &s.timeout_s));
    *out = s;
    return OK_STATUS;
}
