/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cache.h"

/* Entries hang in two structures: the ring that the clock's hand walks, which has all of them, and
 * the table by key, which has those that can still be found. */
struct cache_entry {
    struct cache *cache; /* NULL once the cache is gone */
    struct cache_key key;
    void *value;
    size_t bytes;
    cache_value_free *free_value;
    size_t pins;
    bool used; /* found since the hand last passed */
    bool findable;
    struct cache_entry *chain; /* next of the same bucket */
    struct cache_entry *next;  /* ring */
    struct cache_entry *before;
};

enum { FIRST_BUCKETS = 64, GHOSTS = 4096 };

struct cache {
    struct cache_entry **buckets;
    size_t bucket_count; /* a power of two */
    struct cache_entry *hand;
    struct cache_stats stats;
    uint64_t ghosts[GHOSTS]; /* keys not found lately; the lowest bit: more than once */
};

iso_status cache_new(size_t budget_bytes, struct cache **cache, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct cache *made = NULL;
    ISO_NEW(made, 1, err);
    ISO_NEW(made->buckets, FIRST_BUCKETS, err); /* NOLINT(bugprone-sizeof-expression): pointers */
    made->bucket_count = FIRST_BUCKETS;
    made->stats.budget_bytes = budget_bytes;
    *cache = made;
    made = NULL;
    return ISO_OK;
}

static struct cache_entry **bucket_of(const struct cache *cache, struct cache_key key)
{
    return &cache->buckets[(key.hash.low ^ key.kind) & (cache->bucket_count - 1)];
}

static bool same_key(struct cache_key a, struct cache_key b)
{
    return a.kind == b.kind && hash_equal(a.hash, b.hash);
}

/* The new entry goes just behind the hand's position, so that it is looked at next. */
static void ring_add(struct cache *cache, struct cache_entry *entry)
{
    struct cache_entry *hand = cache->hand;
    if (hand == NULL) {
        entry->next = entry->before = entry;
    } else {
        entry->next = hand;
        entry->before = hand->before;
        hand->before->next = entry;
        hand->before = entry;
    }
    cache->hand = entry;
}

static void ring_remove(struct cache *cache, struct cache_entry *entry)
{
    if (entry->next == entry) {
        cache->hand = NULL;
    } else {
        entry->before->next = entry->next;
        entry->next->before = entry->before;
        cache->hand = cache->hand == entry ? entry->next : cache->hand;
    }
}

static void table_remove(struct cache *cache, struct cache_entry *entry)
{
    struct cache_entry **at = bucket_of(cache, entry->key);
    while (*at != entry) {
        at = &(*at)->chain;
    }
    *at = entry->chain;
    entry->findable = false;
}

static void entry_free(struct cache_entry *entry)
{
    struct cache *cache = entry->cache;
    if (cache != NULL) {
        ring_remove(cache, entry);
        cache->stats.bytes -= entry->bytes;
        cache->stats.entries--;
    }
    entry->free_value(entry->value);
    free(entry);
}

void cache_drop(struct cache *cache, struct cache_entry *entry)
{
    if (entry->findable) {
        table_remove(cache, entry);
    }
    if (entry->pins == 0) {
        entry_free(entry);
    }
}

void cache_free(struct cache **cache)
{
    struct cache *gone = *cache;
    if (gone == NULL) {
        return;
    }
    while (gone->hand != NULL) {
        struct cache_entry *entry = gone->hand;
        if (entry->pins == 0) {
            entry_free(entry);
        } else {
            ring_remove(gone, entry);
            entry->findable = false;
            entry->cache = NULL;
        }
    }
    free(gone->buckets);
    free(gone);
    *cache = NULL;
}

static size_t ghost_slot(struct cache_key key)
{
    return (key.hash.high ^ key.kind) % GHOSTS;
}

static uint64_t ghost_tag(struct cache_key key)
{
    return key.hash.low & ~UINT64_C(1);
}

static void note_miss(struct cache *cache, struct cache_key key)
{
    uint64_t *ghost = &cache->ghosts[ghost_slot(key)];
    bool again = (*ghost & ~UINT64_C(1)) == ghost_tag(key);
    *ghost = ghost_tag(key) | (again ? 1 : 0);
    cache->stats.misses++;
}

bool cache_wanted(const struct cache *cache, struct cache_key key)
{
    return cache->ghosts[ghost_slot(key)] == (ghost_tag(key) | 1);
}

struct cache_entry *cache_find(struct cache *cache, struct cache_key key)
{
    for (struct cache_entry *entry = *bucket_of(cache, key); entry != NULL; entry = entry->chain) {
        if (same_key(entry->key, key)) {
            cache->stats.hits++;
            entry->used = true;
            entry->pins++;
            return entry;
        }
    }
    note_miss(cache, key);
    return NULL;
}

/* Free values until room_bytes more fit. Two rounds: the first one takes the marks of use away. */
static void evict(struct cache *cache, size_t room_bytes)
{
    size_t steps = 2 * cache->stats.entries;
    while (cache->hand != NULL && steps-- > 0 &&
           (cache->stats.budget_bytes < room_bytes ||
            cache->stats.bytes > cache->stats.budget_bytes - room_bytes)) {
        struct cache_entry *entry = cache->hand;
        cache->hand = entry->next;
        if (entry->used) {
            entry->used = false;
        } else if (entry->pins == 0) {
            cache->stats.evicted++;
            cache_drop(cache, entry);
        }
    }
}

bool cache_make_room(struct cache *cache, size_t bytes)
{
    evict(cache, bytes);
    size_t budget = cache->stats.budget_bytes;
    return bytes <= budget && cache->stats.bytes <= budget - bytes;
}

/* Without memory for more buckets the chains are longer, nothing else. */
static void grow_table(struct cache *cache)
{
    struct cache_entry **old = cache->buckets;
    size_t old_count = cache->bucket_count;
    struct cache_entry **grown = calloc(old_count * 2, sizeof(struct cache_entry *));
    if (grown == NULL) {
        return;
    }
    cache->buckets = grown;
    cache->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        struct cache_entry *next;
        for (struct cache_entry *entry = old[i]; entry != NULL; entry = next) {
            struct cache_entry **bucket = bucket_of(cache, entry->key);
            next = entry->chain;
            entry->chain = *bucket;
            *bucket = entry;
        }
    }
    free(old);
}

iso_status cache_add(struct cache *cache, struct cache_key key, void *value, size_t bytes,
                     cache_value_free *free_value, struct cache_entry **entry,
                     struct iso_error *err)
{
    struct cache_entry *added;
    ISO_NEW(added, 1, err);
    if (cache->stats.entries >= cache->bucket_count) {
        grow_table(cache);
    }
    *added = (struct cache_entry){.cache = cache,
                                  .key = key,
                                  .value = value,
                                  .bytes = bytes,
                                  .free_value = free_value,
                                  .pins = 1,
                                  .used = cache_wanted(cache, key),
                                  .findable = true};
    struct cache_entry **bucket = bucket_of(cache, key);
    added->chain = *bucket;
    *bucket = added;
    ring_add(cache, added);
    cache->stats.bytes += bytes;
    cache->stats.entries++;
    *entry = added;
    return ISO_OK;
}

void *cache_value(const struct cache_entry *entry)
{
    return entry->value;
}

void cache_pin(struct cache_entry *entry)
{
    entry->pins++;
}

void cache_unpin(struct cache_entry **entry)
{
    struct cache_entry *unpinned = *entry;
    if (unpinned == NULL) {
        return;
    }
    ISO_ASSERT(unpinned->pins > 0);
    *entry = NULL;
    unpinned->pins--;
    if (unpinned->pins == 0 && (!unpinned->findable || unpinned->cache == NULL)) {
        entry_free(unpinned);
    } else if (unpinned->pins == 0) {
        evict(unpinned->cache, 0); /* the budget, where pins had kept it exceeded */
    }
}

void cache_set_budget(struct cache *cache, size_t budget_bytes)
{
    cache->stats.budget_bytes = budget_bytes;
    evict(cache, 0);
}

struct cache_stats cache_stats_of(const struct cache *cache)
{
    return cache->stats;
}
