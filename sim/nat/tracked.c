/*
 * Packets of a box with a tracker (track.h): find the mapping, ask the tracker, do what it says.
 *
 *     mapping there -> judge -> RENEW, PASS   forward, renewed or as it is
 *                               DELETE        forward, and the mapping goes
 *                               INVALID, CUT  refused
 *                               REOPEN        the mapping goes, and then as if none were there
 *     none there, outbound -> room -> start -> RENEW    a mapping
 *                                              INVALID  refused
 *     none there, inbound  -> a SYN that the filter lets in: room, and a mapping; else unknown
 *
 * Refused from inside: dropped, reset, or let out untranslated, as Linux does where no rule says otherwise: a
 * packet without a flow is not translated, and that is all. From outside it is addressed to the box itself
 * and meets its closed ports.
 *
 * Linux makes room before it judges, so that a packet which is then refused may have cost a flow its place,
 * and in a full table never gets as far as being refused.
 *
 * Linux also tracks what is addressed to the box itself. Where its own stack answers (unknown_inbound: reset)
 * a datagram or echo request from outside leaves an entry of its own: it takes a place in the table, and the
 * inside host whose lost mapping it was meant for does not get that port back until the entry has timed out.
 * TCP leaves none, for the reset that answers deletes it. Such an entry has the box's address as its inside
 * address, and no tap hears of it.
 */
#include "box_state.h"

#define SIDE_WORDS 8 /* of 8 bytes: the largest side state there is */

static bool passes(np_track_verdict verdict)
{
    return verdict == NP_TRACK_RENEW || verdict == NP_TRACK_PASS || verdict == NP_TRACK_DELETE;
}

/* Answers a SYN for the other end: if the sender knows of no connection it will reset it. */
static void challenge(np_box *b, const np_packet *p, const np_track_answer *a, bool outbound, np_time now)
{
    if (b->tap.emit == NULL) return;
    np_packet ack = {.src = p->dst,
                     .dst = p->src,
                     .sport = p->dport,
                     .dport = p->sport,
                     .seq = a->seq,
                     .ack = a->ack,
                     .conn = p->conn,
                     .bytes = p->family == 4 ? NP_BARE_BYTES_4 : NP_BARE_BYTES_6,
                     .proto = NP_TCP,
                     .family = p->family,
                     .flags = NP_ACK,
                     .kind = NP_KIND_CONTROL};
    b->counts.emitted++;
    b->tap.emit(b->tap.ctx, outbound, &ack, now);
}

/* A reset is never answered with another (RFC 9293 3.10.7.1). */
static np_handled reset(const np_packet *p)
{
    return (np_handled){p->flags & NP_RST ? NP_DROP : NP_RESET, NP_REASON_INVALID};
}

/* Asks about a packet of a mapping, and does all that the answer means but the forwarding. A packet whose
   direction does not refresh leaves class and deadline alone, whatever the tracker says. */
static np_track_verdict judge(np_box *b, const np_packet *p, uint32_t entry, bool outbound, np_time now)
{
    np_entry *e = np_table_entry(b->table, entry);
    np_track_answer a =
        b->tracker->judge(&b->track, np_box_side(b, entry), p, outbound, now, np_box_deadline(b, e));
    bool forward = passes((np_track_verdict)a.verdict);
    if (a.verdict == NP_TRACK_REOPEN || a.verdict == NP_TRACK_PURGE) {
        np_box_remove(b, entry, NP_MAPPING_CLOSED, now);
    } else {
        e->state = a.mark;
        if (forward) e->seen |= outbound ? NP_SEEN_OUTBOUND : NP_SEEN_INBOUND;
        if (forward && b->ends != NULL) np_farewell_note(&b->ends[entry], p, outbound);
        if (a.verdict == NP_TRACK_CUT ||
            (a.verdict == NP_TRACK_RENEW && np_box_refreshes(b, p->proto, outbound)))
            np_box_renew(b, entry, a.class, now);
    }
    if (a.verdict == NP_TRACK_CHALLENGE) challenge(b, p, &a, outbound, now);
    b->counts.invalid += !forward && a.verdict != NP_TRACK_REOPEN;
    return (np_track_verdict)a.verdict;
}

/* Makes a mapping as `first` says, which is the tracker's start or adopt. NP_ENTRY_NONE and *why when it
   refuses (NP_REASON_INVALID), or there is no place or port. */
static uint32_t make(np_box *b, const np_packet *p, const np_tuple *inside, bool adopt, bool outbound,
                     np_time now, np_reason *why)
{
    const np_tracker *t = b->tracker;
    uint64_t side[SIDE_WORDS];
    if (t->room_first && !np_box_make_room(b, inside, now, why)) return NP_ENTRY_NONE;
    np_track_answer a = (adopt ? t->adopt : t->start)(&b->track, side, p, outbound, now);
    if (a.verdict != NP_TRACK_RENEW) {
        *why = NP_REASON_INVALID;
        return NP_ENTRY_NONE;
    }
    if (!t->room_first && !np_box_make_room(b, inside, now, why)) return NP_ENTRY_NONE;
    uint8_t seen = outbound ? NP_SEEN_OUTBOUND : NP_SEEN_INBOUND;
    uint32_t entry = np_box_insert(b, inside, a.class, a.mark, seen, p, now);
    if (entry == NP_ENTRY_NONE) {
        *why = NP_REASON_NO_PORT;
        return NP_ENTRY_NONE;
    }
    memcpy(np_box_side(b, entry), side, t->bytes);
    if (b->ends != NULL) np_farewell_note(&b->ends[entry], p, outbound);
    return entry;
}

/* ---- outbound ---- */

/* Refused, with a mapping (NP_REASON_INVALID) or without (NP_REASON_NO_MAPPING). */
static np_handled outbound_refused(const np_box *b, np_reason reason)
{
    if (b->config.invalid == NP_INVALID_LEAK) return (np_handled){NP_FORWARD, NP_REASON_LEAKED};
    return (np_handled){NP_DROP, reason};
}

static np_handled outbound_new(np_box *b, np_packet *p, const np_tuple *inside, bool adopt, np_time now)
{
    np_reason why = NP_REASON_COUNT;
    bool opens = np_track_opens(p);
    b->counts.unknown_out += !opens && !adopt;
    uint32_t entry = make(b, p, inside, adopt, true, now, &why);
    if (why == NP_REASON_INVALID && !adopt) {
        np_verdict rule = np_unknown_outbound(b, p);
        if (rule == NP_RESET) return (np_handled){NP_RESET, NP_REASON_NO_MAPPING};
        if (rule == NP_DROP) return outbound_refused(b, NP_REASON_NO_MAPPING);
        why = NP_REASON_COUNT;
        adopt = true;
        entry = make(b, p, inside, adopt, true, now, &why);
    }
    if (entry == NP_ENTRY_NONE) return (np_handled){NP_DROP, why};
    np_translate_outbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, opens && !adopt ? NP_REASON_CREATED : NP_REASON_ADOPTED};
}

np_handled np_tracked_outbound(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, np_time now)
{
    if (entry == NP_ENTRY_NONE) return outbound_new(b, p, inside, false, now);
    np_track_verdict v = judge(b, p, entry, true, now);
    if (v == NP_TRACK_REOPEN) return outbound_new(b, p, inside, false, now);
    if (v == NP_TRACK_RESET) return reset(p);
    if (!passes(v)) return outbound_refused(b, NP_REASON_INVALID);
    np_translate_outbound(p, np_table_peek(b->table, entry));
    if (v == NP_TRACK_DELETE) np_box_remove(b, entry, NP_MAPPING_CLOSED, now);
    b->counts.forwarded_out++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

/* ---- inbound ---- */

/* The box's own stack gets a packet; what it tracks of it, see above. */
static np_handled own_stack(np_box *b, const np_packet *p, const np_tuple *outside, np_time now)
{
    np_reason why = NP_REASON_COUNT;
    np_handled answer = {.verdict = np_unknown_inbound(b, p), np_unknown_reason(b, outside, now)};
    if (b->config.unknown_inbound != NP_UNKNOWN_RESET || !b->tracker->own_stack ||
        !np_box_is_public(b, &p->dst, p->family))
        return answer;
    if (p->proto == NP_TCP) {
        np_box_make_room(b, outside, now, &why);
    } else {
        make(b, p, outside, false, false, now, &why);
    }
    return why == NP_REASON_TABLE_FULL ? (np_handled){NP_DROP, why} : answer;
}

static np_handled inbound_unknown(np_box *b, const np_packet *p, const np_tuple *outside, bool bears_inside,
                                  np_time now)
{
    b->counts.unknown_in++;
    if (!bears_inside) return own_stack(b, p, outside, now);
    return (np_handled){np_unknown_inbound(b, p), NP_REASON_NO_MAPPING};
}

/* Whether the mapping rule lets this flow have this external endpoint: it is the one that such flows of the
   inside endpoint have, or there are none. */
static bool may_have(np_box *b, const np_tuple *inside, const np_tuple *outside, np_time now)
{
    const np_dependence m = b->config.mapping;
    uint32_t own = m == NP_ADDRESS_AND_PORT_DEPENDENT
                       ? np_box_alive(b, np_table_find_inside(b->table, inside), now)
                       : np_box_chained(b, NP_CHAIN_INSIDE, inside, m, now);
    if (own == NP_ENTRY_NONE) return true;
    const np_entry *e = np_table_peek(b->table, own);
    return e->addr.v4.external == outside->local.word[0] && e->external_port == outside->local_port;
}

/* A SYN from outside for an external endpoint that is in use. From one whom the filter lets in it begins a
   flow of its own, of the same inside endpoint. The other flow may be the one that goes to make room. */
static np_handled inbound_new(np_box *b, np_packet *p, const np_tuple *outside, np_time now)
{
    const np_dependence f = b->config.filtering;
    np_reason why = NP_REASON_COUNT;
    uint64_t side[SIDE_WORDS];
    np_track_answer a = b->tracker->start(&b->track, side, p, false, now);
    uint32_t other = np_box_chained(b, NP_CHAIN_OUTSIDE, outside, f, now);
    if (a.verdict != NP_TRACK_RENEW || other == NP_ENTRY_NONE)
        return inbound_unknown(b, p, outside, false, now);
    const np_entry *e = np_table_peek(b->table, other);
    np_tuple inside = *outside;
    inside.local = (np_addr){.word = {e->addr.v4.local}};
    inside.local_port = e->local_port;
    if (!may_have(b, &inside, outside, now)) return inbound_unknown(b, p, outside, false, now);
    if (!np_box_make_room(b, &inside, now, &why)) return (np_handled){NP_DROP, why};
    if (np_box_chained(b, NP_CHAIN_OUTSIDE, outside, f, now) == NP_ENTRY_NONE)
        return inbound_unknown(b, p, outside, false, now);
    uint32_t entry = np_box_insert_at(b, &inside, &outside->local, outside->local_port, a.class, a.mark,
                                      NP_SEEN_INBOUND, p, now);
    memcpy(np_box_side(b, entry), side, b->tracker->bytes);
    if (b->ends != NULL) np_farewell_note(&b->ends[entry], p, false);
    np_translate_inbound(p, np_table_peek(b->table, entry));
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, NP_REASON_CREATED};
}

np_handled np_tracked_inbound(np_box *b, np_packet *p, const np_tuple *outside, uint32_t entry,
                              bool bears_inside, np_time now)
{
    if (entry == NP_ENTRY_NONE && !bears_inside && p->proto == NP_TCP && p->family == 4 &&
        b->config.filtering != NP_ADDRESS_AND_PORT_DEPENDENT && np_track_opens(p))
        return inbound_new(b, p, outside, now);
    if (entry == NP_ENTRY_NONE) return inbound_unknown(b, p, outside, bears_inside, now);
    np_track_verdict v = judge(b, p, entry, false, now);
    if (v == NP_TRACK_REOPEN) return inbound_unknown(b, p, outside, bears_inside, now);
    if (v == NP_TRACK_RESET) return reset(p);
    if (!passes(v))
        return (np_handled){b->tracker->own_stack ? np_unknown_inbound(b, p) : NP_DROP, NP_REASON_INVALID};
    const np_entry *e = np_table_peek(b->table, entry);
    if (np_entry_is_own(b, e)) {
        b->counts.unknown_in++;
        return (np_handled){np_unknown_inbound(b, p), NP_REASON_NO_MAPPING};
    }
    if (!bears_inside) np_translate_inbound(p, e);
    if (v == NP_TRACK_DELETE) np_box_remove(b, entry, NP_MAPPING_CLOSED, now);
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, NP_REASON_MAPPED};
}

/* ---- for replays ---- */

np_handled np_tracked_adopt(np_box *b, np_packet *p, const np_tuple *inside, uint32_t entry, bool outbound,
                            np_time now)
{
    if (outbound)
        return entry != NP_ENTRY_NONE ? np_tracked_outbound(b, p, inside, entry, now)
                                      : outbound_new(b, p, inside, true, now);
    if (entry != NP_ENTRY_NONE) {
        np_handled h = np_tracked_inbound(b, p, inside, entry, true, now);
        if (h.reason != NP_REASON_NO_MAPPING) return h; /* else it ended the flow that was there */
    }
    np_reason why = NP_REASON_COUNT;
    if (make(b, p, inside, true, false, now, &why) == NP_ENTRY_NONE) return (np_handled){NP_DROP, why};
    b->counts.forwarded_in++;
    return (np_handled){NP_FORWARD, NP_REASON_ADOPTED};
}
