/* SPDX-License-Identifier: Apache-2.0 */
#include "local/lean.h"

#include "market/time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PARTS_MAX = 64 };

/* clang-format off */
/* Lean's scale by security type. */
static const struct {
    const char *name;
    double price_divisor;
} securities[] = {
    {"equity", 10000}, {"option", 10000}, {"indexoption", 10000},
    {"forex", 1}, {"crypto", 1}, {"cryptofuture", 1}, {"cfd", 1}, {"future", 1},
    {"futureoption", 1}, {"index", 1},
};

/* Whose clock the times are of, by security type and market, as Lean's market hours data base has
 * it; UTC where no row fits. */
static const struct {
    const char *security;
    const char *market;
    const char *zone;
} clocks[] = {
    {"equity", "usa", "America/New_York"}, {"option", "usa", "America/New_York"},
    {"indexoption", "usa", "America/New_York"}, {"equity", "india", "Asia/Kolkata"},
    {"index", "india", "Asia/Kolkata"}, {"future", "india", "Asia/Kolkata"},
    {"index", "usa", "America/Chicago"}, {"index", "eurex", "Europe/Berlin"},
    {"index", "ose", "Asia/Tokyo"}, {"index", "hkfe", "Asia/Hong_Kong"},
};

static const struct {
    const char *name;
    const char *interval; /* NULL: no bars */
    bool counts_from_day;
} resolutions[] = {
    {"second", "1s", true}, {"minute", "1m", true}, {"hour", "1h", false},
    {"daily", "1d", false}, {"tick", NULL, true},
};
/* clang-format on */

#define ROWS(table) (sizeof(table) / sizeof(table)[0])

/* The path cut at its slashes; text is changed. */
struct parts {
    const char *part[PARTS_MAX];
    size_t count;
};

static void cut_path(char *text, struct parts *parts)
{
    char *rest = NULL;
    for (char *part = strtok_r(text, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest)) {
        if (parts->count == PARTS_MAX) { /* the end of the path is what tells */
            memmove(parts->part, parts->part + 1, (PARTS_MAX - 1) * sizeof parts->part[0]);
            parts->count--;
        }
        parts->part[parts->count++] = part;
    }
}

/* "20131007" in front of the name. */
static bool read_day(const char *name, int64_t *day_us)
{
    return strspn(name, "0123456789") == 8 && name[8] == '_' && time_parse(name, name + 8, day_us);
}

/* Whether the member is named as Lean does: 20131007_spy_minute_trade.csv */
static bool is_named_so(const char *member)
{
    int64_t day_us;
    static const char *const kinds[] = {"_trade", "_quote", "_openinterest"};
    const char *slash = strrchr(member, '/');
    member = slash != NULL ? slash + 1 : member;
    bool timed = strstr(member, "_tick_") != NULL || strstr(member, "_minute_") != NULL ||
                 strstr(member, "_second_") != NULL;
    for (size_t i = 0; i < ROWS(kinds); i++) {
        if (timed && read_day(member, &day_us) && strstr(member, kinds[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* "es_trade_201312.csv" -> "201312"; empty where the name ends with what kind of bars it has. */
static void find_contract(const char *member, char target[SYMBOL_BYTES_MAX + 1])
{
    const char *slash = strrchr(member, '/');
    const char *name = slash != NULL ? slash + 1 : member;
    const char *kind = strstr(name, "_trade_");
    kind = kind != NULL ? kind : strstr(name, "_quote_");
    size_t length = 0;
    for (const char *at = kind != NULL ? kind + 7 : ""; *at != '\0' && *at != '.'; at++) {
        if (length < SYMBOL_BYTES_MAX) {
            target[length++] = *at == '_' ? '-' : (char)toupper((unsigned char)*at);
        }
    }
    target[length] = '\0';
}

/* spy and 201312 and usa -> "SPY-201312.usa" */
static void name_symbol(const char *ticker, const char *member, const char *market,
                        struct lean *lean)
{
    char contract[SYMBOL_BYTES_MAX + 1];
    char upper[SYMBOL_BYTES_MAX + 1];
    size_t length = strcspn(ticker, "_.");
    length = length < SYMBOL_BYTES_MAX ? length : SYMBOL_BYTES_MAX;
    for (size_t i = 0; i < length; i++) {
        upper[i] = (char)toupper((unsigned char)ticker[i]);
    }
    upper[length] = '\0';
    find_contract(member, contract);
    (void)snprintf(lean->symbol, sizeof lean->symbol, "%s%s%s.%s", upper,
                   contract[0] != '\0' ? "-" : "", contract, market);
}

/* at points to the security type among the parts. */
static iso_status read_folders(const struct parts *parts, size_t at, size_t security,
                               size_t resolution, const char *member, struct lean *lean,
                               struct iso_error *err)
{
    const char *market = parts->part[at + 1];
    const char *file = parts->part[parts->count - 1];
    bool deep = resolutions[resolution].counts_from_day;
    if (resolutions[resolution].interval == NULL || strstr(file, "openinterest") != NULL) {
        ISO_FAIL(BAD_FORMAT, err, "it is a file of QuantConnect Lean's with %s, which are no bars",
                 resolutions[resolution].interval == NULL ? "ticks" : "open interest figures");
    }
    if (parts->count - at != (deep ? 5 : 4) || (deep && !read_day(file, &lean->day_us))) {
        return ISO_OK; /* folders of such names, but not Lean's */
    }
    lean->is_lean = true;
    lean->counts_from_day = deep;
    lean->interval = interval_named(resolutions[resolution].interval);
    lean->price_divisor = securities[security].price_divisor;
    for (size_t i = 0; i < ROWS(clocks) && lean->interval->step_us < TIME_DAY_US; i++) {
        if (strcmp(clocks[i].security, securities[security].name) == 0 &&
            strcmp(clocks[i].market, market) == 0) {
            lean->zone = clocks[i].zone;
        }
    }
    name_symbol(deep ? parts->part[at + 3] : file, member, market, lean);
    return ISO_OK;
}

/* Find type, market and resolution, in this order, among the folders. */
static iso_status look_at_folders(const struct parts *parts, const char *member, struct lean *lean,
                                  struct iso_error *err)
{
    for (size_t at = 0; at + 3 < parts->count; at++) {
        for (size_t i = 0; i < ROWS(securities); i++) {
            for (size_t j = 0; j < ROWS(resolutions); j++) {
                if (strcmp(parts->part[at], securities[i].name) == 0 &&
                    strcmp(parts->part[at + 2], resolutions[j].name) == 0) {
                    return read_folders(parts, at, i, j, member, lean, err);
                }
            }
            bool factors = strcmp(parts->part[at + 2], "factor_files") == 0 ||
                           strcmp(parts->part[at + 2], "map_files") == 0;
            if (factors && strcmp(parts->part[at], securities[i].name) == 0) {
                ISO_FAIL(BAD_FORMAT, err,
                         "it is a file of QuantConnect Lean's with splits, dividends or names, "
                         "which are no bars");
            }
        }
    }
    return ISO_OK;
}

iso_status lean_look(const char *path, const char *member, struct lean *lean, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) char *whole = realpath(path, NULL);
    struct parts parts = {0};
    *lean = (struct lean){.price_divisor = 1};
    if (whole != NULL) {
        cut_path(whole, &parts);
        ISO_TRY(look_at_folders(&parts, member, lean, err));
    }
    if (!lean->is_lean && is_named_so(member)) {
        ISO_FAIL(BAD_FORMAT, err,
                 "its member %.60s is named as QuantConnect Lean does, but security type and "
                 "market are not among its folders, so scale and time zone are unknown; put it "
                 "back, as equity/usa/minute/spy/20131007_trade.zip",
                 member);
    }
    return ISO_OK;
}
