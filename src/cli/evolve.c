/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evolving.h"
#include "store/snapshot.h"

#include <stdio.h>
#include <string.h>

/* A run as the command sees it. */
struct session {
    const struct call *call;
    struct board *board;
    struct run run;
    struct bars bars;
    struct coverage coverage;
    struct individual *individuals;
    struct evolve_result result;
    double seconds;      /* of this call */
    int64_t counted_us;  /* up to here time is on the board */
    uint32_t generation; /* last one done, for messages */
    bool any_done;
};

static void session_reset(struct session *session)
{
    board_close(&session->board);
    bars_reset(&session->bars);
    coverage_reset(&session->coverage);
    free(session->individuals);
}

static int64_t monotonic_us(void)
{
    return os_system()->monotonic_us(os_system()->context);
}

static void breeding_of(const struct call *call, struct breeding *breeding)
{
    breeding->seed = (uint64_t)call_integer(call, OPTION_seed);
    breeding->elite = (uint32_t)call_integer(call, OPTION_elite);
    breeding->tournament_size = (uint32_t)call_integer(call, OPTION_tournament);
    breeding->crossover_rate = call_number(call, OPTION_crossover);
    breeding->mutation_rate = call_number(call, OPTION_mutation);
}

static iso_status terms_of(const struct call *call, struct terms *terms, struct iso_error *err)
{
    const char *snapshot = NULL;
    struct evolve_parameters *parameters = &terms->parameters;
    *terms = (struct terms){.parameters = evolve_presets()};
    ISO_TRY(call_require(call, OPTION_snapshot, &snapshot, err));
    ISO_TRY(call_series(call, &terms->series, err));
    if (snprintf(terms->snapshot, sizeof terms->snapshot, "%s", snapshot) >=
        (int)sizeof terms->snapshot) {
        ISO_FAIL(BAD_ARGUMENT, err, "the name of the snapshot is too long");
    }
    ISO_TRY(evolve_parse_families(call_text(call, OPTION_families), parameters, err));
    ISO_TRY(fitness_parse(call_text(call, OPTION_fitness), &parameters->fitness, err));
    breeding_of(call, &parameters->breeding);
    parameters->population = (uint32_t)call_integer(call, OPTION_population);
    parameters->generations = (uint32_t)call_integer(call, OPTION_generations);
    parameters->fee = call_number(call, OPTION_fee);
    parameters->slippage = call_number(call, OPTION_slippage);
    parameters->split = call_number(call, OPTION_split);
    parameters->allow_short = call_flag(call, OPTION_shorts);
    parameters->ema_sma_seed = call_flag(call, OPTION_ema_sma_seed);
    return evolve_check(parameters, err);
}

/* The bars of the terms' snapshot; sets its root where it is not known yet. */
static iso_status load(struct session *session, struct terms *terms, struct iso_error *err)
{
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(call_store(session->call, STORE_READ, &store, err));
    ISO_TRY(snapshot_find(store, terms->snapshot, &snapshot, NULL, err));
    if (terms->root[0] != '\0' && strcmp(terms->root, snapshot.root) != 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "snapshot %s has root %s, the run was made on %s",
                 terms->snapshot, snapshot.root, terms->root);
    }
    memcpy(terms->root, snapshot.root, sizeof terms->root);
    ISO_TRY(snapshot_read(store, terms->snapshot, &terms->series, &session->bars,
                          &session->coverage, err));
    result_say_coverage(session->call, &session->coverage);
    return ISO_OK;
}

/* A run has its terms: with --resume only what does not change its result may be given. */
static iso_status check_resume(const struct call *call, struct iso_error *err)
{
    for (size_t i = 0; call->command->options[i] != OPTION_END; i++) {
        enum option_id id = call->command->options[i];
        if (id != OPTION_resume && id != OPTION_threads && call_given(call, id)) {
            char flag[OPTION_FLAG_BYTES];
            ISO_FAIL(BAD_ARGUMENT, err, "%s cannot be given with --resume: run %s has its terms",
                     option_flag(id, flag), call_text(call, OPTION_resume));
        }
    }
    return ISO_OK;
}

/* Go on with a run, or begin one; session->run is ours then. */
static iso_status take_run(struct session *session, struct iso_error *err)
{
    struct terms terms;
    struct hash128 identity;
    bool found = false;
    const struct call *call = session->call;
    if (call_has(call, OPTION_resume)) {
        ISO_TRY(check_resume(call, err));
        ISO_TRY(call_board(call, BOARD_WRITE, &session->board, err));
        ISO_TRY(board_claim(session->board, call_text(call, OPTION_resume), NULL, &session->run,
                            &found, err));
        return load(session, &session->run.terms, err);
    }
    ISO_TRY(terms_of(call, &terms, err));
    ISO_TRY(load(session, &terms, err));
    ISO_TRY(call_board(call, BOARD_WRITE, &session->board, err));
    ISO_TRY(terms_identity(&terms, &identity, err));
    ISO_TRY(board_claim(session->board, NULL, &identity, &session->run, &found, err));
    return found ? ISO_OK : board_create(session->board, &terms, &session->run, err);
}

static void say_progress(const struct session *session, const struct generation *generation)
{
    const struct call *call = session->call;
    uint32_t total = session->run.terms.parameters.generations;
    ISO_DEFER(text_reset) struct text genome = {0};
    genome_format(&generation->champion.individual.genome, &genome);
    if (call_draws(call)) {
        (void)fprintf(stderr, "\r\033[Kgeneration %u/%u  best %.4g  mean %.4g  %s%s",
                      generation->index + 1, total, generation->champion.individual.fitness,
                      generation->mean_fitness, text_get(&genome),
                      generation->index + 1 == total ? "\n" : "");
        return;
    }
    call_say(call, "isobar: generation %u/%u best %.6g mean %.6g %s", generation->index + 1, total,
             generation->champion.individual.fitness, generation->mean_fitness, text_get(&genome));
}

static iso_status keep(void *context, const struct generation *generation, struct iso_error *err)
{
    struct session *session = context;
    int64_t now_us = monotonic_us();
    double seconds = (double)(now_us - session->counted_us) * 1e-6;
    ISO_TRY(board_commit(session->board, &session->run, generation, seconds, err));
    session->counted_us = now_us;
    session->seconds += seconds;
    session->generation = generation->index;
    session->any_done = true;
    say_progress(session, generation);
    return ISO_OK;
}

static iso_status compute(struct session *session, struct iso_error *err)
{
    struct evolve_resume resume;
    bool found = false;
    struct evolve_parameters parameters = session->run.terms.parameters;
    parameters.threads = (uint32_t)call_integer(session->call, OPTION_threads);
    ISO_TRY(
        board_resume(session->board, &session->run, &session->individuals, &resume, &found, err));
    if (found) {
        session->generation = resume.generation;
        session->any_done = true;
        call_say(session->call, "isobar: going on with run %s after generation %u of %u",
                 session->run.id, resume.generation + 1, parameters.generations);
    }
    session->counted_us = monotonic_us();
    return evolve_run(&session->bars, &parameters, found ? &resume : NULL, keep, session,
                      interrupt_flag(), &session->result, err);
}

/* Give the run up in a state that anybody can go on from, and say how. */
static iso_status leave(struct session *session, iso_status status, struct iso_error *err)
{
    iso_ignore(board_release(session->board, &session->run, NULL),
               "an owner that is dead can be claimed from as well");
    if (call_draws(session->call)) {
        (void)fputc('\n', stderr);
    }
    call_say(session->call,
             "isobar: run %s keeps %u of %u generations; go on by: isobar evolve "
             "--resume %s",
             session->run.id, session->any_done ? session->generation + 1 : 0,
             session->run.terms.parameters.generations, session->run.id);
    return iso_status_code(status) == ISO_ERROR_INTERRUPTED ? interrupted_status(err) : status;
}

static void say_twin(struct session *session)
{
    struct run twin;
    bool found = false;
    if (iso_failed(board_twin(session->board, &session->run, &twin, &found, NULL)) || !found) {
        return;
    }
    bool same = hash_equal(twin.hash, session->result.hash);
    call_say(session->call,
             same ? "isobar: reproduces run %s: the same result hash"
                  : "isobar: run %s had the same terms and ANOTHER result hash",
             twin.id);
}

static void add_individual(struct json *json, const char *key, const struct champion *champion)
{
    ISO_DEFER(text_reset) struct text genome = {0};
    genome_format(&champion->individual.genome, &genome);
    json_begin_object(json, key);
    json_add_string(json, "genome", text_get(&genome));
    json_add_integer(json, "generation", champion->generation);
    json_add_number(json, "fitness", champion->individual.fitness);
    json_begin_object(json, "train");
    result_json_metrics(json, &champion->individual.train);
    json_end_object(json);
    json_begin_object(json, "test");
    result_json_metrics(json, &champion->test);
    json_end_object(json);
    json_end_object(json);
}

static iso_status print_json(const struct session *session, struct iso_error *err)
{
    char hash[HASH_HEX_BYTES];
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    hash_hex(session->result.hash, hash);
    result_json_begin(&json);
    json_add_string(&json, "run", session->run.id);
    json_add_string(&json, "result_hash", hash);
    json_add_integer(&json, "evaluations", (int64_t)session->result.evaluations);
    json_add_number(&json, "seconds", session->seconds);
    add_individual(&json, "best", &session->result.champion);
    return result_json_end(&json, err);
}

static iso_status print_text(const struct session *session, struct iso_error *err)
{
    static const char *const heads[] = {"metric", ">train", ">test"};
    const struct champion *champion = &session->result.champion;
    const struct metrics *sets[] = {&champion->individual.train, &champion->test};
    char hash[HASH_HEX_BYTES];
    ISO_DEFER(text_reset) struct text text = {0};
    hash_hex(session->result.hash, hash);
    text_addf(&text, "run %s\nresult %s\n%llu evaluations in %.2f s\n\nbest  ", session->run.id,
              hash, (unsigned long long)session->result.evaluations, session->seconds);
    genome_format(&champion->individual.genome, &text);
    text_add(&text, "\n      ");
    genome_describe(&champion->individual.genome, session->run.terms.parameters.allow_short, &text);
    text_add(&text, "\n\n");
    result_table_metrics(heads, sets, 2, &text);
    return result_write(&text, err);
}

iso_status command_evolve(struct call *call, struct iso_error *err)
{
    ISO_DEFER(session_reset) struct session session = {.call = call};
    ISO_TRY(take_run(&session, err));
    iso_status status = compute(&session, err);
    if (!iso_failed(status)) {
        status = board_finish(session.board, &session.run, err);
    }
    if (iso_failed(status)) {
        return leave(&session, status, err);
    }
    say_twin(&session);
    return call_flag(call, OPTION_json) ? print_json(&session, err) : print_text(&session, err);
}
