/*
 * Replay: a capture's packets through a NAT box.
 *
 *     np_capture_next -> which way? -> flow record -> box -> what became of it -> row
 *                        sides.c       flows.c                     ^
 *                                         ^-- tap: mappings made, evicted, expired, closed
 *
 * The box is asked as a router would ask it, except in two places where the capture knows better: a flow that
 * was open before the capture began, and a flow that went on in reality after this box lost it. Then
 * np_box_adopt makes the mapping, and the verdict is "forward, adopted".
 *
 * A loss counts late: the tap only marks the flow, and the next packet of it makes the mark a loss. So a
 * mapping that expires after its flow's last packet hurts nobody, as it should be.
 *
 * Cost: each packet of the box's needs two lookups, in the flow records and in the box's table. Done one
 * after the other they wait for memory four times a packet, longer than everything else takes; so packets are
 * read in batches, and a batch is walked in steps, each of which fetches what the next one reads. Nothing is
 * allocated but when records grow.
 */
#include "natpulse/replay.h"
#include "flows.h"
#include "lost.h"
#include "rows.h"
#include "sides.h"

const uint32_t np_replay_interval_s[NP_REPLAY_INTERVALS] = {5, 10, 15, 20, 30, 60, 120, 300, 900, 1800};

#define BATCH 32 /* enough to hide the waits; all of it stays in the first-level cache */

/* A packet read and not yet replayed. */
typedef struct waiting {
    np_captured captured;
    np_way way;
    np_tuple inside; /* of packets that bear their inside address, and its hash */
    uint64_t hash;
} waiting;

typedef struct replay {
    np_box *box;
    np_sides sides;
    np_flows flows;
    np_lost lost;
    bool track_lost; /* captures show the outside */
    bool adopt_first, reopen;
    bool out_of_memory;
    np_replay_summary *sum;
} replay;

/* ---- what the box tells ---- */

static bool has_ended(const np_flow *f)
{
    const uint8_t both = NP_FLOW_FIN_OUT | NP_FLOW_FIN_IN;
    return (f->marks & NP_FLOW_RST) || (f->marks & both) == both;
}

static void mapping_lost(replay *r, np_flow *f, uint8_t how, const np_mapping *m, np_time when)
{
    f->state = NP_FLOW_LOST;
    if (has_ended(f)) return;
    f->marks = (uint8_t)((f->marks & ~(NP_FLOW_EVICTED | NP_FLOW_EXPIRED)) | how);
    f->lost_age = when - m->last;
    if (!r->track_lost) return;
    np_tuple outside = m->inside;
    outside.local = m->external;
    outside.local_port = m->external_port;
    if (!np_lost_put(&r->lost, &outside, m->conn)) r->out_of_memory = true;
}

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    replay *r = ctx;
    np_flow *f = &r->flows.flow[m->conn];
    switch (what) {
    case NP_MAPPING_CREATED: f->state = NP_FLOW_MAPPED; break;
    case NP_MAPPING_EVICTED: mapping_lost(r, f, NP_FLOW_EVICTED, m, when); break;
    case NP_MAPPING_EXPIRED: mapping_lost(r, f, NP_FLOW_EXPIRED, m, when); break;
    default: f->state = NP_FLOW_CLOSED; break;
    }
}

/* ---- what became of a packet ---- */

static bool opens(const np_packet *p)
{
    return p->proto == NP_TCP && (p->flags & (NP_SYN | NP_ACK | NP_FIN | NP_RST)) == NP_SYN;
}

/* A SYN begins a new connection: what was lost before is forgiven. */
static void begin_anew(np_flow *f)
{
    f->marks = 0;
    if (f->state != NP_FLOW_MAPPED) f->state = NP_FLOW_UNMAPPED;
}

static void note_ending(np_flow *f, const np_packet *p, bool outbound)
{
    if (p->proto != NP_TCP) return;
    if (p->flags & NP_RST) f->marks |= NP_FLOW_RST;
    if (p->flags & NP_FIN) f->marks |= outbound ? NP_FLOW_FIN_OUT : NP_FLOW_FIN_IN;
}

/* A packet of flow f was let through or not: makes a marked loss a counted one. With --after-loss reopen the
   packet that shows the loss passes, and is counted as the one that reality would have lost. */
static void count_loss(replay *r, np_flow *f, bool passed)
{
    const uint8_t marked = NP_FLOW_EVICTED | NP_FLOW_EXPIRED;
    bool lost = !passed && (f->marks & NP_FLOW_BROKEN) && !has_ended(f);
    if (f->marks & marked) {
        if (f->evicted + f->expired == 0) r->sum->flows_hurt++;
        if (f->marks & NP_FLOW_EVICTED)
            f->evicted++, r->sum->losses_evicted++;
        else
            f->expired++, r->sum->losses_expired++;
        if (f->lost_age < f->least_age) f->least_age = f->lost_age;
        lost = !passed || r->reopen;
        f->marks = (uint8_t)((f->marks & ~marked) | NP_FLOW_BROKEN);
    }
    if (passed) f->marks &= (uint8_t)~NP_FLOW_BROKEN;
    f->packets_lost += lost;
    r->sum->packets_hurt += lost;
}

static void count_packet(np_flow *f, const np_captured *c)
{
    if (f->packets == 0) f->start = f->last = c->time;
    if (c->time - f->last > f->longest_idle) f->longest_idle = c->time - f->last;
    f->last = c->time;
    f->packets++;
    f->bytes += c->wire;
}

/* ---- the box ---- */

/* Written as choices and not as two cases: which way the next packet goes cannot be predicted. */
static inline np_tuple local_tuple(const np_packet *p, bool local_is_source)
{
    const np_addr *local = local_is_source ? &p->src : &p->dst;
    const np_addr *remote = local_is_source ? &p->dst : &p->src;
    return (np_tuple){.local = *local,
                      .remote = *remote,
                      .local_port = local_is_source ? p->sport : p->dport,
                      .remote_port = local_is_source ? p->dport : p->sport,
                      .proto = p->proto,
                      .family = p->family};
}

/* Whether the capture knows better than the box's rules that the flow is open. */
static bool should_adopt(const replay *r, const np_flow *f)
{
    if (f->state == NP_FLOW_LOST) return r->reopen && !has_ended(f);
    return f->state == NP_FLOW_UNMAPPED && r->adopt_first && (f->packets == 1 || r->reopen);
}

/* Outbound, these make a mapping in any box. */
static bool makes_mapping(const np_packet *p)
{
    return p->proto == NP_TCP ? opens(p) : p->proto == NP_UDP || p->flags == 1; /* an echo request */
}

/* A packet with its inside address, going either way. p is translated in place. */
static bool meet_inside(replay *r, const waiting *w, np_packet *p, np_handled *h, np_error *e)
{
    const np_captured *c = &w->captured;
    bool outbound = w->way == NP_WAY_OUT;
    uint32_t n = np_flows_get(&r->flows, &w->inside, w->hash, e);
    if (n == NP_INDEX_NONE) return false;
    np_flow *f = &r->flows.flow[n];
    count_packet(f, c);
    bool opening = opens(p);
    if (opening) begin_anew(f);
    p->conn = n;

    if (!(outbound && makes_mapping(p)) && should_adopt(r, f)) {
        *h = np_box_adopt(r->box, p, outbound, c->time);
    } else {
        *h = outbound ? np_box_outbound(r->box, p, c->time) : np_box_inbound_inside(r->box, p, c->time);
        /* The mapping may have timed out in this very call. */
        if (opening) begin_anew(f);
        if (h->reason == NP_REASON_NO_MAPPING && should_adopt(r, f))
            *h = np_box_adopt(r->box, p, outbound, c->time);
    }
    count_loss(r, f, h->verdict == NP_FORWARD);
    note_ending(f, p, outbound);
    return true;
}

/* A packet that reached the outside. Whose it is, the mapping tells, or the memory of a lost one. */
static bool meet_public(replay *r, const np_captured *c, np_packet *p, np_handled *h, np_error *e)
{
    np_tuple outside = local_tuple(p, false);
    *h = np_box_inbound(r->box, p, c->time);
    uint32_t n;
    if (h->verdict == NP_FORWARD) {
        np_tuple inside = local_tuple(p, false); /* it was translated */
        n = np_flows_get(&r->flows, &inside, np_index_hash(&inside), e);
        if (n == NP_INDEX_NONE) return false;
    } else {
        n = np_lost_find(&r->lost, &outside);
        if (n == NP_INDEX_NONE) return true;
    }
    np_flow *f = &r->flows.flow[n];
    count_packet(f, c);
    if (h->verdict != NP_FORWARD && !opens(p))
        f->marks |= NP_FLOW_BROKEN; /* perhaps it healed, but elsewhere */
    count_loss(r, f, h->verdict == NP_FORWARD);
    note_ending(f, p, false);
    return true;
}

static void count_verdict(np_replay_summary *s, np_handled h)
{
    s->by_reason[h.reason]++;
    switch (h.verdict) {
    case NP_FORWARD: s->forwarded++; break;
    case NP_DROP: s->dropped++; break;
    case NP_RESET: s->reset++; break;
    }
}

static bool replay_packet(replay *r, const np_replay_config *config, const waiting *w, np_error *e)
{
    switch (w->way) {
    case NP_WAY_LOCAL: r->sum->local++; return true;
    case NP_WAY_ELSEWHERE: r->sum->elsewhere++; return true;
    case NP_WAY_OUT: r->sum->outbound++; break;
    default: r->sum->inbound++; break;
    }
    const np_captured *c = &w->captured;
    np_packet p = c->packet;
    np_handled h;
    bool ok = w->way == NP_WAY_IN_PUBLIC ? meet_public(r, c, &p, &h, e) : meet_inside(r, w, &p, &h, e);
    if (!ok) return false;
    if (r->out_of_memory) return np_fail_memory(e, "the lost mappings");
    count_verdict(r->sum, h);
    if (h.reason != NP_REASON_MAPPED) {
        uint32_t entries = np_box_entries(r->box);
        if (entries > r->sum->entries_peak) r->sum->entries_peak = entries;
    }
    if (config->verdicts) np_rows_verdict(config->verdicts, c, w->way == NP_WAY_OUT, h, &p);
    return true;
}

/* ---- the whole ---- */

static bool bears_inside(const waiting *w)
{
    return w->way == NP_WAY_OUT || w->way == NP_WAY_IN;
}

/* Where a packet goes, and the first step of its lookup. */
static void consider(replay *r, waiting *w)
{
    const np_packet *p = &w->captured.packet;
    w->way = np_sides_way(&r->sides, p);
    if (!bears_inside(w)) return;
    w->inside = local_tuple(p, w->way == NP_WAY_OUT);
    w->hash = np_index_hash(&w->inside);
    np_flows_prefetch_index(&r->flows, w->hash);
}

static bool replay_batch(replay *r, const np_replay_config *config, waiting *batch, uint32_t n, np_error *e)
{
    for (uint32_t i = 0; i < n; i++) consider(r, &batch[i]);
    /* Looking without touching, one packet behind the other, lets the processor wait for all of them at once.
     */
    for (uint32_t i = 0; i < n; i++)
        if (bears_inside(&batch[i])) np_box_lookup(r->box, &batch[i].inside, NULL);
    for (uint32_t i = 0; i < n; i++)
        if (bears_inside(&batch[i])) np_flows_prefetch_record(&r->flows, batch[i].hash);
    for (uint32_t i = 0; i < n; i++)
        if (!replay_packet(r, config, &batch[i], e)) return false;
    return true;
}

static bool read_all(replay *r, np_capture *c, const np_replay_config *config, const volatile int *stop,
                     np_error *e)
{
    waiting batch[BATCH];
    int got = 1;
    while (got == 1 && !(stop && *stop)) {
        uint32_t n = 0;
        while (n < BATCH && (got = np_capture_next(c, &batch[n].captured, e)) == 1) {
            const np_captured *read = &batch[n].captured;
            if (r->sum->first == NP_NEVER) r->sum->first = read->time;
            r->sum->last = read->time;
            n += read->decoded == NP_DECODED_OK;
        }
        if (!replay_batch(r, config, batch, n, e)) return false;
    }
    r->sum->stopped = stop && *stop; /* which also makes a pending read fail */
    return got >= 0;
}

static void sum_flows(const replay *r, FILE *rows)
{
    np_replay_summary *s = r->sum;
    s->flows = r->flows.n;
    for (uint32_t i = 0; i < r->flows.n; i++) {
        const np_flow *f = &r->flows.flow[i];
        if (rows) np_rows_flow(rows, f);
        s->flows_tcp += f->inside.proto == NP_TCP;
        s->flows_udp += f->inside.proto == NP_UDP;
        s->flows_icmp += f->inside.proto == NP_ICMP || f->inside.proto == NP_ICMPV6;
        for (int k = 0; f->least_age != NP_NEVER && k < NP_REPLAY_INTERVALS; k++)
            s->saved_by[k] += np_replay_interval_s[k] * NP_SECOND < f->least_age;
    }
}

bool np_replay_run(np_capture *c, const np_replay_config *config, const volatile int *stop,
                   np_replay_summary *out, np_error *e)
{
    *out = (np_replay_summary){.first = NP_NEVER, .last = 0};
    np_nat_config nat = *config->nat;
    if (config->has_public) nat.ports.first = config->public_address;
    np_adopt adopt = config->adopt;
    if (adopt == NP_ADOPT_DEFAULT) adopt = config->has_public ? NP_ADOPT_NEVER : NP_ADOPT_FIRST;
    np_after_loss after = config->after_loss;
    if (after == NP_AFTER_LOSS_DEFAULT)
        after = config->has_public ? NP_AFTER_LOSS_DEAD : NP_AFTER_LOSS_REOPEN;

    replay r = {.sum = out,
                .adopt_first = adopt == NP_ADOPT_FIRST,
                .reopen = after == NP_AFTER_LOSS_REOPEN,
                .track_lost = config->has_public};
    bool ok = np_sides_init(&r.sides, config, e) && np_flows_init(&r.flows, e);
    if (ok && !np_lost_init(&r.lost)) ok = np_fail_memory(e, "the lost mappings");
    if (ok) ok = (r.box = np_box_create(&nat, np_key_make(config->seed, 0), 0, e)) != NULL;
    if (ok) {
        np_box_set_tap(r.box, (np_box_tap){.mapping = on_mapping, .ctx = &r});
        if (config->verdicts) np_rows_verdict_head(config->verdicts);
        if (config->flows) np_rows_flow_head(config->flows);
        ok = read_all(&r, c, config, stop, e);
    }
    if (ok) {
        sum_flows(&r, config->flows);
        out->box = *np_box_count(r.box);
    }
    if (r.box) np_box_destroy(r.box);
    np_lost_free(&r.lost);
    np_flows_free(&r.flows);
    return ok;
}
