/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/option.h"

#include "base/text.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct option_row rows[OPTION_COUNT] = {
#define X(id, letter, type, scope, preset, min, max, value, help) \
    [OPTION_##id] = {#id, letter, OPTION_##type, OPTION_##scope, preset, min, max, value, help},
    ISO_OPTION_TABLE(X)
#undef X
};

const struct option_row *option_row(enum option_id id)
{
    ISO_ASSERT(id < OPTION_COUNT);
    return &rows[id];
}

/* Identifiers are written with _, flags and keys with -; both are accepted. */
static bool same_name(const char *id, const char *typed, size_t length)
{
    if (strlen(id) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (id[i] != (typed[i] == '-' ? '_' : typed[i])) {
            return false;
        }
    }
    return true;
}

enum option_id option_named(const char *name, size_t length)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (same_name(rows[id].name, name, length)) {
            return (enum option_id)id;
        }
    }
    return OPTION_END;
}

enum option_id option_lettered(char letter)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (letter != '\0' && rows[id].letter == letter) {
            return (enum option_id)id;
        }
    }
    return OPTION_END;
}

const char *option_flag(enum option_id id, char target[OPTION_FLAG_BYTES])
{
    (void)snprintf(target, OPTION_FLAG_BYTES, "--%s", option_row(id)->name);
    for (char *at = target; *at != '\0'; at++) {
        *at = *at == '_' ? '-' : *at;
    }
    return target;
}

void option_variable(enum option_id id, char target[OPTION_VARIABLE_BYTES])
{
    int length = snprintf(target, OPTION_VARIABLE_BYTES, "ISOBAR_%s", option_row(id)->name);
    for (int i = 0; i < length; i++) {
        target[i] = target[i] >= 'a' && target[i] <= 'z' ? (char)(target[i] - 32) : target[i];
    }
}

static bool parse_flag(const char *text, bool *flag)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off", ""};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(text, yes[i]) == 0) {
            *flag = true;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (strcmp(text, no[i]) == 0) {
            *flag = false;
            return true;
        }
    }
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    const char *at = choices;
    while (at != NULL) {
        const char *end = strchr(at, '|');
        size_t choice_length = end != NULL ? (size_t)(end - at) : strlen(at);
        if (choice_length == length && strncmp(at, text, length) == 0) {
            return true;
        }
        at = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static iso_status check_range(const struct option_row *row, double number, const char *text,
                              const char *where, struct iso_error *err)
{
    if (number < row->min || number > row->max) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s: %s is not between %g and %g", where, text, row->min,
                 row->max);
    }
    return ISO_OK;
}

static iso_status parse_value(const struct option_row *row, const char *text,
                              struct option_value *value, const char *where, struct iso_error *err)
{
    const char *end = text + strlen(text);
    switch (row->type) {
    case OPTION_FLAG:
        if (!parse_flag(text, &value->flag)) {
            ISO_FAIL(BAD_ARGUMENT, err, "%s: \"%.60s\" is neither true nor false", where, text);
        }
        return ISO_OK;
    case OPTION_INTEGER:
        if (!integer_parse(text, end, &value->integer)) {
            ISO_FAIL(BAD_ARGUMENT, err, "%s: \"%.60s\" is no whole number", where, text);
        }
        return check_range(row, (double)value->integer, text, where, err);
    case OPTION_NUMBER:
        if (!number_parse(text, end, &value->number)) {
            ISO_FAIL(BAD_ARGUMENT, err, "%s: \"%.60s\" is no number", where, text);
        }
        return check_range(row, value->number, text, where, err);
    case OPTION_CHOICE:
        if (!is_choice(row->value, text)) {
            ISO_FAIL(BAD_ARGUMENT, err, "%s: \"%.60s\" is none of %s", where, text, row->value);
        }
        return ISO_OK;
    case OPTION_TEXT:
    default:
        if (text[0] == '\0') {
            ISO_FAIL(BAD_ARGUMENT, err, "%s: the value is empty", where);
        }
        return ISO_OK;
    }
}

iso_status option_set(struct option_values *values, enum option_id id, const char *text,
                      enum option_source source, const char *where, struct iso_error *err)
{
    struct option_value parsed = {.source = source};
    ISO_TRY(parse_value(option_row(id), text, &parsed, where, err));
    struct option_value *value = &values->value[id];
    if (value->source > source) {
        return ISO_OK;
    }
    parsed.text = strdup(text);
    if (parsed.text == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for the value of %s", where);
    }
    free(value->text);
    *value = parsed;
    return ISO_OK;
}

static iso_status read_environment(struct option_values *values, struct iso_error *err)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        char variable[OPTION_VARIABLE_BYTES];
        option_variable((enum option_id)id, variable);
        const char *text = getenv(variable);
        if (rows[id].scope == OPTION_SETTING && text != NULL && text[0] != '\0') {
            ISO_TRY(
                option_set(values, (enum option_id)id, text, OPTION_ENVIRONMENT, variable, err));
        }
    }
    return ISO_OK;
}

struct file_reading {
    struct option_values *values;
    const char *path;
    struct iso_error *err;
    iso_status status;
};

/* inih calls this for every "key = value"; 1 goes on, 0 stops. */
static int take_setting(void *context, const char *section, const char *name, const char *text)
{
    struct file_reading *reading = context;
    char where[256];
    (void)section; /* sections may group settings for people */
    (void)snprintf(where, sizeof where, "%s: %s", reading->path, name);
    enum option_id id = option_named(name, strlen(name));
    if (id == OPTION_END || rows[id].scope != OPTION_SETTING) {
        reading->status =
            iso_fail(ISO_ERROR_BAD_ARGUMENT, reading->err,
                     "%s: there is no such setting; docs/reference.md lists them", where);
        return 0;
    }
    reading->status = option_set(reading->values, id, text, OPTION_FILE, where, reading->err);
    return iso_failed(reading->status) ? 0 : 1;
}

static iso_status read_file(struct option_values *values, const char *path, struct iso_error *err)
{
    struct file_reading reading = {values, path, err, ISO_OK};
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s is a directory, not a configuration file", path);
    }
    int line = ini_parse(path, take_setting, &reading);
    ISO_TRY(reading.status);
    if (line < 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "the configuration file %s cannot be read", path);
    }
    if (line > 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s: line %d is not of the form key = value", path, line);
    }
    return ISO_OK;
}

static iso_status read_preset_file(struct option_values *values, struct iso_error *err)
{
    const char *bases[] = {getenv("XDG_CONFIG_HOME"), getenv("HOME"), "/etc"};
    const char *tails[] = {"/isobar/config", "/.config/isobar/config", "/isobar/config"};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        ISO_DEFER(text_reset) struct text path = {0};
        if (bases[i] == NULL || bases[i][0] == '\0') {
            continue;
        }
        text_addf(&path, "%s%s", bases[i], tails[i]);
        ISO_TRY(text_check(&path, err));
        if (access(path.data, F_OK) == 0) {
            return read_file(values, path.data, err);
        }
    }
    return ISO_OK;
}

static iso_status preset_store(struct option_values *values, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text path = {0};
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (data != NULL && data[0] != '\0') {
        text_addf(&path, "%s/isobar", data);
    } else if (home != NULL && home[0] != '\0') {
        text_addf(&path, "%s/.local/share/isobar", home);
    } else {
        text_add(&path, "isobar-store");
    }
    ISO_TRY(text_check(&path, err));
    return option_set(values, OPTION_store, path.data, OPTION_PRESET, "store", err);
}

iso_status options_complete(struct option_values *values, struct iso_error *err)
{
    const char *config = values->value[OPTION_config].text;
    ISO_TRY(read_environment(values, err));
    ISO_TRY(config != NULL ? read_file(values, config, err) : read_preset_file(values, err));
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (rows[id].preset != NULL) {
            ISO_TRY(option_set(values, (enum option_id)id, rows[id].preset, OPTION_PRESET,
                               rows[id].name, err));
        }
    }
    return preset_store(values, err);
}

void options_reset(struct option_values *values)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        free(values->value[id].text);
    }
    *values = (struct option_values){0};
}
