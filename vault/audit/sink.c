// SPDX-License-Identifier: ISC
#include "vault/audit/sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "vault/audit/line.h"
#include "vault/audit/sink_file.h"
#include "vault/base/clock.h"
#include "vault/base/log.h"
#include "vault/base/macros.h"

enum {
    FOLDER_MODE = 0700,
    PIPE_WAIT_MS = 200,
    RETRY_S = 1,
    FOLDER_BYTES = 512,
    LAST_CHANCE_US = CLOCK_SECOND
};

struct sink {
    struct audit_sink_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // Under the lock.
    struct buffer spool; // what the thread hasn't taken yet
    size_t spool_lines;
    bool stopping;
    size_t batch_lines; // what the thread has taken and not written yet
    struct audit_sink_stats stats;
    // The thread's own.
    struct sink_file file;
    bool file_known;     // it was open before
    struct buffer batch; // being written
    size_t batch_at;
};

struct audit_sinks {
    char folder[FOLDER_BYTES];
    pthread_mutex_t lock; // of the list
    struct sink *list[AUDIT_SINKS_MAX];
    size_t count;
    atomic_size_t running; // the same, to be read without the lock
};

// ---- one sink's thread

static void note_state(struct sink *k, struct status s)
{
    bool failing = !status_ok(s);
    pthread_mutex_lock(&k->lock);
    bool changed = failing != k->stats.failing;
    k->stats.failing = failing;
    k->stats.error = failing ? s.what : "";
    int64_t dropped = k->stats.dropped;
    pthread_mutex_unlock(&k->lock);
    if (changed) {
        log_repeated(failing ? LOG_ERROR : LOG_INFO,
                     failing ? "audit.sink_failing" : "audit.sink_recovered",
                     LOG_STR("sink", str_from_c(k->config.path)), LOG_INT("dropped", dropped),
                     LOG_STATUS(s));
    }
}

// Waits for something to write, or the end. False when it ends with nothing left.
static bool take_batch(struct sink *k)
{
    pthread_mutex_lock(&k->lock);
    while (k->spool.len == 0 && !k->stopping) {
        pthread_cond_wait(&k->changed, &k->lock);
    }
    struct buffer taken = k->spool;
    k->spool = k->batch;
    k->batch = taken;
    k->batch_lines = k->spool_lines;
    k->spool_lines = 0;
    pthread_mutex_unlock(&k->lock);
    k->batch_at = 0;
    return k->batch.len > 0;
}

// What was in the file before is gone with it, or is where somebody moved it to.
static void note_reopened(struct sink *k)
{
    pthread_mutex_lock(&k->lock);
    k->stats.reopened += k->file_known;
    int64_t written = k->stats.written;
    pthread_mutex_unlock(&k->lock);
    if (k->file_known) {
        log_repeated(LOG_WARN, "audit.sink_reopened", LOG_STR("sink", str_from_c(k->config.path)),
                     LOG_INT("written_before", written));
    }
    k->file_known = true;
}

// Another file begins with a whole line.
static void rewind_line(struct sink *k)
{
    while (k->batch_at > 0 && k->batch.ptr[k->batch_at - 1] != '\n') {
        k->batch_at--;
    }
}

static struct status write_some(struct sink *k)
{
    bool reopened;
    TRY(sink_file_ready(&k->file, &reopened));
    if (reopened) {
        note_reopened(k);
        rewind_line(k);
    }
    const struct bytes rest = {k->batch.ptr + k->batch_at, k->batch.len - k->batch_at};
    size_t written;
    TRY(sink_file_write(&k->file, rest, PIPE_WAIT_MS, &written));
    k->batch_at += written;
    return OK_STATUS;
}

static void wait_before_retry(struct sink *k)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_S;
    pthread_mutex_lock(&k->lock);
    if (!k->stopping) {
        (void)pthread_cond_clockwait(&k->changed, &k->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&k->lock);
}

// Who is stopped has a last second for what is left.
static bool out_of_time(struct sink *k, int64_t *give_up_us)
{
    pthread_mutex_lock(&k->lock);
    bool stopping = k->stopping;
    pthread_mutex_unlock(&k->lock);
    if (stopping && *give_up_us == CLOCK_NEVER) {
        *give_up_us = clock_monotonic_us() + LAST_CHANCE_US;
    }
    return clock_monotonic_us() >= *give_up_us;
}

static size_t lines_before(struct bytes text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    return lines;
}

// What wasn't written by now won't be.
static void finish_batch(struct sink *k)
{
    bool all = k->batch_at == k->batch.len;
    size_t written = all ? k->batch_lines : lines_before((struct bytes){k->batch.ptr, k->batch_at});
    pthread_mutex_lock(&k->lock);
    k->stats.written += (int64_t)written;
    k->stats.dropped += (int64_t)(k->batch_lines - written);
    k->batch_lines = 0;
    pthread_mutex_unlock(&k->lock);
    buffer_clear(&k->batch);
}

static void write_batch(struct sink *k)
{
    int64_t give_up_us = CLOCK_NEVER;
    while (k->batch_at < k->batch.len) {
        struct status s = write_some(k);
        note_state(k, s);
        if (!status_ok(s)) {
            wait_before_retry(k);
        }
        if (out_of_time(k, &give_up_us)) {
            break;
        }
    }
    finish_batch(k);
}

static void *run(void *arg)
{
    struct sink *k = arg;
    // A pipe whose reader has gone is an error like others, and signals are for the main thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (take_batch(k)) {
        write_batch(k);
    }
    sink_file_close(&k->file);
    return NULL;
}

static void sink_stop(struct sink *k)
{
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    if (k->stats.dropped > 0) {
        log_event(LOG_WARN, "audit.sink_stopped", LOG_STR("sink", str_from_c(k->config.path)),
                  LOG_INT("dropped", k->stats.dropped));
    }
    buffer_done(&k->spool);
    buffer_done(&k->batch);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static struct status sink_start(const char *folder, const struct audit_sink_config *config,
                                struct sink **out)
{
    struct sink *k = calloc(1, sizeof *k);
    if (k == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    k->config = *config;
    memcpy(k->stats.path, config->path, sizeof k->stats.path);
    k->stats.error = "";
    k->file = (struct sink_file){.folder = folder, .name = k->config.file, .fd = -1};
    buffer_init(&k->spool, AUDIT_SINK_SPOOL_BYTES);
    buffer_init(&k->batch, AUDIT_SINK_SPOOL_BYTES);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    if (pthread_create(&k->thread, NULL, run, k) != 0) {
        pthread_cond_destroy(&k->changed);
        pthread_mutex_destroy(&k->lock);
        free(k);
        FAIL(UNAVAILABLE, "the sink's thread can't be started");
    }
    *out = k;
    return OK_STATUS;
}

// ---- all of them

struct status audit_sinks_new(struct str folder, struct audit_sinks **out)
{
    struct audit_sinks *s = calloc(1, sizeof *s);
    if (s == NULL || folder.len >= sizeof s->folder) {
        free(s);
        FAIL(NOMEM, "out of memory");
    }
    memcpy(s->folder, folder.ptr == NULL ? "" : folder.ptr, folder.len);
    pthread_mutex_init(&s->lock, NULL);
    // Whoever adds a sink will be told when there is no folder.
    if (folder.len > 0 && mkdir(s->folder, FOLDER_MODE) != 0 && errno != EEXIST) {
        log_event(LOG_WARN, "audit.no_folder", LOG_STR("folder", folder));
    }
    *out = s;
    return OK_STATUS;
}

void audit_sinks_free(struct audit_sinks *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        sink_stop(s->list[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool is_plain_name(struct str name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '\0' || strchr(allowed, name.ptr[i]) == NULL) {
            return false;
        }
    }
    return name.len > 0 && name.len < AUDIT_SINK_FILE_BYTES && name.ptr[0] != '.';
}

struct status audit_sinks_check_file(const struct audit_sinks *s, struct str file_path,
                                     struct audit_sink_config *out)
{
    struct str folder = str_from_c(s->folder);
    if (folder.len == 0) {
        FAIL(INVALID, "file sinks need data_dir in the server's configuration");
    }
    struct str name = file_path;
    if (str_starts_with(name, folder) && name.len > folder.len && name.ptr[folder.len] == '/') {
        name = str_skip(name, folder.len + 1);
    }
    if (!is_plain_name(name)) {
        FAIL(INVALID, "file_path must be a plain name, or one in the folder `audit` of data_dir");
    }
    memcpy(out->file, name.ptr, name.len);
    out->file[name.len] = '\0';
    return OK_STATUS;
}

struct status audit_sinks_try(const struct audit_sinks *s, const struct audit_sink_config *config)
{
    struct sink_file f = {.folder = s->folder, .name = config->file, .fd = -1};
    bool reopened;
    struct status ready = sink_file_ready(&f, &reopened);
    sink_file_close(&f);
    return ready;
}

static bool same(const struct audit_sink_config *a, const struct audit_sink_config *b)
{
    return strcmp(a->path, b->path) == 0 && strcmp(a->file, b->file) == 0;
}

// Takes what isn't wanted any more out of the list.
static size_t take_unwanted(struct audit_sinks *s, const struct audit_sink_config *configs,
                            size_t count, struct sink *out[AUDIT_SINKS_MAX])
{
    size_t taken = 0;
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool wanted = false;
        for (size_t c = 0; c < count; c++) {
            wanted = wanted || same(&s->list[i]->config, &configs[c]);
        }
        if (wanted) {
            s->list[kept++] = s->list[i];
        } else {
            out[taken++] = s->list[i];
        }
    }
    s->count = kept;
    return taken;
}

static bool runs(const struct audit_sinks *s, const struct audit_sink_config *config)
{
    for (size_t i = 0; i < s->count; i++) {
        if (same(&s->list[i]->config, config)) {
            return true;
        }
    }
    return false;
}

static struct status start_missing(struct audit_sinks *s, const struct audit_sink_config *configs,
                                   size_t count)
{
    struct status first = OK_STATUS;
    for (size_t c = 0; c < count && s->count < AUDIT_SINKS_MAX; c++) {
        if (!runs(s, &configs[c])) {
            struct status started = sink_start(s->folder, &configs[c], &s->list[s->count]);
            s->count += status_ok(started);
            first = status_ok(first) ? started : first;
        }
    }
    return first;
}

struct status audit_sinks_apply(struct audit_sinks *s, const struct audit_sink_config *configs,
                                size_t count)
{
    struct sink *unwanted[AUDIT_SINKS_MAX];
    pthread_mutex_lock(&s->lock);
    size_t unwanted_count = take_unwanted(s, configs, count, unwanted);
    struct status started = start_missing(s, configs, count);
    atomic_store(&s->running, s->count);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < unwanted_count; i++) {
        sink_stop(unwanted[i]);
    }
    return started;
}

size_t audit_sinks_stats(struct audit_sinks *s, struct audit_sink_stats out[AUDIT_SINKS_MAX])
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->count;
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&s->list[i]->lock);
        out[i] = s->list[i]->stats;
        out[i].waiting = (int64_t)(s->list[i]->spool_lines + s->list[i]->batch_lines);
        pthread_mutex_unlock(&s->list[i]->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return count;
}

bool audit_sinks_wanted(const struct audit_sinks *s)
{
    return s != NULL && atomic_load_explicit(&s->running, memory_order_relaxed) > 0;
}

void audit_sinks_write_line(struct buffer *lines, int64_t chain_id, int64_t seq,
                            const struct audit_entry *e, struct digest hash)
{
    const struct audit_item item = {
        .kind = AUDIT_ITEM_RECORD,
        .record = {.chain_id = chain_id, .seq = seq, .entry = *e, .hash = digest_bytes(&hash)}};
    audit_line_put(lines, &item);
}

static bool append(struct sink *k, const struct buffer *lines)
{
    if (!status_ok(buffer_status(lines)) || k->spool.len + lines->len > AUDIT_SINK_SPOOL_BYTES) {
        return false;
    }
    buffer_append(&k->spool, buffer_bytes(lines));
    return status_ok(buffer_status(&k->spool));
}

static void spool(struct sink *k, const struct buffer *lines, size_t count)
{
    pthread_mutex_lock(&k->lock);
    bool fits = append(k, lines);
    if (fits) {
        k->spool_lines += count;
        pthread_cond_signal(&k->changed);
    } else {
        k->stats.dropped += (int64_t)count;
    }
    int64_t dropped = k->stats.dropped;
    pthread_mutex_unlock(&k->lock);
    if (!fits) {
        log_repeated(LOG_ERROR, "audit.sink_dropping", LOG_STR("sink", str_from_c(k->config.path)),
                     LOG_INT("dropped", dropped));
    }
}

void audit_sinks_put(struct audit_sinks *s, const struct buffer *lines, size_t count)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++) {
        spool(s->list[i], lines, count);
    }
    pthread_mutex_unlock(&s->lock);
}
