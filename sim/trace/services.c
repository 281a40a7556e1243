/* The flows of a replay by protocol and port. See services.h. */
#include "services.h"
#include "fate.h"
#include <stdlib.h>

enum { OF_TCP, OF_UDP, OF_ICMP, PROTOCOLS };
static const uint8_t number[PROTOCOLS] = {NP_TCP, NP_UDP, NP_ICMP};

#define PORTS 65536u

static uint32_t place_of(const np_tuple *t)
{
    if (t->proto != NP_TCP && t->proto != NP_UDP) return OF_ICMP * PORTS;
    uint32_t port = t->local_port < t->remote_port ? t->local_port : t->remote_port;
    return (t->proto == NP_TCP ? OF_TCP : OF_UDP) * PORTS + port;
}

/* The most hurt first, then the largest, then by protocol and port. */
static int by_damage(const void *a, const void *b)
{
    const np_replay_service *x = a, *y = b;
    if (x->flows_hurt != y->flows_hurt) return x->flows_hurt > y->flows_hurt ? -1 : 1;
    if (x->flows != y->flows) return x->flows > y->flows ? -1 : 1;
    if (x->proto != y->proto) return x->proto < y->proto ? -1 : 1;
    return x->port < y->port ? -1 : x->port > y->port;
}

static bool widen(np_replay_service **all, uint32_t *room)
{
    uint32_t more = *room ? 2 * *room : 64;
    np_replay_service *wider = realloc(*all, more * sizeof *wider);
    if (!wider) return false;
    *all = wider;
    *room = more;
    return true;
}

bool np_services_sum(const np_flows *flows, size_t at, np_replay_summary *s)
{
    /* Where in `all` a port's flows are counted; 0: none yet. Most ports have none. */
    uint32_t *place = calloc(PROTOCOLS * PORTS, sizeof *place), used = 0, room = 0;
    np_replay_service *all = NULL;
    bool ok = place != NULL;
    for (uint32_t n = 0; ok && n < flows->n; n++) {
        np_flow *f = np_flows_at(flows, n);
        const np_fate *fate = (const np_fate *)((const char *)np_flow_own(f) + at);
        uint32_t service = place_of(&f->inside);
        if (place[service] == 0) {
            ok = used < room || widen(&all, &room);
            if (!ok) break;
            all[used] =
                (np_replay_service){.proto = number[service / PORTS], .port = (uint16_t)(service % PORTS)};
            place[service] = ++used;
        }
        np_replay_service *x = &all[place[service] - 1];
        x->flows++;
        x->packets += f->packets;
        x->flows_hurt += fate->evicted + fate->expired > 0;
        x->packets_hurt += fate->packets_lost;
    }
    if (used > 0) qsort(all, used, sizeof *all, by_damage);
    s->services_all = used;
    s->services = used < NP_REPLAY_SERVICES ? used : NP_REPLAY_SERVICES;
    if (used > 0) memcpy(s->service, all, s->services * sizeof *all);
    free(place);
    free(all);
    return ok;
}
