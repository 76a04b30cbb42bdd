/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live feed of rows, piped in or appended to a file, stored as it comes: whenever the feed
 * pauses, and at least every second while it does not. Each batch is durable when it is reported.
 */
#ifndef LOCAL_IMPORT_FOLLOW_H
#define LOCAL_IMPORT_FOLLOW_H

#include "local/import.h"

/* What one batch brought. Fails to stop. */
typedef iso_status import_batch_call(void *context, const struct import_report *report,
                                     struct iso_error *err);

/*
 * Read the request's file ("-" is standard input; pipes and files that grow are fine) until it
 * ends, which a growing file never does, or the request is cancelled, which is no failure: what was
 * read is stored then. Text only, neither packed nor an archive. The interval must be given, be
 * told by the name, or by the first batch. Fails as import_load and import_store.
 */
iso_status import_follow(struct store *store, const struct import_request *request,
                         import_batch_call *stored, void *context, struct iso_error *err);

#endif
