/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_files.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void import_files_reset(struct import_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->paths[i]);
    }
    free(files->paths);
    *files = (struct import_files){0};
}

static iso_status push(struct import_files *files, const char *path, struct iso_error *err)
{
    if (files->count == IMPORT_FILES_MAX) {
        ISO_FAIL(LIMIT, err, "there are more than %d files; import them in several calls",
                 IMPORT_FILES_MAX);
    }
    if (files->count == files->capacity) {
        size_t grown = files->capacity == 0 ? 16 : files->capacity * 2;
        char **paths = realloc(files->paths, grown * sizeof *paths);
        if (paths == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu paths", grown);
        }
        files->paths = paths;
        files->capacity = grown;
    }
    files->paths[files->count] = strdup(path);
    if (files->paths[files->count] == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    files->count++;
    return ISO_OK;
}

/* Entries of one folder, whose path stands before them. */
struct folder {
    const char *path;
    struct import_files *files;   /* regular ones go here */
    struct import_files *folders; /* and those to be walked here */
};

static iso_status take_entry(void *context, const char *name, struct iso_error *err)
{
    struct folder *folder = context;
    ISO_DEFER(mem_defer_free) char *path = NULL;
    struct stat info;
    size_t length = strlen(folder->path);
    bool slash = length > 0 && folder->path[length - 1] == '/';
    if (name[0] == '.') {
        return ISO_OK;
    }
    if (asprintf(&path, "%s%s%s", folder->path, slash ? "" : "/", name) < 0) {
        path = NULL;
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    if (lstat(path, &info) != 0) {
        return ISO_OK; /* gone since it was listed */
    }
    if (S_ISDIR(info.st_mode)) {
        return push(folder->folders, path, err);
    }
    bool file = S_ISREG(info.st_mode) ||
                (S_ISLNK(info.st_mode) && stat(path, &info) == 0 && S_ISREG(info.st_mode));
    return file ? push(folder->files, path, err) : ISO_OK;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static iso_status walk(struct import_files *files, const char *path, struct iso_error *err)
{
    ISO_DEFER(import_files_reset) struct import_files folders = {0};
    ISO_TRY(push(&folders, path, err));
    while (folders.count > 0) {
        ISO_DEFER(mem_defer_free) char *at = folders.paths[--folders.count];
        struct folder folder = {at, files, &folders};
        ISO_TRY(directory_walk(at, take_entry, &folder, err));
    }
    return ISO_OK;
}

iso_status import_files_add(struct import_files *files, const char *path, struct iso_error *err)
{
    struct stat info;
    size_t before = files->count;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return push(files, path, err);
    }
    ISO_TRY(walk(files, path, err));
    if (files->count == before) {
        ISO_FAIL(NOT_FOUND, err, "%s: there is no file in this folder", path);
    }
    qsort(files->paths + before, files->count - before, sizeof *files->paths, by_name);
    return ISO_OK;
}
