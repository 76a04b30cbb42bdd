/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A genome: a family and its genes; a strategy with all its numbers. Its texts:
 *
 *   ema_cross:fast=12,slow=26                                       on a command line
 *   {"family": "ema_cross", "genes": {"fast": 12, "slow": 26}}      in a file
 *
 * Numbers are the shortest that read back to the same double; genes left out take their preset.
 */
#ifndef EVOLVE_GENOME_H
#define EVOLVE_GENOME_H

#include "evolve/family.h"

struct genome {
    uint32_t family;         /* index into the table of families */
    double genes[GENES_MAX]; /* those past the family's gene_count are 0 */
};

bool genome_equal(const struct genome *a, const struct genome *b);

/* Bring every gene onto its grid and into [min, max], then repair; for genes made by chance. */
void genome_settle(struct genome *genome);

/* Read the text form. Fails with BAD_ARGUMENT, naming the family or gene that is wrong and what
 * would be right; *genome is then untouched. */
iso_status genome_parse(const char *text, struct genome *genome, struct iso_error *err);

/* Read the JSON form. Fails as genome_parse. */
iso_status genome_parse_json(const char *json, size_t length, struct genome *genome,
                             struct iso_error *err);

/*
 * Read what a person gives as a strategy: the text form, or the path of a file in JSON form (a
 * text that holds no ':' or ends in ".json"). Fails as genome_parse, or as file_read.
 */
iso_status genome_read(const char *text_or_path, struct genome *genome, struct iso_error *err);

/* The three steps of reading: begin with the family named by [begin, end), every gene at its
 * preset; set genes by name; check that they go together as they are. Each fails with BAD_ARGUMENT.
 */
iso_status genome_start(const char *begin, const char *end, struct genome *genome,
                        struct iso_error *err);
iso_status genome_set(struct genome *genome, const char *begin, const char *end, double value,
                      struct iso_error *err);
iso_status genome_check(const struct genome *genome, struct iso_error *err);

void genome_format(const struct genome *genome, struct text *text);
/* The JSON form, one object on one line without a line end. */
void genome_format_json(const struct genome *genome, struct text *text);
/* The rule as a sentence for people. */
void genome_describe(const struct genome *genome, bool allow_short, struct text *text);

#endif
