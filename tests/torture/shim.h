/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing between a program and its disk. The calls that change or read files below one directory
 * (TORTURE_ROOT) are counted; the n-th can be made to fail, to do half, to fail after it was done,
 * or to be the last thing the process does; and each can be written to a journal, from which
 * power.py builds what a power cut would have left.
 *
 * Linked into the worker, where shim_arm() says what fails, and built as a library for LD_PRELOAD,
 * where the environment says it:
 *   TORTURE_ROOT=/dir  TORTURE_FAULT=operation:n:effect:error[:ever]  TORTURE_JOURNAL=/file
 */
#ifndef TORTURE_SHIM_H
#define TORTURE_SHIM_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define SHIM_OPERATION_TABLE(X)                                                                    \
    X(OPEN, "open") X(READ, "read") X(WRITE, "write") X(SYNC, "fsync") X(RENAME, "rename")         \
    X(TRUNCATE, "ftruncate") X(UNLINK, "unlink") X(MKDIR, "mkdir") X(CLOSE, "close") X(MAP, "mmap") \
    X(LOCK, "lock") X(ALLOC, "alloc") X(STEP, "step") X(ANY, "any")
#define SHIM_EFFECT_TABLE(X) X(FAIL, "fail") X(SHORT, "short") X(LATE, "late") X(KILL, "kill") X(MEANWHILE, "meanwhile")
/* clang-format on */

#define SHIM_OPERATION_ENUM(name, text) SHIM_##name,
enum shim_operation { SHIM_OPERATION_TABLE(SHIM_OPERATION_ENUM) SHIM_OPERATION_COUNT };
#define SHIM_EFFECT_ENUM(name, text) SHIM_EFFECT_##name,
enum shim_effect { SHIM_EFFECT_TABLE(SHIM_EFFECT_ENUM) SHIM_EFFECT_COUNT };

/* The operation of that name; aborts where there is none. */
enum shim_operation shim_operation_named(const char *name);

struct shim_fault {
    enum shim_operation operation; /* ANY: whichever of those on files comes */
    uint64_t nth;                  /* counted from 1 since arming */
    enum shim_effect effect;
    int error;
    bool ever;               /* all after the n-th too */
    void (*meanwhile)(void); /* of that effect: done just before the call, which goes well */
};

/* From now on. */
void shim_arm(const struct shim_fault *fault);
/* No more; returns how many calls of the operation there were since shim_arm. */
uint64_t shim_disarm(void);
/* Count a call of the operation; true if it is to fail, with errno set. For what is not a call of
 * the system: allocations, steps of SQLite. */
bool shim_fails(enum shim_operation operation, int *error);
/* Write a remark to the journal, in order with the calls. */
void shim_note(const char *text);

#endif
