/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_follow.h"

#include "local/import_name.h"
#include "local/import_rows.h"
#include "local/import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLLOW_PAUSE_MS = 200,
    FOLLOW_BATCH_MS = 1000,
    FOLLOW_BATCH_ROWS = 1 << 16,
    FOLLOW_BUFFER_BYTES = 1 << 20,
    FOLLOW_SAMPLE_LINES = 2 /* a header and a row, or two rows */
};

struct feed {
    const struct import_request *request;
    struct store *store;
    import_batch_call *stored;
    void *context;
    int file;
    bool grows; /* a regular file: its end is a pause */
    bool paused;
    bool ended;
    char *buffer;
    size_t begin; /* of what was not read into rows yet */
    size_t length;
    int64_t line; /* lines read so far */
    bool is_mapped;
    struct mapping mapping;
    struct name_guess guess;
    const struct interval *interval;
    bool phase_is_known;
    int64_t phase_us;
    struct import_rows rows; /* of this batch */
    int64_t batch_us;        /* when its first row came */
};

static void feed_reset(struct feed *feed)
{
    if (feed->file > STDERR_FILENO) {
        (void)close(feed->file);
    }
    free(feed->buffer);
    mapping_reset(&feed->mapping);
    import_rows_reset(&feed->rows);
}

static bool is_cancelled(const struct feed *feed)
{
    return feed->request->cancelled != NULL && *feed->request->cancelled != 0;
}

static int64_t now_us(const struct feed *feed)
{
    const struct os *os = store_os(feed->store);
    return os->monotonic_us(os->context);
}

static iso_status feed_open(struct feed *feed, struct iso_error *err)
{
    struct stat info;
    const char *path = feed->request->path;
    feed->file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (feed->file < 0 || fstat(feed->file, &info) != 0) {
        if (errno == ENOENT) {
            ISO_FAIL(NOT_FOUND, err, "there is no such file");
        }
        ISO_FAIL(IO, err, "%s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        ISO_FAIL(IO, err, "it is a directory, which cannot be followed");
    }
    feed->grows = S_ISREG(info.st_mode);
    ISO_NEW(feed->buffer, FOLLOW_BUFFER_BYTES, err);
    return ISO_OK;
}

/* Wait for bytes and read them; sets paused where none came for a while, ended at the end. */
static iso_status feed_read(struct feed *feed, struct iso_error *err)
{
    struct pollfd wait = {.fd = feed->file, .events = POLLIN};
    if (feed->begin > 0) {
        memmove(feed->buffer, feed->buffer + feed->begin, feed->length - feed->begin);
        feed->length -= feed->begin;
        feed->begin = 0;
    }
    int ready = poll(&wait, 1, FOLLOW_PAUSE_MS);
    feed->paused = ready <= 0;
    if (ready < 0 && errno != EINTR) {
        ISO_FAIL(IO, err, "%s", strerror(errno));
    }
    if (feed->paused) {
        return ISO_OK;
    }
    ssize_t got = read(feed->file, feed->buffer + feed->length, FOLLOW_BUFFER_BYTES - feed->length);
    if (got < 0 && errno != EINTR && errno != EAGAIN) {
        ISO_FAIL(IO, err, "%s", strerror(errno));
    }
    feed->paused = got <= 0;
    feed->ended = got == 0 && !feed->grows;
    feed->length += got > 0 ? (size_t)got : 0;
    if (got == 0 && feed->grows) {
        (void)poll(NULL, 0, FOLLOW_PAUSE_MS);
    }
    return ISO_OK;
}

/* The whole lines that are there; at the end the last one needs no end-of-line. */
static size_t whole_lines(const struct feed *feed)
{
    const char *begin = feed->buffer + feed->begin;
    size_t left = feed->length - feed->begin;
    const char *last = left > 0 ? memrchr(begin, '\n', left) : NULL;
    return feed->ended ? left : last != NULL ? (size_t)(last - begin) + 1 : 0;
}

static size_t count_lines(const char *at, const char *end)
{
    size_t count = 0;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        at = stop != NULL ? stop + 1 : end;
        count++;
    }
    return count;
}

/* Map once there is enough to tell by; until then nothing is read into rows. */
static iso_status feed_map(struct feed *feed, size_t bytes, struct iso_error *err)
{
    struct import_request const *request = feed->request;
    struct iso_error why = {0};
    const char *begin = feed->buffer + feed->begin;
    struct sniff_hints hints = {.columns = request->columns,
                                .zone = request->zone,
                                .side = request->side,
                                .derive_vwap = request->derive_vwap};
    if (source_refusal(begin, bytes) != NULL) {
        ISO_FAIL(BAD_FORMAT, err, "%s", source_refusal(begin, bytes));
    }
    size_t lines = count_lines(begin, begin + bytes);
    if (lines < FOLLOW_SAMPLE_LINES && !feed->ended) {
        return ISO_OK;
    }
    iso_status status = dialect_sniff(begin, begin + bytes, '\n', &hints, &feed->mapping, &why);
    if (iso_failed(status)) {
        return iso_fail(iso_status_code(status), err, "%s", why.text);
    }
    feed->is_mapped = true;
    feed->begin += feed->mapping.header_bytes;
    feed->line = feed->mapping.lines_before;
    return ISO_OK;
}

static iso_status begin_batch(struct feed *feed, struct iso_error *err)
{
    feed->batch_us = now_us(feed);
    feed->rows.phase_is_known = feed->phase_is_known;
    feed->rows.phase_us = feed->phase_us;
    return import_rows_begin(&feed->rows, &feed->mapping, "", feed->guess.symbol,
                             "the name of the file", err);
}

static iso_status feed_rows(struct feed *feed, struct iso_error *err)
{
    size_t bytes = whole_lines(feed);
    if (!feed->is_mapped && bytes > 0) {
        ISO_TRY(feed_map(feed, bytes, err));
        bytes = whole_lines(feed);
    }
    if (!feed->is_mapped || bytes == 0) {
        if (feed->length - feed->begin == FOLLOW_BUFFER_BYTES) {
            ISO_FAIL(LIMIT, err, "line %lld is longer than %d bytes", (long long)feed->line + 1,
                     FOLLOW_BUFFER_BYTES);
        }
        return ISO_OK;
    }
    struct csv_reader reader = {.at = feed->buffer + feed->begin,
                                .end = feed->buffer + feed->begin + bytes,
                                .separator = feed->mapping.separator,
                                .newline = '\n',
                                .line = feed->line};
    struct csv_row row;
    while (csv_next(&reader, &row)) {
        if (feed->rows.row_count == 0) {
            ISO_TRY(begin_batch(feed, err));
        }
        ISO_TRY(import_rows_add(&feed->rows, &row, err));
    }
    feed->line = reader.line;
    feed->begin += bytes;
    return ISO_OK;
}

static iso_status store_batch(struct feed *feed, struct iso_error *err)
{
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    const struct import_request *request = feed->request;
    struct import_rows *rows = &feed->rows;
    const struct interval *given = feed->interval != NULL ? feed->interval : request->interval;
    ISO_TRY(import_rows_name(rows, request->symbol, err));
    ISO_TRY(import_rows_interval(rows, given, feed->guess.interval, err));
    ISO_TRY(import_rows_sort(rows, err));
    ISO_TRY(import_report_rows(rows, &report, err));
    ISO_TRY(import_store_rows(feed->store, request, rows, &report, err));
    feed->interval = rows->interval;
    feed->phase_us = rows->phase_us;
    feed->phase_is_known = rows->interval != NULL;
    import_rows_reset(rows);
    return feed->stored(feed->context, &report, err);
}

static bool batch_is_due(const struct feed *feed)
{
    return feed->rows.row_count > 0 &&
           (feed->paused || feed->ended || is_cancelled(feed) ||
            feed->rows.row_count >= FOLLOW_BATCH_ROWS ||
            now_us(feed) - feed->batch_us >= (int64_t)FOLLOW_BATCH_MS * 1000);
}

static iso_status follow(struct feed *feed, struct iso_error *err)
{
    ISO_TRY(feed_open(feed, err));
    while (!feed->ended && !is_cancelled(feed)) {
        ISO_TRY(feed_read(feed, err));
        ISO_TRY(feed_rows(feed, err));
        if (batch_is_due(feed)) {
            ISO_TRY(store_batch(feed, err));
        }
    }
    if (feed->rows.row_count > 0) {
        ISO_TRY(store_batch(feed, err));
    }
    if (!feed->is_mapped && feed->ended) {
        ISO_FAIL(BAD_FORMAT, err, "the input ended before a row of bars came");
    }
    return ISO_OK;
}

iso_status import_follow(struct store *store, const struct import_request *request,
                         import_batch_call *stored, void *context, struct iso_error *err)
{
    ISO_DEFER(feed_reset)
    struct feed feed = {.request = request,
                        .store = store,
                        .stored = stored,
                        .context = context,
                        .file = -1,
                        .guess = import_name_guess(request->path)};
    return iso_context(follow(&feed, err), err, "%s", import_label(request));
}
