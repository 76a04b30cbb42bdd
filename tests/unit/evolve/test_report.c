/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/chart.h"
#include "evolve/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 5000 };

/* Every tag that is opened is closed in order; void elements of HTML and SVG's own closed ones
 * aside. */
static void assert_well_formed(const char *html)
{
    char open[64][16];
    size_t depth = 0;
    for (const char *at = strchr(html, '<'); at != NULL; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        bool closing = at[1] == '/';
        char name[16] = {0};
        assert_true(sscanf(at + 1 + closing, "%15[a-zA-Z0-9!]", name) == 1);
        bool alone = end[-1] == '/' || name[0] == '!' || strcmp(name, "meta") == 0 ||
                     strcmp(name, "br") == 0;
        if (closing) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (!alone) {
            assert_true(depth < 64);
            (void)strcpy(open[depth++], name);
        }
    }
    assert_int_equal(depth, 0);
}

struct desk {
    struct board *board;
    struct run run;
};

static iso_status commit(void *context, const struct generation *generation, struct iso_error *err)
{
    struct desk *desk = context;
    return board_commit(desk->board, &desk->run, generation, 0.25, err);
}

static void make_run(struct desk *desk, const char *path, const struct bars *bars)
{
    struct iso_error err;
    struct evolve_result result;
    struct terms terms = {
        .parameters = evolve_presets(), .snapshot = "it's <q1>", .root = "00ff00ff"};
    assert_ok(series_make("A<B>&\"C\"", "1h", &terms.series, &err));
    assert_ok(evolve_parse_families("ema_cross,donchian", &terms.parameters, &err));
    terms.parameters.population = 20;
    terms.parameters.generations = 4;
    terms.parameters.breeding.seed = 77123;
    assert_ok(board_open(os_system(), path, BOARD_WRITE, &desk->board, &err));
    assert_ok(board_create(desk->board, &terms, &desk->run, &err));
    assert_ok(evolve_run(bars, &terms.parameters, NULL, commit, desk, NULL, &result, &err));
    assert_ok(board_finish(desk->board, &desk->run, &err));
    assert_ok(board_find(desk->board, desk->run.id, &desk->run, &err));
}

static void assert_holds(const char *html, const char *text)
{
    if (strstr(html, text) == NULL) {
        fail_msg("the report lacks \"%s\"", text);
    }
}

static void assert_numbers(struct desk *desk, const char *html)
{
    struct iso_error err;
    struct champion champion;
    char text[80];
    assert_ok(board_champion(desk->board, &desk->run, &champion, &err));
    (void)snprintf(text, sizeof text, "<td class=\"n\">%.6g</td>", champion.test.sharpe);
    assert_holds(html, text);
    (void)snprintf(text, sizeof text, "<td class=\"n\">%.6g</td>",
                   champion.individual.train.total_return);
    assert_holds(html, text);
    hash_hex(desk->run.hash, text);
    assert_holds(html, text);
    ISO_DEFER(text_reset) struct text genome = {0};
    genome_format(&champion.individual.genome, &genome);
    assert_holds(html, text_get(&genome));
}

static void a_report_is_well_formed_escaped_and_holds_the_numbers(void **state)
{
    (void)state;
    struct iso_error err;
    char directory[] = "/tmp/isobar-report-XXXXXX";
    char path[64];
    struct desk desk;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(text_reset) struct text html = {0};
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/board.db", directory);
    add_walk(&bars, COUNT, 51);
    make_run(&desk, path, &bars);
    assert_ok(report_add(desk.board, &desk.run, &bars, &html, &err));
    const char *page = text_get(&html);
    assert_well_formed(page);
    assert_true(html.length < 200000);
    assert_numbers(&desk, page);
    assert_holds(page, "A&lt;B&gt;&amp;&quot;C&quot;");
    assert_holds(page, "it&#39;s &lt;q1&gt;");
    assert_holds(page, "--seed 77123");
    assert_holds(page, "80 evaluations");
    assert_holds(page, "00ff00ff");
    assert_holds(page, "prefers-color-scheme:dark");
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "<q1>"));
    assert_null(strstr(page, "nan"));
    for (size_t i = 0; i < COUNT; i += 2) { /* other bars cannot pass for the run's */
        bars.value[BAR_close][i] *= 1.02;
    }
    assert_fails(report_add(desk.board, &desk.run, &bars, &html, &err), CORRUPT);
    board_close(&desk.board);
    assert_int_equal(unlink(path), 0);
    (void)strcat(path, "-wal");
    (void)unlink(path);
    (void)strcpy(path + strlen(path) - 3, "shm");
    (void)unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

static void a_long_line_keeps_its_extremes(void **state)
{
    (void)state;
    static double values[100000];
    values[54321] = 7.0;
    values[54322] = -3.0;
    struct chart chart = {.title = "t",
                          .lines = {{"l", values}},
                          .line_count = 1,
                          .count = sizeof values / sizeof values[0],
                          .first = "a",
                          .last = "b"};
    ISO_DEFER(text_reset) struct text html = {0};
    chart_add(&chart, &html);
    assert_well_formed(text_get(&html));
    assert_holds(text_get(&html), ",12.0 ");  /* the top of the picture */
    assert_holds(text_get(&html), ",272.0 "); /* and its bottom */
    assert_true(html.length < 40000);
}

static void a_flat_line_still_has_an_axis(void **state)
{
    (void)state;
    double values[] = {5.0, 5.0, 5.0};
    struct chart chart = {.title = "t",
                          .lines = {{"l", values}},
                          .line_count = 1,
                          .count = 3,
                          .first = "a",
                          .last = "b"};
    ISO_DEFER(text_reset) struct text html = {0};
    chart_add(&chart, &html);
    assert_holds(text_get(&html), ">5</text>");
    assert_null(strstr(text_get(&html), "nan"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_well_formed_escaped_and_holds_the_numbers),
        cmocka_unit_test(a_long_line_keeps_its_extremes),
        cmocka_unit_test(a_flat_line_still_has_an_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
