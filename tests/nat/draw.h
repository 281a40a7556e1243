/*
 * Random numbers for tests of this floor: a seed that is printed and can be given as NP_SEED, and packets.
 */
#ifndef NP_TESTS_NAT_DRAW_H
#define NP_TESTS_NAT_DRAW_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "natpulse/packet.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(draw(state) % n);
}

static inline uint64_t seed_of_run(void)
{
    const char *text = getenv("NP_SEED");
    uint64_t seed = text == NULL ? 1 : strtoull(text, NULL, 0);
    printf("seed %llu (NP_SEED)\n", (unsigned long long)seed);
    return seed;
}

static inline np_packet packet(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
                               uint8_t flags)
{
    return (np_packet){.src = np_addr_ipv4(src),
                       .dst = np_addr_ipv4(dst),
                       .sport = sport,
                       .dport = dport,
                       .proto = proto,
                       .family = 4,
                       .flags = flags,
                       .bytes = 40,
                       .conn = NP_NO_CONN};
}

#endif
