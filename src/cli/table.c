/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_WIDTH_MIN = 8 };

/* What stands around cells, by style. Borders are drawn by box only. */
struct table_look {
    const char *before; /* a row */
    const char *between;
    const char *after;
    size_t edge_width; /* of before and after together */
    size_t gap_width;
};

static const struct table_look looks[] = {
    [TABLE_PLAIN] = {"", "  ", "", 0, 2},
    [TABLE_BOX] = {"│ ", " │ ", " │", 4, 3},
    [TABLE_MARKDOWN] = {"| ", " | ", " |", 4, 3},
};

void table_begin(struct table *table, const char *const *heads, size_t column_count)
{
    ISO_ASSERT(column_count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.column_count = column_count};
    for (size_t i = 0; i < column_count; i++) {
        table->right[i] = heads[i][0] == '>';
        table_add(table, heads[i] + table->right[i]);
    }
}

void table_add(struct table *table, const char *cell)
{
    size_t at = table->cells.length;
    text_append(&table->cells, cell, strlen(cell) + 1);
    for (; !table->cells.failed && at + 1 < table->cells.length; at++) {
        unsigned char byte = (unsigned char)table->cells.data[at];
        table->cells.data[at] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    table->cell_count++;
}

void table_cell(struct table *table, const char *format, ...)
{
    char cell[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    table_add(table, length >= 0 ? cell : "");
}

void table_number(struct table *table, double value)
{
    char number[NUMBER_TEXT_BYTES] = "";
    if (!isnan(value)) {
        (void)number_format(value, number);
    }
    table_add(table, number);
}

/* Characters a terminal shows: UTF-8 continuation bytes take no place. */
static size_t shown_width(const char *cell)
{
    size_t width = 0;
    for (; *cell != '\0'; cell++) {
        width += ((unsigned char)*cell & 0xc0) != 0x80;
    }
    return width;
}

static size_t escaped_width(const struct table *table, const char *cell)
{
    size_t width = shown_width(cell);
    for (; table->style == TABLE_MARKDOWN && *cell != '\0'; cell++) {
        width += *cell == '|';
    }
    return width;
}

static size_t total_width(const struct table *table)
{
    const struct table_look *look = &looks[table->style];
    size_t total = look->edge_width;
    size_t shown = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        total += table->hidden[i] ? 0 : table->width[i] + (shown > 0 ? look->gap_width : 0);
        shown += !table->hidden[i];
    }
    return total;
}

/* Shorten the widest column of text; false where none can be shortened. */
static bool shorten_text(struct table *table, size_t excess)
{
    size_t widest = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        bool can = !table->right[i] && !table->hidden[i] && table->width[i] > TEXT_WIDTH_MIN;
        if (can && (widest == table->column_count || table->width[i] > table->width[widest])) {
            widest = i;
        }
    }
    if (widest == table->column_count || widest == 0) { /* the first column names the row */
        return false;
    }
    size_t spare = table->width[widest] - TEXT_WIDTH_MIN;
    table->width[widest] -= spare < excess ? spare : excess;
    return true;
}

/* Leave out a column: an empty one, else the last; never the first. */
static bool hide_column(struct table *table, const bool *is_empty)
{
    size_t victim = 0;
    for (size_t i = 1; i < table->column_count; i++) {
        victim = table->hidden[i] ? victim : i;
    }
    for (size_t i = 1; i < table->column_count; i++) {
        victim = is_empty[i] && !table->hidden[i] ? i : victim;
    }
    table->hidden[victim] = victim > 0;
    return victim > 0;
}

static void fit(struct table *table, const bool *is_empty)
{
    bool can = table->screen.width > 0 && table->style != TABLE_MARKDOWN;
    while (can && total_width(table) > table->screen.width) {
        size_t excess = total_width(table) - table->screen.width;
        can = shorten_text(table, excess) || hide_column(table, is_empty);
    }
}

/* Widths from the cells that are there, and the heads kept for naming what is left out. */
static void lay_out(struct table *table)
{
    bool is_empty[TABLE_COLUMNS_MAX] = {false};
    const char *cell = text_get(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        size_t shown = escaped_width(table, cell);
        bool is_head = i < table->column_count;
        is_empty[column] = is_head || (is_empty[column] && cell[0] == '\0');
        table->width[column] = shown > table->width[column] ? shown : table->width[column];
        if (is_head) {
            text_append(&table->heads, cell, strlen(cell) + 1);
        }
        cell += strlen(cell) + 1;
    }
    fit(table, is_empty);
}

static void add_repeated(struct text *target, const char *what, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        text_add(target, what);
    }
}

/* The cell, cut with an ellipsis where it is a text too long for its column on a screen. */
static void add_cut(const struct table *table, struct text *target, const char *cell, size_t width)
{
    if (table->screen.width == 0 || shown_width(cell) <= width) {
        for (; *cell != '\0'; cell++) {
            text_add(target, table->style == TABLE_MARKDOWN && *cell == '|' ? "\\" : "");
            text_add_char(target, *cell);
        }
        return;
    }
    size_t bytes = 0;
    for (size_t shown = 0; shown + 1 < width && cell[bytes] != '\0'; shown++) {
        size_t length = utf8_character(cell + bytes, strlen(cell + bytes));
        bytes += length > 0 ? length : 1;
    }
    text_append(target, cell, bytes);
    text_add(target, "…");
}

static void add_cell(const struct table *table, struct text *target, const char *cell,
                     size_t column)
{
    size_t width = table->width[column];
    bool cut = table->screen.width > 0 && !table->right[column];
    size_t shown = escaped_width(table, cell);
    shown = cut && shown > width ? width : shown;
    size_t padding = width > shown ? width - shown : 0;
    add_repeated(target, " ", table->right[column] ? padding : 0);
    add_cut(table, target, cell, table->right[column] ? SIZE_MAX : width);
    add_repeated(target, " ", table->right[column] ? 0 : padding);
}

/* Print one row that begins at *cell and move past it. */
static void add_row(const struct table *table, struct text *target, const char **cell)
{
    const struct table_look *look = &looks[table->style];
    size_t last = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        last = table->hidden[i] ? last : i;
    }
    size_t begin = target->length;
    text_add(target, look->before);
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->hidden[i]) {
            add_cell(table, target, *cell, i);
            text_add(target, i == last ? look->after : look->between);
        }
        *cell += strlen(*cell) + 1;
    }
    while (!target->failed && target->length > begin && target->data[target->length - 1] == ' ') {
        target->length--; /* empty cells at the end leave no blanks */
    }
    text_add_char(target, '\n');
}

/* ┌──┬──┐ and its like. */
static void add_rule(const struct table *table, struct text *target, const char *left,
                     const char *middle, const char *right)
{
    bool first = true;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->hidden[i]) {
            text_add(target, first ? left : middle);
            add_repeated(target, "─", table->width[i] + 2);
            first = false;
        }
    }
    text_add(target, right);
    text_add_char(target, '\n');
}

static void add_markdown_rule(const struct table *table, struct text *target)
{
    for (size_t i = 0; i < table->column_count; i++) {
        text_add(target, i == 0 ? "| " : " | ");
        add_repeated(target, "-", table->width[i] > 2 ? table->width[i] - 1 : 2);
        text_add(target, table->right[i] ? ":" : "-");
    }
    text_add(target, " |\n");
}

static void add_heads(const struct table *table, struct text *target, const char **cell)
{
    if (table->style == TABLE_BOX) {
        add_rule(table, target, "┌", "┬", "┐");
    }
    text_add(target, table->screen.color ? "\x1b[1m" : "");
    add_row(table, target, cell);
    if (table->screen.color && target->length > 0) {
        target->length--; /* the colour ends before the line does */
        text_add(target, "\x1b[0m\n");
    }
    if (table->style == TABLE_BOX) {
        add_rule(table, target, "├", "┼", "┤");
    } else if (table->style == TABLE_MARKDOWN) {
        add_markdown_rule(table, target);
    }
}

void table_flush(struct table *table, struct text *target)
{
    if (table->cells.failed || table->column_count == 0) {
        target->failed = target->failed || table->cells.failed;
        return;
    }
    ISO_ASSERT(table->cell_count % table->column_count == 0);
    const char *cell = text_get(&table->cells);
    size_t rows = table->cell_count / table->column_count;
    if (!table->is_laid_out) {
        lay_out(table);
        add_heads(table, target, &cell);
        table->is_laid_out = true;
        rows--;
    }
    for (size_t i = 0; i < rows; i++) {
        add_row(table, target, &cell);
    }
    text_clear(&table->cells);
    table->cell_count = 0;
}

static void name_hidden(const struct table *table, struct text *target)
{
    size_t count = 0;
    const char *head = text_get(&table->heads);
    for (size_t i = 0; i < table->column_count && !table->heads.failed; i++) {
        if (table->hidden[i]) {
            text_addf(target, "%s%s", count == 0 ? "(no room for " : ", ", head);
            count++;
        }
        head += strlen(head) + 1;
    }
    text_add(target, count > 0 ? "; a pipe or a wider terminal shows all)\n" : "");
}

void table_end(struct table *table, struct text *target)
{
    table_flush(table, target);
    if (table->style == TABLE_BOX && table->is_laid_out) {
        add_rule(table, target, "└", "┴", "┘");
    }
    name_hidden(table, target);
    table_reset(table);
}

void table_reset(struct table *table)
{
    text_reset(&table->cells);
    text_reset(&table->heads);
}
