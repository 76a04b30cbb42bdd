/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a person named, those of folders among them, in order. */
#ifndef LOCAL_IMPORT_FILES_H
#define LOCAL_IMPORT_FILES_H

#include "base/status.h"

enum { IMPORT_FILES_MAX = 1 << 20 };

/* Begins all zero; import_files_reset frees. */
struct import_files {
    char **paths;
    size_t count;
    size_t capacity;
};

void import_files_reset(struct import_files *files);

/*
 * Add path; where it is a folder, the regular files below it instead, sorted by name, but for
 * hidden ones. Links to folders are not followed. Fails with IO, LIMIT, OUT_OF_MEMORY, and
 * NOT_FOUND where a folder holds no file.
 */
iso_status import_files_add(struct import_files *files, const char *path, struct iso_error *err);

#endif
