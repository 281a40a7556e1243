/*
 * From a capture to what a scenario says. One reading fills the connections (fit_flows.h); then heartbeats
 * are recognised (fit_upkeep.h), and what remains is read as messages, exchanges and
 * rounds (fit_rounds.h), sorted into groups (fit_group.h) and fitted (fit_dist.c).
 *
 * Memory: as of fit_flows.h, and one number for every observed value of the group at work.
 */
#include "natpulse/fit.h"

#include "fit_group.h"
#include "sides.h"

#include <stdlib.h>
#include <string.h>

/* Packets between two looks at whether to stop, and at how far the reading is. */
#define PACKETS_A_LOOK 4096

static bool wants_to_go_on(np_capture *c, const np_fit_config *config, const volatile int *stop,
                           uint64_t packets)
{
    if (packets % PACKETS_A_LOOK != 0) return true;
    if (config->reading) {
        uint64_t done, all;
        np_capture_progress(c, &done, &all);
        config->reading(config->reading_ctx, done, all);
    }
    return !(stop && *stop);
}

static bool read_all(np_capture *c, const np_fit_config *config, const np_sides *sides,
                     const volatile int *stop, np_fit_flows *f, np_fit *out, np_error *e)
{
    np_captured one;
    int got = 1;
    while (wants_to_go_on(c, config, stop, out->packets) && (got = np_capture_next(c, &one, e)) == 1) {
        if (!out->packets++) out->first = one.time;
        out->last = one.time;
        if (one.decoded != NP_DECODED_OK) continue;
        np_way way = np_sides_way(sides, &one.packet);
        bool known = one.packet.proto == NP_TCP || one.packet.proto == NP_UDP;
        if ((way != NP_WAY_OUT && way != NP_WAY_IN) || !known) {
            out->elsewhere++;
            continue;
        }
        out->used++;
        if (!np_fit_flows_packet(f, one.time, way == NP_WAY_OUT, &one.packet))
            return np_fail_memory(e, "the connections of a capture");
    }
    out->stopped = stop && *stop; /* a signal also ends a pending read */
    return got >= 0 || out->stopped;
}

static int by_time(const void *left, const void *right)
{
    np_time a = *(const np_time *)left, b = *(const np_time *)right;
    return (a > b) - (a < b);
}

/* Half of the median time between the two steps of the handshakes that show both. */
static np_time one_way(const np_fit_flows *f, bool core, np_time *room)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->talks; i++) {
        const np_fit_talk *t = &f->talk[i];
        np_time from = core ? t->syn : t->synack, to = core ? t->synack : t->ack;
        if (from && to && t->syn && t->synack) room[n++] = to - from;
    }
    if (!n) return 0;
    qsort(room, n, sizeof *room, by_time);
    return room[n / 2] / 2;
}

static int by_address(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(np_addr));
}

static uint32_t distinct(const np_fit_flows *f, bool remote, np_addr *room)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->talks; i++) room[i] = remote ? f->talk[i].who.remote : f->talk[i].who.local;
    qsort(room, f->talks, sizeof *room, by_address);
    for (uint32_t i = 0; i < f->talks; i++) n += i == 0 || !np_addr_equal(&room[i], &room[i - 1]);
    return n;
}

static bool evaluate(np_fit_flows *f, np_arena *arena, np_fit *out, np_error *e)
{
    np_fit_pulses pulses;
    void *room = malloc((f->talks + 1) * sizeof(np_addr));
    bool ok = room != NULL;
    if (ok) {
        out->core = one_way(f, true, room);
        out->access = one_way(f, false, room);
        out->clients = distinct(f, false, room);
        out->servers = distinct(f, true, room);
        out->connections = f->talks;
        out->retransmitted = f->retransmitted;
        ok = np_fit_find_pulses(f, &pulses) && np_fit_groups(f, &pulses, arena, out);
    }
    free(room);
    return ok || np_fail_memory(e, "fitting a capture");
}

bool np_fit_capture(np_capture *c, const np_fit_config *config, const volatile int *stop, np_arena *arena,
                    np_fit *out, np_error *e)
{
    np_sides sides;
    np_fit_flows f;
    *out = (np_fit){0};
    if (!np_sides_init(&sides, config->inside, config->insides, e)) return false;
    if (!np_fit_flows_init(&f)) return np_fail_memory(e, "the connections of a capture");
    bool ok = read_all(c, config, &sides, stop, &f, out, e) && evaluate(&f, arena, out, e);
    np_fit_flows_free(&f);
    return ok;
}
