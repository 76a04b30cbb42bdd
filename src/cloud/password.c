/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/password.h"

#include "cloud/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct helper {
    pid_t process; /* 0: none */
    int output;    /* -1: closed */
};

/* Ends what is still running, its children too: it leads a process group of its own. */
static void helper_end(struct helper *helper)
{
    if (helper->output >= 0) {
        (void)close(helper->output);
    }
    if (helper->process > 0) {
        (void)kill(-helper->process, SIGKILL);
        while (waitpid(helper->process, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *helper = (struct helper){0, -1};
}

static int spawn(const char *command, int write_end, pid_t *process)
{
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char *text = strdup(command);
    if (text == NULL) {
        return ENOMEM;
    }
    char *arguments[] = {shell, flag, text, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(process, shell, &actions, &attributes, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(text);
    return failed;
}

static iso_status helper_start(const char *command, struct helper *helper, struct iso_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ISO_FAIL(IO, err, "no pipe for the password command: %s", strerror(errno));
    }
    helper->output = ends[0];
    int failed = spawn(command, ends[1], &helper->process);
    (void)close(ends[1]);
    if (failed != 0) {
        helper->process = 0;
        ISO_FAIL(AUTHENTICATION, err, "the password command could not be started: %s",
                 strerror(failed));
    }
    return ISO_OK;
}

/* Waits until there is something to read. */
static iso_status await_output(const struct helper *helper, const struct os *os,
                               int64_t deadline_us, struct iso_error *err)
{
    for (;;) {
        int64_t left_us = deadline_us - os->monotonic_us(os->context);
        struct pollfd wanted = {.fd = helper->output, .events = POLLIN};
        int ready = left_us > 0 ? poll(&wanted, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready > 0) {
            return ISO_OK;
        }
        if (ready == 0) {
            ISO_FAIL(CLOUD_DOWN, err,
                     "the password command gave nothing in time and was ended; run it by hand, or "
                     "raise cloud_connect_ms");
        }
        if (errno != EINTR) {
            ISO_FAIL(IO, err, "waiting for the password command: %s", strerror(errno));
        }
    }
}

static iso_status read_all(const struct helper *helper, const struct os *os, int64_t deadline_us,
                           char buffer[PASSWORD_BYTES_MAX], struct iso_error *err)
{
    size_t length = 0;
    for (;;) {
        ISO_TRY(await_output(helper, os, deadline_us, err));
        ssize_t got = read(helper->output, buffer + length, PASSWORD_BYTES_MAX - 1 - length);
        if (got < 0 && errno != EINTR) {
            ISO_FAIL(IO, err, "reading from the password command: %s", strerror(errno));
        }
        if (got == 0) {
            buffer[strcspn(buffer, "\r\n")] = '\0';
            return ISO_OK;
        }
        length += got > 0 ? (size_t)got : 0;
        buffer[length] = '\0';
        if (length == PASSWORD_BYTES_MAX - 1) {
            ISO_FAIL(AUTHENTICATION, err, "the password command printed more than %d bytes",
                     PASSWORD_BYTES_MAX - 2);
        }
    }
}

/* The output is closed, so the command is about to end; one that lingers is ended. */
static iso_status check_end(struct helper *helper, const struct os *os, int64_t deadline_us,
                            struct iso_error *err)
{
    int state = 0;
    pid_t ended = 0;
    while (ended == 0 && os->monotonic_us(os->context) < deadline_us) {
        ended = waitpid(helper->process, &state, WNOHANG);
        if (ended == 0) {
            (void)usleep(1000);
        }
    }
    if (ended != helper->process) {
        ISO_FAIL(CLOUD_DOWN, err, "the password command did not end in time");
    }
    helper->process = 0;
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        ISO_FAIL(AUTHENTICATION, err, "the password command ended with %s %d; run it by hand",
                 WIFEXITED(state) ? "exit code" : "signal",
                 WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
    }
    return ISO_OK;
}

iso_status password_ask(const char *command, const struct os *os, int64_t deadline_us,
                        char **password, struct iso_error *err)
{
    ISO_DEFER(helper_end) struct helper helper = {0, -1};
    ISO_DEFER(secret_free) char *buffer = calloc(1, PASSWORD_BYTES_MAX);
    if (buffer == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a password");
    }
    ISO_TRY(helper_start(command, &helper, err));
    ISO_TRY(read_all(&helper, os, deadline_us, buffer, err));
    ISO_TRY(check_end(&helper, os, deadline_us, err));
    if (buffer[0] == '\0') {
        ISO_FAIL(AUTHENTICATION, err, "the password command printed nothing; run it by hand");
    }
    *password = buffer;
    buffer = NULL;
    return ISO_OK;
}
