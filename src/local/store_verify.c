/* SPDX-License-Identifier: Apache-2.0 */
/* Checking everything stored. Nothing is changed; every problem is named, none stops the check. */
#include "local/page_check.h"
#include "local/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verifying {
    struct store *store;
    bool deep;
    size_t *checked;
    problem_visit *visit;
    void *context;
};

static iso_status tell(const struct verifying *verifying, const char *kind,
                       const struct segment_row *row, const char *text, struct iso_error *err)
{
    struct problem problem = {.kind = kind, .text = text};
    if (row != NULL) {
        problem.series = row->series;
        problem.period = row->period;
    }
    return verifying->visit(verifying->context, &problem, err);
}

/* One finding of SQLite's. Where it could not read a page, because that does not match its
 * checksum, it says "... page 7: unable to get the page. error code=8202". */
static iso_status tell_finding(const struct verifying *verifying, const char *line, size_t length,
                               struct iso_error *err)
{
    char text[400];
    char page[PAGE_MESSAGE_BYTES];
    (void)snprintf(text, sizeof text, "%.*s", (int)(length < 300 ? length : 300), line);
    const char *number = strstr(text, " page ");
    if (number != NULL && strstr(text, "error code=8202") != NULL) {
        page_check_describe(strtoll(number + sizeof " page " - 1, NULL, 10), page);
        (void)snprintf(text, sizeof text, "catalog.db: %s does not match its checksum", page);
    }
    return strncmp(text, "***", 3) == 0 || strcmp(text, "ok") == 0
               ? ISO_OK
               : tell(verifying, "catalog", NULL, text, err);
}

static iso_status check_catalog(const struct verifying *verifying, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *check = NULL;
    ISO_TRY(statement_new(verifying->store->database, "PRAGMA integrity_check(20)", &check, err));
    bool has_row;
    ISO_TRY(statement_step(check, &has_row, err));
    while (has_row) {
        const char *line = statement_text(check, 0);
        while (*line != '\0') {
            size_t length = strcspn(line, "\n");
            ISO_TRY(tell_finding(verifying, line, length, err));
            line += length + (line[length] != '\0');
        }
        ISO_TRY(statement_step(check, &has_row, err));
    }
    return ISO_OK;
}

/* What is wrong with the opened segment by its index row, in words; an empty text where nothing is.
 */
static void compare_with_index(const struct segment *segment, const struct segment_row *row,
                               size_t bytes, char text[160])
{
    text[0] = '\0';
    if (!segment_is_of(segment, &row->series, row->period)) {
        (void)snprintf(text, 160, "the file is of another series or period (%s:%s)",
                       segment->series.symbol, segment->series.interval->name);
    } else if (segment->rows != row->rows || bytes != row->bytes ||
               segment->first_us != row->first_us || segment->last_us != row->last_us) {
        (void)snprintf(text, 160, "the file has %zu bars in %zu bytes, the catalog says %zu in %zu",
                       segment->rows, bytes, row->rows, row->bytes);
    }
}

static iso_status decode_whole(const struct segment *segment, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_TRY(segment_decode(segment, segment->period, &bars, NULL, err));
    if (bars.count != segment->rows || bars.time_us[0] != segment->first_us ||
        bars.time_us[bars.count - 1] != segment->last_us) {
        ISO_FAIL(CORRUPT, err, "%zu bars decoded, the header says %zu", bars.count, segment->rows);
    }
    return ISO_OK;
}

static iso_status check_segment(void *context, const struct segment_row *row, struct iso_error *err)
{
    const struct verifying *verifying = context;
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    struct segment segment;
    struct iso_error why = {0};
    char text[160];
    *verifying->checked += 1;
    iso_status status = store_load_segment(verifying->store, row->hash, &bytes, &segment, &why);
    if (iso_failed(status)) {
        bool missing = iso_status_code(status) == ISO_ERROR_CORRUPT && strstr(why.text, "missing");
        return tell(verifying, missing ? "missing" : "hash", row, why.text, err);
    }
    compare_with_index(&segment, row, bytes.length, text);
    if (text[0] != '\0') {
        return tell(verifying, "rows", row, text, err);
    }
    if (verifying->deep && iso_failed(decode_whole(&segment, &why))) {
        return tell(verifying, "order", row, why.text, err);
    }
    return ISO_OK;
}

static iso_status check_tail(const struct verifying *verifying, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *bad = NULL;
    ISO_TRY(statement_new(verifying->store->database,
                          "SELECT count(*) FROM tail WHERE length(bar) <> ?1", &bad, err));
    statement_bind_integer(bad, 1, TAIL_BLOB_BYTES);
    bool has_row;
    ISO_TRY(statement_step(bad, &has_row, err));
    int64_t count = has_row ? statement_integer(bad, 0) : 0;
    statement_rewind(bad);
    if (count > 0) {
        ISO_TRY(tell(verifying, "rows", NULL, "the tail holds bars of a wrong length", err));
    }
    return ISO_OK;
}

/* A snapshot promises its segments even after a newer revision replaced them. */
static iso_status check_snapshots(const struct verifying *verifying, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(verifying->store->database,
                          "SELECT name, hash FROM snapshot_segments WHERE hash NOT IN"
                          " (SELECT hash FROM segments) ORDER BY name, hash",
                          &rows, err));
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct hash128 hash = {0, 0};
        struct iso_error why = {0};
        ISO_DEFER(bytes_reset) struct bytes bytes = {0};
        struct segment segment;
        *verifying->checked += 1;
        bool valid = hash_parse(statement_text(rows, 1), &hash);
        if (!valid ||
            iso_failed(store_load_segment(verifying->store, hash, &bytes, &segment, &why))) {
            char text[700];
            (void)snprintf(text, sizeof text, "snapshot %s: %s", statement_text(rows, 0), why.text);
            ISO_TRY(tell(verifying, "hash", NULL, text, err));
        }
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static iso_status check_manifests(const struct verifying *verifying, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(verifying->store->database,
                          "SELECT name, root, manifest FROM snapshots ORDER BY name", &rows, err));
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        const char *manifest = statement_text(rows, 2);
        char root[HASH_HEX_BYTES];
        hash_hex(hash_bytes(manifest, strlen(manifest)), root);
        if (strcmp(root, statement_text(rows, 1)) != 0) {
            char text[256];
            (void)snprintf(text, sizeof text, "snapshot %s: its manifest does not match its root",
                           statement_text(rows, 0));
            ISO_TRY(tell(verifying, "catalog", NULL, text, err));
        }
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static iso_status check_segments(const struct verifying *verifying, struct iso_error *err)
{
    struct verifying copy = *verifying; /* a visitor's context is not constant */
    return store_each_segment(verifying->store, NULL, check_segment, &copy, err);
}

iso_status store_verify(struct store *store, bool deep, size_t *checked, problem_visit *visit,
                        void *context, struct iso_error *err)
{
    static iso_status (*const checks[])(const struct verifying *, struct iso_error *) = {
        check_catalog, check_tail, check_segments, check_manifests, check_snapshots};
    struct verifying verifying = {store, deep, checked, visit, context};
    struct iso_error last = {0};
    *checked = 0;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct iso_error why = {0};
        iso_status status = checks[i](&verifying, &why);
        if (iso_status_code(status) == ISO_ERROR_CORRUPT) { /* of the catalog: go on behind it */
            bool told = strcmp(why.text, last.text) == 0;
            ISO_TRY(told ? ISO_OK : tell(&verifying, "catalog", NULL, why.text, err));
            last = why;
        } else if (iso_failed(status)) {
            *err = why;
            return status;
        }
    }
    return ISO_OK;
}
