/*
 * Out-of-order data: up to NP_TCP_HELD ranges of sequence numbers, rising, disjoint, none touching.
 *
 *      receive_next      held[0]           held[1]
 *      |                 [from, to)        [from, to)
 *      |.....hole........#########....hole..######
 *
 * Three ranges cover what a path does that loses packets but never reorders them, as long as at most three
 * holes are open in one window. A segment that would need a fourth is dropped and comes again.
 */
#include "tcp_impl.h"

bool np_tcp_hold(np_tcp *t, uint32_t from, uint32_t to)
{
    unsigned first = 0;
    while (first < t->holds && np_seq_before(t->held[first].to, from)) first++;

    unsigned behind = first; /* held[first .. behind) touch the new range and melt into it */
    for (; behind < t->holds && !np_seq_after(t->held[behind].from, to); behind++) {
        if (np_seq_before(t->held[behind].from, from)) from = t->held[behind].from;
        if (np_seq_after(t->held[behind].to, to)) to = t->held[behind].to;
    }
    unsigned melted = behind - first;
    if (!melted && t->holds == NP_TCP_HELD) return false;

    memmove(&t->held[first + 1], &t->held[behind], (t->holds - behind) * sizeof t->held[0]);
    t->held[first] = (np_tcp_range){from, to};
    t->holds = (uint8_t)(t->holds + 1 - melted);
    return true;
}

bool np_tcp_unhold(np_tcp *t)
{
    unsigned met = 0;
    for (; met < t->holds && !np_seq_after(t->held[met].from, t->receive_next); met++)
        if (np_seq_after(t->held[met].to, t->receive_next)) t->receive_next = t->held[met].to;
    if (!met) return false;

    t->holds = (uint8_t)(t->holds - met);
    memmove(&t->held[0], &t->held[met], t->holds * sizeof t->held[0]);
    if (t->holds || !(t->flags & NP_TCP_FIN_HELD)) return false;
    t->flags = (uint16_t)(t->flags & ~NP_TCP_FIN_HELD);
    return true;
}
