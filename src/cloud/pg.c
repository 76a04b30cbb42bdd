/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/pg_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 4096 };

/* --- forks -------------------------------------------------------------------------------------*/

static atomic_uint fork_generation;

static void note_fork(void)
{
    (void)atomic_fetch_add(&fork_generation, 1);
}

__attribute__((constructor)) static void watch_forks(void)
{
    int failed = pthread_atfork(NULL, NULL, note_fork);
    ISO_ASSERT(failed == 0);
}

uint32_t pg_fork_generation(void)
{
    return atomic_load_explicit(&fork_generation, memory_order_relaxed);
}

/* --- failures ----------------------------------------------------------------------------------*/

enum pg_outcome pg_outcome_of(iso_status status)
{
    if (!iso_failed(status)) {
        return PG_DONE;
    }
    return iso_status_code(status) == ISO_ERROR_CLOUD_UNKNOWN ? PG_UNKNOWN : PG_FAILED;
}

/* libpq says first where it wanted to go, which is said already. */
static const char *without_place(const char *message)
{
    static const char place[] = "connection to server";
    const char *failed = strstr(message, " failed: ");
    bool has_place = strncmp(message, place, sizeof place - 1) == 0 && failed != NULL;
    return has_place ? failed + strlen(" failed: ") : message;
}

static void copy_message(const char *message, char target[MESSAGE_BYTES])
{
    (void)snprintf(target, MESSAGE_BYTES, "%s", without_place(message != NULL ? message : ""));
}

/* One line, without what must not be seen: secrets, and bytes that could steer a terminal. */
static void clean_message(const struct pg *pg, char text[MESSAGE_BYTES])
{
    secrets_hide(&pg->secrets, text, MESSAGE_BYTES);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n') {
        text[--length] = '\0';
    }
    for (char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        *at = byte < ' ' || byte == 0x7f ? ' ' : *at;
    }
}

static bool is_state_character(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z');
}

/*
 * While a connection starts libpq keeps no SQLSTATE, but says it in the text where it is told to be
 * verbose: "FATAL:  28P01: ...", then on lines of their own what else the server said. Leaves the
 * sentence alone and returns the SQLSTATE in state, "" where there is none.
 */
static void split_verbose(char *text, char state[SQLSTATE_BYTES])
{
    state[0] = '\0';
    for (char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        size_t length = 0;
        while (length < SQLSTATE_BYTES && is_state_character(at[3 + length])) {
            length++;
        }
        if (length == SQLSTATE_BYTES - 1 && at[3 + length] == ':') {
            memcpy(state, at + 3, length);
            state[length] = '\0';
            char *sentence = at + 3 + length + 2;
            sentence[strcspn(sentence, "\n")] = '\0';
            memmove(text, sentence, strlen(sentence) + 1);
            return;
        }
    }
}

iso_status pg_fail(struct pg *pg, const PGresult *result, bool while_connecting,
                   struct iso_error *err)
{
    char text[MESSAGE_BYTES];
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *message = primary != NULL ? primary : PQerrorMessage(pg->handle);
    copy_message(message, text);
    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state != NULL ? state : "");
    if (result == NULL) {
        split_verbose(text, pg->sqlstate);
    }
    clean_message(pg, text);
    pg->fault = fault_of(pg->sqlstate, text, while_connecting);
    bool repeat = pg->fault != FAULT_PROTOCOL; /* what is no PostgreSQL may say anything */
    bool has_state = pg->sqlstate[0] != '\0';
    return iso_never_ok(iso_fail(fault_error(pg->fault), err, "%.80s: %.260s%s%s%s; %s", pg->host,
                                 repeat ? text : "the answer is not PostgreSQL's",
                                 has_state ? " (SQLSTATE " : "", pg->sqlstate, has_state ? ")" : "",
                                 fault_advice(pg->fault)));
}

void pg_break(struct pg *pg)
{
    int file = PQsocket(pg->handle);
    if (file >= 0) {
        (void)shutdown(file, SHUT_RDWR);
    }
    pg->is_broken = true;
}

iso_status pg_check_usable(const struct pg *pg, struct iso_error *err)
{
    if (pg->fork_generation != pg_fork_generation()) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "%.100s: this connection belongs to the parent process; open one after the fork",
                 pg->host);
    }
    if (pg->is_broken) {
        ISO_FAIL(CLOUD_DOWN, err, "%.100s: the connection was lost earlier; take another",
                 pg->host);
    }
    return ISO_OK;
}

/* --- waiting -----------------------------------------------------------------------------------*/

iso_status pg_await(struct pg *pg, bool also_write, int64_t deadline_us, struct iso_error *err)
{
    for (;;) {
        int64_t left_us = deadline_us - pg_now_us(pg);
        struct pollfd wanted = {.fd = PQsocket(pg->handle),
                                .events = (short)(POLLIN | (also_write ? POLLOUT : 0))};
        struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        int ready = left_us > 0 ? ppoll(&wanted, 1, &left, NULL) : 0;
        if (ready > 0) {
            return ISO_OK;
        }
        if (ready == 0) {
            pg->fault = FAULT_LOST;
            pg->sqlstate[0] = '\0';
            ISO_FAIL(CLOUD_DOWN, err, "%.100s: no answer in time; the connection was cut",
                     pg->host);
        }
        if (errno != EINTR) {
            ISO_FAIL(IO, err, "%.100s: waiting for the network: %s", pg->host, strerror(errno));
        }
    }
}

/* --- closing -----------------------------------------------------------------------------------*/

/* A child's copy of its parent's connection is let go without a word to the server. */
static void disown(struct pg *pg)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0 && PQsocket(pg->handle) >= 0) {
        (void)dup3(nowhere, PQsocket(pg->handle), O_CLOEXEC);
    }
    if (nowhere >= 0) {
        (void)close(nowhere);
    }
}

void pg_close(struct pg **pg)
{
    if (*pg == NULL) {
        return;
    }
    if ((*pg)->handle != NULL && (*pg)->fork_generation != pg_fork_generation()) {
        disown(*pg);
    }
    PQfinish((*pg)->handle);
    secrets_reset(&(*pg)->secrets);
    free(*pg);
    *pg = NULL;
}

/* --- what is known -----------------------------------------------------------------------------*/

bool pg_is_usable(const struct pg *pg)
{
    return !pg->is_broken && pg->fork_generation == pg_fork_generation() &&
           PQstatus(pg->handle) == CONNECTION_OK;
}

bool pg_is_quiet(const struct pg *pg)
{
    struct pollfd wanted = {.fd = PQsocket(pg->handle), .events = POLLIN};
    return poll(&wanted, 1, 0) == 0;
}

bool pg_is_worn(const struct pg *pg)
{
    return pg->is_worn;
}

bool pg_in_transaction(const struct pg *pg)
{
    PGTransactionStatusType state = PQtransactionStatus(pg->handle);
    return state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
}

bool pg_transaction_failed(const struct pg *pg)
{
    return PQtransactionStatus(pg->handle) == PQTRANS_INERROR;
}

enum fault pg_fault(const struct pg *pg)
{
    return pg->fault;
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

int64_t pg_deadline(const struct pg *pg)
{
    return pg_now_us(pg) + pg->command_us;
}

struct pg_facts pg_facts(const struct pg *pg)
{
    const char *tls = PQsslInUse(pg->handle) != 0 ? PQsslAttribute(pg->handle, "protocol") : NULL;
    const char *zone = PQparameterStatus(pg->handle, "TimeZone");
    const char *application = PQparameterStatus(pg->handle, "application_name");
    return (struct pg_facts){
        .server_version = PQserverVersion(pg->handle),
        .is_pooled = pg->is_pooled,
        .is_proxied = pg->is_proxied,
        .prepares = pg->prepares,
        .is_standby = pg->is_standby,
        .tls = tls != NULL ? tls : "",
        .host = pg->host,
        .time_zone = zone != NULL ? zone : "",
        .application = application != NULL ? application : "",
        .connect_us = pg->connect_us,
        .wake_us = pg->wake_us,
    };
}

struct pg_traffic pg_traffic(const struct pg *pg)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (PQsocket(pg->handle) < 0 ||
        getsockopt(PQsocket(pg->handle), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) {
        return (struct pg_traffic){0};
    }
    return (struct pg_traffic){info.tcpi_bytes_received, info.tcpi_bytes_acked};
}
