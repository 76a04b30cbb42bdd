/* SPDX-License-Identifier: Apache-2.0 */
/* Series as rows of a listing: what ls and info print alike. */
#ifndef CLI_SERIES_ROWS_H
#define CLI_SERIES_ROWS_H

#include "cli/command.h"

void series_rows_begin(struct listing *listing, const struct call *call, struct text *text);
/* A series_visit whose context is the listing. */
iso_status series_rows_add(void *context, const struct series_row *row, struct iso_error *err);

#endif
