/*
 * What a script is once it is read (natpulse/script.h says what it looks like).
 *
 *     script.c         lines, repeats, checks
 *     script_head.c    what stands above the packets
 *     script_word.c    words, numbers, ends
 *     script_packet.c  packets
 *     script_want.c    expectations
 *     script_run.c     doing it to a box
 *     script_fate.c    one packet and what became of it
 *     script_tell.c    what happened, in words
 *     script_flows.c   what both ends of a flow know
 */
#ifndef NP_NAT_SCRIPT_H
#define NP_NAT_SCRIPT_H

#include "natpulse/arena.h"
#include "natpulse/script.h"
#include "track.h"

/* An end of a packet. */
typedef struct script_end {
    bool said;                 /* else it is the usual one */
    bool inside;               /* c, not s */
    bool external;             /* @c: its external endpoint */
    bool next_host, next_port; /* each time around a repeat the next one */
    uint32_t host;             /* from 1 */
    uint16_t port;             /* 0: the usual one */
} script_end;

#define SCRIPT_HOSTS       100000u /* c1 to c100000, s1 to s100000 */
#define SCRIPT_CLIENT_PORT 40000
#define SCRIPT_SERVER_PORT 80

typedef enum script_verdict {
    SCRIPT_ANY,
    SCRIPT_FORWARD,
    SCRIPT_DROP,
    SCRIPT_RESET,
    SCRIPT_LEAK,
    SCRIPT_REFUSE,
    SCRIPT_INVALID,
    SCRIPT_CHALLENGE,
} script_verdict;

/* script_want.port */
enum {
    SCRIPT_PORT_RANGE = 0x01,
    SCRIPT_PORT_OWN = 0x02,
    SCRIPT_PORT_EVEN = 0x04,
    SCRIPT_PORT_ODD = 0x08,
    SCRIPT_PORT_PARITY = 0x10,
    SCRIPT_PORT_NEXT = 0x20,
};

#define SCRIPT_NAMES   64
#define SCRIPT_NO_NAME 0xff

typedef struct script_want {
    bool said, premise;
    uint8_t verdict; /* script_verdict */
    int8_t reason;   /* np_reason; -1: any */
    uint8_t port;    /* SCRIPT_PORT_* */
    uint8_t as;      /* the name of the external endpoint, or SCRIPT_NO_NAME */
    uint16_t low, high;
    script_end to, from;
    bool translated;
    const char *state; /* NULL: not asked; "none": no mapping */
    np_time left;
    bool unreplied, assured;
    bool times; /* of a repeat: */
    uint32_t least, most;
} script_want;

typedef enum script_part { SCRIPT_WHOLE, SCRIPT_ADDRESS, SCRIPT_PORT } script_part;

/* One relation of a `check`. */
typedef struct script_relation {
    uint8_t left, right; /* names */
    uint8_t part;        /* script_part */
    bool equal;          /* else != */
} script_relation;

typedef enum script_kind {
    SCRIPT_PACKET,
    SCRIPT_FLOW,
    SCRIPT_OPTION,
    SCRIPT_REPEAT,
    SCRIPT_END,
    SCRIPT_CHECK,
    SCRIPT_QUIET,
} script_kind;

typedef struct script_step {
    uint8_t kind;  /* script_kind */
    bool relative; /* .at is since the line before */
    bool outbound;
    bool automatic;  /* numbers follow from what was sent */
    bool error, via; /* an ICMP error, from a router */
    bool capacity;   /* .count is to be added to the table's capacity */
    bool like;       /* a check of two relations */
    int line;
    np_time at, every;
    uint32_t count; /* of a repeat */
    uint32_t router;
    uint8_t about;     /* an error: protocol of the packet it quotes */
    const char *text;  /* the line */
    const char *name;  /* of a flow; the key of an option; why a premise is needed */
    const char *value; /* of an option */
    script_end inside, outside;
    np_packet packet; /* without addresses and ports */
    script_want want;
    script_relation relation[2];
} script_step;

/* By what a script says whom it is for. */
typedef enum np_only { NP_ONLY_NOTHING, NP_ONLY_EVICT, NP_ONLY_TRACKER, NP_ONLY_PROFILE } np_only;

struct np_script {
    np_arena *arena;
    np_script_head head;
    np_only only_key;
    const char **only; /* values of that; NULL at the end */
    script_step *step;
    uint32_t steps, room;
    char name[SCRIPT_NAMES][16];
    uint32_t names;
    np_script_mistake *mistake;
    uint32_t mistakes, mistakes_room;
    bool no_memory;
};

/* ---- reading ---- */

/* A word of a line. */
typedef struct script_word {
    const char *at;
    size_t n; /* 0: the line is over */
    int column;
} script_word;

/* The rest of a line, which is being read. */
typedef struct script_line {
    np_script *script;
    const char *begin, *at, *end;
    int line;
    bool bad; /* a mistake was found in it */
} script_line;

/* The next word; <...> is one. script_peek leaves it there. */
script_word script_next(script_line *l);
script_word script_peek(const script_line *l);

bool script_is(script_word w, const char *text);

/* Finds a mistake at a word; the first of a line counts. False, always. */
bool script_wrong(script_line *l, script_word at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Text of a word as messages may show it: quoted. */
#define SCRIPT_SHOWN 96
const char *script_show(char *buf, script_word w);

/* A copy; NULL, and noted, when memory is out. */
const char *script_keep(np_script *s, const char *at, size_t n);

/* The items with room for one more; NULL, and noted, when memory is out. */
void *script_more(np_script *s, void *items, uint32_t n, uint32_t *room, size_t size);

/* Whole numbers from 0 to `most`; times with or without units, up to a hundred years. False and a mistake
   when it is none. */
bool script_number(script_line *l, script_word w, uint64_t most, const char *what, uint64_t *out);
bool script_time(script_line *l, script_word w, np_time *out);

/* Whether a word looks like an end; and reading it. */
bool script_looks_like_end(script_word w);
bool script_read_end(script_line *l, script_word w, script_end *out);

/* The number of a name; a new one with `make`, else a mistake when it is not known. */
bool script_name(script_line *l, script_word w, bool make, uint8_t *out);

/* The rest of the line as one text, "" when there is none; NULL when memory is out. */
const char *script_rest(script_line *l);

/* script_head.c. Whether a line that begins with this word is one that stands above the packets; it is read
 * then. */
bool script_read_head(script_line *l, script_word w, bool packets_over);

bool script_read_packet(script_line *l, script_step *s); /* script_packet.c */
bool script_read_want(script_line *l, bool repeated,
                      script_step *s); /* script_want.c, behind the equals sign */

/* ---- judging what script_want asks of a mapping ---- */

/* script_want.c. `state` is NULL when there is no mapping. Tolerance in ns. */
bool script_state_met(const script_want *w, const char *state, np_time left, uint8_t mark, bool marked,
                      np_time tolerance);

/* track_names.c. The name of a mapping's state, as scripts and conntrack have it ("tcp" without a tracker);
   all there are, and "none", NULL at the end. */
const char *np_track_state_name(const np_tracker *t, uint8_t proto, uint8_t mark);
const char *const *np_track_state_list(void);

#endif
