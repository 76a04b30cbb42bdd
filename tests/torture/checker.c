/* SPDX-License-Identifier: Apache-2.0 */
/* The judge: opens a store as anybody would, and compares all of it with what must be there. */
#include "worker.h"

#include "base/os.h"

#include <stdio.h>
#include <sys/stat.h>

static iso_status check_store(const struct settings *settings, struct model *models,
                              struct verdict *verdict, struct iso_error *err)
{
    struct iso_store *store = NULL;
    struct iso_bars bars = {0};
    int complete = 0;
    ISO_TRY(iso_store_open(settings->store, 1, &store, err));
    iso_status status = read_everything(store, &bars, &complete, err);
    if (!iso_failed(status)) {
        model_check(models, settings->writers, &bars, verdict);
        if (!complete && verdict->problem[0] == '\0') {
            (void)snprintf(verdict->problem, sizeof verdict->problem, "the read is not complete");
        }
    }
    iso_bars_release(&bars);
    iso_store_close(&store);
    return status;
}

int checker_main(const struct settings *settings)
{
    static struct model models[MODEL_WRITERS_MAX];
    struct verdict verdict = {0};
    struct iso_error err = {0};
    char first[512];
    size_t problems = 0;
    size_t segments = 0;
    for (unsigned w = 0; w < settings->writers; w++) {
        model_init(&models[w], settings->seed, settings->writers, w);
        model_advance(&models[w], settings->acked[w]);
    }
    int64_t begin_us = os_system()->monotonic_us(NULL);
    iso_status status = check_store(settings, models, &verdict, &err);
    int64_t took_us = os_system()->monotonic_us(NULL) - begin_us;
    if (iso_failed(status)) {
        broken("open or read: %s", err.text);
    }
    if (verdict.problem[0] != '\0') {
        broken("%s", verdict.problem);
    }
    if (iso_failed(count_problems(settings->store, &problems, &segments, first, &err))) {
        broken("verify: %s", err.text);
    }
    if (problems > 0) {
        broken("verify finds %zu problems, the first: %s", problems, first);
    }
    (void)printf("{\"heads\": [");
    for (unsigned w = 0; w < settings->writers; w++) {
        (void)printf("%s%llu", w > 0 ? ", " : "", (unsigned long long)verdict.heads[w]);
    }
    (void)printf("], \"bars\": %zu, \"segments\": %zu, \"open_and_read_us\": %lld}\n", verdict.bars,
                 segments, (long long)took_us);
    return 0;
}
