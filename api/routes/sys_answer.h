// SPDX-License-Identifier: ISC
// Answers of the older sys routes: the members of `data` stand at the top level too.
#pragma once

#include "api/routes/answer.h"

// `object` is one JSON object, as a writer made it.
struct status sys_answer_both(const struct operation *op, struct http_response *res,
                              const struct buffer *object);
