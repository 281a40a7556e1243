/*
 * Random numbers from a counter: see random.h for the contract. The rounds are Random123's.
 */
#include "natpulse/random.h"

#include <Random123/philox.h>

/* The key under which (seed, replica) pairs are mixed into keys: "natpulse" as bytes. */
#define MIX_KEY_LOW  0x7074616eu
#define MIX_KEY_HIGH 0x65736c75u

static inline philox4x32_ctr_t block(np_key key, uint64_t index, uint32_t entity, uint32_t purpose)
{
    philox4x32_key_t k = {{key.word[0], key.word[1]}};
    philox4x32_ctr_t c = {{(uint32_t)index, (uint32_t)(index >> 32), entity, purpose}};
    return philox4x32_R(10, c, k);
}

np_key np_key_make(uint64_t seed, uint32_t replica)
{
    philox4x32_ctr_t r = block((np_key){{MIX_KEY_LOW, MIX_KEY_HIGH}}, seed, replica, 0);
    return (np_key){{r.v[0], r.v[1]}};
}

uint64_t np_random(np_key key, uint32_t entity, uint32_t purpose, uint64_t index)
{
    philox4x32_ctr_t r = block(key, index, entity, purpose);
    return r.v[0] | (uint64_t)r.v[1] << 32;
}

np_random_pair np_random_two(np_key key, uint32_t entity, uint32_t purpose, uint64_t index)
{
    philox4x32_ctr_t r = block(key, index, entity, purpose);
    return (np_random_pair){.a = r.v[0] | (uint64_t)r.v[1] << 32, .b = r.v[2] | (uint64_t)r.v[3] << 32};
}
