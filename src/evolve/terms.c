/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/terms.h"

#include "base/json.h"

static void add_breeding(struct json *json, const struct breeding *breeding)
{
    json_integer(json, "seed", (int64_t)breeding->seed);
    json_begin_array(json, "families");
    for (size_t i = 0; i < breeding->family_count; i++) {
        json_string(json, NULL, family_row(breeding->families[i])->name);
    }
    json_end_array(json);
    json_integer(json, "elite", breeding->elite);
    json_integer(json, "tournament", breeding->tournament_size);
    json_number(json, "crossover", breeding->crossover_rate);
    json_number(json, "mutation", breeding->mutation_rate);
    json_number(json, "immigrants", breeding->immigrant_rate);
}

static void add_terms(const struct terms *terms, bool named, struct text *text)
{
    const struct evolve_parameters *parameters = &terms->parameters;
    struct json json = {.text = text};
    json_begin_object(&json, NULL);
    json_integer(&json, "engine", EVOLVE_ENGINE_VERSION);
    if (named) {
        json_string(&json, "snapshot", terms->snapshot);
    }
    json_string(&json, "root", terms->root);
    json_string(&json, "symbol", terms->series.symbol);
    json_string(&json, "interval", terms->series.interval->name);
    add_breeding(&json, &parameters->breeding);
    json_integer(&json, "population", parameters->population);
    json_integer(&json, "generations", parameters->generations);
    json_number(&json, "fee", parameters->fee);
    json_number(&json, "slippage", parameters->slippage);
    json_number(&json, "cash", parameters->cash);
    json_number(&json, "split", parameters->split);
    json_bool(&json, "shorts", parameters->allow_short);
    json_bool(&json, "ema_sma_seed", parameters->ema_sma_seed);
    json_string(&json, "fitness", fitness_name(parameters->fitness));
    json_integer(&json, "trades_min", parameters->trades_min);
    json_end_object(&json);
}

void terms_format(const struct terms *terms, struct text *text)
{
    add_terms(terms, true, text);
}

iso_status terms_identity(const struct terms *terms, struct hash128 *identity,
                          struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    add_terms(terms, false, &text);
    ISO_TRY(text_check(&text, err));
    *identity = hash_bytes(text.data, text.length);
    return ISO_OK;
}
