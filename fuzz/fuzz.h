/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target defines; a broken promise ends in ISO_ASSERT, which libFuzzer reports. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
