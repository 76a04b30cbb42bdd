/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tar archive, read to its end. What must hold: members are no longer than the
 * input, names end, and a failure says why. */
#include "local/tar.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static iso_status feed(void *context, void *target, size_t limit, size_t *got,
                       struct iso_error *err)
{
    struct input *input = context;
    (void)err;
    *got = input->left < limit ? input->left : limit;
    memcpy(target, input->at, *got);
    input->at += *got;
    input->left -= *got;
    return ISO_OK;
}

static iso_status read_all(struct input *input, size_t size, struct iso_error *err)
{
    struct tar tar = {0};
    const char *name;
    size_t sum = 0;
    ISO_TRY(tar_next(&tar, feed, input, &name, err));
    while (name != NULL) {
        char piece[700];
        size_t got = 1;
        ISO_ASSERT(strlen(name) < TAR_NAME_BYTES);
        while (got > 0) {
            ISO_TRY(tar_read(&tar, feed, input, piece, sizeof piece, &got, err));
            sum += got;
        }
        ISO_ASSERT(sum <= size);
        ISO_TRY(tar_next(&tar, feed, input, &name, err));
    }
    return ISO_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_error err = {0};
    struct input input = {data, size};
    (void)tar_is(data, size);
    iso_status status = read_all(&input, size, &err);
    ISO_ASSERT(!iso_failed(status) || strlen(err.text) > 0);
    return 0;
}
