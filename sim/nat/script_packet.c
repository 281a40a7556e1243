/*
 * The packet part of a script's line. See natpulse/script.h.
 */
#include "script.h"

#define SCTP       132 /* of the protocols without ports here: IANA */
#define LAST_SHIFT 15  /* what the option can say; more than 14 counts as 14 (RFC 7323 2.3) */

static bool read_icmp(script_line *l, script_step *s)
{
    char shown[SCRIPT_SHOWN];
    script_word w = script_next(l);
    s->packet.proto = NP_ICMP;
    s->packet.flags = script_is(w, "request");
    s->error = script_is(w, "error");
    if (!s->packet.flags && !s->error && !script_is(w, "reply"))
        return script_wrong(l, w, "icmp %s: expected request, reply or error", script_show(shown, w));
    if (!s->error) return true;
    w = script_next(l);
    s->about = script_is(w, "tcp") ? NP_TCP : script_is(w, "udp") ? NP_UDP : NP_ICMP;
    if (s->about == NP_ICMP && !script_is(w, "icmp"))
        return script_wrong(l, w, "icmp error %s: expected what it is about, tcp, udp or icmp",
                            script_show(shown, w));
    if (!script_is(script_peek(l), "via")) return true;
    script_next(l);
    w = script_next(l);
    uint64_t router = 1;
    bool good = w.n > 0 && *w.at == 'r';
    if (good && w.n > 1)
        good = script_number(l, (script_word){w.at + 1, w.n - 1, w.column + 1}, 250, "router", &router);
    if (!good || router == 0)
        return script_wrong(l, w, "via %s: expected a router, r or r1 to r250", script_show(shown, w));
    s->via = true;
    s->router = (uint32_t)router;
    return true;
}

static bool read_flags(script_line *l, script_word w, np_packet *p)
{
    static const char letters[] = "FSRP.UEW";
    char shown[SCRIPT_SHOWN];
    bool good = w.n > 0;
    for (size_t i = 0; i < w.n && good; i++) {
        const char *at = w.at[i] == '\0' ? NULL : strchr(letters, w.at[i]);
        if (at != NULL)
            p->flags |= (uint8_t)(1u << (at - letters));
        else
            good = w.at[i] == '-' && w.n == 1;
    }
    return good ||
           script_wrong(l, w, "%s is no packet; expected udp, icmp, other, or TCP flags: letters of %s, or -",
                        script_show(shown, w), letters);
}

/* SEQ(LENGTH) or (LENGTH). */
static bool read_numbers(script_line *l, script_word w, script_step *s)
{
    char shown[SCRIPT_SHOWN];
    const char *open = memchr(w.at, '(', w.n);
    size_t before = (size_t)(open - w.at);
    uint64_t seq = 0, length;
    if (w.at[w.n - 1] != ')')
        return script_wrong(l, w, "%s: expected a sequence number and a length, as in 1000(100)",
                            script_show(shown, w));
    if (before > 0 &&
        !script_number(l, (script_word){w.at, before, w.column}, UINT32_MAX, "sequence number", &seq))
        return false;
    script_word inner = {open + 1, w.n - before - 2, w.column + (int)before + 1};
    if (!script_number(l, inner, UINT16_MAX - 40, "length", &length)) return false;
    s->automatic = before == 0;
    s->packet.seq = (uint32_t)seq;
    s->packet.payload = (uint16_t)length;
    return true;
}

/* The next option of <...>: up to a comma or the end. */
static script_word next_option(script_word *rest)
{
    const char *comma = memchr(rest->at, ',', rest->n);
    size_t n = comma == NULL ? rest->n : (size_t)(comma - rest->at), skip = comma == NULL ? n : n + 1;
    script_word w = {rest->at, n, rest->column};
    *rest = (script_word){rest->at + skip, rest->n - skip, rest->column + (int)skip};
    return w;
}

/* "wscale 7" begins with "wscale"; its number is put into *out. */
static bool has_number(script_line *l, script_word w, const char *key, uint64_t most, uint64_t *out,
                       bool *bad)
{
    size_t n = strlen(key);
    if (w.n < n + 1 || memcmp(w.at, key, n) != 0 || w.at[n] != ' ') return false;
    *bad = !script_number(l, (script_word){w.at + n + 1, w.n - n - 1, w.column + (int)n + 1}, most, key, out);
    return true;
}

static bool read_options(script_line *l, script_word w, np_packet *p)
{
    char shown[SCRIPT_SHOWN];
    if (w.at[w.n - 1] != '>')
        return script_wrong(l, w, "%s: the options do not end; expected a >", script_show(shown, w));
    script_word rest = {w.at + 1, w.n - 2, w.column + 1};
    while (rest.n > 0) {
        script_word o = next_option(&rest);
        uint64_t value = 0;
        bool bad = false;
        if (script_is(o, "sackOK")) {
            p->options |= NP_OPTION_SACK_OK;
        } else if (has_number(l, o, "wscale", LAST_SHIFT, &value, &bad)) {
            p->options |= (uint8_t)(NP_OPTION_WSCALE | value);
        } else if (has_number(l, o, "sack", UINT32_MAX, &value, &bad)) {
            p->options |= NP_OPTION_SACK;
            p->sack = (uint32_t)value;
        } else if (!script_is(o, "mss")) {
            return script_wrong(l, o, "%s is no option; expected mss, wscale N, sackOK or sack N",
                                script_show(shown, o));
        }
        if (bad) return false;
    }
    return true;
}

static bool read_tcp(script_line *l, script_word w, script_step *s)
{
    np_packet *p = &s->packet;
    char shown[SCRIPT_SHOWN];
    p->proto = NP_TCP;
    s->automatic = true;
    p->window = UINT16_MAX;
    if (!read_flags(l, w, p)) return false;
    bool window = false, numbers = false;
    for (;;) {
        w = script_peek(l);
        if (w.n == 0 || script_is(w, "=") || script_is(w, "?=")) break;
        script_next(l);
        uint64_t value;
        if (script_is(w, "ack")) {
            if (!script_number(l, script_next(l), UINT32_MAX, "acknowledgement", &value)) return false;
            p->ack = (uint32_t)value;
            if (s->automatic)
                return script_wrong(l, w, "ack goes with a sequence number before it, as in 1000(0)");
        } else if (script_is(w, "win")) {
            if (!script_number(l, script_next(l), UINT16_MAX, "window", &value)) return false;
            p->window = (uint16_t)value;
            window = true;
        } else if (*w.at == '<') {
            if (!read_options(l, w, p)) return false;
        } else if (memchr(w.at, '(', w.n) != NULL && !numbers) {
            if (!read_numbers(l, w, s)) return false;
            numbers = true;
        } else {
            return script_wrong(l, w, "%s: expected SEQ(LENGTH), ack, win, <options> or an equals sign",
                                script_show(shown, w));
        }
    }
    if (!s->automatic && !window) p->window = 0;
    return true;
}

bool script_read_packet(script_line *l, script_step *s)
{
    script_word w = script_next(l);
    s->packet = (np_packet){.family = 4, .conn = NP_NO_CONN};
    if (script_is(w, "icmp")) return read_icmp(l, s);
    bool udp = script_is(w, "udp");
    if (!udp && !script_is(w, "other")) return read_tcp(l, w, s);
    s->packet.proto = udp ? NP_UDP : SCTP;
    return true;
}
