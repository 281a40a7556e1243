/*
 * Large blocks (natpulse/memory.h). Whether huge pages are given is the system's business: nothing depends on
 * it but speed.
 */
#include "natpulse/memory.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *np_memory_zeroed(size_t bytes)
{
    size_t unit = bytes >= NP_HUGE_PAGE ? NP_HUGE_PAGE : 64;
    if (bytes > SIZE_MAX - unit) return NULL;
    size_t whole = bytes ? (bytes + 63) / 64 * 64 : 64; /* a rest of a huge page is made of small ones */
    void *p;
    if (posix_memalign(&p, unit, whole) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    if (unit == NP_HUGE_PAGE) madvise(p, whole, MADV_HUGEPAGE); /* advice: failing costs nothing */
#endif
    return memset(p, 0, whole);
}
