/* SPDX-License-Identifier: Apache-2.0 */
/* Printing the rows of a query, as they come, in the form that is asked for. */
#ifndef CLI_SQL_PRINT_H
#define CLI_SQL_PRINT_H

#include "cli/command.h"
#include "local/sql.h"

struct sql_printer;

/* Fails with BAD_ARGUMENT where no query is printed in the format of that name. The caller owns
 * *printer. */
iso_status sql_printer_new(const struct call *call, const char *format,
                           struct sql_printer **printer, struct iso_error *err);
void sql_printer_free(struct sql_printer **printer);

/* What sql_run hands the rows to; the printer must outlive it. */
struct sql_sink sql_printer_sink(struct sql_printer *printer);

/* Print what is left, and what was missing; nothing where the statement had no result. */
iso_status sql_printer_end(struct sql_printer *printer, const struct sql_report *report,
                           struct iso_error *err);

/* Run the query, print its rows in that format, say what is missing and, with --explain, what was
 * read. *complete says whether nothing is missing. */
iso_status query_print_by(struct sql *sql, const struct call *call, const char *format,
                          const char *query, bool rounded, bool *complete, struct iso_error *err);
/* Whether queries are printed in the format of that name. */
bool query_has_format(const char *format);
/* Run the query on the store of the call, print its rows, say what is missing and, with --explain,
 * what was read; the exit code tells whether it is complete. rounded: tables, which people read,
 * show ten digits of a computed number. */
iso_status query_print(struct call *call, const char *query, bool rounded, struct iso_error *err);

/* Append 'text' as a string of SQL. */
void query_add_string(struct text *query, const char *text);
/* Append , name := 'value' of an option that the call has. */
void query_add_option(struct text *query, const struct call *call, enum option_id id);

#endif
