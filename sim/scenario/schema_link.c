/*
 * The keys of `access` and `core`: a link in both directions at once, or `up` and `down` by themselves.
 */
#include "schema_top.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- loss ---- */

static const np_field gilbert_fields[] = {
    {.key = "mean_loss",
     .meaning = "share of time in the bad state, where all is lost",
     .type = NP_TYPE_REAL,
     .unit = NP_UNIT_SHARE,
     .least = 0,
     .most = 0.99,
     .required = true,
     NP_FIELD(np_link_config, loss)},
    {.key = "mean_burst",
     .meaning = "mean length of a bad spell",
     .type = NP_TYPE_WHOLE,
     .unit = NP_UNIT_TIME,
     .least = (double)NP_MICROSECOND,
     .most = NP_LONGEST_TIME,
     .required = true,
     NP_FIELD(np_link_config, burst)},
};
static const np_section gilbert = {.name = "gilbert", NP_FIELDS(gilbert_fields)};

static const np_field bursty_fields[] = {
    {.key = "gilbert",
     .meaning = "loss in bursts: a Gilbert process in time",
     .type = NP_TYPE_SECTION,
     .section = &gilbert,
     .required = true},
};
static const np_section bursty = {.name = "loss", NP_FIELDS(bursty_fields)};

static const np_field independent_fields[] = {
    {.key = "loss", .type = NP_TYPE_REAL, .unit = NP_UNIT_SHARE, .most = 1, NP_FIELD(np_link_config, loss)},
};
static const np_section independent = {.name = "loss", NP_FIELDS(independent_fields)};

static void read_loss(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_link_config *link = base;
    (void)f;
    if (n->kind == NP_NODE_MAP) {
        link->loss_kind = NP_LOSS_GILBERT;
        np_section_layer(l, &bursty, n, link);
        return;
    }
    if (!np_node_expect(l, n, NP_NODE_TEXT, "loss",
                        "a share (such as 1%) or {gilbert: {mean_loss: ..., mean_burst: ...}}"))
        return;
    np_node map = {.kind = NP_NODE_MAP, .line = n->line, .column = n->column, .source = n->source};
    np_node value = *n;
    np_node_append(&map, &value);
    np_section_layer(l, &independent, &map, link);
    link->burst = 0;
    link->loss_kind = link->loss > 0 ? NP_LOSS_INDEPENDENT : NP_LOSS_NONE;
}

static void write_loss(np_writer *w, const np_field *f, const void *base)
{
    const np_link_config *link = base;
    if (link->loss_kind != NP_LOSS_GILBERT) {
        np_write_key(w, f->key);
        char buf[NP_MEASURE_TEXT];
        fprintf(w->out, " %s\n", np_measure_format(buf, sizeof buf, NP_UNIT_SHARE, link->loss));
        return;
    }
    np_write_key(w, f->key);
    putc('\n', w->out);
    w->depth++;
    np_section_write(w, &bursty, link);
    w->depth--;
}

/* ---- outages ---- */

static const np_field outage_fields[] = {
    {.key = "up",
     .meaning = "how long the link stays up",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     .positive_mean = true,
     .required = true,
     NP_FIELD(np_link_config, up)},
    {.key = "down",
     .meaning = "how long an outage lasts",
     .type = NP_TYPE_DIST,
     .unit = NP_UNIT_TIME,
     .most = NP_LONGEST_TIME,
     .positive_mean = true,
     .required = true,
     NP_FIELD(np_link_config, down)},
};

static void outages_begin(void *base)
{
    ((np_link_config *)base)->outages = true;
}
static void outages_off(void *base)
{
    np_link_config *link = base;
    link->outages = false;
    link->up = link->down = np_dist_constant(0);
}
static bool outages_are_off(const void *base)
{
    return !((const np_link_config *)base)->outages;
}

static const np_section outages = {.name = "outages",
                                   NP_FIELDS(outage_fields),
                                   .begin = outages_begin,
                                   .off = outages_off,
                                   .is_off = outages_are_off};

/* ---- a link ---- */

#define LINK_FIELDS                                                                                          \
    {.key = "delay",                                                                                         \
     .meaning = "propagation, one way",                                                                      \
     .type = NP_TYPE_WHOLE,                                                                                  \
     .unit = NP_UNIT_TIME,                                                                                   \
     .most = (double)NP_DAY,                                                                                 \
     NP_FIELD(np_link_config, delay)},                                                                       \
        {.key = "jitter",                                                                                    \
         .meaning = "added to the delay of each packet",                                                     \
         .type = NP_TYPE_DIST,                                                                               \
         .unit = NP_UNIT_TIME,                                                                               \
         .most = (double)NP_DAY,                                                                             \
         NP_FIELD(np_link_config, jitter)},                                                                  \
        {.key = "loss",                                                                                      \
         .meaning = "of packets, at random or in bursts",                                                    \
         .type = NP_TYPE_OWN,                                                                                \
         .form = "share, or {gilbert: {mean_loss, mean_burst}}",                                             \
         .read = read_loss,                                                                                  \
         .write = write_loss},                                                                               \
        {.key = "outages",                                                                                   \
         .meaning = "the link goes down and comes back, or off",                                             \
         .type = NP_TYPE_SECTION,                                                                            \
         .section = &outages},                                                                               \
        {.key = "rate",                                                                                      \
         .meaning = "what the link carries",                                                                 \
         .type = NP_TYPE_REAL,                                                                               \
         .unit = NP_UNIT_RATE,                                                                               \
         .least = 1,                                                                                         \
         .most = 1e15,                                                                                       \
         .zero = "unlimited",                                                                                \
         NP_FIELD(np_link_config, rate)},                                                                    \
    {                                                                                                        \
        .key = "queue", .meaning = "bytes that may wait for the rate", .type = NP_TYPE_WHOLE,                \
        .unit = NP_UNIT_SIZE, .least = 1, .most = NP_LARGEST_SIZE, NP_FIELD(np_link_config, queue)           \
    }

static const np_field link_fields[] = {LINK_FIELDS};
const np_section np_section_link = {.name = "a link", NP_FIELDS(link_fields)};

/* `up` and `down` are read by whoever reads both directions; here they are only known. */
static void read_direction(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    (void)l, (void)f, (void)n, (void)base;
}

static const np_field pair_fields[] = {
    LINK_FIELDS,
    {.key = "up",
     .meaning = "from the clients to the servers: the keys above once more",
     .type = NP_TYPE_OWN,
     .form = "map",
     .read = read_direction},
    {.key = "down",
     .meaning = "from the servers to the clients",
     .type = NP_TYPE_OWN,
     .form = "map",
     .read = read_direction},
};
static const np_section access_pair = {.name = "access", NP_FIELDS(pair_fields)};
static const np_section core_pair = {.name = "core", NP_FIELDS(pair_fields)};

/* Reads the common keys into both directions (whose findings are the same, and reported once), then each. */
static void read_pair(np_loading *l, const np_section *pair, const np_node *n, np_link_config *up,
                      np_link_config *down)
{
    if (!np_node_expect(l, n, NP_NODE_MAP, pair->name, "a map of keys")) return;
    np_section_layer(l, pair, n, up);
    np_section_layer(l, pair, n, down);
    const np_node *one = np_node_get(n, "up"), *other = np_node_get(n, "down");
    if (one) np_section_layer(l, &np_section_link, one, up);
    if (other) np_section_layer(l, &np_section_link, other, down);
}

void np_access_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_world_config *world = &((np_scenario *)base)->world;
    (void)f;
    read_pair(l, &access_pair, n, &world->access_up, &world->access_down);
}

void np_core_read(np_loading *l, const np_field *f, const np_node *n, void *base)
{
    np_world_config *world = &((np_scenario *)base)->world;
    (void)f;
    read_pair(l, &core_pair, n, &world->core_up, &world->core_down);
}

/* Two configurations are the same when they are written the same: their bytes have padding and pointers. */
static char *link_text(const np_link_config *link)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    np_writer w = {.out = out, .depth = 0};
    np_section_write(&w, &np_section_link, link);
    fclose(out);
    return text;
}

static void write_pair(np_writer *w, const char *key, const np_link_config *up, const np_link_config *down)
{
    char *one = link_text(up), *other = link_text(down);
    bool same = one && other && strcmp(one, other) == 0;
    free(one);
    free(other);

    np_write_key(w, key);
    putc('\n', w->out);
    w->depth++;
    for (int i = 0; i < 2 && !same; ++i) {
        np_write_key(w, i == 0 ? "up" : "down");
        putc('\n', w->out);
        w->depth++;
        np_section_write(w, &np_section_link, i == 0 ? up : down);
        w->depth--;
    }
    if (same) np_section_write(w, &np_section_link, up);
    w->depth--;
}

void np_access_write(np_writer *w, const np_field *f, const void *base)
{
    const np_world_config *world = &((const np_scenario *)base)->world;
    write_pair(w, f->key, &world->access_up, &world->access_down);
}

void np_core_write(np_writer *w, const np_field *f, const void *base)
{
    const np_world_config *world = &((const np_scenario *)base)->world;
    write_pair(w, f->key, &world->core_up, &world->core_down);
}
