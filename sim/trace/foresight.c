/* What is to come. See foresight.h. */
#include "foresight.h"
#include "feed.h"
#include <stdlib.h>

#define FIRST_ROOM ((uint64_t)1 << 16)

/* What is kept of each flow during the reading. */
typedef struct latest {
    uint64_t packet; /* number of its latest */
} latest;

static bool widen(np_foresight *f, uint64_t *room)
{
    uint64_t more = *room ? 2 * *room : FIRST_ROOM;
    np_time *wider = realloc(f->after, more * sizeof *wider);
    if (!wider) return false;
    f->after = wider;
    *room = more;
    return true;
}

static void note(np_foresight *f, const np_flows *flows, const np_fed *x)
{
    const np_packet *p = &x->captured.packet;
    np_flow *flow = np_flows_at(flows, x->flow);
    latest *l = np_flow_own(flow);
    bool opening = np_packet_opens(p);
    if (opening) flow->marks = 0;
    if (flow->packets++ > 0 && !opening && !np_flow_ended(flow)) f->after[l->packet] = x->now;
    np_flow_note_ending(flow, p, x->way == NP_WAY_OUT);
    l->packet = f->packets;
    f->after[f->packets++] = NP_NEVER;
}

bool np_foresight_read(np_foresight *f, np_capture *c, const np_sides *sides, const volatile int *stop,
                       np_error *e)
{
    np_feed feed;
    np_flows flows;
    uint64_t room = 0;
    bool more = true, ok = np_flows_init(&flows, sizeof(latest), e);
    *f = (np_foresight){0};
    np_feed_init(&feed, c, sides, &flows);
    while (ok && more && !(stop && *stop)) {
        int n = np_feed_next(&feed, &more, e);
        ok = n >= 0 && np_feed_flows(&feed, e);
        for (int i = 0; ok && i < n; i++) {
            if (feed.fed[i].flow == NP_INDEX_NONE) continue;
            if (f->packets == room && !widen(f, &room)) ok = np_fail_memory(e, "the packets to come");
            if (ok) note(f, &flows, &feed.fed[i]);
        }
    }
    if (ok) {
        f->flows = flows.n;
        f->next = malloc((flows.n ? flows.n : 1) * sizeof *f->next);
        if (!f->next) ok = np_fail_memory(e, "the flows to come");
    }
    np_flows_free(&flows);
    return ok;
}

void np_foresight_free(np_foresight *f)
{
    free(f->after);
    free(f->next);
    *f = (np_foresight){0};
}
