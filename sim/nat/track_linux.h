/* What the parts of the Linux tracker share: the side state of one flow. */
#ifndef NP_NAT_TRACK_LINUX_H
#define NP_NAT_TRACK_LINUX_H

#include "track.h"

/* TCP states, in the kernel's order: the tables and "closing" depend on it. */
enum {
    LINUX_NONE,
    LINUX_SYN_SENT,
    LINUX_SYN_RECV,
    LINUX_ESTABLISHED,
    LINUX_FIN_WAIT,
    LINUX_CLOSE_WAIT,
    LINUX_LAST_ACK,
    LINUX_TIME_WAIT,
    LINUX_CLOSE,
    LINUX_SYN_SENT2, /* both sides sent a SYN */
    LINUX_STATES,
};

/* Kinds of TCP packets, by the strongest flag. */
enum { LINUX_SYN, LINUX_SYNACK, LINUX_FIN, LINUX_ACK, LINUX_RST, LINUX_BARE, LINUX_KINDS };

/* np_linux_side.flags and np_linux_flow.last_flags */
enum {
    LINUX_WSCALE = 0x01,       /* offered window scaling */
    LINUX_SACK = 0x02,         /* permitted SACK */
    LINUX_CLOSE_INIT = 0x04,   /* sent the first FIN */
    LINUX_LIBERAL = 0x08,      /* picked up in the middle: its windows cannot be trusted */
    LINUX_UNACKED = 0x10,      /* sent something not yet acknowledged */
    LINUX_MAXACK = 0x20,       /* .maxack is known */
    LINUX_CHALLENGE = 0x40,    /* last_flags: the next ACK may be a challenge (RFC 5961) */
    LINUX_SIMULTANEOUS = 0x80, /* last_flags: both sides opened */
};

/* What one side of a TCP flow sent and may send (nf_conntrack's td_* values). */
typedef struct np_linux_side {
    uint32_t end;    /* highest seq + length it sent */
    uint32_t maxend; /* highest right edge its peer allowed */
    uint32_t maxwin; /* largest window it offered, scaled; 0: nothing seen of it */
    uint32_t maxack; /* highest ACK it sent */
    uint8_t scale, flags;
} np_linux_side;

typedef struct np_linux_flow {
    uint8_t mark;                         /* NP_TRACK_*, the TCP state in the low bits */
    uint8_t last_kind, last_dir, retrans; /* retrans counts modulo 256, as in the kernel */
    uint8_t last_flags, last_scale;
    uint16_t last_window; /* as in the header */
    union {
        struct {
            np_linux_side side[2]; /* original, reply */
            uint32_t last_seq, last_ack, last_end;
        };
        np_time made; /* UDP */
    };
} np_linux_flow;

_Static_assert(sizeof(np_linux_flow) == 64, "the side state is one cache line");

/* TCP (track_linux_tcp.c). `dir` is 0 in the original direction and 1 in reply. *f is zero but for .mark
   before start and adopt. */
np_track_answer np_linux_tcp_start(const np_track_config *c, np_linux_flow *f, const np_packet *p,
                                   bool pick_up);
np_track_answer np_linux_tcp_adopt(const np_track_config *c, np_linux_flow *f, const np_packet *p);
np_track_answer np_linux_tcp_judge(const np_track_config *c, np_linux_flow *f, const np_packet *p,
                                   unsigned dir, np_time remaining);

bool np_linux_yields(const void *side, const np_packet *syn);

/* Windows (track_linux_window.c). */
typedef enum np_linux_fit { LINUX_FITS, LINUX_IGNORED, LINUX_MISFIT } np_linux_fit;
np_linux_fit np_linux_window(np_linux_flow *f, const np_packet *p, unsigned dir, uint8_t kind, bool liberal);
void np_linux_side_open(np_linux_side *s, const np_packet *p);
void np_linux_side_pick_up(np_linux_side *s, const np_packet *p);

#endif
