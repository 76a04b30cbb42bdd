/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terms of a run: all that its result is a function of. As JSON on the board, in one fixed
 * order of keys; the hash of that text, without the snapshot's name, is the run's identity: equal
 * identity, equal result.
 */
#ifndef EVOLVE_TERMS_H
#define EVOLVE_TERMS_H

#include "evolve/evolution.h"
#include "market/series.h"

/* Raised whenever the same terms would give another result than before. */
enum { EVOLVE_ENGINE_VERSION = 1, TERMS_NAME_BYTES = 128 };

struct terms {
    struct evolve_parameters parameters;
    struct series series;
    char snapshot[TERMS_NAME_BYTES]; /* its name */
    char root[HASH_HEX_BYTES];       /* its root hash */
};

/* Add the JSON object; the identity leaves out the name of the snapshot. */
void terms_format(const struct terms *terms, struct text *text);
iso_status terms_identity(const struct terms *terms, struct hash128 *identity,
                          struct iso_error *err);

/*
 * Read what terms_format wrote; threads and column_bytes take their presets. Fails with CORRUPT,
 * and with NEWER_VERSION for another engine version.
 */
iso_status terms_parse(const char *json, struct terms *terms, struct iso_error *err);

#endif
