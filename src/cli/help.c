/* SPDX-License-Identifier: Apache-2.0 */
/* --help, the overview, and what is generated from the same tables: man page, reference,
 * completion. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

enum { GLOBAL_COUNT = OPTION_version + 1 };

/* "--allow-partial" of the row allow_partial. */
static void add_flag_name(struct text *target, const char *name)
{
    for (; *name != '\0'; name++) {
        text_add_char(target, *name == '_' ? '-' : *name);
    }
}

void help_overview(struct text *target)
{
    text_add(target, "isobar " ISOBAR_VERSION ": bars in a store, strategies evolved on them\n\n"
                     "usage: isobar COMMAND [ARGUMENTS] [OPTIONS]\n\n");
    for (size_t i = 0; command_row(i) != NULL; i++) {
        text_addf(target, "  %-16s %s\n", command_row(i)->name, command_row(i)->summary);
    }
    text_add(target, "\n\"isobar COMMAND --help\" shows options and an example; begin with:\n"
                     "  isobar import FILE.csv && isobar ls\n");
}

static void add_words(struct text *target, const char *words, size_t indent, size_t *column)
{
    enum { WIDTH = 79 };
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (*column + 1 + length > WIDTH && *column > indent) {
            text_addf(target, "\n%*s", (int)indent, "");
            *column = indent;
        } else if (*column > indent) {
            text_add_char(target, ' ');
            *column += 1;
        }
        text_append(target, words, length);
        *column += length;
        words += length + (words[length] == ' ');
    }
}

static void add_option_help(struct text *target, enum option_id id)
{
    enum { INDENT = 26 };
    const struct option_row *row = option_row(id);
    ISO_DEFER(text_reset) struct text left = {0};
    ISO_DEFER(text_reset) struct text words = {0};
    text_addf(&left, "  %c%c ", row->letter != 0 ? '-' : ' ', row->letter != 0 ? row->letter : ' ');
    text_add(&left, "--");
    add_flag_name(&left, row->name);
    if (row->value[0] != '\0') {
        text_addf(&left, " %s", row->value);
    }
    text_add(&words, row->help);
    if (row->preset != NULL && row->type != OPTION_FLAG) {
        text_addf(&words, " [%s]", row->preset);
    }
    size_t column = INDENT;
    bool fits = left.length + 1 < INDENT;
    text_addf(target, "%-*s", fits ? INDENT : 0, text_get(&left));
    if (!fits) {
        text_addf(target, "\n%*s", INDENT, "");
    }
    add_words(target, text_get(&words), INDENT, &column);
    text_add_char(target, '\n');
}

void help_command(const struct command *command, struct text *target)
{
    text_addf(target, "usage: isobar %s%s%s [OPTIONS]\n\n%s.\n\nexample:\n", command->name,
              command->arguments[0] != '\0' ? " " : "", command->arguments, command->summary);
    const char *example = command->example;
    while (*example != '\0') {
        size_t length = strcspn(example, "\n");
        text_addf(target, "  %.*s\n", (int)length, example);
        example += length + (example[length] == '\n');
    }
    if (command->options[0] != OPTION_END) {
        text_add(target, "\noptions:\n");
    }
    for (size_t i = 0; command->options[i] != OPTION_END; i++) {
        add_option_help(target, command->options[i]);
    }
    text_add(target, "\noptions of every command:\n");
    for (int id = 0; id < GLOBAL_COUNT; id++) {
        add_option_help(target, (enum option_id)id);
    }
}

iso_status command_help(struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    if (call->argument_count == 0) {
        help_overview(&text);
    } else {
        const struct command *command = command_named(call->arguments[0]);
        if (command == NULL) {
            ISO_FAIL(BAD_ARGUMENT, err, "there is no command \"%.40s\"; see isobar help",
                     call->arguments[0]);
        }
        help_command(command, &text);
    }
    return result_write(&text, err);
}
