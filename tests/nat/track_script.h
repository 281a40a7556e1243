/*
 * Packet scripts (natpulse/script.h) done to a tracker alone: timed packets of single flows, and what it is
 * to make of each.
 *
 *     option loose=0 tcp_fin_wait=10       # configuration from here on; `option defaults` goes back
 *     flow a close in good order           # a fresh flow; the rest of the line is for people
 *     0    > S 1000(0) win 64240 <mss,wscale 7,sackOK>  = forward SYN_SENT 120 unreplied
 *     +0.1 < S. 5000(0) ack 1001 win 502 <mss>         = forward SYN_RECV 60
 *     8    < udp                                       = forward udp 30
 *
 * `option tolerance=1.1` loosens the seconds, for records of a kernel that gives whole ones.
 *
 * The runner keeps one mapping and does what a box would: expiry at the deadline, the first packet from
 * inside starts a flow, one from outside does not. Mirrored, inside and outside change places everywhere,
 * with the same outcome.
 */
#ifndef TEST_TRACK_SCRIPT_H
#define TEST_TRACK_SCRIPT_H

#include "../../sim/nat/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct script_result {
    size_t steps, wrong;
} script_result;

typedef struct track_run {
    const np_tracker *tracker;
    const char *where; /* name of the script, for messages */
    np_time timeout[NP_TIMEOUT_COUNT];
    np_track_config config;
    np_time tolerance;
    bool mirrored;
    bool mapped;
    np_time now, deadline;
    uint8_t mark, proto;
    np_track_answer answer;
    uint64_t side[8];
    const char *flow;
    script_result result;
} track_run;

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

static inline void track_defaults(track_run *r)
{
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i) r->timeout[i] = script_timeout[i] * NP_SECOND;
    r->config = np_track_defaults(r->timeout);
    r->tolerance = NP_MICROSECOND;
}

__attribute__((noreturn)) static inline void track_die(const track_run *r, int line, const char *what,
                                                       const char *text)
{
    fprintf(stderr, "%s:%d: %s: %s\n", r->where, line, what, text);
    abort();
}

static inline void track_option(track_run *r, const script_step *s)
{
    double value = strtod(s->value, NULL);
    if (!strcmp(s->name, "defaults")) {
        track_defaults(r);
        return;
    }
    for (int i = 0; i < NP_TIMEOUT_COUNT; ++i)
        if (!strcmp(s->name, np_timeout_name((np_timeout)i))) {
            r->timeout[i] = np_from_seconds(value);
            return;
        }
    if (!strcmp(s->name, "loose"))
        r->config.loose = value != 0;
    else if (!strcmp(s->name, "be_liberal"))
        r->config.be_liberal = value != 0;
    else if (!strcmp(s->name, "ignore_invalid_rst"))
        r->config.ignore_invalid_rst = value != 0;
    else if (!strcmp(s->name, "max_retrans"))
        r->config.max_retrans = (uint8_t)value;
    else if (!strcmp(s->name, "kernel"))
        r->config.kernel = !strcmp(s->value, "6.12") ? NP_TRACK_LINUX_6_12 : NP_TRACK_LINUX_6_18;
    else if (!strcmp(s->name, "tolerance"))
        r->tolerance = np_from_seconds(value);
    else
        track_die(r, s->line, "no such option", s->name);
}

/* What a box does with the packet; whether it goes through. */
static inline bool track_handle(track_run *r, const np_packet *p, bool original)
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

static inline void track_step(track_run *r, const script_step *s)
{
    const script_want *w = &s->want;
    if (s->automatic && s->packet.proto == NP_TCP) track_die(r, s->line, "no sequence number", s->text);
    if (!w->said || w->state == NULL) track_die(r, s->line, "no verdict and state", s->text);
    r->now = s->relative ? r->now + s->at : s->at;
    bool through = track_handle(r, &s->packet, s->outbound);

    const char *state = r->mapped ? np_track_state_name(r->tracker, r->proto, r->mark) : NULL;
    bool reset = r->answer.verdict == NP_TRACK_RESET, challenge = r->answer.verdict == NP_TRACK_CHALLENGE;
    bool right = through == (w->verdict == SCRIPT_FORWARD) && reset == (w->verdict == SCRIPT_RESET) &&
                 challenge == (w->verdict == SCRIPT_CHALLENGE) &&
                 script_state_met(w, state, r->deadline - r->now, r->mark, true, r->tolerance);
    ++r->result.steps;
    if (right) return;
    ++r->result.wrong;
    printf("%s:%d: flow %s: %s; got %s ", r->where, s->line, r->flow, s->text,
           through ? "forward" : "invalid");
    if (!r->mapped)
        printf("none\n");
    else
        printf("%s %g%s%s\n", state, np_seconds(r->deadline - r->now),
               r->mark & NP_TRACK_REPLIED ? "" : " unreplied", r->mark & NP_TRACK_ASSURED ? " assured" : "");
}

/* Runs a whole script; prints a line for each step that goes otherwise. */
static inline script_result script_play(const np_tracker *tracker, const char *where, const char *text,
                                        bool mirrored)
{
    track_run r = {.tracker = tracker, .where = where, .mirrored = mirrored, .flow = ""};
    np_script *s = np_script_read(text, strlen(text));
    if (s == NULL) abort();
    if (s->mistakes > 0) track_die(&r, s->mistake->line, "a mistake", s->mistake->text);
    track_defaults(&r);
    for (uint32_t i = 0; i < s->steps; ++i) {
        const script_step *step = &s->step[i];
        switch (step->kind) {
        case SCRIPT_OPTION: track_option(&r, step); break;
        case SCRIPT_PACKET: track_step(&r, step); break;
        case SCRIPT_FLOW:
            r.mapped = false;
            r.now = 0;
            r.flow = step->name;
            break;
        default: track_die(&r, step->line, "not for trackers", step->text);
        }
    }
    np_script_destroy(s);
    return r.result;
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
