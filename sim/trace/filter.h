/*
 * One BPF expression for packets of several link types: a program for each.
 */
#ifndef NATPULSE_TRACE_FILTER_H
#define NATPULSE_TRACE_FILTER_H

#include "frame.h"
#include "natpulse/error.h"
#include <pcap/pcap.h>

#define NP_FILTER_LINKS 8 /* in one file; packets of further ones pass no filter */

typedef struct np_filter {
    const char *text; /* the caller's; NULL: everything passes */
    uint32_t links;
    struct {
        int link;
        bool fits;
        struct bpf_program program;
    } of[NP_FILTER_LINKS];
} np_filter;

/* Makes the program for a link type; `pcap` is a handle of that type, or NULL. False and *e
   (NP_TROUBLE_USAGE, libpcap's words and the place) when the expression does not fit it; then none of its
   packets passes. */
bool np_filter_compile(np_filter *f, pcap_t *pcap, int link, np_error *e);
void np_filter_free(np_filter *f);

/* Whether the packet passes. */
bool np_filter_passes(np_filter *f, const np_frame *p);

#endif
