/* SPDX-License-Identifier: Apache-2.0 */
/* A file to import, read whole. */
#ifndef LOCAL_IMPORT_READ_H
#define LOCAL_IMPORT_READ_H

#include "local/import_rows.h"

/*
 * Read the file into rows, in order of time, with its interval decided; what was chosen and why,
 * and what was left out, is added to report. Fails as import_load, without the file's name in the
 * text.
 */
iso_status import_read_file(const struct import_request *request, struct import_rows *rows,
                            struct import_report *report, struct iso_error *err);

/* Fails with INTERRUPTED where the request was cancelled. */
iso_status import_check_cancelled(const struct import_request *request, struct iso_error *err);

#endif
