/*
 * Words of a script: numbers, times, ends, names. See script.h.
 */
#include "natpulse/quote.h"
#include "script.h"
#include <stdarg.h>
#include <stdio.h>

#define LONGEST_WORD 64 /* that a number, a time or an end may have */

/* ---- words ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

script_word script_peek(const script_line *l)
{
    const char *at = l->at;
    while (at < l->end && is_space(*at)) at++;
    const char *to = at;
    bool options = at + 1 < l->end && *at == '<' && !is_space(at[1]);
    while (to < l->end && (options ? to == at || to[-1] != '>' : !is_space(*to))) to++;
    return (script_word){at, (size_t)(to - at), (int)(at - l->begin) + 1};
}

script_word script_next(script_line *l)
{
    script_word w = script_peek(l);
    l->at = w.at + w.n;
    return w;
}

bool script_is(script_word w, const char *text)
{
    return strlen(text) == w.n && memcmp(w.at, text, w.n) == 0;
}

const char *script_keep(np_script *s, const char *at, size_t n)
{
    char *copy = np_arena_alloc(s->arena, n + 1);
    if (copy == NULL) {
        s->no_memory = true;
        return NULL;
    }
    memcpy(copy, at, n);
    return copy;
}

void *script_more(np_script *s, void *items, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room) return items;
    uint32_t twice = *room ? 2 * *room : 16;
    void *grown = np_arena_alloc(s->arena, twice * size);
    if (grown == NULL) {
        s->no_memory = true;
        return NULL;
    }
    if (n > 0) memcpy(grown, items, n * size);
    *room = twice;
    return grown;
}

/* ---- mistakes ---- */

#define MISTAKES_MOST 100u

const char *script_show(char *buf, script_word w)
{
    char text[SCRIPT_SHOWN];
    size_t n = w.n < sizeof text - 1 ? w.n : sizeof text - 1;
    for (size_t i = 0; i < n; i++) text[i] = w.at[i] == '\0' ? '?' : w.at[i];
    text[n] = '\0';
    return w.n == 0 ? "the end of the line" : np_quote(buf, SCRIPT_SHOWN, text);
}

bool script_wrong(script_line *l, script_word at, const char *format, ...)
{
    np_script *s = l->script;
    if (l->bad || s->mistakes > MISTAKES_MOST) return false;
    l->bad = true;
    np_script_mistake *all = script_more(s, s->mistake, s->mistakes, &s->mistakes_room, sizeof *all);
    if (all == NULL) return false;
    s->mistake = all;
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *kept = s->mistakes == MISTAKES_MOST ? "and so on: there are more mistakes"
                                                    : script_keep(s, text, strlen(text));
    if (kept != NULL) s->mistake[s->mistakes++] = (np_script_mistake){l->line, at.column, kept};
    return false;
}

/* ---- numbers and times ---- */

static bool whole(const char *at, size_t n, uint64_t most, uint64_t *out)
{
    uint64_t sum = 0;
    if (n == 0 || n > 10) return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(at[i])) return false;
        sum = 10 * sum + (uint64_t)(at[i] - '0');
    }
    *out = sum;
    return sum <= most;
}

bool script_number(script_line *l, script_word w, uint64_t most, const char *what, uint64_t *out)
{
    char shown[SCRIPT_SHOWN];
    if (whole(w.at, w.n, most, out)) return true;
    return script_wrong(l, w, "%s is no %s; expected a whole number up to %llu", script_show(shown, w), what,
                        (unsigned long long)most);
}

bool script_time(script_line *l, script_word w, np_time *out)
{
    char text[LONGEST_WORD], shown[SCRIPT_SHOWN];
    if (w.n > 0 && w.n < sizeof text - 1) {
        memcpy(text, w.at, w.n);
        text[w.n] = is_digit(w.at[w.n - 1]) ? 's' : '\0';
        text[w.n + 1] = '\0';
        if (strlen(text) >= w.n && np_time_parse(text, out) && *out <= 36500 * NP_DAY) return true;
    }
    return script_wrong(l, w,
                        "%s is no time; expected seconds (0.1), or a duration (2h4m) up to a hundred years",
                        script_show(shown, w));
}

/* ---- ends ---- */

/* c, s, c12, c1+, c:80, s3:80+, @c:5000; anything else that begins so and is not all letters is a bad one. */
bool script_looks_like_end(script_word w)
{
    if (w.n > 0 && *w.at == '@') return true;
    if (w.n == 0 || (*w.at != 'c' && *w.at != 's')) return false;
    return w.n == 1 || is_digit(w.at[1]) || w.at[1] == ':' || w.at[1] == '+';
}

bool script_read_end(script_line *l, script_word w, script_end *out)
{
    char shown[SCRIPT_SHOWN];
    const char *at = w.at, *end = w.at + w.n;
    uint64_t host = 1, port = 0;
    *out = (script_end){.said = true};
    if (at < end && *at == '@') out->external = true, at++;
    if (at == end || (*at != 'c' && *at != 's')) goto none;
    out->inside = *at++ == 'c';
    const char *digits = at;
    while (at < end && is_digit(*at)) at++;
    if (at > digits && (!whole(digits, (size_t)(at - digits), SCRIPT_HOSTS, &host) || host == 0)) goto none;
    if (at < end && *at == '+') out->next_host = true, at++;
    if (at < end && *at == ':') {
        digits = ++at;
        while (at < end && is_digit(*at)) at++;
        if (!whole(digits, (size_t)(at - digits), UINT16_MAX, &port) || port == 0) goto none;
        if (at < end && *at == '+') out->next_port = true, at++;
    }
    if (at != end || (out->external && !out->inside)) goto none;
    out->host = (uint32_t)host;
    out->port = (uint16_t)port;
    return true;
none:
    return script_wrong(
        l, w, "%s is no end; expected one like c, c2:5000, s, s3:80 or @c2:6000, with hosts up to %u",
        script_show(shown, w), SCRIPT_HOSTS);
}

/* ---- names ---- */

bool script_name(script_line *l, script_word w, bool make, uint8_t *out)
{
    np_script *s = l->script;
    char shown[SCRIPT_SHOWN];
    if (w.n == 0 || w.n >= sizeof s->name[0] || *w.at < 'A' || *w.at > 'Z')
        return script_wrong(l, w, "%s is no name; expected a capital letter and at most %zu more",
                            script_show(shown, w), sizeof s->name[0] - 2);
    for (uint32_t i = 0; i < s->names; i++)
        if (script_is(w, s->name[i])) {
            *out = (uint8_t)i;
            return true;
        }
    if (!make)
        return script_wrong(l, w,
                            "nothing is named %s so far; `as %.*s` behind a packet's expectation does that",
                            script_show(shown, w), (int)w.n, w.at);
    if (s->names == SCRIPT_NAMES) return script_wrong(l, w, "more than %d names", SCRIPT_NAMES);
    memcpy(s->name[s->names], w.at, w.n);
    *out = (uint8_t)s->names++;
    return true;
}
