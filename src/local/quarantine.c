/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that an import refused, kept with file, line and reason, so that nothing disappears. */
#include "local/store_internal.h"

iso_status store_quarantine(struct store *store, const struct quarantine_row *rows,
                            size_t row_count, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = store->database;
    ISO_DEFER(statement_free) struct statement *put = NULL;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(statement_new(database,
                          "INSERT INTO quarantine (file, line, symbol, reason, text, created_us)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                          &put, err));
    int64_t now_us = store->os->clock_us(store->os->context);
    for (size_t i = 0; i < row_count; i++) {
        statement_bind_text(put, 1, rows[i].file);
        statement_bind_integer(put, 2, rows[i].line);
        statement_bind_text(put, 3, rows[i].symbol);
        statement_bind_text(put, 4, rows[i].reason);
        statement_bind_text(put, 5, rows[i].text);
        statement_bind_integer(put, 6, now_us);
        ISO_TRY(statement_run(put, err));
    }
    return transaction_commit(database, err);
}

iso_status store_each_quarantined(struct store *store, quarantine_visit *visit, void *context,
                                  struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(store->database,
                          "SELECT file, line, symbol, reason, text FROM quarantine ORDER BY id",
                          &rows, err));
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct quarantine_row row = {
            .file = statement_text(rows, 0),
            .line = statement_integer(rows, 1),
            .symbol = statement_text(rows, 2),
            .reason = statement_text(rows, 3),
            .text = statement_text(rows, 4),
        };
        ISO_TRY(visit(context, &row, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

iso_status store_each_quarantine_group(struct store *store, quarantine_group_visit *visit,
                                       void *context, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *groups = NULL;
    ISO_TRY(statement_new(store->database,
                          "SELECT file, reason, count(*), min(line) FROM quarantine"
                          " GROUP BY file, reason ORDER BY min(id)",
                          &groups, err));
    bool has_row;
    ISO_TRY(statement_step(groups, &has_row, err));
    while (has_row) {
        struct quarantine_group group = {
            .file = statement_text(groups, 0),
            .reason = statement_text(groups, 1),
            .rows = (size_t)statement_integer(groups, 2),
            .first_line = statement_integer(groups, 3),
        };
        ISO_TRY(visit(context, &group, err));
        ISO_TRY(statement_step(groups, &has_row, err));
    }
    return ISO_OK;
}

iso_status store_quarantine_drop(struct store *store, const char *file, size_t *dropped,
                                 struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *drop = NULL;
    ISO_TRY(statement_new(store->database, "DELETE FROM quarantine WHERE ?1 IS NULL OR file = ?1",
                          &drop, err));
    statement_bind_text(drop, 1, file);
    ISO_TRY(statement_run(drop, err));
    *dropped = (size_t)database_changes(store->database);
    return ISO_OK;
}
