/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql_choice.h"

#include "local/sql_vector.h"

#include <string.h>

enum { NAMES_MAX = 4096 };

static void names_reset(struct sql_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        duckdb_free(names->names[i]);
    }
    free(names->names);
}

void sql_choice_reset(struct sql_choice *choice)
{
    names_reset(&choice->symbols);
    names_reset(&choice->intervals);
    duckdb_free(choice->symbol);
}

static iso_status read_names(duckdb_bind_info info, const char *name, struct sql_names *names,
                             struct iso_error *err)
{
    duckdb_value value = duckdb_bind_get_named_parameter(info, name);
    bool given = value != NULL && !duckdb_is_null_value(value);
    idx_t count = given ? duckdb_get_list_size(value) : 0;
    names->given = given;
    if (count > 0 && count <= NAMES_MAX) {
        names->names = calloc(count, sizeof *names->names);
    }
    for (idx_t i = 0; names->names != NULL && i < count; i++) {
        duckdb_value child = duckdb_get_list_child(value, i);
        names->names[names->count++] = duckdb_get_varchar(child);
        duckdb_destroy_value(&child);
    }
    duckdb_destroy_value(&value);
    if (count > NAMES_MAX) {
        ISO_FAIL(LIMIT, err, "%s lists %llu names, at most %d are taken", name,
                 (unsigned long long)count, NAMES_MAX);
    }
    if (names->count < count) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %llu names", (unsigned long long)count);
    }
    return ISO_OK;
}

iso_status sql_choice_read(duckdb_bind_info info, struct sql_choice *choice, struct iso_error *err)
{
    choice->symbol = sql_parameter(info, "symbol");
    ISO_TRY(read_names(info, "symbols", &choice->symbols, err));
    ISO_TRY(read_names(info, "intervals", &choice->intervals, err));
    ISO_TRY(sql_read_interval(info, "interval", &choice->interval, err));
    return sql_read_range(info, &choice->range, err);
}

static bool allows(const struct sql_names *names, const char *name)
{
    bool found = !names->given;
    for (size_t i = 0; i < names->count && !found; i++) {
        found = strcmp(names->names[i], name) == 0;
    }
    return found;
}

struct choosing {
    const struct sql_choice *choice;
    struct sql_series *list;
};

static iso_status choose_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct choosing *choosing = context;
    const struct sql_choice *choice = choosing->choice;
    struct sql_series *list = choosing->list;
    bool chosen = (choice->symbol == NULL || strcmp(choice->symbol, row->series.symbol) == 0) &&
                  (choice->interval == NULL || choice->interval == row->series.interval) &&
                  allows(&choice->symbols, row->series.symbol) &&
                  allows(&choice->intervals, row->series.interval->name) &&
                  row->first_us < choice->range.to_us && row->last_us >= choice->range.from_us;
    if (!chosen) {
        return ISO_OK;
    }
    if (list->count == list->capacity) {
        size_t grown = list->capacity == 0 ? 16 : list->capacity * 2;
        struct series *series = realloc(list->series, grown * sizeof *series);
        if (series == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", grown);
        }
        list->series = series;
        list->capacity = grown;
    }
    list->series[list->count++] = row->series;
    list->bars += row->bars;
    return ISO_OK;
}

iso_status sql_choice_list(const struct sql_choice *choice, struct view *view,
                           struct sql_series *list, struct iso_error *err)
{
    struct choosing choosing = {choice, list};
    return view_each_series(view, choose_series, &choosing, err);
}

void sql_series_reset(struct sql_series *list)
{
    free(list->series);
}

void sql_choice_add_parameters(duckdb_table_function function)
{
    static const char *const texts[] = {"symbol", "interval", "from", "to"};
    sql_add_parameters(function, texts, sizeof texts / sizeof texts[0], DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type list = duckdb_create_list_type(text);
    duckdb_table_function_add_named_parameter(function, "symbols", list);
    duckdb_table_function_add_named_parameter(function, "intervals", list);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&text);
}
