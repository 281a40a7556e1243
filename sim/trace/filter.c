/* BPF expressions. See filter.h. */
#include "filter.h"
#include <string.h>

#define SNAPLEN 262144 /* as libpcap's own tools have it */

/* libpcap says what is wrong with an expression but not where: find the longest run of leading words that it
   does understand. Expressions are short and this is the way to an error, so compiling again for each word is
   fine. */
static void understood_part(pcap_t *pcap, const char *text, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t n = strlen(text); n > 0; n--) {
        if (text[n] != ' ' || text[n - 1] == ' ' || n >= size) continue;
        memcpy(out, text, n);
        out[n] = '\0';
        struct bpf_program program = {0};
        if (pcap_compile(pcap, &program, out, 1, PCAP_NETMASK_UNKNOWN) == 0) {
            pcap_freecode(&program);
            return;
        }
    }
    out[0] = '\0';
}

static bool refuse(pcap_t *pcap, const char *text, int link, np_error *e)
{
    char said[PCAP_ERRBUF_SIZE], understood[256];
    snprintf(said, sizeof said, "%s", pcap_geterr(pcap));
    understood_part(pcap, text, understood, sizeof understood);
    const char *name = pcap_datalink_val_to_name(link);
    if (understood[0])
        return np_fail(
            e, NP_TROUBLE_USAGE,
            "filter '%.256s': %s, after '%s' at column %zu; a BPF expression as of pcap-filter(7) was "
            "expected, here for link type %s",
            text, said, understood, strlen(understood) + 2, name ? name : "?");
    return np_fail(
        e, NP_TROUBLE_USAGE,
        "filter '%.256s': %s; a BPF expression as of pcap-filter(7) was expected, here for link type %s",
        text, said, name ? name : "?");
}

bool np_filter_compile(np_filter *f, pcap_t *pcap, int link, np_error *e)
{
    if (f->links == NP_FILTER_LINKS)
        return np_fail(e, NP_TROUBLE_USAGE, "filter: more than %d link types in one file", NP_FILTER_LINKS);
    pcap_t *dead = pcap ? NULL : pcap_open_dead(link, SNAPLEN);
    if (!pcap && !dead) return np_fail_memory(e, "a filter");
    struct bpf_program *program = &f->of[f->links].program;
    bool fits = pcap_compile(pcap ? pcap : dead, program, f->text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    f->of[f->links].link = link;
    f->of[f->links++].fits = fits;
    if (!fits) refuse(pcap ? pcap : dead, f->text, link, e);
    if (dead) pcap_close(dead);
    return fits;
}

void np_filter_free(np_filter *f)
{
    for (uint32_t i = 0; i < f->links; i++)
        if (f->of[i].fits) pcap_freecode(&f->of[i].program);
    f->links = 0;
}

bool np_filter_passes(np_filter *f, const np_frame *p)
{
    if (!f->text) return true;
    for (uint32_t i = 0; i < f->links; i++)
        if (f->of[i].link == p->link)
            return f->of[i].fits && bpf_filter(f->of[i].program.bf_insns, p->data, p->wire, p->captured) != 0;
    return f->links < NP_FILTER_LINKS && np_filter_compile(f, NULL, p->link, NULL) && np_filter_passes(f, p);
}
