// SPDX-License-Identifier: ISC
#include "api/server_stop.h"

#include <unistd.h>

#include "vault/base/log.h"

enum {
    LOOK_US = 20000,
    SEALED_GRACE_US =
        3 * CLOCK_SECOND,        // nothing can be under way but looking for a vault to unseal
    GRACE_US = 5 * CLOCK_SECOND, // for the last records
};

static bool is_late(struct server_stop *stop)
{
    int64_t now_us = clock_monotonic_us();
    if (atomic_load(&stop->serving) == 0 && vault_state(stop->vault) != VAULT_UNSEALED) {
        return now_us >= stop->began_us + SEALED_GRACE_US;
    }
    return now_us >= stop->deadline_us + GRACE_US;
}

static void *guard(void *arg)
{
    struct server_stop *stop = arg;
    while (!atomic_load(&stop->over)) {
        if (is_late(stop)) {
            log_event(LOG_WARN, "server.stop_cut",
                      LOG_INT("after_ms", (clock_monotonic_us() - stop->began_us) / 1000));
            log_sum_up_all();
            _exit(stop->exit_code);
        }
        usleep(LOOK_US);
    }
    return NULL;
}

void server_stop_begin(struct server_stop *stop, size_t workers)
{
    stop->began_us = clock_monotonic_us();
    atomic_init(&stop->serving, workers);
    atomic_init(&stop->busy, workers);
    // Without workers nothing waits for anything; without a guard the end may take longer.
    stop->guarded = workers > 0 && pthread_create(&stop->guard, NULL, guard, stop) == 0;
}

void server_stop_end(struct server_stop *stop)
{
    atomic_store(&stop->over, true);
    if (stop->guarded) {
        pthread_join(stop->guard, NULL);
    }
}
