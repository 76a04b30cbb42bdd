/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ls counts refused rows by file and reason, show prints each with its text, drop forgets them; the
 * last two of one file where it is named. As JSON, ls and show both give every row.
 */
#include "cli/command.h"

#include <string.h>

/* Where the rows go: one of both is set. */
struct row_list {
    const char *file; /* NULL: any */
    struct json *json;
    struct text *text;
    size_t count;
};

static void row_text(struct text *text, const struct quarantine_row *row)
{
    size_t length = strlen(row->text);
    text_addf(text, "%s:%lld: %s\n    ", row->file, (long long)row->line, row->reason);
    text_add_shown(text, row->text, length < 200 ? length : 200);
    text_add_char(text, '\n');
}

static iso_status list_row(void *context, const struct quarantine_row *row, struct iso_error *err)
{
    struct row_list *listing = context;
    if (listing->file != NULL && strcmp(listing->file, row->file) != 0) {
        return ISO_OK;
    }
    listing->count++;
    if (listing->json == NULL) {
        row_text(listing->text, row);
        return text_check(listing->text, err);
    }
    struct json *json = listing->json;
    json_begin_object(json, NULL);
    json_add_string(json, "file", row->file);
    json_add_integer(json, "line", row->line);
    json_add_string(json, "symbol", row->symbol);
    json_add_string(json, "reason", row->reason);
    json_add_string(json, "text", row->text);
    json_end_object(json);
    return text_check(json->text, err);
}

static const char *named_file(const struct call *call)
{
    return call->argument_count > 1 ? call->arguments[1] : NULL;
}

static iso_status print_json(struct call *call, struct store *store, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    struct row_list listing = {.file = named_file(call), .json = &json};
    result_json_begin(&json);
    json_begin_array(&json, "rows");
    ISO_TRY(store_each_quarantined(store, list_row, &listing, err));
    json_end_array(&json);
    return result_json_end(&json, err);
}

static iso_status show(struct call *call, struct store *store, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct row_list listing = {.file = named_file(call), .text = &text};
    if (call_flag(call, OPTION_json)) {
        return print_json(call, store, err);
    }
    ISO_TRY(store_each_quarantined(store, list_row, &listing, err));
    if (listing.count == 0) {
        call_say(call, "isobar: no row is in quarantine%s%s", listing.file != NULL ? " of " : "",
                 listing.file != NULL ? listing.file : "");
    }
    return result_write(&text, err);
}

static iso_status list_group(void *context, const struct quarantine_group *group,
                             struct iso_error *err)
{
    struct table *table = context;
    (void)err;
    table_cell(table, "%s", group->file);
    table_cell(table, "%s", group->reason);
    table_cell(table, "%zu", group->rows);
    table_cell(table, "%lld", (long long)group->first_line);
    return ISO_OK;
}

static iso_status list(struct call *call, struct store *store, struct iso_error *err)
{
    static const char *const heads[] = {"file", "reason", ">rows", ">first line"};
    ISO_DEFER(text_reset) struct text text = {0};
    struct table table = {0};
    if (call_flag(call, OPTION_json)) {
        return print_json(call, store, err);
    }
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    iso_status status = store_each_quarantine_group(store, list_group, &table, err);
    bool none = table.cell_count == sizeof heads / sizeof heads[0]; /* heads only */
    table_end(&table, &text);
    ISO_TRY(status);
    if (none) {
        call_say(call, "isobar: no row is in quarantine");
        return ISO_OK;
    }
    return result_write(&text, err);
}

static iso_status drop(struct call *call, struct store *store, struct iso_error *err)
{
    size_t dropped;
    ISO_TRY(store_quarantine_drop(store, named_file(call), &dropped, err));
    if (!call_flag(call, OPTION_json)) {
        call_say(call, "isobar: %zu rows forgotten", dropped);
        return ISO_OK;
    }
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    result_json_begin(&json);
    json_add_integer(&json, "dropped", (int64_t)dropped);
    return result_json_end(&json, err);
}

iso_status command_quarantine(struct call *call, struct iso_error *err)
{
    static const struct {
        const char *name;
        enum store_mode mode;
        iso_status (*run)(struct call *call, struct store *store, struct iso_error *err);
    } actions[] = {
        {"ls", STORE_READ, list}, {"show", STORE_READ, show}, {"drop", STORE_CHANGE, drop}};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, call->arguments[0]) == 0) {
            ISO_DEFER(store_close) struct store *store = NULL;
            ISO_TRY(call_store(call, actions[i].mode, &store, err));
            return actions[i].run(call, store, err);
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar quarantine knows ls, show and drop, not \"%.40s\"",
             call->arguments[0]);
}
