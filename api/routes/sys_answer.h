// SPDX-License-Identifier: ISC
// Answers from a JSON object that was written into a buffer first, because writing it may fail.
#pragma once

#include "api/routes/answer.h"

// As the older sys routes answer: the members of `data` stand at the top level too.
struct status sys_answer_both(const struct operation *op, struct http_response *res,
                              const struct buffer *object);
// The same without the copy: `data` alone.
struct status sys_answer_data(const struct operation *op, struct http_response *res,
                              const struct buffer *object);
