/*
 * CSV, tidy: a row for each point, strategy, replica and key (RFC 4180, but for line ends, which are plain
 * newlines).
 *
 *     # natpulse 0.1.0
 *     # scenario push, digest 0123456789abcdef, seed 1, replicas 2, duration 6h
 *     point,nat.capacity,strategy,replica,key,value
 *     0,512,nothing,0,reachable_fraction,0.912
 *     0,512,nothing,0,client_detect_s.p50,
 *     # warning few-replicas: 2 replicas; ...
 *
 * A column for each varied path. A null is an empty value. Lines that begin with # are comments: most readers
 * take a word for it (comment="#").
 */
#include "writers.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

void np_put_field(const char *s, FILE *out)
{
    if (!strpbrk(s, ",\"\n\r") && *s != '#') {
        fputs(s, out);
        return;
    }
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"') fputc('"', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

void np_put_comment(const char *s, FILE *out)
{
    for (; *s; s++) fputc((unsigned char)*s < ' ' ? ' ' : *s, out);
}

typedef struct row {
    const np_study *study;
    uint32_t point, strategy, replica;
    FILE *out;
} row;

static void put(const row *r, const char *key, const char *suffix, double value)
{
    const np_point *p = &r->study->point[r->point];
    fprintf(r->out, "%u,", r->point);
    for (uint32_t v = 0; v < r->study->scenario->varied; v++) {
        np_put_field(p->vary[v].value, r->out);
        fputc(',', r->out);
    }
    np_put_field(p->column[r->strategy].strategy, r->out);
    fprintf(r->out, ",%u,%s%s,", r->replica, key, suffix);
    if (isfinite(value)) fprintf(r->out, "%.15g", value);
    fputc('\n', r->out);
}

static void put_spread(const row *r, const char *key, const np_quantile *q)
{
    put(r, key, ".p50", q ? np_quantile_at(q, 0.50) : NAN);
    put(r, key, ".p95", q ? np_quantile_at(q, 0.95) : NAN);
    put(r, key, ".p99", q ? np_quantile_at(q, 0.99) : NAN);
    put(r, key, ".max", q ? np_quantile_max(q) : NAN);
    put(r, key, ".censored", q ? (double)np_quantile_censored(q) : NAN);
}

bool np_write_csv(const np_study *s, FILE *out)
{
    char duration[40];
    fprintf(out, "# natpulse %s\n# scenario ", s->version);
    np_put_comment(s->scenario->name, out);
    fprintf(out, ", digest %s, seed %" PRIu64 ", replicas %u, duration %s\n", s->scenario->digest,
            s->scenario->world.seed, s->replicas,
            np_time_format(duration, sizeof duration, s->scenario->world.duration));
    fputs("point,", out);
    for (uint32_t v = 0; v < s->scenario->varied; v++) {
        np_put_field(s->scenario->vary[v].path, out);
        fputc(',', out);
    }
    fputs("strategy,replica,key,value\n", out);
    row r = {.study = s, .out = out};
    for (r.point = 0; r.point < s->points; r.point++) {
        for (r.strategy = 0; r.strategy < s->scenario->strategies; r.strategy++) {
            uint32_t replicas = s->point[r.point].column[r.strategy].replicas;
            for (r.replica = 0; r.replica < replicas; r.replica++) {
                const np_result *one = s->point[r.point].column[r.strategy].replica[r.replica];
                for (int m = 0; m < NP_METRIC_COUNT; m++)
                    put(&r, np_metric_about((np_metric)m)->key, "", one->value[m]);
                for (int d = 0; d < NP_SPREAD_COUNT; d++)
                    put_spread(&r, np_spread_about((np_spread)d)->key, one->spread[d]);
            }
        }
    }
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t g = 0; g < s->scenario->precision.goals; g++) {
            char text[240];
            fprintf(out, "# precision at point %u: ", p);
            np_put_comment(np_reach_text(text, sizeof text, s, p, g), out);
            fputc('\n', out);
        }
    }
    for (uint32_t i = 0; i < s->scenario->expectations; i++) {
        fputs("# expect: ", out);
        np_put_comment(s->judgement[i].text, out);
        fputc('\n', out);
    }
    for (uint32_t w = 0; w < s->warnings; w++) {
        fprintf(out, "# warning %s: ", np_warning_name(s->warned[w].which));
        np_put_comment(s->warned[w].text, out);
        fputc('\n', out);
    }
    return true;
}
