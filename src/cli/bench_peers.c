/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_peers.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "columns are handed over as they lie in memory");

enum {
    PEERS_SECONDS_MAX = 4 * 3600,
    PEERS_OUTPUT_BYTES_MAX = 64 << 20,
    POLL_MS = 200, /* how late a signal is noticed */
};

/* The folder above that of the running program: a source tree whose build/ it lies in. */
static void own_tree(char tree[PEERS_PATH_BYTES])
{
    ssize_t length = readlink("/proc/self/exe", tree, PEERS_PATH_BYTES - 1);
    tree[length > 0 ? length : 0] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(tree, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
}

static iso_status path_join(char target[PEERS_PATH_BYTES], const char *tree, const char *name,
                            struct iso_error *err)
{
    int length = snprintf(target, PEERS_PATH_BYTES, "%s/%s", tree, name);
    if (length < 0 || length >= PEERS_PATH_BYTES) {
        ISO_FAIL(LIMIT, err, "the path %.80s.../%s is too long", tree, name);
    }
    return ISO_OK;
}

iso_status peers_path(const struct bench *bench, const char *name, char target[PEERS_PATH_BYTES],
                      struct iso_error *err)
{
    char preset[PEERS_PATH_BYTES] = "";
    const char *tree = call_text(bench->call, OPTION_bench_peers);
    if (tree == NULL) {
        own_tree(preset);
        tree = preset;
    }
    return path_join(target, tree, name, err);
}

iso_status peers_init(struct peers *peers, const struct bench *bench, const char *script,
                      bool *found, struct iso_error *err)
{
    char tree[PEERS_PATH_BYTES];
    char name[PEERS_FILE_BYTES];
    ISO_TRY(peers_path(bench, "", tree, err));
    ISO_TRY(peers_path(bench, ".deps/bench-venv/bin/python", peers->python, err));
    (void)snprintf(name, sizeof name, "bench/%s", script);
    ISO_TRY(peers_path(bench, name, peers->script, err));
    *found = access(peers->python, X_OK) == 0 && access(peers->script, R_OK) == 0;
    if (!*found) {
        call_say(bench->call,
                 "no peers are measured: %s.deps/bench-venv does not have them; "
                 "scripts/setup-bench-peers of the source tree installs them, --bench-peers DIR "
                 "names the tree",
                 tree);
        return ISO_OK;
    }
    (void)snprintf(peers->directory, sizeof peers->directory, "%s/columns", bench->directory);
    if (mkdir(peers->directory, 0700) != 0) {
        ISO_FAIL(IO, err, "%s could not be made: %s", peers->directory, strerror(errno));
    }
    return ISO_OK;
}

/* --- bars out ----------------------------------------------------------------------------------*/

size_t peers_columns(const struct bars *bars, struct peers_column columns[PEERS_COLUMNS_MAX])
{
    static const char *const names[] = {
#define X(name) #name,
        BAR_VALUE_TABLE(X)
#undef X
    };
    size_t count = 0;
    columns[count++] = (struct peers_column){"time_us", "i8", bars->time_us};
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        size_t row = 0;
        while (row < bars->count && isnan(bars->value[i][row])) {
            row++;
        }
        if (row < bars->count) {
            columns[count++] = (struct peers_column){names[i], "f8", bars->value[i]};
        }
    }
    size_t row = 0;
    while (row < bars->count && bars->trade_count[row] == BAR_COUNT_ABSENT) {
        row++;
    }
    if (row < bars->count) {
        columns[count++] = (struct peers_column){"trade_count", "i8", bars->trade_count};
    }
    return count;
}

static void add_head(const char *name, size_t rows, const struct peers_column *columns,
                     size_t column_count, struct text *head)
{
    struct json json = {.text = head};
    json_begin_object(&json, NULL);
    json_add_string(&json, "name", name);
    json_add_integer(&json, "rows", (int64_t)rows);
    json_begin_object(&json, "columns");
    for (size_t i = 0; i < column_count; i++) {
        json_add_string(&json, columns[i].name, columns[i].kind);
    }
    json_end_object(&json);
    json_end_object(&json);
    text_add_char(head, '\n');
}

static void close_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

void peers_file_name(size_t index, char name[PEERS_FILE_BYTES])
{
    (void)snprintf(name, PEERS_FILE_BYTES, "%06zu.columns", index);
}

iso_status peers_give(struct peers *peers, const char *name, const struct bars *bars,
                      struct iso_error *err)
{
    struct peers_column columns[PEERS_COLUMNS_MAX];
    char path[sizeof peers->directory + PEERS_FILE_BYTES + 1];
    char file_name[PEERS_FILE_BYTES];
    ISO_DEFER(text_reset) struct text head = {0};
    size_t column_count = peers_columns(bars, columns);
    add_head(name, bars->count, columns, column_count, &head);
    ISO_TRY(text_check(&head, err));
    peers_file_name(peers->file_count++, file_name);
    (void)snprintf(path, sizeof path, "%s/%s", peers->directory, file_name);
    ISO_DEFER(close_file) FILE *file = fopen(path, "wb");
    if (file == NULL) {
        ISO_FAIL(IO, err, "%s could not be made: %s", path, strerror(errno));
    }
    bool good = fwrite(head.data, 1, head.length, file) == head.length;
    for (size_t i = 0; i < column_count; i++) {
        good = good && fwrite(columns[i].words, 8, bars->count, file) == bars->count;
    }
    if (!good || fflush(file) != 0) {
        ISO_FAIL(IO, err, "%s could not be written: %s", path, strerror(errno));
    }
    return ISO_OK;
}

iso_status peers_give_text(const struct peers *peers, const char *name, const struct text *text,
                           struct iso_error *err)
{
    char path[sizeof peers->directory + PEERS_FILE_BYTES + 1];
    ISO_TRY(text_check(text, err));
    (void)snprintf(path, sizeof path, "%s/%s", peers->directory, name);
    ISO_DEFER(close_file) FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text_get(text), 1, text->length, file) != text->length ||
        fflush(file) != 0) {
        ISO_FAIL(IO, err, "%s could not be written: %s", path, strerror(errno));
    }
    return ISO_OK;
}

iso_status peers_name(struct peers *peers, char *const *paths, size_t count, struct iso_error *err)
{
    char path[sizeof peers->directory + 32];
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    char program[PEERS_PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    json_begin_object(&json, NULL);
    json_add_string(&json, "isobar", program);
    json_begin_array(&json, "files");
    for (size_t i = 0; i < count; i++) {
        json_add_string(&json, NULL, paths[i]);
    }
    json_end_array(&json);
    json_end_object(&json);
    ISO_TRY(text_check(&text, err));
    (void)snprintf(path, sizeof path, "%s/files.json", peers->directory);
    return file_write(os_system(), path, text.data, text.length, err);
}

/* --- the script --------------------------------------------------------------------------------*/

/* A running script and the end of the pipe that it prints to. */
struct script {
    pid_t process; /* 0 where there is none (any more) */
    int output;
};

/* Ends the script where it still runs. */
static void script_stop(struct script *script)
{
    if (script->output >= 0) {
        (void)close(script->output);
        script->output = -1;
    }
    if (script->process > 0) {
        (void)kill(script->process, SIGKILL);
        (void)waitpid(script->process, NULL, 0);
        script->process = 0;
    }
}

static iso_status script_start(struct script *script, const char *const arguments[],
                               struct iso_error *err)
{
    int ends[2];
    ISO_ASSERT(arguments[0] != NULL);
    posix_spawn_file_actions_t actions;
    char *copy[16] = {0}; /* posix_spawn promises not to write to them, its prototype does not */
    for (size_t i = 0; arguments[i] != NULL; i++) {
        ISO_ASSERT(i + 1 < sizeof copy / sizeof copy[0]);
        memcpy(&copy[i], &arguments[i], sizeof copy[i]);
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ISO_FAIL(IO, err, "no pipe for the peers: %s", strerror(errno));
    }
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        failed = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (failed == 0) {
            failed = posix_spawn(&script->process, copy[0], &actions, NULL, copy, environ);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(ends[1]);
    script->output = ends[0];
    if (failed != 0) {
        script->process = 0;
        ISO_FAIL(IO, err, "%s could not be started: %s", copy[0], strerror(failed));
    }
    return ISO_OK;
}

static int64_t now_us(void)
{
    const struct os *os = os_system();
    return os->monotonic_us(os->context);
}

/* Collect what the script prints until it closes its output. */
static iso_status script_read(const struct script *script, struct text *output,
                              struct iso_error *err)
{
    int64_t until_us = now_us() + (int64_t)PEERS_SECONDS_MAX * 1000000;
    char piece[16384];
    for (;;) {
        struct pollfd ready = {.fd = script->output, .events = POLLIN};
        int events = poll(&ready, 1, POLL_MS);
        if (interrupted()) {
            return interrupted_status(err);
        }
        if (now_us() > until_us) {
            ISO_FAIL(LIMIT, err, "the peers took more than %d hours; ask for fewer files or --runs",
                     PEERS_SECONDS_MAX / 3600);
        }
        if (events <= 0) {
            continue; /* a pause or a signal; until_us bounds the loop */
        }
        ssize_t got = read(script->output, piece, sizeof piece);
        if (got == 0) {
            return text_check(output, err);
        }
        if (got < 0 && errno != EINTR) {
            ISO_FAIL(IO, err, "what the peers print cannot be read: %s", strerror(errno));
        }
        if (output->length > PEERS_OUTPUT_BYTES_MAX) {
            ISO_FAIL(LIMIT, err, "the peers printed more than %d MiB",
                     PEERS_OUTPUT_BYTES_MAX >> 20);
        }
        text_append(output, piece, got > 0 ? (size_t)got : 0);
    }
}

static iso_status script_wait(struct script *script, const char *name, struct iso_error *err)
{
    int state = 0;
    pid_t process = script->process;
    script->process = 0;
    while (waitpid(process, &state, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        ISO_FAIL(BAD_FORMAT, err, "%s ended with %s %d; standard error has its reason", name,
                 WIFEXITED(state) ? "exit code" : "signal",
                 WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
    }
    return ISO_OK;
}

/* --- rows in -----------------------------------------------------------------------------------*/

/* "pcodec8.decode/group", "32.1", "M bars/s", or "pcodec.version", "1.1.0", "version". */
static iso_status add_row(struct bench *bench, const char *name, const char *value,
                          const char *unit, struct iso_error *err)
{
    double number;
    char measure[BENCH_NAME_BYTES];
    size_t length = strcspn(name, "/");
    if (length >= sizeof measure) {
        ISO_FAIL(LIMIT, err, "the name %.40s... is too long", name);
    }
    memcpy(measure, name, length);
    measure[length] = '\0';
    if (strchr(measure, '.') == NULL) {
        ISO_FAIL(BAD_FORMAT, err, "\"%.80s\" does not begin with who.what", name);
    }
    if (strcmp(unit, "version") == 0) {
        measure[strcspn(measure, ".")] = '\0';
        return bench_add_version(bench, measure, value, err);
    }
    if (!number_parse(value, value + strlen(value), &number)) {
        ISO_FAIL(BAD_FORMAT, err, "%.80s is \"%.40s\", which is no number", name, value);
    }
    return bench_add(bench, measure, name + length, number, unit, err);
}

/* Takes the line apart in place. */
static iso_status parse_line(struct bench *bench, char *line, struct iso_error *err)
{
    char *value = strchr(line, '\t');
    char *unit = value != NULL ? strchr(value + 1, '\t') : NULL;
    if (unit == NULL || strchr(unit + 1, '\t') != NULL) {
        ISO_FAIL(BAD_FORMAT, err, "\"%.80s\" is not name, value and unit with tabs between", line);
    }
    *value++ = '\0';
    *unit++ = '\0';
    return add_row(bench, line, value, unit, err);
}

static iso_status parse_output(struct bench *bench, struct text *output, struct iso_error *err)
{
    size_t number = 1;
    char *next = NULL;
    for (char *line = output->data; line != NULL && *line != '\0'; line = next, number++) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        ISO_TRY(iso_context(parse_line(bench, line, err), err, "what the peers print, line %zu",
                            number));
    }
    return ISO_OK;
}

iso_status peers_script(struct bench *bench, const char *name, const char *const arguments[],
                        struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text output = {0};
    ISO_DEFER(script_stop) struct script script = {.output = -1};
    ISO_TRY(script_start(&script, arguments, err));
    ISO_TRY(script_read(&script, &output, err));
    ISO_TRY(script_wait(&script, name, err));
    return parse_output(bench, &output, err);
}

iso_status peers_run(const struct peers *peers, struct bench *bench, struct iso_error *err)
{
    char runs[24];
    (void)snprintf(runs, sizeof runs, "%zu", bench_runs(bench));
    const char *const arguments[] = {peers->python, peers->script, peers->directory,
                                     "--runs",      runs,          NULL};
    return peers_script(bench, peers->script, arguments, err);
}
