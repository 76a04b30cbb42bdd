/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/genome.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

bool genome_equal(const struct genome *a, const struct genome *b)
{
    return a->family == b->family && memcmp(a->genes, b->genes, sizeof a->genes) == 0;
}

static const struct family *family_of(const struct genome *genome)
{
    const struct family *family = family_row(genome->family);
    ISO_ASSERT(family != NULL);
    return family;
}

/* The nearest multiple of 1/grid within [min, max]. */
static double settle(const struct gene *gene, double value)
{
    double on_grid = floor(value * gene->grid + 0.5) / gene->grid;
    return fmin(fmax(on_grid, gene->min), gene->max);
}

void genome_settle(struct genome *genome)
{
    const struct family *family = family_of(genome);
    for (size_t i = 0; i < family->gene_count; i++) {
        genome->genes[i] = settle(&family->genes[i], genome->genes[i]);
    }
    if (family->repair != NULL) {
        family->repair(genome->genes);
    }
}

static void list_families(struct text *text)
{
    for (size_t i = 0; i < family_count(); i++) {
        text_addf(text, "%s%s", i == 0 ? "" : ", ", family_row(i)->name);
    }
}

static void list_genes(const struct family *family, struct text *text)
{
    for (size_t i = 0; i < family->gene_count; i++) {
        text_addf(text, "%s%s", i == 0 ? "" : ", ", family->genes[i].name);
    }
}

iso_status genome_start(const char *begin, const char *end, struct genome *genome,
                        struct iso_error *err)
{
    size_t index = family_find(begin, end);
    if (index == family_count()) {
        ISO_DEFER(text_reset) struct text known = {0};
        list_families(&known);
        ISO_FAIL(BAD_ARGUMENT, err, "no strategy family \"%.*s\"; there are %s", (int)(end - begin),
                 begin, text_get(&known));
    }
    *genome = (struct genome){.family = (uint32_t)index};
    const struct family *family = family_row(index);
    for (size_t i = 0; i < family->gene_count; i++) {
        genome->genes[i] = family->genes[i].preset;
    }
    return ISO_OK;
}

iso_status genome_set(struct genome *genome, const char *begin, const char *end, double value,
                      struct iso_error *err)
{
    const struct family *family = family_of(genome);
    size_t length = (size_t)(end - begin);
    size_t i = 0;
    while (i < family->gene_count && (strlen(family->genes[i].name) != length ||
                                      memcmp(family->genes[i].name, begin, length) != 0)) {
        i++;
    }
    if (i == family->gene_count) {
        ISO_DEFER(text_reset) struct text known = {0};
        list_genes(family, &known);
        ISO_FAIL(BAD_ARGUMENT, err, "%s has no gene \"%.*s\"; it has %s", family->name, (int)length,
                 begin, text_get(&known));
    }
    const struct gene *gene = &family->genes[i];
    bool whole = gene->grid != 1.0 || floor(value) == value;
    if (!(value >= gene->accept_min && value <= gene->accept_max) || !whole) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s: %s must be a%s number from %g to %g", family->name,
                 gene->name, gene->grid == 1.0 ? " whole" : "", gene->accept_min, gene->accept_max);
    }
    genome->genes[i] = value + 0.0; /* -0 becomes 0 */
    return ISO_OK;
}

iso_status genome_check(const struct genome *genome, struct iso_error *err)
{
    const struct family *family = family_of(genome);
    struct genome repaired = *genome;
    if (family->repair != NULL) {
        family->repair(repaired.genes);
    }
    if (!genome_equal(genome, &repaired)) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s needs %s", family->name, family->constraint);
    }
    return ISO_OK;
}

/* Read one "name=number" of [begin, end). */
static iso_status parse_pair(struct genome *genome, const char *begin, const char *end,
                             struct iso_error *err)
{
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    double value = 0.0;
    if (equals == NULL || !number_parse(equals + 1, end, &value)) {
        ISO_FAIL(BAD_ARGUMENT, err, "\"%.*s\" is no gene; write name=number as in fast=12",
                 (int)(end - begin), begin);
    }
    return genome_set(genome, begin, equals, value, err);
}

iso_status genome_parse(const char *text, struct genome *genome, struct iso_error *err)
{
    struct genome parsed;
    const char *colon = strchr(text, ':');
    const char *cursor = colon == NULL ? text + strlen(text) : colon + 1;
    ISO_TRY(genome_start(text, colon == NULL ? cursor : colon, &parsed, err));
    while (*cursor != '\0') {
        size_t length = strcspn(cursor, ",");
        ISO_TRY(parse_pair(&parsed, cursor, cursor + length, err));
        cursor += length;
        cursor += *cursor == ',';
    }
    ISO_TRY(genome_check(&parsed, err));
    *genome = parsed;
    return ISO_OK;
}

void genome_format(const struct genome *genome, struct text *text)
{
    const struct family *family = family_of(genome);
    text_add(text, family->name);
    for (size_t i = 0; i < family->gene_count; i++) {
        text_addf(text, "%c%s=", i == 0 ? ':' : ',', family->genes[i].name);
        text_add_number(text, genome->genes[i]);
    }
}

void genome_format_json(const struct genome *genome, struct text *text)
{
    const struct family *family = family_of(genome);
    struct json json = {.text = text};
    json_begin_object(&json, NULL);
    json_string(&json, "family", family->name);
    json_begin_object(&json, "genes");
    for (size_t i = 0; i < family->gene_count; i++) {
        json_number(&json, family->genes[i].name, genome->genes[i]);
    }
    json_end_object(&json);
    json_end_object(&json);
}

void genome_describe(const struct genome *genome, bool allow_short, struct text *text)
{
    family_of(genome)->describe(genome->genes, allow_short, text);
}
