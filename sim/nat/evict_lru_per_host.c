/*
 * Eviction: who wants more pays for it. The longest idle mapping of the new flow's own inside host goes; a
 * host without mappings is refused. So no host can push another's mappings out, but the first to come can
 * keep all.
 *
 * At ports.per_host too the host's own mapping goes, live or not, and the new flow is not refused, as in
 * VPP's nat44-ei.
 *
 *     link   nodes of the mappings in a list each host, then the hosts' anchors
 *
 * Memory: 76 bytes an entry. Cost: O(1).
 */
#include "evict.h"
#include "hosts.h"
#include "ring.h"
#include <stdlib.h>

typedef struct per_host {
    np_hosts *hosts;
    uint32_t capacity;
    uint32_t *host; /* of each mapping */
    np_ring *link;
} per_host;

static void destroy(void *state)
{
    per_host *s = state;
    np_hosts_destroy(s->hosts);
    free(s->host);
    free(s->link);
    free(s);
}

static void *create(const np_evict_box *box, np_error *e)
{
    per_host *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->capacity = np_table_capacity(box->table);
        s->hosts = np_hosts_create(s->capacity);
        s->host = malloc(s->capacity * sizeof *s->host);
        s->link = malloc(2 * (size_t)s->capacity * sizeof *s->link);
        if (s->hosts != NULL && s->host != NULL && s->link != NULL) return s;
        destroy(s);
    }
    np_fail_memory(e, "a NAT's lists of mappings by host");
    return NULL;
}

static size_t bytes(const void *state)
{
    const per_host *s = state;
    return sizeof *s + np_hosts_bytes(s->hosts) + s->capacity * (sizeof *s->host + 2 * sizeof *s->link);
}

static void inserted(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)now;
    per_host *s = state;
    np_tuple inside = np_entry_inside(np_table_peek(box->table, entry));
    uint32_t host = np_hosts_get(s->hosts, &inside.local, inside.family);
    if (np_hosts_at(s->hosts, host)->mappings++ == 0) np_ring_init(s->link, s->capacity + host);
    s->host[entry] = host;
    np_ring_append(s->link, s->capacity + host, entry);
}

static void touched(void *state, const np_evict_box *box, uint32_t entry, np_time now)
{
    (void)box, (void)now;
    per_host *s = state;
    np_ring_unlink(s->link, entry);
    np_ring_append(s->link, s->capacity + s->host[entry], entry);
}

static void removing(void *state, const np_evict_box *box, uint32_t entry)
{
    (void)box;
    per_host *s = state;
    np_ring_unlink(s->link, entry);
    np_hosts_at(s->hosts, s->host[entry])->mappings--;
    np_hosts_drop(s->hosts, s->host[entry]);
}

static uint32_t victim(void *state, const np_evict_box *box, const np_tuple *inside, np_time now)
{
    (void)box, (void)now;
    const per_host *s = state;
    uint32_t host = np_hosts_find(s->hosts, &inside->local, inside->family);
    return host == NP_HOST_NONE ? NP_ENTRY_NONE : np_ring_oldest(s->link, s->capacity + host);
}

const np_evict_policy np_evict_lru_per_host = {
    .name = "lru-per-host",
    .about =
        "the longest idle mapping of the new flow's own host; else the new flow is refused (VPP nat44-ei)",
    .create = create,
    .destroy = destroy,
    .bytes = bytes,
    .inserted = inserted,
    .touched = touched,
    .removing = removing,
    .victim = victim,
    .own = true};
