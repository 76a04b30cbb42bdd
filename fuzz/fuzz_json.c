/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a JSON file of bars. What must hold: lines come out or a sentence does, and every
 * line ends.
 */
#include "local/import_json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static iso_status feed(void *context, char *target, size_t limit, size_t *got,
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_error err = {0};
    struct input input = {data, size};
    ISO_DEFER(text_reset) struct text lines = {0};
    iso_status status = import_json_lines(feed, &input, &lines, &err);
    ISO_ASSERT(!iso_failed(status) || strlen(err.text) > 0);
    ISO_ASSERT(iso_failed(status) || lines.length == 0 || lines.data[lines.length - 1] == '\n');
    return 0;
}
