/*
 * Scripts done to a box.
 *
 *     step -> its two ends -> packet with numbers -> box -> fate -> as wanted? -> tally, told when the line
 * is over
 *
 * A box gets its packets at once, whatever its cpu: how long they would have waited is not asked here.
 *
 * For belady, which must know what comes, the packets are gone through once beforehand without a box.
 */
#include "script_run.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LAST_TIME (73000 * NP_DAY)

/* ---- packets ---- */

/* What the ends learn of it. */
static void learn(script_run *r, const script_step *s, const script_fate *f, script_flow *pair,
                  script_flow *alone)
{
    if (!s->outbound || s->error || f->verdict != SCRIPT_FORWARD) return;
    if (s->outside.external && !np_box_is_public(r->box, &f->came.src, 4)) return; /* badly hairpinned */
    pair->external = alone->external = f->came.src;
    pair->external_port = alone->external_port = r->last_port = f->came.sport;
    pair->given = alone->given = true;
    if (s->want.as != SCRIPT_NO_NAME)
        r->name[s->want.as] = (script_external){f->came.src, f->came.sport, true};
}

/* ---- steps ---- */

static void emit(void *ctx, bool to_inside, const np_packet *p, np_time when)
{
    (void)to_inside, (void)when;
    script_run *r = ctx;
    r->emitted++;
    r->challenged |= p->flags == NP_ACK;
}

static void count(script_run *r, uint32_t step, bool met, const char *did)
{
    script_tally *t = &r->tally[step];
    t->of++;
    t->met += met;
    t->at = r->now - r->flow_began;
    if (t->kept) return;
    snprintf(t->did, sizeof t->did, "%s", did);
    t->kept = !met;
}

static bool do_packet(script_run *r, uint32_t step, np_error *e)
{
    const script_step *s = &r->script->step[step];
    if (r->packets++ == NP_SCRIPT_PACKETS)
        return np_fail(e, NP_TROUBLE_USAGE, "line %d: the script takes more than %u packets", s->line,
                       NP_SCRIPT_PACKETS);
    if (r->config.foresight != NULL && s->outside.external)
        return np_fail(e, NP_TROUBLE_USAGE, "line %d: belady cannot know beforehand where @ will be",
                       s->line);
    np_tuple flow = script_flow_of(r, s, s->error ? s->about : s->packet.proto);
    np_tuple lone = flow;
    lone.remote = (np_addr){.half = {0, 0}};
    lone.remote_port = 0;
    uint32_t alone = script_flows_get(&r->flows, &lone), pair = script_flows_get(&r->flows, &flow);
    if (alone == UINT32_MAX || pair == UINT32_MAX) return np_fail_memory(e, "a script's flows");
    alone = script_flows_get(&r->flows, &lone);
    script_flow *both = &r->flows.flow[pair];
    if (r->box == NULL) {
        r->after[r->packets - 1] = both->number; /* see foresee */
        r->when[r->packets - 1] = r->now;
        return true;
    }
    if (r->foresight != NULL && !s->error) r->foresight[both->number] = r->after[r->packets - 1];
    script_external external = script_external_of(r, &lone, &flow);
    script_fate f;
    script_send(r, s, &flow, &external, both, &f);
    bool met = !s->want.said || script_as_wanted(r, s, &f);
    learn(r, s, &f, both, &r->flows.flow[alone]);
    char did[DID_TEXT];
    script_tell_fate(s, &f, did);
    count(r, step, met, did);
    return true;
}

static bool holds(const script_run *r, const script_relation *x)
{
    const script_external *a = &r->name[x->left], *b = &r->name[x->right];
    bool address = np_addr_equal(&a->address, &b->address), port = a->port == b->port;
    bool same = x->part == SCRIPT_ADDRESS ? address : x->part == SCRIPT_PORT ? port : address && port;
    return a->known && b->known && same == x->equal;
}

static void do_check(script_run *r, uint32_t step)
{
    const script_step *s = &r->script->step[step];
    char did[DID_TEXT], *at = did, *end = did + sizeof did;
    uint8_t named[4] = {s->relation[0].left, s->relation[0].right, s->relation[1].left, s->relation[1].right};
    for (int i = 0; i < (s->like ? 4 : 2) && at < end; i++) {
        const script_external *x = &r->name[named[i]];
        char text[64] = "nothing";
        if (x->known) script_tell_end(&x->address, x->port, text, sizeof text);
        at += snprintf(at, (size_t)(end - at), "%s%s %s", i ? ", " : "", r->script->name[named[i]], text);
    }
    bool met = holds(r, &s->relation[0]);
    if (s->like) met = met == holds(r, &s->relation[1]);
    count(r, step, met, did);
}

static void do_quiet(script_run *r, uint32_t step)
{
    np_box_expire(r->box, r->now);
    char did[DID_TEXT];
    snprintf(did, sizeof did, "sent %u packets of its own", r->emitted);
    count(r, step, r->emitted == 0, did);
}

static bool pass_time(script_run *r, const script_step *s, np_time by, np_error *e)
{
    if (by > LAST_TIME - r->now)
        return np_fail(e, NP_TROUBLE_USAGE, "line %d: the script lasts more than two hundred years", s->line);
    r->now += by;
    return true;
}

static bool do_step(script_run *r, uint32_t step, np_error *e)
{
    const script_step *s = &r->script->step[step];
    if (s->kind == SCRIPT_FLOW) {
        r->flow_began = r->now;
        r->client_port = (uint16_t)(SCRIPT_CLIENT_PORT + ++r->flow_number % 20000);
        return true;
    }
    if (s->kind == SCRIPT_PACKET || s->kind == SCRIPT_QUIET) {
        if (!pass_time(r, s, s->relative ? s->at : r->flow_began + s->at - r->now, e)) return false;
        if (s->kind == SCRIPT_PACKET && !do_packet(r, step, e)) return false;
        if (s->kind == SCRIPT_QUIET && r->box != NULL) do_quiet(r, step);
        r->emitted = 0;
        r->challenged = false;
    } else if (s->kind == SCRIPT_CHECK && r->box != NULL) {
        do_check(r, step);
    }
    return true;
}

/* ---- the script ---- */

typedef struct listener {
    void (*each)(void *ctx, const np_script_done *d);
    void *ctx;
    np_script_outcome *out;
    bool over; /* not applicable: the rest is not asked */
} listener;

/* A line without the spaces that make it stand under others. */
static void squeeze(const char *line, char *buf, size_t size)
{
    size_t n = 0;
    for (; *line && n + 1 < size; line++)
        if (*line != ' ' || (n > 0 && buf[n - 1] != ' ')) buf[n++] = *line;
    buf[n] = '\0';
}

/* A line is over. */
static void tell(script_run *r, listener *l, uint32_t step, bool repeated)
{
    const script_step *s = &r->script->step[step];
    const script_tally *t = &r->tally[step];
    if (s->kind == SCRIPT_FLOW || s->kind == SCRIPT_REPEAT || s->kind == SCRIPT_END) return;
    bool asked = s->kind != SCRIPT_PACKET || s->want.said;
    bool met = s->want.times ? t->met >= s->want.least && t->met <= s->want.most : t->met == t->of;
    char did[DID_TEXT + 80];
    if (repeated && asked)
        snprintf(did, sizeof did, "%u times of %u%s%s", t->met, t->of, t->met < t->of ? "; else " : "",
                 t->met < t->of ? t->did : "");
    else
        snprintf(did, sizeof did, "%s", t->did);
    if (l->each != NULL)
        l->each(l->ctx, &(np_script_done){.line = s->line,
                                          .text = s->text,
                                          .at = t->at,
                                          .asked = asked,
                                          .met = met,
                                          .premise = s->want.premise,
                                          .times = t->met,
                                          .of = repeated ? t->of : 0,
                                          .did = did});
    if (!asked) return;
    l->out->steps++;
    if (met) return;
    if (l->out->wrong++ > 0) return;
    l->out->line = s->line;
    if (s->want.premise) {
        l->over = true;
        l->out->result = NP_SCRIPT_NOT_APPLICABLE;
        snprintf(l->out->why, sizeof l->out->why, "it needs %s", s->name);
    } else {
        l->out->result = NP_SCRIPT_DOES_NOT;
        char text[200];
        squeeze(s->text, text, sizeof text);
        snprintf(l->out->why, sizeof l->out->why, "line %d, %s: %.160s", s->line, text, did);
    }
}

/* All steps once; a repeat again and again. Without a box nothing is told. */
static bool go_through(script_run *r, listener *l, np_error *e)
{
    const np_script *x = r->script;
    for (uint32_t i = 0; i < x->steps && !(l != NULL && l->over); i++) {
        const script_step *s = &x->step[i];
        if (s->kind != SCRIPT_REPEAT) {
            if (!do_step(r, i, e)) return false;
            if (l != NULL) tell(r, l, i, false);
            continue;
        }
        uint32_t first = i + 1, last = first;
        while (x->step[last].kind != SCRIPT_END) last++;
        uint64_t times = (uint64_t)s->count + (s->capacity ? r->config.capacity : 0);
        for (uint64_t n = 0; n < times && last > first; n++) {
            r->around = (uint32_t)n;
            if (n > 0 && !pass_time(r, s, s->every, e)) return false;
            for (i = first; i < last; i++)
                if (!do_step(r, i, e)) return false;
        }
        for (i = first; i < last && l != NULL && !l->over; i++) tell(r, l, i, true);
        i = last;
    }
    return true;
}

/* ---- belady ---- */

/* When the flow of each packet comes next: all packets are gone through without a box, then backwards. */
static bool foresee(script_run *r, np_error *e)
{
    r->after = malloc((size_t)NP_SCRIPT_PACKETS * sizeof *r->after);
    np_time *when = malloc((size_t)NP_SCRIPT_PACKETS * sizeof *when);
    r->when = when;
    bool ok = r->after != NULL && when != NULL;
    if (!ok) np_fail_memory(e, "what is to come");
    ok = ok && go_through(r, NULL, e);
    if (ok && !(r->foresight = calloc((size_t)r->flows.n + 1, sizeof *r->foresight)))
        ok = np_fail_memory(e, "what is to come");
    for (uint32_t i = 0; ok && i < r->flows.n; i++) r->foresight[i] = NP_NEVER;
    for (uint32_t n = ok ? r->packets : 0; n > 0; n--) {
        uint32_t flow = (uint32_t)r->after[n - 1];
        r->after[n - 1] = r->foresight[flow];
        r->foresight[flow] = when[n - 1];
    }
    free(when);
    r->when = NULL;
    r->packets = r->flow_number = 0;
    r->now = r->flow_began = 0;
    r->client_port = SCRIPT_CLIENT_PORT;
    r->config.foresight = r->foresight;
    return ok;
}

/* ---- the whole ---- */

const char *np_script_result_name(np_script_result x)
{
    static const char *const names[] = {[NP_SCRIPT_MEETS] = "meets",
                                        [NP_SCRIPT_DOES_NOT] = "does not",
                                        [NP_SCRIPT_NOT_APPLICABLE] = "not applicable"};
    return names[x];
}

/* A table with many more places than the script has packets is never full, whatever its size: one of PLACES
   does the same and is made in no time. (No more packets than a quarter: what a policy or the collector does
   shortly before a table is full is out of reach as well.) */
#define PLACES 65536u

static void make_smaller(np_nat_config *c, const np_script *s)
{
    uint64_t packets = 0, times = 1;
    for (uint32_t i = 0; i < s->steps; i++) {
        const script_step *step = &s->step[i];
        if (step->kind == SCRIPT_REPEAT) times = step->capacity ? NP_SCRIPT_PACKETS : step->count;
        if (step->kind == SCRIPT_END) times = 1;
        if (step->kind == SCRIPT_PACKET) packets += times;
    }
    np_nat_config smaller = *c;
    smaller.capacity = PLACES;
    if (c->capacity > PLACES && packets < PLACES / 4 && np_nat_check(&smaller, NULL)) *c = smaller;
}

bool np_script_run(const np_script *s, const np_nat_config *c, uint64_t seed,
                   void (*each)(void *ctx, const np_script_done *d), void *ctx, np_script_outcome *out,
                   np_error *e)
{
    assert(s->mistakes == 0);
    *out = (np_script_outcome){.result = NP_SCRIPT_MEETS};
    if (np_script_not_for(s, c, out->why, sizeof out->why) != NULL) {
        out->result = NP_SCRIPT_NOT_APPLICABLE;
        return true;
    }
    script_run r = {.script = s, .config = *c, .client_port = SCRIPT_CLIENT_PORT};
    listener l = {each, ctx, out, false};
    make_smaller(&r.config, s);
    r.tally = calloc((size_t)s->steps + 1, sizeof *r.tally);
    bool ok = r.tally != NULL || np_fail_memory(e, "a script's lines");
    if (ok && strcmp(c->evict, "belady") == 0) ok = foresee(&r, e);
    ok = ok && (r.box = np_box_create(&r.config, np_key_make(seed, 0), 0, e)) != NULL;
    if (ok) np_box_set_tap(r.box, (np_box_tap){.emit = emit, .ctx = &r});
    ok = ok && go_through(&r, &l, e);
    np_box_destroy(r.box);
    script_flows_free(&r.flows);
    free(r.foresight);
    free(r.after);
    free(r.tally);
    return ok;
}
