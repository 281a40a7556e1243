/*
 * Scripts read into steps (natpulse/script.h): lines, what stands above the packets, repeats.
 *
 * Every mistake is found at its word, one a line. Memory: an arena; steps double as they come. What a script
 * can ask for is bounded here (hosts, times, repeats) or while it runs (packets).
 */
#include "script.h"
#include <stdio.h>

/* What a reading remembers from line to line. */
typedef struct reading {
    np_script *s;
    bool packets;      /* what stands above them is over */
    uint32_t open;     /* the step that opened a repeat, from 1; 0: none is open */
    np_time now;       /* of the flow, as far as it is known */
    const char *needs; /* why the premises that follow are needed */
} reading;

static script_step *add_step(reading *r, const script_line *l, script_kind kind)
{
    np_script *s = r->s;
    script_step *steps = script_more(s, s->step, s->steps, &s->room, sizeof *steps);
    if (steps == NULL) return NULL;
    s->step = steps;
    const char *end = l->end;
    while (end > l->begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    script_word first = script_peek(&(script_line){.begin = l->begin, .at = l->begin, .end = l->end});
    const char *text = script_keep(s, first.at, first.at < end ? (size_t)(end - first.at) : 0);
    if (text == NULL) return NULL;
    script_step *step = &s->step[s->steps++];
    *step = (script_step){.kind = (uint8_t)kind, .line = l->line, .text = text, .relative = true};
    step->want = (script_want){.reason = -1, .as = SCRIPT_NO_NAME};
    return step;
}

/* ---- among the packets ---- */

static void read_option(reading *r, script_line *l, script_word key)
{
    if (r->s->head.rule) {
        script_wrong(l, key, "option is for trackers alone; a rule has lines `set KEY=VALUE because TEXT`");
        return;
    }
    if (script_peek(l).n == 0) script_wrong(l, script_peek(l), "option: expected KEY=VALUE or defaults");
    while (script_peek(l).n > 0) {
        char shown[SCRIPT_SHOWN];
        script_word w = script_next(l);
        const char *equals = memchr(w.at, '=', w.n);
        bool defaults = script_is(w, "defaults");
        if (!defaults && (equals == NULL || equals == w.at || equals + 1 == w.at + w.n)) {
            script_wrong(l, w, "%s is no option; expected KEY=VALUE or defaults", script_show(shown, w));
            return;
        }
        script_step *step = add_step(r, l, SCRIPT_OPTION);
        if (step == NULL) return;
        step->name = script_keep(r->s, w.at, defaults ? w.n : (size_t)(equals - w.at));
        step->value = defaults ? "" : script_keep(r->s, equals + 1, w.n - (size_t)(equals + 1 - w.at));
    }
}

static void read_repeat(reading *r, script_line *l, script_word key)
{
    char shown[SCRIPT_SHOWN];
    script_word w = script_next(l);
    uint64_t count = 0;
    if (r->open) {
        script_wrong(l, key, "a repeat in a repeat");
        return;
    }
    script_step *step = add_step(r, l, SCRIPT_REPEAT);
    if (step == NULL) return;
    r->open = r->s->steps;
    step->capacity = w.n >= 8 && memcmp(w.at, "capacity", 8) == 0 && (w.n == 8 || w.at[8] == '+');
    bool bare = step->capacity && w.n == 8;
    if (step->capacity && !bare) w = (script_word){w.at + 9, w.n - 9, w.column + 9};
    if (!bare && !script_number(l, w, NP_SCRIPT_PACKETS, "number of times, nor capacity", &count)) return;
    step->count = (uint32_t)count;
    w = script_next(l);
    if (w.n == 0) return;
    if (!script_is(w, "every"))
        script_wrong(l, w, "%s: expected `every` and a time, or the end of the line", script_show(shown, w));
    else
        script_time(l, script_next(l), &step->every);
}

static bool read_relation(script_line *l, script_relation *out)
{
    char shown[SCRIPT_SHOWN];
    script_word side[2];
    uint8_t part[2];
    side[0] = script_next(l);
    script_word operator= script_next(l);
    side[1] = script_next(l);
    out->equal = script_is(operator, "=");
    for (int i = 0; i < 2; i++) {
        const char *dot = side[i].n == 0 ? NULL : memchr(side[i].at, '.', side[i].n);
        script_word name = {side[i].at, dot == NULL ? side[i].n : (size_t)(dot - side[i].at), side[i].column};
        script_word of = {name.at + name.n, side[i].n - name.n, name.column + (int)name.n};
        part[i] = of.n == 0 ? SCRIPT_WHOLE : script_is(of, ".port") ? SCRIPT_PORT : SCRIPT_ADDRESS;
        if (part[i] == SCRIPT_ADDRESS && !script_is(of, ".address"))
            return script_wrong(l, of, "%s: expected .port, .address or nothing", script_show(shown, of));
        if (!script_name(l, name, false, i == 0 ? &out->left : &out->right)) return false;
        if (i == 0 && !out->equal && !script_is(operator, "!="))
            return script_wrong(l, operator, "%s: expected = or !=", script_show(shown, operator));
    }
    out->part = part[0];
    return part[0] == part[1] || script_wrong(l, side[1], "the same part of both is to be compared");
}

static void read_check(reading *r, script_line *l)
{
    char shown[SCRIPT_SHOWN];
    script_step *step = add_step(r, l, SCRIPT_CHECK);
    if (step == NULL || !read_relation(l, &step->relation[0])) return;
    script_word w = script_next(l);
    if (w.n == 0) return;
    step->like = script_is(w, "like");
    if (!step->like)
        script_wrong(l, w, "%s: expected `like` and a second comparison, or the end of the line",
                     script_show(shown, w));
    else
        read_relation(l, &step->relation[1]);
}

static void read_flow(reading *r, script_line *l, script_word key)
{
    if (r->open) {
        script_wrong(l, key, "a flow begins in a repeat");
        return;
    }
    script_step *step = add_step(r, l, SCRIPT_FLOW);
    if (step != NULL) step->name = script_rest(l);
    r->now = 0;
}

/* A time in front of a packet, if there is one. */
static bool read_when(reading *r, script_line *l, script_step *step)
{
    script_word w = script_peek(l);
    bool relative = w.n > 0 && *w.at == '+';
    if (w.n == 0 || !(relative || (*w.at >= '0' && *w.at <= '9'))) return true;
    script_next(l);
    script_word number = relative ? (script_word){w.at + 1, w.n - 1, w.column + 1} : w;
    if (!script_time(l, number, &step->at)) return false;
    step->relative = relative;
    if (!relative && r->open)
        return script_wrong(l, w, "in a repeat times are since the line before: expected a +");
    if (!relative && step->at < r->now) return script_wrong(l, w, "time runs backwards");
    if (relative && r->now > 36500 * NP_DAY)
        return script_wrong(l, w, "the script lasts more than a hundred years");
    r->now = relative ? r->now + step->at : step->at;
    return true;
}

/* c+ is the next one each time around. */
static bool is_placed(script_line *l, script_word w, const script_end *e, bool repeated)
{
    char shown[SCRIPT_SHOWN];
    return repeated || (!e->next_host && !e->next_port) ||
           script_wrong(l, w, "%s: there is a next one in a repeat only", script_show(shown, w));
}

/* [END] > [END], or <. */
static bool read_ends(script_line *l, bool repeated, script_step *step)
{
    char shown[SCRIPT_SHOWN];
    script_word w = script_next(l);
    step->inside = (script_end){.inside = true, .host = 1};
    step->outside = (script_end){.host = 1};
    if (script_looks_like_end(w)) {
        if (!script_read_end(l, w, &step->inside) || !is_placed(l, w, &step->inside, repeated)) return false;
        if (!step->inside.inside || step->inside.external)
            return script_wrong(l, w, "%s: expected an inside end (c, c2:5000) left of the arrow",
                                script_show(shown, w));
        w = script_next(l);
    }
    step->outbound = script_is(w, ">");
    if (!step->outbound && !script_is(w, "<"))
        return script_wrong(
            l, w,
            "%s: expected a time, an end, an arrow (> out, < in), or one of flow, repeat, end, "
            "check, needs, option, rule",
            script_show(shown, w));
    w = script_peek(l);
    if (!script_looks_like_end(w)) return true;
    script_next(l);
    if (!script_read_end(l, w, &step->outside) || !is_placed(l, w, &step->outside, repeated)) return false;
    if (step->outside.inside && !step->outside.external)
        return script_wrong(l, w, "%s: expected an outside end (s, s2:80), or @c2:6000, right of the arrow",
                            script_show(shown, w));
    return !step->outside.external || step->outbound ||
           script_wrong(l, w, "what comes from an inside host goes out first: expected > before @");
}

static void read_packet(reading *r, script_line *l)
{
    char shown[SCRIPT_SHOWN];
    script_step *step = add_step(r, l, SCRIPT_PACKET);
    if (step == NULL || !read_when(r, l, step)) return;
    if (script_is(script_peek(l), "quiet")) {
        script_next(l);
        step->kind = SCRIPT_QUIET;
        if (script_peek(l).n > 0) script_wrong(l, script_peek(l), "nothing is expected behind quiet");
        return;
    }
    if (!read_ends(l, r->open != 0, step) || !script_read_packet(l, step)) return;
    script_word w = script_next(l);
    if (w.n == 0) return;
    step->want.premise = script_is(w, "?=");
    if (!step->want.premise && !script_is(w, "=")) {
        script_wrong(l, w, "%s: expected an equals sign, or the end of the line", script_show(shown, w));
        return;
    }
    if (step->want.premise && r->needs == NULL) {
        script_wrong(l, w, "a premise wants a line `needs TEXT` before it, which says what the rule needs");
        return;
    }
    step->name = r->needs;
    script_read_want(l, r->open != 0, step);
}

static void read_end(reading *r, script_line *l, script_word w)
{
    if (!r->open)
        script_wrong(l, w, "nothing is to be repeated here");
    else
        add_step(r, l, SCRIPT_END);
    r->open = 0;
}

static void read_statement(reading *r, script_line *l)
{
    script_word w = script_next(l);
    if (w.n == 0 || script_read_head(l, w, r->packets)) return;
    r->packets = true;
    if (script_is(w, "needs"))
        r->needs = script_rest(l);
    else if (script_is(w, "option"))
        read_option(r, l, w);
    else if (script_is(w, "flow"))
        read_flow(r, l, w);
    else if (script_is(w, "repeat"))
        read_repeat(r, l, w);
    else if (script_is(w, "end"))
        read_end(r, l, w);
    else if (script_is(w, "check"))
        read_check(r, l);
    else {
        l->at = l->begin;
        read_packet(r, l);
    }
}

static void read_line(reading *r, script_line *l)
{
    read_statement(r, l);
    script_word w = script_peek(l);
    char shown[SCRIPT_SHOWN];
    if (w.n > 0) script_wrong(l, w, "%s is too much on this line", script_show(shown, w));
}

/* ---- the whole ---- */

np_script *np_script_read(const char *text, size_t bytes)
{
    np_arena *arena = np_arena_create();
    np_script *s = arena == NULL ? NULL : np_arena_alloc(arena, sizeof *s);
    if (s == NULL) {
        np_arena_destroy(arena);
        return NULL;
    }
    *s = (np_script){.arena = arena, .head = {.title = "", .source = "", .about = ""}};
    reading r = {.s = s};
    script_line l = {.script = s, .begin = text, .at = text, .end = text};
    if (bytes > NP_SCRIPT_BYTES) {
        l.line = 1;
        script_wrong(&l, script_peek(&l), "the script is longer than %u bytes", NP_SCRIPT_BYTES);
        bytes = 0;
    }
    const char *end = text + bytes;
    for (const char *at = text; at < end && !s->no_memory; at = l.end + (l.end < end && *l.end == '\n')) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        l = (script_line){
            .script = s, .begin = at, .at = at, .end = newline == NULL ? end : newline, .line = l.line + 1};
        const char *whole = l.end, *comment = memchr(at, '#', (size_t)(whole - at));
        if (comment != NULL) l.end = comment;
        read_line(&r, &l);
        l.end = whole;
    }
    l = (script_line){.script = s, .begin = end, .at = end, .end = end, .line = l.line + 1};
    if (r.open)
        script_wrong(&l, script_peek(&l), "the repeat of line %d has no end", s->step[r.open - 1].line);
    if (s->head.rule && *s->head.source == '\0') {
        l.bad = false;
        script_wrong(&l, script_peek(&l), "the rule has no source: expected a line `source TEXT`");
    }
    if (!s->no_memory) return s;
    np_arena_destroy(arena);
    return NULL;
}

void np_script_destroy(np_script *s)
{
    if (s != NULL) np_arena_destroy(s->arena);
}

const np_script_head *np_script_head_of(const np_script *s)
{
    return &s->head;
}

const np_script_mistake *np_script_mistakes(const np_script *s, uint32_t *n)
{
    *n = s->mistakes;
    return s->mistake;
}
