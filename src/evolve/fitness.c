/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/fitness.h"

#include "base/text.h"

#include <string.h>

struct row {
    const char *name;
    const char *help;
};

static const struct row rows[FITNESS_COUNT] = {
#define X(name, expression, help) {#name, help},
    FITNESS_TABLE(X)
#undef X
};

static double raw(enum fitness fitness, const struct metrics *m)
{
    switch (fitness) {
#define X(name, expression, help) \
    case FITNESS_##name:          \
        return expression;
        FITNESS_TABLE(X)
#undef X
    case FITNESS_COUNT:
        break;
    }
    return 0.0;
}

double fitness_of(enum fitness fitness, const struct metrics *metrics, uint32_t trades_min)
{
    double value = raw(fitness, metrics);
    if (value > 0.0 && metrics->trades < (double)trades_min) {
        value *= metrics->trades / (double)trades_min;
    }
    return value + 0.0; /* never -0 */
}

const char *fitness_name(enum fitness fitness)
{
    return rows[fitness].name;
}

const char *fitness_help(enum fitness fitness)
{
    return rows[fitness].help;
}

iso_status fitness_parse(const char *name, enum fitness *fitness, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text known = {0};
    for (size_t i = 0; i < FITNESS_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *fitness = (enum fitness)i;
            return ISO_OK;
        }
        text_addf(&known, "%s%s", i == 0 ? "" : ", ", rows[i].name);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "no fitness \"%s\"; there are %s", name, text_get(&known));
}
