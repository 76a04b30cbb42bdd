/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `isobar bench codec`: every file's segments decoded and encoded again, CPU time of this process,
 * medians over the runs, geometric means over files; then what each kernel and each column does;
 * then the same of the peers, and where isobar is larger than the smallest of them.
 */
#include "cli/bench_peers.h"
#include "market/time.h"
#include "segment/block.h"

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
    ISO_TRY(segment_decode(&segment, segment.period, &pass->bars, NULL, err));
    double begin = cpu_seconds();
    ISO_TRY(segment_encode(&row->series, row->period, &pass->bars, &again, err));
    pass->encode_seconds += cpu_seconds() - begin;
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
    size_t runs = bench_runs(file->bench);
    struct codec_pass pass = {.store = file->bench->store};
    for (size_t i = 0; i < runs; i++) {
        pass.encode_seconds = 0;
        pass.bytes = pass.rows = 0;
        iso_status status = store_each_segment(pass.store, &file->series, pass_segment, &pass, err);
        if (iso_failed(status)) {
            bars_reset(&pass.bars);
            return status;
        }
        encode[i] = pass.encode_seconds;
    }
    bars_reset(&pass.bars);
    double millions = (double)pass.rows * 1e-6;
    double found[MEASURE_COUNT] = {
        (double)pass.bytes / (double)pass.rows,
        (double)pass.bytes * 8 / (double)(pass.rows * column_count),
        millions / bench_median(encode, runs),
    };
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        char measure[MEASURE_BYTES];
        (void)snprintf(measure, sizeof measure, "isobar.%s", measures[i].name);
        ISO_TRY(bench_add(file->bench, measure, file->scope, found[i], measures[i].unit, err));
    }
    return ISO_OK;
}

/* --- isobar's parts
 * -----------------------------------------------------------------------------*/

enum {
    MEMORY_ROWS = 2 << 20, /* decoded into 128 MB, which no cache holds */
    KERNEL_MEASURE_BYTES = 48,
};

/* Decoding by one kernel: into a buffer for one segment, or on and on through a large one. */
struct decode_pass {
    struct store *store;
    const struct kernel *kernel;
    struct bars bars;
    bool to_memory;
    double seconds;
    size_t rows;
};

static iso_status decode_once(void *context, const struct segment_row *row, struct iso_error *err)
{
    struct decode_pass *pass = context;
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    struct segment segment;
    ISO_TRY(store_load_segment(pass->store, row->hash, &bytes, &segment, err));
    bool full = pass->bars.count + row->rows > pass->bars.capacity;
    pass->bars.count = pass->to_memory && !full ? pass->bars.count : 0;
    ISO_TRY(bars_reserve(&pass->bars, row->rows, err));
    double begin = cpu_seconds();
    ISO_TRY(segment_decode_by(&segment, pass->kernel, segment.period, &pass->bars, NULL, err));
    pass->seconds += cpu_seconds() - begin;
    pass->rows += row->rows;
    return ISO_OK;
}

static iso_status measure_decode(struct codec_file *file, const char *measure,
                                 struct decode_pass *pass, struct iso_error *err)
{
    double seconds[BENCH_RUNS_MAX];
    size_t runs = bench_runs(file->bench);
    pass->store = file->bench->store;
    for (size_t i = 0; i <= runs; i++) { /* the first only warms: memory that was never touched */
        pass->seconds = 0;
        pass->rows = 0;
        do {
            ISO_TRY(store_each_segment(pass->store, &file->series, decode_once, pass, err));
        } while (pass->to_memory && pass->rows < MEMORY_ROWS);
        seconds[i > 0 ? i - 1 : 0] = pass->seconds;
    }
    double found = (double)pass->rows * 1e-6 / bench_median(seconds, runs);
    return bench_add(file->bench, measure, file->scope, found, "M bars/s", err);
}

static void free_pass(struct decode_pass *pass)
{
    bars_reset(&pass->bars);
}

/* By every kernel that runs here, and by the best one into memory that no cache holds. */
static iso_status measure_kernels(struct codec_file *file, struct iso_error *err)
{
    ISO_DEFER(free_pass) struct decode_pass pass = {0};
    for (size_t i = 0; kernel_table[i] != NULL; i++) {
        char measure[KERNEL_MEASURE_BYTES];
        (void)snprintf(measure, sizeof measure, "isobar.decode_%s", kernel_table[i]->name);
        pass.kernel = kernel_table[i];
        if (pass.kernel->available()) {
            ISO_TRY(measure_decode(file, measure, &pass, err));
        }
    }
    pass.kernel = kernel_best();
    ISO_TRY(measure_decode(file, "isobar.decode", &pass, err));
    pass.to_memory = true;
    ISO_TRY(bars_reserve(&pass.bars, MEMORY_ROWS, err));
    return measure_decode(file, "isobar.decode_memory", &pass, err);
}

/* Bits a value by column, stored and at the entropy of the residuals. */
struct column_bits {
    struct store *store;
    size_t rows;
    double stored[SEGMENT_COLUMN_COUNT];
    double entropy[SEGMENT_COLUMN_COUNT];
    const char *name[SEGMENT_COLUMN_COUNT];
};

static iso_status add_column_bits(void *context, const struct segment_row *row,
                                  struct iso_error *err)
{
    struct column_bits *bits = context;
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    struct segment segment;
    struct segment_info info;
    double entropy[SEGMENT_COLUMN_COUNT];
    ISO_TRY(store_load_segment(bits->store, row->hash, &bytes, &segment, err));
    ISO_TRY(segment_inspect(&segment, &info, err));
    ISO_TRY(segment_entropy(&segment, entropy, err));
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        bits->stored[i] += (double)info.column[i].bits;
        bits->entropy[i] += entropy[i];
        bits->name[i] = info.column[i].name;
    }
    bits->rows += row->rows;
    return ISO_OK;
}

static iso_status measure_columns(struct codec_file *file, struct iso_error *err)
{
    struct column_bits bits = {.store = file->bench->store};
    ISO_TRY(store_each_segment(bits.store, &file->series, add_column_bits, &bits, err));
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        char measure[KERNEL_MEASURE_BYTES];
        double rows = (double)bits.rows;
        if (bits.stored[i] == 0) {
            continue;
        }
        (void)snprintf(measure, sizeof measure, "isobar.bits_%s", bits.name[i]);
        ISO_TRY(bench_add(file->bench, measure, file->scope, bits.stored[i] / rows, "bit", err));
        (void)snprintf(measure, sizeof measure, "isobar.entropy_%s", bits.name[i]);
        ISO_TRY(bench_add(file->bench, measure, file->scope, bits.entropy[i] / rows, "bit", err));
    }
    return ISO_OK;
}

/* What storing alone takes, in the bars that it would be. */
static iso_status measure_memory(struct bench *bench, struct iso_error *err)
{
    enum { STORE_BYTES = MEMORY_ROWS * 64, STORE_RUNS = 5 };
    double seconds[STORE_RUNS];
    uint8_t *target = malloc(STORE_BYTES);
    if (target == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %d bytes", STORE_BYTES);
    }
    memset(target, 1, STORE_BYTES); /* the first touch is the system's work */
    for (int i = 0; i < STORE_RUNS; i++) {
        double begin = cpu_seconds();
        memset(target, i, STORE_BYTES);
        __asm__ volatile("" : : "r"(target) : "memory");
        seconds[i] = cpu_seconds() - begin;
    }
    free(target);
    double median = bench_median(seconds, STORE_RUNS);
    return bench_add(bench, "memory.decode_memory", "", MEMORY_ROWS * 1e-6 / median, "M bars/s",
                     err);
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
    ISO_TRY(measure_kernels(file, err));
    ISO_TRY(measure_columns(file, err));
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

/* Means of every measure that files have. */
static iso_status add_all_means(struct bench *bench, struct iso_error *err)
{
    size_t file_rows = bench->row_count;
    for (size_t i = 0; i < file_rows; i++) {
        char measure[MEASURE_BYTES];
        char unit[BENCH_UNIT_BYTES];
        const char *name = bench->rows[i].name;
        (void)snprintf(measure, sizeof measure, "%.*s", (int)strcspn(name, "/"), name);
        (void)snprintf(unit, sizeof unit, "%s", bench->rows[i].unit);
        if (bench_find(bench, measure, "") == NULL) {
            ISO_TRY(add_means(bench, measure, unit, err));
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
    ISO_TRY(peers_init(&peers, bench, "bench/codec_peers.py", &found, err));
    struct codec_file file = {.bench = bench, .peers = found ? &peers : NULL};
    ISO_TRY(bench_add_version(bench, "isobar", ISOBAR_VERSION, err));
    ISO_TRY(store_each_series(bench->store, visit_file, &file, err));
    ISO_TRY(add_all_means(bench, err));
    ISO_TRY(measure_memory(bench, err));
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

/* isobar's own figures over all files: decoding by kernel, and what each column takes. */
static void print_parts(const struct bench *bench, struct text *target)
{
    static const char decode[] = "isobar.decode_";
    static const char bits[] = "isobar.bits_";
    const struct bench_row *memory = bench_find(bench, "memory.decode_memory", "");
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct bench_row *row = &bench->rows[i];
        const char *column = row->name + sizeof bits - 1;
        char measure[MEASURE_BYTES];
        if (row_scope(row)[0] != '\0' || strcmp(row->name, "isobar.bits_per_value") == 0) {
            continue;
        }
        if (strncmp(row->name, decode, sizeof decode - 1) == 0) {
            text_addf(target, "decode, %s: %.1f\n", row->name + sizeof decode - 1, row->value);
        } else if (strncmp(row->name, bits, sizeof bits - 1) == 0) {
            (void)snprintf(measure, sizeof measure, "isobar.entropy_%s", column);
            const struct bench_row *entropy = bench_find(bench, measure, "");
            text_addf(target, "%s: %.2f bits, %.2f of entropy\n", column, row->value,
                      entropy != NULL ? entropy->value : 0);
        }
    }
    if (memory != NULL) {
        text_addf(target, "storing alone: %.1f\n", memory->value);
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
    print_parts(bench, target);
    print_comparison(bench, target);
    for (size_t i = 0; i < bench->version_count; i++) {
        text_addf(target, "%s%s %s", i > 0 ? ", " : "", bench->versions[i].who,
                  bench->versions[i].version);
    }
    text_add_char(target, '\n');
}
