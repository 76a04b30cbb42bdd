/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "local/store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void broken(const char *format, ...)
{
    va_list more;
    va_start(more, format);
    (void)printf("broken ");
    (void)vprintf(format, more);
    (void)printf("\n");
    va_end(more);
    (void)fflush(stdout);
    exit(1);
}

void need(bool holds, const char *what, const struct iso_error *err)
{
    if (!holds) {
        broken("%s: %s", what, err != NULL ? err->text : "");
    }
}

_Atomic uint64_t *progress_map(const char *path)
{
    static _Atomic uint64_t own[MODEL_WRITERS_MAX];
    if (path == NULL) {
        return own;
    }
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *memory =
        file < 0 ? MAP_FAILED : mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        broken("no counters in %s", path);
    }
    return memory;
}

iso_status read_everything(struct iso_store *store, struct iso_bars *bars, int *complete,
                           struct iso_error *err)
{
    iso_status status = iso_store_read(store, MODEL_SYMBOL, MODEL_INTERVAL, INT64_MIN, INT64_MAX,
                                       bars, complete, err);
    if (iso_status_code(status) == ISO_ERROR_NOT_FOUND) {
        *bars = (struct iso_bars){0};
        *complete = 1;
        return ISO_OK;
    }
    return status;
}

struct problems {
    size_t count;
    char *first;
};

static iso_status note_problem(void *context, const struct problem *problem, struct iso_error *err)
{
    struct problems *problems = context;
    (void)err;
    if (problems->count == 0) {
        (void)snprintf(problems->first, 512, "%s: %s", problem->kind, problem->text);
    }
    problems->count++;
    return ISO_OK;
}

iso_status count_problems(const char *directory, size_t *problems, size_t *segments,
                          char first[512], struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    struct problems found = {0, first};
    first[0] = '\0';
    ISO_TRY(store_open(os_system(), directory, STORE_READ, &store, err));
    ISO_TRY(store_verify(store, true, segments, note_problem, &found, err));
    *problems = found.count;
    return ISO_OK;
}

static void take_acked(struct settings *settings, const char *value)
{
    char *end;
    for (unsigned w = 0; w < MODEL_WRITERS_MAX && *value != '\0'; w++) {
        settings->acked[w] = strtoull(value, &end, 10);
        value = *end == ',' ? end + 1 : end;
    }
}

static void take_setting(struct settings *settings, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
        uint64_t *number;
        unsigned *small;
    } rows[] = {{"store", &settings->store, NULL, NULL},
                {"seed", NULL, &settings->seed, NULL},
                {"writers", NULL, NULL, &settings->writers},
                {"writer", NULL, NULL, &settings->writer},
                {"batches", NULL, &settings->batches, NULL},
                {"session", NULL, &settings->session, NULL},
                {"seconds", NULL, NULL, &settings->seconds},
                {"progress", &settings->progress, NULL, NULL},
                {"call", &settings->call, NULL, NULL},
                {"operation", &settings->operation, NULL, NULL},
                {"effect", &settings->effect, NULL, NULL},
                {"stride", NULL, NULL, &settings->stride},
                {"file", &settings->file, NULL, NULL},
                {"other", &settings->other, NULL, NULL},
                {"flips", NULL, NULL, &settings->flips}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            if (rows[i].text != NULL) {
                *rows[i].text = value;
            } else if (rows[i].number != NULL) {
                *rows[i].number = strtoull(value, NULL, 10);
            } else {
                *rows[i].small = (unsigned)strtoul(value, NULL, 10);
            }
            return;
        }
    }
    broken("no setting is named %s", key);
}

int main(int count, char **words)
{
    const struct {
        const char *name;
        int (*run)(const struct settings *);
    } modes[] = {{"write", writer_main}, {"check", checker_main},       {"read", reader_main},
                 {"calls", calls_main},  {"meanwhile", meanwhile_main}, {"flips", flips_main}};
    struct settings settings = {.seed = 1, .writers = 1, .batches = UINT64_MAX, .stride = 1};
    for (int i = 2; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (value == NULL) {
            broken("%s is not key=value", words[i]);
        }
        *value++ = '\0';
        if (strcmp(words[i], "acked") == 0) {
            take_acked(&settings, value);
        } else {
            take_setting(&settings, words[i], value);
        }
    }
    for (size_t i = 0; count > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, words[1]) == 0) {
            return modes[i].run(&settings);
        }
    }
    broken("the first argument names no mode");
}
