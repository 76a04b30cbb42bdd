/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/secret.h"

#include <string.h>

static const char mask[] = "***";

void secret_free(char **text)
{
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

iso_status secrets_add(struct secrets *secrets, const char *value, struct iso_error *err)
{
    if (value == NULL || value[0] == '\0') {
        return ISO_OK;
    }
    for (size_t i = 0; i < secrets->count; i++) {
        if (strcmp(secrets->value[i], value) == 0) {
            return ISO_OK;
        }
    }
    if (secrets->count == SECRETS_MAX) {
        ISO_FAIL(LIMIT, err, "more than %d secrets in one connection", SECRETS_MAX);
    }
    char *copy = strdup(value);
    if (copy == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a secret");
    }
    secrets->value[secrets->count++] = copy;
    return ISO_OK;
}

iso_status secrets_copy(struct secrets *target, const struct secrets *from, struct iso_error *err)
{
    for (size_t i = 0; i < from->count; i++) {
        ISO_TRY(secrets_add(target, from->value[i], err));
    }
    return ISO_OK;
}

/* A secret shorter than the mask is covered by as much of it as there is room for. */
static void hide_one(const char *secret, char *text, size_t capacity)
{
    size_t length = strlen(secret);
    for (char *at = strstr(text, secret); at != NULL;) {
        size_t rest = strlen(at + length);
        size_t room = capacity - (size_t)(at - text) - 1;
        size_t shown = sizeof mask - 1 <= room ? sizeof mask - 1 : room;
        size_t kept = rest <= room - shown ? rest : room - shown;
        memmove(at + shown, at + length, kept);
        memcpy(at, mask, shown);
        at[shown + kept] = '\0';
        at = strstr(at + shown, secret);
    }
}

void secrets_hide(const struct secrets *secrets, char *text, size_t capacity)
{
    for (size_t i = 0; i < secrets->count; i++) {
        hide_one(secrets->value[i], text, capacity);
    }
}

void secrets_reset(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        secret_free(&secrets->value[i]);
    }
    secrets->count = 0;
}
