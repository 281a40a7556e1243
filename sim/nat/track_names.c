/*
 * Names of the states that trackers keep in np_entry.state. Linux's are those of its connection table.
 */
#include "script.h"
#include "track_linux.h"

static const char *const linux_tcp[] = {[LINUX_NONE] = "NONE",         [LINUX_SYN_SENT] = "SYN_SENT",
                                        [LINUX_SYN_RECV] = "SYN_RECV", [LINUX_ESTABLISHED] = "ESTABLISHED",
                                        [LINUX_FIN_WAIT] = "FIN_WAIT", [LINUX_CLOSE_WAIT] = "CLOSE_WAIT",
                                        [LINUX_LAST_ACK] = "LAST_ACK", [LINUX_TIME_WAIT] = "TIME_WAIT",
                                        [LINUX_CLOSE] = "CLOSE",       [LINUX_SYN_SENT2] = "SYN_SENT2"};
/* In the order of the enumerations in track_flags.c, track_states.c and track_pf.c. */
static const char *const flags_tcp[] = {"OPENING", "ESTABLISHED", "CLOSING"};
static const char *const states_tcp[] = {"OPENING",     "ANSWERED", "ESTABLISHED",
                                         "HALF_CLOSED", "CLOSED",   "RESET"};
static const char *const pf_tcp[] = {"FIRST", "OPENING", "ESTABLISHED", "CLOSING", "FINWAIT", "CLOSED"};

static const char *pick(const char *const *names, size_t n, uint8_t mark)
{
    uint8_t state = mark & NP_TRACK_STATE;
    return state < n ? names[state] : "unknown";
}

#define PICK(names, mark) pick(names, sizeof names / sizeof *names, mark)

const char *np_track_state_name(const np_tracker *t, uint8_t proto, uint8_t mark)
{
    if (proto == NP_UDP) return "udp";
    if (proto == NP_ICMP || proto == NP_ICMPV6) return "icmp";
    if (proto != NP_TCP) return "unknown";
    if (t == &np_track_linux) return PICK(linux_tcp, mark);
    if (t == &np_track_flags) return PICK(flags_tcp, mark);
    if (t == &np_track_states) return PICK(states_tcp, mark);
    return t == &np_track_pf ? PICK(pf_tcp, mark) : "tcp";
}

/* Those of all trackers: some have the same. */
const char *const *np_track_state_list(void)
{
    static const char *const all[] = {
        "NONE",  "SYN_SENT",  "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",  "LAST_ACK", "TIME_WAIT",
        "CLOSE", "SYN_SENT2", "OPENING",  "CLOSING",     "ANSWERED", "HALF_CLOSED", "CLOSED",   "RESET",
        "FIRST", "FINWAIT",   "tcp",      "udp",         "icmp",     "unknown",     "none",     NULL};
    return all;
}
