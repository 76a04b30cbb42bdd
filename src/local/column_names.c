/* SPDX-License-Identifier: Apache-2.0 */
#include "local/column_names.h"

#include <string.h>

enum { RANK_NONE = 100, RANK_DATE = 3, RANK_BID = 3 };

const char *column_name(enum column column)
{
    static const char *const names[] = {
#define X(name) #name,
        ISO_COLUMN_TABLE(X)
#undef X
    };
    return names[column];
}

/* clang-format off */
/* Names of columns as headers have them, small, without blanks and punctuation. Of several columns
 * that mean the same the one with the lowest rank is read. */
static const struct {
    const char *name;
    enum column column;
    int rank;
} synonyms[] = {
    {"unix", COLUMN_timestamp, 0}, {"epoch", COLUMN_timestamp, 0}, {"unixtimestamp", COLUMN_timestamp, 0},
    {"timestamp", COLUMN_timestamp, 1}, {"opentime", COLUMN_timestamp, 1}, {"timestamputc", COLUMN_timestamp, 1},
    {"timestampms", COLUMN_timestamp, 1}, {"datetime", COLUMN_timestamp, 2}, {"datetimeutc", COLUMN_timestamp, 2},
    {"gmttime", COLUMN_timestamp, 2}, {"localtime", COLUMN_timestamp, 2}, {"starttime", COLUMN_timestamp, 2},
    {"date", COLUMN_timestamp, 3}, {"ts", COLUMN_timestamp, 4}, {"time", COLUMN_timestamp, 5}, {"t", COLUMN_timestamp, 6},
    {"time", COLUMN_clock, 0},
    {"open", COLUMN_open, 0}, {"openprice", COLUMN_open, 1}, {"o", COLUMN_open, 2},
    {"high", COLUMN_high, 0}, {"highprice", COLUMN_high, 1}, {"h", COLUMN_high, 2},
    {"low", COLUMN_low, 0}, {"lowprice", COLUMN_low, 1}, {"l", COLUMN_low, 2},
    {"close", COLUMN_close, 0}, {"closeprice", COLUMN_close, 1}, {"c", COLUMN_close, 2},
    {"volume", COLUMN_volume, 0}, {"vol", COLUMN_volume, 1}, {"basevolume", COLUMN_volume, 1}, {"v", COLUMN_volume, 2},
    {"vwap", COLUMN_vwap, 0}, {"vw", COLUMN_vwap, 1},
    {"tradecount", COLUMN_trade_count, 0}, {"count", COLUMN_trade_count, 1}, {"trades", COLUMN_trade_count, 1},
    {"numberoftrades", COLUMN_trade_count, 1}, {"numtrades", COLUMN_trade_count, 1}, {"n", COLUMN_trade_count, 2},
    {"bidopen", COLUMN_open, 3}, {"bidhigh", COLUMN_high, 3}, {"bidlow", COLUMN_low, 3}, {"bidclose", COLUMN_close, 3},
    {"openbid", COLUMN_open, 3}, {"highbid", COLUMN_high, 3}, {"lowbid", COLUMN_low, 3}, {"closebid", COLUMN_close, 3},
    {"askopen", COLUMN_ask_open, 0}, {"askhigh", COLUMN_ask_high, 0}, {"asklow", COLUMN_ask_low, 0}, {"askclose", COLUMN_ask_close, 0},
    {"openask", COLUMN_ask_open, 0}, {"highask", COLUMN_ask_high, 0}, {"lowask", COLUMN_ask_low, 0}, {"closeask", COLUMN_ask_close, 0},
    {"quotevolume", COLUMN_quote_volume, 0}, {"quoteassetvolume", COLUMN_quote_volume, 0}, {"volumequote", COLUMN_quote_volume, 0},
    {"turnover", COLUMN_quote_volume, 1}, {"quotevol", COLUMN_quote_volume, 1},
    {"symbol", COLUMN_symbol, 0}, {"ticker", COLUMN_symbol, 1}, {"instrument", COLUMN_symbol, 2},
};
/* clang-format on */

void column_plain_name(const struct csv_field *field, char target[COLUMN_NAME_BYTES])
{
    size_t length = 0;
    for (const char *at = field->begin; at < field->end && length < COLUMN_NAME_BYTES - 1; at++) {
        char c = *at;
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
        if (keep) {
            target[length++] = c;
        }
    }
    target[length] = '\0';
}

/* The rank of a name as that column, RANK_NONE where it is none. "Volume BTC" is a volume too, of
 * the base currency where it stands first. */
static int name_rank(const char *plain, enum column column)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (synonyms[i].column == column && strcmp(synonyms[i].name, plain) == 0) {
            return synonyms[i].rank;
        }
    }
    bool named_volume = strncmp(plain, "volume", 6) == 0 && plain[6] != '\0';
    bool volume = column == COLUMN_volume || column == COLUMN_quote_volume;
    return volume && named_volume ? 3 : RANK_NONE;
}

/* Of columns of the same rank the first is taken. */
static int find_by_name(const struct csv_row *header, enum column column, int taken, int *rank)
{
    int best = -1;
    *rank = RANK_NONE;
    for (size_t i = 0; i < header->field_count && i < CSV_FIELDS_MAX; i++) {
        char plain[COLUMN_NAME_BYTES];
        column_plain_name(&header->field[i], plain);
        int found = name_rank(plain, column);
        if (found < *rank && (int)i != taken) {
            best = (int)i;
            *rank = found;
        }
    }
    return best;
}

void columns_by_name(const struct csv_row *header, int place[COLUMN_COUNT])
{
    int rank[COLUMN_COUNT];
    for (int i = 0; i < COLUMN_COUNT; i++) {
        /* The volume in the quote currency is another column than the volume. */
        int taken = i == COLUMN_quote_volume ? place[COLUMN_volume] : -1;
        place[i] = find_by_name(header, (enum column)i, taken, &rank[i]);
    }
    /* Trades with an ask beside them are no quotes. */
    bool quotes = rank[COLUMN_close] == RANK_BID && place[COLUMN_ask_open] >= 0 &&
                  place[COLUMN_ask_high] >= 0 && place[COLUMN_ask_low] >= 0 &&
                  place[COLUMN_ask_close] >= 0;
    for (int i = COLUMN_ask_open; i <= COLUMN_ask_close && !quotes; i++) {
        place[i] = -1;
    }
    /* A column "time" is the clock of a date, or else the time itself. */
    if (rank[COLUMN_timestamp] != RANK_DATE) {
        place[COLUMN_clock] = -1;
    }
}
