/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"

#include "base/file.h"
#include "cli/sql_print.h"
#include "local/sql_text.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_LINES = 1000, STATEMENT_BYTES_MAX = 1 << 20, FORMAT_BYTES = 16 };

/* Where lines come from: an editor on a terminal, or standard input as it is. */
struct prompt {
    struct call *call;
    struct sql *sql;
    char format[FORMAT_BYTES];
    struct text typed; /* of the statement so far */
    bool is_over;
    EditLine *editor; /* NULL where there is no terminal */
    History *history;
    char *history_path;
    char *line; /* of getline */
    size_t line_bytes;
    bool was_dropped; /* Ctrl-C came while a line was typed */
};

/*
 * Whether the terminal turns Ctrl-C into a signal. libedit shows its prompt before it takes the
 * terminal over, so a Ctrl-C that is quick would else be a signal that nobody waits for.
 */
static void set_signals(const struct prompt *prompt, bool on)
{
    struct termios mode;
    if (prompt->editor != NULL && tcgetattr(STDIN_FILENO, &mode) == 0) {
        mode.c_lflag = on ? mode.c_lflag | ISIG : mode.c_lflag & ~(tcflag_t)ISIG;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
    }
}

static void prompt_reset(struct prompt *prompt)
{
    HistEvent event;
    if (prompt->history != NULL && prompt->history_path != NULL) {
        (void)history(prompt->history, &event, H_SAVE, prompt->history_path);
    }
    if (prompt->editor != NULL) {
        el_end(prompt->editor);
        set_signals(prompt, true);
    }
    if (prompt->history != NULL) {
        history_end(prompt->history);
    }
    free(prompt->history_path);
    free(prompt->line);
    text_reset(&prompt->typed);
    sql_close(&prompt->sql);
}

static struct prompt *prompt_of(EditLine *editor)
{
    void *data = NULL;
    (void)el_get(editor, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_text(EditLine *editor)
{
    static char first[] = "isobar> ";
    static char more[] = "   ...> ";
    return prompt_of(editor)->typed.length == 0 ? first : more;
}

static unsigned char drop_line(EditLine *editor, int key)
{
    (void)key;
    prompt_of(editor)->was_dropped = true;
    return CC_NEWLINE;
}

/* $XDG_STATE_HOME/isobar/sql_history, else ~/.local/state/...; NULL where neither can be had. */
static char *find_history(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    ISO_DEFER(text_reset) struct text path = {0};
    bool has_state = state != NULL && state[0] != '\0';
    if (!has_state && home == NULL) {
        return NULL;
    }
    text_addf(&path, "%s%s/isobar", has_state ? state : home, has_state ? "" : "/.local/state");
    if (iso_failed(directory_make(os_system(), text_get(&path), NULL))) {
        return NULL;
    }
    text_add(&path, "/sql_history");
    return strdup(text_get(&path));
}

/* Ctrl-C is a key while a line is typed, and a signal while a query runs. */
static iso_status open_editor(struct prompt *prompt, struct iso_error *err)
{
    HistEvent event;
    prompt->history = history_init();
    prompt->editor = el_init("isobar", stdin, stdout, stderr);
    if (prompt->history == NULL || prompt->editor == NULL) {
        ISO_FAIL(IO, err,
                 "the terminal cannot be used for typing lines; give the query as an "
                 "argument");
    }
    prompt->history_path = find_history();
    (void)history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(prompt->history, &event, H_SETUNIQUE, 1);
    if (prompt->history_path != NULL) {
        (void)history(prompt->history, &event, H_LOAD, prompt->history_path);
    }
    EditLine *editor = prompt->editor;
    (void)el_set(editor, EL_CLIENTDATA, prompt);
    (void)el_set(editor, EL_PROMPT, prompt_text);
    (void)el_set(editor, EL_EDITOR, "emacs");
    (void)el_set(editor, EL_HIST, history, prompt->history);
    (void)el_set(editor, EL_SETTY, "-d", "-isig", NULL);
    (void)el_set(editor, EL_SETTY, "-x", "-icanon", NULL); /* or a Ctrl-D typed ahead is lost */
    (void)el_set(editor, EL_ADDFN, "drop-line", "Forget what was typed", drop_line);
    (void)el_set(editor, EL_BIND, "^C", "drop-line", NULL);
    (void)el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return ISO_OK;
}

/* The next line, without its end; NULL at the end of all. */
static const char *next_line(struct prompt *prompt)
{
    HistEvent event;
    int length = 0;
    if (prompt->editor == NULL) {
        ssize_t got = getline(&prompt->line, &prompt->line_bytes, stdin);
        return got >= 0 ? prompt->line : NULL;
    }
    prompt->was_dropped = false;
    set_signals(prompt, false);
    const char *line = el_gets(prompt->editor, &length);
    if (line == NULL || length <= 0) {
        return NULL;
    }
    if (!prompt->was_dropped && strspn(line, " \t\n") < (size_t)length) {
        (void)history(prompt->history, &event, H_ENTER, line);
    }
    return line;
}

static iso_status run_query(struct prompt *prompt, const char *query, struct iso_error *err)
{
    bool complete = true;
    set_signals(prompt, true);
    iso_status status =
        query_print_by(prompt->sql, prompt->call, prompt->format, query, false, &complete, err);
    set_signals(prompt, false);
    prompt->call->exit_code = complete ? prompt->call->exit_code : ISO_CLASS_PROBLEM;
    return status;
}

/* -- commands that begin with a dot ------------------------------------------------------------ */

static iso_status dot_help(struct prompt *prompt, const char *argument, struct iso_error *err);

static iso_status dot_tables(struct prompt *prompt, const char *argument, struct iso_error *err)
{
    (void)argument;
    return run_query(prompt,
                     "SELECT table_name AS name, string_agg(column_name, ', ' ORDER BY "
                     "column_index) AS columns FROM duckdb_columns() WHERE NOT internal "
                     "GROUP BY table_name ORDER BY table_name",
                     err);
}

static iso_status dot_mode(struct prompt *prompt, const char *argument, struct iso_error *err)
{
    if (!query_has_format(argument)) {
        ISO_FAIL(BAD_ARGUMENT, err, ".mode wants table, box, markdown, csv or json");
    }
    (void)snprintf(prompt->format, sizeof prompt->format, "%s", argument);
    return ISO_OK;
}

static iso_status dot_quit(struct prompt *prompt, const char *argument, struct iso_error *err)
{
    (void)argument;
    (void)err;
    prompt->is_over = true;
    return ISO_OK;
}

static const struct {
    const char *name;
    iso_status (*run)(struct prompt *prompt, const char *argument, struct iso_error *err);
    const char *help;
} dots[] = {
    {".help", dot_help, ".help            this"},
    {".tables", dot_tables, ".tables          tables and their columns"},
    {".mode", dot_mode, ".mode FORMAT     print as table, box, markdown, csv or json"},
    {".quit", dot_quit, ".quit            leave; Ctrl-D does the same"},
    {".exit", dot_quit, NULL},
};
enum { DOT_COUNT = sizeof dots / sizeof dots[0] };

static iso_status dot_help(struct prompt *prompt, const char *argument, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    (void)prompt;
    (void)argument;
    for (size_t i = 0; i < DOT_COUNT; i++) {
        if (dots[i].help != NULL) {
            text_addf(&text, "%s\n", dots[i].help);
        }
    }
    text_add(&text,
             "A statement ends with a semicolon and may take several lines. Ctrl-C drops what was\n"
             "typed, or cancels the query that runs. Tables beside those of .tables:\n"
             "  bars(symbol := 'BTC', interval := '1m', from := '-7d', to := 'now',\n"
             "       resample := '1h', last := 100)\n"
             "  indicators('BTC', '1h', ['sma:20', 'macd:12,26,9'], from := '2024-01-01')\n"
             "  market_summary(symbol := 'BTC', from := '-30d')\n");
    return result_write(&text, err);
}

static iso_status run_dot(struct prompt *prompt, const char *line, struct iso_error *err)
{
    size_t length = strcspn(line, " \t\r\n");
    char argument[FORMAT_BYTES] = "";
    (void)sscanf(line + length, "%15s", argument);
    for (size_t i = 0; i < DOT_COUNT; i++) {
        if (strlen(dots[i].name) == length && strncmp(dots[i].name, line, length) == 0) {
            return dots[i].run(prompt, argument, err);
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "there is no %.*s; .help lists what there is",
             (int)(length < 20 ? length : 20), line);
}

/* -- the loop ---------------------------------------------------------------------------------- */

/* Run the statements that are complete; what is left stays for the next line. */
static iso_status run_typed(struct prompt *prompt, bool at_end, struct iso_error *err)
{
    iso_status status = ISO_OK;
    size_t done = 0;
    bool complete = true;
    while (complete && !iso_failed(status)) {
        const char *at = text_get(&prompt->typed) + done;
        size_t length = sql_statement_length(at, &complete);
        complete = complete || (at_end && length > 0);
        if (complete && !sql_is_blank(at, length)) {
            ISO_DEFER(mem_defer_free) char *statement = strndup(at, length);
            status = statement != NULL ? run_query(prompt, statement, err)
                                       : iso_fail(ISO_ERROR_OUT_OF_MEMORY, err, "no memory");
        }
        done += complete ? length : 0;
    }
    const char *rest = text_get(&prompt->typed) + done;
    bool blank = sql_is_blank(rest, strlen(rest)) || iso_failed(status);
    if (blank) {
        text_clear(&prompt->typed);
    } else if (done > 0) {
        prompt->typed.length -= done;
        memmove(prompt->typed.data, prompt->typed.data + done, prompt->typed.length + 1);
    }
    return status;
}

static iso_status take_line(struct prompt *prompt, const char *line, struct iso_error *err)
{
    if (prompt->was_dropped) {
        text_clear(&prompt->typed);
        return ISO_OK;
    }
    if (prompt->typed.length == 0 && line[0] == '.') {
        return run_dot(prompt, line, err);
    }
    text_add(&prompt->typed, line);
    if (prompt->typed.length > STATEMENT_BYTES_MAX) {
        text_clear(&prompt->typed);
        ISO_FAIL(LIMIT, err, "a statement has at most %d bytes", STATEMENT_BYTES_MAX);
    }
    ISO_TRY(text_check(&prompt->typed, err));
    return run_typed(prompt, false, err);
}

/* On a terminal a failure is said, and the prompt goes on. */
static iso_status say(struct prompt *prompt, iso_status status, const struct iso_error *error)
{
    if (prompt->editor == NULL || !iso_failed(status)) {
        return status;
    }
    (void)fprintf(stderr, "isobar: %s\n", error->text);
    interrupt_clear();
    return ISO_OK;
}

iso_status prompt_run(struct call *call, struct iso_error *err)
{
    ISO_DEFER(prompt_reset) struct prompt prompt = {.call = call};
    const char *format = call_flag(call, OPTION_json) ? "json" : call_text(call, OPTION_format);
    struct iso_error error = {0};
    (void)snprintf(prompt.format, sizeof prompt.format, "%s", format);
    ISO_TRY(sql_open(os_system(), call_text(call, OPTION_store), &prompt.sql, err));
    if (isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
        ISO_TRY(open_editor(&prompt, err));
        call_say(call, "isobar " ISOBAR_VERSION " over %s; .help helps, Ctrl-D leaves",
                 call_text(call, OPTION_store));
    }
    const char *line = next_line(&prompt);
    while (line != NULL && !prompt.is_over) {
        iso_status status = say(&prompt, take_line(&prompt, line, &error), &error);
        if (iso_failed(status)) {
            *err = error;
            return status;
        }
        line = prompt.is_over ? NULL : next_line(&prompt);
    }
    if (prompt.editor != NULL) {
        (void)fputc('\n', stdout);
    }
    return prompt.is_over || prompt.editor != NULL ? ISO_OK : run_typed(&prompt, true, err);
}
