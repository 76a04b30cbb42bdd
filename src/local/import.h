/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of bars into the store. A file is read whole before anything of it is written, so a refused
 * or interrupted one leaves the store as it was; what is written goes in one store_write a series,
 * so a killed import leaves a consistent store and a rerun ends in the same state.
 */
#ifndef LOCAL_IMPORT_H
#define LOCAL_IMPORT_H

#include "local/dialect.h"
#include "local/store.h"

enum {
    IMPORT_ROWS_MAX = 1 << 26,       /* of one file: 4 GiB of bars in memory */
    IMPORT_SERIES_MAX = 1 << 16,     /* symbols in one file */
    IMPORT_QUARANTINE_MAX = 1 << 18, /* refused rows of one file; more is no file of bars */
    IMPORT_RAW_BYTES_MAX = 512       /* kept of a refused row */
};

/* Called after each block of about a megabyte. Bytes are of the file as it lies on disk. */
struct import_progress {
    uint64_t done_bytes;
    uint64_t total_bytes;
    size_t rows;
};
typedef void import_progress_call(void *context, const struct import_progress *progress);

struct import_request {
    const char *path;
    const char *symbol;              /* NULL: the file's column of symbols, or its name */
    const struct interval *interval; /* NULL: the file's name, or its most frequent step */
    const char *columns;             /* NULL, or as dialect_sniff takes it */
    const char *zone;                /* of times that name none; NULL: as the file's kind has it */
    enum quote_side side;            /* of files that quote bid and ask */
    bool derive_vwap;                /* from the quote volume, where there is no vwap */
    import_progress_call *progress;  /* may be NULL */
    void *progress_context;
    const volatile int *cancelled; /* may be NULL; non-zero stops with INTERRUPTED */
};

/* One series of a file. rows_read == stored + duplicates + corrected + quarantined. */
struct import_counts {
    size_t rows_read; /* rows of data: no header, no blank line */
    size_t stored;
    size_t duplicates; /* equal in every bit to another row of the file, or to a stored bar */
    size_t corrected; /* rows that lost to a later row of the same time, or replaced a stored bar */
    size_t quarantined; /* refused rows, kept with their reason */
    size_t gaps;        /* stretches without bars inside the file's range, on the interval's grid */
};

struct import_series {
    char symbol[SYMBOL_BYTES_MAX + 1];
    const struct interval *interval; /* NULL where no row was good enough to tell */
    struct import_counts counts;
};

/* What became of a file; lives in the caller's memory, begins all zero, import_report_reset frees.
 */
struct import_report {
    struct import_series *series;
    size_t series_count;
    struct text left_out;    /* columns of the file that are not stored, parted by ", " */
    struct text explanation; /* lines that say what was chosen and why */
};

void import_report_reset(struct import_report *report);

/* A file that was read and not stored yet. */
struct import;

/*
 * Read a file, or standard input where path is "-". Fails with NOT_FOUND, IO, BAD_FORMAT (no bars;
 * says what it is or what is missing, and what to do), BAD_ARGUMENT, LIMIT, INTERRUPTED,
 * OUT_OF_MEMORY. The caller owns *import.
 */
iso_status import_load(const struct import_request *request, struct import **import,
                       struct import_report *report, struct iso_error *err);
/* Store what was read; report is import_load's. Fails as store_write. */
iso_status import_store(struct store *store, const struct import_request *request,
                        const struct import *import, struct import_report *report,
                        struct iso_error *err);
void import_free(struct import **import);

/* Both at once. */
iso_status import_file(struct store *store, const struct import_request *request,
                       struct import_report *report, struct iso_error *err);

/* Read and map a file as import_file does, but store nothing. */
iso_status import_read(const struct import_request *request, struct import_report *report,
                       struct iso_error *err);

/* What to call the file in messages. */
const char *import_label(const struct import_request *request);

void import_counts_add(struct import_counts *sum, const struct import_counts *more);

#endif
