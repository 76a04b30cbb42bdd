/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_peers.h"
#include "cli/bench_read.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

/* Whether a series is a copy of another, or that itself. */
static bool is_copy_of(const char *symbol, const char *of)
{
    size_t length = strcspn(symbol, BENCH_COPY_MARK);
    return strlen(of) == length && strncmp(symbol, of, length) == 0;
}

static iso_status give_bars(struct bench *bench, struct peers *peers, const struct series *series,
                            struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct range all = {TIME_MIN_US, TIME_MAX_US};
    ISO_TRY(store_read(bench->store, series, all, &bars, &coverage, err));
    return peers_give(peers, series->symbol, &bars, err);
}

/* The bars of each imported series once, and which series has them. */
static iso_status give_series(struct bench *bench, struct peers *peers,
                              const struct series_list *list, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text table = {0};
    for (size_t i = 0; i < list->count; i++) {
        const char *base = list->rows[i].series.symbol;
        char name[PEERS_FILE_BYTES];
        if (strstr(base, BENCH_COPY_MARK) != NULL) {
            continue;
        }
        peers_file_name(peers->file_count, name);
        ISO_TRY(give_bars(bench, peers, &list->rows[i].series, err));
        for (size_t j = 0; j < list->count; j++) {
            if (is_copy_of(list->rows[j].series.symbol, base)) {
                text_addf(&table, "%s\t%s\n", list->rows[j].series.symbol, name);
            }
        }
    }
    return peers_give_text(peers, "series.tsv", &table, err);
}

static iso_status give_plan(const struct peers *peers, const struct plan *plan,
                            struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text table = {0};
    for (size_t i = 0; i < plan->count; i++) {
        const struct week *week = &plan->weeks[i];
        text_addf(&table, "%s\t%lld\t%lld\n", week->series->symbol, (long long)week->range.from_us,
                  (long long)week->range.to_us);
    }
    return peers_give_text(peers, "plan.tsv", &table, err);
}

iso_status bench_read_peers(struct bench *bench, const struct series_list *list,
                            const struct plan *plan, struct iso_error *err)
{
    struct peers peers = {.file_count = 0};
    bool found;
    ISO_TRY(peers_init(&peers, bench, "read_peers.py", &found, err));
    if (!found) {
        return ISO_OK;
    }
    ISO_TRY(give_series(bench, &peers, list, err));
    ISO_TRY(give_plan(&peers, plan, err));
    return peers_run(&peers, bench, err);
}
