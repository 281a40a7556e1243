/* The journal of a simulation: a row an event. */
#include "natpulse/journal.h"

#include <assert.h>
#include <inttypes.h>

const char *np_notice_name(np_notice_kind kind)
{
    switch (kind) {
    case NP_NOTICE_OPENED: return "opened";
    case NP_NOTICE_BREAK: return "break";
    case NP_NOTICE_HEALED: return "healed";
    case NP_NOTICE_CLIENT_KNEW: return "client_knew";
    case NP_NOTICE_SERVER_KNEW: return "server_knew";
    case NP_NOTICE_FALSE_CLOSE: return "false_close";
    case NP_NOTICE_EVICTED: return "evicted";
    case NP_NOTICE_EXPIRED: return "expired";
    }
    assert(false && "a notice that does not exist");
    return "";
}

void np_journal_head(const np_journal *j)
{
    if (!j->json) fputs("time,event,cause,client,connection\n", j->out);
}

/* A number, or what stands for none. */
static void number(FILE *out, uint32_t n, const char *none)
{
    if (n == UINT32_MAX)
        fputs(none, out);
    else
        fprintf(out, "%" PRIu32, n);
}

void np_journal_notice(void *journal, const np_notice *n)
{
    np_journal *j = journal;
    const char *none = j->json ? "null" : "";
    j->rows++;
    fprintf(j->out,
            j->json ? "{\"time\": %" PRId64 ".%09" PRId64 ", \"event\": \"%s\", \"cause\": "
                    : "%" PRId64 ".%09" PRId64 ",%s,",
            n->when / NP_SECOND, n->when % NP_SECOND, np_notice_name(n->kind));
    if (!j->json)
        fputs(n->cause ? n->cause : "", j->out);
    else if (n->cause)
        fprintf(j->out, "\"%s\"", n->cause);
    else
        fputs("null", j->out);
    fputs(j->json ? ", \"client\": " : ",", j->out);
    number(j->out, n->client, none);
    fputs(j->json ? ", \"connection\": " : ",", j->out);
    number(j->out, n->conn, none);
    fputs(j->json ? "}\n" : "\n", j->out);
}
