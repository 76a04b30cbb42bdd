/* SPDX-License-Identifier: Apache-2.0 */
/* The files imported again and again, each time into a new store, beside the peers. */
#include "cli/bench_peers.h"
#include "local/import.h"

#include <stdio.h>

/* Import all files into one new store; *rows counts those stored. */
static iso_status import_round(const struct bench *bench, const char *directory, size_t *rows,
                               struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(store_open(os_system(), directory, STORE_WRITE, &store, err));
    for (int i = 1; i < bench->call->argument_count; i++) {
        char symbol[SYMBOL_BYTES_MAX];
        (void)snprintf(symbol, sizeof symbol, BENCH_SYMBOL_FORMAT, i);
        struct import_request request = {
            .path = bench->call->arguments[i], .symbol = symbol, .cancelled = interrupt_flag()};
        ISO_DEFER(import_report_reset) struct import_report imported = {0};
        ISO_TRY(import_file(store, &request, &imported, err));
        for (size_t j = 0; j < imported.series_count; j++) {
            *rows += imported.series[j].counts.stored;
        }
    }
    return ISO_OK;
}

static iso_status bench_isobar(struct bench *bench, struct iso_error *err)
{
    double rates[BENCH_RUNS_MAX] = {0};
    size_t runs = bench_runs(bench);
    for (size_t i = 0; i < runs; i++) {
        char directory[BENCH_DIRECTORY_BYTES + 32];
        size_t rows = 0;
        (void)snprintf(directory, sizeof directory, "%s/round-%zu", bench->directory, i);
        double begin = bench_seconds();
        ISO_TRY(import_round(bench, directory, &rows, err));
        rates[i] = (double)rows * 1e-6 / (bench_seconds() - begin);
    }
    return bench_add(bench, "isobar.import", "", bench_median(rates, runs), "M rows/s", err);
}

iso_status bench_import(struct bench *bench, struct iso_error *err)
{
    struct peers peers = {0};
    bool found;
    ISO_TRY(bench_isobar(bench, err));
    ISO_TRY(peers_init(&peers, bench, "import_peers.py", &found, err));
    if (!found) {
        return ISO_OK;
    }
    ISO_TRY(peers_name(&peers, bench->call->arguments + 1, (size_t)bench->call->argument_count - 1,
                       err));
    return peers_run(&peers, bench, err);
}
