/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that no message may show. Whatever text comes from libpq, libcurl, a server or a command
 * goes through secrets_hide before anybody sees it.
 */
#ifndef CLOUD_SECRET_H
#define CLOUD_SECRET_H

#include "base/status.h"

enum { SECRETS_MAX = 8 };

/* All zero is the empty list. Owns its values; secrets_reset wipes and frees them. */
struct secrets {
    char *value[SECRETS_MAX];
    size_t count;
};

/* Keep a copy of value (NULL and "" are left out). Fails with OUT_OF_MEMORY, LIMIT. */
iso_status secrets_add(struct secrets *secrets, const char *value, struct iso_error *err);
iso_status secrets_copy(struct secrets *target, const struct secrets *from, struct iso_error *err);
/* Put "***" in the place of every secret in text, which never gets longer than capacity. */
void secrets_hide(const struct secrets *secrets, char *text, size_t capacity);
void secrets_reset(struct secrets *secrets);
/* Overwrite and free a text that was secret; NULL is allowed. */
void secret_free(char **text);

#endif
