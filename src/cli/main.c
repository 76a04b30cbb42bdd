/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t signal_seen;

/* The first signal asks for a clean stop, the second one ends at once. */
static void note_signal(int number)
{
    if (signal_seen != 0) {
        _exit(128 + number);
    }
    signal_seen = number;
}

bool interrupted(void)
{
    return signal_seen != 0;
}

void interrupt_clear(void)
{
    signal_seen = 0;
}

const volatile int *interrupt_flag(void)
{
    return &signal_seen;
}

iso_status interrupted_status(struct iso_error *err)
{
    ISO_FAIL(INTERRUPTED, err,
             "stopped by signal %d; what was stored stays stored, call it again to go on",
             (int)signal_seen);
}

void signals_default(void)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}

/* A reader that has gone ends the command without a word, also where the caller ignores SIGPIPE. */
static void listen_for_signals(void)
{
    (void)signal(SIGPIPE, SIG_DFL);
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* --help, --version and no command at all. */
static iso_status answer_about(const struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    if (call_flag(call, OPTION_version)) {
        text_add(&text, "isobar " ISOBAR_VERSION "\n");
    } else if (call->command != NULL) {
        help_command(call->command, &text);
    } else {
        help_overview(&text);
    }
    return result_write(&text, err);
}

static iso_status run(struct call *call, int argument_count, char **arguments,
                      struct iso_error *err)
{
    ISO_TRY(call_parse(call, argument_count, arguments, err));
    bool about =
        call->command == NULL || call_flag(call, OPTION_help) || call_flag(call, OPTION_version);
    return about ? answer_about(call, err) : call->command->run(call, err);
}

/* Columns of bars are large and come and go: memory that was freed is kept, up to a bound, instead
 * of being given back to the system and faulted in again for every segment (encoding: a fifth less
 * time). */
static void keep_freed_memory(void)
{
    enum { KEPT_BYTES = 64 << 20, MAPPED_BYTES = 32 << 20 };
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

int main(int argument_count, char **arguments)
{
    struct iso_error error = {0};
    struct call call = {0};
    ISO_DEFER(mem_defer_free)
    char **positional = calloc((size_t)argument_count + 1, sizeof *positional);
    if (positional == NULL) {
        (void)fputs("isobar: no memory\n", stderr);
        return ISO_CLASS_FAILED;
    }
    call.arguments = positional;
    keep_freed_memory();
    listen_for_signals();
    iso_status status = run(&call, argument_count, arguments, &error);
    if (iso_failed(status)) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "isobar: %s\n", error.text);
        call.exit_code = (int)iso_status_class(status);
    }
    zone_close(&call.zone);
    options_reset(&call.values);
    return signal_seen != 0 ? 128 + (int)signal_seen : call.exit_code;
}
