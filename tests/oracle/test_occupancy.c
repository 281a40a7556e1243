/*
 * Who finds his mapping in an LRU table: Che's approximation, idle timeouts, the cliff.
 */
#include "oracle.h"

#define REPLICAS 10

#define CLASSES  25 /* of flows, by rate */
#define PER_RATE 40

/* Flows of rates l_g, PER_RATE of each, whose packets come at random: UDP, one way. */
static np_world_config poisson_world(np_group g[CLASSES], const double rate[CLASSES], uint32_t capacity,
                                     double tau)
{
    np_world_config c = plain_world(g, PER_RATE, NP_UDP);
    c.seed = oracle_own_seed();
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

/* The window t_C at which the table is just full. */
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
    for (size_t i = 0; i < ORACLE_ROWS(row); i++) {
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

/* With a timeout the window is the shorter of the two. */
static void lru_with_a_timeout(void **state)
{
    (void)state;
    static const double tau[] = {0.5, 2, 8, 40};
    for (size_t i = 0; i < ORACLE_ROWS(tau); i++) {
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

/* The other end: beats of one period in fixed order. Every one finds its mapping while N <=
   C, and none from N = C + 1 on. */
static void the_cliff(void **state)
{
    (void)state;
    for (uint32_t over = 0; over < 2; over++) {
        np_group g;
        np_world_config c = plain_world(&g, 300 + over, NP_UDP);
        c.seed = oracle_own_seed();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(che),
        cmocka_unit_test(lru_with_a_timeout),
        cmocka_unit_test(the_cliff),
        cmocka_unit_test(oracle_most_inside),
    };
    return cmocka_run_group_tests_name("occupancy", tests, NULL, NULL);
}
