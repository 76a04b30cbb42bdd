/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evolving.h"
#include "market/time.h"

#include <string.h>

static void add_run(struct json *json, const struct run *run)
{
    char time[TIME_TEXT_BYTES];
    char hash[HASH_HEX_BYTES];
    json_add_string(json, "run", run->id);
    json_add_string(json, "state", run_state_name(run->state));
    json_add_string(json, "snapshot", run->terms.snapshot);
    json_add_string(json, "symbol", run->terms.series.symbol);
    json_add_string(json, "interval", run->terms.series.interval->name);
    json_add_integer(json, "seed", (int64_t)run->terms.parameters.breeding.seed);
    json_add_integer(json, "generation", run->generations_done);
    json_add_integer(json, "generations", run->terms.parameters.generations);
    json_add_integer(json, "population", run->terms.parameters.population);
    hash_hex(run->hash, hash);
    json_add_string(json, "result_hash", run->state == RUN_FINISHED ? hash : NULL);
    (void)time_format(run->created_us, time);
    json_add_string(json, "created", time);
    (void)time_format(run->updated_us, time);
    json_add_string(json, "updated", time);
    json_add_number(json, "seconds", run->seconds);
    json_begin_array(json, "workers"); /* a local run is one process; the shared board fills this */
    json_end_array(json);
}

static iso_status list_one(void *context, const struct run *run, struct iso_error *err)
{
    struct listing *listing = context;
    (void)err;
    if (listing->is_json) {
        json_begin_object(&listing->json, NULL);
        add_run(&listing->json, run);
        json_end_object(&listing->json);
        return ISO_OK;
    }
    char time[TIME_TEXT_BYTES];
    char hash[HASH_HEX_BYTES];
    hash_hex(run->hash, hash);
    (void)time_format(run->created_us, time);
    table_cell(&listing->table, "%s", run->id);
    table_cell(&listing->table, "%s", run_state_name(run->state));
    table_cell(&listing->table, "%s %s", run->terms.series.symbol,
               run->terms.series.interval->name);
    table_cell(&listing->table, "%u/%u", run->generations_done, run->terms.parameters.generations);
    table_cell(&listing->table, "%.19sZ", time);
    table_cell(&listing->table, "%s", run->state == RUN_FINISHED ? hash : "-");
    return ISO_OK;
}

static iso_status list(struct call *call, struct board *board, struct iso_error *err)
{
    static const char *const heads[] = {"run", "state", "series", ">done", "created", "result"};
    ISO_DEFER(text_reset) struct text text = {0};
    struct listing listing;
    listing_begin(&listing, call, &text, "runs", heads, sizeof heads / sizeof heads[0]);
    iso_status status = board_each_run(board, list_one, &listing, err);
    listing_end(&listing);
    ISO_TRY(status);
    return result_write(&text, err);
}

static void add_metrics(struct json *json, const char *key, const struct metrics *metrics)
{
    json_begin_object(json, key);
    result_json_metrics(json, metrics);
    json_end_object(json);
}

static iso_status show_json(const struct run *run, const struct champion *champion,
                            struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(text_reset) struct text genome = {0};
    struct json json = {.text = &text};
    result_json_begin(&json);
    add_run(&json, run);
    json_add_string(&json, "root", run->terms.root);
    if (champion != NULL) {
        genome_format(&champion->individual.genome, &genome);
        json_begin_object(&json, "best");
        json_add_string(&json, "genome", text_get(&genome));
        json_add_integer(&json, "generation", champion->generation);
        json_add_number(&json, "fitness", champion->individual.fitness);
        add_metrics(&json, "train", &champion->individual.train);
        add_metrics(&json, "test", &champion->test);
        json_end_object(&json);
    }
    return result_json_end(&json, err);
}

static iso_status show_text(const struct run *run, const struct champion *champion,
                            struct iso_error *err)
{
    static const char *const heads[] = {"metric", ">train", ">test"};
    char hash[HASH_HEX_BYTES];
    ISO_DEFER(text_reset) struct text text = {0};
    hash_hex(run->hash, hash);
    text_addf(&text, "run %s: %s, %u of %u generations of %u, %.2f s\n", run->id,
              run_state_name(run->state), run->generations_done, run->terms.parameters.generations,
              run->terms.parameters.population, run->seconds);
    text_addf(&text, "%s %s of snapshot %s, root %s\n", run->terms.series.symbol,
              run->terms.series.interval->name, run->terms.snapshot, run->terms.root);
    text_addf(&text, "result %s\n", run->state == RUN_FINISHED ? hash : "not yet");
    if (champion != NULL) {
        const struct metrics *sets[] = {&champion->individual.train, &champion->test};
        text_addf(&text, "\nbest (generation %u)  ", champion->generation);
        genome_format(&champion->individual.genome, &text);
        text_add(&text, "\n");
        genome_describe(&champion->individual.genome, run->terms.parameters.allow_short, &text);
        text_add(&text, "\n\n");
        result_table_metrics(heads, sets, 2, &text);
    }
    return result_write(&text, err);
}

static iso_status show(struct call *call, struct board *board, struct iso_error *err)
{
    struct run run;
    struct champion champion;
    if (call->argument_count != 2) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar runs show wants one RUN");
    }
    ISO_TRY(board_find(board, call->arguments[1], &run, err));
    bool any = run.generations_done > 0;
    if (any) {
        ISO_TRY(board_champion(board, &run, &champion, err));
    }
    return call_flag(call, OPTION_json) ? show_json(&run, any ? &champion : NULL, err)
                                        : show_text(&run, any ? &champion : NULL, err);
}

iso_status command_runs(struct call *call, struct iso_error *err)
{
    ISO_DEFER(board_close) struct board *board = NULL;
    const char *action = call->arguments[0];
    bool is_ls = strcmp(action, "ls") == 0;
    if (!is_ls && strcmp(action, "show") != 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar runs does %s", call->command->arguments);
    }
    ISO_TRY(call_board(call, BOARD_READ, &board, err));
    return is_ls ? list(call, board, err) : show(call, board, err);
}
