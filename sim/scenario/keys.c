/*
 * The list of keys: the tables, walked from the top, with the defaults written as a scenario would.
 */
#include "natpulse/scenario.h"

#include "schema.h"

#include <stdlib.h>
#include <string.h>

typedef struct walk {
    void (*each)(void *ctx, const np_scenario_key *key);
    void *ctx;
    np_arena *arena;
    np_scenario top;
    np_nat_draft nat;
    np_fill_draft step;
    np_link_config access, core;
    np_group group;
    np_strategy strategy;
    bool no_memory;
} walk;

/* Where the parts of an OWN field have their defaults. */
static const void *sample(const walk *k, const np_field *f)
{
    const np_section *s = f->section;
    if (s == &np_section_nat) return &k->nat;
    if (s == &np_section_link) return strcmp(f->key, "core") == 0 ? &k->core : &k->access;
    if (s == &np_section_client) return &k->group;
    if (s == &np_section_fill_step) return &k->step;
    return &k->strategy;
}

static const char *kept(walk *k, FILE *out, char **text)
{
    const char *copy = out && fclose(out) == 0 ? np_arena_text(k->arena, *text) : NULL;
    free(*text);
    if (!copy) k->no_memory = true;
    return copy ? copy : "";
}

static const char *form_of(walk *k, const np_field *f)
{
    static const char *const quantity[] = {"number", "count", "size", "rate", "share", "duration", "power"};
    static const char *const dist[] = {"numbers", "counts",    "sizes", "rates",
                                       "shares",  "durations", "powers"};
    char *text = NULL;
    size_t size;

    switch (f->type) {
    case NP_TYPE_TEXT: return "text";
    case NP_TYPE_WHOLE:
    case NP_TYPE_REAL:
        return f->zero ? np_arena_format(k->arena, "%s|%s", quantity[f->unit], f->zero) : quantity[f->unit];
    case NP_TYPE_PORTION:
        return f->zero ? np_arena_format(k->arena, "count|share|%s", f->zero) : "count|share";
    case NP_TYPE_DIST:
        return np_arena_format(k->arena, f->zero ? "distribution of %s|%s" : "distribution of %s",
                               dist[f->unit], f->zero);
    case NP_TYPE_SECTION: return f->section->kind ? "profile or map" : "map";
    case NP_TYPE_OWN: return f->form;
    default: break;
    }
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    const char *between = "";
    if (f->type == NP_TYPE_CHOICE)
        for (const np_choice *c = f->choice; c->name; ++c, between = "|")
            fprintf(out, "%s%s", between, c->name);
    else
        for (const char *const *name = f->listed(); *name; ++name, between = "|")
            fprintf(out, "%s%s", between, *name);
    return kept(k, out, &text);
}

static const char *fallback_of(walk *k, const np_field *f, const void *base)
{
    char *text = NULL;
    size_t size;
    if (f->type == NP_TYPE_SECTION && f->section->off) return "off";
    bool none =
        f->type == NP_TYPE_OWN || f->type == NP_TYPE_SECTION || f->required || f->unwritten || f->inherited;
    if (none) return "";
    const void *at = (const char *)base + f->offset;
    if (f->type == NP_TYPE_DIST && ((const np_dist *)at)->a < 0) return ""; /* it must be said */
    if (f->type == NP_TYPE_WHOLE && f->unit == NP_UNIT_TIME && !f->zero &&
        *(const np_time *)at < (np_time)f->least)
        return ""; /* it must be said, or depends on others */
    if (f->type == NP_TYPE_PORTION && ((const np_portion *)at)->share == NP_PORTION_UNSAID) return "";
    if ((f->type == NP_TYPE_TEXT || f->type == NP_TYPE_LISTED) && !*(const char *const *)at) return "";
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    np_writer w = {.out = out};
    np_field_write(&w, f, base);
    return kept(k, out, &text);
}

static void walk_section(walk *k, const np_section *s, const char *prefix, const void *base)
{
    for (uint32_t i = 0; i < s->fields && !k->no_memory; ++i) {
        const np_field *f = &s->field[i];
        const char *path = np_arena_format(k->arena, "%s%s", prefix, f->key);
        const char *form = form_of(k, f), *fallback = fallback_of(k, f, base);
        if (!path || !form || !fallback) {
            k->no_memory = true;
            return;
        }
        k->each(k->ctx, &(np_scenario_key){path, form, fallback, f->meaning});
        if (!f->section) continue;
        bool list = f->type == NP_TYPE_OWN && strncmp(f->form, "a list", 6) == 0;
        const char *below = np_arena_format(k->arena, "%s%s.", path, list ? "[]" : "");
        const void *at = f->type == NP_TYPE_OWN ? sample(k, f) : (const char *)base + f->offset;
        if (below)
            walk_section(k, f->section, below, at);
        else
            k->no_memory = true;
    }
}

bool np_scenario_keys(void (*each)(void *ctx, const np_scenario_key *key), void *ctx, np_error *e)
{
    walk k = {.each = each, .ctx = ctx, .arena = np_arena_create(), .top = {.name = ""}};
    if (!k.arena) return np_fail_memory(e, "the list of keys");
    np_locale locale = np_locale_enter();
    np_scenario_defaults(&k.top);
    np_section_nat.begin(&k.nat);
    k.step.until.share = NP_PORTION_UNSAID;
    k.access = k.top.world.access_up;
    k.core = k.top.world.core_up;
    np_section_client.begin(&k.group);
    np_section_strategy.begin(&k.strategy);
    np_section_keepalive.begin(&k.strategy);
    np_section_heartbeat.begin(&k.strategy.beat);
    walk_section(&k, &np_section_top, "", &k.top);
    np_locale_leave(locale);
    np_arena_destroy(k.arena);
    return k.no_memory ? np_fail_memory(e, "the list of keys") : true;
}
