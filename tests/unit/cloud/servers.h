/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that tests/servers.py has started for this program. */
#ifndef TEST_SERVERS_H
#define TEST_SERVERS_H

#include "../test.h"

#include "cloud/pg.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_US INT64_C(20000000)
#define CONNECT_US INT64_C(20000000)

static inline const char *server_name(void)
{
    return getenv("ISOBAR_TEST_SERVER");
}

static inline const char *server_url(void)
{
    return getenv("ISOBAR_TEST_URL");
}

/* NULL where there is no pooler. */
static inline const char *server_pooler_url(void)
{
    return getenv("ISOBAR_TEST_POOLER_URL");
}

/* Through the pooler where there is one. */
static inline const char *server_data_url(void)
{
    return server_pooler_url() != NULL ? server_pooler_url() : server_url();
}

static inline pid_t server_process(void)
{
    const char *text = getenv("ISOBAR_TEST_SERVER_PID");
    return text != NULL ? (pid_t)strtol(text, NULL, 10) : 0;
}

static inline int64_t server_now_us(void)
{
    return os_system()->monotonic_us(NULL);
}

static inline struct pg *server_connect(const char *url)
{
    struct iso_error err = {0};
    struct settings settings;
    struct settings_source source = {.url = url};
    struct pg *opened = NULL;
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    assert_ok(pg_open(&settings, os_system(), server_now_us() + CONNECT_US, COMMAND_US, &opened,
                      NULL, &err));
    settings_reset(&settings);
    return opened;
}

#endif
