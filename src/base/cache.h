/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values kept in memory within a budget of bytes. What was not used for longest goes first, as
 * CLOCK approximates it (Corbato 1968). A value that was brought in at the first time of asking is
 * the first to go, one that is asked for again soon after stays, so that one long scan does not
 * push out what is read all the time. One thread at a time.
 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include "base/hash.h"

struct cache;
struct cache_entry;

/* Values of different kinds never answer for each other, whatever their hashes. */
struct cache_key {
    struct hash128 hash;
    uint32_t kind;
};

typedef void cache_value_free(void *value);

/* What the cache holds and did. */
struct cache_stats {
    size_t budget_bytes;
    size_t bytes; /* held now, pinned ones included */
    size_t entries;
    uint64_t hits;
    uint64_t misses;
    uint64_t evicted;
};

iso_status cache_new(size_t budget_bytes, struct cache **cache, struct iso_error *err);
/* Free every value, but pinned ones, which go with their last pin. */
void cache_free(struct cache **cache);

/* The entry of that key, pinned: its value stays until cache_unpin. NULL where there is none. */
struct cache_entry *cache_find(struct cache *cache, struct cache_key key);
/* Whether a key that is not there was looked for at least twice lately. */
bool cache_wanted(const struct cache *cache, struct cache_key key);

/* Make room for bytes more; false where the budget is too small or pinned values leave none. */
bool cache_make_room(struct cache *cache, size_t bytes);

/*
 * Keep value under a key that it is not kept under yet. *entry is pinned. On success the value is
 * the cache's to free with free_value; after a failure (OUT_OF_MEMORY) it is still the caller's.
 */
iso_status cache_add(struct cache *cache, struct cache_key key, void *value, size_t bytes,
                     cache_value_free *free_value, struct cache_entry **entry,
                     struct iso_error *err);

/* Forget the value of an entry; a pinned one lives until its last pin goes. */
void cache_drop(struct cache *cache, struct cache_entry *entry);

void *cache_value(const struct cache_entry *entry);
/* One more pin on a pinned entry. */
void cache_pin(struct cache_entry *entry);
/* Give one pin back and set *entry to NULL; NULL inside is fine. */
void cache_unpin(struct cache_entry **entry);

/* Change the budget; values go until it is kept. */
void cache_set_budget(struct cache *cache, size_t budget_bytes);
struct cache_stats cache_stats_of(const struct cache *cache);

#endif
