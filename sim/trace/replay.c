/*
 * Replay: a capture's packets through a NAT box, or through several at once.
 *
 *     np_feed_next -> flow record -> for each box (a lane): box -> what became of it -> its fate of the flow
 *     feed.c          flows.c                                ^
 *                                                            ^-- tap: mappings made, evicted, expired, closed
 *
 *     flow record:  | np_flow: what the capture shows | fate in lane 0 | fate in lane 1 | ...
 *
 * The box is asked as a router would ask it, except in two places where the capture knows better: a flow that
 * was open before the capture began, and a flow that went on in reality after this box lost it. Then
 * np_box_adopt makes the mapping, and the verdict is "forward, adopted".
 *
 * A loss counts late: the tap only marks the flow, and the next packet of it makes the mark a loss. So a
 * mapping that expires after its flow's last packet hurts nobody, as it should be.
 *
 * Cost: a packet needs its flow's record and, in each lane, the box's index, entry and links. Fetched one
 * after the other they would take longer than all the rest; so packets come in batches, and a batch is walked
 * in steps, each of which fetches what the next one reads. Nothing is allocated but when records grow.
 */
#include "natpulse/replay.h"
#include "feed.h"
#include "foresight.h"
#include "horizon.h"
#include "lost.h"
#include "rows.h"
#include "services.h"
#include "timeline.h"
#include <stdlib.h>

const uint32_t np_replay_interval_s[NP_REPLAY_INTERVALS] = {5, 10, 15, 20, 30, 60, 120, 300, 900, 1800};

/* Batches between two reports of how far the reading is. */
#define BATCHES_A_REPORT 2048

/* One box, and what is known of its doings. */
typedef struct lane {
    struct replay *replay;
    np_box *box;
    size_t fate; /* where in a flow record's own part its fates stand */
    np_timeline time;
    np_replay_summary *sum;
    np_horizon horizon;
    bool limited; /* the box handles so many packets a second */
    bool is_lru;
} lane;

typedef struct replay {
    const np_replay_config *config;
    np_flows flows;
    np_feed feed;
    np_lost lost;
    bool track_lost; /* captures show the outside */
    bool adopt_first, reopen, leave;
    bool out_of_memory;
    bool foreseen; /* a box wants to know what comes */
    np_foresight foresight;
    uint64_t packet; /* of those that bear their inside address */
    uint64_t saving_costs[NP_REPLAY_INTERVALS];
    lane *lane;
    uint32_t lanes;
} replay;

static inline np_fate *fate_of(const lane *l, np_flow *f)
{
    return (np_fate *)((char *)np_flow_own(f) + l->fate);
}

/* ---- what a box tells ---- */

static void mapping_lost(lane *l, np_flow *f, uint8_t how, const np_mapping *m, np_time when)
{
    np_fate *fate = fate_of(l, f);
    fate->state = NP_FATE_LOST;
    if (how == NP_FATE_EVICTED && !np_horizon_evicted(&l->horizon, when, m->last))
        l->replay->out_of_memory = true;
    if (np_flow_ended(f)) return;
    fate->marks = (uint8_t)((fate->marks & ~(NP_FATE_EVICTED | NP_FATE_EXPIRED)) | how);
    fate->lost_last = m->last;
    fate->lost_age = when - m->last;
    if (!l->replay->track_lost) return;
    np_tuple outside = m->inside;
    outside.local = m->external;
    outside.local_port = m->external_port;
    if (!np_lost_put(&l->replay->lost, &outside, m->conn)) l->replay->out_of_memory = true;
}

static void on_mapping(void *ctx, np_mapping_event what, const np_mapping *m, np_time when)
{
    lane *l = ctx;
    np_flow *f = np_flows_at(&l->replay->flows, m->conn);
    switch (what) {
    case NP_MAPPING_CREATED: fate_of(l, f)->state = NP_FATE_MAPPED; break;
    case NP_MAPPING_EVICTED: mapping_lost(l, f, NP_FATE_EVICTED, m, when); break;
    case NP_MAPPING_EXPIRED: mapping_lost(l, f, NP_FATE_EXPIRED, m, when); break;
    case NP_MAPPING_FREED: break; /* it had expired before */
    default: fate_of(l, f)->state = NP_FATE_CLOSED; break;
    }
}

/* ---- what became of a packet ---- */

/* A SYN begins a new connection: what was lost before is forgiven. */
static void begin_anew(np_fate *fate)
{
    fate->marks = 0;
    if (fate->state != NP_FATE_MAPPED) fate->state = NP_FATE_UNMAPPED;
}

/* The loss has come to light: which intervals would not have spared it. */
static void count_saved(const lane *l, np_fate *fate, np_time now)
{
    for (int k = 0; k < NP_REPLAY_INTERVALS; k++) {
        np_time every = np_replay_interval_s[k] * NP_SECOND;
        uint16_t bit = (uint16_t)(1u << k);
        if (!(fate->saved_by & bit)) continue;
        if (every >= fate->lost_age || !np_horizon_keeps(&l->horizon, fate->lost_last, every, now))
            fate->saved_by = (uint16_t)(fate->saved_by & ~bit);
    }
}

/* A packet of flow f was let through or not: makes a marked loss a counted one. With --after-loss reopen the
   packet that shows the loss passes, and is counted as the one that reality would have lost. */
static void count_loss(lane *l, const np_flow *f, np_fate *fate, bool passed, np_time now)
{
    const uint8_t marked = NP_FATE_EVICTED | NP_FATE_EXPIRED;
    if (!(fate->marks & (marked | NP_FATE_BROKEN))) return;
    np_replay_bin *bin = np_timeline_at(&l->time, now, np_box_entries(l->box));
    bool lost = !passed && (fate->marks & NP_FATE_BROKEN) && !np_flow_ended(f);
    if (fate->marks & marked) {
        if (fate->evicted + fate->expired == 0) {
            l->sum->flows_hurt++;
            fate->saved_by = (1u << NP_REPLAY_INTERVALS) - 1;
        }
        if (fate->marks & NP_FATE_EVICTED)
            fate->evicted++, l->sum->losses_evicted++, bin->evicted++;
        else
            fate->expired++, l->sum->losses_expired++, bin->expired++;
        count_saved(l, fate, now);
        lost = !passed || l->replay->reopen;
        fate->marks = (uint8_t)((fate->marks & ~marked) | NP_FATE_BROKEN);
    }
    if (passed) fate->marks &= (uint8_t)~NP_FATE_BROKEN;
    fate->packets_lost += lost;
    l->sum->packets_hurt += lost;
    bin->packets_hurt += lost;
}

static void count_idle(replay *r, np_time idle)
{
    for (int k = 0; k < NP_REPLAY_INTERVALS; k++) {
        np_time every = np_replay_interval_s[k] * NP_SECOND;
        if (idle <= every) break;
        r->saving_costs[k] += 2 * (uint64_t)((idle - 1) / every); /* a beat and its answer */
    }
}

static inline void count_packet(replay *r, np_flow *f, const np_fed *x, bool outbound, bool opening)
{
    np_time now = x->captured.time;
    if (f->packets == 0) {
        f->start = f->last = now;
        f->from_inside = outbound;
    }
    np_time idle = now - f->last;
    if (idle > f->longest_idle) f->longest_idle = idle;
    if (idle > np_replay_interval_s[0] * NP_SECOND && !opening && !np_flow_ended(f)) count_idle(r, idle);
    f->last = now;
    f->packets++;
    f->bytes += x->captured.wire;
}

/* ---- the boxes ---- */

static inline np_tuple addressed_to(const np_packet *p)
{
    return (np_tuple){.local = p->dst,
                      .remote = p->src,
                      .local_port = p->dport,
                      .remote_port = p->sport,
                      .proto = p->proto,
                      .family = p->family};
}

/* Whether the capture knows better than the box's rules that the flow is open. A flow that has ended counts
   no loss, but what still came of it passed in reality too. */
static bool should_adopt(const replay *r, const np_flow *f, const np_fate *fate)
{
    if (fate->state == NP_FATE_LOST) return r->reopen;
    return fate->state == NP_FATE_UNMAPPED && r->adopt_first && (f->packets == 1 || r->reopen);
}

/* Outbound, these make a mapping in any box. */
static bool makes_mapping(const np_packet *p)
{
    return p->proto == NP_TCP ? np_packet_opens(p)
                              : p->proto == NP_UDP || p->flags == 1; /* an echo request */
}

/* Whether the box has no time for the packet. Those it has are handled at once: a capture's own times already
   hold what its packets waited for. */
static inline bool is_too_busy(lane *l, np_time now, np_handled *h)
{
    if (!l->limited || np_box_admit(l->box, now) != NP_NEVER) return false;
    *h = (np_handled){NP_DROP, NP_REASON_CPU};
    return true;
}

/* A packet with its inside address, going either way, in one lane. p is translated in place. */
static inline np_handled meet_inside(lane *l, np_flow *f, np_packet *p, bool outbound, bool opening,
                                     np_time now)
{
    np_fate *fate = fate_of(l, f);
    np_handled h;
    if (is_too_busy(l, now, &h)) return h;
    if (opening) begin_anew(fate);
    if (!(outbound && makes_mapping(p)) && should_adopt(l->replay, f, fate)) {
        h = np_box_adopt(l->box, p, outbound, now);
    } else {
        h = outbound ? np_box_outbound(l->box, p, now) : np_box_inbound_inside(l->box, p, now);
        /* The mapping may have timed out in this very call. */
        if (opening) begin_anew(fate);
        if (h.reason == NP_REASON_NO_MAPPING && should_adopt(l->replay, f, fate))
            h = np_box_adopt(l->box, p, outbound, now);
    }
    count_loss(l, f, fate, h.verdict == NP_FORWARD, now);
    return h;
}

/* A packet that reached the outside. Whose it is, the mapping tells, or the memory of a lost one. */
static bool meet_public(replay *r, const np_fed *x, np_packet *p, np_handled *h, np_error *e)
{
    lane *l = &r->lane[0];
    np_tuple outside = addressed_to(p);
    if (is_too_busy(l, x->now, h)) return true;
    *h = np_box_inbound(l->box, p, x->now);
    uint32_t n;
    if (h->verdict == NP_FORWARD) {
        np_tuple inside = addressed_to(p); /* it was translated */
        n = np_flows_get(&r->flows, &inside, np_index_hash(&inside), e);
        if (n == NP_INDEX_NONE) return false;
    } else {
        n = np_lost_find(&r->lost, &outside);
        if (n == NP_INDEX_NONE) return true;
    }
    np_flow *f = np_flows_at(&r->flows, n);
    np_fate *fate = fate_of(l, f);
    count_packet(r, f, x, false, np_packet_opens(p));
    if (h->verdict != NP_FORWARD && !np_packet_opens(p))
        fate->marks |= NP_FATE_BROKEN; /* perhaps it healed, but elsewhere */
    count_loss(l, f, fate, h->verdict == NP_FORWARD, x->now);
    np_flow_note_ending(f, p, false);
    return true;
}

static np_handled meet_error(lane *l, const np_fed *x, np_packet *p)
{
    np_tuple quoted = x->captured.quoted;
    np_error_way way = x->way == NP_WAY_OUT         ? NP_ERROR_OUT
                       : x->way == NP_WAY_IN_PUBLIC ? NP_ERROR_IN
                                                    : NP_ERROR_IN_INSIDE;
    return np_box_error(l->box, p, &quoted, way, x->now);
}

static void count_verdict(lane *l, np_handled h, np_time now)
{
    np_replay_summary *s = l->sum;
    s->by_reason[h.reason]++;
    switch (h.verdict) {
    case NP_FORWARD: s->forwarded++; break;
    case NP_DROP: s->dropped++; break;
    case NP_RESET: s->reset++; break;
    }
    if (h.reason == NP_REASON_MAPPED && now < l->time.end) return;
    uint32_t entries = np_box_entries(l->box);
    np_replay_bin *bin = np_timeline_at(&l->time, now, entries);
    if (entries > bin->entries) bin->entries = entries;
    if (entries > s->entries_peak) s->entries_peak = entries;
}

/* A packet's flow, and its doings in all lanes. */
static bool replay_inside(replay *r, const np_fed *x, np_error *e)
{
    bool outbound = x->way == NP_WAY_OUT, opening = np_packet_opens(&x->captured.packet);
    np_flow *f = np_flows_at(&r->flows, x->flow);
    count_packet(r, f, x, outbound, opening);
    if (opening) f->marks = 0;
    if (r->foreseen) {
        if (r->packet >= r->foresight.packets || x->flow >= r->foresight.flows)
            return np_fail(e, NP_TROUBLE_INPUT,
                           "the capture grew while it was read; belady needs one that does not");
        r->foresight.next[x->flow] = r->foresight.after[r->packet];
    }
    r->packet++;
    for (uint32_t i = 0; i < r->lanes; i++) {
        lane *l = &r->lane[i];
        np_packet p = x->captured.packet;
        p.conn = x->flow;
        np_handled h = meet_inside(l, f, &p, outbound, opening, x->now);
        count_verdict(l, h, x->now);
        if (i == 0 && r->config->verdicts)
            np_rows_verdict(r->config->verdicts, &x->captured, outbound, h, &p);
    }
    np_flow_note_ending(f, &x->captured.packet, outbound);
    if (r->leave && np_flow_leaves(f, &x->captured.packet))
        for (uint32_t i = 0; i < r->lanes; i++) np_box_close(r->lane[i].box, &f->inside, x->now);
    return true;
}

static bool replay_other(replay *r, const np_fed *x, np_error *e)
{
    for (uint32_t i = 0; i < r->lanes; i++) {
        np_packet p = x->captured.packet;
        np_handled h;
        if (x->captured.decoded == NP_DECODED_ERROR) {
            h = meet_error(&r->lane[i], x, &p);
            r->lane[i].sum->errors++;
        } else if (!meet_public(r, x, &p, &h, e)) {
            return false;
        }
        count_verdict(&r->lane[i], h, x->now);
        if (i == 0 && r->config->verdicts)
            np_rows_verdict(r->config->verdicts, &x->captured, x->way == NP_WAY_OUT, h, &p);
    }
    return true;
}

static bool replay_packet(replay *r, const np_fed *x, np_error *e)
{
    bool ok = x->flow != NP_INDEX_NONE ? replay_inside(r, x, e) : replay_other(r, x, e);
    return ok && (!r->out_of_memory || np_fail_memory(e, "the lost mappings"));
}

/* ---- the whole ---- */

static void prefetch_batch(const lane *l, const np_fed *fed, uint32_t n)
{
    uint64_t hash[NP_FEED_BATCH];
    uint32_t entry[NP_FEED_BATCH];
    for (uint32_t i = 0; i < n; i++)
        if (np_fed_has_flow(&fed[i])) hash[i] = np_box_prefetch_index(l->box, &fed[i].inside);
    for (uint32_t i = 0; i < n; i++)
        if (np_fed_has_flow(&fed[i])) entry[i] = np_box_prefetch_mapping(l->box, hash[i]);
    for (uint32_t i = 0; i < n; i++)
        if (np_fed_has_flow(&fed[i])) np_box_prefetch_neighbours(l->box, entry[i]);
}

static void report(const replay *r, const np_capture *c)
{
    uint64_t done, all;
    np_capture_progress(c, &done, &all);
    r->config->reading(r->config->reading_ctx, done, all);
}

static bool read_all(replay *r, np_capture *c, const volatile int *stop, np_error *e)
{
    bool more = true;
    for (uint32_t batches = 0; more && !(stop && *stop); batches++) {
        int n = np_feed_next(&r->feed, &more, e);
        if (n < 0) return stop && *stop; /* a signal also makes a pending read fail */
        for (uint32_t i = 0; i < r->lanes; i++) prefetch_batch(&r->lane[i], r->feed.fed, (uint32_t)n);
        if (!np_feed_flows(&r->feed, e)) return false;
        for (int i = 0; i < n; i++)
            if (!replay_packet(r, &r->feed.fed[i], e)) return false;
        if (r->config->reading && batches % BATCHES_A_REPORT == 0) report(r, c);
    }
    return true;
}

static void sum_flows(const replay *r, FILE *rows)
{
    for (uint32_t n = 0; n < r->flows.n; n++) {
        np_flow *f = np_flows_at(&r->flows, n);
        if (rows) np_rows_flow(rows, f, fate_of(&r->lane[0], f));
        for (uint32_t i = 0; i < r->lanes; i++) {
            np_replay_summary *s = r->lane[i].sum;
            const np_fate *fate = fate_of(&r->lane[i], f);
            s->flows_tcp += f->inside.proto == NP_TCP;
            s->flows_udp += f->inside.proto == NP_UDP;
            s->flows_icmp += f->inside.proto == NP_ICMP || f->inside.proto == NP_ICMPV6;
            for (int k = 0; fate->evicted + fate->expired > 0 && k < NP_REPLAY_INTERVALS; k++)
                s->saved_by[k] += fate->saved_by >> k & 1;
        }
    }
}

static bool sum_up(replay *r, const volatile int *stop, np_error *e)
{
    sum_flows(r, r->config->flows);
    for (uint32_t i = 0; i < r->lanes; i++) {
        lane *l = &r->lane[i];
        np_replay_summary *s = l->sum;
        s->outbound = r->feed.outbound;
        s->inbound = r->feed.inbound;
        s->local = r->feed.local;
        s->elsewhere = r->feed.elsewhere;
        s->first = r->feed.first;
        s->last = r->feed.last;
        s->flows = r->flows.n;
        s->box = *np_box_count(l->box);
        s->saving_known = l->is_lru || s->box.evictions == 0;
        s->bins = l->time.bins;
        s->bin_width = l->time.width;
        s->stopped = stop && *stop;
        memcpy(s->saving_costs, r->saving_costs, sizeof s->saving_costs);
        if (!np_services_sum(&r->flows, l->fate, s)) return np_fail_memory(e, "the ports");
    }
    return true;
}

static bool make_lanes(replay *r, np_replay_summary *out, np_error *e)
{
    const np_replay_config *config = r->config;
    r->lane = calloc(r->lanes, sizeof *r->lane);
    if (!r->lane) return np_fail_memory(e, "the boxes");
    for (uint32_t i = 0; i < r->lanes; i++) {
        lane *l = &r->lane[i];
        np_nat_config nat = config->nat[i];
        if (config->has_public) nat.ports.first = config->public_address;
        if (r->foreseen) nat.foresight = r->foresight.next;
        out[i] = (np_replay_summary){.first = NP_NEVER};
        *l = (lane){.replay = r, .fate = i * sizeof(np_fate), .sum = &out[i], .limited = nat.cpu.rate != 0};
        l->is_lru = strcmp(nat.evict, "lru") == 0;
        np_timeline_init(&l->time, out[i].bin);
        np_horizon_init(&l->horizon);
        l->box = np_box_create(&nat, np_key_make(config->seed, 0), 0, e);
        if (!l->box) return false;
        np_box_set_tap(l->box, (np_box_tap){.mapping = on_mapping, .ctx = l});
    }
    return true;
}

static bool wants_foresight(const np_replay_config *config, uint32_t boxes)
{
    for (uint32_t i = 0; i < boxes; i++)
        if (strcmp(config->nat[i].evict, "belady") == 0) return true;
    return false;
}

static bool foresee(replay *r, const np_capture *c, const np_sides *sides, const volatile int *stop,
                    np_error *e)
{
    if (r->config->has_public)
        return np_fail(
            e, NP_TROUBLE_USAGE,
            "belady needs to know each packet's flow beforehand, which a capture with a public address "
            "does not tell; use one taken on the inside");
    np_capture *first = np_capture_again(c, e);
    if (!first) return false;
    bool ok = np_foresight_read(&r->foresight, first, sides, stop, e);
    np_capture_close(first);
    return ok;
}

static void read_modes(replay *r)
{
    const np_replay_config *config = r->config;
    np_adopt adopt = config->adopt;
    np_after_loss after = config->after_loss;
    if (adopt == NP_ADOPT_DEFAULT) adopt = config->has_public ? NP_ADOPT_NEVER : NP_ADOPT_FIRST;
    if (after == NP_AFTER_LOSS_DEFAULT)
        after = config->has_public ? NP_AFTER_LOSS_DEAD : NP_AFTER_LOSS_REOPEN;
    r->adopt_first = adopt == NP_ADOPT_FIRST;
    r->reopen = after == NP_AFTER_LOSS_REOPEN;
    r->leave = config->closed == NP_CLOSED_LEAVE;
    r->track_lost = config->has_public;
}

bool np_replay_run(np_capture *c, const np_replay_config *config, const volatile int *stop,
                   np_replay_summary *out, np_error *e)
{
    replay r = {.config = config, .lanes = config->boxes ? config->boxes : 1};
    np_sides sides;
    if (r.lanes > 1 && config->has_public)
        return np_fail(e, NP_TROUBLE_USAGE,
                       "several boxes cannot be compared on a capture with a public address: each would have "
                       "chosen other ports; use one taken on the inside");
    read_modes(&r);
    r.foreseen = wants_foresight(config, r.lanes);
    bool ok = np_sides_init(&sides, config->inside, config->insides, e);
    if (ok && config->has_public)
        np_sides_public(&sides, &config->public_address, config->nat->ports.addresses);
    ok = ok && (!r.foreseen || foresee(&r, c, &sides, stop, e));
    ok = ok && np_flows_init(&r.flows, r.lanes * sizeof(np_fate), e);
    if (ok && r.track_lost && !np_lost_init(&r.lost)) ok = np_fail_memory(e, "the lost mappings");
    ok = ok && make_lanes(&r, out, e);
    if (ok) {
        np_feed_init(&r.feed, c, &sides, &r.flows);
        if (config->verdicts) np_rows_verdict_head(config->verdicts);
        if (config->flows) np_rows_flow_head(config->flows);
        ok = read_all(&r, c, stop, e) && sum_up(&r, stop, e);
    }
    for (uint32_t i = 0; r.lane && i < r.lanes; i++) {
        if (r.lane[i].box) np_box_destroy(r.lane[i].box);
        np_horizon_free(&r.lane[i].horizon);
    }
    free(r.lane);
    np_foresight_free(&r.foresight);
    np_lost_free(&r.lost);
    np_flows_free(&r.flows);
    return ok;
}
