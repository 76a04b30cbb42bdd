/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/board.h"
#include "local/database.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 800, POPULATION = 16, GENERATIONS = 5 };

static struct bars market;
static char directory[] = "/tmp/isobar-board-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/board.db", directory);
    add_walk(&market, COUNT, 41);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char file[80];
        (void)snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    assert_int_equal(rmdir(directory), 0);
    bars_reset(&market);
    return 0;
}

static struct terms terms_of(uint64_t seed)
{
    struct iso_error err;
    struct terms terms = {.parameters = evolve_presets(), .snapshot = "q1", .root = "00ff"};
    assert_ok(series_make("A<B>&\"C\"", "1h", &terms.series, &err));
    assert_ok(evolve_parse_families("ema_cross,bollinger,rsi_reversion", &terms.parameters, &err));
    terms.parameters.breeding.seed = seed;
    terms.parameters.population = POPULATION;
    terms.parameters.generations = GENERATIONS;
    return terms;
}

struct desk {
    struct board *board;
    struct run run;
    uint32_t die_at; /* generation at which the process is killed before its commit */
    uint32_t stop_at;
};

static iso_status commit(void *context, const struct generation *generation, struct iso_error *err)
{
    struct desk *desk = context;
    if (generation->index == desk->die_at) {
        (void)raise(SIGKILL);
    }
    if (generation->index == desk->stop_at) {
        ISO_FAIL(INTERRUPTED, err, "stop");
    }
    return board_commit(desk->board, &desk->run, generation, 0.5, err);
}

static iso_status compute(struct desk *desk, struct evolve_result *result, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct individual *individuals = NULL;
    struct evolve_resume resume;
    bool found = false;
    ISO_TRY(board_resume(desk->board, &desk->run, &individuals, &resume, &found, err));
    ISO_TRY(evolve_run(&market, &desk->run.terms.parameters, found ? &resume : NULL, commit, desk,
                       NULL, result, err));
    return board_finish(desk->board, &desk->run, err);
}

static struct desk new_desk(void)
{
    struct iso_error err;
    struct desk desk = {.die_at = GENERATIONS, .stop_at = GENERATIONS};
    assert_ok(board_open(os_system(), path, BOARD_WRITE, &desk.board, &err));
    return desk;
}

static void terms_read_back_and_identify(void **state)
{
    (void)state;
    struct iso_error err;
    struct terms terms = terms_of(UINT64_MAX);
    struct terms back;
    struct hash128 identity;
    struct hash128 other;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(text_reset) struct text again = {0};
    terms_format(&terms, &text);
    assert_ok(terms_parse(text_get(&text), &back, &err));
    terms_format(&back, &again);
    assert_string_equal(text_get(&text), text_get(&again));
    assert_ok(terms_identity(&terms, &identity, &err));
    (void)strcpy(back.snapshot, "another name");
    back.parameters.threads = 9;
    assert_ok(terms_identity(&back, &other, &err));
    assert_true(hash_equal(identity, other));
    back.parameters.fee = 0.0011;
    assert_ok(terms_identity(&back, &other, &err));
    assert_false(hash_equal(identity, other));
    assert_fails(terms_parse("{", &back, &err), CORRUPT);
    assert_fails(terms_parse("{\"engine\":2}", &back, &err), NEWER_VERSION);
    assert_fails(terms_parse("{\"engine\":1}", &back, &err), CORRUPT);
}

static struct evolve_result run_whole(uint64_t seed, struct run *run)
{
    struct iso_error err;
    struct evolve_result result;
    struct terms terms = terms_of(seed);
    struct desk desk = new_desk();
    assert_ok(board_create(desk.board, &terms, &desk.run, &err));
    assert_ok(compute(&desk, &result, &err));
    assert_ok(board_find(desk.board, desk.run.id, run, &err));
    board_close(&desk.board);
    return result;
}

static void a_finished_run_reads_back(void **state)
{
    (void)state;
    struct iso_error err;
    struct run run;
    struct evolve_result result = run_whole(1, &run);
    assert_int_equal(run.state, RUN_FINISHED);
    assert_int_equal(run.generations_done, GENERATIONS);
    assert_true(hash_equal(run.hash, result.hash));
    assert_true(run.seconds == 0.5 * GENERATIONS);
    ISO_DEFER(board_close) struct board *board = NULL;
    struct champion champion;
    struct champion fittest[100];
    size_t count = 0;
    assert_ok(board_open(os_system(), path, BOARD_READ, &board, &err));
    assert_ok(board_champion(board, &run, &champion, &err));
    assert_memory_equal(&champion, &result.champion, sizeof champion);
    assert_ok(board_fittest(board, &run, 100, fittest, &count, &err));
    assert_true(count > 5 && count <= (size_t)POPULATION * GENERATIONS);
    assert_true(genome_equal(&fittest[0].individual.genome, &champion.individual.genome));
    for (size_t i = 1; i < count; i++) {
        assert_true(fittest[i].individual.fitness <= fittest[i - 1].individual.fitness);
        assert_false(
            genome_equal(&fittest[i].individual.genome, &fittest[i - 1].individual.genome));
    }
    char name[64];
    struct run found;
    struct individual individual;
    (void)snprintf(name, sizeof name, "%s/%u.%u", run.id, champion.generation, champion.index);
    assert_ok(board_named(board, name, &found, &individual, &err));
    assert_memory_equal(&individual, &champion.individual, sizeof individual);
    assert_ok(board_named(board, run.id, &found, &individual, &err));
    assert_memory_equal(&individual, &champion.individual, sizeof individual);
    (void)snprintf(name, sizeof name, "%s/77.0", run.id);
    assert_fails(board_named(board, name, &found, &individual, &err), NOT_FOUND);
    assert_fails(board_named(board, "r00000000/x", &found, &individual, &err), NOT_FOUND);
    assert_fails(board_named(board, "", &found, &individual, &err), BAD_ARGUMENT);
}

static void the_same_terms_again_give_the_same_hash_and_are_noticed(void **state)
{
    (void)state;
    struct iso_error err;
    struct run first;
    struct run second;
    struct run twin;
    bool found = false;
    struct evolve_result a = run_whole(2, &first);
    struct evolve_result b = run_whole(2, &second);
    assert_true(hash_equal(a.hash, b.hash));
    ISO_DEFER(board_close) struct board *board = NULL;
    assert_ok(board_open(os_system(), path, BOARD_READ, &board, &err));
    assert_ok(board_twin(board, &second, &twin, &found, &err));
    assert_true(found);
    assert_string_equal(twin.id, first.id);
}

/* kill -9 at every generation, each time in a process of its own. */
static void a_killed_run_goes_on_to_the_same_hash(void **state)
{
    (void)state;
    struct iso_error err;
    struct run whole;
    struct evolve_result expected = run_whole(3, &whole);
    for (uint32_t die_at = 0; die_at < GENERATIONS; die_at++) {
        struct terms terms = terms_of(3);
        pid_t child = fork();
        if (child == 0) {
            struct evolve_result ignored;
            struct desk desk = new_desk();
            desk.die_at = die_at;
            assert_ok(board_create(desk.board, &terms, &desk.run, &err));
            iso_ignore(compute(&desk, &ignored, &err), "the process dies within");
            _exit(1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct desk desk = new_desk();
        bool found = false;
        assert_ok(board_claim(desk.board, NULL, &whole.identity, &desk.run, &found, &err));
        assert_true(found);
        assert_int_equal(desk.run.generations_done, die_at);
        struct evolve_result result;
        assert_ok(compute(&desk, &result, &err));
        assert_true(hash_equal(result.hash, expected.hash));
        assert_memory_equal(&result.champion, &expected.champion, sizeof result.champion);
        assert_ok(board_claim(desk.board, NULL, &whole.identity, &desk.run, &found, &err));
        assert_false(found);
        board_close(&desk.board);
    }
}

static void a_living_owner_is_not_robbed_but_a_released_run_is_free(void **state)
{
    (void)state;
    struct iso_error err;
    struct terms terms = terms_of(4);
    struct desk desk = new_desk();
    struct desk other = new_desk();
    struct evolve_result result;
    bool found = true;
    desk.stop_at = 2;
    assert_ok(board_create(desk.board, &terms, &desk.run, &err));
    assert_fails(compute(&desk, &result, &err), INTERRUPTED);
    assert_ok(board_claim(other.board, NULL, &desk.run.identity, &other.run, &found, &err));
    assert_false(found);
    assert_fails(board_claim(other.board, desk.run.id, NULL, &other.run, &found, &err), BUSY);
    assert_ok(board_release(desk.board, &desk.run, &err));
    assert_fails(board_finish(desk.board, &desk.run, &err), BUSY);
    assert_ok(board_claim(other.board, desk.run.id, NULL, &other.run, &found, &err));
    assert_true(found);
    assert_int_equal(other.run.generations_done, 2);
    assert_ok(compute(&other, &result, &err));
    assert_fails(board_claim(other.board, desk.run.id, NULL, &other.run, &found, &err),
                 BAD_ARGUMENT);
    board_close(&desk.board);
    board_close(&other.board);
}

/* Several processes want the same dead run: one gets it. */
static void of_many_that_claim_one_wins(void **state)
{
    (void)state;
    enum { CLAIMERS = 6 };
    struct iso_error err;
    struct terms terms = terms_of(5);
    struct desk desk = new_desk();
    assert_ok(board_create(desk.board, &terms, &desk.run, &err));
    assert_ok(board_release(desk.board, &desk.run, &err));
    struct hash128 identity = desk.run.identity;
    board_close(&desk.board);
    pid_t children[CLAIMERS];
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (size_t i = 0; i < CLAIMERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char byte = 0;
            bool found = false;
            struct run run;
            (void)close(gate[1]);
            struct board *board = NULL;
            bool ok = !iso_failed(board_open(os_system(), path, BOARD_WRITE, &board, &err)) &&
                      !iso_failed(board_claim(board, NULL, &identity, &run, &found, &err));
            ok = ok && read(gate[0], &byte, 1) == 0; /* live until all have tried */
            _exit(!ok ? 2 : found ? 1 : 0);
        }
    }
    (void)close(gate[0]);
    (void)usleep(300000);
    (void)close(gate[1]);
    int winners = 0;
    for (size_t i = 0; i < CLAIMERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        winners += WEXITSTATUS(status);
    }
    assert_int_equal(winners, 1);
}

static void damage_on_the_board_is_noticed(void **state)
{
    (void)state;
    struct iso_error err;
    struct terms terms = terms_of(6);
    struct desk desk = new_desk();
    struct evolve_result result;
    desk.stop_at = 3;
    assert_ok(board_create(desk.board, &terms, &desk.run, &err));
    assert_fails(compute(&desk, &result, &err), INTERRUPTED);
    struct database *database = NULL;
    assert_ok(database_open(path, DATABASE_WRITE, &database, &err));
    assert_ok(database_run(database,
                           "UPDATE individuals SET fitness = fitness + 1"
                           " WHERE generation = 2 AND individual = 7",
                           &err));
    database_close(&database);
    struct individual *individuals = NULL;
    struct evolve_resume resume;
    bool found = false;
    assert_fails(board_resume(desk.board, &desk.run, &individuals, &resume, &found, &err), CORRUPT);
    assert_null(individuals);
    board_close(&desk.board);
}

static void a_newer_board_is_refused_and_a_missing_one_not_made_by_reading(void **state)
{
    (void)state;
    struct iso_error err;
    struct board *board = NULL;
    assert_fails(board_open(os_system(), path, BOARD_READ, &board, &err), NOT_FOUND);
    assert_int_equal(access(path, F_OK), -1);
    struct desk desk = new_desk();
    board_close(&desk.board);
    struct database *database = NULL;
    assert_ok(database_open(path, DATABASE_WRITE, &database, &err));
    assert_ok(database_run(database, "PRAGMA user_version = 2", &err));
    database_close(&database);
    assert_fails(board_open(os_system(), path, BOARD_WRITE, &board, &err), NEWER_VERSION);
    assert_null(board);
}

int main(void)
{
#define BOARD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(terms_read_back_and_identify),
        BOARD_TEST(a_finished_run_reads_back),
        BOARD_TEST(the_same_terms_again_give_the_same_hash_and_are_noticed),
        BOARD_TEST(a_killed_run_goes_on_to_the_same_hash),
        BOARD_TEST(a_living_owner_is_not_robbed_but_a_released_run_is_free),
        BOARD_TEST(of_many_that_claim_one_wins),
        BOARD_TEST(damage_on_the_board_is_noticed),
        BOARD_TEST(a_newer_board_is_refused_and_a_missing_one_not_made_by_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
