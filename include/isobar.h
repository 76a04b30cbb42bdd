/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public interface of libisobar: plain C99, usable from C++.
 *
 * Every function that can fail returns an iso_status; a status whose word is 0 is success. The last
 * argument, err, may be NULL; where it is given, a failed call fills it with a sentence for people.
 * A failed call leaves its outputs untouched unless its comment says otherwise.
 */
#ifndef ISOBAR_H
#define ISOBAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ISO_PUBLIC __attribute__((visibility("default")))
#else
#define ISO_PUBLIC
#endif

#if defined(__cplusplus) && __cplusplus >= 201703L
#define ISO_NODISCARD [[nodiscard]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define ISO_NODISCARD [[nodiscard]]
#else
#define ISO_NODISCARD
#endif

/* Outcome of a call: class << 24 | code; 0 is success. The class is what a caller can do about it.
 */
typedef struct ISO_NODISCARD iso_status {
    uint32_t word;
} iso_status;

/* A failure in words: what was wrong, where, and what to do next. Lives in the caller's memory. */
struct iso_error {
    uint32_t word;
    char text[508];
};

/* What a caller can do about a failure; equals the exit code of the command. */
enum iso_failure_class {
    ISO_FAILURE_NONE = 0,
    ISO_FAILURE_REPORT = 1, /* it failed: report it */
    ISO_FAILURE_USAGE = 2,  /* an argument is wrong: ask differently */
    ISO_FAILURE_DATA = 3,   /* stored data is damaged or partial: repair */
    ISO_FAILURE_CLOUD = 4,  /* the cloud did not answer: go on without it, try again later */
    ISO_FAILURE_BUDGET = 5, /* a quota or budget is used up */
    ISO_FAILURE_BUSY = 6,   /* somebody else holds it: try again */
    ISO_FAILURE_ACCESS = 7  /* authentication or TLS: mend the credentials */
};

/* The class of a status; ISO_FAILURE_NONE for success. */
ISO_PUBLIC enum iso_failure_class iso_failure_class_of(iso_status status);

/* Version of the library, as "0.1.0". Static. */
ISO_PUBLIC const char *iso_version(void);

/*
 * Bars in columns of count elements each. time_us is the open time in microseconds since 1970 UTC.
 * An absent price, volume or vwap is NaN, an absent trade count is ISO_TRADE_COUNT_ABSENT. Bars
 * from iso_store_read and iso_cursor_next are the library's, and valid until iso_bars_release,
 * even after the store was closed; bars given to iso_store_write stay the caller's, and vwap and
 * trade_count may be NULL there.
 */
#define ISO_TRADE_COUNT_ABSENT INT64_MIN
struct iso_bars {
    size_t count;
    const int64_t *time_us;
    const double *open;
    const double *high;
    const double *low;
    const double *close;
    const double *volume;
    const double *vwap;
    const int64_t *trade_count;
    void *owner; /* of the library; NULL in bars of the caller's */
};

/* A local store. Any number of processes may have one directory open; one handle serves one thread
 * at a time. */
struct iso_store;

/*
 * Open the store in directory. writable not 0 makes it where it is missing. The caller closes
 * *store. Fails with ISO_FAILURE_USAGE (there is no store), ISO_FAILURE_BUSY, ISO_FAILURE_REPORT
 * (newer version, disk).
 */
ISO_PUBLIC iso_status iso_store_open(const char *directory, int writable, struct iso_store **store,
                                     struct iso_error *err);
/* Close and set *store to NULL; NULL inside is fine. Bars that were read stay valid; a cursor may
 * go on. */
ISO_PUBLIC void iso_store_close(struct iso_store **store);

/* The most memory, in bytes, that the handle keeps for bars it decoded; 256 MiB at first, 0 keeps
 * none. NULL is ignored. */
ISO_PUBLIC void iso_store_set_cache_bytes(struct iso_store *store, size_t bytes);

/* What became of the bars of a write; the three add up to the number of bars given. */
struct iso_write_report {
    size_t stored;
    size_t duplicates;
    size_t corrected;
};

/*
 * Store bars of one series (times strictly rising), durably: when it returns they are on disk, all
 * of them, and after a failure none. The same bars again change nothing. report may be NULL.
 */
ISO_PUBLIC iso_status iso_store_write(struct iso_store *store, const char *symbol,
                                      const char *interval, const struct iso_bars *bars,
                                      struct iso_write_report *report, struct iso_error *err);

/*
 * Read the bars with from_us <= time < to_us, in order of time, from one consistent state. Where
 * they lie in one piece in the handle's memory they are not copied. *complete (may be NULL) is 0
 * where the store misses a part of the range between the first and the last bar it ever held. The
 * caller releases *bars.
 */
ISO_PUBLIC iso_status iso_store_read(struct iso_store *store, const char *symbol,
                                     const char *interval, int64_t from_us, int64_t to_us,
                                     struct iso_bars *bars, int *complete, struct iso_error *err);
/* Give back bars of the library; sets *bars to the empty ones. On the thread of their store. */
ISO_PUBLIC void iso_bars_release(struct iso_bars *bars);

/* A walk over bars in order of time, piece by piece, in little memory however long the range. */
struct iso_cursor;

/*
 * Begin a walk over the bars with from_us <= time < to_us. It sees one consistent state to its end,
 * whatever is written meanwhile. The caller closes *cursor. Fails as iso_store_read.
 */
ISO_PUBLIC iso_status iso_store_scan(struct iso_store *store, const char *symbol,
                                     const char *interval, int64_t from_us, int64_t to_us,
                                     struct iso_cursor **cursor, struct iso_error *err);
/*
 * The next piece, not copied where it lies in the handle's memory; count 0 is the end. The caller
 * releases each piece; several may be held at once. Fails with ISO_FAILURE_BUSY where the state
 * the walk began with has been replaced and cleaned away meanwhile: begin anew.
 */
ISO_PUBLIC iso_status iso_cursor_next(struct iso_cursor *cursor, struct iso_bars *bars,
                                      struct iso_error *err);
/* 0 where a part of what was walked over so far is damaged or missing, and so was left out. */
ISO_PUBLIC int iso_cursor_complete(const struct iso_cursor *cursor);
/* Close and set *cursor to NULL; NULL inside is fine. Pieces that were given stay valid. */
ISO_PUBLIC void iso_cursor_close(struct iso_cursor **cursor);

/*
 * Indicators over bars, computed as the evolution engine does. One is named as on the command line:
 * "sma", "ema:12", "macd:12,26,9", "bollinger:period=20,width=2.5"; "isobar indicators" lists them.
 * Each has one to ISO_INDICATOR_OUTPUTS_MAX columns of values. Fails with ISO_FAILURE_USAGE where
 * there is no such indicator, or a parameter is wrong.
 */
#define ISO_INDICATOR_OUTPUTS_MAX 3
ISO_PUBLIC iso_status iso_indicator_outputs(const char *indicator, size_t *output_count,
                                            struct iso_error *err);
/* Name of a column, as "macd_signal_12_26_9", NUL-terminated. Fails also where it does not fit. */
ISO_PUBLIC iso_status iso_indicator_label(const char *indicator, size_t output, char *target,
                                          size_t target_bytes, struct iso_error *err);
/*
 * Fill targets[0 .. output_count) with bars->count values each; NaN where there is none yet, or
 * where a column that is needed is absent. The values of a bar depend on it and those before only.
 * open, vwap and trade_count are not read and may be NULL. output_count must be that of
 * iso_indicator_outputs; targets must not overlap the bars.
 */
ISO_PUBLIC iso_status iso_indicator_compute(const char *indicator, const struct iso_bars *bars,
                                            double *const *targets, size_t output_count,
                                            struct iso_error *err);

/* A market in a few numbers; NaN where it cannot be told. */
struct iso_summary {
    size_t bars;
    int64_t first_us; /* open times of the first and the last bar; 0 where there is none */
    int64_t last_us;
    double open;         /* of the first bar */
    double high;         /* the highest */
    double low;          /* the lowest */
    double close;        /* of the last bar */
    double volume;       /* the sum */
    double change;       /* close / open - 1 */
    double volatility;   /* standard deviation of log returns, times the root of bars a year */
    double max_drawdown; /* the deepest fall of the close below its highest before, 0..1 */
    double sma_20;       /* at the last bar */
    double ema_20;
    double rsi_14;
    double atr_14;
};
/* vwap and trade_count may be NULL. */
ISO_PUBLIC iso_status iso_bars_summary(const struct iso_bars *bars, struct iso_summary *summary,
                                       struct iso_error *err);

#ifdef __cplusplus
}
#endif

#endif
