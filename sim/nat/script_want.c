/*
 * The expectation of a script's line: reading it, and whether a mapping is as it says. See natpulse/script.h.
 */
#include "natpulse/quote.h"
#include "script.h"

/* The first verdict is not written. */
static const char *const verdicts[] = {
    [SCRIPT_ANY] = "any",         [SCRIPT_FORWARD] = "forward",    [SCRIPT_DROP] = "drop",
    [SCRIPT_RESET] = "reset",     [SCRIPT_LEAK] = "leak",          [SCRIPT_REFUSE] = "refuse",
    [SCRIPT_INVALID] = "invalid", [SCRIPT_CHALLENGE] = "challenge"};
#define VERDICTS (sizeof verdicts / sizeof *verdicts)

static const char *const kinds_of_port[] = {"own", "even", "odd", "parity", "next"};
static const uint8_t port_bit[] = {SCRIPT_PORT_OWN, SCRIPT_PORT_EVEN, SCRIPT_PORT_ODD, SCRIPT_PORT_PARITY,
                                   SCRIPT_PORT_NEXT};

static int find(script_word w, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (script_is(w, names[i])) return (int)i;
    return -1;
}

/* "N" or "N-M". */
static bool read_range(script_line *l, script_word w, uint64_t most, const char *what, uint64_t *low,
                       uint64_t *high)
{
    const char *dash = memchr(w.at, '-', w.n);
    size_t n = dash == NULL ? w.n : (size_t)(dash - w.at);
    if (!script_number(l, (script_word){w.at, n, w.column}, most, what, low)) return false;
    *high = *low;
    if (dash == NULL) return true;
    if (!script_number(l, (script_word){dash + 1, w.n - n - 1, w.column + (int)n + 1}, most, what, high))
        return false;
    return *low <= *high || script_wrong(l, w, "%.*s runs backwards", (int)w.n, w.at);
}

static bool read_port(script_line *l, script_want *want)
{
    script_word w = script_next(l);
    int kind = find(w, kinds_of_port, sizeof port_bit);
    if (kind >= 0) {
        want->port |= port_bit[kind];
        return true;
    }
    uint64_t low, high;
    if (!read_range(l, w, UINT16_MAX, "port, nor one of own, even, odd, parity, next", &low, &high))
        return false;
    want->port |= SCRIPT_PORT_RANGE;
    want->low = (uint16_t)low;
    want->high = (uint16_t)high;
    return true;
}

static bool read_state(script_line *l, script_word w, const char *known, script_want *want)
{
    if (want->state != NULL) return script_wrong(l, w, "a second state");
    want->state = known;
    return strcmp(known, "none") == 0 || script_time(l, script_next(l), &want->left);
}

static bool read_times(script_line *l, script_word w, bool repeated, script_want *want)
{
    uint64_t least, most;
    char shown[SCRIPT_SHOWN];
    if (!read_range(l, w, NP_SCRIPT_PACKETS, "number of times", &least, &most)) return false;
    script_word times = script_next(l);
    if (!script_is(times, "times"))
        return script_wrong(l, times, "%s: expected `times` behind a bare number", script_show(shown, times));
    if (!repeated) return script_wrong(l, w, "only what is repeated can be so a number of times");
    want->times = true;
    want->least = (uint32_t)least;
    want->most = (uint32_t)most;
    return true;
}

/* One more thing that is wanted. */
static bool read_more(script_line *l, script_word w, bool repeated, script_want *want)
{
    char shown[SCRIPT_SHOWN];
    if (script_is(w, "port")) return read_port(l, want);
    if (script_is(w, "as")) return script_name(l, script_next(l), true, &want->as);
    if (script_is(w, "to") || script_is(w, "from")) {
        script_end *end = *w.at == 't' ? &want->to : &want->from;
        script_word what = script_next(l);
        if (!script_read_end(l, what, end)) return false;
        bool external = end == &want->from;
        return (end->inside && end->external == external) ||
               script_wrong(l, what, "%s: expected %s", script_show(shown, what),
                            external ? "the external endpoint of an inside end, as @c2"
                                     : "an inside end, as c2:6000");
    }
    if (script_is(w, "translated")) return want->translated = true;
    if (script_is(w, "unreplied")) return want->unreplied = true;
    if (script_is(w, "assured")) return want->assured = true;
    if (*w.at >= '0' && *w.at <= '9') return read_times(l, w, repeated, want);
    for (const char *const *state = np_track_state_list(); *state != NULL; state++)
        if (script_is(w, *state)) return read_state(l, w, *state, want);
    for (int r = 0; r < NP_REASON_COUNT; r++)
        if (script_is(w, np_reason_name((np_reason)r))) {
            want->reason = (int8_t)r;
            return true;
        }
    return script_wrong(l, w,
                        "%s is nothing to expect; there is a reason (created, mapped, ...), translated, "
                        "port, as, to, from, a "
                        "state, none, unreplied, assured, N times",
                        script_show(shown, w));
}

bool script_read_want(script_line *l, bool repeated, script_step *s)
{
    script_want *want = &s->want;
    script_word w = script_next(l);
    char shown[SCRIPT_SHOWN], known[NP_HINT], text[SCRIPT_SHOWN];
    int verdict = find(w, verdicts, VERDICTS);
    if (verdict < 0) {
        const char *names[VERDICTS + 1] = {NULL};
        memcpy(names, verdicts, sizeof verdicts);
        size_t n = w.n < sizeof text - 1 ? w.n : sizeof text - 1;
        memcpy(text, w.at, n);
        text[n] = '\0';
        return script_wrong(l, w, "%s: expected a verdict%s", script_show(shown, w),
                            np_hint(known, sizeof known, text, names));
    }
    want->said = true;
    want->verdict = (uint8_t)verdict;
    while ((w = script_next(l)).n > 0)
        if (!read_more(l, w, repeated, want)) return false;
    bool marks = want->unreplied || want->assured;
    if (marks && (want->state == NULL || strcmp(want->state, "none") == 0))
        return script_wrong(l, w, "unreplied and assured go with a state");
    bool external = want->port != 0 || want->as != SCRIPT_NO_NAME,
         out = s->outbound && verdict == SCRIPT_FORWARD;
    if ((external && (!out || s->error)) || (want->translated && !out))
        return script_wrong(
            l, w, "port, as and translated are about what goes out: expected > and forward with them");
    if ((want->to.said || want->from.said) && verdict != SCRIPT_FORWARD)
        return script_wrong(l, w, "to and from are about what arrives: expected forward with them");
    return true;
}

bool script_state_met(const script_want *w, const char *state, np_time left, uint8_t mark, bool marked,
                      np_time tolerance)
{
    if (w->state == NULL) return true;
    if (state == NULL || strcmp(w->state, "none") == 0) return state == NULL && strcmp(w->state, "none") == 0;
    if (strcmp(w->state, state) != 0) return false;
    if (left - w->left > tolerance || w->left - left > tolerance) return false;
    return !marked ? !w->unreplied && !w->assured
                   : w->unreplied == !(mark & NP_TRACK_REPLIED) && w->assured == !!(mark & NP_TRACK_ASSURED);
}
