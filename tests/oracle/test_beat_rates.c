/*
 * How often each strategy beats once it is under way: at random, when idle, and where the two that learn
 * settle.
 */
#include "oracle.h"

#define REPLICAS 10
#define TRIP     0.100 /* s: a round trip */

/* One group whose mappings last `tau` after the last packet, at a box that lets nothing of an unknown flow
 * pass. */
static np_world_config patient_world(np_group *g, uint32_t clients, uint8_t transport, double tau)
{
    np_world_config c = plain_world(g, clients, transport);
    c.seed = oracle_own_seed();
    c.nat[0].unknown_outbound = c.nat[0].unknown_inbound = NP_UNKNOWN_DROP;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = np_from_seconds(tau);
    return c;
}

/* Evenly from `least` to `every`: a beat per their mean. */
static void jittered(void **state)
{
    (void)state;
    static const double row[][2] = {{95, 120}, {24, 29}, {4, 6}, {20, 30}, {29.9, 30}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = patient_world(&g, 100, NP_UDP, 1000);
        c.warmup = NP_HOUR;
        np_strategy s = heartbeat(np_from_seconds(row[i][1]), 0, 1);
        s.beat.strategy = "jittered";
        s.beat.least = np_from_seconds(row[i][0]);
        s.beat.answer_bytes = 0;
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_UPKEEP_PACKETS, REPLICAS);
        char what[80];
        snprintf(what, sizeof what, "jittered %g to %g s, beats/h", row[i][0], row[i][1]);
        oracle_row(what, &got, 3600 / ((row[i][0] + row[i][1]) / 2), 0.02);
    }
}

/* Messages with exponential gaps of mean 1/l, and a beat for each T of a gap: E floor(gap / T) =
   1 / (exp(l T) - 1) a message. What the client sends counts where it is idle without sending, what the
   server sends where it is idle without hearing, and not the other way round. */
static void piggyback(void **state)
{
    (void)state;
    static const double lT[] = {0.2, 1, 2};
    static const char *const words[] = {"sent", "heard", "either"};
    for (size_t i = 0; i < ORACLE_ROWS(lT); i++)
        for (int idle = NP_BEAT_IDLE_SENT; idle <= NP_BEAT_IDLE_EITHER; idle++)
            for (int pushes = 0; pushes < 2; pushes++) {
                np_group g;
                np_world_config c = patient_world(&g, 200, NP_UDP, 100000);
                c.duration = 6 * NP_HOUR;
                c.warmup = NP_HOUR;
                const double T = 60;
                g.work.from_server = pushes;
                g.work.gap = (np_dist){.kind = NP_DIST_EXPONENTIAL, .a = T / lT[i] * 1e9};
                np_strategy s = heartbeat(np_from_seconds(T), 0, 1);
                s.beat.strategy = "piggyback";
                s.beat.idle_since = (np_beat_idle)idle;
                s.beat.answer_bytes = 0;
                np_estimate got = oracle_metric(&c, &s, NP_METRIC_UPKEEP_PACKETS, REPLICAS);
                bool heeds = idle == NP_BEAT_IDLE_EITHER || (idle == NP_BEAT_IDLE_HEARD) == pushes;
                char what[80];
                snprintf(what, sizeof what, "piggyback 60 s without %s, %s each %g s, beats/h", words[idle],
                         pushes ? "push" : "message", T / lT[i]);
                oracle_row(what, &got, heeds ? 3600 / T * lT[i] / (exp(lT[i]) - 1) : 3600 / T, 0.02);
            }
}

/* Beats over TCP: the beat, its answer, the answer's ACK, 40 ms late. */
#define PACKETS 3

/* The published algorithm settles where its climb failed, less 60 s and 20 s, or at its ceiling. */
static void mars(void **state)
{
    (void)state;
    static const struct {
        double tau, settles;
    } row[] = {{240, 210}, {250, 210}, {280, 250}, {300, 250}, {350, 310}, {400, 370},
               {420, 370}, {500, 430}, {550, 490}, {585, 580}, {600, 580}, {1200, 580}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = patient_world(&g, 20, NP_TCP, row[i].tau);
        c.duration = 40 * NP_HOUR;
        c.warmup = 10 * NP_HOUR;
        g.arrival.b = row[i].settles * 1e9; /* any phase */
        np_strategy s = heartbeat(0, 8 * NP_SECOND, 1);
        s.beat.strategy = "mars";
        s.beat.least = 210 * NP_SECOND;
        s.beat.most = 580 * NP_SECOND;
        s.beat.step = 60 * NP_SECOND;
        s.beat.back_off = 20 * NP_SECOND;
        /* The formula of beat_mars.c, beside the table above. */
        double v = 210;
        while (v <= row[i].tau) v += 60;
        assert_true(row[i].settles == (row[i].tau > 580 ? 580 : fmax(210, v - 80)));
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_UPKEEP_PACKETS, REPLICAS);
        char what[80];
        snprintf(what, sizeof what, "mars, mapping lasts %g s: settles at %g s, packets/h", row[i].tau,
                 row[i].settles);
        oracle_row(what, &got, PACKETS * 3600 / row[i].settles, 0.02);
        np_estimate breaks = oracle_metric(&c, &s, NP_METRIC_BREAKS, 1);
        assert_true(breaks.mean == 0);
    }
}

/* The time between the last two beats of each client, as the box sees them. */
struct gaps {
    np_time last[20], gap[20];
};

static void watch(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p)
{
    struct gaps *g = ctx;
    if (where != NP_PLACE_INSIDE || !outbound || p->kind != NP_KIND_HEARTBEAT || !p->payload) return;
    uint32_t client = np_addr_to_ipv4(&p->src) - 0x0a000002u;
    g->gap[client] = when - g->last[client];
    g->last[client] = when;
}

/* The halving ends within step + back_off below tau, and costs at most two connections a trial. */
static void search(void **state)
{
    (void)state;
    static const double taus[] = {31, 40, 59.5, 60, 100, 119, 240, 350, 600, 1000, 1790, 5000};
    const double least = 30, most = 1800, step = 10, back_off = 5;
    for (size_t i = 0; i < ORACLE_ROWS(taus); i++) {
        np_group g;
        np_world_config c = patient_world(&g, 20, NP_TCP, taus[i]);
        c.duration = 18 * NP_HOUR; /* less than a day, when it would look again */
        np_strategy s = heartbeat(0, 8 * NP_SECOND, 1);
        s.beat.strategy = "search";
        s.beat.least = np_from_seconds(least);
        s.beat.most = np_from_seconds(most);
        s.beat.step = np_from_seconds(step);
        s.beat.back_off = np_from_seconds(back_off);
        struct gaps gaps = {0};
        np_listener listener = {.packet = watch, .ctx = &gaps};
        np_result *r = oracle_run(&c, &s, 0, &listener);
        double breaks = VALUE(r, BREAKS) * r->conn_hours / 20,
               trials = ceil(log2((most + step - least) / step));
        double limit = fmin(taus[i], most);
        printf("search, mapping lasts %g s: settles at %.3f s, after %g breaks of at most %g\n", taus[i],
               np_seconds(gaps.gap[0]) - TRIP, breaks, 2 * trials);
        for (int k = 0; k < 20; k++) { /* the value runs from the answer */
            double value = np_seconds(gaps.gap[k]) - TRIP;
            assert_true(value >= fmax(least, limit - step - back_off) - 1e-6 && value <= limit);
        }
        assert_true(breaks <= 2 * trials);
        np_result_destroy(r);
    }
}

/* A box that becomes less patient: both fall back, and live. A ceiling that is too much: two failures, and
   the climb begins again, so that there is no steady state. */
static void falls_back(void **state)
{
    (void)state;
    np_group g;
    np_world_config c = patient_world(&g, 20, NP_TCP, 575);
    c.duration = 48 * NP_HOUR;
    np_strategy s = heartbeat(0, 8 * NP_SECOND, 1);
    s.beat.strategy = "mars";
    s.beat.least = 210 * NP_SECOND;
    s.beat.most = 580 * NP_SECOND;
    s.beat.step = 60 * NP_SECOND;
    s.beat.back_off = 20 * NP_SECOND;
    np_result *r = oracle_run(&c, &s, 0, NULL);
    /* A climb is 7 + 6 * 5 beats, 14 070 s; then twice 580 s + 8 s to the failure, and 3 * 210 s between. */
    double cycle = 4 * 210 + 5 * (270 + 330 + 390 + 450 + 510 + 570) + 2 * (588 + 3 * 210);
    printf("mars at 575 s: %g breaks/h, two in %g s\n", VALUE(r, BREAKS), cycle);
    assert_true(fabs(VALUE(r, BREAKS) - 2 * 3600 / cycle) < 0.1 * 2 * 3600 / cycle);
    np_result_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jittered), cmocka_unit_test(piggyback),  cmocka_unit_test(mars),
        cmocka_unit_test(search),   cmocka_unit_test(falls_back), cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
