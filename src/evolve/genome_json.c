/* SPDX-License-Identifier: Apache-2.0 */
/* Reading strategies from JSON: apart from genome.c, because jansson's names are those of
 * base/json.h.
 */
#include "base/file.h"
#include "evolve/genome.h"

#include <jansson.h>
#include <string.h>

enum { STRATEGY_FILE_BYTES_MAX = 1 << 20 };

static iso_status read_genes(json_t *genes, struct genome *genome, struct iso_error *err)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(genes, name, value)
    {
        if (!json_is_number(value)) {
            ISO_FAIL(BAD_ARGUMENT, err, "gene \"%s\" is no number", name);
        }
        ISO_TRY(genome_set(genome, name, name + strlen(name), json_number_value(value), err));
    }
    return ISO_OK;
}

static void drop_json(json_t **json)
{
    json_decref(*json);
}

iso_status genome_parse_json(const char *json, size_t length, struct genome *genome,
                             struct iso_error *err)
{
    json_error_t where;
    ISO_DEFER(drop_json) json_t *root = json_loadb(json, length, 0, &where);
    if (root == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "no JSON at line %d: %s", where.line, where.text);
    }
    const char *name = json_string_value(json_object_get(root, "family"));
    json_t *genes = json_object_get(root, "genes");
    if (name == NULL || !json_is_object(genes)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a strategy is {\"family\": \"...\", \"genes\": {\"name\": number}}");
    }
    struct genome parsed;
    ISO_TRY(genome_start(name, name + strlen(name), &parsed, err));
    ISO_TRY(read_genes(genes, &parsed, err));
    ISO_TRY(genome_check(&parsed, err));
    *genome = parsed;
    return ISO_OK;
}

static void drop_bytes(struct bytes *bytes)
{
    bytes_reset(bytes);
}

static bool is_path(const char *text)
{
    size_t length = strlen(text);
    bool named_json = length > 5 && strcmp(text + length - 5, ".json") == 0;
    return named_json ||
           (strchr(text, ':') == NULL && family_find(text, text + length) == family_count());
}

iso_status genome_read(const char *text_or_path, struct genome *genome, struct iso_error *err)
{
    if (!is_path(text_or_path)) {
        return genome_parse(text_or_path, genome, err);
    }
    ISO_DEFER(drop_bytes) struct bytes file = {0};
    ISO_TRY(file_read(text_or_path, STRATEGY_FILE_BYTES_MAX, &file, err));
    return iso_context(genome_parse_json((const char *)file.data, file.length, genome, err), err,
                       "%s", text_or_path);
}
