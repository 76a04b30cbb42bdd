/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 1024, PATH_BYTES = 256 };

#define NAME_OF_OPERATION(name, text) text,
static const char *const operation_names[SHIM_OPERATION_COUNT] = {
    SHIM_OPERATION_TABLE(NAME_OF_OPERATION)};
#define NAME_OF_EFFECT(name, text) text,
static const char *const effect_names[SHIM_EFFECT_COUNT] = {SHIM_EFFECT_TABLE(NAME_OF_EFFECT)};

static struct {
    pthread_mutex_t lock;
    bool armed;
    struct shim_fault fault;
    uint64_t seen;
    char root[PATH_BYTES];
    int journal;                       /* -1: none */
    char paths[FILES_MAX][PATH_BYTES]; /* of open files below root, relative to it; else "" */
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER, .journal = -1};

/* One record of the journal; power.py reads the same layout. The texts and the data follow it. */
struct record {
    uint32_t kind;
    uint32_t path_bytes;
    uint32_t other_bytes;
    uint32_t data_bytes;
    uint64_t file; /* inode */
    int64_t offset;
};
enum record_kind {
    RECORD_CREATE = 1,
    RECORD_WRITE,
    RECORD_TRUNCATE,
    RECORD_SYNC,
    RECORD_RENAME,
    RECORD_UNLINK,
    RECORD_MKDIR,
    RECORD_NOTE
};

static int index_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    (void)fprintf(stderr, "shim: \"%s\" is none of its words\n", name);
    abort();
}

enum shim_operation shim_operation_named(const char *name)
{
    return (enum shim_operation)index_of(operation_names, SHIM_OPERATION_COUNT, name);
}

static void fault_from_text(const char *text)
{
    char copy[80];
    char *rest = copy;
    const char *words[5] = {NULL};
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (size_t i = 0; i < 5 && rest != NULL; i++) {
        words[i] = strsep(&rest, ":");
    }
    if (words[3] == NULL) {
        (void)fprintf(stderr, "shim: TORTURE_FAULT=%s cannot be read\n", text);
        abort();
    }
    shim.fault = (struct shim_fault){
        .operation = (enum shim_operation)index_of(operation_names, SHIM_OPERATION_COUNT, words[0]),
        .nth = strtoull(words[1], NULL, 10),
        .effect = (enum shim_effect)index_of(effect_names, SHIM_EFFECT_COUNT, words[2]),
        .error = (int)strtol(words[3], NULL, 10),
        .ever = words[4] != NULL,
    };
    shim.armed = true;
}

__attribute__((constructor)) static void shim_begin(void)
{
    const char *root = getenv("TORTURE_ROOT");
    const char *fault = getenv("TORTURE_FAULT");
    const char *journal = getenv("TORTURE_JOURNAL");
    if (root != NULL) {
        (void)snprintf(shim.root, sizeof shim.root, "%s", root);
    }
    if (journal != NULL) {
        int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
        shim.journal = (int)syscall(SYS_openat, AT_FDCWD, journal, flags, 0600);
    }
    if (fault != NULL) {
        fault_from_text(fault);
    }
}

void shim_arm(const struct shim_fault *fault)
{
    shim.fault = *fault;
    shim.seen = 0;
    shim.armed = true;
}

uint64_t shim_disarm(void)
{
    shim.armed = false;
    return shim.seen;
}

/* Whether this call is the one. */
static bool is_hit(enum shim_operation operation)
{
    bool on_files = operation != SHIM_ALLOC && operation != SHIM_STEP;
    if (!shim.armed ||
        !(shim.fault.operation == operation || (shim.fault.operation == SHIM_ANY && on_files))) {
        return false;
    }
    (void)pthread_mutex_lock(&shim.lock);
    shim.seen++;
    bool hit = shim.seen == shim.fault.nth || (shim.fault.ever && shim.seen > shim.fault.nth);
    (void)pthread_mutex_unlock(&shim.lock);
    if (hit && shim.fault.effect == SHIM_EFFECT_KILL) {
        (void)syscall(SYS_kill, getpid(), SIGKILL);
    }
    if (hit && shim.fault.effect == SHIM_EFFECT_MEANWHILE) {
        shim.armed = false;
        shim.fault.meanwhile();
        shim.armed = true;
        return false;
    }
    return hit;
}

bool shim_fails(enum shim_operation operation, int *error)
{
    bool hit = is_hit(operation);
    *error = hit ? shim.fault.error : 0;
    return hit;
}

/* Call a system call through its fault. */
#define THROUGH(operation, call)                         \
    do {                                                 \
        if (is_hit(operation)) {                         \
            if (shim.fault.effect == SHIM_EFFECT_LATE) { \
                (void)(call);                            \
            }                                            \
            errno = shim.fault.error;                    \
            return -1;                                   \
        }                                                \
    } while (0)

/* The path relative to the root, "." for the root; NULL where it is not below it. */
static const char *below_root(const char *path)
{
    size_t length = strlen(shim.root);
    if (length == 0 || strncmp(path, shim.root, length) != 0) {
        return NULL;
    }
    return path[length] == '/' ? path + length + 1 : path[length] == '\0' ? "." : NULL;
}

static const char *path_of(int file)
{
    return file >= 0 && file < FILES_MAX && shim.paths[file][0] != '\0' ? shim.paths[file] : NULL;
}

/* Other processes write to the journal too: the call and its record are one step for all. */
static void journal_lock(void)
{
    if (shim.journal >= 0) {
        (void)pthread_mutex_lock(&shim.lock);
        (void)flock(shim.journal, LOCK_EX);
    }
}

static void journal_unlock(void)
{
    if (shim.journal >= 0) {
        int kept = errno;
        (void)flock(shim.journal, LOCK_UN);
        (void)pthread_mutex_unlock(&shim.lock);
        errno = kept;
    }
}

static uint64_t inode_of(int file)
{
    struct stat info;
    return fstat(file, &info) == 0 ? info.st_ino : 0;
}

/* writev(2) only reads what it is given. */
static void *read_only(const void *bytes)
{
    void *same;
    memcpy(&same, &bytes, sizeof same);
    return same;
}

static void journal_add(struct record record, const char *path, const char *other, const void *data)
{
    if (shim.journal < 0) {
        return;
    }
    int kept = errno;
    record.path_bytes = (uint32_t)strlen(path);
    record.other_bytes = (uint32_t)strlen(other);
    struct iovec parts[] = {{&record, sizeof record},
                            {read_only(path), record.path_bytes},
                            {read_only(other), record.other_bytes},
                            {read_only(data), record.data_bytes}};
    if (syscall(SYS_writev, shim.journal, parts, 4) < 0) {
        abort(); /* a journal with a gap proves nothing */
    }
    errno = kept;
}

void shim_note(const char *text)
{
    journal_lock();
    journal_add((struct record){.kind = RECORD_NOTE}, text, "", NULL);
    journal_unlock();
}

static int open_below(const char *path, const char *below, int flags, mode_t mode)
{
    struct stat info;
    journal_lock();
    bool made = (flags & O_CREAT) != 0 && stat(path, &info) != 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= FILES_MAX) {
        abort();
    }
    if (file >= 0) {
        struct record record = {.kind = RECORD_CREATE, .file = inode_of(file)};
        (void)snprintf(shim.paths[file], PATH_BYTES, "%s", below);
        if (made) {
            journal_add(record, below, "", NULL);
        } else if ((flags & O_TRUNC) != 0) {
            record.kind = RECORD_TRUNCATE;
            journal_add(record, below, "", NULL);
        }
    }
    journal_unlock();
    return file;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    const char *below = below_root(path);
    if (below == NULL) {
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    }
    THROUGH(SHIM_OPEN, 0);
    return open_below(path, below, flags, mode);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): ours say what they are. */

/* Names as the C library gives them to programs with and without large files. */
#define OPEN_AS(name)                                                                 \
    __attribute__((visibility("default"))) int name(const char *path, int flags, ...) \
    {                                                                                 \
        va_list more;                                                                 \
        va_start(more, flags);                                                        \
        mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;              \
        va_end(more);                                                                 \
        return open_any(path, flags, mode);                                           \
    }
/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized): it is begun above. */
OPEN_AS(open)
OPEN_AS(open64)
/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

static ssize_t write_at(int file, const void *bytes, size_t length, off_t offset, bool positioned)
{
    const char *path = path_of(file);
    journal_lock();
    struct record record = {.kind = RECORD_WRITE, .file = path != NULL ? inode_of(file) : 0};
    record.offset = positioned ? offset : lseek(file, 0, SEEK_CUR);
    ssize_t wrote = positioned ? syscall(SYS_pwrite64, file, bytes, length, offset)
                               : syscall(SYS_write, file, bytes, length);
    if (wrote > 0) {
        record.data_bytes = (uint32_t)wrote;
        journal_add(record, path, "", bytes);
    }
    journal_unlock();
    return wrote;
}

static ssize_t write_any(int file, const void *bytes, size_t length, off_t offset, bool positioned)
{
    if (path_of(file) == NULL) {
        return positioned ? syscall(SYS_pwrite64, file, bytes, length, offset)
                          : syscall(SYS_write, file, bytes, length);
    }
    if (is_hit(SHIM_WRITE)) {
        size_t half = length / 2;
        if (shim.fault.effect == SHIM_EFFECT_SHORT) {
            return write_at(file, bytes, length - half, offset, positioned);
        }
        if (shim.fault.effect == SHIM_EFFECT_LATE && half > 0) { /* a part, then the failure */
            (void)!write_at(file, bytes, half, offset, positioned);
        }
        errno = shim.fault.error;
        return -1;
    }
    return write_at(file, bytes, length, offset, positioned);
}

__attribute__((visibility("default"))) ssize_t write(int file, const void *bytes, size_t length)
{
    return write_any(file, bytes, length, 0, false);
}

#define PWRITE_AS(name)                                                              \
    __attribute__((visibility("default"))) ssize_t name(int file, const void *bytes, \
                                                        size_t length, off_t offset) \
    {                                                                                \
        return write_any(file, bytes, length, offset, true);                         \
    }
PWRITE_AS(pwrite)
PWRITE_AS(pwrite64)

__attribute__((visibility("default"))) ssize_t read(int file, void *bytes, size_t length)
{
    if (path_of(file) != NULL) {
        THROUGH(SHIM_READ, 0);
    }
    return syscall(SYS_read, file, bytes, length);
}

#define PREAD_AS(name)                                                                        \
    __attribute__((visibility("default"))) ssize_t name(int file, void *bytes, size_t length, \
                                                        off_t offset)                         \
    {                                                                                         \
        if (path_of(file) != NULL) {                                                          \
            THROUGH(SHIM_READ, 0);                                                            \
        }                                                                                     \
        return syscall(SYS_pread64, file, bytes, length, offset);                             \
    }
PREAD_AS(pread)
PREAD_AS(pread64)

static int sync_any(int file, long call)
{
    const char *path = path_of(file);
    if (path == NULL) {
        return (int)syscall(call, file);
    }
    THROUGH(SHIM_SYNC, syscall(call, file));
    journal_lock();
    int failed = (int)syscall(call, file);
    if (failed == 0) {
        journal_add((struct record){.kind = RECORD_SYNC, .file = inode_of(file)}, path, "", NULL);
    }
    journal_unlock();
    return failed;
}

__attribute__((visibility("default"))) int fsync(int file)
{
    return sync_any(file, SYS_fsync);
}

__attribute__((visibility("default"))) int fdatasync(int file)
{
    return sync_any(file, SYS_fdatasync);
}

static int truncate_any(int file, off_t length)
{
    const char *path = path_of(file);
    if (path == NULL) {
        return (int)syscall(SYS_ftruncate, file, length);
    }
    THROUGH(SHIM_TRUNCATE, syscall(SYS_ftruncate, file, length));
    journal_lock();
    int failed = (int)syscall(SYS_ftruncate, file, length);
    if (failed == 0) {
        journal_add((struct record){RECORD_TRUNCATE, 0, 0, 0, inode_of(file), length}, path, "",
                    NULL);
    }
    journal_unlock();
    return failed;
}

#define TRUNCATE_AS(name)                                                   \
    __attribute__((visibility("default"))) int name(int file, off_t length) \
    {                                                                       \
        return truncate_any(file, length);                                  \
    }
TRUNCATE_AS(ftruncate)
TRUNCATE_AS(ftruncate64)

static int call_rename(const char *from, const char *to)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    const char *below = below_root(from);
    const char *below_to = below_root(to);
    if (below == NULL || below_to == NULL) {
        return call_rename(from, to);
    }
    THROUGH(SHIM_RENAME, call_rename(from, to));
    journal_lock();
    int failed = call_rename(from, to);
    if (failed == 0) {
        journal_add((struct record){.kind = RECORD_RENAME}, below, below_to, NULL);
    }
    journal_unlock();
    return failed;
}

__attribute__((visibility("default"))) int unlink(const char *path)
{
    const char *below = below_root(path);
    if (below == NULL) {
        return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    }
    THROUGH(SHIM_UNLINK, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
    journal_lock();
    int failed = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (failed == 0) {
        journal_add((struct record){.kind = RECORD_UNLINK}, below, "", NULL);
    }
    journal_unlock();
    return failed;
}

__attribute__((visibility("default"))) int mkdir(const char *path, mode_t mode)
{
    const char *below = below_root(path);
    if (below == NULL) {
        return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    }
    THROUGH(SHIM_MKDIR, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    journal_lock();
    int failed = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (failed == 0) {
        journal_add((struct record){.kind = RECORD_MKDIR}, below, "", NULL);
    }
    journal_unlock();
    return failed;
}

__attribute__((visibility("default"))) int close(int file)
{
    bool ours = path_of(file) != NULL;
    if (ours) {
        shim.paths[file][0] = '\0';
    }
    int failed = (int)syscall(SYS_close, file); /* a close that fails has closed */
    if (ours) {
        THROUGH(SHIM_CLOSE, 0);
    }
    return failed;
}

static void *map_memory(void *at, size_t length, int protection, int flags, int file, off_t offset)
{
    long address = syscall(SYS_mmap, at, length, protection, flags, file, offset);
    void *memory;
    memcpy(&memory, &address, sizeof memory);
    return memory;
}

#define MAP_AS(name)                                                                           \
    __attribute__((visibility("default"))) void *name(void *at, size_t length, int protection, \
                                                      int flags, int file, off_t offset)       \
    {                                                                                          \
        int error;                                                                             \
        if (path_of(file) != NULL && shim_fails(SHIM_MAP, &error)) {                           \
            errno = error;                                                                     \
            return MAP_FAILED;                                                                 \
        }                                                                                      \
        return map_memory(at, length, protection, flags, file, offset);                        \
    }
MAP_AS(mmap)
MAP_AS(mmap64)

/* Giving a lock back never fails. */
static bool takes_lock(int command, const void *argument)
{
    return command == F_SETLK && ((const struct flock *)argument)->l_type != F_UNLCK;
}

#define FCNTL_AS(name)                                                          \
    __attribute__((visibility("default"))) int name(int file, int command, ...) \
    {                                                                           \
        va_list more;                                                           \
        va_start(more, command);                                                \
        void *argument = va_arg(more, void *);                                  \
        va_end(more);                                                           \
        if (path_of(file) != NULL && takes_lock(command, argument)) {           \
            THROUGH(SHIM_LOCK, 0);                                              \
        }                                                                       \
        return (int)syscall(SYS_fcntl, file, command, argument);                \
    }
FCNTL_AS(fcntl)
FCNTL_AS(fcntl64)
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
