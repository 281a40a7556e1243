/*
 * A mapping dies of the first run of m lost beats, m = floor(tau / T): breaks a beat, and the share of lives
 * that outlast n beats, against the success-run recursion.
 */
#include "oracle.h"

#define T (20 * NP_SECOND)

/* One-way beats over UDP every 20 s, each lost before the box with probability p; a mapping lasts for m of
   them. A delivered beat brings a lost mapping back: a new life. */
static np_world_config lossy_world(np_group *g, double p, uint32_t m, uint32_t flows, uint32_t beats)
{
    np_world_config c = plain_world(g, flows, NP_UDP);
    c.seed = oracle_seed();
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
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
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

/* A life that begins with a delivered beat and ends tau = (m + 1/2) T after the last one delivered. Beat j
   being the last, it is (j + m + 1/2) T long and does not outlast n beats when j + m <= n. */
static void survivals(void **state)
{
    (void)state;
    static const struct {
        double p;
        uint32_t m, n, flows, beats;
        double published;
    } row[] = {{0.01, 1, 100, 40, 1900, 0.366032},
               {0.01, 2, 1000, 50, 1050, 0.905809},
               {0.05, 3, 1000, 75, 1050, 0.888191},
               {0.1, 3, 1000, 250, 3200, 0.406107},
               {0.2, 4, 1000, 375, 3000, 0.276961}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = lossy_world(&g, row[i].p, row[i].m, row[i].flows, row[i].beats);
        np_strategy s = one_way();
        struct lives l = {.since = calloc(row[i].flows, sizeof(np_time)),
                          .last = c.duration - (np_time)(row[i].n + row[i].m + 1) * T,
                          .enough = (np_time)(row[i].n + 1) * T};
        double share[REPLICAS];
        for (uint32_t k = 0; k < REPLICAS; k++) {
            l.begun = l.outlived = 0;
            for (uint32_t f = 0; f < row[i].flows; f++) l.since[f] = NP_NEVER;
            np_listener listener = {.notice = notice, .ctx = &l};
            np_result_destroy(oracle_run(&c, &s, k, &listener));
            for (uint32_t f = 0; f < row[i].flows; f++) /* alive to the end */
                if (l.since[f] != NP_NEVER) l.begun++, l.outlived++;
            share[k] = (double)l.outlived / (double)l.begun;
        }
        free(l.since);
        np_estimate got = np_estimate_of(share, REPLICAS);
        double exact = survival(row[i].p, row[i].m, row[i].n);
        assert_true(fabs(exact - row[i].published) < 1e-6);
        char what[80];
        snprintf(what, sizeof what, "A(%u), p %g, m %u", row[i].n, row[i].p, row[i].m);
        oracle_row(what, &got, exact, 0.02);
    }
}

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
        cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("success runs", tests, NULL, NULL);
}
