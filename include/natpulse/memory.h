/*
 * Large blocks of memory for what is walked at random: whole cache lines, and huge pages where the system has
 * them, so that a look-up does not also miss the table of pages.
 */
#ifndef NATPULSE_MEMORY_H
#define NATPULSE_MEMORY_H

#include <stddef.h>

/* A page large enough to be asked for: 2 MiB on most machines that have any. */
#define NP_HUGE_PAGE ((size_t)2 << 20)

/* Zeroed, aligned to a cache line; from NP_HUGE_PAGE bytes on aligned to that, and asked to be made of such
   pages. NULL when memory is out. Given back with free(). */
void *np_memory_zeroed(size_t bytes);

/* Starts to fetch the cache line of `p`, which need not be a good address. The empty instruction is there
   because GCC takes a function that only prefetches for one without effects, and leaves out the calls to it.
 */
static inline void np_prefetch(const void *p)
{
    __builtin_prefetch(p, 1);
    __asm__ volatile("");
}

#endif
