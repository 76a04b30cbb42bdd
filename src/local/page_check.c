/* SPDX-License-Identifier: Apache-2.0 */
#include "local/page_check.h"

#include "base/hash.h"
#include "local/log_check.h"

#include <endian.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_BYTES = 100 }; /* of the database, at the beginning of page 1 */

/* What SQLite holds for an open file; the file of the layer below lies behind it. */
struct checked_file {
    sqlite3_file base;
    bool is_database;
    bool is_log;
    bool checks; /* the database's pages have checksums */
};

static _Thread_local char refused[PAGE_MESSAGE_BYTES];

const char *page_check_refused(void)
{
    return refused;
}

static sqlite3_file *below(sqlite3_file *file)
{
    return (sqlite3_file *)((struct checked_file *)file + 1);
}

static uint32_t word_of(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return be32toh(word);
}

void page_check_describe(int64_t number, char target[PAGE_MESSAGE_BYTES])
{
    long long offset = (long long)(number - 1) * PAGE_BYTES;
    (void)snprintf(target, PAGE_MESSAGE_BYTES, "page %lld (bytes %lld to %lld)", (long long)number,
                   offset, offset + PAGE_BYTES - 1);
}

static int refuse(int64_t number)
{
    page_check_describe(number, refused);
    return SQLITE_IOERR_DATA;
}

/* --- pages of the database -------------------------------------------------------------------*/

static uint64_t page_sum(const uint8_t *page, int64_t number)
{
    uint8_t first[PAGE_BYTES];
    if (number == 1) {
        memcpy(first, page, sizeof first);
        memset(first + 24, 0, 4);
        memset(first + 60, 0, 4);
        memset(first + 92, 0, 8);
        page = first;
    }
    return hash_bytes(page, PAGE_BYTES - PAGE_RESERVED_BYTES).low ^ (uint64_t)number;
}

static bool is_all_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

/* Whether the header is of a database with checksums. Of two marks one is enough, so that a flipped
 * bit in either does not turn the checks off. */
static bool wants_checks(const uint8_t *header)
{
    char mark[16];
    (void)snprintf(mark, sizeof mark, "0x%08x", (unsigned)word_of(header + 68));
    return header[20] == PAGE_RESERVED_BYTES || strcmp(mark, PAGE_CHECK_APPLICATION_ID) == 0;
}

/* The header tells SQLite how long pages are, before it reads the first one whole. */
static int check_header(struct checked_file *file, const uint8_t *header)
{
    file->checks = wants_checks(header);
    bool good = header[20] == PAGE_RESERVED_BYTES && (header[16] << 8 | header[17]) == PAGE_BYTES;
    return file->checks && !good ? refuse(1) : SQLITE_OK;
}

static int check_page(const uint8_t *page, int64_t offset)
{
    uint64_t stored;
    int64_t number = offset / PAGE_BYTES + 1;
    memcpy(&stored, page + PAGE_BYTES - PAGE_RESERVED_BYTES, sizeof stored);
    return le64toh(stored) == page_sum(page, number) || is_all_zero(page) ? SQLITE_OK
                                                                          : refuse(number);
}

static int check_database(struct checked_file *file, const uint8_t *bytes, int length,
                          int64_t offset)
{
    if (offset == 0 && length >= HEADER_BYTES) {
        int code = check_header(file, bytes);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    bool is_page = length == PAGE_BYTES && offset % PAGE_BYTES == 0;
    return file->checks && is_page ? check_page(bytes, offset) : SQLITE_OK;
}

/* --- the layer -------------------------------------------------------------------------------*/

static int file_read_checked(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset)
{
    struct checked_file *file = (struct checked_file *)base;
    int code = below(base)->pMethods->xRead(below(base), bytes, length, offset);
    if (code != SQLITE_OK) {
        return code;
    }
    if (file->is_log) {
        return log_check_read(below(base), bytes, length, offset, refused);
    }
    return file->is_database ? check_database(file, bytes, length, offset) : SQLITE_OK;
}

static int file_write_checked(sqlite3_file *base, const void *bytes, int length,
                              sqlite3_int64 offset)
{
    struct checked_file *file = (struct checked_file *)base;
    const sqlite3_io_methods *methods = below(base)->pMethods;
    uint8_t page[PAGE_BYTES];
    if (!file->is_database || length != PAGE_BYTES || offset % PAGE_BYTES != 0) {
        return methods->xWrite(below(base), bytes, length, offset);
    }
    if (offset == 0) {
        file->checks = wants_checks(bytes);
    }
    if (!file->checks) {
        return methods->xWrite(below(base), bytes, length, offset);
    }
    memcpy(page, bytes, sizeof page);
    uint64_t sum = htole64(page_sum(page, offset / PAGE_BYTES + 1));
    memcpy(page + PAGE_BYTES - PAGE_RESERVED_BYTES, &sum, sizeof sum);
    return methods->xWrite(below(base), page, length, offset);
}

static int file_close(sqlite3_file *base)
{
    return below(base)->pMethods->xClose(below(base));
}

/* The other methods are passed on as they are. */
#define PASS(name, parameters, ...)                                   \
    static int pass_##name parameters                                 \
    {                                                                 \
        return below(file)->pMethods->name(below(file), __VA_ARGS__); \
    }
PASS(xTruncate, (sqlite3_file * file, sqlite3_int64 length), length)
PASS(xSync, (sqlite3_file * file, int flags), flags)
PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *length), length)
PASS(xLock, (sqlite3_file * file, int lock), lock)
PASS(xUnlock, (sqlite3_file * file, int lock), lock)
PASS(xCheckReservedLock, (sqlite3_file * file, int *result), result)
PASS(xFileControl, (sqlite3_file * file, int operation, void *argument), operation, argument)
PASS(xShmMap, (sqlite3_file * file, int page, int bytes, int extend, void volatile **memory), page,
     bytes, extend, memory)
PASS(xShmLock, (sqlite3_file * file, int offset, int count, int flags), offset, count, flags)
PASS(xShmUnmap, (sqlite3_file * file, int delete_it), delete_it)

static int pass_xSectorSize(sqlite3_file *file)
{
    return below(file)->pMethods->xSectorSize(below(file));
}

static int pass_xDeviceCharacteristics(sqlite3_file *file)
{
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static void pass_xShmBarrier(sqlite3_file *file)
{
    below(file)->pMethods->xShmBarrier(below(file));
}

/* Version 2: no reading through a mapping of the file, which nobody could check. */
static const sqlite3_io_methods checked_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read_checked,
    .xWrite = file_write_checked,
    .xTruncate = pass_xTruncate,
    .xSync = pass_xSync,
    .xFileSize = pass_xFileSize,
    .xLock = pass_xLock,
    .xUnlock = pass_xUnlock,
    .xCheckReservedLock = pass_xCheckReservedLock,
    .xFileControl = pass_xFileControl,
    .xSectorSize = pass_xSectorSize,
    .xDeviceCharacteristics = pass_xDeviceCharacteristics,
    .xShmMap = pass_xShmMap,
    .xShmLock = pass_xShmLock,
    .xShmBarrier = pass_xShmBarrier,
    .xShmUnmap = pass_xShmUnmap,
};

/* The system's own layer, and ours: a copy of it that opens files differently. */
static sqlite3_vfs *system_layer;
static sqlite3_vfs layer;
static bool is_registered;

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                      int *out_flags)
{
    (void)vfs;
    struct checked_file *file = (struct checked_file *)base;
    *file = (struct checked_file){.is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0,
                                  .is_log = (flags & SQLITE_OPEN_WAL) != 0};
    int code = system_layer->xOpen(system_layer, name, below(base), flags, out_flags);
    base->pMethods = below(base)->pMethods != NULL ? &checked_methods : NULL;
    return code;
}

static void layer_register(void)
{
    system_layer = sqlite3_vfs_find(NULL);
    if (system_layer == NULL) {
        return;
    }
    layer = *system_layer;
    layer.zName = "isobar";
    layer.szOsFile = (int)sizeof(struct checked_file) + system_layer->szOsFile;
    layer.xOpen = layer_open;
    layer.pNext = NULL;
    is_registered = sqlite3_vfs_register(&layer, 0) == SQLITE_OK;
}

const char *page_check_name(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, layer_register);
    return is_registered ? layer.zName : NULL;
}
