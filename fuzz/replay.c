/* SPDX-License-Identifier: Apache-2.0 */
/* Run a fuzz target over every file of a directory: replay CORPUS_DIRECTORY. */
#include "fuzz.h"

#include "base/file.h"

#include <stdio.h>

enum { INPUT_BYTES_MAX = 1 << 24 };

struct replay {
    const char *directory;
    size_t count;
};

static iso_status replay_file(void *context, const char *name, struct iso_error *err)
{
    struct replay *replay = context;
    char path[4096];
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    (void)snprintf(path, sizeof path, "%s/%s", replay->directory, name);
    ISO_TRY(file_read(path, INPUT_BYTES_MAX, &bytes, err));
    (void)LLVMFuzzerTestOneInput(bytes.data, bytes.length);
    replay->count++;
    return ISO_OK;
}

int main(int argc, char **argv)
{
    struct iso_error err = {0};
    struct replay replay = {.directory = argc == 2 ? argv[1] : "."};
    if (iso_failed(directory_walk(replay.directory, replay_file, &replay, &err))) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)printf("%zu inputs\n", replay.count);
    return replay.count > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
