/* SPDX-License-Identifier: Apache-2.0 */
/* One call: reading the command line, and what commands ask of it. */
#include "cli/command.h"

#include "market/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SCREEN_WIDTH_UNKNOWN = 80, SCREEN_ROWS_MAX = 20000 };

/* Levenshtein distance, for "did you mean"; names are short. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    size_t a_length = strnlen(a, LONGEST);
    size_t b_length = strnlen(b, LONGEST);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b_length];
}

static iso_status unknown_command(const char *name, struct iso_error *err)
{
    const char *nearest = "help";
    size_t best = 4;
    for (size_t i = 0; command_row(i) != NULL; i++) {
        size_t distance = edit_distance(name, command_row(i)->name);
        if (distance < best) {
            best = distance;
            nearest = command_row(i)->name;
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "there is no command \"%.40s\"; %s \"isobar %s\"", name,
             best < 4 ? "did you mean" : "see", nearest);
}

static iso_status unknown_option(const char *typed, struct iso_error *err)
{
    const char *nearest = NULL;
    size_t best = 4;
    for (int id = 0; id < OPTION_COUNT; id++) {
        size_t distance =
            edit_distance(typed + strspn(typed, "-"), option_row((enum option_id)id)->name);
        if (distance < best) {
            best = distance;
            nearest = option_row((enum option_id)id)->name;
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "there is no option \"%.40s\"%s%s%s", typed,
             nearest != NULL ? "; did you mean --" : "; see isobar --help",
             nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* What is being read: the arguments and the place in them. */
struct cursor {
    int count;
    char **arguments;
    int at;
};

static iso_status take_option(struct call *call, struct cursor *cursor, struct iso_error *err)
{
    const char *typed = cursor->arguments[cursor->at++];
    bool is_long = typed[1] == '-';
    const char *name = typed + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    enum option_id id = is_long ? option_named(name, length) : option_lettered(name[0]);
    if (id == OPTION_END || (!is_long && length > 1 && option_row(id)->type == OPTION_FLAG)) {
        return unknown_option(typed, err);
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (!is_long && length > 1) {
        value = name + 1; /* -oFILE */
    }
    if (value == NULL && option_row(id)->type == OPTION_FLAG) {
        value = "true";
    }
    if (value == NULL) {
        if (cursor->at == cursor->count) {
            ISO_FAIL(BAD_ARGUMENT, err, "%s wants a value: %s", typed, option_row(id)->value);
        }
        value = cursor->arguments[cursor->at++];
    }
    return option_set(&call->values, id, value, OPTION_ARGUMENT, typed, err);
}

static iso_status take_argument(struct call *call, char *argument, struct iso_error *err)
{
    if (call->command == NULL) {
        call->command = command_named(argument);
        return call->command != NULL ? ISO_OK : unknown_command(argument, err);
    }
    call->arguments[call->argument_count++] = argument;
    return ISO_OK;
}

static bool accepts(const struct command *command, enum option_id id)
{
    if (id <= OPTION_version) {
        return true; /* the rows up to here are global */
    }
    for (size_t i = 0; command->options[i] != OPTION_END; i++) {
        if (command->options[i] == id) {
            return true;
        }
    }
    return false;
}

static iso_status check_call(const struct call *call, struct iso_error *err)
{
    const struct command *command = call->command;
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (call->values.value[id].source == OPTION_ARGUMENT &&
            !accepts(command, (enum option_id)id)) {
            char flag[OPTION_FLAG_BYTES];
            ISO_FAIL(BAD_ARGUMENT, err, "isobar %s takes no %s; see isobar %s --help",
                     command->name, option_flag((enum option_id)id, flag), command->name);
        }
    }
    if (call->argument_count < command->arguments_min) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar %s wants %s; see isobar %s --help", command->name,
                 command->arguments, command->name);
    }
    if (call->argument_count > command->arguments_max) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar %s does not take \"%.60s\"; see isobar %s --help",
                 command->name, call->arguments[command->arguments_max], command->name);
    }
    return ISO_OK;
}

static iso_status open_zone(struct call *call, struct iso_error *err)
{
    if (!accepts(call->command, OPTION_tz) || !call_has(call, OPTION_tz)) {
        return ISO_OK;
    }
    ISO_TRY(iso_context(zone_open(call_text(call, OPTION_tz), &call->zone, err), err, "--tz"));
    if (zone_is_utc(call->zone)) {
        zone_close(&call->zone);
    }
    return ISO_OK;
}

size_t call_time(const struct call *call, int64_t time_us, char target[TIME_TEXT_BYTES])
{
    int64_t wall_us = call->zone != NULL ? zone_to_wall(call->zone, time_us) : time_us;
    if (call->zone == NULL || wall_us < TIME_MIN_US || wall_us >= TIME_MAX_US) {
        return time_format(time_us, target);
    }
    size_t length = time_format(wall_us, target) - 1; /* without its Z */
    int64_t offset = (wall_us - time_us) / TIME_SECOND_US;
    int64_t distance = offset < 0 ? -offset : offset;
    length +=
        (size_t)snprintf(target + length, TIME_TEXT_BYTES - length, "%c%02d:%02d",
                         offset < 0 ? '-' : '+', (int)(distance / 3600), (int)(distance / 60 % 60));
    if (distance % 60 != 0) { /* a place's own time, before there were zones */
        length += (size_t)snprintf(target + length, TIME_TEXT_BYTES - length, ":%02d",
                                   (int)(distance % 60));
    }
    return length;
}

iso_status call_parse(struct call *call, int argument_count, char **arguments,
                      struct iso_error *err)
{
    struct cursor cursor = {argument_count, arguments, 1};
    bool only_arguments = false;
    while (cursor.at < cursor.count) {
        char *argument = arguments[cursor.at];
        if (!only_arguments && strcmp(argument, "--") == 0) {
            only_arguments = true;
            cursor.at++;
        } else if (!only_arguments && argument[0] == '-' && argument[1] != '\0') {
            ISO_TRY(take_option(call, &cursor, err));
        } else {
            ISO_TRY(take_argument(call, argument, err));
            cursor.at++;
        }
    }
    bool only_help =
        call->values.value[OPTION_help].flag || call->values.value[OPTION_version].flag;
    if (call->command != NULL && !only_help) {
        ISO_TRY(check_call(call, err));
        ISO_TRY(options_complete(&call->values, err));
        ISO_TRY(open_zone(call, err));
    }
    return ISO_OK;
}

bool call_given(const struct call *call, enum option_id id)
{
    return call->values.value[id].source == OPTION_ARGUMENT;
}

bool call_flag(const struct call *call, enum option_id id)
{
    return call->values.value[id].flag;
}

bool call_has(const struct call *call, enum option_id id)
{
    return call->values.value[id].source != OPTION_UNSET;
}

const char *call_text(const struct call *call, enum option_id id)
{
    return call->values.value[id].text;
}

int64_t call_integer(const struct call *call, enum option_id id)
{
    return call->values.value[id].integer;
}

double call_number(const struct call *call, enum option_id id)
{
    return call->values.value[id].number;
}

iso_status call_require(const struct call *call, enum option_id id, const char **text,
                        struct iso_error *err)
{
    *text = call_text(call, id);
    if (*text == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar %s needs --%s %s", call->command->name,
                 option_row(id)->name, option_row(id)->value);
    }
    return ISO_OK;
}

iso_status call_range(const struct call *call, struct range *range, struct iso_error *err)
{
    const struct os *os = os_system();
    int64_t now_us = os->clock_us(os->context);
    *range = (struct range){TIME_MIN_US, TIME_MAX_US};
    if (call_has(call, OPTION_from)) {
        ISO_TRY(iso_context(
            time_parse_argument(call_text(call, OPTION_from), now_us, &range->from_us, err), err,
            "--from"));
    }
    if (call_has(call, OPTION_to)) {
        ISO_TRY(
            iso_context(time_parse_argument(call_text(call, OPTION_to), now_us, &range->to_us, err),
                        err, "--to"));
    }
    if (range->from_us >= range->to_us) {
        ISO_FAIL(BAD_ARGUMENT, err, "--from is not before --to: the range is empty");
    }
    return ISO_OK;
}

iso_status call_named_series(const struct call *call, struct series *series, struct iso_error *err)
{
    if (call->argument_count < 2) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar %s wants SYMBOL INTERVAL, as BTCUSDT 1m",
                 call->command->name);
    }
    return series_make(call->arguments[0], call->arguments[1], series, err);
}

iso_status call_bars(const struct call *call, struct bar_request *request, struct iso_error *err)
{
    *request = (struct bar_request){0};
    ISO_TRY(call_named_series(call, &request->series, err));
    ISO_TRY(call_range(call, &request->range, err));
    if (call_has(call, OPTION_last)) {
        request->last = (size_t)call_integer(call, OPTION_last);
    }
    if (call_has(call, OPTION_resample)) {
        struct series coarse;
        ISO_TRY(iso_context(series_make("X", call_text(call, OPTION_resample), &coarse, err), err,
                            "--resample"));
        request->resample = coarse.interval;
        ISO_TRY(resample_check(request->series.interval, coarse.interval, err));
    }
    return ISO_OK;
}

iso_status call_view(const struct call *call, struct view **view, struct iso_error *err)
{
    return view_open(os_system(), call_text(call, OPTION_store), view, err);
}

bool call_may_flood(const struct call *call)
{
    return isatty(STDOUT_FILENO) != 0 && !call_has(call, OPTION_limit);
}

iso_status call_check_rows(const struct call *call, size_t rows, struct iso_error *err)
{
    if (rows > SCREEN_ROWS_MAX && call_may_flood(call)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "this would print more than %d rows to the terminal; give --limit N, or send them "
                 "elsewhere, as > FILE or | less",
                 SCREEN_ROWS_MAX);
    }
    return ISO_OK;
}

iso_status call_store(const struct call *call, enum store_mode mode, struct store **store,
                      struct iso_error *err)
{
    ISO_TRY(store_open(os_system(), call_text(call, OPTION_store), mode, store, err));
    store_set_cache_bytes(*store, (size_t)call_integer(call, OPTION_cache_bytes));
    return ISO_OK;
}

bool call_draws(const struct call *call)
{
    return !call_flag(call, OPTION_quiet) && isatty(STDERR_FILENO) != 0;
}

struct screen call_screen(const struct call *call)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    struct winsize size = {0};
    if (isatty(STDOUT_FILENO) == 0) {
        return (struct screen){0};
    }
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    bool plain = (no_color != NULL && no_color[0] != '\0') || call_flag(call, OPTION_no_color) ||
                 term == NULL || strcmp(term, "dumb") == 0;
    return (struct screen){known ? size.ws_col : SCREEN_WIDTH_UNKNOWN, !plain,
                           known ? size.ws_row : 0};
}

void call_say(const struct call *call, const char *format, ...)
{
    if (call_flag(call, OPTION_quiet)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}
