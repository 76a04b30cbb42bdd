/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintenance: each step is run twice, killed at every change it makes on disk, and made to fail at
 * each of them; not a bar may be lost by it. docs/reliability.md holds the table of this.
 */
#include "store_fixture.h"

#include "../fault_point.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CALLS_MAX = 400 };

static const char orphan[] = "segments/0123456789abcdef0123456789abcdef.seg";
static const char abandoned[] = "segments/.tmp.2147483646.0123456789abcdef"; /* no such process */
static const char foreign[] = "segments/README";

static void in_scratch(const char *name, char *path, size_t bytes)
{
    (void)snprintf(path, bytes, "%s/%s", scratch, name);
}

static bool is_there(const char *name)
{
    char path[160];
    in_scratch(name, path, sizeof path);
    return access(path, F_OK) == 0;
}

static void plant(const char *name)
{
    char path[160];
    in_scratch(name, path, sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static size_t count_files(void)
{
    char directory[128];
    size_t files = 0;
    in_scratch("segments", directory, sizeof directory);
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        files += entry->d_name[0] != '.' || entry->d_name[1] == 't';
    }
    (void)closedir(listing);
    return files;
}

/* Do work in a process of its own; true where it was not killed. */
static bool lives(void (*work)(const void *context), const void *context)
{
    int wait_status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(context);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_true(WIFSIGNALED(wait_status) || WEXITSTATUS(wait_status) == 0);
    return WIFEXITED(wait_status);
}

static void add_untidy(struct bars *first, struct bars *corrected, struct bars *last)
{
    add_bars(first, monday_us, TIME_MINUTE_US, 12000, 1);
    add_bars(corrected, monday_us, TIME_MINUTE_US, 300, 2);
    add_bars(last, monday_us + 12000 * TIME_MINUTE_US, TIME_MINUTE_US, 90, 3);
}

/* Ends without closing the store, so that its log remains. */
static void write_untidy(const void *series)
{
    struct bars parts[3] = {0};
    struct store *store = open_for(STORE_WRITE);
    add_untidy(&parts[0], &parts[1], &parts[2]);
    for (size_t i = 0; i < 3; i++) {
        (void)write_all(store, series, &parts[i]);
        bars_reset(&parts[i]);
    }
    _exit(0);
}

/*
 * A store with work for every step: two periods in segments, one of them corrected so that a
 * segment is retired, bars in the tail over the second period, a log to move, and three files that
 * no row names. expected is what it holds.
 */
static void make_untidy(const struct series *series, struct bars *expected)
{
    ISO_DEFER(bars_reset) struct bars first = {0};
    ISO_DEFER(bars_reset) struct bars last = {0};
    assert_true(lives(write_untidy, series));
    add_untidy(&first, expected, &last);
    struct bars rest = bars_slice(&first, 300, 11700);
    assert_ok(bars_append_all(expected, &rest, &err));
    assert_ok(bars_append_all(expected, &last, &err));
    plant(orphan);
    plant(abandoned);
    plant(foreign);
}

static iso_status seal(struct store *store)
{
    size_t sealed;
    return store_seal(store, NULL, &sealed, &err);
}

static iso_status collect(struct store *store)
{
    struct collect_report report;
    return store_collect(store, -TIME_DAY_US, &report, &err); /* whatever its age */
}

static iso_status checkpoint(struct store *store)
{
    return store_checkpoint(store, &err);
}

static const struct step {
    const char *name;
    iso_status (*run)(struct store *store);
} steps[] = {{"seal", seal}, {"collect", collect}, {"checkpoint", checkpoint}};
enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

/* All there, nothing wrong, whatever happened; then the step twice more, and all steps. */
static void assert_whole(const struct step *step, const struct series *series,
                         const struct bars *expected)
{
    ISO_DEFER(store_close) struct store *store = open_for(STORE_CHANGE);
    assert_reads(store, series, all_time, expected);
    assert_int_equal(count_problems(store), 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(step->run(store));
        assert_reads(store, series, all_time, expected);
    }
    for (size_t i = 0; i < STEP_COUNT; i++) {
        assert_ok(steps[i].run(store));
    }
    assert_reads(store, series, all_time, expected);
    assert_int_equal(count_problems(store), 0);
    assert_int_equal(catalog_number("SELECT count(*) FROM tail"), 0);
    assert_int_equal(catalog_number("SELECT count(*) FROM retired"), 0);
    assert_int_equal(count_files(), catalog_number("SELECT count(*) FROM segments") + 1);
    assert_true(is_there(foreign));
}

struct fault {
    const struct step *step;
    enum fault_kind kind;
    int n;
    bool *happened; /* shared with the process that runs it */
    const struct series *series;
    const struct bars *expected;
};

/* A handle that has seen a failure must serve the next call as well. */
static void run_with_fault(const void *context)
{
    const struct fault *fault = context;
    struct store *store = open_for(STORE_CHANGE);
    fault_arm(fault->kind, fault->n);
    bool failed = iso_failed(fault->step->run(store));
    *fault->happened = fault_point.happened;
    fault_arm(FAULT_NONE, 0);
    assert_true(*fault->happened || !failed);
    assert_true(!failed || err.text[0] != '\0');
    assert_reads(store, fault->series, all_time, fault->expected);
    store_close(&store);
}

static void start_anew(void)
{
    assert_int_equal(scratch_remove(NULL), 0);
    assert_int_equal(scratch_make(NULL), 0);
}

/* The number of changes that a step makes: at each of them the fault struck. */
static int strike_each(const struct step *step, enum fault_kind kind)
{
    struct series series = minute_series("X");
    bool *happened =
        mmap(NULL, sizeof *happened, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(happened != MAP_FAILED);
    bool struck = true;
    int n = 0;
    for (; struck; n++) {
        ISO_DEFER(bars_reset) struct bars expected = {0};
        struct fault fault = {step, kind, n, happened, &series, &expected};
        assert_true(n < CALLS_MAX);
        make_untidy(&series, &expected);
        struck = !lives(run_with_fault, &fault) || *happened;
        assert_whole(step, &series, &expected);
        start_anew();
    }
    assert_int_equal(munmap(happened, sizeof *happened), 0);
    return n - 1;
}

static void each_step_can_be_killed_or_fail_at_every_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        int kills = strike_each(&steps[i], FAULT_KILL);
        int once = strike_each(&steps[i], FAULT_ONCE);
        int for_ever = strike_each(&steps[i], FAULT_FOR_EVER);
        print_message("%s: killed at each of %d changes, failed once at each of %d, for ever from"
                      " each of %d\n",
                      steps[i].name, kills, once, for_ever);
        assert_true(kills > 1 && once == kills && for_ever == kills);
    }
}

static void what_is_younger_than_the_grace_stays(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars expected = {0};
    make_untidy(&series, &expected);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_CHANGE);
    struct collect_report report;
    size_t files = count_files();
    assert_ok(store_collect(store, TIME_DAY_US, &report, &err));
    assert_int_equal(report.files + report.bytes + report.orphans, 0);
    assert_int_equal(count_files(), files);
    assert_ok(store_collect(store, -TIME_DAY_US, &report, &err));
    assert_int_equal(report.files, 3);
    assert_int_equal(report.orphans, 2);
    assert_false(is_there(orphan) || is_there(abandoned));
    assert_true(is_there(foreign));
}

static void an_unfinished_file_of_a_living_process_stays(void **state)
{
    (void)state;
    char mine[80];
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars expected = {0};
    make_untidy(&series, &expected);
    (void)snprintf(mine, sizeof mine, "segments/.tmp.%ld.0123456789abcdef", (long)getpid());
    plant(mine);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_CHANGE);
    assert_ok(collect(store));
    assert_true(is_there(mine));
}

/* The file that a writer published is gone when it commits: it must publish it again. */
struct greedy {
    struct os os;
    struct store *other;
    bool done;
};

static int fsync_then_collect(void *context, int file)
{
    struct greedy *greedy = context;
    struct stat info;
    int result = os_system()->fsync(NULL, file);
    assert_int_equal(fstat(file, &info), 0);
    if (!greedy->done && S_ISDIR(info.st_mode)) {
        greedy->done = true;
        assert_ok(collect(greedy->other));
    }
    return result;
}

static void collecting_beside_a_writer_takes_nothing_it_needs(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(store_close) struct store *other = open_for(STORE_WRITE);
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct write_report report = {0};
    struct greedy greedy = {.os = *os_system(), .other = other};
    greedy.os.context = &greedy;
    greedy.os.fsync = fsync_then_collect;
    add_bars(&bars, monday_us, TIME_MINUTE_US, 500, 1);
    assert_ok(store_open(&greedy.os, scratch, STORE_CHANGE, &store, &err));
    assert_ok(store_write(store, &series, &bars, whole(&bars), &report, &err));
    assert_true(greedy.done);
    assert_reads(other, &series, all_time, &bars);
    assert_int_equal(count_problems(other), 0);
}

static void a_walk_over_a_replaced_state_says_so_when_its_files_are_gone(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars expected = {0};
    make_untidy(&series, &expected);
    ISO_DEFER(store_close) struct store *reader = open_for(STORE_READ);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_CHANGE);
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    assert_ok(store_scan_open(reader, &series, all_time, &coverage, &scan, &err));
    assert_ok(seal(store));
    ISO_DEFER(bars_reset) struct bars corrected = {0};
    add_bars(&corrected, monday_us, TIME_MINUTE_US, 300, 4);
    (void)write_all(store, &series, &corrected);
    assert_ok(collect(store));
    struct store_view view = {0};
    assert_fails(store_scan_next(scan, &view, &err), BUSY);
    assert_int_equal(coverage.range_count, 0); /* it is no damage */
    struct bars rest = bars_slice(&expected, 300, expected.count - 300);
    assert_ok(bars_append_all(&corrected, &rest, &err));
    assert_reads(reader, &series, all_time, &corrected);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(each_step_can_be_killed_or_fail_at_every_change),
        TEST(what_is_younger_than_the_grace_stays),
        TEST(an_unfinished_file_of_a_living_process_stays),
        TEST(collecting_beside_a_writer_takes_nothing_it_needs),
        TEST(a_walk_over_a_replaced_state_says_so_when_its_files_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
