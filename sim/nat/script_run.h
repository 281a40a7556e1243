/* A run of a script on a box, for the files that make it up. */
#ifndef NP_NAT_SCRIPT_RUN_H
#define NP_NAT_SCRIPT_RUN_H

#include "box_state.h"
#include "script_flows.h"

#define DID_TEXT 240 /* room for all that script_tell_fate can say */

/* Addresses: c1 is 10.0.0.1, s1 198.18.0.1 (RFC 2544's block), routers beside them 172.16.0.1 and
 * 203.0.113.1. */
#define SCRIPT_INSIDE_NET      0x0a000000u
#define SCRIPT_OUTSIDE_NET     0xc6120000u
#define SCRIPT_INSIDE_ROUTERS  0xac100000u
#define SCRIPT_OUTSIDE_ROUTERS 0xcb007100u

/* What is known of a line while it is done, once or again and again. */
typedef struct script_tally {
    uint32_t of, met;
    bool kept; /* .did is of a time when it was otherwise */
    np_time at;
    char did[DID_TEXT];
} script_tally;

/* What a name stands for. */
typedef struct script_external {
    np_addr address;
    uint16_t port;
    bool known;
} script_external;

typedef struct script_run {
    const np_script *script;
    np_box *box;
    np_nat_config config;
    np_time now, flow_began;
    uint32_t around;      /* which time, in a repeat */
    uint16_t client_port; /* of the flow */
    uint32_t flow_number, packets;
    script_flows flows;
    script_external name[SCRIPT_NAMES];
    uint16_t last_port;  /* external, given by the box */
    uint32_t emitted;    /* by the box, since the line before */
    bool challenged;     /* one of them was an ACK */
    script_tally *tally; /* of each step */
    /* belady only: when each flow comes next; the same for each packet, and (beforehand) when that is */
    np_time *foresight, *after, *when;
} script_run;

/* What became of a packet. */
typedef struct script_fate {
    np_handled h;
    np_packet sent, came;
    np_tuple quoted; /* of an error, as it came */
    script_verdict verdict;
    bool mapped, marked;
    const char *state;
    np_time left;
    uint8_t mark;
} script_fate;

/* ---- script_fate.c ---- */

/* The flow of a packet as the inside host has it. Another inside host is addressed by its external endpoint.
 */
np_tuple script_flow_of(script_run *r, const script_step *s, uint8_t proto);

/* The external endpoint of an inside end (`alone`: a key without remote end): what it was given towards that
   remote end, else last of all; else what it would be with its port preserved. `pair` may be NULL. */
script_external script_external_of(script_run *r, const np_tuple *alone, const np_tuple *pair);

/* Gives the box the packet of a step. */
void script_send(script_run *r, const script_step *s, const np_tuple *flow, const script_external *external,
                 script_flow *pair, script_fate *f);

bool script_as_wanted(script_run *r, const script_step *s, const script_fate *f);

/* script_tell.c: in words, into buf of DID_TEXT. */
void script_tell_fate(const script_step *s, const script_fate *f, char *buf);
void script_tell_end(const np_addr *a, uint16_t port, char *buf, size_t size);

#endif
