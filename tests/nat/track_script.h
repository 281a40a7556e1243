/*
 * Packet scripts: timed packets of single flows, and what a tracker is to make of each.
 *
 *     option loose=0 tcp_fin_wait=10s      # configuration from here on; `option defaults` goes back
 *     flow a close in good order           # a fresh flow; the rest of the line is for people
 *     0    > S 1000(0) win 64240 <mss,wscale 7,sackOK> = forward SYN_SENT 120 unreplied
 *     +0.1 < S. 5000(0) ack 1001 win 502 <mss>         = forward SYN_RECV 60
 *     8    < udp                                       = forward UDP 30
 *
 * A line is: seconds since the flow's first packet, or +seconds since the one before; > from inside or < from
 * outside; a packet (TCP flags S F R P . U E W or - for none, first sequence number and payload, ack, window,
 * options; or `udp`, `icmp request`, `icmp reply`, `other`); then what becomes of it (forward, invalid,
 * reset, challenge: the last two are answered), the state and the seconds that are left to the mapping just
 * after, `unreplied` and `assured` as conntrack prints them; or `none` where no mapping is left. `option
 * tolerance=1.1` loosens the seconds, for records of a kernel that gives whole ones.
 *
 * The runner keeps one mapping and does what a box would: expiry at the deadline, the first packet from
 * inside starts a flow, one from outside does not. Mirrored, inside and outside change places everywhere,
 * with the same outcome.
 */
#ifndef TEST_TRACK_SCRIPT_H
#define TEST_TRACK_SCRIPT_H

#include "../../sim/nat/track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct script_result {
    size_t steps, wrong;
} script_result;

typedef struct script_run {
    const np_tracker *tracker;
    const char *where; /* name of the script, for messages */
    size_t line;
    np_time timeout[NP_TIMEOUT_COUNT];
    np_track_config config;
    double tolerance;
    bool mirrored;
    bool mapped;
    np_time now, deadline;
    uint8_t mark, proto;
    np_track_answer answer;
    uint64_t side[8];
    char flow[80];
    script_result result;
} script_run;

/* nf_conntrack's default timeouts in seconds. */
static const int script_timeout[NP_TIMEOUT_COUNT] = {
    [NP_TIMEOUT_TCP_SYN_SENT] = 120,
    [NP_TIMEOUT_TCP_SYN_RECV] = 60,
    [NP_TIMEOUT_TCP_ESTABLISHED] = 432000,
    [NP_TIMEOUT_TCP_FIN_WAIT] = 120,
    [NP_TIMEOUT_TCP_CLOSE_WAIT] = 60,
    [NP_TIMEOUT_TCP_LAST_ACK] = 30,
    [NP_TIMEOUT_TCP_TIME_WAIT] = 120,
    [NP_TIMEOUT_TCP_CLOSE] = 10,
    [NP_TIMEOUT_TCP_MAX_RETRANS] = 300,
    [NP_TIMEOUT_TCP_UNACKNOWLEDGED] = 300,
    [NP_TIMEOUT_TCP_SYN_SENT2] = 120,
    [NP_TIMEOUT_UDP] = 30,
    [NP_TIMEOUT_UDP_STREAM] = 120,
    [NP_TIMEOUT_ICMP] = 30,
    [NP_TIMEOUT_OTHER] = 600,
};
static const char *const script_timeout_key[NP_TIMEOUT_COUNT] = {
    "tcp_syn_sent",       "tcp_syn_recv",   "tcp_established",
    "tcp_fin_wait",       "tcp_close_wait", "tcp_last_ack",
    "tcp_time_wait",      "tcp_close",      "tcp_max_retrans",
    "tcp_unacknowledged", "tcp_syn_sent2",  "udp",
    "udp_stream",         "icmp",           "other",
};

static inline void script_defaults(script_run *r)
{
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i) r->timeout[i] = script_timeout[i] * NP_SECOND;
    r->config = np_track_defaults(r->timeout);
    r->tolerance = 1e-6;
}

__attribute__((noreturn)) static inline void script_die(const script_run *r, const char *what,
                                                        const char *text)
{
    fprintf(stderr, "%s:%zu: %s: %s\n", r->where, r->line, what, text);
    abort();
}

static inline void script_option(script_run *r, const char *word)
{
    char key[32];
    double value;
    if (!strcmp(word, "defaults")) {
        script_defaults(r);
        return;
    }
    if (sscanf(word, "%31[^=]=%lf", key, &value) != 2) script_die(r, "not an option", word);
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i)
        if (!strcmp(key, script_timeout_key[i])) {
            r->timeout[i] = np_from_seconds(value);
            return;
        }
    if (!strcmp(key, "loose"))
        r->config.loose = value != 0;
    else if (!strcmp(key, "be_liberal"))
        r->config.be_liberal = value != 0;
    else if (!strcmp(key, "ignore_invalid_rst"))
        r->config.ignore_invalid_rst = value != 0;
    else if (!strcmp(key, "max_retrans"))
        r->config.max_retrans = (uint8_t)value;
    else if (!strcmp(key, "kernel"))
        r->config.kernel = value == 6.12 ? NP_TRACK_LINUX_6_12 : NP_TRACK_LINUX_6_18;
    else if (!strcmp(key, "tolerance"))
        r->tolerance = value;
    else
        script_die(r, "no such option", word);
}

/* Reads the packet part of a line, which it cuts up. */
static inline np_packet script_packet(script_run *r, char *text)
{
    static const char letters[] = "FSRP.UEW";
    np_packet p = {.family = 4, .proto = NP_TCP};
    char *save, *word = strtok_r(text, " ", &save);
    if (!word) script_die(r, "no packet", "");
    if (!strcmp(word, "udp")) {
        p.proto = NP_UDP;
        return p;
    }
    if (!strcmp(word, "other")) {
        p.proto = 132;
        return p;
    }
    if (!strcmp(word, "icmp")) {
        word = strtok_r(NULL, " ", &save);
        p.proto = NP_ICMP;
        p.flags = word && !strcmp(word, "request");
        return p;
    }
    for (const char *c = word; *c; ++c) {
        const char *at = strchr(letters, *c);
        if (at)
            p.flags |= (uint8_t)(1u << (at - letters));
        else if (*c != '-')
            script_die(r, "not TCP flags", word);
    }
    while ((word = strtok_r(NULL, " <>,", &save))) {
        unsigned seq, len;
        char *next;
        if (sscanf(word, "%u(%u)", &seq, &len) == 2) {
            p.seq = seq;
            p.payload = (uint16_t)len;
        } else if (!strcmp(word, "sackOK")) {
            p.options |= NP_OPTION_SACK_OK;
        } else if (!strcmp(word, "mss")) {
        } else if (!(next = strtok_r(NULL, " <>,", &save))) {
            script_die(r, "what is", word);
        } else if (!strcmp(word, "ack")) {
            p.ack = (uint32_t)strtoul(next, NULL, 10);
        } else if (!strcmp(word, "win")) {
            p.window = (uint16_t)strtoul(next, NULL, 10);
        } else if (!strcmp(word, "wscale")) {
            p.options |= (uint8_t)(NP_OPTION_WSCALE | (strtoul(next, NULL, 10) & 15));
        } else if (!strcmp(word, "sack")) {
            p.options |= NP_OPTION_SACK;
            p.sack = (uint32_t)strtoul(next, NULL, 10);
        } else {
            script_die(r, "what is", word);
        }
    }
    return p;
}

/* What a box does with the packet; whether it goes through. */
static inline bool script_handle(script_run *r, const np_packet *p, bool original)
{
    bool outbound = original != r->mirrored;
    if (r->mapped && r->deadline <= r->now) r->mapped = false;
    np_track_answer a = {.verdict = NP_TRACK_REOPEN};
    if (r->mapped) a = r->tracker->judge(&r->config, r->side, p, outbound, r->now, r->deadline);
    if (a.verdict == NP_TRACK_REOPEN) {
        r->mapped = false;
        if (!original) return false;
        memset(r->side, 0xa5, sizeof r->side);
        a = r->tracker->start(&r->config, r->side, p, outbound, r->now);
        r->mapped = a.verdict == NP_TRACK_RENEW;
        r->proto = p->proto;
    }
    r->mark = a.mark;
    r->answer = a;
    if (a.verdict == NP_TRACK_RENEW || a.verdict == NP_TRACK_CUT) r->deadline = r->now + r->timeout[a.class];
    if (a.verdict == NP_TRACK_DELETE || a.verdict == NP_TRACK_PURGE) r->mapped = false;
    return a.verdict == NP_TRACK_RENEW || a.verdict == NP_TRACK_PASS || a.verdict == NP_TRACK_DELETE;
}

static inline const char *script_state(const script_run *r)
{
    static const char *const pf[] = {"FIRST", "OPENING", "ESTABLISHED", "CLOSING", "FINWAIT", "CLOSED"};
    static const char *const flags[] = {"OPENING", "ESTABLISHED", "CLOSING"};
    static const char *const states[] = {"OPENING",     "ANSWERED", "ESTABLISHED",
                                         "HALF_CLOSED", "CLOSED",   "RESET"};
    static const char *const tcp[] = {"NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
                                      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
    if (r->proto == NP_TCP && r->tracker == &np_track_pf) return pf[r->mark & NP_TRACK_STATE];
    if (r->proto == NP_TCP && r->tracker == &np_track_states) return states[r->mark & NP_TRACK_STATE];
    if (r->proto == NP_TCP && r->tracker == &np_track_flags) return flags[r->mark & NP_TRACK_STATE];
    if (r->proto == NP_TCP) return tcp[r->mark & NP_TRACK_STATE];
    return r->proto == NP_UDP ? "udp" : r->proto == NP_ICMP ? "icmp" : "unknown";
}

static inline void script_step(script_run *r, char *line)
{
    char *want = strchr(line, '='), when[24], direction;
    int at;
    if (!want || sscanf(line, "%23s %c %n", when, &direction, &at) != 2 ||
        (direction != '<' && direction != '>'))
        script_die(r, "cannot read", line);
    *want++ = '\0';
    np_time t = np_from_seconds(strtod(when[0] == '+' ? when + 1 : when, NULL));
    r->now = when[0] == '+' ? r->now + t : t;
    np_packet p = script_packet(r, line + at);
    bool through = script_handle(r, &p, direction == '>');

    char verdict[16] = "", state[16] = "", mark[2][16] = {"", ""};
    double left = 0;
    int n = sscanf(want, "%15s %15s %lf %15s %15s", verdict, state, &left, mark[0], mark[1]);
    if (n < 2) script_die(r, "no expectation", want);
    bool none = !strcmp(state, "none"), unreplied = false, assured = false;
    for (int i = 0; i < 2; ++i) {
        unreplied |= !strcmp(mark[i], "unreplied");
        assured |= !strcmp(mark[i], "assured");
    }
    double have = np_seconds(r->deadline - r->now), off = have - left;
    bool right = through == !strcmp(verdict, "forward") && r->mapped == !none &&
                 (r->answer.verdict == NP_TRACK_RESET) == !strcmp(verdict, "reset") &&
                 (r->answer.verdict == NP_TRACK_CHALLENGE) == !strcmp(verdict, "challenge");
    if (right && !none)
        right = !strcmp(state, script_state(r)) && off <= r->tolerance && off >= -r->tolerance &&
                unreplied == !(r->mark & NP_TRACK_REPLIED) && assured == !!(r->mark & NP_TRACK_ASSURED);
    ++r->result.steps;
    if (right) return;
    ++r->result.wrong;
    printf("%s:%zu: flow %s: wanted%s; got %s ", r->where, r->line, r->flow, want,
           through ? "forward" : "invalid");
    if (!r->mapped)
        printf("none\n");
    else
        printf("%s %g%s%s\n", script_state(r), have, r->mark & NP_TRACK_REPLIED ? "" : " unreplied",
               r->mark & NP_TRACK_ASSURED ? " assured" : "");
}

/* Runs a whole script; prints a line for each step that goes otherwise. */
static inline script_result script_play(const np_tracker *tracker, const char *where, const char *text,
                                        bool mirrored)
{
    static script_run fresh;
    script_run *r = &fresh;
    *r = (script_run){.tracker = tracker, .where = where, .mirrored = mirrored};
    script_defaults(r);
    char line[512];
    while (*text) {
        size_t n = strcspn(text, "\n");
        ++r->line;
        if (n >= sizeof line) script_die(r, "a line too long", "");
        memcpy(line, text, n);
        line[n] = '\0';
        text += n + (text[n] == '\n');
        line[strcspn(line, "#")] = '\0';
        char *begin = line + strspn(line, " \t");
        if (!strncmp(begin, "option ", 7)) {
            char *save;
            for (char *w = strtok_r(begin + 7, " ", &save); w; w = strtok_r(NULL, " ", &save))
                script_option(r, w);
        } else if (!strncmp(begin, "flow", 4)) {
            r->mapped = false;
            r->now = 0;
            snprintf(r->flow, sizeof r->flow, "%s", begin + 4 + strspn(begin + 4, " "));
        } else if (*begin) {
            script_step(r, begin);
        }
    }
    return r->result;
}

/* The same for a file; false when it cannot be read. */
static inline bool script_play_file(const np_tracker *tracker, const char *path, bool mirrored,
                                    script_result *result)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char *text = NULL;
    size_t size = 0, got;
    do {
        text = realloc(text, size + (1 << 16) + 1);
        if (!text) abort();
        got = fread(text + size, 1, 1 << 16, f);
        size += got;
    } while (got);
    text[size] = '\0';
    fclose(f);
    *result = script_play(tracker, path, text, mirrored);
    free(text);
    return true;
}

#endif
