/*
 * Student's t: how many standard errors a 95 % interval reaches to either side.
 *
 * For whole degrees of freedom the probability of |T| < t is a finite sum of powers of cos(theta) with
 * theta = atan(t / sqrt(df)) (Abramowitz and Stegun 26.7.3, 26.7.4): exact to rounding, no iteration that
 * might not converge. Bisection on theta inverts it. The sum has df / 2 terms, so large df use the expansion
 * around the normal quantile (26.7.5), which at df = 200 is off by less than 1e-10.
 */
#include "natpulse/study.h"
#include <assert.h>
#include <math.h>

#define EXPANSION_FROM 200
#define NORMAL_975     1.959963984540054 /* the normal quantile at 0.975 */

/* P(|T| < sqrt(df) * tan(theta)). */
static double inside(uint32_t df, double theta)
{
    double c = cos(theta), term = df % 2 ? c : 1, sum = 0;
    for (uint32_t k = df % 2 ? 3 : 2; k <= df; k += 2) {
        sum += term;
        term *= c * c * (k - 1) / k;
    }
    return df % 2 ? M_2_PI * (theta + sin(theta) * sum) : sin(theta) * sum;
}

static double expanded(double df)
{
    const double x = NORMAL_975, x2 = x * x;
    double g1 = x * (x2 + 1) / 4;
    double g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
    double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
    double g4 = x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
    return x + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df;
}

double np_student_95(uint32_t df)
{
    assert(df >= 1);
    if (df >= EXPANSION_FROM) return expanded(df);
    double low = 0, high = M_PI_2;
    for (int i = 0; i < 60; i++) { /* past the last bit of a double */
        double middle = low + (high - low) / 2;
        if (inside(df, middle) < 0.95) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return sqrt(df) * tan(low + (high - low) / 2);
}
