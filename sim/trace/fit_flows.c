/* Connections and what was said in them. See fit_flows.h. */
#include "fit_flows.h"

#include <stdlib.h>
#include <string.h>

/* A hole in the sequence numbers up to this size is data that was lost before it came here; a larger one is a
   number that means nothing. */
#define HOLE_MOST (1u << 24)

/* A full segment is followed by more of the same message, even after the pause of a retransmission timeout.
 */
#define FULL_LEAST 512
#define FULL_PAUSE (30 * NP_SECOND)

bool np_fit_flows_init(np_fit_flows *f)
{
    *f = (np_fit_flows){0};
    return np_index_init(&f->index);
}

void np_fit_flows_free(np_fit_flows *f)
{
    np_index_free(&f->index);
    free(f->talk);
    free(f->piece);
    free(f->current);
}

/* Room for one more in an array that grows by doubling. */
static bool room(void **array, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room) return true;
    uint32_t more = *room ? 2 * *room : 256;
    void *grown = more > *room ? realloc(*array, more * size) : NULL;
    if (!grown) return false;
    *array = grown;
    *room = more;
    return true;
}

static np_tuple tuple_of(const np_packet *p, bool outbound)
{
    return outbound ? (np_tuple){p->src, p->dst, p->sport, p->dport, p->proto, p->family}
                    : (np_tuple){p->dst, p->src, p->dport, p->sport, p->proto, p->family};
}

/* Where the number of the tuple's present talk stands; NULL when memory is out. */
static uint32_t *place_of(np_fit_flows *f, const np_tuple *t)
{
    uint64_t hash = np_index_hash(t);
    for (uint32_t at = np_index_start(&f->index, hash), i;
         (i = np_index_next(&f->index, hash, &at)) != NP_INDEX_NONE;)
        if (np_tuple_equal(&f->talk[f->current[i]].who, t)) return &f->current[i];
    if (!room((void **)&f->current, f->tuples, &f->tuple_room, sizeof *f->current) ||
        !np_index_add(&f->index, hash, f->tuples))
        return NULL;
    f->current[f->tuples] = NP_FIT_NONE;
    return &f->current[f->tuples++];
}

static np_fit_talk *talk_begins(np_fit_flows *f, uint32_t *place, const np_tuple *t, np_time when)
{
    if (!room((void **)&f->talk, f->talks, &f->talk_room, sizeof *f->talk)) return NULL;
    np_fit_talk *talk = &f->talk[f->talks];
    *talk =
        (np_fit_talk){.who = *t, .start = when, .closed = NP_NEVER, .head = NP_FIT_NONE, .tail = NP_FIT_NONE};
    *place = f->talks++;
    return talk;
}

static bool piece_add(np_fit_flows *f, np_fit_talk *t, np_fit_piece p)
{
    if (!room((void **)&f->piece, f->pieces, &f->piece_room, sizeof *f->piece)) return false;
    p.next = NP_FIT_NONE;
    f->piece[f->pieces] = p;
    if (t->tail == NP_FIT_NONE)
        t->head = f->pieces;
    else
        f->piece[t->tail].next = f->pieces;
    t->tail = f->pieces++;
    return true;
}

/* Whether payload that follows a piece in its direction belongs to it. */
static bool goes_on(const np_fit_talk *t, const np_fit_piece *p, int way, np_time when)
{
    if (p->what != NP_FIT_PIECE_DATA || p->way != way || p->tail <= NP_FIT_SMALL) return false;
    bool full = p->tail >= FULL_LEAST && p->tail == t->largest[way] && t->who.proto == NP_TCP;
    return when - p->last < (full ? FULL_PAUSE : NP_FIT_PAUSE);
}

static bool said(np_fit_flows *f, np_fit_talk *t, int way, np_time when, uint32_t bytes, uint16_t segment)
{
    np_fit_piece *last = t->tail == NP_FIT_NONE ? NULL : &f->piece[t->tail];
    if (segment > t->largest[way]) t->largest[way] = segment;
    if (last && goes_on(t, last, way, when)) {
        last->last = when;
        last->bytes += bytes;
        last->tail = segment;
        return true;
    }
    return piece_add(
        f, t,
        (np_fit_piece){.first = when, .last = when, .bytes = bytes, .tail = segment, .way = (uint8_t)way});
}

/* ---- TCP ---- */

static bool is_probe(const np_fit_talk *t, int way, const np_packet *p)
{
    return t->known[way] && p->payload <= 1 && !(p->flags & (NP_SYN | NP_FIN | NP_RST)) &&
           p->flags & NP_ACK && p->seq + 1 == t->next[way] && t->closed == NP_NEVER;
}

static void shake(np_fit_talk *t, int way, np_time when, const np_packet *p)
{
    if (p->flags & NP_SYN) {
        bool answer = p->flags & NP_ACK;
        uint8_t *times = answer ? &t->synacks : &t->syns;
        if (*times < UINT8_MAX) ++*times;
        *(answer ? &t->synack : &t->syn) = *times == 1 ? when : 0;
    } else if (way == NP_FIT_OUT && t->synack && !t->ack && !(p->flags & NP_RST)) {
        t->ack = when;
    }
}

static void ends(np_fit_talk *t, int way, np_time when, const np_packet *p)
{
    if (!(p->flags & (NP_FIN | NP_RST))) return;
    if (t->closed == NP_NEVER) t->closed = when;
    if (p->flags & NP_RST && !t->reset) {
        t->reset = true;
        t->reset_by_client = way == NP_FIT_OUT;
    }
}

static bool tcp(np_fit_flows *f, np_fit_talk *t, int way, np_time when, const np_packet *p)
{
    shake(t, way, when, p);
    if (is_probe(t, way, p)) {
        np_time heard = t->heard[!way];
        return piece_add(f, t,
                         (np_fit_piece){.first = when,
                                        .last = when + (heard ? when - heard : 0),
                                        .way = (uint8_t)way,
                                        .what = NP_FIT_PIECE_PROBE});
    }
    ends(t, way, when, p);
    if (p->flags & NP_RST) return true;
    uint32_t end = p->seq + np_packet_seqlen(p), fresh = p->payload;
    if (t->known[way] && !(p->flags & NP_SYN)) {
        /* A pure ACK or FIN beyond a hole tells nothing of what was lost: that comes again. */
        if (!p->payload && p->seq != t->next[way]) return true;
        fresh = p->seq + p->payload - t->next[way];
        if ((int32_t)fresh < 0 || (!fresh && p->payload)) {
            f->retransmitted++;
            return true;
        }
        if (fresh > HOLE_MOST) fresh = p->payload;
    }
    t->known[way] = true;
    t->next[way] = end;
    return !p->payload || said(f, t, way, when, fresh, p->payload);
}

/* A SYN that is no repetition of the one that began the talk. */
static bool begins_another(const np_fit_talk *t, bool outbound, const np_packet *p)
{
    bool syn = p->proto == NP_TCP && outbound && (p->flags & (NP_SYN | NP_ACK | NP_RST)) == NP_SYN;
    return syn && !(t->opened && t->known[NP_FIT_OUT] && t->next[NP_FIT_OUT] == p->seq + 1);
}

bool np_fit_flows_packet(np_fit_flows *f, np_time when, bool outbound, const np_packet *p)
{
    np_tuple who = tuple_of(p, outbound);
    int way = outbound ? NP_FIT_OUT : NP_FIT_IN;
    uint32_t *place = place_of(f, &who);
    if (!place) return false;
    np_fit_talk *t = *place == NP_FIT_NONE ? NULL : &f->talk[*place];
    if (!t || begins_another(t, outbound, p)) {
        if (!(t = talk_begins(f, place, &who, when))) return false;
        t->opened = p->proto == NP_UDP || (p->flags & (NP_SYN | NP_ACK)) == NP_SYN;
    }
    bool ok = p->proto == NP_TCP ? tcp(f, t, way, when, p)
                                 : !p->payload || said(f, t, way, when, p->payload, p->payload);
    t->heard[way] = t->last = when;
    return ok;
}
