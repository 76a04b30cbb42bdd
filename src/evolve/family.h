/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy families: rules with a few numbers (genes) to be chosen.
 *
 * A family turns columns of indicators into one position a bar: -1 short, 0 flat, +1 long. The
 * position of bar i is the wish formed at its close and may use bars up to i only; the engine
 * trades on it at the open of bar i + 1. To add a family: one row in family.c, three functions, one
 * test.
 */
#ifndef EVOLVE_FAMILY_H
#define EVOLVE_FAMILY_H

#include "base/text.h"

enum { GENES_MAX = 4, FAMILY_COLUMNS_MAX = 4, FAMILIES_MAX = 32 };

/* An indicator over closes, named by kind and period. */
enum column_kind {
    COLUMN_EMA,
    COLUMN_EMA_SMA_SEED, /* what COLUMN_EMA becomes where the run asks for that seed */
    COLUMN_SMA,
    COLUMN_DEVIATION,
    COLUMN_RSI,
    COLUMN_MAX,
    COLUMN_MIN
};

struct column_key {
    enum column_kind kind;
    uint32_t period;
};

/*
 * One gene. Evolution draws multiples of 1/grid in [min, max]; a strategy given by a person may
 * hold any value in [accept_min, accept_max]. grid 1 means whole numbers, in both.
 */
struct gene {
    const char *name;
    double min;
    double max;
    double preset;
    double grid;
    double accept_min;
    double accept_max;
};

/* What a family sees of the bars. Columns are in the order of its keys; indices are those of the
 * bars. */
struct family_view {
    const double *close;
    const double *columns[FAMILY_COLUMNS_MAX];
    size_t first; /* the bars [first, last) are wanted; those before may be looked back at */
    size_t last;
    bool allow_short;
};

struct family {
    const char *name;
    struct gene genes[GENES_MAX];
    size_t gene_count;
    const char *constraint; /* in words; NULL where any genes go together */
    /* The columns wanted for genes; returns how many. */
    size_t (*keys)(const double *genes, struct column_key keys[FAMILY_COLUMNS_MAX]);
    /* Set positions[first .. last). What a family remembers begins afresh at first, from flat. */
    void (*positions)(const double *genes, const struct family_view *view, int8_t *positions);
    /* Change genes so that the constraint holds; leaves genes that meet it as they are. May be
     * NULL. */
    void (*repair)(double *genes);
    /* Add the rule as a sentence for people. */
    void (*describe)(const double *genes, bool allow_short, struct text *text);
};

/* The row of an index; NULL past the last. Rows are only ever appended: results name them by index.
 */
const struct family *family_row(size_t index);
size_t family_count(void);
/* Index of the family named by [begin, end); family_count() where there is none. */
size_t family_find(const char *begin, const char *end);

#endif
