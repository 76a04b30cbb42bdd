/* SPDX-License-Identifier: Apache-2.0 */
/* Reading terms: apart from terms.c, because jansson's names are those of base/json.h. */
#include "evolve/terms.h"

#include <jansson.h>
#include <stdio.h>

static void drop_json(json_t **json)
{
    json_decref(*json);
}

/* Values that are missing or of another type read as NULL, 0 or false; evolve_check and the names'
 * own parsers refuse what that leaves wrong. */
static const char *text_of(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));
    return text == NULL ? "" : text;
}

static double number_of(const json_t *root, const char *key)
{
    return json_number_value(json_object_get(root, key));
}

static uint32_t count_of(const json_t *root, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(root, key));
    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

static bool flag_of(const json_t *root, const char *key)
{
    return json_is_true(json_object_get(root, key));
}

static iso_status read_breeding(const json_t *root, struct terms *terms, struct iso_error *err)
{
    struct breeding *breeding = &terms->parameters.breeding;
    size_t index = 0;
    json_t *name = NULL;
    ISO_DEFER(text_reset) struct text names = {0};
    json_array_foreach(json_object_get(root, "families"), index, name)
    {
        const char *text = json_string_value(name);
        text_addf(&names, "%s%s", index == 0 ? "" : ",", text == NULL ? "" : text);
    }
    ISO_TRY(evolve_parse_families(text_get(&names), &terms->parameters, err));
    breeding->seed = (uint64_t)json_integer_value(json_object_get(root, "seed"));
    breeding->elite = count_of(root, "elite");
    breeding->tournament_size = count_of(root, "tournament");
    breeding->crossover_rate = number_of(root, "crossover");
    breeding->mutation_rate = number_of(root, "mutation");
    breeding->immigrant_rate = number_of(root, "immigrants");
    return ISO_OK;
}

static iso_status read_terms(const json_t *root, struct terms *terms, struct iso_error *err)
{
    struct evolve_parameters *parameters = &terms->parameters;
    ISO_TRY(read_breeding(root, terms, err));
    ISO_TRY(series_make(text_of(root, "symbol"), text_of(root, "interval"), &terms->series, err));
    ISO_TRY(fitness_parse(text_of(root, "fitness"), &parameters->fitness, err));
    (void)snprintf(terms->snapshot, sizeof terms->snapshot, "%s", text_of(root, "snapshot"));
    (void)snprintf(terms->root, sizeof terms->root, "%s", text_of(root, "root"));
    parameters->population = count_of(root, "population");
    parameters->generations = count_of(root, "generations");
    parameters->fee = number_of(root, "fee");
    parameters->slippage = number_of(root, "slippage");
    parameters->cash = number_of(root, "cash");
    parameters->split = number_of(root, "split");
    parameters->allow_short = flag_of(root, "shorts");
    parameters->ema_sma_seed = flag_of(root, "ema_sma_seed");
    parameters->trades_min = count_of(root, "trades_min");
    return evolve_check(parameters, err);
}

iso_status terms_parse(const char *json, struct terms *terms, struct iso_error *err)
{
    json_error_t where;
    ISO_DEFER(drop_json) json_t *root = json_loads(json, 0, &where);
    if (root == NULL) {
        ISO_FAIL(CORRUPT, err, "a run's parameters are no JSON: %s", where.text);
    }
    json_int_t version = json_integer_value(json_object_get(root, "engine"));
    if (version != EVOLVE_ENGINE_VERSION) {
        ISO_FAIL(NEWER_VERSION, err,
                 "the run was made by engine version %lld, this is %d: run it again",
                 (long long)version, EVOLVE_ENGINE_VERSION);
    }
    struct terms read = {.parameters = evolve_presets()};
    struct iso_error why;
    if (iso_failed(read_terms(root, &read, &why))) {
        ISO_FAIL(CORRUPT, err, "a run's parameters are damaged: %.300s", why.text);
    }
    *terms = read;
    return ISO_OK;
}
