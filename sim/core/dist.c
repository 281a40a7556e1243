/*
 * Distributions by inversion: x = F^-1(u), one uniform number a sample. All forms rise with u, so that
 * two distributions sampled at the same draw are as alike as they can be.
 *
 * The smallest and largest u are 2^-53 from 0 and 1: an exponential never exceeds 36.8 times its mean, a
 * Pareto of shape b never (2^53)^(1/b) times its scale.
 */
#include "natpulse/dist.h"
#include "natpulse/random.h"

#include <assert.h>
#include <math.h>

/* c[0] + c[1] x + ... + c[7] x^7 */
static double polynomial(const double c[8], double x)
{
    double sum = c[7];
    for (int i = 6; i >= 0; --i) sum = sum * x + c[i];
    return sum;
}

/* The three rational functions of AS 241, routine PPND16 (Wichura, Applied Statistics 37, 1988): the centre,
   the shoulders and the far tails, numerator and denominator. */
static const double centre[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3},
};
static const double shoulder[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
     7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
};
static const double tail[2][8] = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
     2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15},
};

double np_normal_quantile(double p)
{
    const double central = 0.425, shoulder_end = 5, shoulder_mid = 1.6; /* AS 241 */
    double q = p - 0.5;

    assert(p > 0 && p < 1);
    if (fabs(q) <= central) {
        double r = central * central - q * q;
        return q * polynomial(centre[0], r) / polynomial(centre[1], r);
    }
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double x = r <= shoulder_end
                   ? polynomial(shoulder[0], r - shoulder_mid) / polynomial(shoulder[1], r - shoulder_mid)
                   : polynomial(tail[0], r - shoulder_end) / polynomial(tail[1], r - shoulder_end);
    return q < 0 ? -x : x;
}

/* Linear between neighbours: u = i/(n-1) gives value[i]. */
static double empirical(const np_dist *d, double u)
{
    assert(d->n > 0);
    double place = u * (d->n - 1);
    uint32_t i = (uint32_t)place;
    if (i + 1 >= d->n) return d->value[d->n - 1];
    return d->value[i] + (place - i) * (d->value[i + 1] - d->value[i]);
}

static double quantile(const np_dist *d, double u)
{
    switch (d->kind) {
    case NP_DIST_CONSTANT: return d->a;
    case NP_DIST_UNIFORM: return d->a + (d->b - d->a) * u;
    case NP_DIST_EXPONENTIAL: return -d->a * log1p(-u);
    case NP_DIST_NORMAL: return d->a + d->b * np_normal_quantile(u);
    case NP_DIST_LOGNORMAL: return d->a * exp(d->b * np_normal_quantile(u));
    case NP_DIST_WEIBULL: return d->a * pow(-log1p(-u), 1 / d->b);
    case NP_DIST_PARETO: return d->a * pow(1 - u, -1 / d->b);
    case NP_DIST_EMPIRICAL: return empirical(d, u);
    }
    assert(false && "a kind of distribution that does not exist");
    return 0;
}

double np_dist_sample(const np_dist *d, uint64_t bits)
{
    double x = quantile(d, np_unit(bits));
    if (d->cap > 0 && x > d->cap) x = d->cap;
    return x > 0 ? x : 0;
}

np_time np_dist_time(const np_dist *d, uint64_t bits)
{
    double ns = np_dist_sample(d, bits);
    return ns >= (double)NP_NEVER ? NP_NEVER - 1 : (np_time)(ns + 0.5);
}

double np_dist_mean(const np_dist *d)
{
    switch (d->kind) {
    case NP_DIST_CONSTANT: return d->a > 0 ? d->a : 0;
    case NP_DIST_UNIFORM: return (d->a + d->b) / 2;
    case NP_DIST_EXPONENTIAL: return d->a;
    case NP_DIST_NORMAL: { /* of max(0, X): what lies below 0 counts as 0 */
        if (d->b <= 0) return d->a > 0 ? d->a : 0;
        double z = d->a / d->b;
        return d->a * erfc(-z * M_SQRT1_2) / 2 + d->b * exp(-z * z / 2) * M_2_SQRTPI * M_SQRT1_2 / 2;
    }
    case NP_DIST_LOGNORMAL: return d->a * exp(d->b * d->b / 2);
    case NP_DIST_WEIBULL: return d->a * tgamma(1 + 1 / d->b);
    case NP_DIST_PARETO: return d->b > 1 ? d->a * d->b / (d->b - 1) : INFINITY;
    case NP_DIST_EMPIRICAL: {
        assert(d->n > 0);
        if (d->n == 1) return d->value[0];
        double sum = (d->value[0] + d->value[d->n - 1]) / 2;
        for (uint32_t i = 1; i + 1 < d->n; ++i) sum += d->value[i];
        return sum / (d->n - 1);
    }
    }
    assert(false && "a kind of distribution that does not exist");
    return 0;
}
