/* SPDX-License-Identifier: Apache-2.0 */
#include "local/log_check.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum {
    LOG_HEADER_BYTES = 32, /* magic, 4 words, salts at 16, sum of the 24 bytes before it at 24 */
    HEAD_BYTES = 24,       /* of a frame: page number, size after a commit, salts at 8, sum at 16 */
    FRAME_BYTES = HEAD_BYTES + PAGE_BYTES,
    LOG_MAGIC = 0x377f0682 /* its last bit: sums are over big-endian words */
};

static uint32_t word_of(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return be32toh(word);
}

/* https://www.sqlite.org/fileformat2.html#checksum_algorithm */
static void add_sum(const uint8_t *bytes, size_t length, bool big_endian, uint32_t sum[2])
{
    for (size_t i = 0; i < length; i += 8) {
        uint32_t words[2];
        memcpy(words, bytes + i, sizeof words);
        sum[0] += (big_endian ? be32toh(words[0]) : le32toh(words[0])) + sum[1];
        sum[1] += (big_endian ? be32toh(words[1]) : le32toh(words[1])) + sum[0];
    }
}

/* --- the header ------------------------------------------------------------------------------*/

static bool header_is_whole(const uint8_t header[LOG_HEADER_BYTES])
{
    uint32_t sum[2] = {0, 0};
    add_sum(header, 24, (word_of(header) & 1) != 0, sum);
    return (word_of(header) & ~1U) == LOG_MAGIC && word_of(header + 24) == sum[0] &&
           word_of(header + 28) == sum[1];
}

/* A header that was being written is nowhere near a whole one. */
static bool header_is_one_bit_off(const uint8_t header[LOG_HEADER_BYTES])
{
    uint8_t changed[LOG_HEADER_BYTES];
    memcpy(changed, header, sizeof changed);
    for (size_t bit = 0; bit < sizeof changed * 8; bit++) {
        changed[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        if (header_is_whole(changed)) {
            return true;
        }
        changed[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    return false;
}

static int check_header(const uint8_t *header, char refused[PAGE_MESSAGE_BYTES])
{
    if (header_is_whole(header) || !header_is_one_bit_off(header)) {
        return SQLITE_OK;
    }
    (void)snprintf(refused, PAGE_MESSAGE_BYTES, "the header of its log");
    return SQLITE_IOERR_DATA;
}

/* --- frames ----------------------------------------------------------------------------------*/

/* What a frame goes on from: the log's header, and the sum before it. */
struct chain {
    uint8_t header[LOG_HEADER_BYTES];
    uint8_t sum[8];
};

static int64_t frame_offset(int64_t index)
{
    return LOG_HEADER_BYTES + index * FRAME_BYTES;
}

static int chain_read(sqlite3_file *log, int64_t index, struct chain *chain)
{
    int code = log->pMethods->xRead(log, chain->header, sizeof chain->header, 0);
    memcpy(chain->sum, chain->header + 24, sizeof chain->sum);
    return code == SQLITE_OK && index > 0 ? log->pMethods->xRead(log, chain->sum, sizeof chain->sum,
                                                                 frame_offset(index - 1) + 16)
                                          : code;
}

static bool has_salts(const struct chain *chain, const uint8_t *head)
{
    return memcmp(head + 8, chain->header + 16, 8) == 0;
}

static bool frame_is_whole(const struct chain *chain, const uint8_t *head, const uint8_t *page)
{
    bool big_endian = (word_of(chain->header) & 1) != 0;
    uint32_t sum[2] = {word_of(chain->sum), word_of(chain->sum + 4)};
    if (!has_salts(chain, head)) {
        return false;
    }
    add_sum(head, 8, big_endian, sum);
    add_sum(page, PAGE_BYTES, big_endian, sum);
    return word_of(head + 16) == sum[0] && word_of(head + 20) == sum[1];
}

/* Some 10 ms, once after a crash. Frames of an older log, which lie behind the end of each newer
 * one that is shorter, have another salt in half of its bits. */
static bool frame_is_one_bit_off(const struct chain *chain, const uint8_t frame[FRAME_BYTES])
{
    uint8_t changed[FRAME_BYTES];
    int differ = __builtin_popcount(word_of(frame + 8) ^ word_of(chain->header + 16)) +
                 __builtin_popcount(word_of(frame + 12) ^ word_of(chain->header + 20));
    if (differ > 1) {
        return false;
    }
    memcpy(changed, frame, sizeof changed);
    for (size_t bit = 0; bit < sizeof changed * 8; bit++) {
        changed[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        if (frame_is_whole(chain, changed, changed + HEAD_BYTES)) {
            return true;
        }
        changed[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    return false;
}

/*
 * Whether the transaction of the frame at index ends, and another follows it without a break. What
 * an unfinished transaction left behind a newer, shorter one does not go on from that one's sums.
 */
static int find_later(sqlite3_file *log, int64_t index, const uint8_t *head, bool *later)
{
    sqlite3_int64 bytes = 0;
    bool ended = word_of(head + 4) != 0;
    *later = false;
    int code = log->pMethods->xFileSize(log, &bytes);
    while (code == SQLITE_OK && !*later && frame_offset(++index + 1) <= bytes) {
        struct chain chain;
        uint8_t frame[FRAME_BYTES];
        code = chain_read(log, index, &chain);
        code = code == SQLITE_OK
                   ? log->pMethods->xRead(log, frame, sizeof frame, frame_offset(index))
                   : code;
        if (code != SQLITE_OK || !frame_is_whole(&chain, frame, frame + HEAD_BYTES)) {
            return code;
        }
        *later = ended;
        ended = word_of(frame + 4) != 0;
    }
    return code;
}

static int refuse_frame(int64_t index, char refused[PAGE_MESSAGE_BYTES])
{
    (void)snprintf(refused, PAGE_MESSAGE_BYTES, "frame %lld of its log (bytes %lld to %lld)",
                   (long long)index + 1, (long long)frame_offset(index),
                   (long long)frame_offset(index + 1) - 1);
    return SQLITE_IOERR_DATA;
}

/* The page of a frame that SQLite believes to be there. */
static int check_page(sqlite3_file *log, const uint8_t *page, int64_t index,
                      char refused[PAGE_MESSAGE_BYTES])
{
    struct chain chain;
    uint8_t head[HEAD_BYTES];
    int code = chain_read(log, index, &chain);
    if (code == SQLITE_OK) {
        code = log->pMethods->xRead(log, head, sizeof head, frame_offset(index));
    }
    return code != SQLITE_OK || frame_is_whole(&chain, head, page) ? code
                                                                   : refuse_frame(index, refused);
}

/* A frame that SQLite reads whole while it recovers. */
static int check_frame(sqlite3_file *log, const uint8_t *frame, int64_t index,
                       char refused[PAGE_MESSAGE_BYTES])
{
    struct chain chain;
    bool damaged = false;
    int code = chain_read(log, index, &chain);
    if (code != SQLITE_OK || frame_is_whole(&chain, frame, frame + HEAD_BYTES)) {
        return code;
    }
    damaged = frame_is_one_bit_off(&chain, frame);
    if (!damaged) {
        code = find_later(log, index, frame, &damaged);
    }
    return damaged ? refuse_frame(index, refused) : code;
}

int log_check_read(sqlite3_file *log, const void *bytes, int length, int64_t offset,
                   char refused[PAGE_MESSAGE_BYTES])
{
    int64_t index = (offset - LOG_HEADER_BYTES) / FRAME_BYTES;
    int64_t within = offset - frame_offset(index);
    if (length == LOG_HEADER_BYTES && offset == 0) {
        return check_header(bytes, refused);
    }
    if (length == FRAME_BYTES && within == 0) {
        return check_frame(log, bytes, index, refused);
    }
    return length == PAGE_BYTES && within == HEAD_BYTES ? check_page(log, bytes, index, refused)
                                                        : SQLITE_OK;
}
