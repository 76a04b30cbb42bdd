/* SPDX-License-Identifier: Apache-2.0 */
/* The bars of an export, series by series, a segment at a time. */
#ifndef LOCAL_EXPORT_FEED_H
#define LOCAL_EXPORT_FEED_H

#include "local/export.h"

/* Begins all zero but for the first two; export_feed_reset releases. */
struct export_feed {
    struct store *store;
    const struct export_request *request; /* whose series are walked */
    struct export_report *report;         /* rows and coverage are added to it */
    size_t next;                          /* the series after the current one */
    struct store_scan *scan;              /* of the current one */
    struct coverage coverage;             /* of the current one */
};

void export_feed_reset(struct export_feed *feed);

/* Set view (the caller releases it) to the next bars and *series to whose they are; count 0 is the
 * end. Fails as store_scan_next, and with INTERRUPTED. */
iso_status export_feed_next(struct export_feed *feed, const struct series **series,
                            struct store_view *view, struct iso_error *err);

#endif
