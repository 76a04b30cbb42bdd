/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements on files of bars: imported into a store of the benchmark's own, timed with the
 * monotonic clock, medians of --runs repetitions. Absolute times depend on the machine; compare
 * within one run only.
 */
#include "cli/bench.h"
#include "local/import.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void bench_reset(struct bench *bench)
{
    store_close(&bench->store);
    free(bench->rows);
    if (bench->directory[0] != '\0') {
        (void)nftw(bench->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

double bench_seconds(void)
{
    const struct os *os = os_system();
    return (double)os->monotonic_us(os->context) * 1e-6;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

size_t bench_runs(const struct bench *bench)
{
    return (size_t)call_integer(bench->call, OPTION_runs);
}

static iso_status rows_reserve(struct bench *bench, struct iso_error *err)
{
    if (bench->row_count < bench->row_capacity) {
        return ISO_OK;
    }
    size_t capacity = bench->row_capacity > 0 ? bench->row_capacity * 2 : 64;
    struct bench_row *rows = realloc(bench->rows, capacity * sizeof *rows);
    if (rows == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu rows", capacity);
    }
    bench->rows = rows;
    bench->row_capacity = capacity;
    return ISO_OK;
}

iso_status bench_add(struct bench *bench, const char *measure, const char *scope, double value,
                     const char *unit, struct iso_error *err)
{
    if (strlen(measure) + strlen(scope) >= BENCH_NAME_BYTES || strlen(unit) >= BENCH_UNIT_BYTES) {
        ISO_FAIL(LIMIT, err, "the name %.40s%.80s or its unit is too long", measure, scope);
    }
    ISO_TRY(rows_reserve(bench, err));
    struct bench_row *row = &bench->rows[bench->row_count++];
    (void)snprintf(row->name, sizeof row->name, "%s%s", measure, scope);
    (void)snprintf(row->unit, sizeof row->unit, "%s", unit);
    row->value = value;
    return ISO_OK;
}

const struct bench_row *bench_find(const struct bench *bench, const char *measure,
                                   const char *scope)
{
    size_t length = strlen(measure);
    for (size_t i = 0; i < bench->row_count; i++) {
        const char *name = bench->rows[i].name;
        if (strncmp(name, measure, length) == 0 && strcmp(name + length, scope) == 0) {
            return &bench->rows[i];
        }
    }
    return NULL;
}

iso_status bench_add_version(struct bench *bench, const char *who, const char *version,
                             struct iso_error *err)
{
    if (bench->version_count == BENCH_VERSIONS_MAX || strlen(who) >= BENCH_VERSION_BYTES ||
        strlen(version) >= BENCH_VERSION_BYTES) {
        ISO_FAIL(LIMIT, err, "version %.40s of %.40s is one too many or too long", version, who);
    }
    struct bench_version *added = &bench->versions[bench->version_count++];
    (void)snprintf(added->who, sizeof added->who, "%s", who);
    (void)snprintf(added->version, sizeof added->version, "%s", version);
    return ISO_OK;
}

/* Each file is a series of its own, named by its place, so that equal symbols do not mix. */
static iso_status import_files(struct bench *bench, struct iso_error *err)
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(bench->directory, sizeof bench->directory, "%s/isobar-bench-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    if (mkdtemp(bench->directory) == NULL) {
        bench->directory[0] = '\0';
        ISO_FAIL(IO, err, "no directory can be made in %s", parent != NULL ? parent : "/tmp");
    }
    ISO_TRY(store_open(os_system(), bench->directory, STORE_WRITE, &bench->store, err));
    for (int i = 1; i < bench->call->argument_count; i++) {
        char symbol[SYMBOL_BYTES_MAX];
        (void)snprintf(symbol, sizeof symbol, BENCH_SYMBOL_FORMAT, i);
        struct import_request request = {
            .path = bench->call->arguments[i], .symbol = symbol, .cancelled = interrupt_flag()};
        ISO_DEFER(import_report_reset) struct import_report imported = {0};
        ISO_TRY(iso_context(import_file(bench->store, &request, &imported, err), err, "%s",
                            request.path));
        for (size_t j = 0; j < imported.series_count; j++) {
            bench->bars += imported.series[j].counts.stored;
        }
    }
    size_t sealed;
    ISO_TRY(store_seal(bench->store, NULL, &sealed, err));
    if (bench->bars == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar bench %s wants files of bars: isobar bench %s FILE...",
                 bench->call->arguments[0], bench->call->arguments[0]);
    }
    return ISO_OK;
}

static void print_rows(const struct bench *bench, bool verbose, struct text *target)
{
    static const char *const heads[] = {"name", ">value", "unit"};
    struct table table = {0};
    (void)verbose; /* there is no more to say */
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < bench->row_count; i++) {
        table_cell(&table, "%s", bench->rows[i].name);
        table_cell(&table, "%.3f", bench->rows[i].value);
        table_cell(&table, "%s", bench->rows[i].unit);
    }
    table_end(&table, target);
}

static void add_json(const struct bench *bench, struct json *json)
{
    json_begin_array(json, "rows");
    for (size_t i = 0; i < bench->row_count; i++) {
        json_begin_object(json, NULL);
        json_add_string(json, "name", bench->rows[i].name);
        json_add_number(json, "value", bench->rows[i].value);
        json_add_string(json, "unit", bench->rows[i].unit);
        json_end_object(json);
    }
    json_end_array(json);
    json_begin_object(json, "versions");
    for (size_t i = 0; i < bench->version_count; i++) {
        json_add_string(json, bench->versions[i].who, bench->versions[i].version);
    }
    json_end_object(json);
}

static const struct {
    const char *name;
    iso_status (*run)(struct bench *bench, struct iso_error *err);
    void (*print)(const struct bench *bench, bool verbose, struct text *target);
    bool needs_no_files;
} benches[] = {
    {"codec", bench_codec, bench_codec_print, false},
    {"import", bench_import, print_rows, false},
    {"read", bench_read, print_rows, false},
    {"pool", bench_pool, print_rows, true},
};

iso_status command_bench(struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(bench_reset) struct bench bench = {.call = call};
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (strcmp(benches[i].name, call->arguments[0]) != 0) {
            continue;
        }
        if (!benches[i].needs_no_files) {
            ISO_TRY(import_files(&bench, err));
        }
        ISO_TRY(benches[i].run(&bench, err));
        if (call_flag(call, OPTION_json)) {
            struct json json = {.text = &text};
            result_json_begin(&json);
            add_json(&bench, &json);
            return result_json_end(&json, err);
        }
        benches[i].print(&bench, call_flag(call, OPTION_verbose), &text);
        return result_write(&text, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar bench measures %s", call->command->arguments);
}
