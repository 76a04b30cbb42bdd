/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <string.h>

#define GLOBAL OPTION_END
#define CLOUD_OPTIONS                                                                             \
    OPTION_cloud_url, OPTION_cloud_password_command, OPTION_cloud_profile, OPTION_cloud_pool_min, \
        OPTION_cloud_pool_max, OPTION_cloud_acquire_ms, OPTION_cloud_connect_ms,                  \
        OPTION_cloud_command_ms, OPTION_cloud_idle_ms

/* clang-format off */
static const struct command commands[] = {
    {"import", "FILE|DIR|-...", "Bring files into the store",
     "isobar import BTCUSDT-1m-2024-01.csv.gz\nisobar import prices.csv --symbol GOOGL --interval 1d --explain\n"
     "isobar import downloads/\nfeed | isobar import - --follow --symbol BTC --interval 1m", 1, 1 << 20,
     {OPTION_symbol, OPTION_interval, OPTION_tz, OPTION_side, OPTION_columns, OPTION_derive_vwap, OPTION_follow, OPTION_explain, GLOBAL}, command_import},
    {"export", "[SYMBOL...]", "Write bars of the store to files",
     "isobar export BTCUSDT --interval 1m --format csv -o btc.csv\nisobar export --interval 1m --format parquet -o bars.parquet\n"
     "isobar export --format parquet --partition -o bars/\nisobar export --interval 1d --format duckdb -o bars.duckdb", 0, 1 << 20,
     {OPTION_interval, OPTION_from, OPTION_to, OPTION_format, OPTION_partition, OPTION_output, GLOBAL}, command_export},
    {"get", "SYMBOL INTERVAL", "Show bars of one series",
     "isobar get BTCUSDT 1m --last 5\nisobar get BTCUSDT 1m --from 2024-01-01 --to 2024-02-01 --format csv\nisobar get BTCUSDT 1m --resample 1h --last 24", 2, 2,
     {OPTION_from, OPTION_to, OPTION_last, OPTION_resample, OPTION_limit, OPTION_format, OPTION_explain, OPTION_tz, GLOBAL}, command_get},
    {"ls", "", "List the series of the store", "isobar ls --json", 0, 0, {OPTION_tz, GLOBAL}, command_ls},
    {"info", "[SYMBOL INTERVAL]", "What the store, or one series, holds", "isobar info\nisobar info BTCUSDT 1m --json", 0, 2, {OPTION_tz, GLOBAL}, command_info},
    {"gaps", "[SYMBOL INTERVAL]", "Stretches without bars, on the interval's grid",
     "isobar gaps BTCUSDT 1m --from 2024-01-01", 0, 2, {OPTION_from, OPTION_to, OPTION_limit, OPTION_tz, GLOBAL}, command_gaps},
    {"sql", "[QUERY]", "Ask DuckDB over the store; without a query, a prompt",
     "isobar sql \"SELECT symbol, date_trunc('month', timestamp) AS month, max(high) FROM bars GROUP BY ALL ORDER BY ALL\"\nisobar sql < report.sql", 0, 1,
     {OPTION_format, OPTION_limit, OPTION_explain, OPTION_tz, GLOBAL}, command_sql},
    {"summary", "[SYMBOL...]", "A market in a few numbers: change, volatility, drawdown",
     "isobar summary\nisobar summary BTCUSDT --interval 1m --from -30d --json", 0, 1 << 20,
     {OPTION_interval, OPTION_from, OPTION_to, OPTION_format, OPTION_limit, OPTION_tz, GLOBAL}, command_summary},
    {"indicators", "SYMBOL INTERVAL NAME[:ARGS]...", "Bars with indicators; without a name, what there is",
     "isobar indicators BTCUSDT 1h sma:20 macd:12,26,9 --last 5\nisobar indicators BTCUSDT 1m rsi --resample 1d --format csv", 0, 66,
     {OPTION_from, OPTION_to, OPTION_last, OPTION_resample, OPTION_limit, OPTION_format, OPTION_tz, GLOBAL}, command_indicators},
    {"chart", "SYMBOL INTERVAL [NAME[:ARGS]...]", "Candles with indicators, in the terminal or as SVG or HTML",
     "isobar chart BTCUSDT 1h --last 80\nisobar chart BTCUSDT 1d sma:50 bollinger rsi --from 2024-01-01 -o btc.html", 2, 66,
     {OPTION_from, OPTION_to, OPTION_last, OPTION_resample, OPTION_output, OPTION_tz, GLOBAL}, command_chart},
    {"inspect", "FILE.seg", "Show header, directory and bits per column of a segment",
     "isobar inspect 0123456789abcdef0123456789abcdef.seg\nisobar inspect 0123456789abcdef0123456789abcdef.seg --blocks", 1, 1,
     {OPTION_blocks, GLOBAL}, command_inspect},
    {"verify", "", "Check the hashes of everything stored", "isobar verify --deep", 0, 0, {OPTION_deep, GLOBAL}, command_verify},
    {"maintain", "[seal] [collect] [checkpoint]", "Pack loose bars, delete what is left over",
     "isobar maintain\nisobar maintain collect --grace-seconds 86400", 0, 3, {OPTION_grace_seconds, GLOBAL}, command_maintain},
    {"quarantine", "ls|show|drop [FILE]", "Rows that imports refused, with file, line and reason",
     "isobar quarantine ls\nisobar quarantine show prices.csv", 1, 2, {GLOBAL}, command_quarantine},
    {"snapshot", "create NAME [SYMBOL:INTERVAL...] | ls | show NAME", "Name a fixed state of bars by one root hash",
     "isobar snapshot create 2024-q1 BTCUSDT:1m --from 2024-01-01 --to 2024-04-01\nisobar snapshot ls", 1, 1 << 20,
     {OPTION_from, OPTION_to, GLOBAL}, command_snapshot},
    {"evolve", "", "Evolve strategies on a snapshot",
     "isobar evolve --snapshot 2024-q1 --symbol BTCUSDT --interval 1m --families ema_cross,donchian --seed 7 --threads 2", 0, 0,
     {OPTION_snapshot, OPTION_symbol, OPTION_interval, OPTION_families, OPTION_population, OPTION_generations, OPTION_seed,
      OPTION_threads, OPTION_fee, OPTION_slippage, OPTION_split, OPTION_elite, OPTION_tournament, OPTION_crossover,
      OPTION_mutation, OPTION_fitness, OPTION_shorts, OPTION_ema_sma_seed, OPTION_board, OPTION_resume, GLOBAL},
     command_evolve},
    {"backtest", "", "Run one strategy on bars",
     "isobar backtest --strategy ema_cross:fast=12,slow=26 --symbol BTCUSDT --interval 1m --trades trades.csv", 0, 0,
     {OPTION_strategy, OPTION_symbol, OPTION_interval, OPTION_from, OPTION_to, OPTION_fee, OPTION_slippage, OPTION_shorts,
      OPTION_ema_sma_seed, OPTION_allow_partial, OPTION_trades, OPTION_equity, GLOBAL}, command_backtest},
    {"report", "RUN", "Write a run as one HTML page", "isobar report r1a2b3c4d -o report.html", 1, 1, {OPTION_output, GLOBAL}, command_report},
    {"runs", "ls | show RUN", "Runs and their results", "isobar runs ls", 1, 2, {GLOBAL}, command_runs},
    {"export-strategy", "RUN[/GENOME]", "Print a run's best genome, or the named one, as JSON", "isobar export-strategy r1a2b3c4d > best.json", 1, 1,
     {OPTION_output, GLOBAL}, command_export_strategy},
    {"bench", "codec|import|read FILE... | pool", "Measure on files of bars, or the cloud's pool",
     "isobar bench codec BTCUSDT-1m-2024-01.csv.gz --runs 7\nisobar bench pool", 1, 1 << 20,
     {OPTION_runs, OPTION_bars, OPTION_bench_peers, CLOUD_OPTIONS, GLOBAL}, command_bench},
    {"cloud", "status | endpoints | suspend | limits | branch ls|create|delete | restore | snapshot | usage",
     "Whether the cloud answers; Neon's computes, branches, usage",
     "isobar cloud status\nisobar cloud suspend\nisobar cloud branch create before-migration\nisobar cloud restore br-aged-salad-637688 --at 2024-05-01T12:00Z", 1, 3,
     {CLOUD_OPTIONS, OPTION_neon_api_key, OPTION_neon_api_key_file, OPTION_neon_api_url, OPTION_neon_project,
      OPTION_neon_organisation, OPTION_at, OPTION_keep_as, OPTION_min_cu, OPTION_max_cu, OPTION_suspend_seconds,
      OPTION_from, OPTION_to, GLOBAL}, command_cloud},
    {"help", "[COMMAND]", "Show help", "isobar help import", 0, 1, {GLOBAL}, command_help},
    {"generate", "man|markdown|bash|zsh|fish", "Print the man page, the option reference or shell completion",
     "isobar generate bash > /etc/bash_completion.d/isobar", 1, 1, {GLOBAL}, command_generate},
};
/* clang-format on */
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

const struct command *command_row(size_t index)
{
    return index < COMMAND_COUNT ? &commands[index] : NULL;
}

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}
