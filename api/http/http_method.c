// SPDX-License-Identifier: ISC
#include "api/http/http_method.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/macros.h"

static const char *const names[] = {
#define X(name) #name,
    HTTP_METHOD_TABLE(X)
#undef X
};

struct status http_method_parse(struct str name, enum http_method *out)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_equal_c(name, names[i])) {
            *out = (enum http_method)i;
            return OK_STATUS;
        }
    }
    FAIL(METHOD, "unsupported method");
}

const char *http_method_name(enum http_method method)
{
    return names[method];
}

void http_method_format_set(uint32_t methods, char out[HTTP_ALLOW_BYTES])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((methods & (UINT32_C(1) << i)) != 0) {
            const char *separator = len == 0 ? "" : ", ";
            len += (size_t)snprintf(out + len, HTTP_ALLOW_BYTES - len, "%s%s", separator, names[i]);
        }
    }
}
