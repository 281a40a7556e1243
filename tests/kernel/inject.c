/*
 * Sends the packets of a plan through a router, from both sides, and writes down what became of each.
 *
 *     inject --seed N --groups N --spread S --longest S --suffix S --out DIR
 *
 *     DIR/arrived.pcap   what reached the router, both sides, in the order and at the times it did (raw IP,
 * ns) DIR/kernel.csv     one row each: what it was, and the router's verdict and translation
 *
 * With --timeouts it only prints, as "name seconds" lines, what timeouts the plan takes the router to have.
 *
 * Packets are told apart by the id in their IP header, which forwarding keeps. A reset or unreachable that
 * the router makes by itself has a fresh TTL, and is matched to what it answers by its ports, or by the id it
 * quotes.
 *
 * Times. The kernel keeps its deadlines in jiffies (4 ms at HZ = 250), and this process is not always woken
 * on time. So a packet that would fall closer than EDGE_CLEAR to any timeout after any earlier packet of its
 * group waits until it is clear of it, and the rest of its talk waits with it: what then happens does not
 * depend on luck.
 *
 * The dead. A mapping past its deadline matches no packet, but until the kernel's collector passes, at once
 * or a minute later, it lends its port to the next flow of the same client port (find_appropriate_src asks
 * for no deadline). So where ports are contended, the router is asked for each of the flows before every
 * packet: a lookup buries the dead it meets.
 */
#include "plan.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EDGE_CLEAR    (11 * MS)
#define IDS           65536
#define SENT_MOST     (3 * STEPS_MOST) /* packets a group */
#define SNAP          128              /* bytes kept of a packet */
#define ANSWER_WITHIN (500 * MS)       /* the router's own answer comes at once */

typedef enum verdict { DROP, FORWARD, RESET } verdict;

/* A test packet: sent, arrived, judged. */
typedef struct fate {
    const talk *talk;
    const step *step;
    packet packet;   /* as sent */
    packet out;      /* as forwarded */
    int64_t arrived; /* 0: never */
    verdict verdict;
    uint16_t bytes, kept;
    uint8_t data[SNAP];
} fate;

typedef struct group {
    int64_t sent[SENT_MOST];
    uint32_t n, talks, first; /* packets sent; its talks stand together in the plan */
} group;

/* A talk under way. */
typedef struct voice {
    int64_t due;
    uint32_t next;           /* step */
    uint16_t external;       /* the port or id the router last used for it */
    uint16_t id[STEPS_MOST]; /* of the packets sent */
} voice;

typedef struct lab {
    int wire[2];  /* to send: from the client's and the server's end */
    int watch[2]; /* the router's two interfaces */
    int table;    /* netlink, to ask for flows in the router's conntrack table */
    plan plan;
    voice *voice;
    group *group;
    fate *fate; /* by id */
    uint32_t ids, postponed, arrived_in_order;
    uint16_t *order; /* ids as they arrived */
} lab;

static void open_lab(lab *l, const char *suffix)
{
    netlab_enter("client", suffix);
    l->wire[0] = netlab_open("c0", NETLAB_SEND);
    netlab_enter("server", suffix);
    l->wire[1] = netlab_open("s0", NETLAB_SEND);
    netlab_enter("router", suffix);
    l->watch[0] = netlab_open("r0", NETLAB_ALL);
    l->watch[1] = netlab_open("r1", NETLAB_ALL);
    l->table = conntrack_open();
}

/* ---- what the router does ---- */

static void note_arrival(lab *l, const packet *p, int64_t when, const uint8_t *data, size_t n)
{
    fate *f = &l->fate[p->id];
    if (!f->talk || f->arrived || p->src != f->packet.src) return;
    f->arrived = when;
    f->bytes = (uint16_t)n;
    f->kept = (uint16_t)(n < SNAP ? n : SNAP);
    memcpy(f->data, data, f->kept);
    l->order[l->arrived_in_order++] = p->id;
}

/* The test packet that the router itself answers by p; NULL when none. */
static fate *find_answered(lab *l, const packet *p)
{
    if (p->proto == ICMP && p->quoted == QUOTE_MOST) {
        fate *f = &l->fate[(uint16_t)(p->quote[4] << 8 | p->quote[5])];
        return f->talk ? f : NULL;
    }
    if (p->proto != TCP || !(p->flags & RST)) return NULL;
    for (uint32_t i = l->arrived_in_order; i > 0; i--) {
        fate *f = &l->fate[l->order[i - 1]];
        if (f->packet.proto == TCP && f->packet.src == p->dst && f->packet.sport == p->dport &&
            f->packet.dst == p->src && f->packet.dport == p->sport)
            return f;
    }
    return NULL;
}

static void note_departure(lab *l, const packet *p, int side, int64_t when)
{
    fate *f = &l->fate[p->id];
    if (p->ttl == WIRE_TTL) { /* not forwarded: the router's own */
        f = find_answered(l, p);
        if (f && f->verdict == DROP && f->arrived && when - f->arrived < ANSWER_WITHIN) f->verdict = RESET;
        return;
    }
    if (!f->talk || !f->arrived || f->verdict != DROP || side == f->step->from_server) return;
    f->verdict = FORWARD;
    f->out = *p;
    if (side == 1 && p->src == ROUTER_OUT && p->proto == f->talk->proto) {
        voice *v = &l->voice[f->talk - l->plan.talk];
        v->external = p->sport;
    }
}

static void read_side(lab *l, int side)
{
    netlab_packet heard;
    packet p;
    while (netlab_hear_one(l->watch[side], &heard)) {
        if (!wire_parse(&p, heard.data, heard.n)) continue;
        if (heard.leaving)
            note_departure(l, &p, side, heard.when);
        else
            note_arrival(l, &p, heard.when, heard.data, heard.n);
    }
}

/* Arrivals before departures: a packet that leaves on one side has come in on the other. */
static void read_all(lab *l, int first)
{
    read_side(l, first);
    read_side(l, !first);
}

static void check_losses(const lab *l)
{
    for (int i = 0; i < 2; i++) {
        struct tpacket_stats s;
        socklen_t n = sizeof s;
        if (getsockopt(l->watch[i], SOL_PACKET, PACKET_STATISTICS, &s, &n) == 0 && s.tp_drops)
            errno = 0, die("the watch on r%d missed %u packets", i, s.tp_drops);
    }
}

/* ---- sending ---- */

/* Where and from whom: the talk's tuple, as its sender sees it. */
static void address(const talk *t, const voice *v, const step *s, packet *p)
{
    if (s->from_server) {
        p->src = t->server + s->stranger;
        p->dst = ROUTER_OUT;
        p->sport = t->dport;
        p->dport = v->external;
    } else {
        p->src = s->stranger && s->quotes >= 0 ? CLIENT_ROUTER : t->client;
        p->dst = t->server;
        p->sport = t->sport;
        p->dport = t->dport;
    }
    if (t->proto == ICMP) p->sport = p->dport = s->from_server ? v->external : t->sport;
}

/* Quotes an earlier packet as the complaining side got to see it. */
static void quote(const talk *t, const voice *v, const step *s, packet *p)
{
    uint8_t bytes[WIRE_MOST];
    const step *about = &t->step[s->quotes];
    packet q = about->packet;
    address(t, v, about, &q);
    q.id = v->id[s->quotes];
    if (about->from_server) {
        q.dst = t->client;
        q.dport = t->sport;
        if (t->proto == ICMP) q.sport = q.dport;
    } else {
        q.src = ROUTER_OUT;
        q.sport = v->external;
        if (t->proto == ICMP) q.dport = q.sport;
    }
    wire_build(&q, bytes);
    memcpy(p->quote, bytes, QUOTE_MOST);
    p->quoted = QUOTE_MOST;
}

static void send_step(lab *l, const talk *t, voice *v)
{
    const step *s = &t->step[v->next];
    uint8_t frame[NETLAB_FRONT + WIRE_MOST];
    if (++l->ids == IDS) errno = 0, die("more than %d packets", IDS - 1);
    uint16_t id = (uint16_t)l->ids;
    fate *f = &l->fate[id];
    *f = (fate){.talk = t, .step = s, .packet = s->packet};
    f->packet.id = v->id[v->next] = id;
    address(t, v, s, &f->packet);
    if (s->quotes >= 0) quote(t, v, s, &f->packet);
    netlab_send(l->wire[s->from_server], frame, wire_build(&f->packet, frame + NETLAB_FRONT), s->from_server);
    read_all(l, s->from_server);
}

/* How long a packet of this group has to wait so as not to meet an edge; all edges are whole seconds away. */
static int64_t edge_wait(const group *g, int64_t at)
{
    int64_t wait = 0;
    for (bool clear = false; !clear;) {
        clear = true;
        for (uint32_t i = 0; i < g->n; i++) {
            int64_t since = at + wait - g->sent[i];
            if (since > TIMEOUT_MOST * SECOND + EDGE_CLEAR) continue;
            int64_t off = since % SECOND;
            if (since >= SECOND - EDGE_CLEAR && (off < EDGE_CLEAR || off > SECOND - EDGE_CLEAR)) {
                wait += off < EDGE_CLEAR ? EDGE_CLEAR - off : SECOND - off + EDGE_CLEAR;
                clear = false;
            }
        }
    }
    return wait;
}

static void bury_dead(const lab *l, uint32_t number)
{
    for (uint32_t i = l->group[number].first; i < l->plan.talks && l->plan.talk[i].group == number; i++) {
        const talk *t = &l->plan.talk[i];
        conntrack_look_up(l->table, &(conntrack_flow){t->client, t->server, t->sport, t->dport, t->proto});
    }
}

static void sleep_until(lab *l, int64_t due)
{
    int64_t left;
    while ((left = due - now_ns()) > 0) {
        struct timespec t = {left / SECOND, left % SECOND};
        struct pollfd p[2] = {{l->watch[0], POLLIN, 0}, {l->watch[1], POLLIN, 0}};
        if (ppoll(p, 2, &t, NULL) > 0) read_all(l, 0);
    }
}

/* Speaks the step that is due next; false when all has been said. */
static bool speak_next(lab *l)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < l->plan.talks; i++)
        if (l->voice[i].next < l->plan.talk[i].n &&
            (first == UINT32_MAX || l->voice[i].due < l->voice[first].due))
            first = i;
    if (first == UINT32_MAX) return false;
    const talk *t = &l->plan.talk[first];
    voice *v = &l->voice[first];
    group *g = &l->group[t->group];
    sleep_until(l, v->due);
    int64_t at = now_ns(), wait = edge_wait(g, at);
    if (wait > 0) {
        v->due = at + wait;
        l->postponed++;
        return true;
    }
    if (g->talks > 1) bury_dead(l, t->group);
    g->sent[g->n++] = now_ns();
    send_step(l, t, v);
    if (++v->next < t->n) v->due = at + t->step[v->next].gap;
    return true;
}

static void speak(lab *l)
{
    int64_t start = now_ns() + 20 * MS;
    for (uint32_t i = 0; i < l->plan.talks; i++)
        l->voice[i] = (voice){.due = start + l->plan.talk[i].start, .external = l->plan.talk[i].sport};
    for (uint32_t i = 0; i < l->plan.talks; i++) {
        group *g = &l->group[l->plan.talk[i].group];
        if (g->talks++ == 0) g->first = i;
    }
    while (speak_next(l)) {
    }
    sleep_until(l, now_ns() + 200 * MS);
    check_losses(l);
}

/* ---- writing down ---- */

static int by_arrival(const void *a, const void *b, void *lab_)
{
    const lab *l = lab_;
    int64_t x = l->fate[*(const uint16_t *)a].arrived, y = l->fate[*(const uint16_t *)b].arrived;
    return (x > y) - (x < y);
}

static void write_pcap(const lab *l, const char *dir)
{
    FILE *f = pcap_create(dir, "arrived.pcap");
    for (uint32_t i = 0; i < l->arrived_in_order; i++) {
        const fate *t = &l->fate[l->order[i]];
        pcap_write(f, t->arrived, t->data, t->kept, t->bytes);
    }
    if (fclose(f)) die("arrived.pcap");
}

static void write_ends(FILE *f, const packet *p)
{
    struct in_addr src = {htonl(p->src)}, dst = {htonl(p->dst)};
    char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN];
    fprintf(f, ",%s,%u,%s,%u", inet_ntop(AF_INET, &src, a, sizeof a), p->sport,
            inet_ntop(AF_INET, &dst, b, sizeof b), p->dport);
}

/* Between which two packets of a talk the gap was to lie close to which timeout, and on which side it did. */
static void write_edge(FILE *f, const lab *l, const fate *t, int64_t *last)
{
    uint32_t number = (uint32_t)(t->talk - l->plan.talk);
    int around = t->step->around;
    int64_t gap = t->arrived - last[number];
    last[number] = t->arrived;
    if (around < 0) {
        fputc(',', f);
        return;
    }
    int64_t edge = (around == T_STREAM_AFTER ? 2 : l->plan.timeout[around]) * SECOND;
    fprintf(f, ",%s%c", timeout_name[around], gap < edge ? '-' : '+');
}

static void write_csv(const lab *l, const char *dir)
{
    static const char *const name[] = {"drop", "forward", "reset"};
    FILE *f = create_file(dir, "kernel.csv");
    fputs("n,time,group,talk,what,dir,proto,flags,seq,ack,window,length,src,sport,dst,dport,verdict,out_src,"
          "out_sport,"
          "out_dst,out_dport,edge\n",
          f);
    int64_t *last = calloc(l->plan.talks, sizeof *last);
    if (!last) die("memory");
    for (uint32_t i = 0; i < l->arrived_in_order; i++) {
        const fate *t = &l->fate[l->order[i]];
        const packet *p = &t->packet;
        fprintf(f, "%u,%lld.%09lld,%u,%u,%s,%s,%u,%u,%u,%u,%u,%u", i, (long long)(t->arrived / SECOND),
                (long long)(t->arrived % SECOND), t->talk->group, (unsigned)(t->talk - l->plan.talk),
                t->step->what, t->step->from_server ? "in" : "out", p->proto,
                p->proto == ICMP ? p->type : p->flags, p->seq, p->ack, p->window, p->length);
        write_ends(f, p);
        fprintf(f, ",%s", name[t->verdict]);
        if (t->verdict == FORWARD)
            write_ends(f, &t->out);
        else
            fputs(",,,,", f);
        write_edge(f, l, t, last);
        fputc('\n', f);
    }
    free(last);
    if (fclose(f)) die("kernel.csv");
}

int main(int argc, char **argv)
{
    const char *suffix = "", *out = NULL;
    uint64_t seed = 1;
    uint32_t groups = 100;
    int64_t spread = 10, longest = 20;
    bool timeouts = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--timeouts")) {
            timeouts = true;
            continue;
        }
        if (!strcmp(argv[i], "--suffix"))
            suffix = value;
        else if (!strcmp(argv[i], "--out"))
            out = value;
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(value, NULL, 10);
        else if (!strcmp(argv[i], "--groups"))
            groups = (uint32_t)strtoul(value, NULL, 10);
        else if (!strcmp(argv[i], "--spread"))
            spread = strtol(value, NULL, 10);
        else if (!strcmp(argv[i], "--longest"))
            longest = strtol(value, NULL, 10);
        else
            errno = 0, die("unknown option %s", argv[i]);
        i++;
    }
    lab l = {.plan = plan_draw(seed, groups, spread * SECOND, longest * SECOND)};
    if (timeouts) {
        for (int i = 0; i < TIMEOUTS; i++) printf("%s %u\n", timeout_name[i], l.plan.timeout[i]);
        plan_free(&l.plan);
        return 0;
    }
    if (!out) errno = 0, die("--out DIR is missing");
    l.voice = calloc(l.plan.talks, sizeof *l.voice);
    l.group = calloc(l.plan.groups, sizeof *l.group);
    l.fate = calloc(IDS, sizeof *l.fate);
    l.order = calloc(IDS, sizeof *l.order);
    if (!l.voice || !l.group || !l.fate || !l.order) die("memory");
    open_lab(&l, suffix);
    speak(&l);
    qsort_r(l.order, l.arrived_in_order, sizeof *l.order, by_arrival, &l);
    write_pcap(&l, out);
    write_csv(&l, out);
    printf("%u talks, %u packets sent, %u arrived, %u waited for an edge\n", l.plan.talks, l.ids,
           l.arrived_in_order, l.postponed);
    if (l.arrived_in_order != l.ids) errno = 0, die("some packets did not reach the router");
    free(l.voice);
    free(l.group);
    free(l.fate);
    free(l.order);
    plan_free(&l.plan);
    return 0;
}
