/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `isobar bench codec`: every file's segments decoded and encoded again, CPU time of this process,
 * medians over the runs, geometric means over files; then the same of the peers, and where isobar
 * is larger than the smallest of them.
 */
#include "cli/bench_peers.h"
#include "market/time.h"
#include "segment/segment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What isobar is measured by; the peers have these names, too. */
static const struct {
    const char *name;
    const char *unit;
} measures[] = {
    {"bytes_per_bar", "B"},
    {"bits_per_value", "bit"},
    {"encode", "M bars/s"},
    {"decode", "M bars/s"},
};
enum { MEASURE_COUNT = sizeof measures / sizeof measures[0], MEASURE_BYTES = 64 };

static double cpu_seconds(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    ISO_ASSERT(failed == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --- isobar ------------------------------------------------------------------------------------*/

/* One pass over a file's segments: every bar decoded, encoded again, and the bytes compared. */
struct codec_pass {
    struct store *store;
    struct bars bars;
    double encode_seconds;
    double decode_seconds;
    size_t bytes;
    size_t rows;
};

static iso_status pass_segment(void *context, const struct segment_row *row, struct iso_error *err)
{
    struct codec_pass *pass = context;
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_DEFER(bytes_reset) struct bytes again = {0};
    struct segment segment;
    ISO_TRY(store_load_segment(pass->store, row->hash, &bytes, &segment, err));
    pass->bars.count = 0;
    ISO_TRY(bars_reserve(&pass->bars, row->rows, err));
    double begin = cpu_seconds();
    ISO_TRY(segment_decode(&segment, segment.period, &pass->bars, NULL, err));
    double middle = cpu_seconds();
    ISO_TRY(segment_encode(&row->series, row->period, &pass->bars, &again, err));
    pass->encode_seconds += cpu_seconds() - middle;
    pass->decode_seconds += middle - begin;
    pass->bytes += bytes.length;
    pass->rows += row->rows;
    if (again.length != bytes.length || memcmp(again.data, bytes.data, bytes.length) != 0) {
        ISO_FAIL(CORRUPT, err, "a decoded segment encodes to other bytes");
    }
    return ISO_OK;
}

/* One imported file. */
struct codec_file {
    struct bench *bench;
    struct peers *peers; /* NULL where there are none */
    struct series series;
    char scope[BENCH_NAME_BYTES]; /* "/folder/file", or "/file" */
};

static void name_scope(const char *path, char scope[BENCH_NAME_BYTES])
{
    const char *begin = path + (path[0] == '/');
    const char *file = strrchr(path, '/');
    if (file != NULL) {
        const char *folder = memrchr(path, '/', (size_t)(file - path));
        begin = folder != NULL ? folder + 1 : begin;
    }
    (void)snprintf(scope, BENCH_NAME_BYTES, "/%s", begin);
}

static iso_status measure_file(struct codec_file *file, size_t column_count, struct iso_error *err)
{
    double encode[BENCH_RUNS_MAX];
    double decode[BENCH_RUNS_MAX];
    size_t runs = bench_runs(file->bench);
    struct codec_pass pass = {.store = file->bench->store};
    for (size_t i = 0; i < runs; i++) {
        pass.encode_seconds = pass.decode_seconds = 0;
        pass.bytes = pass.rows = 0;
        iso_status status = store_each_segment(pass.store, &file->series, pass_segment, &pass, err);
        if (iso_failed(status)) {
            bars_reset(&pass.bars);
            return status;
        }
        encode[i] = pass.encode_seconds;
        decode[i] = pass.decode_seconds;
    }
    bars_reset(&pass.bars);
    double millions = (double)pass.rows * 1e-6;
    double found[MEASURE_COUNT] = {
        (double)pass.bytes / (double)pass.rows,
        (double)pass.bytes * 8 / (double)(pass.rows * column_count),
        millions / bench_median(encode, runs),
        millions / bench_median(decode, runs),
    };
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        char measure[MEASURE_BYTES];
        (void)snprintf(measure, sizeof measure, "isobar.%s", measures[i].name);
        ISO_TRY(bench_add(file->bench, measure, file->scope, found[i], measures[i].unit, err));
    }
    return ISO_OK;
}

static iso_status visit_file(void *context, const struct series_row *row, struct iso_error *err)
{
    struct codec_file *file = context;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    int64_t index = 0;
    const char *number = row->series.symbol + strlen(BENCH_SYMBOL_PREFIX);
    file->series = row->series;
    ISO_ASSERT(integer_parse(number, number + strlen(number), &index));
    name_scope(file->bench->call->arguments[index], file->scope);
    if (bench_find(file->bench, "isobar.bytes_per_bar", file->scope) != NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s is given twice, or holds series of two intervals",
                 file->scope + 1);
    }
    ISO_TRY(store_read(file->bench->store, &row->series, (struct range){TIME_MIN_US, TIME_MAX_US},
                       &bars, &coverage, err));
    struct peers_column columns[PEERS_COLUMNS_MAX];
    ISO_TRY(measure_file(file, peers_columns(&bars, columns), err));
    return file->peers != NULL ? peers_give(file->peers, file->scope + 1, &bars, err) : ISO_OK;
}

/* --- means and comparison ----------------------------------------------------------------------*/

/* "" for a figure over all files, else what follows the measure, from its '/'. */
static const char *row_scope(const struct bench_row *row)
{
    return row->name + strcspn(row->name, "/");
}

static bool row_measures(const struct bench_row *row, const char *measure)
{
    size_t length = strcspn(row->name, "/");
    return strlen(measure) == length && memcmp(row->name, measure, length) == 0;
}

static bool scope_within(const char *scope, const char *group)
{
    size_t length = strlen(group);
    return strncmp(scope, group, length) == 0 && scope[length] == '/';
}

static bool is_file(const struct bench *bench, const char *scope)
{
    bool group = scope[0] == '\0';
    for (size_t i = 0; i < bench->row_count && !group; i++) {
        group = scope_within(row_scope(&bench->rows[i]), scope);
    }
    return !group;
}

/* Add the geometric mean of the measure's rows for files within the group ("": all). */
static iso_status add_mean(struct bench *bench, const char *measure, const char *group,
                           size_t file_rows, const char *unit, struct iso_error *err)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < file_rows; i++) {
        if (row_measures(&bench->rows[i], measure) &&
            scope_within(row_scope(&bench->rows[i]), group)) {
            sum += log(bench->rows[i].value);
            count++;
        }
    }
    return bench_add(bench, measure, group, exp(sum / (double)count), unit, err);
}

/* Means of a measure that so far has rows for files only: over all, and by folder. */
static iso_status add_means(struct bench *bench, const char *measure, const char *unit,
                            struct iso_error *err)
{
    size_t file_rows = bench->row_count;
    ISO_TRY(add_mean(bench, measure, "", file_rows, unit, err));
    for (size_t i = 0; i < file_rows; i++) {
        char group[BENCH_NAME_BYTES];
        if (!row_measures(&bench->rows[i], measure)) {
            continue;
        }
        (void)snprintf(group, sizeof group, "%s", row_scope(&bench->rows[i]));
        *strrchr(group, '/') = '\0';
        if (group[0] != '\0' && bench_find(bench, measure, group) == NULL) {
            ISO_TRY(add_mean(bench, measure, group, file_rows, unit, err));
        }
    }
    return ISO_OK;
}

/* The smallest size that a peer has for a file; infinite where none has one. */
static double best_peer_size(const struct bench *bench, const char *scope)
{
    static const char size[] = ".bytes_per_bar";
    double best = (double)INFINITY;
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct bench_row *row = &bench->rows[i];
        const char *measure = strchr(row->name, '.');
        bool is_size = strncmp(measure, size, sizeof size - 1) == 0 &&
                       strcmp(measure + sizeof size - 1, scope) == 0;
        if (is_size && strncmp(row->name, "isobar.", 7) != 0 && row->value < best) {
            best = row->value;
        }
    }
    return best;
}

/* isobar's size beside that of the best peer, which may be another one for each file. */
static iso_status compare(struct bench *bench, struct iso_error *err)
{
    static const char measure[] = "isobar.size_to_best_peer";
    size_t larger = 0;
    size_t rows = bench->row_count;
    for (size_t i = 0; i < rows; i++) {
        char scope[BENCH_NAME_BYTES];
        if (!row_measures(&bench->rows[i], "isobar.bytes_per_bar")) {
            continue;
        }
        (void)snprintf(scope, sizeof scope, "%s", row_scope(&bench->rows[i]));
        double ratio = bench->rows[i].value / best_peer_size(bench, scope);
        ISO_TRY(bench_add(bench, measure, scope, ratio, "x", err));
        larger += ratio > 1 && is_file(bench, scope);
    }
    return bench_add(bench, "isobar.files_larger_than_best_peer", "", (double)larger, "files", err);
}

iso_status bench_codec(struct bench *bench, struct iso_error *err)
{
    struct peers peers = {0};
    bool found = false;
    ISO_TRY(peers_init(&peers, bench, &found, err));
    struct codec_file file = {.bench = bench, .peers = found ? &peers : NULL};
    ISO_TRY(bench_add_version(bench, "isobar", ISOBAR_VERSION, err));
    ISO_TRY(store_each_series(bench->store, visit_file, &file, err));
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        char measure[MEASURE_BYTES];
        (void)snprintf(measure, sizeof measure, "isobar.%s", measures[i].name);
        ISO_TRY(add_means(bench, measure, measures[i].unit, err));
    }
    if (!found) {
        return ISO_OK;
    }
    ISO_TRY(peers_run(&peers, bench, err));
    return compare(bench, err);
}

/* --- for people --------------------------------------------------------------------------------*/

static void print_cell(const struct bench *bench, const char *who, const char *measure,
                       const char *scope, int decimals, struct table *table)
{
    char name[MEASURE_BYTES];
    (void)snprintf(name, sizeof name, "%s.%s", who, measure);
    const struct bench_row *row = bench_find(bench, name, scope);
    if (row != NULL) {
        table_cell(table, "%.*f", decimals, row->value);
    } else {
        table_cell(table, "%s", "");
    }
}

/* A line for each codec that has a size in the scope. */
static void print_scope(const struct bench *bench, const char *scope, struct table *table)
{
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct bench_row *row = &bench->rows[i];
        char who[MEASURE_BYTES];
        (void)snprintf(who, sizeof who, "%.*s", (int)strcspn(row->name, "."), row->name);
        if (strcmp(row_scope(row), scope) != 0 ||
            strncmp(row->name + strlen(who), ".bytes_per_bar", 14) != 0) {
            continue;
        }
        table_cell(table, "%s", scope[0] == '\0' ? "all" : scope + 1);
        table_cell(table, "%s", who);
        print_cell(bench, who, "bytes_per_bar", scope, 3, table);
        print_cell(bench, who, "bits_per_value", scope, 2, table);
        print_cell(bench, who, "encode", scope, 2, table);
        print_cell(bench, who, "decode", scope, 1, table);
        print_cell(bench, who, "encode_ticks", scope, 2, table);
        print_cell(bench, who, "decode_ticks", scope, 1, table);
    }
}

static void print_comparison(const struct bench *bench, struct text *target)
{
    static const char measure[] = "isobar.size_to_best_peer";
    const struct bench_row *larger = bench_find(bench, "isobar.files_larger_than_best_peer", "");
    if (larger == NULL) {
        return;
    }
    text_addf(target, "files on which isobar is larger than the best peer: %.0f\n", larger->value);
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct bench_row *row = &bench->rows[i];
        if (row_measures(row, measure) && row->value > 1 && is_file(bench, row_scope(row))) {
            text_addf(target, "  %s: %.3f times its size\n", row_scope(row) + 1, row->value);
        }
    }
}

void bench_codec_print(const struct bench *bench, bool files, struct text *target)
{
    static const char *const heads[] = {"files",   "codec",   ">B/bar",        ">bits/value",
                                        ">encode", ">decode", ">encode ticks", ">decode ticks"};
    struct table table = {0};
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    print_scope(bench, "", &table);
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct bench_row *row = &bench->rows[i];
        const char *scope = row_scope(row);
        if (row_measures(row, "isobar.bytes_per_bar") && scope[0] != '\0' &&
            (files || !is_file(bench, scope))) {
            print_scope(bench, scope, &table);
        }
    }
    table_end(&table, target);
    text_add(target, "speeds in M bars/s of CPU time; means over files are geometric\n");
    print_comparison(bench, target);
    for (size_t i = 0; i < bench->version_count; i++) {
        text_addf(target, "%s%s %s", i > 0 ? ", " : "", bench->versions[i].who,
                  bench->versions[i].version);
    }
    text_add_char(target, '\n');
}
