/*
 * The keys of `nat.ports`.
 */
#include "schema_nat.h"

#include <stdlib.h>
#include <string.h>

static void read_range(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_nat_draft *draft = base;
    char quoted[NP_QUOTED];
    char *end = NULL;

    if (!np_node_expect(l, n, NP_NODE_TEXT, f->key, f->form)) return;
    np_quote(quoted, sizeof quoted, n->text);
    size_t digits = strspn(n->text, "0123456789");
    unsigned long low = 0, high = 0;
    bool good = digits > 0 && digits < 6 && n->text[digits] == '-' &&
                strchr("0123456789", n->text[digits + 1]) != NULL;
    if (good) {
        low = strtoul(n->text, NULL, 10);
        high = strtoul(n->text + digits + 1, &end, 10);
        good = *end == '\0' && end != n->text + digits + 1;
    }
    if (!good)
        np_report_node(l->report, n, "range: %s is not %s", quoted, f->form);
    else if (low < 1 || high > UINT16_MAX)
        np_report_node(l->report, n, "range: %s is out of range; expected ports from 1 to 65535", quoted);
    else if (low > high)
        np_report_node(l->report, n, "range: %s runs backwards; expected the lower port first", quoted);
    else {
        draft->nat.ports.low = (uint16_t)low;
        draft->nat.ports.high = (uint16_t)high;
    }
}

static void write_range(np_writer *w, const np_field *f, const void *base)
{
    const np_nat_draft *draft = base;
    np_write_key(w, f->key);
    fprintf(w->out, " %u-%u\n", (unsigned)draft->nat.ports.low, (unsigned)draft->nat.ports.high);
}

static const np_choice selects[] = {
    {"preserve", NP_PORT_PRESERVE}, {"random", NP_PORT_RANDOM}, {"sequential", NP_PORT_SEQUENTIAL},
    {"linux", NP_PORT_LINUX},       {"none", NP_PORT_NONE},     {NULL, 0}};

static const np_field port_fields[] = {
    {.key = "select",
     .meaning =
         "which external port a new mapping gets; preserve: the client's own where it is free; linux: as "
         "masquerade; none: nothing is translated",
     .type = NP_TYPE_CHOICE,
     .choice = selects,
     NP_FIELD(np_nat_draft, nat.ports.select)},
    {.key = "range",
     .meaning =
         "external ports, inclusive; preserve may go outside of them; linux: 1-65535 keeps a port's class",
     .type = NP_TYPE_OWN,
     .form = "a range of ports (such as 1024-65535)",
     .read = read_range,
     .write = write_range},
    {.key = "addresses",
     .meaning = "public addresses",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65536,
     NP_FIELD(np_nat_draft, nat.ports.addresses)},
    {.key = "block",
     .meaning = "ports are given to inside hosts in blocks of so many",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65535,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.ports.block)},
    {.key = "blocks",
     .meaning = "most blocks an inside host can have",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65535,
     NP_FIELD(np_nat_draft, nat.ports.blocks)},
    {.key = "per_host",
     .meaning = "most mappings an inside host can have, or which share of the capacity",
     .type = NP_TYPE_PORTION,
     .least = 1,
     .most = NP_MAPPINGS_MOST,
     .zero = "unlimited",
     NP_FIELD(np_nat_draft, per_host)},
    {.key = "per_destination",
     .meaning = "most mappings a public address can have to one remote address and port",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = NP_MAPPINGS_MOST,
     .zero = "unlimited",
     NP_FIELD(np_nat_draft, nat.ports.per_destination)},
    {.key = "tries",
     .meaning =
         "ports looked at before an address, or a block, counts as exhausted; linux: has its own number",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_COUNT,
     .least = 1,
     .most = 65536,
     NP_FIELD(np_nat_draft, nat.ports.tries)},
    {.key = "hold",
     .meaning = "so long after its use a port is given to no other inside host",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MILLISECOND,
     .most = NP_LONGEST_TIME,
     .zero = "none",
     NP_FIELD(np_nat_draft, nat.ports.hold)},
};
const np_section np_section_ports = {.name = "ports", NP_FIELDS(port_fields)};
