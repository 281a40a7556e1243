/*
 * Packet scripts: timed packets, and what a NAT box is to make of each. A script that begins with `rule`
 * states one requirement; the box meets it when every packet fares as the script says.
 *
 *     rule   UDP mappings last two minutes        # a title
 *     source RFC 4787 REQ-5                        # whose rule it is
 *     level  must                                  # must, should, recommended, or case (how one product is)
 *     about  A mapping that one packet made ...    # as many lines as it takes
 *     only   evict lru clock                       # else it is not applicable; also: only tracker, only
 * profile set    capacity=16 because a table of 65536 would take long to fill
 *
 *     c:5000 > s:53 udp                    = forward
 *     +119.9 c:5000 < s:53 udp             = forward        # just below the limit
 *
 * A packet is a line: TIME END > END PACKET = EXPECTATION. TIME is in seconds since the start, or +seconds
 * since the line before, or nothing: at the same time; units are allowed (+2h4m). `c` and `c7` are inside
 * hosts, `s` and `s7` outside ones, with a port behind a colon; left out they are c:40000 and s:80. `>` goes
 * from inside to outside; `<` comes from the outside end, to the external endpoint that the inside end was
 * given last. `@c2:6000` in the place of the outside end is c2's external endpoint: a packet between two
 * inside hosts.
 *
 * PACKET: `udp`; `icmp request`, `icmp reply`; `icmp error tcp` (or udp, icmp) about the packet that went the
 * other way, from the end itself or `via r`, a router beside it; `other` (SCTP's protocol number); or TCP:
 * flags S F R P . U E W (`-`: none), then `SEQ(LENGTH)`, `ack N`, `win N`, `<mss,wscale N,sackOK,sack N>`.
 * Without SEQ, numbers follow from what both ends have sent: `c > s S`, `c < s S.`, `c > s .`, `c > s P.
 * (100)`; sides begin at 1000 and 5000, windows are 65535.
 *
 * EXPECTATION: what becomes of it: forward, drop, reset, leak (out untranslated), refuse (any of drop, reset,
 * leak), challenge (dropped, and the box answers with an ACK), any. Then, as wanted:
 *
 *     created, mapped, table-full, ...          the reason, as natpulse replay has them
 *     translated                                not as a box that only filters forwards
 *     port N, port N-M, port own|even|odd|parity|next
 *                                               the external port; parity: that of the inside port; next: one
 *                                               above the last that the box gave out
 *     as X                                      names the external endpoint, for a check
 *     to c2:6000, from @c                       who gets it when not the inside end; as whom it sees the
 * sender SYN_SENT 120 unreplied                    state and seconds left of the mapping afterwards, with
 * unreplied and assured, as conntrack prints them none                                      there is no
 * mapping afterwards 3 times, 1-5 times                        in a repeat: how often it is so, in place of
 * always
 *
 * `?=` in place of `=` is a premise: where it does not hold the rule is not applicable, for the reason that a
 * line `needs TEXT` before it gives.
 *
 *     repeat 16 every 0.1      # or `capacity`, `capacity+1`; up to `end`, not nested
 *         c1+:4000+ > s udp    # each time around the next host, the next port
 *     end
 *     check A.port = B.port    # of endpoints named by `as`; also .address, or the whole; !=
 *     check A = B like C = D   # both are so, or neither
 *     +6 quiet                 # the box itself has sent nothing since the line before
 *     flow TEXT                # from here on the client has another port, and time begins anew
 *
 * Trackers alone can be asked too (tests/nat/track_script.h): there `invalid` is all that they refuse, and
 * `option loose=0 udp=60` sets what they go by, `option defaults` what is usual, from that line on.
 */
#ifndef NATPULSE_SCRIPT_H
#define NATPULSE_SCRIPT_H

#include "natpulse/box.h"

typedef struct np_script np_script;

typedef enum np_script_level {
    NP_LEVEL_MUST,
    NP_LEVEL_SHOULD,
    NP_LEVEL_RECOMMENDED,
    NP_LEVEL_CASE,
} np_script_level;
const char *np_script_level_name(np_script_level l); /* "must", ... */

/* A key of `nat` that the script sets for itself, and why. */
typedef struct np_script_set {
    const char *key, *value, *because;
    int line, column;
} np_script_set;

/* What stands above the packets. Texts are never NULL. */
typedef struct np_script_head {
    bool rule; /* it begins with `rule` */
    const char *title, *source, *about;
    np_script_level level;
    const np_script_set *set;
    uint32_t sets;
} np_script_head;

/* One thing wrong with a script; line and column from 1. */
typedef struct np_script_mistake {
    int line, column;
    const char *text;
} np_script_mistake;

#define NP_SCRIPT_BYTES (4u << 20) /* a longer script is refused */

/* Reads a script. With mistakes in it the result knows them and cannot be run. NULL when memory is out. */
np_script *np_script_read(const char *text, size_t bytes);
void np_script_destroy(np_script *s);

const np_script_head *np_script_head_of(const np_script *s);
const np_script_mistake *np_script_mistakes(const np_script *s, uint32_t *n); /* in order */

/* Why the script is not for boxes like this one, as a text in buf; NULL when it is for them. By `only` alone.
 */
const char *np_script_not_for(const np_script *s, const np_nat_config *c, char *buf, size_t size);

typedef enum np_script_result {
    NP_SCRIPT_MEETS,
    NP_SCRIPT_DOES_NOT,
    NP_SCRIPT_NOT_APPLICABLE
} np_script_result;
const char *np_script_result_name(np_script_result r); /* "meets", "does not", "not applicable" */

/* One line that has been done, in a repeat all times around. */
typedef struct np_script_done {
    int line;
    const char *text; /* as it stands in the script */
    np_time at;       /* since the start of the flow; in a repeat the last time around */
    bool asked, met;  /* whether something was expected; whether it was so */
    bool premise;
    uint32_t times, of; /* in a repeat: how often it was so */
    const char *did;    /* what the box did; of a repeat, where it was first otherwise */
} np_script_done;

typedef struct np_script_outcome {
    np_script_result result;
    int line;              /* the first line that was otherwise; 0: none */
    char why[400];         /* that line and what the box did; or why it is not applicable */
    uint32_t steps, wrong; /* lines that expect something, and those where it was otherwise */
} np_script_outcome;

/* Packets that a run may take. */
#define NP_SCRIPT_PACKETS 5000000u

/* Runs a script without mistakes on a fresh box. The `set` lines must be in *c already. `each`, when not
   NULL, hears of every line. False and *e when the box cannot be made, the script takes too many packets, or
   memory is out. */
bool np_script_run(const np_script *s, const np_nat_config *c, uint64_t seed,
                   void (*each)(void *ctx, const np_script_done *d), void *ctx, np_script_outcome *out,
                   np_error *e);

#endif
