/*
 * What stands above a script's packets: whose rule it is, for whom, and what it sets. See natpulse/script.h.
 */
#include "box_state.h"
#include "script.h"
#include <stdio.h>

/* The rest of the line as one text; "" when there is none. */
const char *script_rest(script_line *l)
{
    script_word w = script_peek(l);
    const char *end = l->end;
    while (end > w.at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    l->at = l->end;
    return w.at < end ? script_keep(l->script, w.at, (size_t)(end - w.at)) : "";
}

static bool said_twice(script_line *l, script_word w, const char *before)
{
    return *before != '\0' && !script_wrong(l, w, "%.*s is said twice", (int)w.n, w.at);
}

const char *np_script_level_name(np_script_level l)
{
    static const char *const names[] = {[NP_LEVEL_MUST] = "must",
                                        [NP_LEVEL_SHOULD] = "should",
                                        [NP_LEVEL_RECOMMENDED] = "recommended",
                                        [NP_LEVEL_CASE] = "case"};
    return names[l];
}

static void read_level(script_line *l)
{
    char shown[SCRIPT_SHOWN];
    script_word w = script_next(l);
    for (int i = NP_LEVEL_MUST; i <= NP_LEVEL_CASE; i++)
        if (script_is(w, np_script_level_name((np_script_level)i))) {
            l->script->head.level = (np_script_level)i;
            return;
        }
    script_wrong(l, w, "level %s: expected must, should, recommended or case", script_show(shown, w));
}

static void read_text(script_line *l, script_word key, const char **out)
{
    if (said_twice(l, key, *out)) return;
    script_word w = script_peek(l);
    if (w.n == 0) script_wrong(l, w, "%.*s: expected a text behind it", (int)key.n, key.at);
    *out = script_rest(l);
}

static void read_about(script_line *l)
{
    np_script *s = l->script;
    const char *more = script_rest(l);
    if (more == NULL) return;
    size_t had = strlen(s->head.about);
    char *text = np_arena_alloc(s->arena, had + strlen(more) + 2);
    if (text == NULL) {
        s->no_memory = true;
        return;
    }
    sprintf(text, "%s%s%s", s->head.about, had > 0 ? " " : "", more);
    s->head.about = text;
}

#define MOST_TRACKERS 16

static const char *const only_keys[] = {[NP_ONLY_NOTHING] = "",
                                        [NP_ONLY_EVICT] = "evict",
                                        [NP_ONLY_TRACKER] = "tracker",
                                        [NP_ONLY_PROFILE] = "profile"};

/* Names of the trackers; NULL behind the last. */
static const char *tracker_name(np_tracking t)
{
    const np_tracker *tracker = np_tracker_of(t);
    return t == NP_TRACK_NONE ? "none" : tracker == NULL ? NULL : tracker->name;
}

/* What the values behind `only` may be; NULL: any. */
static const char *const *known_values(np_only key, const char **trackers)
{
    if (key == NP_ONLY_EVICT) return np_evict_list();
    if (key == NP_ONLY_PROFILE) return NULL;
    for (int t = 0; t < MOST_TRACKERS - 1 && tracker_name((np_tracking)t) != NULL; t++)
        trackers[t] = tracker_name((np_tracking)t);
    return trackers;
}

static bool is_known(script_word w, const char *const *known)
{
    while (known != NULL && *known != NULL && !script_is(w, *known)) known++;
    return w.n > 0 && (known == NULL || *known != NULL);
}

static void read_only(script_line *l)
{
    np_script *s = l->script;
    char shown[SCRIPT_SHOWN];
    script_word w = script_next(l);
    if (s->only_key != NP_ONLY_NOTHING) {
        script_wrong(l, w, "only is said twice");
        return;
    }
    for (int key = NP_ONLY_EVICT; key <= NP_ONLY_PROFILE; key++)
        if (script_is(w, only_keys[key])) s->only_key = (np_only)key;
    if (s->only_key == NP_ONLY_NOTHING) {
        script_wrong(l, w, "only %s: expected evict, tracker or profile", script_show(shown, w));
        return;
    }
    const char *trackers[MOST_TRACKERS] = {NULL};
    const char *const *known = known_values(s->only_key, trackers);
    s->only =
        np_arena_alloc(s->arena, ((size_t)(l->end - l->at) / 2 + 2) * sizeof *s->only); /* a word takes two */
    if (s->only == NULL) {
        s->no_memory = true;
        return;
    }
    size_t n = 0;
    do {
        w = script_next(l);
        if (!is_known(w, known)) {
            script_wrong(l, w, "only %s: there is no %s", only_keys[s->only_key], script_show(shown, w));
            return;
        }
        s->only[n++] = script_keep(s, w.at, w.n);
    } while (script_peek(l).n > 0);
}

static void read_set(script_line *l)
{
    np_script *s = l->script;
    script_word w = script_next(l), because = script_next(l);
    const char *equals = w.n == 0 ? NULL : memchr(w.at, '=', w.n);
    if (equals == NULL || equals == w.at || equals + 1 == w.at + w.n) {
        script_wrong(l, w, "set: expected a key of nat and its value, as in capacity=16");
        return;
    }
    if (!script_is(because, "because") || script_peek(l).n == 0) {
        script_wrong(l, because, "set: expected `because` and the reason why the rule needs it");
        return;
    }
    np_script_set *grown = np_arena_alloc(s->arena, (s->head.sets + 1) * sizeof *grown);
    const char *key = script_keep(s, w.at, (size_t)(equals - w.at));
    const char *value = script_keep(s, equals + 1, w.n - (size_t)(equals + 1 - w.at)), *why = script_rest(l);
    if (grown == NULL || key == NULL || value == NULL || why == NULL) {
        s->no_memory = true;
        return;
    }
    if (s->head.sets > 0) memcpy(grown, s->head.set, s->head.sets * sizeof *grown);
    grown[s->head.sets++] = (np_script_set){key, value, why, l->line, w.column};
    s->head.set = grown;
}

bool script_read_head(script_line *l, script_word w, bool packets)
{
    np_script *s = l->script;
    bool rule = script_is(w, "rule"), source = script_is(w, "source"), level = script_is(w, "level");
    bool about = script_is(w, "about"), only = script_is(w, "only"), set = script_is(w, "set");
    if (!(rule || source || level || about || only || set)) return false;
    if (packets) {
        script_wrong(l, w, "%.*s stands above all packets", (int)w.n, w.at);
    } else if (rule) {
        read_text(l, w, &s->head.title);
        s->head.rule = true;
    } else if (source) {
        read_text(l, w, &s->head.source);
    } else if (level) {
        read_level(l);
    } else if (about) {
        read_about(l);
    } else if (only) {
        read_only(l);
    } else {
        read_set(l);
    }
    return true;
}

/* ---- for whom ---- */

const char *np_script_not_for(const np_script *s, const np_nat_config *c, char *buf, size_t size)
{
    if (s->only_key == NP_ONLY_NOTHING) return NULL;
    const char *has = s->only_key == NP_ONLY_EVICT     ? c->evict
                      : s->only_key == NP_ONLY_TRACKER ? tracker_name(c->tracker)
                                                       : c->name;
    for (const char **only = s->only; has != NULL && *only != NULL; only++)
        if (strcmp(*only, has) == 0) return NULL;
    snprintf(buf, size, "%s is %s", only_keys[s->only_key], has == NULL ? "not said" : has);
    return buf;
}
