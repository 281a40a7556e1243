/*
 * Trackers: how a box judges the packets of one flow by its protocol.
 *
 * A tracker is pure: side state of one mapping + packet + time in, an answer out. It knows no table and no
 * ports; it neither forwards nor deletes. The box owns the side state (.bytes for each mapping, aligned to 8,
 * with any content before start or adopt), does what the answer says, and keeps the deadline.
 *
 *     first packet of a flow         start(...)  -> RENEW: make the mapping   INVALID: do not
 *     a flow taken as open (replay)  adopt(...)  -> RENEW: always
 *     any further packet             judge(...)  -> one of the verdicts below
 *
 * The original direction of a flow is that of its first packet: outbound through a NAT, unless a capture was
 * joined in the middle. The tracker remembers which it was; callers say outbound or not.
 */
#ifndef NP_NAT_TRACK_H
#define NP_NAT_TRACK_H

#include "natpulse/box.h"

typedef enum np_track_verdict {
    NP_TRACK_RENEW,     /* forward; the idle time of .class begins anew */
    NP_TRACK_PASS,      /* forward; class and deadline stay */
    NP_TRACK_INVALID,   /* not of this flow: drop it or leak it untranslated. Class and deadline stay */
    NP_TRACK_CUT,       /* as INVALID, and the deadline becomes now + the timeout of .class */
    NP_TRACK_REOPEN,    /* delete the mapping, then judge the packet as the first of a new flow */
    NP_TRACK_DELETE,    /* forward, then delete the mapping */
    NP_TRACK_PURGE,     /* drop it, and delete the mapping */
    NP_TRACK_RESET,     /* as INVALID, and answer it with a reset */
    NP_TRACK_CHALLENGE, /* as INVALID, and answer it with an ACK of .seq and .ack (RFC 5961) */
} np_track_verdict;

/* What eviction policies may know of a flow, for np_entry.state. */
enum {
    NP_TRACK_STATE = 0x0f,   /* the tracker's own number of the state */
    NP_TRACK_REPLIED = 0x10, /* a packet against the original direction was forwarded */
    NP_TRACK_ASSURED = 0x20, /* Linux: early drop spares it */
    NP_TRACK_CLOSING = 0x40, /* TCP after a FIN or RST: Linux's emergency sweep takes it though assured */
    NP_TRACK_INBOUND = 0x80, /* the first packet came from outside */
};

typedef struct np_track_answer {
    uint8_t verdict; /* np_track_verdict */
    uint8_t class;   /* np_timeout; has a meaning with RENEW and CUT only */
    uint8_t
        mark; /* NP_TRACK_* after this packet; has no meaning after a start that was refused, nor a REOPEN */
    uint32_t seq, ack; /* with CHALLENGE */
} np_track_answer;

/* Which kernel's rules the Linux tracker follows where they differ. */
typedef enum np_track_kernel { NP_TRACK_LINUX_6_18, NP_TRACK_LINUX_6_12 } np_track_kernel;

typedef struct np_track_config {
    const np_time *timeout;  /* NP_TIMEOUT_COUNT of them, > 0: the caps compare them */
    bool loose;              /* nf_conntrack_tcp_loose: pick flows up in the middle */
    bool be_liberal;         /* nf_conntrack_tcp_be_liberal: out of window is not INVALID */
    bool ignore_invalid_rst; /* nf_conntrack_tcp_ignore_invalid_rst */
    uint8_t max_retrans;     /* nf_conntrack_tcp_max_retrans */
    uint8_t kernel;          /* np_track_kernel */
} np_track_config;

#define NP_LINUX_MAX_RETRANS 3 /* nf_conntrack_tcp_max_retrans */

/* The kernel's defaults: loose, three repeats, everything else off; Linux 6.18. */
static inline np_track_config np_track_defaults(const np_time *timeout)
{
    return (np_track_config){.timeout = timeout,
                             .loose = true,
                             .max_retrans = NP_LINUX_MAX_RETRANS,
                             .kernel = NP_TRACK_LINUX_6_18};
}

typedef struct np_tracker {
    const char *name;
    size_t bytes;    /* side state a mapping */
    bool room_first; /* a new flow is given its place before its first packet is judged */
    bool own_stack;  /* what it refuses from outside is for the box itself, and tracked too */

    /* The first packet of a flow. */
    np_track_answer (*start)(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now);

    /* The same for a flow that is known to be open, whatever packet shows it (np_box_adopt). */
    np_track_answer (*adopt)(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now);

    /* A packet of a flow that has a mapping whose deadline (> now) this is. */
    np_track_answer (*judge)(const np_track_config *c, void *side, const np_packet *p, bool outbound,
                             np_time now, np_time deadline);

    /* Whether a mapping lets go of its external port for this SYN, when ports are scarce. NULL: never. */
    bool (*yields)(const void *side, const np_packet *syn);
} np_tracker;

extern const np_tracker np_track_linux, np_track_flags, np_track_states, np_track_pf;

/* track_none.c: what trackers and none have in common. Whether a packet opens a flow by itself: of TCP a SYN,
   of ICMP an echo request, anything else. And the timeout class of a mapping that has just been made. */
bool np_track_opens(const np_packet *p);
uint8_t np_track_first_class(uint8_t proto);

#endif
