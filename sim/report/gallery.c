/*
 * A walk through the list of pictures: once for all results, for each strategy, or for each point.
 */
#include "gallery.h"

bool np_gallery_has_point(const np_gallery *g, const np_results *r, uint32_t point)
{
    if (g->one_point) return point == g->point;
    return g->every_point || r->points <= NP_POINTS_FEW;
}

static uint32_t rooms(const np_drawing *d)
{
    switch (d->picture->scope) {
    case NP_SCOPE_STRATEGY: return d->results->point[0].strategies;
    case NP_SCOPE_POINT: return d->results->points;
    case NP_SCOPE_STUDY: break;
    }
    return 1;
}

bool np_gallery_walk(const np_gallery *g, np_drawing *d,
                     bool (*visit)(void *ctx, np_drawing *d, const char *why_not), void *ctx)
{
    for (size_t i = 0; i < np_pictures_count; i++) {
        d->picture = &np_pictures[i];
        bool single = d->picture->scope == NP_SCOPE_POINT;
        if (single ? g->no_point : g->only_points) continue;
        for (uint32_t k = 0; k < rooms(d); k++) {
            if (single && !np_gallery_has_point(g, d->results, k)) continue;
            d->point = single ? k : 0;
            d->strategy = d->picture->scope == NP_SCOPE_STRATEGY ? k : 0;
            const char *why_not = d->picture->why_not(d);
            if (why_not && !*why_not) continue;
            if (!visit(ctx, d, why_not)) return false;
        }
    }
    return true;
}

char *np_gallery_name(const np_drawing *d, char *buf)
{
    uint32_t k = d->picture->scope == NP_SCOPE_POINT ? d->point : d->strategy;
    if (rooms(d) > 1)
        snprintf(buf, 64, "%s-%u", d->picture->name, k);
    else
        snprintf(buf, 64, "%s", d->picture->name);
    return buf;
}
