/*
 * The keys of what comes and goes: `churn` of a client group, `crash` and `restart` of the servers, `restart`
 * of a box.
 */
#include "schema.h"

/* ---- moments: every, at ---- */

static void read_moments(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_moments *m = (np_moments *)((char *)base + f->offset);
    uint32_t count = 0;
    np_time before = -1;

    if (!np_node_expect(l, n, NP_NODE_LIST, f->key, f->form)) return;
    for (const np_node *entry = n->first; entry; entry = entry->next) ++count;
    np_time *at = np_arena_alloc(l->arena, (count + 1) * sizeof *at);
    if (!at) {
        l->report->no_memory = true;
        return;
    }
    *m = (np_moments){.every = m->every, .at = at};
    for (const np_node *entry = n->first; entry; entry = entry->next) {
        char quoted[NP_QUOTED];
        np_time t;
        if (!np_node_expect(l, entry, NP_NODE_TEXT, f->key, "a duration since the start")) continue;
        np_quote(quoted, sizeof quoted, entry->text);
        if (!np_time_parse(entry->text, &t))
            np_report_node(l->report, entry, "%s: %s is not %s", f->key, quoted,
                           np_measure_expected(NP_UNIT_TIME));
        else if (t <= before)
            np_report_node(l->report, entry, "%s: %s is not after the one before; expected rising times",
                           f->key, quoted);
        else if (l->scenario && t >= l->scenario->world.duration)
            np_report_node(l->report, entry, "%s: at %s the run is over; expected a time within its duration",
                           f->key, quoted);
        else
            at[m->listed++] = before = t;
    }
}

static void write_moments(np_writer *w, const np_field *f, const void *base)
{
    const np_moments *m = (const np_moments *)((const char *)base + f->offset);
    char buf[NP_MEASURE_TEXT];
    np_write_key(w, f->key);
    fputs(" [", w->out);
    for (uint32_t i = 0; i < m->listed; ++i)
        fprintf(w->out, "%s%s", i ? ", " : "", np_time_format(buf, sizeof buf, m->at[i]));
    fputs("]\n", w->out);
}

static bool is_never(const np_dist *d)
{
    return d->kind == NP_DIST_CONSTANT && d->a == 0;
}

static bool are_none(const np_moments *m)
{
    return is_never(&m->every) && m->listed == 0;
}

#define EVERY(of, member, text)                                                                              \
    {                                                                                                        \
        .key = "every", .meaning = text, .type = NP_TYPE_DIST, .unit = NP_UNIT_TIME,                         \
        .most = NP_LONGEST_TIME, .zero = "never", .positive_mean = true, NP_FIELD(of, member)                \
    }
#define AT(of, text)                                                                                         \
    {                                                                                                        \
        .key = "at", .meaning = text, .type = NP_TYPE_OWN, .form = "a list of durations since the start",    \
        .offset = offsetof(of, when), .read = read_moments, .write = write_moments                           \
    }

/* ---- servers ---- */

static const np_field downtime_fields[] = {
    EVERY(np_downtime, when.every, "from one to the next, for each server by itself"),
    AT(np_downtime, "for all servers at once"),
    {.key = "down",
     .meaning = "how long it takes",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     .required = true,
     NP_FIELD(np_downtime, down)},
};

static void downtime_check(np_loading *l, const np_node *n, void *base)
{
    const np_downtime *d = base;
    if (are_none(&d->when)) np_report_node(l->report, n, "it never happens; expected every or at");
}

static void downtime_off(void *base)
{
    *(np_downtime *)base = (np_downtime){.down = np_dist_constant(0)};
}

static bool downtime_is_off(const void *base)
{
    return are_none(&((const np_downtime *)base)->when);
}

const np_section np_section_crash = {.name = "crash",
                                     NP_FIELDS(downtime_fields),
                                     .begin = downtime_off,
                                     .check = downtime_check,
                                     .off = downtime_off,
                                     .is_off = downtime_is_off};
const np_section np_section_restart = {.name = "restart",
                                       NP_FIELDS(downtime_fields),
                                       .begin = downtime_off,
                                       .check = downtime_check,
                                       .off = downtime_off,
                                       .is_off = downtime_is_off};

/* ---- a box ---- */

static const np_field nat_restart_fields[] = {
    EVERY(np_nat_restart, when.every, "from one restart to the next"),
    AT(np_nat_restart, "at these times"),
    {.key = "new_address",
     .meaning = "its public addresses are others afterwards",
     .type = NP_TYPE_CHOICE,
     .choice = np_choice_bool,
     NP_FIELD(np_nat_restart, new_address)},
};

static void nat_restart_check(np_loading *l, const np_node *n, void *base)
{
    const np_nat_restart *r = base;
    if (are_none(&r->when)) np_report_node(l->report, n, "it never happens; expected every or at");
}

static void nat_restart_off(void *base)
{
    *(np_nat_restart *)base = (np_nat_restart){.new_address = false};
}

static bool nat_restart_is_off(const void *base)
{
    return are_none(&((const np_nat_restart *)base)->when);
}

const np_section np_section_nat_restart = {.name = "restart",
                                           NP_FIELDS(nat_restart_fields),
                                           .begin = nat_restart_off,
                                           .check = nat_restart_check,
                                           .off = nat_restart_off,
                                           .is_off = nat_restart_is_off};

/* ---- clients ---- */

/* A section of two distributions: something happens every so long, and another time belongs to it. */
#define TIME_OF(name, member, text, ...)                                                                     \
    {                                                                                                        \
        .key = name, .meaning = text, .type = NP_TYPE_DIST, .unit = NP_UNIT_TIME, .most = NP_LONGEST_TIME,   \
        NP_FIELD(np_churn, member), __VA_ARGS__                                                              \
    }
#define OFF_BY(member)                                                                                       \
    static void member##_off(void *base)                                                                     \
    {                                                                                                        \
        ((np_churn *)base)->member = np_dist_constant(0);                                                    \
    }                                                                                                        \
    static bool member##_is_off(const void *base)                                                            \
    {                                                                                                        \
        return is_never(&((const np_churn *)base)->member);                                                  \
    }

static const np_field vanish_fields[] = {
    TIME_OF("every", vanish, "from its coming to its vanishing", .positive_mean = true, .required = true),
    TIME_OF("back", back, "so long after that it comes again", .zero = "never", .positive_mean = true),
};
OFF_BY(vanish)
static const np_section vanish = {
    .name = "vanish", NP_FIELDS(vanish_fields), .off = vanish_off, .is_off = vanish_is_off};

static const np_field sleep_fields[] = {
    TIME_OF("every", sleep, "time awake", .positive_mean = true, .required = true),
    TIME_OF("for", nap, "time asleep", .positive_mean = true, .required = true),
};
OFF_BY(sleep)
static const np_section sleeping = {
    .name = "sleep", NP_FIELDS(sleep_fields), .off = sleep_off, .is_off = sleep_is_off};

static const np_field roam_fields[] = {
    TIME_OF("every", roam, "time at one address", .positive_mean = true, .required = true),
};
OFF_BY(roam)
static const np_section roaming = {
    .name = "roam", NP_FIELDS(roam_fields), .off = roam_off, .is_off = roam_is_off};

static const np_field churn_fields[] = {
    TIME_OF("session", session, "a client closes its connections so long after it came", .zero = "unlimited",
            .positive_mean = true),
    TIME_OF("away", away, "and comes again after so long", .zero = "never", .positive_mean = true),
    {.key = "vanish",
     .meaning = "a client goes without a word, and what it was sent finds nobody",
     .type = NP_TYPE_SECTION,
     .section = &vanish},
    {.key = "sleep",
     .meaning = "a client and its network stop; its connections stay as they are",
     .type = NP_TYPE_SECTION,
     .section = &sleeping},
    {.key = "roam",
     .meaning = "a client gets another address; its TCP connections keep the old one",
     .type = NP_TYPE_SECTION,
     .section = &roaming},
};

static void churn_off(void *base)
{
    *(np_churn *)base = (np_churn){.session = np_dist_constant(0)};
}

static bool churn_is_off(const void *base)
{
    return vanish_is_off(base) && sleep_is_off(base) && roam_is_off(base) &&
           is_never(&((const np_churn *)base)->session);
}

static void churn_check(np_loading *l, const np_node *n, void *base)
{
    const np_churn *c = base;
    if (is_never(&c->session) && !is_never(&c->away))
        np_report_node(l->report, np_node_at(n, "away"),
                       "away: nobody goes away without session; expected how long a session lasts beside it");
}

const np_section np_section_churn = {.name = "churn",
                                     NP_FIELDS(churn_fields),
                                     .begin = churn_off,
                                     .check = churn_check,
                                     .off = churn_off,
                                     .is_off = churn_is_off};
