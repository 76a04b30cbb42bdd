/* SPDX-License-Identifier: Apache-2.0 */
/* What the linker puts in the place of allocations and of SQLite's steps (-Wl,--wrap), so that they
 * can fail as calls of the system do. Only what is named here is wrapped; see meson.build. */
#include "shim.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>

#define ALLOCATION(returns, name, parameters, arguments) \
    returns __real_##name parameters;                    \
    returns __wrap_##name parameters;                    \
    returns __wrap_##name parameters                     \
    {                                                    \
        int error;                                       \
        if (shim_fails(SHIM_ALLOC, &error)) {            \
            errno = ENOMEM;                              \
            return NULL;                                 \
        }                                                \
        return __real_##name arguments;                  \
    }

ALLOCATION(void *, malloc, (size_t bytes), (bytes))
ALLOCATION(void *, calloc, (size_t count, size_t bytes), (count, bytes))
ALLOCATION(void *, realloc, (void *memory, size_t bytes), (memory, bytes))
ALLOCATION(void *, aligned_alloc, (size_t alignment, size_t bytes), (alignment, bytes))
ALLOCATION(char *, strdup, (const char *text), (text))

#define STEP(name, parameters, arguments)    \
    int __real_##name parameters;            \
    int __wrap_##name parameters;            \
    int __wrap_##name parameters             \
    {                                        \
        int error;                           \
        if (shim_fails(SHIM_STEP, &error)) { \
            return error;                    \
        }                                    \
        return __real_##name arguments;      \
    }

STEP(sqlite3_step, (sqlite3_stmt * statement), (statement))
STEP(sqlite3_exec,
     (sqlite3 * handle, const char *sql, int (*visit)(void *, int, char **, char **), void *context,
      char **text),
     (handle, sql, visit, context, text))
STEP(sqlite3_prepare_v3,
     (sqlite3 * handle, const char *sql, int length, unsigned flags, sqlite3_stmt **statement,
      const char **rest),
     (handle, sql, length, flags, statement, rest))
