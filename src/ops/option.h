/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of options: one row declares an option for the command line, the environment, the
 * configuration file,
 * --help, the man page, shell completion and docs/reference.md.
 *
 * A SETTING may be given as --flag, ISOBAR_FLAG (upper case, - as _), or "flag = value" in the
 * configuration file, and is taken from the first of these that has it, else from its preset. A
 * CALL option belongs to one call: flag only.
 */
#ifndef OPS_OPTION_H
#define OPS_OPTION_H

#include "base/status.h"

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_INTEGER, OPTION_NUMBER, OPTION_CHOICE };
enum option_scope { OPTION_SETTING, OPTION_CALL };

/* clang-format off */
/* id, letter or 0, type, scope, preset (NULL: none), min, max, value's name or choices, help */
#define ISO_OPTION_TABLE(X)                                                                                         \
    X(store, 0, TEXT, SETTING, NULL, 0, 0, "DIR", "The store; preset $XDG_DATA_HOME/isobar, else ~/.local/share/isobar.") \
    X(config, 0, TEXT, CALL, NULL, 0, 0, "FILE", "Read settings from FILE instead of $XDG_CONFIG_HOME/isobar/config.") \
    X(cache_bytes, 0, INTEGER, SETTING, "268435456", 0, 1e15, "BYTES", "Most memory for decoded bars that are kept.")  \
    X(json, 0, FLAG, SETTING, "false", 0, 0, "", "Print one JSON object.")                                          \
    X(quiet, 'q', FLAG, SETTING, "false", 0, 0, "", "Print results and errors only.")                               \
    X(verbose, 'v', FLAG, SETTING, "false", 0, 0, "", "Say more on standard error.")                                \
    X(no_color, 0, FLAG, SETTING, "false", 0, 0, "", "No colours (NO_COLOR does the same).")                        \
    X(help, 'h', FLAG, CALL, "false", 0, 0, "", "Show help.")                                                       \
    X(version, 0, FLAG, CALL, "false", 0, 0, "", "Show the version.")                                               \
    X(symbol, 0, TEXT, CALL, NULL, 0, 0, "SYMBOL", "The symbol, as BTCUSDT.")                                       \
    X(interval, 0, TEXT, CALL, NULL, 0, 0, "INTERVAL", "The interval: 1s 5s 15s 30s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w 1M.") \
    X(tz, 0, TEXT, CALL, NULL, 0, 0, "ZONE", "Zone of an import's times without one (preset: what the file's kind is known for, else UTC), else of the times shown: UTC, +01:00, America/New_York.") \
    X(side, 0, CHOICE, CALL, "mid", 0, 0, "mid|bid|ask", "Which prices of files that quote both become bars.")      \
    X(derive_vwap, 0, FLAG, CALL, "false", 0, 0, "", "Where there is no vwap, store quote volume / volume.") \
    X(follow, 0, FLAG, CALL, "false", 0, 0, "", "Keep reading, and store what comes: a live feed through a pipe, or a file that grows.") \
    X(columns, 0, TEXT, CALL, NULL, 0, 0, "MAP", "Columns by name or number, as timestamp=Time,open=O,high=H,low=L,close=C.") \
    X(explain, 0, FLAG, CALL, "false", 0, 0, "", "Say on standard error how the result came about.")                \
    X(from, 0, TEXT, CALL, NULL, 0, 0, "TIME", "Begin (included): 2024-01-31, 2024-01-31T23:59Z, 1700000000s, -7d.") \
    X(to, 0, TEXT, CALL, NULL, 0, 0, "TIME", "End (not included).")                                                 \
    X(last, 0, INTEGER, CALL, NULL, 1, 1e9, "N", "Only the newest N bars of the range.")                            \
    X(resample, 0, TEXT, CALL, NULL, 0, 0, "INTERVAL", "Make coarser bars; buckets count from midnight UTC, Monday or the first of the month.") \
    X(limit, 0, INTEGER, CALL, NULL, 1, 1e9, "N", "At most N rows.")                                                \
    X(format, 0, CHOICE, CALL, "table", 0, 0, "table|box|csv|json|markdown|parquet|duckdb|arrow", "Form of the output.")         \
    X(partition, 0, FLAG, CALL, "false", 0, 0, "", "Parquet: write a folder, symbol=S/interval=I/bars.parquet of each series.") \
    X(output, 'o', TEXT, CALL, NULL, 0, 0, "PATH", "Write to PATH; - is standard output.")                          \
    X(grace_seconds, 0, INTEGER, SETTING, "3600", 0, 1e9, "N", "How long files that nothing needs are kept.")       \
    X(deep, 0, FLAG, CALL, "false", 0, 0, "", "Also decode every bar.")                                             \
    X(blocks, 0, FLAG, CALL, "false", 0, 0, "", "Also show the tables of levels and every block.")                  \
    X(snapshot, 0, TEXT, CALL, NULL, 0, 0, "NAME", "The snapshot whose bars are used.")                             \
    X(families, 0, TEXT, CALL, "ema_cross,rsi_reversion,bollinger,donchian", 0, 0, "LIST", "Strategy families, parted by commas.") \
    X(strategy, 0, TEXT, CALL, NULL, 0, 0, "STRATEGY", "A strategy: ema_cross:fast=12,slow=26 or a JSON file.")     \
    X(population, 0, INTEGER, SETTING, "256", 4, 1000000, "N", "Individuals a generation.")                         \
    X(generations, 0, INTEGER, SETTING, "20", 1, 100000, "N", "Generations.")                                       \
    X(seed, 0, INTEGER, SETTING, "1", 0, 9.2e18, "N", "Seed of the random numbers.")                                \
    X(threads, 0, INTEGER, SETTING, "1", 1, 256, "N", "Threads; the result does not depend on them.")               \
    X(fee, 0, NUMBER, SETTING, "0.001", 0, 0.5, "F", "Fee, a fraction of the traded value, each side.")             \
    X(slippage, 0, NUMBER, SETTING, "0.0005", 0, 0.5, "F", "Slippage, a fraction of the price, against the trader.") \
    X(split, 0, NUMBER, SETTING, "0.7", 0.05, 0.95, "F", "Share of the bars that train; the rest tests.")           \
    X(elite, 0, INTEGER, SETTING, "2", 0, 1000, "N", "Best individuals that pass on unchanged.")                    \
    X(tournament, 0, INTEGER, SETTING, "3", 1, 100, "N", "Individuals in a selection tournament.")                  \
    X(crossover, 0, NUMBER, SETTING, "0.7", 0, 1, "P", "Probability that two parents mix.")                         \
    X(mutation, 0, NUMBER, SETTING, "0.2", 0, 1, "P", "Probability that a gene changes.")                           \
    X(fitness, 0, CHOICE, SETTING, "sharpe", 0, 0, "sharpe|return|calmar", "What is maximised on the training part.") \
    X(shorts, 0, FLAG, SETTING, "false", 0, 0, "", "Allow short positions; else long or flat.")                     \
    X(ema_sma_seed, 0, FLAG, SETTING, "false", 0, 0, "", "Seed EMAs with the simple mean, as TA-Lib; else with the first close.") \
    X(allow_partial, 0, FLAG, CALL, "false", 0, 0, "", "Go on although stored bars cannot be read.")                \
    X(board, 0, CHOICE, SETTING, "local", 0, 0, "local", "Where the run lives.")                                    \
    X(resume, 0, TEXT, CALL, NULL, 0, 0, "RUN", "Go on with this unfinished run.")                                  \
    X(trades, 0, TEXT, CALL, NULL, 0, 0, "FILE", "Write the trades as CSV.")                                        \
    X(equity, 0, TEXT, CALL, NULL, 0, 0, "FILE", "Write the equity of every bar as CSV.")                           \
    X(cloud_url, 0, TEXT, SETTING, NULL, 0, 0, "URL", "The cloud: postgres://USER@HOST/DATABASE; what it lacks comes from PG* variables, service and password file.") \
    X(cloud_password_command, 0, TEXT, SETTING, NULL, 0, 0, "COMMAND", "Command that prints the password, run for each connection.") \
    X(cloud_profile, 0, CHOICE, SETTING, "auto", 0, 0, "auto|server|serverless", "How connections are kept; auto: serverless for Neon.") \
    X(cloud_pool_min, 0, INTEGER, SETTING, NULL, 0, 256, "N", "Connections kept open; preset 5, serverless 0.") \
    X(cloud_pool_max, 0, INTEGER, SETTING, NULL, 1, 256, "N", "Most connections; preset 20.")                          \
    X(cloud_acquire_ms, 0, INTEGER, SETTING, NULL, 1, 3600000, "MS", "Longest wait for a connection, all attempts to open one included; preset 15000, serverless 45000.") \
    X(cloud_connect_ms, 0, INTEGER, SETTING, NULL, 1, 600000, "MS", "Limit of one attempt to connect; preset 10000, serverless 20000.") \
    X(cloud_command_ms, 0, INTEGER, SETTING, NULL, 1, 86400000, "MS", "Limit of one statement; preset 30000.")      \
    X(cloud_idle_ms, 0, INTEGER, SETTING, NULL, 1, 86400000, "MS", "Close what lay idle for that long; preset 600000, serverless 60000.") \
    X(neon_api_key, 0, TEXT, SETTING, NULL, 0, 0, "KEY", "Key of Neon's management API; in the environment or the configuration file, not as an argument.") \
    X(neon_api_key_file, 0, TEXT, SETTING, NULL, 0, 0, "FILE", "File whose first line is that key.")                \
    X(neon_api_url, 0, TEXT, SETTING, NULL, 0, 0, "URL", "Address of Neon's API; preset https://console.neon.tech/api/v2.") \
    X(neon_project, 0, TEXT, SETTING, NULL, 0, 0, "ID", "Neon project, as cold-poetry-09157238.")                   \
    X(neon_organisation, 0, TEXT, SETTING, NULL, 0, 0, "ID", "Neon organisation, for cloud usage.")                 \
    X(at, 0, TEXT, CALL, NULL, 0, 0, "TIME", "Point in time, as --from takes it.")                                  \
    X(keep_as, 0, TEXT, CALL, NULL, 0, 0, "NAME", "Name under which a restored branch's present state is kept; preset before-restore-TIME.") \
    X(min_cu, 0, NUMBER, CALL, NULL, 0.25, 56, "CU", "Smallest size of a compute.")                                 \
    X(max_cu, 0, NUMBER, CALL, NULL, 0.25, 56, "CU", "Largest size of a compute.")                                  \
    X(suspend_seconds, 0, INTEGER, CALL, NULL, -1, 604800, "S", "Idle seconds until a compute sleeps; 0: Neon's preset, -1: never.") \
    X(runs, 0, INTEGER, CALL, "7", 1, 1000, "N", "Repetitions; the median is printed.")                           \
    X(bars, 0, INTEGER, CALL, "20000000", 0, 1e9, "N", "Bars of the store that is read: the files' repeated until they are N.") \
    X(bench_peers, 0, TEXT, SETTING, NULL, 0, 0, "DIR", "The source tree whose peers are measured too; preset: the one that isobar was built in.")
/* clang-format on */

enum option_id {
#define X(id, ...) OPTION_##id,
    ISO_OPTION_TABLE(X)
#undef X
        OPTION_COUNT,
    OPTION_END = OPTION_COUNT /* ends a command's list */
};

struct option_row {
    const char *name; /* as typed, without the dashes before it */
    char letter;
    enum option_type type;
    enum option_scope scope;
    const char *preset;
    double min;
    double max;
    const char *value; /* what the value is called; the choices, parted by | */
    const char *help;
};

const struct option_row *option_row(enum option_id id);
/* OPTION_END where no option is named or lettered so. */
enum option_id option_named(const char *name, size_t length);
enum option_id option_lettered(char letter);
/* The flag as typed, dashes and all ("--allow-partial"), in target. */
enum { OPTION_FLAG_BYTES = 40 };
const char *option_flag(enum option_id id, char target[OPTION_FLAG_BYTES]);
/* The environment variable of a SETTING, in target. */
enum { OPTION_VARIABLE_BYTES = 64 };
void option_variable(enum option_id id, char target[OPTION_VARIABLE_BYTES]);

enum option_source {
    OPTION_UNSET,
    OPTION_PRESET,
    OPTION_FILE,
    OPTION_ENVIRONMENT,
    OPTION_ARGUMENT
};

struct option_value {
    enum option_source source;
    char *text; /* owned */
    int64_t integer;
    double number;
    bool flag;
};

/* Values of all options. All zero: none is set. */
struct option_values {
    struct option_value value[OPTION_COUNT];
};

/*
 * Check the text against the row's type and range and set the value, unless a stronger source has
 * set it already. where names the source in messages ("--fee", "ISOBAR_FEE", "config:12"). Fails
 * with BAD_ARGUMENT.
 */
iso_status option_set(struct option_values *values, enum option_id id, const char *text,
                      enum option_source source, const char *where, struct iso_error *err);

/*
 * Fill what the arguments left unset, from the environment, the configuration file (config NULL:
 * the first of $XDG_CONFIG_HOME/isobar/config, ~/.config/isobar/config, /etc/isobar/config that
 * exists) and the presets.
 */
iso_status options_complete(struct option_values *values, struct iso_error *err);
void options_reset(struct option_values *values);

#endif
