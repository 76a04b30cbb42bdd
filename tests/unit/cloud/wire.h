/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a wire that do wrong on purpose: a proxy in front of a real server, and a server that
 * speaks PostgreSQL's protocol badly. Both live in threads of the test.
 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include "servers.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

static inline void sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static inline size_t open_files(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static inline int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(file, 128), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return file;
}

/* --- the proxy ---------------------------------------------------------------------------------*/

/* What happens to what passes. The word is a whole text of a message, as COMMIT in Parse. */
enum wire_mode {
    WIRE_PASSES,
    WIRE_STALLS,        /* nothing goes either way, everything stays open */
    WIRE_DROPS_ANSWERS, /* what the server says is lost */
    WIRE_DELAYS,        /* each piece comes 30 ms later */
    WIRE_CUTS_BEFORE,   /* at the word: the server never gets it */
    WIRE_CUTS_AFTER,    /* at the word: the server has answered, the client never hears it */
    WIRE_CUTS_ANSWERS,  /* after `bytes` more bytes of answers: in the middle of a row */
    WIRE_REFUSES,       /* whoever comes is turned away at once */
    WIRE_HOLDS,         /* whoever signs in waits for being ready until the mode changes */
};

enum { WIRE_PAIRS_MAX = 4096 };

struct proxy {
    int listener;
    int port;
    int target_port;
    pthread_t thread;
    atomic_int mode;
    atomic_int bytes;
    atomic_uint epoch; /* connections of an earlier one are cut */
    atomic_bool ends;
    atomic_int alive; /* threads of pairs */
    const char *word;
};

struct pair {
    struct proxy *proxy;
    unsigned epoch;
    int client;
    int server;
};

static inline bool pass_on(int to, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(to, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* The server answers what it has got already, into nowhere. */
static inline void drain_server(struct pair *pair)
{
    char buffer[4096];
    struct pollfd wanted = {.fd = pair->server, .events = POLLIN};
    if (poll(&wanted, 1, 5000) > 0) {
        (void)!read(pair->server, buffer, sizeof buffer);
    }
}

/* One piece from the client; false ends the pair. */
static inline bool from_client(struct pair *pair, int mode)
{
    char buffer[65536];
    ssize_t got = read(pair->client, buffer, sizeof buffer);
    if (got <= 0) {
        return false;
    }
    const char *word = pair->proxy->word;
    bool is_there = (mode == WIRE_CUTS_BEFORE || mode == WIRE_CUTS_AFTER) &&
                    memmem(buffer, (size_t)got, word, strlen(word) + 1) != NULL;
    if (is_there && atomic_compare_exchange_strong(&pair->proxy->mode, &mode, WIRE_PASSES)) {
        if (mode == WIRE_CUTS_AFTER) {
            (void)pass_on(pair->server, buffer, (size_t)got);
            drain_server(pair);
        }
        return false;
    }
    return pass_on(pair->server, buffer, (size_t)got);
}

/* As Neon does it: signing in is fast, since its proxy does that; then the compute has to wake. */
static inline size_t pass_and_hold(const struct pair *pair, const char *bytes, size_t length)
{
    static const char signed_in[] = "R\0\0\0\10\0\0\0\0"; /* its NUL is not looked for */
    const char *found = memmem(bytes, length, signed_in, sizeof signed_in - 1);
    size_t passed = found != NULL ? (size_t)(found - bytes) + sizeof signed_in - 1 : 0;
    (void)pass_on(pair->client, bytes, passed);
    while (found != NULL && atomic_load(&pair->proxy->mode) == WIRE_HOLDS &&
           !atomic_load(&pair->proxy->ends)) {
        sleep_ms(5);
    }
    return passed;
}

static inline bool from_server(struct pair *pair, int mode)
{
    char buffer[65536];
    ssize_t got = read(pair->server, buffer, sizeof buffer);
    if (got <= 0) {
        return false;
    }
    if (mode == WIRE_HOLDS) {
        size_t passed = pass_and_hold(pair, buffer, (size_t)got);
        return pass_on(pair->client, buffer + passed, (size_t)got - passed);
    }
    if (mode == WIRE_DROPS_ANSWERS) {
        return true;
    }
    if (mode == WIRE_CUTS_ANSWERS) {
        int left = atomic_fetch_sub(&pair->proxy->bytes, (int)got);
        if (left <= (int)got) {
            atomic_store(&pair->proxy->mode, WIRE_PASSES);
            (void)pass_on(pair->client, buffer, left > 0 ? (size_t)left : 0);
            return false;
        }
    }
    if (mode == WIRE_DELAYS) {
        sleep_ms(30);
    }
    return pass_on(pair->client, buffer, (size_t)got);
}

static inline bool pair_step(struct pair *pair)
{
    int mode = atomic_load(&pair->proxy->mode);
    struct pollfd files[] = {{.fd = pair->client, .events = POLLIN},
                             {.fd = pair->server, .events = POLLIN}};
    if (atomic_load(&pair->proxy->ends) || pair->epoch != atomic_load(&pair->proxy->epoch)) {
        return false;
    }
    if (mode == WIRE_STALLS) {
        sleep_ms(5);
        return true;
    }
    if (poll(files, 2, 5) <= 0) {
        return true;
    }
    mode = atomic_load(&pair->proxy->mode);
    if (mode == WIRE_STALLS) {
        return true;
    }
    return (files[0].revents == 0 || from_client(pair, mode)) &&
           (files[1].revents == 0 || from_server(pair, mode));
}

static inline bool pair_connect(struct pair *pair)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)pair->proxy->target_port)};
    pair->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(pair->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(pair->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return atomic_load(&pair->proxy->mode) != WIRE_REFUSES &&
           connect(pair->server, (struct sockaddr *)&address, sizeof address) == 0;
}

static inline void *pair_main(void *context)
{
    struct pair *pair = context;
    if (pair_connect(pair)) {
        while (pair_step(pair)) {
        }
    }
    (void)close(pair->client);
    (void)close(pair->server);
    (void)atomic_fetch_sub(&pair->proxy->alive, 1);
    free(pair);
    return NULL;
}

static inline void *proxy_main(void *context)
{
    struct proxy *proxy = context;
    while (!atomic_load(&proxy->ends)) {
        struct pollfd wanted = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&wanted, 1, 5) <= 0) {
            continue;
        }
        struct pair *pair = calloc(1, sizeof *pair);
        pthread_t thread;
        if (pair == NULL) {
            break;
        }
        *pair = (struct pair){.proxy = proxy,
                              .epoch = atomic_load(&proxy->epoch),
                              .client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC)};
        (void)atomic_fetch_add(&proxy->alive, 1);
        if (pthread_create(&thread, NULL, pair_main, pair) == 0) {
            (void)pthread_detach(thread);
        }
    }
    return NULL;
}

static inline void proxy_set(struct proxy *proxy, enum wire_mode mode)
{
    atomic_store(&proxy->mode, (int)mode);
}

/* Cut everything that is open now. */
static inline void proxy_cut(struct proxy *proxy)
{
    (void)atomic_fetch_add(&proxy->epoch, 1);
}

static inline void proxy_start(struct proxy *proxy, const char *url)
{
    *proxy = (struct proxy){.word = "COMMIT"};
    proxy->listener = listen_somewhere(&proxy->port);
    proxy->target_port = (int)strtol(strrchr(url, ':') + 1, NULL, 10);
    assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
}

static inline void proxy_stop(struct proxy *proxy)
{
    atomic_store(&proxy->ends, true);
    (void)pthread_join(proxy->thread, NULL);
    while (atomic_load(&proxy->alive) > 0) {
        sleep_ms(1);
    }
    (void)close(proxy->listener);
}

/* The URL with the proxy's port in the place of the server's, unencrypted so that it can be read.
 */
static inline void proxy_url(const struct proxy *proxy, const char *url, char target[256])
{
    int head = (int)(strrchr(url, ':') - url);
    const char *slash = strrchr(url, '/');
    (void)snprintf(target, 256, "%.*s:%d%s?sslmode=disable", head, url, proxy->port, slash);
}

/* --- the bad server ----------------------------------------------------------------------------*/

/* What it says after each message of the client's, in turn; then it closes, or stays silent. */
struct bad_answer {
    const char *bytes;
    size_t length;
};

enum { BAD_ANSWERS_MAX = 8 };

struct bad_server {
    int listener;
    int port;
    pthread_t thread;
    struct bad_answer answers[BAD_ANSWERS_MAX];
    bool stays;  /* silent, with the connection open */
    bool echoes; /* the last answer is an error that holds what the client said */
    atomic_bool ends;
};

static inline void bad_echo(int file, const char *said, size_t length)
{
    char message[512] = "E\0\0\0\0SERROR\0C28000\0Mno: ";
    size_t at = 24; /* after "no: " */
    size_t kept = length > 300 ? 300 : length;
    memcpy(message + at, said, kept);
    for (size_t i = 0; i < kept; i++) { /* a text ends at its first NUL */
        message[at + i] = message[at + i] == '\0' ? ' ' : message[at + i];
    }
    uint32_t total = htonl((uint32_t)(at + kept + 2 - 1));
    memcpy(message + 1, &total, sizeof total);
    (void)pass_on(file, message, at + kept + 2);
}

static inline void bad_serve(struct bad_server *server, int file)
{
    char said[4096];
    for (size_t i = 0; i < BAD_ANSWERS_MAX && server->answers[i].bytes != NULL; i++) {
        struct pollfd wanted = {.fd = file, .events = POLLIN};
        if (poll(&wanted, 1, 5000) <= 0 || read(file, said, sizeof said) <= 0) {
            return;
        }
        (void)pass_on(file, server->answers[i].bytes, server->answers[i].length);
    }
    ssize_t got = server->echoes ? read(file, said, sizeof said) : 0;
    if (got > 0) {
        bad_echo(file, said, (size_t)got);
    }
    while (server->stays && !atomic_load(&server->ends)) {
        sleep_ms(5);
    }
}

static inline void *bad_main(void *context)
{
    struct bad_server *server = context;
    while (!atomic_load(&server->ends)) {
        struct pollfd wanted = {.fd = server->listener, .events = POLLIN};
        if (poll(&wanted, 1, 5) > 0) {
            int file = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
            bad_serve(server, file);
            (void)close(file);
        }
    }
    return NULL;
}

static inline void bad_start(struct bad_server *server)
{
    server->listener = listen_somewhere(&server->port);
    assert_int_equal(pthread_create(&server->thread, NULL, bad_main, server), 0);
}

static inline void bad_stop(struct bad_server *server)
{
    atomic_store(&server->ends, true);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
}

#endif
