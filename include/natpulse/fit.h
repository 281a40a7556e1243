/*
 * Fitting: from a capture to what a scenario says: who, how often, how much, and with what upkeep.
 *
 * Flows are sorted into groups by transport, by how connections are used, and by who opens the exchanges. Of
 * each group: the clients, and the distributions of the workload `exchange` (natpulse/work.h). A quantity
 * gets a named distribution where a test of fit accepts one, and its own values otherwise.
 */
#ifndef NATPULSE_FIT_H
#define NATPULSE_FIT_H

#include "natpulse/arena.h"
#include "natpulse/dist.h"
#include "natpulse/replay.h"
#include "natpulse/world.h"

/* ---- one quantity ---- */

/* What was observed of it. The arrays are sorted in place. */
typedef struct np_fit_sample {
    double *value; /* at least 0 */
    uint32_t n;
    double *censored; /* it was larger than these when the observation ended */
    uint32_t m;
    double above; /* values up to this one do not show; 0: all do */
    double step;  /* values are whole multiples of it; 0: they are real */
    double noise; /* values closer than this are the same for all anybody can tell */
} np_fit_sample;

/* Values kept of a quantity without a name: its quantiles, evenly spaced. */
#define NP_FIT_QUANTILES 1000

typedef struct np_fit_quantity {
    np_dist dist;              /* NP_DIST_EMPIRICAL where no name fits; a constant 0 where nothing was seen */
    uint32_t values, censored; /* observed */
    /* The Kolmogorov-Smirnov distance of the distribution that was taken, or of the likeliest when all were
       refused, as a share of the distance at which it is refused. NaN: not tested. */
    double distance;
} np_fit_quantity;

/*
 * Fits constant, uniform, exponential, lognormal, Weibull and Pareto by maximum likelihood, with regard to
 * what was censored or does not show. Of those that the Kolmogorov-Smirnov test accepts at 1 %, the one with
 * the best likelihood less a charge for its parameters (BIC) is taken.
 *
 * The limits of the test are those for parameters fitted to the same sample, which are stricter than the
 * usual: Stephens 1974 (exponential, normal), Chandra, Singpurwalla and Stephens 1981 (Weibull); with
 * censored values, where the Kaplan-Meier curve is compared, they are approximate. Of more than 2000 values
 * the test takes 2000 quantiles: it asks whether the shape is right within two or three percent, not whether
 * a million packets are ideal.
 *
 * A tail so heavy that nothing could be said of its mean is capped at the largest value seen.
 *
 * Fewer than 8 values are not tested. The values of an empirical result live in `arena`. False: memory is
 * out.
 */
bool np_fit_quantity_of(np_fit_sample *s, np_arena *arena, np_fit_quantity *out);

/* ---- a capture ---- */

typedef struct np_fit_keepalive {
    uint32_t flows; /* that show probes */
    uint64_t probes;
    bool from_client, from_server;
    np_time idle;
    np_time interval; /* 0: no probe was left unanswered, so that it did not show */
    uint32_t count;   /* unanswered probes before a connection was reset; 0: that was not seen */
} np_fit_keepalive;

typedef struct np_fit_beat {
    uint32_t flows; /* that show beats */
    uint64_t beats;
    np_beat_from from;
    np_time every;
    uint32_t bytes, answer_bytes; /* answer 0: none */
} np_fit_beat;

typedef struct np_fit_group {
    uint8_t transport;
    np_connection connection;
    bool from_server, open_loop; /* as np_work_config has them */
    uint32_t clients, flows;
    uint32_t pool; /* connections a client holds at once: the median */
    uint64_t rounds, exchanges;
    uint64_t passed_over;                                            /* messages that the other side opened */
    np_fit_quantity arrival, gap, count, request, response, service; /* ns, bytes, counts */
    np_fit_keepalive keepalive;                                      /* flows 0: none */
    np_fit_beat beat;                                                /* flows 0: none */
} np_fit_group;

#define NP_FIT_GROUPS 6 /* {TCP, UDP} x {per-request, persistent opened by client, by server} */

typedef struct np_fit {
    np_time first, last;
    uint64_t packets, used, elsewhere, retransmitted; /* used: TCP and UDP between inside and outside */
    uint32_t clients, servers;
    uint32_t connections; /* TCP and UDP, all told */
    uint32_t failed;      /* of TCP, those that were never answered */
    np_time access, core; /* one-way delays, from handshakes: half of the median round trip; 0: unknown */
    np_fit_group group[NP_FIT_GROUPS];
    uint32_t groups;
    bool stopped;
} np_fit;

typedef struct np_fit_config {
    const np_cidr *inside; /* as np_replay_config */
    uint32_t insides;
    np_reading *reading; /* NULL: not wanted */
    void *reading_ctx;
} np_fit_config;

/* Reads the capture to its end, or until *stop (NULL: never) is not 0. False and *e on trouble; no flow at
   all is none. */
bool np_fit_capture(np_capture *c, const np_fit_config *config, const volatile int *stop, np_arena *arena,
                    np_fit *out, np_error *e);

#endif
