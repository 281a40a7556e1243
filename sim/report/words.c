/*
 * Sentences from the plain structs of a scenario. Only what is there is said: a key at its usual value is
 * passed over where nobody would ask.
 */
#include "words.h"
#include "figures.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Grows by appending; `failed` once memory is out. */
typedef struct text {
    np_arena *arena;
    const char *so_far;
    bool failed;
} text;

static void say(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(text *t, const char *format, ...)
{
    char *more = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&more, format, args) < 0) more = NULL;
    va_end(args);
    const char *all = more ? np_arena_format(t->arena, "%s%s", t->so_far, more) : NULL;
    free(more);
    if (all)
        t->so_far = all;
    else
        t->failed = true;
}

/* ---- quantities ---- */

char *np_words_time(char *buf, size_t size, np_time time)
{
    char plain[40];
    np_time_format(plain, sizeof plain, time);
    const char *space = "";
    size_t used = 0;
    buf[0] = '\0';
    for (const char *p = plain; *p && used < size; space = " ") {
        size_t digits = strspn(p, "0123456789."), letters = strspn(p + digits, "abcdefghijklmnopqrstuvwxyz");
        if (digits + letters == 0) break;
        bool minutes = letters == 1 && p[digits] == 'm';
        used += (size_t)snprintf(buf + used, size - used, "%s%.*s %.*s", space, (int)digits, p,
                                 minutes ? 3 : (int)letters, minutes ? "min" : p + digits);
        p += digits + letters;
    }
    return buf;
}

static void say_time(text *t, np_time time)
{
    char words[NP_WORDS_TIME];
    say(t, "%s", np_words_time(words, sizeof words, time));
}

static void say_bytes(text *t, double bytes)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB"};
    int k = 0;
    for (; bytes >= 9999.5 && k < 3; k++) bytes /= 1000;
    say(t, "%.*f %s", bytes < 10 && k > 0 ? 1 : 0, bytes, unit[k]);
}

typedef enum unit { TIMES, BYTES, COUNTS } unit;

static void say_value(text *t, unit u, double v)
{
    if (u == BYTES)
        say_bytes(t, v);
    else if (u == COUNTS)
        say(t, "%.3g", v);
    else if (fmod(v, 1e6) == 0) /* somebody wrote it so */
        say_time(t, (np_time)v);
    else
        say(t, "%s", np_cell_seconds(v * 1e-9).value);
}

/* "30 s", "10 min to 1 h 10 min", "10 min on average" */
static void say_dist(text *t, unit u, const np_dist *d)
{
    switch (d->kind) {
    case NP_DIST_CONSTANT: say_value(t, u, d->a); return;
    case NP_DIST_UNIFORM:
        say_value(t, u, d->a);
        say(t, " to ");
        say_value(t, u, d->b);
        return;
    case NP_DIST_LOGNORMAL:
        say_value(t, u, d->a);
        say(t, " in the median (lognormal)");
        return;
    case NP_DIST_PARETO:
        say_value(t, u, d->a);
        say(t, " at least (Pareto)");
        return;
    default: break;
    }
    static const char *const kind[] = {[NP_DIST_EXPONENTIAL] = " on average, at random",
                                       [NP_DIST_NORMAL] = " on average (normal)",
                                       [NP_DIST_WEIBULL] = " on average (Weibull)",
                                       [NP_DIST_EMPIRICAL] = " on average, as measured"};
    say_value(t, u, np_dist_mean(d));
    say(t, "%s", kind[d->kind]);
}

static bool is_never(const np_dist *d)
{
    return d->kind == NP_DIST_CONSTANT && d->a == 0;
}

static const char *plural(double n)
{
    return n == 1 ? "" : "s";
}

/* ---- clients ---- */

static void say_work(text *t, const np_work_config *w)
{
    bool one_way = is_never(&w->response);
    say(t, "the %s %s every ", w->from_server ? "server" : "client",
        one_way ? "sends a message" : "asks for something");
    say_dist(t, TIMES, &w->gap);
    if (!w->open_loop) say(t, ", counted from the last answer");
    say(t, one_way ? ", of " : "; requests of ");
    say_dist(t, BYTES, &w->request);
    if (!one_way) {
        say(t, ", answers of ");
        say_dist(t, BYTES, &w->response);
    }
    if (w->name && *w->name) say(t, " (workload %s)", w->name);
}

static void say_churn(text *t, const np_churn *c)
{
    const struct {
        const np_dist *every, *then;
        const char *what, *after;
    } part[] = {{&c->session, &c->away, "close everything and leave after ", ", and come again after "},
                {&c->vanish, &c->back, "vanish without a word every ", ", and are back after "},
                {&c->sleep, &c->nap, "fall asleep with their network every ", ", for "},
                {&c->roam, NULL, "change their address every ", ""}};
    const char *joint = " They ";
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (is_never(part[i].every)) continue;
        say(t, "%s%s", joint, part[i].what);
        say_dist(t, TIMES, part[i].every);
        if (part[i].then && !is_never(part[i].then)) {
            say(t, "%s", part[i].after);
            say_dist(t, TIMES, part[i].then);
        }
        joint = "; they ";
    }
    if (joint[0] == ';') say(t, ".");
}

static void say_group(text *t, const np_group *g)
{
    static const char *const manner[] = {"one connection each, kept open", "a connection a request",
                                         "a pool of connections"};
    say(t, "%s: %u client%s over %s", g->name, g->count, plural(g->count),
        g->transport == NP_UDP ? "UDP" : "TCP");
    if (!g->measure) say(t, ", background that is not measured, %s", manner[g->connection]);
    say(t, "; ");
    say_work(t, &g->work);
    say(t, ".");
    if (g->measure && g->radio.name) say(t, " Each has a radio (%s) whose energy is counted.", g->radio.name);
    say_churn(t, &g->churn);
}

/* ---- the network ---- */

static void say_moments(text *t, const np_moments *m)
{
    for (uint32_t i = 0; i < m->listed; i++) {
        say(t, i == 0 ? "at " : ", ");
        say_time(t, m->at[i]);
    }
    if (is_never(&m->every)) return;
    say(t, m->listed ? " and every " : "every ");
    say_dist(t, TIMES, &m->every);
}

static bool ever(const np_moments *m)
{
    return m->listed > 0 || !is_never(&m->every);
}

static void say_box(text *t, const np_nat_config *n, const np_nat_restart *restart, bool first)
{
    say(t, "%s has room for %u mappings", first ? "The NAT" : "Behind it a second NAT", n->capacity);
    if (strcmp(n->evict, "lru") == 0)
        say(t, "; when it is full, the longest idle one goes");
    else if (strcmp(n->evict, "refuse") == 0)
        say(t, "; when it is full, new flows are refused");
    else
        say(t, "; when it is full, the policy “%s” makes room", n->evict);
    say(t, ". A mapping is forgotten when idle for ");
    say_time(t, n->timeout[NP_TIMEOUT_TCP_ESTABLISHED]);
    say(t, " (TCP) or ");
    say_time(t, n->timeout[NP_TIMEOUT_UDP_STREAM]);
    say(t, " (UDP, both ways seen)");
    if (n->refresh == NP_REFRESH_UDP_OUTBOUND)
        say(t, ", which UDP packets from outside do not put off");
    else if (n->refresh != NP_REFRESH_BOTH)
        say(t, ", and only %s packets keep it", n->refresh == NP_REFRESH_OUTBOUND ? "outbound" : "inbound");
    say(t, ".");
    if (n->tracker == NP_TRACK_LINUX) say(t, " It tracks TCP as Linux does.");
    if (!ever(&restart->when)) return;
    say(t, " It restarts ");
    say_moments(t, &restart->when);
    say(t, restart->new_address ? ", loses its table and comes back with another address."
                                : " and loses its table.");
}

static void say_loss(text *t, const np_link_config *l)
{
    if (l->loss_kind == NP_LOSS_INDEPENDENT && l->loss > 0)
        say(t, ", loses %.3g %% of packets", 100 * l->loss);
    if (l->loss_kind == NP_LOSS_GILBERT && l->loss > 0) {
        say(t, ", loses everything %.3g %% of the time, in bursts of ", 100 * l->loss);
        say_time(t, l->burst);
        say(t, " on average");
    }
    if (l->outages) {
        say(t, ", is down for ");
        say_dist(t, TIMES, &l->down);
        say(t, " after ");
        say_dist(t, TIMES, &l->up);
    }
    if (l->rate > 0) say(t, ", carries %.4g Mbit/s", l->rate / 1e6);
}

static void say_link(text *t, const char *name, const np_link_config *l)
{
    say(t, "%s takes ", name);
    say_time(t, l->delay);
    if (!is_never(&l->jitter)) {
        say(t, " and ");
        say_value(t, TIMES, np_dist_mean(&l->jitter));
        say(t, " of jitter on average");
    }
    say(t, " each way");
    say_loss(t, l);
    say(t, ".");
}

static void say_servers(text *t, const np_world_config *w)
{
    say(t, "%u server%s", w->servers, plural(w->servers));
    if (w->server_connections > 0) say(t, ", each with room for %u connections", w->server_connections);
    const struct {
        const np_downtime *when;
        const char *what;
    } part[] = {{&w->crash, "The machines crash "}, {&w->restart, "The server program restarts "}};
    say(t, ".");
    for (int i = 0; i < 2; i++) {
        if (!ever(&part[i].when->when)) continue;
        say(t, " %s", part[i].what);
        say_moments(t, &part[i].when->when);
        if (!is_never(&part[i].when->down)) {
            say(t, ", down for ");
            say_dist(t, TIMES, &part[i].when->down);
        }
        say(t, ".");
    }
}

static void say_runs(text *t, const np_scenario *s)
{
    say(t, "Every strategy runs for ");
    say_time(t, s->world.duration);
    if (s->world.warmup > 0) {
        say(t, ", the first ");
        say_time(t, s->world.warmup);
        say(t, " of which are warm-up and not counted");
    }
    say(t, ", in %u replica%s", s->replicas, plural(s->replicas));
    if (s->precision.goals > 0 && s->precision.max_replicas > s->replicas)
        say(t, " and up to %u where the wanted precision takes them", s->precision.max_replicas);
    say(t, ". In a replica all strategies meet the same losses, arrivals and messages.");
}

static void say_vary(text *t, const np_vary *v)
{
    say(t, "Varied: %s is ", v->path);
    for (uint32_t i = 0; i < v->values; i++)
        say(t, "%s%s", i == 0 ? "" : i + 1 == v->values ? " or " : ", ", v->value[i]);
    say(t, ".");
}

/* ---- strategies ---- */

static void say_keepalive(text *t, const np_strategy *s)
{
    static const char *const at[] = {"", " at the server", " at both ends"};
    say(t, "TCP keepalive%s: after ", at[s->keepalive_at]);
    say_time(t, s->keepalive.idle);
    say(t, " without a word a probe, up to %u of them ", s->keepalive.probes);
    say_time(t, s->keepalive.interval);
    say(t, " apart");
}

static void say_beat(text *t, const np_beat_config *b)
{
    static const char *const from[] = {"the client", "the server", "both ends"};
    say(t, "a heartbeat of %u B from %s", b->bytes, from[b->from]);
    if (np_beat_has_every(b->strategy)) {
        say(t, " every ");
        say_time(t, b->every);
    }
    if (strcmp(b->strategy, "fixed") != 0) say(t, " (%s)", b->strategy);
    if (np_beat_learns(b->strategy)) {
        say(t, ", which learns an interval between ");
        say_time(t, b->least);
        say(t, " and ");
        say_time(t, b->most);
    }
    if (b->timeout > 0) {
        say(t, "; %u answer%s later than ", b->misses, plural(b->misses));
        say_time(t, b->timeout);
        say(t, " end%s the connection", b->misses == 1 ? "s" : "");
    }
    if (b->server_closes_after > 0) {
        say(t, "; the server gives up after ");
        say_time(t, b->server_closes_after);
        say(t, " of silence");
    }
    if (b->client_closes_after > 0) {
        say(t, "; the client gives up after ");
        say_time(t, b->client_closes_after);
        say(t, " of silence");
    }
}

static void say_strategy(text *t, const np_strategy *s)
{
    bool beats = s->beat.strategy && strcmp(s->beat.strategy, "none") != 0;
    const char *joint = "";
    if (s->connection == NP_CONNECTION_PER_REQUEST) {
        say(t, "no connection is kept");
        if (s->poll > 0) {
            say(t, ": the client asks every ");
            say_time(t, s->poll);
        }
        joint = "; ";
    }
    if (s->connection == NP_CONNECTION_POOL) {
        say(t, "a pool of %u connection%s a client", s->pool, plural(s->pool));
        joint = "; ";
    }
    if (s->keepalive.on) {
        say(t, "%s", joint);
        say_keepalive(t, s);
        joint = "; ";
    }
    if (beats) {
        say(t, "%s", joint);
        say_beat(t, &s->beat);
        joint = "; ";
    }
    if (s->user_timeout > 0) {
        say(t, "%sTCP_USER_TIMEOUT of ", joint);
        say_time(t, s->user_timeout);
        joint = "; ";
    }
    if (s->tls) {
        say(t, "%sTLS %s", joint, s->tls == NP_TLS_1_2 ? "1.2" : "1.3");
        joint = "; ";
    }
    if (!*joint) say(t, "one connection, and nothing done to keep it");
}

/* ---- all of it ---- */

static bool keep(text *t, const char **to)
{
    *to = t->so_far;
    t->so_far = "";
    return !t->failed;
}

bool np_words_of(const np_scenario *s, np_arena *a, np_words *out)
{
    const np_world_config *w = &s->world;
    text t = {.arena = a, .so_far = ""};
    *out = (np_words){.sentences = 0};
    out->sentence = np_arena_alloc(a, (w->groups + w->nats + s->varied + 4) * sizeof *out->sentence);
    out->strategy = np_arena_alloc(a, s->strategies * sizeof *out->strategy);
    if (!out->sentence || !out->strategy) return false;
    for (uint32_t i = 0; i < w->groups; i++) {
        say_group(&t, &w->group[i]);
        if (!keep(&t, &out->sentence[out->sentences++])) return false;
    }
    for (uint32_t i = 0; i < w->nats; i++) {
        say_box(&t, &w->nat[i], &w->nat_restart[i], i == 0);
        if (!keep(&t, &out->sentence[out->sentences++])) return false;
    }
    say_link(&t, "The access link, between clients and NAT,", &w->access_up);
    say(&t, " ");
    say_link(&t, "The core link, on to the servers,", &w->core_up);
    if (!keep(&t, &out->sentence[out->sentences++])) return false;
    say_servers(&t, w);
    if (!keep(&t, &out->sentence[out->sentences++])) return false;
    say_runs(&t, s);
    if (!keep(&t, &out->sentence[out->sentences++])) return false;
    for (uint32_t i = 0; i < s->varied; i++) {
        say_vary(&t, &s->vary[i]);
        if (!keep(&t, &out->sentence[out->sentences++])) return false;
    }
    for (uint32_t i = 0; i < s->strategies; i++) {
        say_strategy(&t, &s->strategy[i]);
        if (!keep(&t, &out->strategy[i])) return false;
    }
    return true;
}

np_scenario *np_words_scenario(const char *yaml)
{
    const char *directory = getenv("TMPDIR");
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/natpulse-scenario-XXXXXX",
                     directory && *directory ? directory : "/tmp");
    int fd = n < (int)sizeof path ? mkstemp(path) : -1;
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd >= 0 && !f) close(fd);
    if (fd < 0) return NULL;
    bool ok = f && fputs(yaml, f) >= 0;
    if (f) ok = fclose(f) == 0 && ok;
    np_findings findings = {0};
    np_error e;
    np_scenario *s = ok ? np_scenario_load(path, NULL, 0, &findings, &e) : NULL;
    np_findings_clear(&findings);
    unlink(path);
    return s;
}
