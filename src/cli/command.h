/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands: one row in command.c and one file each. A command gets a call with its checked
 * options and positional arguments, prints its result to standard output and everything else to
 * standard error.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/json.h"
#include "cli/table.h"
#include "local/bar_stream.h"
#include "market/time.h"
#include "market/zone.h"
#include "ops/option.h"

enum { COMMAND_OPTIONS_MAX = 32, JSON_SCHEMA_VERSION = 1 };

struct call;

/*
 * Do the work. A failure is printed by the caller and becomes the exit code (its class). A command
 * that succeeded but found something sets call->exit_code (3: problems or partial data; 1: some of
 * several files failed).
 */
typedef iso_status command_run(struct call *call, struct iso_error *err);

struct command {
    const char *name;
    const char *arguments; /* positional ones, for the usage line: "FILE..." */
    const char *summary;   /* one line */
    const char *example;   /* one or more whole command lines, parted by \n */
    int arguments_min;
    int arguments_max;
    enum option_id options[COMMAND_OPTIONS_MAX]; /* ends with OPTION_END */
    command_run *run;
};

/* Rows of the table; NULL past the last. */
const struct command *command_row(size_t index);
const struct command *command_named(const char *name);

/* One call of one command. Everything is borrowed from main. */
struct call {
    const struct command *command;
    struct option_values values;
    char **arguments; /* positional, after the command's name */
    int argument_count;
    int exit_code;
    struct zone *zone; /* of the times that are shown; NULL: UTC */
};

bool call_flag(const struct call *call, enum option_id id);
bool call_given(const struct call *call, enum option_id id);       /* by this call's arguments */
bool call_has(const struct call *call, enum option_id id);         /* given or preset */
const char *call_text(const struct call *call, enum option_id id); /* NULL where unset */
int64_t call_integer(const struct call *call, enum option_id id);
double call_number(const struct call *call, enum option_id id);
/* The text of an option that this call cannot do without. Fails with BAD_ARGUMENT. */
iso_status call_require(const struct call *call, enum option_id id, const char **text,
                        struct iso_error *err);
/* [--from, --to), with the accepted years where they are unset. Fails with BAD_ARGUMENT. */
iso_status call_range(const struct call *call, struct range *range, struct iso_error *err);
/* The series that the arguments SYMBOL INTERVAL name. Fails with BAD_ARGUMENT where one is alone.
 */
iso_status call_named_series(const struct call *call, struct series *series, struct iso_error *err);
/* As call_named_series, the range, --last and --resample: the bars that a call asks for. */
iso_status call_bars(const struct call *call, struct bar_request *request, struct iso_error *err);
/* Open a view of the store of --store. The caller owns it. */
iso_status call_view(const struct call *call, struct view **view, struct iso_error *err);
/* Whether rows go to a terminal without a limit. */
bool call_may_flood(const struct call *call);
/*
 * Refuse to print more rows to a terminal than anybody reads, unless --limit was given. Fails with
 * BAD_ARGUMENT.
 */
iso_status call_check_rows(const struct call *call, size_t rows, struct iso_error *err);
/* As time_format, in the zone of --tz, with its distance from UTC behind. */
size_t call_time(const struct call *call, int64_t time_us, char target[TIME_TEXT_BYTES]);
/* Open the store of --store. The caller owns it. */
iso_status call_store(const struct call *call, enum store_mode mode, struct store **store,
                      struct iso_error *err);
/* True where messages on standard error may be redrawn in place: a terminal, and not --quiet. */
bool call_draws(const struct call *call);
/* What standard output can show; colours neither with NO_COLOR or --no-color nor into a file. */
struct screen call_screen(const struct call *call);
/* A message for people on standard error, with a newline; nothing with --quiet. */
void call_say(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Begin the JSON object of a result: its schema_version. */
void result_json_begin(struct json *json);
/* Write text to standard output. Fails with IO where it cannot be written (a full disk). */
iso_status result_write(const struct text *text, struct iso_error *err);
/*
 * Write and clear text once it is worth it, after so many rows in all. Where call_check_rows may
 * still refuse, text is held back, so that a refusal comes before a flood and not behind it.
 */
iso_status result_flow(const struct call *call, struct text *text, size_t rows,
                       struct iso_error *err);
/* End the object and write it with a newline. */
iso_status result_json_end(struct json *json, struct iso_error *err);
/* "coverage": {"complete": ..., "missing": [...], "holes": [...]} */
void result_json_coverage(struct json *json, const struct coverage *coverage);
/* Say on standard error what is missing of a series (may be NULL). */
void result_say_missing(const struct call *call, const struct series *series,
                        const struct missing_range *missing);
/* Say on standard error what was read. */
void result_say_work(const struct call *call, struct view_work work);
/* Say on standard error what is missing and where holes are. */
void result_say_coverage(const struct call *call, const struct coverage *coverage);

/*
 * A list as JSON array or as a table, whichever the call asks for. A visitor adds to json where
 * is_json, else to table, and counts; listing_end completes text, also after a failed walk.
 */
struct listing {
    const struct call *call;
    struct text *text;
    bool is_json;
    struct json json;
    struct table table;
    size_t count;
};
void listing_begin(struct listing *listing, const struct call *call, struct text *text,
                   const char *key, const char *const *heads, size_t column_count);
/* End the rows only; the JSON object stays open for more. */
void listing_end_rows(struct listing *listing);
void listing_end(struct listing *listing);

/* True once SIGINT or SIGTERM came; long work looks at it and stops in a consistent state. */
bool interrupted(void);
/* Forget the signal: what it was to stop has stopped. */
void interrupt_clear(void);
/* For libraries that take a flag: non-zero once a signal came. */
const volatile int *interrupt_flag(void);
/* Let signals end the process at once again; for commands that write nothing. */
void signals_default(void);
/* The failure to return then. */
iso_status interrupted_status(struct iso_error *err);

/* The command line: finds the command, sets values and arguments. Fails with BAD_ARGUMENT. */
iso_status call_parse(struct call *call, int argument_count, char **arguments,
                      struct iso_error *err);

/* help.c */
void help_overview(struct text *target);
void help_command(const struct command *command, struct text *target);

/* clang-format off */
#define ISO_COMMAND_RUNS(X) \
    X(import) X(export) X(get) X(ls) X(info) X(gaps) X(sql) X(summary) X(indicators) X(chart) \
    X(inspect) X(verify) X(maintain) X(quarantine) X(snapshot) X(evolve) X(backtest) \
    X(report) X(runs) X(export_strategy) X(bench) X(cloud) X(help) X(generate)
/* clang-format on */
#define X(name) command_run command_##name;
ISO_COMMAND_RUNS(X)
#undef X

#endif
