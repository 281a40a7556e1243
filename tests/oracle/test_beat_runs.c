/*
 * A mapping dies of the first run of m lost beats, m = floor(tau / T): breaks a beat, and the share of lives
 * that outlast n beats, against the success-run recursion; under losses by themselves and in bursts. Then
 * packets at random, and keepalive probes, which come sooner when one was lost.
 */
#include "oracle.h"

#define T (20 * NP_SECOND)

/* One-way beats over UDP every 20 s, each lost before the box with probability p; a mapping lasts for m of
   them. A delivered beat brings a lost mapping back: a new life. */
static np_world_config lossy_world(np_group *g, double p, uint32_t m, uint32_t flows, uint32_t beats)
{
    np_world_config c = plain_world(g, flows, NP_UDP);
    c.seed = oracle_own_seed();
    c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = m * T + T / 2;
    c.access_up.loss_kind = NP_LOSS_INDEPENDENT;
    c.access_up.loss = p;
    c.warmup = 2 * NP_MINUTE;
    c.duration = c.warmup + beats * T;
    return c;
}

static np_strategy one_way(void)
{
    np_strategy s = heartbeat(T, 0, 1);
    s.beat.answer_bytes = 0;
    return s;
}

#define REPLICAS 40

/* Renewal theory: a cycle of life, death and return takes p^-m / (1 - p) beats. */
static void breaks(void **state)
{
    (void)state;
    static const struct {
        double p;
        uint32_t m, flows, beats; /* in each replica: 15000 breaks in all */
    } row[] = {{0.01, 1, 40, 1000}, {0.05, 2, 90, 2000}, {0.1, 2, 40, 1200}, {0.1, 3, 200, 2200},
               {0.2, 3, 50, 1600},  {0.2, 4, 160, 2000}, {0.3, 5, 125, 2000}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = lossy_world(&g, row[i].p, row[i].m, row[i].flows, row[i].beats);
        np_strategy s = one_way();
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_BREAKS, REPLICAS);
        char what[80];
        snprintf(what, sizeof what, "breaks/h, p %g, m %u (mean life %.6g beats)", row[i].p, row[i].m,
                 (pow(row[i].p, -(double)row[i].m) - 1) / (1 - row[i].p));
        oracle_row(what, &got, 180 * (1 - row[i].p) * pow(row[i].p, row[i].m), 0.02);
    }
}

/* ---- survival ---- */

struct lives {
    uint64_t begun, outlived;
    np_time *since; /* [flows]: when the present life began; NP_NEVER: none, or not one that counts */
    np_time last;   /* a life that begins later would be cut by the end */
    np_time enough; /* outlived: at least so long */
};

static void notice(void *ctx, const np_notice *n)
{
    struct lives *l = ctx;
    if (n->kind == NP_NOTICE_OPENED || n->kind == NP_NOTICE_HEALED) {
        l->since[n->client] = n->when <= l->last ? n->when : NP_NEVER;
    } else if (n->kind == NP_NOTICE_BREAK && l->since[n->client] != NP_NEVER) {
        l->begun++;
        l->outlived += n->when - l->since[n->client] >= l->enough;
        l->since[n->client] = NP_NEVER;
    }
}

/* A(n) = 1 for n < m, 1 - p^m for n = m, then A(n - 1) - (1 - p) p^m A(n - m - 1). */
static double survival(double p, uint32_t m, uint32_t n)
{
    double *a = calloc(n + 1, sizeof *a), pm = pow(p, m);
    for (uint32_t i = 0; i <= n; i++)
        a[i] = i < m ? 1 : i == m ? 1 - pm : a[i - 1] - (1 - p) * pm * a[i - m - 1];
    double end = a[n];
    free(a);
    return end;
}

/* The share of lives that outlast n beats. A life begins with a delivered beat and ends tau = (m + 1/2) T
   after the last one delivered. Beat j being the last, it is (j + m + 1/2) T long and does not outlast n
   beats when j + m <= n. */
static np_estimate outlasting(const np_world_config *c, uint32_t m, uint32_t n)
{
    const uint32_t flows = c->group[0].count;
    const np_strategy s = one_way();
    struct lives l = {.since = calloc(flows, sizeof(np_time)),
                      .last = c->duration - (np_time)(n + m + 1) * T,
                      .enough = (np_time)(n + 1) * T};
    double share[REPLICAS];
    for (uint32_t k = 0; k < REPLICAS; k++) {
        l.begun = l.outlived = 0;
        for (uint32_t f = 0; f < flows; f++) l.since[f] = NP_NEVER;
        np_listener listener = {.notice = notice, .ctx = &l};
        np_result_destroy(oracle_run(c, &s, k, &listener));
        for (uint32_t f = 0; f < flows; f++) /* alive to the end */
            if (l.since[f] != NP_NEVER) l.begun++, l.outlived++;
        share[k] = (double)l.outlived / (double)l.begun;
    }
    free(l.since);
    return np_estimate_of(share, REPLICAS);
}

/* Left out of the published table: 0.05 and 0.1 with m = 2, 0.2 with m = 3, of which A(1000) is so small that
   a hundred times as many lives would be needed to know it to 2 %. Their breaks are above. */
static void survivals(void **state)
{
    (void)state;
    static const struct {
        double p;
        uint32_t m, n, flows, beats;
        double published;
    } row[] = {{0.01, 1, 100, 40, 1900, 0.366032},  {0.01, 2, 1000, 50, 1050, 0.905809},
               {0.05, 3, 1000, 75, 1050, 0.888191}, {0.1, 3, 1000, 250, 3200, 0.406107},
               {0.2, 4, 1000, 375, 3000, 0.276961}, {0.3, 5, 1000, 400, 3000, 0.180691}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = lossy_world(&g, row[i].p, row[i].m, row[i].flows, row[i].beats);
        np_estimate got = outlasting(&c, row[i].m, row[i].n);
        double exact = survival(row[i].p, row[i].m, row[i].n);
        assert_true(fabs(exact - row[i].published) < 1e-6);
        char what[80];
        snprintf(what, sizeof what, "A(%u), p %g, m %u", row[i].n, row[i].p, row[i].m);
        oracle_row(what, &got, exact, 0.02);
    }
}

/* ---- losses in bursts ---- */

/* Beats `every` apart see a chain in time: from good to bad with probability p from one to the next, and back
   with r, where (1 - p - r) is what states so far apart have in common beyond chance, exp(-(a + b) T). */
static np_world_config bursty_world(np_group *g, double bad, double burst, double every, uint32_t m,
                                    uint32_t flows, uint32_t beats)
{
    np_world_config c = lossy_world(g, bad, m, flows, beats);
    c.access_up.loss_kind = NP_LOSS_GILBERT;
    c.access_up.burst = np_from_seconds(burst);
    c.duration = c.warmup + np_from_seconds(beats * every);
    c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] =
        np_from_seconds(m * every + every / 2);
    return c;
}

/* A mapping that outlives m - 1 lost beats dies of the m-th in a row: from a good beat into
   the bad state, m - 1 times there again. */
static void bursts(void **state)
{
    (void)state;
    static const struct {
        double loss, burst;
        uint32_t m;
    } row[] = {{0.05, 2, 1}, {0.05, 20, 2}, {0.05, 60, 3}, {0.2, 10, 3}, {0.2, 0.4, 3}};
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = bursty_world(&g, row[i].loss, row[i].burst, 20, row[i].m, 100, 1000);
        np_strategy s = one_way();
        double bad = row[i].loss, out = 1 / row[i].burst, in = out * bad / (1 - bad);
        double memory = exp(-(in + out) * 20);
        double enters = bad * (1 - memory), stays = bad + (1 - bad) * memory;
        double want = 180 * (1 - bad) * enters * pow(stays, row[i].m - 1);
        char what[80];
        snprintf(what, sizeof what, "loss %g in bursts of %g s, m %u: breaks/h", bad, row[i].burst, row[i].m);
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_BREAKS, REPLICAS);
        oracle_row(what, &got, want, 0.02);
    }
}

/* The chance that among n beats no m in a row are lost, when the first is lost with probability `bad`. */
static double survival_in_bursts(double p, double r, double bad, uint32_t m, uint32_t n)
{
    double good = 1 - bad, run[4] = {0, m > 1 ? bad : 0}; /* run[i]: the last i were lost, 0 < i < m */
    assert_true(m <= 3);
    for (uint32_t i = 1; i < n; i++) {
        double back = (run[1] + run[2]) * r;
        run[2] = m > 2 ? run[1] * (1 - r) : 0;
        run[1] = m > 1 ? good * p : 0;
        good = good * (1 - p) + back;
    }
    return good + run[1] + run[2];
}

/* The published sets, and lives under them: those begin with a beat that was delivered. */
static void survivals_in_bursts(void **state)
{
    (void)state;
    static const struct {
        double bad, memory; /* share of time; 1 - p - r */
        double published[3];
    } set[] = {{0.01, 0.75, {0.081213, 0.151732, 0.242713}}, {0.05, 0.9, {0.006353, 0.010355, 0.016123}}};
    static const struct {
        uint32_t set, m, n, flows, beats;
    } row[] = {
        {0, 1, 300, 200, 1500}, {0, 3, 1000, 150, 4500}, {1, 1, 200, 200, 1000}, {1, 3, 300, 200, 1500}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        for (uint32_t m = 1; m <= 3; m++) {
            double p = set[i].bad * (1 - set[i].memory), r = (1 - set[i].bad) * (1 - set[i].memory);
            assert_true(fabs(survival_in_bursts(p, r, set[i].bad, m, 1000) - set[i].published[m - 1]) < 1e-6);
        }
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        double bad = set[row[i].set].bad, memory = set[row[i].set].memory;
        double p = bad * (1 - memory), r = (1 - bad) * (1 - memory), burst = 20 / -log(memory) / (1 - bad);
        np_group g;
        np_world_config c = bursty_world(&g, bad, burst, 20, row[i].m, row[i].flows, row[i].beats);
        np_estimate got = outlasting(&c, row[i].m, row[i].n);
        char what[80];
        snprintf(what, sizeof what, "A(%u), chain p %g, r %g, m %u", row[i].n, p, r, row[i].m);
        oracle_row(what, &got, survival_in_bursts(p, r, 0, row[i].m, row[i].n + 1), 0.02);
    }
}

/* ---- packets at random ---- */

/* At rate l they keep a mapping for (exp(l tau) - 1) / l. Losses thin the rate. */
static void poisson_beats(void **state)
{
    (void)state;
    static const struct {
        double rate_tau, life, loss;
    } row[] = {{1, 1.7183, 0}, {2, 6.3891, 0}, {3, 19.0855, 0}, {5, 147.41, 0}, {2, 6.3891, 0.2}};
    enum { N = 20 };
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = lossy_world(&g, row[i].loss, 1, 200, i == 3 ? 5000 : 500);
        double rate = (1 - row[i].loss) / 20, tau = row[i].rate_tau / rate;
        c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = np_from_seconds(tau);
        g.work = (np_work_config){.shape = "exchange",
                                  .open_loop = true,
                                  .gap = {.kind = NP_DIST_EXPONENTIAL, .a = 20e9},
                                  .count = np_dist_constant(1),
                                  .request = np_dist_constant(60)};
        np_strategy s = nothing();
        double life[N];
        for (uint32_t k = 0; k < N; k++) {
            np_result *r = oracle_run(&c, &s, k, NULL);
            life[k] = rate * 3600 * VALUE(r, REACHABLE) / VALUE(r, BREAKS);
            np_result_destroy(r);
        }
        np_estimate got = np_estimate_of(life, N);
        assert_true(fabs(exp(row[i].rate_tau) - 1 - row[i].life) < 5e-5 * row[i].life);
        char what[80];
        snprintf(what, sizeof what, "packets at random, l tau %g, loss %g: l x life", row[i].rate_tau,
                 row[i].loss);
        oracle_row(what, &got, exp(row[i].rate_tau) - 1, 0.02);
    }
}

/* ---- TCP, which does not leave it at one loss ---- */

/* Up only; the way back loses nothing. */
static np_world_config lossy_tcp_world(np_group *g, double p, double tau, np_time duration)
{
    np_world_config c = plain_world(g, 50, NP_TCP);
    c.seed = oracle_own_seed();
    c.tcp.delayed_ack = 0; /* every round trip takes 0.1 s, and the RTO is 0.3 s */
    c.warmup = 10 * NP_MINUTE;
    c.duration = c.warmup + duration;
    c.access_up.loss_kind = NP_LOSS_INDEPENDENT;
    c.access_up.loss = p;
    c.nat[0].timeout[NP_TIMEOUT_TCP_ESTABLISHED] = np_from_seconds(tau);
    c.nat[0].unknown_outbound = NP_UNKNOWN_ADOPT; /* the next that gets through brings the mapping back */
    return c;
}

/* TCP keepalive: m = 1 + floor((tau - idle) / interval) probes come before the mapping goes;
   a probe that is lost is followed by the next after `interval`. So a mapping dies in p^m of the cycles,
   which take idle + interval p / (1 - p) and a round trip in the mean. */
static void probes(void **state)
{
    (void)state;
    static const struct {
        double p, tau;
        int hours;
    } row[] = {{0.1, 65, 20}, {0.3, 75, 20}, {0.3, 85, 40}, {0.5, 95, 40}};
    const double idle = 60, interval = 10, trip = 0.1;
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        np_world_config c = lossy_tcp_world(&g, row[i].p, row[i].tau, row[i].hours * NP_HOUR);
        np_strategy s = keepalive(60 * NP_SECOND, 10 * NP_SECOND, 100);
        double m = 1 + floor((row[i].tau - idle) / interval);
        double cycle = idle + interval * row[i].p / (1 - row[i].p) + trip;
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_BREAKS, 20);
        char what[80];
        snprintf(what, sizeof what, "keepalive 60/10, p %g, timeout %g s, m %g: breaks/h", row[i].p,
                 row[i].tau, m);
        oracle_row(what, &got, 3600 * pow(row[i].p, m) / cycle, 0.02);
    }
}

/* A heartbeat over TCP is tried again after RTO, 3 RTO, 7 RTO...: about log2((tau - T) / RTO) more tries
   before the mapping goes. To be exact: try j at T + RTO (2^j - 1), and the mapping was refreshed when the
   beat before got through, at its own try k. (A beat that is still being tried when the next is due, after
   seven losses in a row, is another matter: the back-off then covers both.) */
static void reliable_beats(void **state)
{
    (void)state;
    static const struct {
        double p, tau;
        int hours;
    } row[] = {{0.1, 20.1, 10}, {0.2, 20.6, 10}, {0.2, 21.5, 20}, {0.25, 23, 40}};
    const double every = 20, rto = 0.3, box = 0.02, trip = 0.1;
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
        np_group g;
        double p = row[i].p, dies = 0;
        uint32_t most = 0;
        np_world_config c = lossy_tcp_world(&g, p, row[i].tau, row[i].hours * NP_HOUR);
        np_strategy s = heartbeat(np_from_seconds(every), 0, 1);
        s.beat.answer_bytes = 0;
        for (int k = 0; k < 12; k++) {
            double since = rto * (exp2(k) - 1) + trip - box; /* the ACK passes the box */
            uint32_t m = 0;
            while (every + rto * (exp2(m) - 1) + box - since < row[i].tau) m++;
            dies += (1 - p) * pow(p, k) * pow(p, m);
            if (k == 0) most = m;
        }
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_BREAKS, 20);
        char what[80];
        snprintf(what, sizeof what, "TCP beat each 20 s, p %g, timeout %g s, m %u: breaks/h", p, row[i].tau,
                 most);
        oracle_row(what, &got, 180 * dies, 0.02);
    }
}

/* ---- the tie ---- */

/* m is floor(tau / T), and at tau = m T exactly it is m - 1: a mapping that is idle for its whole timeout
   goes before the packet that comes in that instant. Without loss, it lives or dies by that alone. */
static void the_tie(void **state)
{
    (void)state;
    for (int late = -1; late <= 1; late++) {
        np_group g;
        np_world_config c = lossy_world(&g, 0, 1, 10, 100);
        c.nat[0].timeout[NP_TIMEOUT_UDP] = c.nat[0].timeout[NP_TIMEOUT_UDP_STREAM] = T - late;
        np_strategy s = one_way();
        np_result *r = oracle_run(&c, &s, 0, NULL);
        printf("timeout %+d ns from the period: %g breaks/h\n", -late, VALUE(r, BREAKS));
        if (late < 0)
            assert_true(VALUE(r, BREAKS) == 0);
        else
            assert_true(fabs(VALUE(r, BREAKS) - 180) < 1e-6);
        np_result_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tie),
        cmocka_unit_test(breaks),
        cmocka_unit_test(survivals),
        cmocka_unit_test(bursts),
        cmocka_unit_test(survivals_in_bursts),
        cmocka_unit_test(poisson_beats),
        cmocka_unit_test(probes),
        cmocka_unit_test(reliable_beats),
        cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("success runs", tests, NULL, NULL);
}
