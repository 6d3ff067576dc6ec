// SPDX-License-Identifier: ISC
#include "vault/core/metrics.h"

#include <stdlib.h>
#include <unistd.h>

#include "vault/base/limits.h"
#include "vault/core/metrics_request.h"

#include "tests/support/test.h"

enum { TEXT_BYTES = 64 * 1024 };

static int open_text(void **state)
{
    struct buffer *text = calloc(1, sizeof *text);
    if (text == NULL) {
        return -1;
    }
    buffer_init(text, TEXT_BYTES);
    *state = text;
    return 0;
}

static int close_text(void **state)
{
    buffer_done(*state);
    free(*state);
    return 0;
}

// The value of the sample that begins with `sample`; -1 when there is none.
static double value_of(struct buffer *text, const char *sample)
{
    buffer_append_byte(text, 0);
    const char *at = strstr((const char *)text->ptr, sample);
    double value = at == NULL ? -1 : strtod(at + strlen(sample), NULL);
    text->len--;
    return value;
}

static void a_metric_is_its_head_and_samples(void **state)
{
    struct buffer *text = *state;
    metrics_put_head(text, "rotunda_things_total", "Things.", METRICS_COUNTER);
    metrics_put_sample(text, "rotunda_things_total", "worker=\"0\"", 7);
    metrics_put_sample(text, "rotunda_things_total", NULL, -1);
    metrics_put_seconds(text, "rotunda_things_total", NULL, 2000001);
    assert_str("# HELP rotunda_things_total Things.\n"
               "# TYPE rotunda_things_total counter\n"
               "rotunda_things_total{worker=\"0\"} 7\n"
               "rotunda_things_total -1\n"
               "rotunda_things_total 2.000001\n",
               buffer_str(text));
}

static void label_values_are_escaped(void **state)
{
    struct buffer *text = *state;
    metrics_put_labelled(text, "rotunda_things", "of", STR("a\"b\\c\n.."), 1);
    assert_str("rotunda_things{of=\"a\\\"b\\\\c\\n..\"} 1\n", buffer_str(text));
}

static void requests_are_summed_over_the_workers(void **state)
{
    struct buffer *text = *state;
    metrics_count_request(0, STR("read"), 200, 900);
    metrics_count_request(LIMIT_WORKERS - 1, STR("read"), 200, 900);
    metrics_count_request(1, STR("delete"), 403, 20000000);
    metrics_count_request(1, STR("GET"), 503, 0);
    metrics_count_request(1, STR("GET"), 418, 1000);
    metrics_count_request(1, STR("update"), 409, 1000);
    metrics_put_requests(text);
    const char *reads = "rotunda_requests_total{operation=\"read\",code=\"200\"}";
    assert_int_equal(2, (int)value_of(text, reads));
    assert_int_equal(1, (int)value_of(text, "{operation=\"delete\",code=\"403\"}"));
    assert_int_equal(1, (int)value_of(text, "{operation=\"other\",code=\"503\"}"));
    assert_int_equal(1, (int)value_of(text, "{operation=\"other\",code=\"other\"}"));
    assert_int_equal(1, (int)value_of(text, "{operation=\"update\",code=\"409\"}"));
    assert_int_equal(1, (int)value_of(text, "_bucket{operation=\"other\",le=\"0.0005\"}"));
    assert_int_equal(0, (int)value_of(text, "_bucket{operation=\"read\",le=\"0.0005\"}"));
    assert_int_equal(2, (int)value_of(text, "_bucket{operation=\"read\",le=\"0.001\"}"));
    assert_int_equal(0, (int)value_of(text, "_bucket{operation=\"delete\",le=\"10\"}"));
    assert_int_equal(1, (int)value_of(text, "_bucket{operation=\"delete\",le=\"+Inf\"}"));
    assert_int_equal(20, (int)value_of(text, "_sum{operation=\"delete\"}"));
    assert_int_equal(2, (int)value_of(text, "_seconds_count{operation=\"read\"}"));
}

static void the_process_is_described(void **state)
{
    struct buffer *text = *state;
    metrics_put_process(text);
    double resident = value_of(text, "\nprocess_resident_memory_bytes");
    assert_true(resident > (double)sysconf(_SC_PAGESIZE));
    double up = value_of(text, "\nrotunda_uptime_seconds");
    assert_true(up >= 0 && up < 3600);
    double open = value_of(text, "\nprocess_open_fds");
    assert_true(open >= 3 && open <= value_of(text, "\nprocess_max_fds"));
    assert_true(value_of(text, "\nprocess_virtual_memory_bytes") > resident);
}

static int64_t read_seven(void *ctx, const struct worker *w)
{
    (void)w;
    return *(const int64_t *)ctx;
}

static void sources_are_kept_in_order(void **state)
{
    (void)state;
    int64_t seven = 7;
    const struct metrics_source source = {"rotunda_a", "A.", METRICS_GAUGE, read_seven, &seven};
    size_t before = metrics_source_count();
    metrics_register(&source);
    assert_int_equal(before + 1, metrics_source_count());
    const struct metrics_source *kept = metrics_source_at(before);
    assert_int_equal(7, kept->read(kept->ctx, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_metric_is_its_head_and_samples, open_text, close_text),
        cmocka_unit_test_setup_teardown(label_values_are_escaped, open_text, close_text),
        cmocka_unit_test_setup_teardown(requests_are_summed_over_the_workers, open_text,
                                        close_text),
        cmocka_unit_test_setup_teardown(the_process_is_described, open_text, close_text),
        cmocka_unit_test(sources_are_kept_in_order),
    };
    return RUN_TESTS(tests);
}
