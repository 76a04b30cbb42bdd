/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a text file of bars: what file it is, which dialect, each of its rows. The first
 * byte chooses whether columns are named by a person, so that those paths are reached too. What
 * must hold: every row is counted once, and a stored one breaks no quality rule.
 */
#include "local/dialect.h"
#include "local/import_name.h"
#include "local/import_row.h"
#include "local/import_rows.h"
#include "local/import_source.h"
#include "market/quality.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const columns[] = {
    NULL,
    "timestamp=1,open=2,high=3,low=4,close=5",
    "timestamp=time,clock=2,symbol=3,open=o,high=h,low=l,close=c,volume=-",
    "vwap=close,trade_count=volume",
};

static void check_rows(const struct import_rows *rows)
{
    size_t counted = 0;
    for (size_t i = 0; i < rows->series_count; i++) {
        const struct row_series *series = &rows->series[i];
        const struct import_counts *counts = &series->counts;
        ISO_ASSERT(counts->rows_read == series->bars.count + counts->duplicates +
                                            counts->corrected + counts->quarantined);
        for (size_t j = 0; j < series->bars.count; j++) {
            struct bar bar = bars_get(&series->bars, j);
            ISO_ASSERT(quality_reason(&bar) == NULL);
            ISO_ASSERT(j == 0 || series->bars.time_us[j] > series->bars.time_us[j - 1]);
        }
        counted += counts->rows_read;
    }
    ISO_ASSERT(counted == rows->row_count);
}

static iso_status read_text(const char *begin, const char *end, const char *map,
                            struct iso_error *err)
{
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    ISO_DEFER(import_rows_reset) struct import_rows rows = {0};
    struct sniff_hints hints = {.columns = map, .zone = "+01:00"};
    ISO_TRY(dialect_sniff(begin, end, '\n', &hints, &mapping, err));
    ISO_TRY(import_rows_begin(&rows, &mapping, "", "A", "the fuzzer", err));
    struct csv_reader reader = {.at = begin + mapping.header_bytes,
                                .end = end,
                                .separator = mapping.separator,
                                .newline = '\n',
                                .line = mapping.lines_before};
    struct csv_row row;
    while (csv_next(&reader, &row)) {
        ISO_TRY(import_rows_add(&rows, &row, err));
    }
    ISO_TRY(import_rows_interval(&rows, NULL, NULL, err));
    ISO_TRY(import_rows_sort(&rows, err));
    check_rows(&rows);
    return ISO_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_error err = {0};
    if (size < 1) {
        return 0;
    }
    const char *map = columns[data[0] % (sizeof columns / sizeof columns[0])];
    const char *begin = (const char *)data + 1;
    const char *end = (const char *)data + size;
    if (source_refusal(begin, (size_t)(end - begin)) != NULL) {
        return 0;
    }
    iso_status status = read_text(begin, end, map, &err);
    ISO_ASSERT(!iso_failed(status) || strlen(err.text) > 0);
    char name[80] = {0}; /* the same bytes as the name of a file */
    memcpy(name, begin, size - 1 < sizeof name ? size - 1 : sizeof name - 1);
    (void)import_name_guess(name);
    return 0;
}
