/* SPDX-License-Identifier: Apache-2.0 */
/* The names that headers give to our columns: a synonym is a row of the table. */
#ifndef LOCAL_COLUMN_NAMES_H
#define LOCAL_COLUMN_NAMES_H

#include "local/dialect.h"

enum { COLUMN_NAME_BYTES = 64 };

/* The name as the table has it: "<Open Time>" becomes "opentime". */
void column_plain_name(const struct csv_field *field, char target[COLUMN_NAME_BYTES]);

/* Set the place of each of our columns in the header; -1 where it has none. */
void columns_by_name(const struct csv_row *header, int place[COLUMN_COUNT]);

#endif
