/* SPDX-License-Identifier: Apache-2.0 */
/* The store into a file. */
#ifndef LOCAL_EXPORT_H
#define LOCAL_EXPORT_H

#include "local/store.h"

struct export_request {
    const struct series *series; /* all of one interval: our CSV has no column for it */
    size_t series_count;
    struct range range;
    const char *path;              /* "-" is standard output */
    const volatile int *cancelled; /* may be NULL; non-zero stops with INTERRUPTED */
};

/* Begins all zero; export_report_reset frees. */
struct export_report {
    size_t rows;
    size_t bytes;
    struct coverage coverage; /* of all series: what the store could not give */
};

void export_report_reset(struct export_report *report);

/*
 * Write the bars as CSV (bars_csv.h). A file is written beside its place, fsynced and renamed, so
 * path is at any time the old file or the whole new one. Fails with BAD_ARGUMENT (no series, or of
 * several intervals), NOT_FOUND, IO, INTERRUPTED, and as store_read.
 */
iso_status export_csv(struct store *store, const struct export_request *request,
                      struct export_report *report, struct iso_error *err);

#endif
