/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql_hints.h"

#include "local/sql_text.h"
#include "market/interval.h"
#include "market/time.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

/* What a statement may hold at most; beyond that it is run without hints. */
enum { NODES_MAX = 1 << 16, EDITS_MAX = 64, TABLES_MAX = 32 };

/* Parameters to be put behind the table's name at an offset of the statement. */
struct edit {
    size_t offset;
    struct text parameters;
};

/* Nodes of the parse tree that are still to be looked at. */
struct stack {
    json_t *nodes[NODES_MAX];
    size_t count;
    bool overflowed;
};

struct hints {
    const char *statement;
    struct edit edits[EDITS_MAX];
    size_t edit_count;
    bool refused; /* something was met that makes hints unsafe */
    struct stack walk;
    struct stack conjuncts;
};

static void hints_free(struct hints **hints)
{
    for (size_t i = 0; *hints != NULL && i < (*hints)->edit_count; i++) {
        text_reset(&(*hints)->edits[i].parameters);
    }
    free(*hints);
}

static void json_release(json_t **json)
{
    json_decref(*json);
}

static void result_destroy(duckdb_result *result)
{
    duckdb_destroy_result(result);
}

static void prepared_destroy(duckdb_prepared_statement *prepared)
{
    duckdb_destroy_prepare(prepared);
}

static void push(struct stack *stack, json_t *node)
{
    if (stack->count == NODES_MAX) {
        stack->overflowed = true;
    } else if (json_is_object(node) || json_is_array(node)) {
        stack->nodes[stack->count++] = node;
    }
}

static void push_children(struct stack *stack, json_t *node)
{
    const char *key;
    json_t *child;
    size_t index;
    json_array_foreach(node, index, child)
    {
        push(stack, child);
    }
    json_object_foreach(node, key, child)
    {
        push(stack, child);
    }
}

static const char *text_of(const json_t *node, const char *key)
{
    const char *text = json_string_value(json_object_get(node, key));
    return text != NULL ? text : "";
}

static bool is_typed(const json_t *node, const char *type)
{
    return strcmp(text_of(node, "type"), type) == 0;
}

/* One use of bars: how its columns are named, and what is known about it. */
struct use {
    const char *alias;
    bool alone; /* columns need no alias before them */
    struct text symbols;
    struct text intervals;
    struct range range;
};

static void use_reset(struct use *use)
{
    text_reset(&use->symbols);
    text_reset(&use->intervals);
}

/* The column's own name where the node is a column of this use; else "". */
static const char *column_of(const struct use *use, const json_t *node)
{
    json_t *names = json_object_get(node, "column_names");
    size_t count = json_array_size(names);
    if (!is_typed(node, "COLUMN_REF") || count == 0 || count > 2 || (count == 1 && !use->alone)) {
        return "";
    }
    const char *first = json_string_value(json_array_get(names, 0));
    const char *last = json_string_value(json_array_get(names, count - 1));
    bool ours = count == 1 || (first != NULL && strcasecmp(first, use->alias) == 0);
    return ours && last != NULL ? last : "";
}

/* The text of a string constant; NULL where the node is something else. */
static const char *constant_text(const json_t *node)
{
    const json_t *literal = json_object_get(node, "literal");
    bool is_text = is_typed(node, "VALUE_CONSTANT") && literal != NULL &&
                   strcmp(text_of(literal, "kind"), "STRING") == 0;
    return is_text ? json_string_value(json_object_get(literal, "text")) : NULL;
}

/* '2024-01-31', TIMESTAMP '...', DATE '...' */
static bool constant_time(const json_t *node, int64_t *time_us)
{
    size_t longest = SIZE_MAX;
    if (is_typed(node, "OPERATOR_CAST") && json_is_false(json_object_get(node, "try_cast"))) {
        const char *type = text_of(json_object_get(node, "type_expr"), "type_name");
        bool is_date = strcasecmp(type, "DATE") == 0;
        if (!is_date && strcasecmp(type, "TIMESTAMP") != 0) {
            return false;
        }
        longest = is_date ? strlen("2024-01-31") : longest; /* what is behind would be cut off */
        node = json_object_get(node, "child");
    }
    const char *text = constant_text(node);
    return text != NULL && strlen(text) <= longest && strchr(text, '-') != NULL &&
           time_parse(text, text + strlen(text), time_us);
}

static void add_quoted(struct text *list, const char *value)
{
    text_add(list, list->length > 0 ? ", '" : "'");
    for (; *value != '\0'; value++) {
        text_addf(list, "%s%c", *value == '\'' ? "'" : "", *value);
    }
    text_add_char(list, '\'');
}

/* The list of the names that are allowed; one that is known already stays. */
static struct text *list_of(struct use *use, const char *column)
{
    struct text *list = strcasecmp(column, "symbol") == 0     ? &use->symbols
                        : strcasecmp(column, "interval") == 0 ? &use->intervals
                                                              : NULL;
    return list != NULL && list->length == 0 ? list : NULL;
}

/* A microsecond more than is said, since DuckDB rounds what is finer and time_parse cuts it. */
static void bound(struct use *use, int64_t time_us, bool below, bool above)
{
    if (below && time_us - 1 > use->range.from_us) {
        use->range.from_us = time_us - 1;
    }
    if (above && time_us + 2 < use->range.to_us) {
        use->range.to_us = time_us + 2;
    }
}

static void take_comparison(struct use *use, const json_t *node)
{
    json_t *left = json_object_get(node, "left");
    json_t *right = json_object_get(node, "right");
    bool swapped = is_typed(right, "COLUMN_REF");
    const char *column = column_of(use, swapped ? right : left);
    const json_t *constant = swapped ? left : right;
    const char *type = text_of(node, "type");
    bool equal = strcmp(type, "COMPARE_EQUAL") == 0;
    bool greater = strncmp(type, "COMPARE_GREATERTHAN", 19) == 0;
    bool less = strncmp(type, "COMPARE_LESSTHAN", 16) == 0;
    int64_t time_us;
    struct text *list = equal ? list_of(use, column) : NULL;
    const char *text = constant_text(constant);
    if (list != NULL && text != NULL) {
        add_quoted(list, text);
    }
    if (strcasecmp(column, "timestamp") == 0 && constant_time(constant, &time_us)) {
        bool below = swapped ? less : greater;
        bool above = swapped ? greater : less;
        bound(use, time_us, equal || below, equal || above);
    }
}

static void take_between(struct use *use, const json_t *node)
{
    int64_t time_us;
    if (strcasecmp(column_of(use, json_object_get(node, "input")), "timestamp") != 0) {
        return;
    }
    if (constant_time(json_object_get(node, "lower"), &time_us)) {
        bound(use, time_us, true, false);
    }
    if (constant_time(json_object_get(node, "upper"), &time_us)) {
        bound(use, time_us, false, true);
    }
}

static void take_in(struct use *use, const json_t *node)
{
    json_t *children = json_object_get(node, "children");
    struct text *list = list_of(use, column_of(use, json_array_get(children, 0)));
    for (size_t i = 1; list != NULL && i < json_array_size(children); i++) {
        const char *text = constant_text(json_array_get(children, i));
        if (text == NULL) {
            text_clear(list); /* one that is not known allows any */
            return;
        }
        add_quoted(list, text);
    }
}

/* Everything that must hold in the WHERE, part by part. */
static void take_where(struct hints *hints, struct use *use, json_t *where)
{
    struct stack *stack = &hints->conjuncts;
    stack->count = 0;
    push(stack, where);
    while (stack->count > 0) {
        json_t *node = stack->nodes[--stack->count];
        if (is_typed(node, "CONJUNCTION_AND")) {
            push_children(stack, json_object_get(node, "children"));
        } else if (strcmp(text_of(node, "class"), "COMPARISON") == 0) {
            take_comparison(use, node);
        } else if (strcmp(text_of(node, "class"), "BETWEEN") == 0 &&
                   is_typed(node, "COMPARE_BETWEEN")) {
            take_between(use, node);
        } else if (is_typed(node, "COMPARE_IN")) {
            take_in(use, node);
        }
    }
}

/* Offset behind the table's name in the statement; 0 where it does not stand there as expected. */
static size_t name_end(const struct hints *hints, const json_t *table)
{
    double location = json_number_value(json_object_get(table, "query_location"));
    if (!(location >= 1 && location < (double)strlen(hints->statement))) {
        return 0;
    }
    size_t begin = (size_t)location;
    const char *at = hints->statement + begin;
    const char *name = at[0] == '"' ? "\"bars\"" : "bars";
    size_t end = strlen(name);
    bool there = strncasecmp(at, name, end) == 0;
    bool whole = there && (at[end] == '\0' || strchr(" \t\r\n,;)-/", at[end]) != NULL);
    return whole ? begin + end : 0;
}

static void begin_parameter(struct text *parameters)
{
    text_add(parameters, parameters->length == 0 ? "(" : ", ");
}

static void add_time(struct text *parameters, const char *name, int64_t time_us, int64_t unbounded)
{
    char time[TIME_TEXT_BYTES];
    if (time_us != unbounded) {
        (void)time_format(time_us, time);
        begin_parameter(parameters);
        text_addf(parameters, "%s := '%s'", name, time);
    }
}

static void add_edit(struct hints *hints, const json_t *table, const struct use *use)
{
    size_t offset = name_end(hints, table);
    if (offset == 0 || hints->edit_count == EDITS_MAX) {
        return;
    }
    struct edit *edit = &hints->edits[hints->edit_count++];
    struct text *parameters = &edit->parameters;
    edit->offset = offset;
    add_time(parameters, "\"from\"", use->range.from_us, TIME_MIN_US);
    add_time(parameters, "\"to\"", use->range.to_us, TIME_MAX_US);
    if (use->symbols.length > 0) {
        begin_parameter(parameters);
        text_addf(parameters, "symbols := [%s]", text_get(&use->symbols));
    }
    if (use->intervals.length > 0) {
        begin_parameter(parameters);
        text_addf(parameters, "intervals := [%s]", text_get(&use->intervals));
    }
    text_add_char(parameters, ')');
}

static bool is_bars(const json_t *table)
{
    return is_typed(table, "BASE_TABLE") && text_of(table, "schema_name")[0] == '\0' &&
           text_of(table, "catalog_name")[0] == '\0' &&
           strcasecmp(text_of(table, "table_name"), "bars") == 0 &&
           json_is_null(json_object_get(table, "sample")) &&
           json_is_null(json_object_get(table, "at_clause")) &&
           json_array_size(json_object_get(table, "column_name_alias")) == 0;
}

static void hint_table(struct hints *hints, json_t *select, const json_t *table, bool alone)
{
    const char *alias = text_of(table, "alias");
    ISO_DEFER(use_reset)
    struct use use = {.alias = alias[0] != '\0' ? alias : "bars",
                      .alone = alone,
                      .range = {TIME_MIN_US, TIME_MAX_US}};
    take_where(hints, &use, json_object_get(select, "where_clause"));
    bool bounded = use.range.from_us > TIME_MIN_US || use.range.to_us < TIME_MAX_US;
    if (bounded || use.symbols.length > 0 || use.intervals.length > 0) {
        hints->refused = hints->refused || use.symbols.failed || use.intervals.failed;
        add_edit(hints, table, &use);
    }
}

/*
 * A conjunct about a table's column drops the rows in which the column is NULL, so taking away rows
 * that it would drop is the same before and after an inner or outer join. It is not where rows are
 * matched by their order (ASOF, POSITIONAL).
 */
static bool joins_by_value(const json_t *join)
{
    const char *kind = text_of(join, "ref_type");
    return strcmp(kind, "REGULAR") == 0 || strcmp(kind, "CROSS") == 0;
}

static void hint_select(struct hints *hints, json_t *select)
{
    json_t *tables[TABLES_MAX];
    size_t count = 1;
    tables[0] = json_object_get(select, "from_table");
    bool alone = is_typed(tables[0], "BASE_TABLE");
    while (count > 0) {
        json_t *table = tables[--count];
        if (is_bars(table)) {
            hint_table(hints, select, table, alone);
        } else if (is_typed(table, "JOIN") && joins_by_value(table) && count + 2 <= TABLES_MAX) {
            tables[count++] = json_object_get(table, "left");
            tables[count++] = json_object_get(table, "right");
        }
    }
}

/* A common table expression of that name is what FROM bars means then. */
static bool shadows_bars(const json_t *node)
{
    const char *key = json_string_value(json_object_get(node, "key"));
    return key != NULL && strcasecmp(key, "bars") == 0;
}

static void find_hints(struct hints *hints, json_t *tree)
{
    push(&hints->walk, tree);
    while (hints->walk.count > 0) {
        json_t *node = hints->walk.nodes[--hints->walk.count];
        hints->refused = hints->refused || shadows_bars(node);
        if (is_typed(node, "SELECT_NODE")) {
            hint_select(hints, node);
        }
        push_children(&hints->walk, node);
    }
    hints->refused = hints->refused || hints->walk.overflowed || hints->conjuncts.overflowed;
}

/* The statement's parse tree; NULL where it has none to give. */
static json_t *parse_tree(duckdb_connection connection, const char *statement)
{
    ISO_DEFER(result_destroy) duckdb_result result = {0};
    ISO_DEFER(prepared_destroy) duckdb_prepared_statement prepared = NULL;
    json_t *tree = NULL;
    if (duckdb_prepare(connection, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", &prepared) !=
            DuckDBSuccess ||
        duckdb_bind_varchar(prepared, 1, statement) != DuckDBSuccess ||
        duckdb_execute_prepared(prepared, &result) != DuckDBSuccess) {
        return NULL;
    }
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk != NULL && duckdb_data_chunk_get_size(chunk) == 1) {
        duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        tree = json_loadb(duckdb_string_t_data(text), duckdb_string_t_length(*text),
                          JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL); /* 2^64 - 1 occurs */
    }
    duckdb_destroy_data_chunk(&chunk);
    return tree;
}

static int compare_edits(const void *a, const void *b)
{
    size_t one = ((const struct edit *)a)->offset;
    size_t other = ((const struct edit *)b)->offset;
    return (one > other) - (one < other);
}

iso_status sql_add_hints(duckdb_connection connection, const char *statement, struct text *target,
                         bool *hinted, struct iso_error *err)
{
    ISO_DEFER(hints_free) struct hints *hints = NULL;
    ISO_DEFER(json_release) json_t *tree = NULL;
    size_t done = 0;
    *hinted = false;
    if (sql_has_word(statement, "bars")) {
        ISO_NEW(hints, 1, err);
        hints->statement = statement;
        tree = parse_tree(connection, statement);
        find_hints(hints, tree);
        qsort(hints->edits, hints->edit_count, sizeof *hints->edits, compare_edits);
        *hinted = !hints->refused && hints->edit_count > 0;
    }
    for (size_t i = 0; *hinted && i < hints->edit_count; i++) {
        text_append(target, statement + done, hints->edits[i].offset - done);
        text_add(target, text_get(&hints->edits[i].parameters));
        done = hints->edits[i].offset;
    }
    text_add(target, statement + done);
    return text_check(target, err);
}
