/* Directions, and the address prefixes that decide them. See sides.h. */
#include "sides.h"
#include <stdlib.h>

/* The bytes of an address that a prefix length covers: `bits` of byte `i`. */
static uint8_t mask_byte(uint32_t bits, uint32_t i)
{
    uint32_t left = bits > 8 * i ? bits - 8 * i : 0;
    return (uint8_t)(left >= 8 ? 0xffu : 0xff00u >> left);
}

bool np_cidr_parse(const char *text, np_cidr *out)
{
    char address[46];
    size_t n = strcspn(text, "/");
    int family;
    np_addr a;
    if (n >= sizeof address) return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!np_addr_parse(address, &a, &family)) return false;

    unsigned long most = family == 4 ? 32 : 128, bits = most;
    if (text[n] == '/') {
        const char *digits = text + n + 1;
        size_t length = strspn(digits, "0123456789");
        if (length == 0 || length > 3 || digits[length] != '\0') return false;
        bits = strtoul(digits, NULL, 10);
        if (bits > most) return false;
    }
    *out = (np_cidr){.addr = a, .bits = (uint8_t)bits, .family = (uint8_t)family};
    for (uint32_t i = 0; i < 16; i++) out->addr.byte[i] &= mask_byte(out->bits, i);
    return true;
}

bool np_cidr_contains(const np_cidr *c, const np_addr *a, int family)
{
    if (c->family != family) return false;
    uint32_t whole = c->bits / 8u;
    if (memcmp(c->addr.byte, a->byte, whole) != 0) return false;
    return c->bits % 8 == 0 || ((c->addr.byte[whole] ^ a->byte[whole]) & mask_byte(c->bits, whole)) == 0;
}

enum { NONE, SOME, ALL };

static bool add_inside(np_sides *s, const np_cidr *c)
{
    if ((c->family == 4 ? s->n4 : s->n6) == NP_SIDES_PREFIXES) return false;
    if (c->family == 6) {
        s->v6[s->n6++] = *c;
        return true;
    }
    np_addr mask = {.half = {0, 0}};
    for (uint32_t i = 0; i < 4; i++) mask.byte[i] = mask_byte(c->bits, i);
    s->v4[s->n4++] = (np_prefix4){.mask = mask.word[0], .net = c->addr.word[0] & mask.word[0]};
    for (uint32_t first = 0; first < 256; first++)
        if ((first & mask.byte[0]) == (c->addr.byte[0] & mask.byte[0]) && s->first4[first] != ALL)
            s->first4[first] = c->bits <= 8 ? ALL : SOME;
    return true;
}

void np_sides_public(np_sides *s, const np_addr *first, uint32_t addresses)
{
    s->public_first = np_addr_to_ipv4(first);
    s->publics = addresses;
}

bool np_sides_init(np_sides *s, const np_cidr *prefix, uint32_t n, np_error *e)
{
    /* RFC 1918, RFC 6598, RFC 4193 */
    static const char *const private_and_shared[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                                     "100.64.0.0/10", "fc00::/7"};
    *s = (np_sides){0};
    for (uint32_t i = 0; i < n; i++)
        if (!add_inside(s, &prefix[i]))
            return np_fail(e, NP_TROUBLE_USAGE, "too many inside prefixes: at most %d of each family",
                           NP_SIDES_PREFIXES);
    for (size_t i = 0; n == 0 && i < sizeof private_and_shared / sizeof *private_and_shared; i++) {
        np_cidr c;
        if (np_cidr_parse(private_and_shared[i], &c)) add_inside(s, &c);
    }
    return true;
}

static bool has_prefix(const np_sides *s, const np_addr *a, int family)
{
    if (family == 4) {
        for (uint32_t i = 0; i < s->n4; i++)
            if ((a->word[0] & s->v4[i].mask) == s->v4[i].net) return true;
    } else {
        for (uint32_t i = 0; i < s->n6; i++)
            if (np_cidr_contains(&s->v6[i], a, 6)) return true;
    }
    return false;
}

static inline bool inside(const np_sides *s, const np_addr *a, int family)
{
    uint8_t known = family == 4 ? s->first4[a->byte[0]] : SOME;
    return known == SOME ? has_prefix(s, a, family) : known == ALL;
}

/* Addresses that no router passes on: multicast, limited broadcast, link-local, unspecified (RFC 6890). */
static bool stays_on_link(const np_addr *a, int family)
{
    if (family == 6)
        return a->byte[0] == 0xff || (a->byte[0] == 0xfe && (a->byte[1] & 0xc0) == 0x80) ||
               (a->half[0] == 0 && a->half[1] == 0);
    return a->byte[0] >> 4 == 0xe || a->word[0] == UINT32_MAX || (a->byte[0] == 169 && a->byte[1] == 254) ||
           a->word[0] == 0;
}

static bool is_public(const np_sides *s, const np_addr *a, int family)
{
    return s->publics > 0 && family == 4 && np_addr_to_ipv4(a) - s->public_first < s->publics;
}

np_way np_sides_way(const np_sides *s, const np_packet *p)
{
    int family = p->family;
    if (is_public(s, &p->src, family)) return NP_WAY_ELSEWHERE;
    bool from = inside(s, &p->src, family);
    if (is_public(s, &p->dst, family)) return from ? NP_WAY_OUT : NP_WAY_IN_PUBLIC;
    bool to = inside(s, &p->dst, family);
    if (from && to) return NP_WAY_LOCAL;
    if (from) return stays_on_link(&p->dst, family) ? NP_WAY_LOCAL : NP_WAY_OUT;
    if (to) return stays_on_link(&p->src, family) ? NP_WAY_LOCAL : NP_WAY_IN;
    return NP_WAY_ELSEWHERE;
}
