/*
 * The keys of `nat` that are about time: timeouts, how they shrink, when what is over is taken.
 */
#include "schema_nat.h"

#include <string.h>

#define TIMEOUT(name, class, text)                                                                           \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_WHOLE, .unit = NP_UNIT_TIME,                           \
        .offset = offsetof(np_nat_draft, nat.timeout[class]), .size = sizeof(np_time),                       \
        .least = (double)NP_MILLISECOND, .most = NP_LONGEST_TIME                                             \
    }

/* All classes of TCP but the established one. */
static void read_transitory(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    np_field one = *f;
    one.type = NP_TYPE_WHOLE;
    np_section alone = {.name = f->key, .field = &one, .fields = 1};
    np_node map = {.kind = NP_NODE_MAP, .line = n->line, .column = n->column, .source = n->source};
    np_node value = *n;
    np_node_append(&map, &value);

    for (int class = NP_TIMEOUT_TCP_SYN_SENT; class <= NP_TIMEOUT_TCP_SYN_SENT2; ++class) {
        if (class == NP_TIMEOUT_TCP_ESTABLISHED) continue;
        np_section_layer(l, &alone, &map, &draft->nat.timeout[class]);
    }
}

static const np_field timeout_fields[] = {
    {.key = "tcp_transitory",
     .meaning = "sets all of TCP but tcp_established; those said beside it override it",
     .type = NP_TYPE_OWN,
     .unit = NP_UNIT_TIME,
     .size = sizeof(np_time),
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .form = "duration",
     .read = read_transitory},
    TIMEOUT("tcp_syn_sent", NP_TIMEOUT_TCP_SYN_SENT, "a SYN was seen, nothing back"),
    TIMEOUT("tcp_syn_recv", NP_TIMEOUT_TCP_SYN_RECV, "SYN and SYN/ACK were seen"),
    TIMEOUT("tcp_established", NP_TIMEOUT_TCP_ESTABLISHED, "the connection is open"),
    TIMEOUT("tcp_fin_wait", NP_TIMEOUT_TCP_FIN_WAIT, "one FIN was seen"),
    TIMEOUT("tcp_close_wait", NP_TIMEOUT_TCP_CLOSE_WAIT, "the FIN was acknowledged"),
    TIMEOUT("tcp_last_ack", NP_TIMEOUT_TCP_LAST_ACK, "both FINs were seen"),
    TIMEOUT("tcp_time_wait", NP_TIMEOUT_TCP_TIME_WAIT, "both FINs were acknowledged"),
    TIMEOUT("tcp_close", NP_TIMEOUT_TCP_CLOSE, "an RST was seen"),
    TIMEOUT("tcp_max_retrans", NP_TIMEOUT_TCP_MAX_RETRANS,
            "data was retransmitted again and again, unanswered"),
    TIMEOUT("tcp_unacknowledged", NP_TIMEOUT_TCP_UNACKNOWLEDGED, "data was sent and not acknowledged yet"),
    TIMEOUT("tcp_syn_sent2", NP_TIMEOUT_TCP_SYN_SENT2, "SYNs were seen from both sides"),
    TIMEOUT("udp", NP_TIMEOUT_UDP, "UDP seen in one direction"),
    TIMEOUT("udp_stream", NP_TIMEOUT_UDP_STREAM, "UDP seen in both directions"),
    TIMEOUT("icmp", NP_TIMEOUT_ICMP, "ICMP echo"),
    TIMEOUT("other", NP_TIMEOUT_OTHER, "any other protocol"),
};
const np_section np_section_timeouts = {.name = "timeouts", NP_FIELDS(timeout_fields)};

/* ---- timeouts that shrink ---- */

static const np_field step_fields[] = {
    {.key = "above",
     .meaning =
         "the step begins when the table holds more mappings than this, or than this share of the capacity",
     .type = NP_TYPE_PORTION,
     .most = NP_MAPPINGS_MOST,
     .required = true,
     NP_FIELD(np_fill_draft, above)},
    {.key = "until",
     .meaning = "it ends when the table holds so many or fewer; by default as many as `above` says",
     .type = NP_TYPE_PORTION,
     .most = NP_MAPPINGS_MOST,
     NP_FIELD(np_fill_draft, until)},
    {.key = "most",
     .meaning = "no timeout is longer then",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .required = true,
     NP_FIELD(np_fill_draft, most)},
};
const np_section np_section_fill_step = {.name = "steps", NP_FIELDS(step_fields)};

static void read_steps(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_nat_draft *draft = base;

    draft->steps = 0;
    if (n->kind == NP_NODE_TEXT && strcmp(n->text, "none") == 0) return;
    if (!np_node_expect(l, n, NP_NODE_LIST, f->key, f->form)) return;
    for (const np_node *entry = n->first; entry; entry = entry->next) {
        if (draft->steps == NP_FILL_STEPS_MOST) {
            np_report_node(l->report, entry, "steps: too many steps; expected at most %d",
                           NP_FILL_STEPS_MOST);
            return;
        }
        np_fill_draft *step = &draft->step[draft->steps++];
        *step = (np_fill_draft){.until.share = NP_PORTION_UNSAID};
        np_section_layer(l, &np_section_fill_step, entry, step);
        if (step->until.share == NP_PORTION_UNSAID) step->until = step->above;
    }
}

static void write_steps(np_writer *w, const np_field *f, const void *base)
{
    const np_nat_draft *draft = base;
    np_write_key(w, f->key);
    fputs(draft->steps == 0 ? " none\n" : "\n", w->out);
    w->depth += 2;
    for (uint32_t i = 0; i < draft->steps; ++i) {
        w->dash = true;
        np_section_write(w, &np_section_fill_step, &draft->step[i]);
    }
    w->depth -= 2;
}

static const np_field adaptive_fields[] = {
    {.key = "start",
     .meaning = "above so many mappings, or this share of the capacity, all timeouts shrink in proportion",
     .type = NP_TYPE_PORTION,
     NP_FIELD(np_nat_draft, start)},
    {.key = "end",
     .meaning = "they would be nothing at so many, which may be above the capacity",
     .type = NP_TYPE_PORTION,
     .least = 1,
     .most = 1e9,
     .zero = "none",
     NP_FIELD(np_nat_draft, end)},
    {.key = "steps",
     .meaning = "caps on all timeouts while the table is so full",
     .type = NP_TYPE_OWN,
     .form = "a list of steps, or none",
     .section = &np_section_fill_step,
     .read = read_steps,
     .write = write_steps},
};
const np_section np_section_adaptive = {.name = "adaptive", NP_FIELDS(adaptive_fields)};

/* ---- expiry ---- */

void np_expiry_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    static const np_field sweep_fields[] = {
        {.key = "sweep",
         .meaning = "how often mappings past their deadline are taken",
         .type = NP_TYPE_WHOLE,
         .unit = NP_UNIT_TIME,
         .size = sizeof(np_time),
         .least = (double)NP_MILLISECOND,
         .most = NP_LONGEST_TIME,
         .required = true},
    };
    static const np_section sweep = {.name = "expiry", NP_FIELDS(sweep_fields)};
    np_nat_draft *draft = base;
    char quoted[NP_QUOTED];

    if (n->kind == NP_NODE_MAP) {
        draft->nat.expiry = NP_EXPIRY_SWEEP;
        np_section_layer(l, &sweep, n, &draft->nat.sweep);
        return;
    }
    if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, f->form)) return;
    if (strcmp(n->text, "exact") == 0)
        draft->nat.expiry = NP_EXPIRY_EXACT;
    else if (strcmp(n->text, "lazy") == 0)
        draft->nat.expiry = NP_EXPIRY_LAZY;
    else if (strcmp(n->text, "linux") == 0)
        draft->nat.expiry = NP_EXPIRY_LINUX;
    else if (strcmp(n->text, "pf") == 0)
        draft->nat.expiry = NP_EXPIRY_PF;
    else
        np_report_node(l->report, n, "expiry: %s is not %s", np_quote(quoted, sizeof quoted, n->text),
                       f->form);
}

void np_expiry_write(np_writer *w, const np_field *f, const void *base)
{
    static const char *const names[] = {[NP_EXPIRY_EXACT] = "exact",
                                        [NP_EXPIRY_LAZY] = "lazy",
                                        [NP_EXPIRY_LINUX] = "linux",
                                        [NP_EXPIRY_PF] = "pf"};
    const np_nat_draft *draft = base;
    char buf[NP_MEASURE_TEXT];
    np_write_key(w, f->key);
    if (draft->nat.expiry == NP_EXPIRY_SWEEP)
        fprintf(w->out, " {sweep: %s}\n", np_time_format(buf, sizeof buf, draft->nat.sweep));
    else
        fprintf(w->out, " %s\n", names[draft->nat.expiry]);
}
