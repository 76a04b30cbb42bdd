/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include <stdio.h>
#include <string.h>

static const char manifest_head[] = "isobar-snapshot 1\n";

/* A manifest in the making. */
struct drafting {
    struct store *store;
    const struct series *wanted;
    size_t wanted_count;
    bool *found; /* one a wanted series */
    struct range range;
    struct text manifest;
    struct text hashes; /* the segments' hex names, one after another */
    size_t bars;
    size_t segments;
};

static void drafting_reset(struct drafting *draft)
{
    text_reset(&draft->manifest);
    text_reset(&draft->hashes);
    free(draft->found);
    draft->found = NULL;
}

static bool same_series(const struct series *a, const struct series *b)
{
    return a->interval == b->interval && strcmp(a->symbol, b->symbol) == 0;
}

static iso_status draft_segment(void *context, const struct segment_row *row, struct iso_error *err)
{
    struct drafting *draft = context;
    char hex[HASH_HEX_BYTES];
    (void)err;
    if (row->last_us >= draft->range.from_us && row->first_us < draft->range.to_us) {
        hash_hex(row->hash, hex);
        text_addf(&draft->manifest, "segment\t%lld\t%lld\t%s\t%zu\n",
                  (long long)row->period.from_us, (long long)row->period.to_us, hex, row->rows);
        text_add(&draft->hashes, hex);
        draft->segments++;
    }
    return ISO_OK;
}

/* Reading every bar once proves that the snapshot can be read, and counts. */
static iso_status draft_bars(struct drafting *draft, const struct series *series,
                             struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_TRY(store_read(draft->store, series, draft->range, &bars, &coverage, err));
    if (!coverage.complete) {
        ISO_FAIL(CORRUPT, err, "%s %s: %s; repair it before making a snapshot", series->symbol,
                 series->interval->name, coverage_reason(&coverage));
    }
    for (size_t i = 0; i < coverage.range_count; i++) {
        const struct range *hole = &coverage.ranges[i].range;
        text_addf(&draft->manifest, "hole\t%lld\t%lld\n", (long long)hole->from_us,
                  (long long)hole->to_us);
    }
    draft->bars += bars.count;
    return ISO_OK;
}

static iso_status draft_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct drafting *draft = context;
    bool wanted = draft->wanted_count == 0;
    for (size_t i = 0; i < draft->wanted_count; i++) {
        if (same_series(&draft->wanted[i], &row->series)) {
            draft->found[i] = true;
            wanted = true;
        }
    }
    if (!wanted) {
        return ISO_OK;
    }
    text_addf(&draft->manifest, "series\t%s\t%s\n", row->series.symbol, row->series.interval->name);
    ISO_TRY(store_each_segment(draft->store, &row->series, draft_segment, draft, err));
    return draft_bars(draft, &row->series, err);
}

static iso_status draft_manifest(struct drafting *draft, struct iso_error *err)
{
    text_clear(&draft->manifest);
    text_clear(&draft->hashes);
    draft->bars = 0;
    draft->segments = 0;
    text_add(&draft->manifest, manifest_head);
    text_addf(&draft->manifest, "range\t%lld\t%lld\n", (long long)draft->range.from_us,
              (long long)draft->range.to_us);
    ISO_TRY(store_each_series(draft->store, draft_series, draft, err));
    for (size_t i = 0; i < draft->wanted_count; i++) {
        if (!draft->found[i]) {
            ISO_FAIL(NOT_FOUND, err,
                     "the store has no series %s %s; \"isobar ls\" lists what it has",
                     draft->wanted[i].symbol, draft->wanted[i].interval->name);
        }
    }
    if (draft->bars == 0) {
        ISO_FAIL(NOT_FOUND, err, "there are no bars in that range");
    }
    ISO_TRY(text_check(&draft->hashes, err));
    return text_check(&draft->manifest, err);
}

static iso_status insert_snapshot(struct drafting *draft, const struct snapshot *snapshot,
                                  struct iso_error *err)
{
    struct database *database = store_database(draft->store);
    ISO_DEFER(statement_free) struct statement *put = NULL;
    ISO_DEFER(statement_free) struct statement *put_hash = NULL;
    ISO_TRY(statement_new(database,
                          "INSERT INTO snapshots (name, root, manifest, bars, segments, created_us)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                          &put, err));
    statement_bind_text(put, 1, snapshot->name);
    statement_bind_text(put, 2, snapshot->root);
    statement_bind_text(put, 3, text_get(&draft->manifest));
    statement_bind_integer(put, 4, (int64_t)snapshot->bars);
    statement_bind_integer(put, 5, (int64_t)snapshot->segments);
    statement_bind_integer(put, 6, snapshot->created_us);
    ISO_TRY(statement_run(put, err));
    ISO_TRY(statement_new(database,
                          "INSERT OR IGNORE INTO snapshot_segments (name, hash) VALUES (?1, ?2)",
                          &put_hash, err));
    for (size_t at = 0; at < draft->hashes.length; at += HASH_HEX_BYTES - 1) {
        char hex[HASH_HEX_BYTES] = {0};
        struct hash128 hash = {0, 0};
        memcpy(hex, draft->hashes.data + at, HASH_HEX_BYTES - 1);
        if (!hash_parse(hex, &hash) || !store_has_file(draft->store, hash)) {
            ISO_FAIL(BUSY, err, "segment %s was replaced and collected meanwhile; try again", hex);
        }
        statement_bind_text(put_hash, 1, snapshot->name);
        statement_bind_text(put_hash, 2, hex);
        ISO_TRY(statement_run(put_hash, err));
    }
    return ISO_OK;
}

/* Keep the snapshot, or find that it is there already. */
static iso_status keep_snapshot(struct drafting *draft, struct snapshot *snapshot,
                                struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = store_database(draft->store);
    struct snapshot existing;
    ISO_TRY(transaction_begin(database, err));
    iso_status status = snapshot_find(draft->store, snapshot->name, &existing, NULL, err);
    if (iso_status_code(status) == ISO_ERROR_NOT_FOUND) {
        ISO_TRY(insert_snapshot(draft, snapshot, err));
        return transaction_commit(database, err);
    }
    ISO_TRY(status);
    if (strcmp(existing.root, snapshot->root) != 0) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "snapshot %s exists with root %s; these bars have root %s: choose another name",
                 snapshot->name, existing.root, snapshot->root);
    }
    *snapshot = existing;
    snapshot->already = true;
    return ISO_OK;
}

static iso_status check_name(const char *name, struct iso_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length > SNAPSHOT_NAME_BYTES_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            length) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a snapshot's name is 1 to %d letters, digits, dots, dashes and underscores",
                 SNAPSHOT_NAME_BYTES_MAX);
    }
    return ISO_OK;
}

/* Two drafts alike: nobody wrote between the reading of the series' segments and of their bars. */
static iso_status draft_stable(struct drafting *draft, struct iso_error *err)
{
    enum { ATTEMPTS_MAX = 16 };
    struct hash128 last = {0, 0};
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        size_t sealed;
        ISO_TRY(store_seal(draft->store, NULL, &sealed, err));
        ISO_TRY(draft_manifest(draft, err));
        struct hash128 now = hash_bytes(draft->manifest.data, draft->manifest.length);
        if (attempt > 0 && hash_equal(now, last)) {
            return ISO_OK;
        }
        last = now;
    }
    ISO_FAIL(BUSY, err, "the series are being written all the time; set --to to a closed period");
}

iso_status snapshot_create(struct store *store, const char *name, const struct series *series,
                           size_t series_count, struct range range, struct snapshot *snapshot,
                           struct iso_error *err)
{
    const struct os *os = store_os(store);
    ISO_TRY(check_name(name, err));
    ISO_DEFER(drafting_reset)
    struct drafting draft = {
        .store = store, .wanted = series, .wanted_count = series_count, .range = range};
    ISO_NEW(draft.found, series_count, err);
    ISO_TRY(draft_stable(&draft, err));
    struct snapshot made = {
        .bars = draft.bars, .segments = draft.segments, .created_us = os->clock_us(os->context)};
    (void)snprintf(made.name, sizeof made.name, "%s", name);
    hash_hex(hash_bytes(draft.manifest.data, draft.manifest.length), made.root);
    ISO_TRY(keep_snapshot(&draft, &made, err));
    *snapshot = made;
    return ISO_OK;
}

static void read_snapshot_row(struct statement *rows, struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){
        .bars = (size_t)statement_integer(rows, 2),
        .segments = (size_t)statement_integer(rows, 3),
        .created_us = statement_integer(rows, 4),
    };
    (void)snprintf(snapshot->name, sizeof snapshot->name, "%s", statement_text(rows, 0));
    (void)snprintf(snapshot->root, sizeof snapshot->root, "%s", statement_text(rows, 1));
}

iso_status snapshot_find(struct store *store, const char *name, struct snapshot *snapshot,
                         struct text *manifest, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *find = NULL;
    ISO_TRY(statement_new(store_database(store),
                          "SELECT name, root, bars, segments, created_us, manifest FROM snapshots"
                          " WHERE name = ?1",
                          &find, err));
    statement_bind_text(find, 1, name);
    bool has_row;
    ISO_TRY(statement_step(find, &has_row, err));
    if (!has_row) {
        ISO_FAIL(NOT_FOUND, err, "there is no snapshot %.100s; \"isobar snapshot ls\" lists them",
                 name);
    }
    read_snapshot_row(find, snapshot);
    if (manifest != NULL) {
        text_clear(manifest);
        text_add(manifest, statement_text(find, 5));
        ISO_TRY(text_check(manifest, err));
    }
    return ISO_OK;
}

iso_status snapshot_each(struct store *store, snapshot_visit *visit, void *context,
                         struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(
        store_database(store),
        "SELECT name, root, bars, segments, created_us FROM snapshots ORDER BY name", &rows, err));
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct snapshot snapshot;
        read_snapshot_row(rows, &snapshot);
        ISO_TRY(visit(context, &snapshot, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

/* A manifest being read for one series. */
struct manifest_reading {
    struct store *store;
    const struct series *series;
    struct range range;
    bool inside; /* between its "series" line and the next one */
    bool found;
    struct bars *target;
    struct coverage *coverage;
};

enum { LINE_FIELDS_MAX = 5 };

/* Cut a line at its tabs; returns the number of fields. */
static size_t split_line(char *line, const char *fields[LINE_FIELDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *field = strtok_r(line, "\t", &rest); field != NULL && count < LINE_FIELDS_MAX;
         field = strtok_r(NULL, "\t", &rest)) {
        fields[count++] = field;
    }
    return count;
}

static bool parse_range(const char *const *fields, struct range *range)
{
    return integer_parse(fields[0], fields[0] + strlen(fields[0]), &range->from_us) &&
           integer_parse(fields[1], fields[1] + strlen(fields[1]), &range->to_us);
}

static bool is_record(const char *const *fields, size_t count, const char *name, size_t wanted)
{
    return count == wanted && strcmp(fields[0], name) == 0;
}

/* Lines of other series are passed over. A line that is none of the four kinds is damage. */
static iso_status read_line(struct manifest_reading *reading, char *line, struct iso_error *err)
{
    const char *fields[LINE_FIELDS_MAX];
    size_t count = split_line(line, fields);
    struct range range;
    struct hash128 hash;
    if (is_record(fields, count, "series", 3)) {
        reading->inside = strcmp(fields[1], reading->series->symbol) == 0 &&
                          strcmp(fields[2], reading->series->interval->name) == 0;
        reading->found = reading->found || reading->inside;
        return ISO_OK;
    }
    if (is_record(fields, count, "range", 3) && parse_range(fields + 1, &range)) {
        reading->range = range;
        return ISO_OK;
    }
    if (is_record(fields, count, "segment", 5) && parse_range(fields + 1, &range) &&
        hash_parse(fields[3], &hash)) {
        return !reading->inside ? ISO_OK
                                : store_decode_segment(reading->store, reading->series, range, hash,
                                                       reading->range, reading->target, err);
    }
    if (is_record(fields, count, "hole", 3) && parse_range(fields + 1, &range)) {
        return !reading->inside ? ISO_OK
                                : coverage_add(reading->coverage, range, true,
                                               "nobody had imported or written it", err);
    }
    ISO_FAIL(CORRUPT, err, "the snapshot's manifest has a line that is none: %.40s", line);
}

static iso_status check_manifest(const struct snapshot *snapshot, const struct text *manifest,
                                 struct iso_error *err)
{
    char root[HASH_HEX_BYTES];
    hash_hex(hash_bytes(text_get(manifest), manifest->length), root);
    if (strcmp(root, snapshot->root) != 0 ||
        strncmp(text_get(manifest), manifest_head, sizeof manifest_head - 1) != 0) {
        ISO_FAIL(CORRUPT, err, "the manifest of snapshot %s does not match its root %s",
                 snapshot->name, snapshot->root);
    }
    return ISO_OK;
}

iso_status snapshot_read(struct store *store, const char *name, const struct series *series,
                         struct bars *target, struct coverage *coverage, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text manifest = {0};
    struct snapshot snapshot;
    struct manifest_reading reading = {
        .store = store, .series = series, .target = target, .coverage = coverage};
    coverage->complete = true;
    ISO_TRY(snapshot_find(store, name, &snapshot, &manifest, err));
    ISO_TRY(check_manifest(&snapshot, &manifest, err));
    char *rest = NULL;
    char *lines = manifest.data + sizeof manifest_head - 1;
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        ISO_TRY(read_line(&reading, line, err));
    }
    if (!reading.found) {
        ISO_FAIL(NOT_FOUND, err, "snapshot %s has no series %s %s", name, series->symbol,
                 series->interval->name);
    }
    return ISO_OK;
}
