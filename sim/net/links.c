/*
 * Many links of one kind (natpulse/links.h): an np_link each, or, where links have no past, none at all.
 *
 * A link without a past still counts what it sends at one instant, since each of these packets has a fate of
 * its own. A small hash table holds the links that sent at the present instant, with how often; its slots
 * bear their time, so that the next instant finds it empty. Mostly there is one: what is touched stays in the
 * nearest cache.
 */
#include "natpulse/links.h"

#include "natpulse/memory.h"
#include <assert.h>
#include <stdlib.h>

#define FIRST_SLOTS 16

/* A link that has sent at `at`; before that instant comes, and after it is over, a free slot. */
typedef struct slot {
    np_time at;
    uint32_t link, sent; /* packets before the next one */
} slot;

struct np_links {
    const np_link_config *config;
    np_key key;
    uint32_t first, count;
    np_link *link; /* NULL: they have no past */
    np_time instant;
    slot *slot;
    uint32_t slots, used; /* a power of two; of them, those of .instant */
};

static bool has_past(const np_link_config *c)
{
    return !np_link_is_fifo(c) || c->outages || c->loss_kind == NP_LOSS_GILBERT ||
           c->loss_kind == NP_LOSS_MASK;
}

np_links *np_links_create(const np_link_config *c, np_key key, uint32_t first, uint32_t count)
{
    np_links *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    *l = (np_links){.config = c, .key = key, .first = first, .count = count, .instant = -1};
    if (!has_past(c)) {
        l->slots = FIRST_SLOTS;
        l->slot = np_memory_zeroed(l->slots * sizeof *l->slot);
    } else {
        l->link = np_memory_zeroed(count * sizeof *l->link);
    }
    if (!l->slot && !l->link) {
        free(l);
        return NULL;
    }
    for (uint32_t i = 0; i < l->slots; i++) l->slot[i].at = -1;
    for (uint32_t i = 0; l->link && i < count; i++) np_link_init(&l->link[i], c, key, first + i);
    return l;
}

void np_links_destroy(np_links *l)
{
    if (!l) return;
    free(l->link);
    free(l->slot);
    free(l);
}

/* The slot of a link at the present instant: its own or a free one. */
static slot *find(slot *table, uint32_t slots, np_time instant, uint32_t link)
{
    uint32_t i = link;
    slot *s;
    do s = &table[i++ & (slots - 1)];
    while (s->at == instant && s->link != link);
    return s;
}

static bool grow(np_links *l)
{
    uint32_t slots = 2 * l->slots;
    slot *table = np_memory_zeroed(slots * sizeof *table);
    if (!table) return false;
    for (uint32_t i = 0; i < slots; i++) table[i].at = -1;
    for (uint32_t i = 0; i < l->slots; i++)
        if (l->slot[i].at == l->instant) *find(table, slots, l->instant, l->slot[i].link) = l->slot[i];
    free(l->slot);
    l->slot = table;
    l->slots = slots;
    return true;
}

/* Counts a packet that link i sends now. Puts into *ordinal how many it sent at this instant before. */
static bool count(np_links *l, uint32_t i, np_time now, uint32_t *ordinal)
{
    if (now != l->instant) {
        l->instant = now;
        l->used = 0;
    }
    if (2 * l->used >= l->slots && !grow(l)) return false;
    slot *s = find(l->slot, l->slots, now, i);
    if (s->at != now) {
        *s = (slot){.at = now, .link = i};
        l->used++;
    }
    *ordinal = s->sent++;
    return true;
}

bool np_links_send(np_links *l, uint32_t i, np_time now, uint32_t bytes, np_time *arrival)
{
    assert(i < l->count && now >= l->instant);
    const np_link_config *c = l->config;
    if (l->link) {
        *arrival = np_link_send(&l->link[i], c, l->key, now, bytes);
        return true;
    }
    *arrival = now + c->delay;
    if (c->loss_kind == NP_LOSS_NONE) return true;
    uint32_t ordinal;
    if (!count(l, i, now, &ordinal)) return false;
    if (np_link_loses(c, l->key, l->first + i, now, ordinal)) *arrival = NP_LOST;
    return true;
}

bool np_links_up(np_links *l, uint32_t i, np_time now)
{
    return !l->link || np_link_up(&l->link[i], l->config, l->key, now);
}

np_time np_links_next_change(const np_links *l, uint32_t i)
{
    return l->link ? np_link_next_change(&l->link[i]) : NP_NEVER;
}

void np_links_prefetch(const np_links *l, uint32_t i)
{
    if (l->link) np_prefetch(&l->link[i]);
}

size_t np_links_bytes(const np_links *l)
{
    return sizeof *l + l->slots * sizeof *l->slot + (l->link ? l->count * sizeof *l->link : 0);
}
