/*
 * A sample of one quantity, and the distribution that it may come from.
 *
 * Every family is the same few functions of its two parameters: log density, survival, a first guess. Where
 * everything shows, maximum likelihood has a closed form for all but Weibull; with censored values, or those
 * below a threshold missing, the likelihood
 *
 *     sum log f(x) + sum log S(c) - (n + m) log S(above)
 *
 * is climbed by the simplex of Nelder and Mead (1965) in the logarithms of the parameters, from the first
 * guess.
 *
 * The test compares the Kaplan-Meier curve of the sample (the usual step curve, when nothing is censored)
 * with the distribution, given that values are above the threshold. A whole number x stands for [x - 1/2, x +
 * 1/2).
 *
 * Cost: sorting, and about 100 likelihoods of at most LIKELIHOOD_MOST values.
 */
#include "natpulse/arena.h"
#include "natpulse/fit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define TEST_MOST       2000  /* values that the test looks at */
#define LIKELIHOOD_MOST 20000 /* values that parameters are fitted to: their error is below 1 % */
#define TEST_LEAST      8     /* with fewer nearly everything would be accepted */
#define CONSTANT_SPREAD                                                                                      \
    0.01 /* a quantity is constant when the middle of it lies within this share of its median */
#define SHOWN_LEAST    0.5  /* share of a distribution that lies above the threshold */
#define AT_RISK_LEAST  0.05 /* share of a sample with censored values that the test still looks at */
#define CONSTANT_TAILS 10   /* its middle is without a tenth at either end, which losses may have delayed */

/* Tails that are heavy: a Pareto without variance; of the others, those whose standard deviation is more than
   five times the mean. */
#define HEAVY_PARETO    2
#define HEAVY_LOGNORMAL 1.81
#define HEAVY_WEIBULL   0.31

typedef struct pair {
    double a, b;
} pair;

/* A sample in the form in which the families want it. */
typedef struct view {
    const double *x, *c;
    double *log_x, *log_c;
    uint32_t n, m;
    double above, step;
} view;

static double normal_survival(double z)
{
    return erfc(z * M_SQRT1_2) / 2;
}

/* ---- the families ---- */

static double survival(np_dist_kind kind, pair p, double x)
{
    switch (kind) {
    case NP_DIST_UNIFORM: return x <= p.a ? 1 : x >= p.b ? 0 : (p.b - x) / (p.b - p.a);
    case NP_DIST_EXPONENTIAL: return x <= 0 ? 1 : exp(-x / p.a);
    case NP_DIST_LOGNORMAL: return x <= 0 ? 1 : normal_survival(log(x / p.a) / p.b);
    case NP_DIST_WEIBULL: return x <= 0 ? 1 : exp(-pow(x / p.a, p.b));
    case NP_DIST_PARETO: return x <= p.a ? 1 : pow(x / p.a, -p.b);
    default: assert(false && "not a family that is fitted"); return 0;
    }
}

/* Logarithms of density and survival at x, whose logarithm is l. */
static double log_density(np_dist_kind kind, pair p, double x, double l)
{
    switch (kind) {
    case NP_DIST_UNIFORM: return -log(p.b - p.a);
    case NP_DIST_EXPONENTIAL: return -log(p.a) - x / p.a;
    case NP_DIST_LOGNORMAL: {
        double z = (l - log(p.a)) / p.b;
        return -l - log(p.b) - 0.5 * log(2 * M_PI) - z * z / 2;
    }
    case NP_DIST_WEIBULL: {
        double k = p.b * (l - log(p.a));
        return log(p.b) - l + k - exp(k);
    }
    default: return log(p.b) + p.b * log(p.a) - (p.b + 1) * l; /* Pareto */
    }
}

static double log_survival(np_dist_kind kind, pair p, double x, double l)
{
    switch (kind) {
    case NP_DIST_EXPONENTIAL: return -x / p.a;
    case NP_DIST_WEIBULL: return -exp(p.b * (l - log(p.a)));
    default: {
        double s = survival(kind, p, x);
        return s > 0 ? log(s) : -1e6; /* finite, so that the simplex finds its way back */
    }
    }
}

static double log_likelihood(np_dist_kind kind, pair p, const view *v)
{
    double sum = 0;
    for (uint32_t i = 0; i < v->n; i++) sum += log_density(kind, p, v->x[i], v->log_x[i]);
    for (uint32_t i = 0; i < v->m; i++) sum += log_survival(kind, p, v->c[i], v->log_c[i]);
    if (v->above > 0) sum -= (v->n + v->m) * log_survival(kind, p, v->above, log(v->above));
    return isfinite(sum) ? sum : -INFINITY;
}

static int parameters(np_dist_kind kind)
{
    return kind == NP_DIST_EXPONENTIAL ? 1 : 2;
}

/* ---- maximum likelihood ---- */

#define SIMPLEX_STEPS 120
#define SIMPLEX_SMALL 1e-5 /* of the logarithms of the parameters */

typedef struct corner {
    pair at; /* logarithms */
    double height;
} corner;

static corner corner_at(np_dist_kind kind, const view *v, double a, double b)
{
    pair p = {exp(a), exp(b)};
    return (corner){{a, b}, log_likelihood(kind, p, v)};
}

static void sort_corners(corner c[3])
{
    for (int i = 1; i < 3; i++)
        for (int j = i; j > 0 && c[j].height > c[j - 1].height; j--) {
            corner t = c[j];
            c[j] = c[j - 1];
            c[j - 1] = t;
        }
}

static pair climb(np_dist_kind kind, const view *v, pair from)
{
    double a = log(from.a), b = log(from.b);
    corner c[3] = {corner_at(kind, v, a, b), corner_at(kind, v, a + 0.2, b), corner_at(kind, v, a, b + 0.2)};
    for (int i = 0; i < SIMPLEX_STEPS; i++) {
        sort_corners(c);
        if (fabs(c[0].at.a - c[2].at.a) + fabs(c[0].at.b - c[2].at.b) < SIMPLEX_SMALL) break;
        double ma = (c[0].at.a + c[1].at.a) / 2, mb = (c[0].at.b + c[1].at.b) / 2;
        double da = ma - c[2].at.a, db = mb - c[2].at.b;
        corner across = corner_at(kind, v, ma + da, mb + db);
        if (across.height > c[0].height) {
            corner further = corner_at(kind, v, ma + 2 * da, mb + 2 * db);
            c[2] = further.height > across.height ? further : across;
        } else if (across.height > c[1].height) {
            c[2] = across;
        } else {
            corner nearer = across.height > c[2].height ? corner_at(kind, v, ma + da / 2, mb + db / 2)
                                                        : corner_at(kind, v, ma - da / 2, mb - db / 2);
            if (nearer.height > c[2].height) {
                c[2] = nearer;
            } else {
                for (int k = 1; k < 3; k++)
                    c[k] = corner_at(kind, v, (c[0].at.a + c[k].at.a) / 2, (c[0].at.b + c[k].at.b) / 2);
            }
        }
    }
    sort_corners(c);
    return (pair){exp(c[0].at.a), exp(c[0].at.b)};
}

static pair fit_uniform(const view *v)
{
    /* The ends that make both unbiased, one spacing beyond the outermost values. */
    double low = v->x[0], high = v->x[v->n - 1], beyond = (high - low) / (v->n > 1 ? v->n - 1 : 1);
    low = low - beyond > v->above ? low - beyond : v->above;
    high += beyond;
    if (v->m && v->c[v->m - 1] > high) high = v->c[v->m - 1];
    return (pair){low, high};
}

static pair fit_exponential(const view *v)
{
    double sum = 0;
    for (uint32_t i = 0; i < v->n; i++) sum += v->x[i] - v->above;
    for (uint32_t i = 0; i < v->m; i++) sum += v->c[i] - v->above;
    return (pair){sum / v->n, 0};
}

static pair fit_pareto(const view *v)
{
    double sum = 0;
    for (uint32_t i = 0; i < v->n; i++) sum += v->log_x[i] - v->log_x[0];
    for (uint32_t i = 0; i < v->m; i++)
        if (v->c[i] > v->x[0]) sum += v->log_c[i] - v->log_x[0];
    return (pair){v->x[0], v->n / sum};
}

static pair moments_of_logs(const view *v)
{
    double mean = 0, square = 0;
    for (uint32_t i = 0; i < v->n; i++) mean += v->log_x[i];
    mean /= v->n;
    for (uint32_t i = 0; i < v->n; i++) square += (v->log_x[i] - mean) * (v->log_x[i] - mean);
    return (pair){mean, sqrt(square / v->n)};
}

static pair fit(np_dist_kind kind, const view *v)
{
    pair logs = moments_of_logs(v);
    switch (kind) {
    case NP_DIST_UNIFORM: return fit_uniform(v);
    case NP_DIST_EXPONENTIAL: return fit_exponential(v);
    case NP_DIST_PARETO: return fit_pareto(v);
    case NP_DIST_LOGNORMAL: {
        pair p = {exp(logs.a), logs.b};
        return v->m || v->above > 0 ? climb(kind, v, p) : p;
    }
    default: { /* Weibull: a logarithm of it has the standard deviation pi / (sqrt(6) shape), and Euler's mean
                */
        double shape = M_PI / (sqrt(6) * logs.b);
        return climb(kind, v, (pair){exp(logs.a + 0.5772156649 / shape), shape});
    }
    }
}

/* ---- the test ---- */

/* The distance that 1 % of samples from the family exceed when its parameters are fitted to them. */
static double limit(np_dist_kind kind, double n)
{
    double root = sqrt(n);
    switch (kind) {
    case NP_DIST_EXPONENTIAL: return 1.308 / (root + 0.26 + 0.5 / root) + 0.2 / n;
    case NP_DIST_PARETO: /* an exponential of the logarithms; the least value is used up */
        root = sqrt(n - 1);
        return 1.308 / (root + 0.26 + 0.5 / root) + 0.2 / (n - 1);
    case NP_DIST_LOGNORMAL: return 1.035 / (root - 0.01 + 0.85 / root);
    case NP_DIST_WEIBULL: return 1.007 / root;
    default: /* uniform: the usual limits for what lies between the outermost */
        root = sqrt(n - 2);
        return 1.628 / (root + 0.12 + 0.11 / root);
    }
}

/* Largest distance between the Kaplan-Meier curve and the family, above the threshold. Where nearly all that
   is left is censored, the curve falls to nothing with the last value: that says nothing about the family. */
static double distance(np_dist_kind kind, pair p, const view *v)
{
    double all = v->above > 0 ? survival(kind, p, v->above) : 1, alive = 1, most = 0;
    if (!(all > 0)) return 1;
    for (uint32_t i = 0, j = 0; i < v->n;) {
        double x = v->x[i];
        uint32_t same = 0;
        while (j < v->m && v->c[j] < x) j++;
        while (i + same < v->n && v->x[i + same] == x) same++;
        uint32_t at_risk = v->n - i + v->m - j;
        if (v->m > 0 && at_risk < AT_RISK_LEAST * (v->n + v->m)) break;
        double before = fabs(alive - survival(kind, p, x - v->step / 2) / all);
        alive *= 1 - (double)same / at_risk;
        double after = fabs(alive - survival(kind, p, x + v->step / 2) / all);
        if (before > most) most = before;
        if (after > most) most = after;
        i += same;
    }
    return most;
}

/* ---- views of a sample ---- */

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* About `most` of n sorted values: the middles of as many equal parts. */
static uint32_t thin(const double *from, uint32_t n, uint32_t most, double *to)
{
    uint32_t k = n < most ? n : most;
    for (uint32_t i = 0; i < k; i++) to[i] = from[(2 * (uint64_t)i + 1) * n / (2 * (uint64_t)k)];
    return k;
}

typedef struct memory {
    double *x, *c, *log_x, *log_c;
} memory;

static void view_of(const np_fit_sample *s, uint32_t most, const memory *to, view *v)
{
    double all = (double)s->n + s->m, share = all > most ? most / all : 1;
    *v = (view){
        .x = to->x, .c = to->c, .log_x = to->log_x, .log_c = to->log_c, .above = s->above, .step = s->step};
    v->n = thin(s->value, s->n, (uint32_t)ceil(s->n * share), to->x);
    v->m = thin(s->censored, s->m, (uint32_t)ceil(s->m * share), to->c);
    for (uint32_t i = 0; i < v->n; i++) to->log_x[i] = log(to->x[i]);
    for (uint32_t i = 0; i < v->m; i++) to->log_c[i] = log(to->c[i]);
}

/* What stands for 0 where logarithms are taken. */
static double least_of(const np_fit_sample *s)
{
    return s->step > 0 ? s->step / 2 : 1;
}

/* Sorts and cleans: what says nothing goes, and what is 0 becomes something that has a logarithm. */
static void prepare(np_fit_sample *s)
{
    double least = least_of(s);
    uint32_t m = 0;
    for (uint32_t i = 0; i < s->m; i++)
        if (s->censored[i] > s->above && s->censored[i] > 0) s->censored[m++] = s->censored[i];
    s->m = m;
    for (uint32_t i = 0; i < s->n; i++)
        if (!(s->value[i] >= least)) s->value[i] = least;
    if (s->n > 1) qsort(s->value, s->n, sizeof *s->value, by_value); /* an empty array may be NULL */
    if (s->m > 1) qsort(s->censored, s->m, sizeof *s->censored, by_value);
}

/* ---- the answer ---- */

static bool is_constant(const np_fit_sample *s, double *value)
{
    double median = s->value[s->n / 2];
    uint32_t tail = s->n / CONSTANT_TAILS;
    double spread = s->value[s->n - 1 - tail] - s->value[tail];
    double same = fmax(CONSTANT_SPREAD * median, s->noise);
    *value = median <= s->noise || (s->step > 0 && median < s->step) ? 0 : median;
    return spread <= same;
}

static bool empirical(const np_fit_sample *s, np_arena *arena, np_dist *out)
{
    uint32_t k = s->n < NP_FIT_QUANTILES ? s->n : NP_FIT_QUANTILES;
    double *value = np_arena_alloc(arena, k * sizeof *value);
    if (!value) return false;
    for (uint32_t i = 0; i < k; i++) { /* both ends among them */
        value[i] = s->value[k > 1 ? (uint64_t)i * (s->n - 1) / (k - 1) : 0];
        if (value[i] <= least_of(s)) value[i] = 0;
    }
    *out = (np_dist){.kind = NP_DIST_EMPIRICAL, .value = value, .n = k};
    return true;
}

/* What a family can be believed: not a scale below all that could be told apart, nor one of which most does
   not show, since that would be made of nothing. */
static bool makes_sense(np_dist_kind kind, pair p, const np_fit_sample *s)
{
    if (!(p.a >= 0) || !isfinite(p.a) || !isfinite(p.b)) return false;
    if (kind != NP_DIST_UNIFORM && p.a < least_of(s)) return false;
    return s->above <= 0 || survival(kind, p, s->above) >= SHOWN_LEAST;
}

/* The accepted family with the best likelihood, in a sample that has room in `to`. NP_DIST_EMPIRICAL: none.
 */
static np_dist_kind choose(const np_fit_sample *s, const memory *to, double *share)
{
    static const np_dist_kind family[] = {NP_DIST_EXPONENTIAL, NP_DIST_UNIFORM, NP_DIST_LOGNORMAL,
                                          NP_DIST_WEIBULL, NP_DIST_PARETO};
    np_dist_kind best = NP_DIST_EMPIRICAL;
    double highest = -INFINITY, likeliest = -INFINITY;
    view v;
    view_of(s, TEST_MOST, to, &v);
    for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
        pair p = fit(family[i], &v);
        if (!makes_sense(family[i], p, s)) continue;
        double height = log_likelihood(family[i], p, &v) - 0.5 * parameters(family[i]) * log(v.n); /* BIC */
        double ratio = distance(family[i], p, &v) / limit(family[i], v.n);
        if (height > likeliest && best == NP_DIST_EMPIRICAL) {
            likeliest = height;
            *share = ratio;
        }
        if (ratio > 1 || height <= highest) continue;
        highest = height;
        best = family[i];
        *share = ratio;
    }
    return best;
}

/* A tail so heavy that a single draw may be larger than all others together ends at the largest that was
   seen, since nothing tells that it goes on. 0: an ordinary tail. */
static double cap_of(np_dist_kind kind, pair p, const np_fit_sample *s)
{
    bool heavy = (kind == NP_DIST_PARETO && p.b < HEAVY_PARETO) ||
                 (kind == NP_DIST_LOGNORMAL && p.b > HEAVY_LOGNORMAL) ||
                 (kind == NP_DIST_WEIBULL && p.b < HEAVY_WEIBULL);
    if (!heavy) return 0;
    return s->m ? fmax(s->value[s->n - 1], s->censored[s->m - 1]) : s->value[s->n - 1];
}

bool np_fit_quantity_of(np_fit_sample *s, np_arena *arena, np_fit_quantity *out)
{
    prepare(s);
    *out = (np_fit_quantity){.dist = np_dist_constant(0), .values = s->n, .censored = s->m, .distance = NAN};
    if (s->n == 0) return true;
    double constant;
    if (is_constant(s, &constant)) {
        out->dist = np_dist_constant(constant);
        return true;
    }
    if (s->n < TEST_LEAST) return empirical(s, arena, &out->dist);

    uint32_t most = LIKELIHOOD_MOST + 2; /* each of the two shares is rounded up */
    double *room = malloc(4 * (size_t)most * sizeof *room);
    if (!room) return false;
    memory to = {room, room + most, room + 2 * most, room + 3 * most};
    np_dist_kind best = choose(s, &to, &out->distance);
    if (best != NP_DIST_EMPIRICAL) {
        view v;
        view_of(s, LIKELIHOOD_MOST, &to, &v);
        pair p = fit(best, &v);
        out->dist = (np_dist){.kind = best, .a = p.a, .b = p.b, .cap = cap_of(best, p, s)};
    }
    free(room);
    return best != NP_DIST_EMPIRICAL || empirical(s, arena, &out->dist);
}
