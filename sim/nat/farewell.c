/*
 * What a box says to the ends of a TCP connection whose mapping was idle too long: nothing, or
 *
 * reset-inside, reset-both: a reset at that moment (Azure's load balancer, where asked to). It must carry the
 * sequence number that its receiver waits for (RFC 5961 3.2), which is the last ACK that the receiver sent:
 * so the box notes ACKs as they pass. A receiver that has sent none yet is waiting for its SYN to be
 * answered: a reset that acknowledges it. An end that was never heard is not told.
 *
 * reset-on-talk: a reset to whoever talks next, which can be made from what it says (AWS's load balancer): so
 * the box remembers who has expired. reset-inside-on-talk: to the inside host only (AWS's NAT gateway); what
 * the outside says next finds no mapping, and no more.
 */
#include "box_state.h"

enum { INSIDE, OUTSIDE };

void np_farewell_note(np_ends *ends, const np_packet *p, bool outbound)
{
    int side = outbound ? INSIDE : OUTSIDE;
    uint8_t bit = (uint8_t)(1u << side);
    ends->heard |= bit;
    ends->end[side] = p->seq + np_packet_seqlen(p);
    if (!(p->flags & NP_ACK) || (p->flags & NP_RST)) return;
    ends->ack[side] = p->ack;
    ends->acked |= bit;
}

static void emit(np_box *b, const np_entry *e, const np_ends *ends, int side, np_time when)
{
    uint8_t bit = (uint8_t)(1u << side);
    if (!(ends->heard & bit)) return;
    np_tuple k = side == INSIDE ? np_entry_inside(e) : np_entry_outside(e);
    np_packet p = {.src = side == INSIDE ? k.remote : k.local,
                   .dst = side == INSIDE ? k.local : k.remote,
                   .sport = side == INSIDE ? k.remote_port : k.local_port,
                   .dport = side == INSIDE ? k.local_port : k.remote_port,
                   .seq = ends->acked & bit ? ends->ack[side] : 0,
                   .ack = ends->end[side],
                   .conn = e->conn,
                   .bytes = e->family == 4 ? NP_BARE_BYTES_4 : NP_BARE_BYTES_6,
                   .proto = NP_TCP,
                   .family = e->family,
                   .flags = NP_RST | NP_ACK,
                   .kind = NP_KIND_CONTROL};
    b->counts.emitted++;
    b->tap.emit(b->tap.ctx, side == INSIDE, &p, when);
}

void np_farewell(np_box *b, uint32_t entry, np_time when)
{
    const np_entry *e = np_table_peek(b->table, entry);
    if (e->proto != NP_TCP) return;
    if (b->expired != NULL) {
        np_tuple inside = np_entry_inside(e), outside = np_entry_outside(e);
        np_graves_bury(b->expired, &inside, &outside.local, outside.local_port, b->now);
    } else if (b->tap.emit != NULL) {
        const np_ends ends = b->ends[entry];
        emit(b, e, &ends, INSIDE, when);
        if (b->config.at_expiry == NP_AT_EXPIRY_RESET_BOTH) emit(b, e, &ends, OUTSIDE, when);
    }
}

bool np_farewell_is_due(const np_box *b, const np_packet *p, const np_tuple *key, bool outbound)
{
    if (p->proto != NP_TCP || (p->flags & NP_RST) || (outbound && np_track_opens(p))) return false;
    if (!outbound && b->config.at_expiry == NP_AT_EXPIRY_RESET_INSIDE_ON_TALK) return false;
    uint32_t grave =
        outbound ? np_table_find_inside(b->expired, key) : np_table_find_outside(b->expired, key);
    return grave != NP_ENTRY_NONE;
}
