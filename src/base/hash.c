/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct hasher {
    XXH3_state_t *state;
};

static struct hash128 from_xxh(XXH128_hash_t hash)
{
    return (struct hash128){hash.high64, hash.low64};
}

struct hash128 hash_bytes(const void *bytes, size_t length)
{
    return from_xxh(XXH3_128bits(bytes, length));
}

void hash_hex(struct hash128 hash, char target[HASH_HEX_BYTES])
{
    (void)snprintf(target, HASH_HEX_BYTES, "%016llx%016llx", (unsigned long long)hash.high,
                   (unsigned long long)hash.low);
}

static bool parse_word(const char *hex, uint64_t *word)
{
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) {
        char c = hex[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *word = value;
    return true;
}

bool hash_parse(const char *hex, struct hash128 *hash)
{
    struct hash128 parsed;
    if (strnlen(hex, HASH_HEX_BYTES) != HASH_HEX_BYTES - 1 || !parse_word(hex, &parsed.high) ||
        !parse_word(hex + 16, &parsed.low)) {
        return false;
    }
    *hash = parsed;
    return true;
}

iso_status hasher_new(struct hasher **hasher, struct iso_error *err)
{
    struct hasher *made;
    ISO_NEW(made, 1, err);
    made->state = XXH3_createState();
    if (made->state == NULL) {
        free(made);
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a hash state");
    }
    (void)XXH3_128bits_reset(made->state);
    *hasher = made;
    return ISO_OK;
}

void hasher_add(struct hasher *hasher, const void *bytes, size_t length)
{
    (void)XXH3_128bits_update(hasher->state, bytes, length);
}

struct hash128 hasher_result(const struct hasher *hasher)
{
    return from_xxh(XXH3_128bits_digest(hasher->state));
}

void hasher_free(struct hasher **hasher)
{
    if (*hasher != NULL) {
        (void)XXH3_freeState((*hasher)->state);
        free(*hasher);
        *hasher = NULL;
    }
}
