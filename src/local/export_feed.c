/* SPDX-License-Identifier: Apache-2.0 */
#include "local/export_feed.h"

#include <stdio.h>

void export_feed_reset(struct export_feed *feed)
{
    store_scan_close(&feed->scan);
    coverage_reset(&feed->coverage);
}

/* The series is done: what it misses goes to the report, with its name. */
static iso_status end_series(struct export_feed *feed, struct iso_error *err)
{
    const struct series *series = &feed->request->series[feed->next - 1];
    store_scan_close(&feed->scan);
    for (size_t i = 0; i < feed->coverage.range_count; i++) {
        const struct missing_range *missing = &feed->coverage.ranges[i];
        char reason[sizeof missing->reason];
        (void)snprintf(reason, sizeof reason, "%s: %s", series->symbol, missing->reason);
        ISO_TRY(coverage_add(&feed->report->coverage, missing->range, missing->hole, reason, err));
    }
    coverage_reset(&feed->coverage);
    return ISO_OK;
}

iso_status export_feed_next(struct export_feed *feed, const struct series **series,
                            struct store_view *view, struct iso_error *err)
{
    const struct export_request *request = feed->request;
    *view = (struct store_view){0};
    while (view->bars.count == 0 && (feed->scan != NULL || feed->next < request->series_count)) {
        if (request->cancelled != NULL && *request->cancelled != 0) {
            ISO_FAIL(INTERRUPTED, err, "interrupted");
        }
        if (feed->scan == NULL) {
            ISO_TRY(store_scan_open(feed->store, &request->series[feed->next++], request->range,
                                    &feed->coverage, &feed->scan, err));
        }
        *series = &request->series[feed->next - 1];
        ISO_TRY(store_scan_next(feed->scan, view, err));
        if (view->bars.count == 0) {
            store_view_release(view);
            ISO_TRY(end_series(feed, err));
        }
    }
    feed->report->rows += view->bars.count;
    return ISO_OK;
}
