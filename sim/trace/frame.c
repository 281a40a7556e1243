/* Link types and times. See frame.h. */
#include "frame.h"
#include <pcap/dlt.h>

/* Link types that have another number as DLT_* value (pcap-linktype(7)). */
#define LINKTYPE_RAW  101u
#define LINKTYPE_LOOP 108u

int np_frame_link(uint32_t linktype, bool big_endian)
{
    switch (linktype) {
    case LINKTYPE_RAW: return DLT_RAW;
    case LINKTYPE_LOOP: return DLT_LOOP;
    /* DLT_NULL is in the byte order of whoever captured: the network's is DLT_LOOP. */
    case DLT_NULL: return big_endian ? DLT_LOOP : DLT_NULL;
    default: return (int)linktype;
    }
}

np_time np_frame_time(int64_t seconds, uint64_t nanoseconds)
{
    if (seconds < 0) return 0;
    if (seconds >= NP_LAST_SECOND) return NP_LAST_SECOND * NP_SECOND;
    return seconds * NP_SECOND + (nanoseconds < (uint64_t)NP_SECOND ? (np_time)nanoseconds : 0);
}
