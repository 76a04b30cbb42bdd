/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL as text: where a statement ends, and names that DuckDB's grammar keeps for itself. Quotes
 * ('', "", E'', $tag$), line comments and nested block comments are passed over as DuckDB does.
 */
#ifndef LOCAL_SQL_TEXT_H
#define LOCAL_SQL_TEXT_H

#include "base/text.h"

/*
 * Length of the first statement of text, its semicolon included; the whole text where it has none.
 * *complete says whether there is a semicolon; false too where a quote or comment is left open.
 */
size_t sql_statement_length(const char *text, bool *complete);

/* Whether [text, text + length) holds nothing but blanks, comments and semicolons. */
bool sql_is_blank(const char *text, size_t length);

/*
 * Append the statement of that length to target, with the parameter names from and to quoted where
 * they stand before ":=" (both are words of the grammar), and without its semicolon.
 */
void sql_add_statement(struct text *target, const char *statement, size_t length);

/* Whether the word (in lower case) occurs in text outside strings and comments. */
bool sql_has_word(const char *text, const char *word);

#endif
