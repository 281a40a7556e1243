/*
 * Tables that fill: who finds his mapping in an LRU table (Che's approximation, idle timeouts, the cliff),
 * what a table that refuses turns away (Erlang B, whatever the law of lifetimes), how many mappings flows of
 * a given life keep; and heartbeats under losses in bursts.
 */
#include "oracle.h"

#define REPLICAS 10

/* ---- LRU ---- */

#define CLASSES  25 /* of flows, by rate */
#define PER_RATE 40

/* Rows that share their draws would leave their intervals together. */
static uint64_t own_seed(void)
{
    static uint64_t rows;
    return oracle_seed() * 1000 + rows++;
}

/* Flows of rates l_g, PER_RATE of each, whose packets come at random: UDP, one way. */
static np_world_config poisson_world(np_group g[CLASSES], const double rate[CLASSES], uint32_t capacity,
                                     double tau)
{
    np_world_config c = plain_world(g, PER_RATE, NP_UDP);
    c.seed = own_seed();
    c.group = g;
    c.groups = CLASSES;
    c.duration = 40 * NP_MINUTE;
    c.warmup = 10 * NP_MINUTE;
    c.nat[0].capacity = capacity;
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = np_from_seconds(tau);
    for (int i = 0; i < CLASSES; i++) {
        g[i] = g[0];
        g[i].work = (np_work_config){.shape = "exchange",
                                     .name = "poisson",
                                     .open_loop = true,
                                     .gap = {.kind = NP_DIST_EXPONENTIAL, .a = 1e9 / rate[i]},
                                     .count = np_dist_constant(1),
                                     .request = np_dist_constant(100),
                                     .response = np_dist_constant(0),
                                     .service = np_dist_constant(0)};
    }
    return c;
}

/* Rates that fall with the rank to the power `zipf`, 100 packets a second in all. */
static void zipf_rates(double zipf, double rate[CLASSES])
{
    double sum = 0;
    for (int i = 0; i < CLASSES; i++) sum += PER_RATE * (rate[i] = pow(i + 1, -zipf));
    for (int i = 0; i < CLASSES; i++) rate[i] *= 100 / sum;
}

/* Flows expected in a table in which each stays for `window` after its last packet; and the share of packets
   that find theirs. */
static double held(const double rate[CLASSES], double window)
{
    double n = 0;
    for (int i = 0; i < CLASSES; i++) n += PER_RATE * (1 - exp(-rate[i] * window));
    return n;
}

static double hit(const double rate[CLASSES], double window)
{
    double hits = 0;
    for (int i = 0; i < CLASSES; i++) hits += PER_RATE * rate[i] * (1 - exp(-rate[i] * window));
    return hits / 100;
}

/* Closed form 6a: the window t_C at which the table is just full. */
static double che_window(const double rate[CLASSES], double capacity)
{
    double low = 0, high = 1e6;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (held(rate, middle) < capacity)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* A message is a packet, and each packet that finds no mapping makes one. */
static np_estimate hits(const np_world_config *c)
{
    double share[REPLICAS];
    np_strategy s = nothing();
    for (uint32_t k = 0; k < REPLICAS; k++) {
        np_result *r = oracle_run(c, &s, k, NULL);
        share[k] = 1 - VALUE(r, NAT_INSERTS) / VALUE(r, MESSAGES_SENT);
        np_result_destroy(r);
    }
    return np_estimate_of(share, REPLICAS);
}

static void che(void **state)
{
    (void)state;
    static const struct {
        double zipf;
        uint32_t capacity;
    } row[] = {{0, 250}, {0, 750}, {0.8, 100}, {0.8, 400}, {1.2, 50}, {1.2, 300}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g[CLASSES];
        double rate[CLASSES];
        char what[80];
        zipf_rates(row[i].zipf, rate);
        np_world_config c = poisson_world(g, rate, row[i].capacity, 30 * 86400.0);
        double want = hit(rate, che_window(rate, row[i].capacity));
        if (row[i].zipf == 0)
            assert_true(fabs(want - row[i].capacity / 1000.0) < 1e-9); /* equal rates: C/N */
        snprintf(what, sizeof what, "LRU of %u, 1000 flows, Zipf %g: hits", row[i].capacity, row[i].zipf);
        np_estimate got = hits(&c);
        oracle_row(what, &got, want, 0.02);
    }
}

/* Closed form 6b: with a timeout the window is the shorter of the two. */
static void lru_with_a_timeout(void **state)
{
    (void)state;
    static const double tau[] = {0.5, 2, 8, 40};
    for (size_t i = 0; i < sizeof tau / sizeof *tau; i++) {
        np_group g[CLASSES];
        double rate[CLASSES];
        char what[80];
        zipf_rates(0.8, rate);
        np_world_config c = poisson_world(g, rate, 400, tau[i]);
        double full = che_window(rate, 400), window = tau[i] < full ? tau[i] : full;
        snprintf(what, sizeof what, "LRU of 400 and timeout %g s (t_C is %.3g s): hits", tau[i], full);
        np_estimate got = hits(&c);
        oracle_row(what, &got, hit(rate, window), 0.02);
    }
}

/* Closed form 6a, the other end: beats of one period in fixed order. Every one finds its mapping while N <=
   C, and none from N = C + 1 on. */
static void the_cliff(void **state)
{
    (void)state;
    for (uint32_t over = 0; over < 2; over++) {
        np_group g;
        np_world_config c = plain_world(&g, 300 + over, NP_UDP);
        c.seed = own_seed();
        c.warmup = 5 * NP_MINUTE;
        c.nat[0].capacity = 300;
        for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = NP_DAY;
        np_strategy s = heartbeat(60 * NP_SECOND, 0, 1);
        s.beat.answer_bytes = 0;
        np_result *r = oracle_run(&c, &s, 0, NULL);
        double beats = VALUE(r, UPKEEP_PACKETS) * r->conn_hours;
        printf("%u beats of one period through %u places: %.0f of %.0f find no mapping\n", 300 + over, 300,
               VALUE(r, NAT_INSERTS), beats);
        assert_true(VALUE(r, NAT_INSERTS) == (over ? beats : 0));
        np_result_destroy(r);
    }
}

/* ---- refusing ---- */

#define TAU       60.0  /* s, timeout */
#define MEAN_LIFE 25.0  /* s, until the answer */
#define TRIP      0.060 /* s, from the box to the server and back */

static double erlang_b(double a, uint32_t places)
{
    double b = 1;
    for (uint32_t i = 1; i <= places; i++) b = a * b / (i + a * b);
    return b;
}

/* One-shot flows at `a` erlangs, answered after a time of the given law. */
static np_world_config one_shot_world(np_group *g, double a, const np_dist *life, uint32_t capacity)
{
    np_world_config c = plain_world(g, 100, NP_UDP);
    c.seed = own_seed();
    c.duration = 6 * NP_HOUR;
    c.warmup = NP_HOUR;
    c.nat[0].capacity = capacity;
    c.nat[0].evict = "refuse";
    for (int i = 0; i < NP_TIMEOUT_COUNT; i++) c.nat[0].timeout[i] = np_from_seconds(TAU);
    double each = a / (MEAN_LIFE + TRIP + TAU) / 100; /* flows a second of each client */
    g->work = (np_work_config){.shape = "exchange",
                               .name = "one-shot",
                               .open_loop = true,
                               .gap = {.kind = NP_DIST_EXPONENTIAL, .a = 1e9 / each},
                               .count = np_dist_constant(1),
                               .request = np_dist_constant(100),
                               .response = np_dist_constant(100),
                               .service = *life};
    return c;
}

static const double two_points[] = {1e9, 1e9, 49e9, 49e9};
static const struct {
    const char *name;
    np_dist life;
} laws[] = {
    {"constant", {.kind = NP_DIST_CONSTANT, .a = MEAN_LIFE * 1e9}},
    {"uniform", {.kind = NP_DIST_UNIFORM, .a = 0, .b = 2 * MEAN_LIFE * 1e9}},
    {"short or long", {.kind = NP_DIST_EMPIRICAL, .value = two_points, .n = 4}},
};

/* Closed form 6e: a table that refuses turns away Erlang's share, whatever the law of the lifetimes. */
static void erlang(void **state)
{
    (void)state;
    static const struct {
        uint32_t places;
        double a, b;
    } row[] = {{10, 10, 0.214582}, {100, 90, 0.026957}, {100, 100, 0.075700}, {100, 120, 0.196270}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_true(fabs(erlang_b(row[i].a, row[i].places) - row[i].b) < 1e-6);
        for (size_t l = 0; l < sizeof laws / sizeof *laws; l++) {
            np_group g;
            np_world_config c = one_shot_world(&g, row[i].a, &laws[l].life, row[i].places);
            np_strategy s = nothing();
            s.connection = NP_CONNECTION_PER_REQUEST;
            double share[REPLICAS];
            for (uint32_t k = 0; k < REPLICAS; k++) {
                np_result *r = oracle_run(&c, &s, k, NULL);
                share[k] = VALUE(r, NAT_REFUSED) / (VALUE(r, NAT_REFUSED) + VALUE(r, NAT_INSERTS));
                np_result_destroy(r);
            }
            char what[80];
            snprintf(what, sizeof what, "B(%u, %g), lives %s: refused", row[i].places, row[i].a,
                     laws[l].name);
            np_estimate got = np_estimate_of(share, REPLICAS);
            oracle_row(what, &got, row[i].b, 0.15);
        }
    }
}

/* Closed form 6e: with room for all, L (E[D] + tau) mappings. */
static void little(void **state)
{
    (void)state;
    for (size_t l = 0; l < sizeof laws / sizeof *laws; l++) {
        np_group g;
        np_world_config c = one_shot_world(&g, 500, &laws[l].life, 100000);
        np_strategy s = nothing();
        char what[80];
        s.connection = NP_CONNECTION_PER_REQUEST;
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_NAT_ENTRIES_MEAN, REPLICAS);
        snprintf(what, sizeof what, "mappings of flows that live %s", laws[l].name);
        oracle_row(what, &got, 500, 0.01);
    }
}

/* ---- losses in bursts ---- */

/* Closed form 6f, the chain stepped by time: beats T apart see states that agree by more than chance only
   with exp(-(a + b) T). A mapping that outlives m - 1 lost beats dies of the m-th in a row: from a good beat
   into the bad state, m - 1 times there again. */
static void bursts(void **state)
{
    (void)state;
    static const struct {
        double loss, burst, every;
        uint32_t m;
    } row[] = {{0.05, 2, 20, 1}, {0.05, 20, 20, 2}, {0.05, 60, 20, 3}, {0.2, 10, 20, 3}, {0.2, 0.4, 20, 3}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        np_group g;
        np_world_config c = plain_world(&g, 400, NP_UDP);
        c.seed = own_seed();
        c.duration = 6 * NP_HOUR;
        c.warmup = NP_HOUR;
        for (int k = 0; k < NP_TIMEOUT_COUNT; k++)
            c.nat[0].timeout[k] = np_from_seconds(row[i].m * row[i].every + row[i].every / 2);
        c.access_up.loss_kind = NP_LOSS_GILBERT;
        c.access_up.loss = row[i].loss;
        c.access_up.burst = np_from_seconds(row[i].burst);
        np_strategy s = heartbeat(np_from_seconds(row[i].every), 0, 1);
        s.beat.answer_bytes = 0;
        double bad = row[i].loss, out = 1 / row[i].burst, in = out * bad / (1 - bad);
        double memory = exp(-(in + out) * row[i].every);
        double enters = bad * (1 - memory), stays = bad + (1 - bad) * memory;
        double want = 3600 / row[i].every * (1 - bad) * enters * pow(stays, row[i].m - 1);
        char what[80];
        snprintf(what, sizeof what, "loss %g in bursts of %g s, m = %u: breaks/h", bad, row[i].burst,
                 row[i].m);
        np_estimate got = oracle_metric(&c, &s, NP_METRIC_BREAKS, REPLICAS);
        oracle_row(what, &got, want, 0.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(che),
        cmocka_unit_test(lru_with_a_timeout),
        cmocka_unit_test(the_cliff),
        cmocka_unit_test(erlang),
        cmocka_unit_test(little),
        cmocka_unit_test(bursts),
        cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("occupancy", tests, NULL, NULL);
}
