/*
 * Figures into the page: each is drawn twice, as wide as a desk and as wide as a telephone, and the reader's
 * window shows one. Texts so keep their size.
 */
#include "gallery.h"
#include "html.h"
#include "page.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SVG_MOST (16 << 20) /* bytes: gnuplot never writes so much of what it is given */

typedef struct showing {
    FILE *out;
    bool marks;     /* the definitions of marks are there */
    uint32_t point; /* whose figures are being shown, + 1; 0: none yet */
} showing;

static char *read_figure(const np_drawing *d)
{
    char path[PATH_MAX];
    FILE *f = np_drawing_path(d, "figure", path) ? fopen(path, "rb") : NULL;
    char *text = NULL;
    size_t n = 0, room = 0;
    while (f && n < SVG_MOST) {
        if (n + 1 >= room) {
            char *grown = realloc(text, room = room ? 2 * room : 65536);
            if (!grown) break;
            text = grown;
        }
        size_t got = fread(text + n, 1, room - n - 1, f);
        n += got;
        if (got == 0) break;
    }
    bool ok = f && text && !ferror(f) && n < SVG_MOST;
    if (f) fclose(f);
    if (ok) {
        text[n] = 0;
        return text;
    }
    free(text);
    np_fail(d->e, NP_TROUBLE_RUN, "%s: reading a figure back failed", d->work);
    return NULL;
}

static bool draw_one(showing *s, np_drawing *d, const char *label, bool narrow)
{
    d->width = narrow ? NP_WIDTH_NARROW : NP_WIDTH;
    char *svg = np_drawing_draw(d) ? read_figure(d) : NULL;
    if (!svg) return false;
    if (!s->marks) np_html_svg_marks(s->out, svg);
    s->marks = true;
    fprintf(s->out, "<div class=\"%s\">", narrow ? "narrow" : "wide");
    np_html_svg(s->out, svg, label);
    fputs("</div>\n", s->out);
    free(svg);
    return true;
}

/* Figures of one point of a grid are folded under its name. */
static void turn_to(showing *s, const np_drawing *d)
{
    if (d->results->points == 1 || d->picture->scope != NP_SCOPE_POINT || s->point == d->point + 1) return;
    if (s->point > 0) fputs("</details>\n", s->out);
    s->point = d->point + 1;
    np_html(s->out, "<details><summary>At %s</summary>\n", np_drawing_point(d)->vary);
}

static bool show(void *ctx, np_drawing *d, const char *why_not)
{
    showing *s = ctx;
    if (why_not) return true;
    turn_to(s, d);
    char title[200];
    bool of_strategy = d->picture->scope == NP_SCOPE_STRATEGY && d->results->point[0].strategies > 1;
    snprintf(title, sizeof title, "%s%s%.120s", d->picture->title, of_strategy ? ": " : "",
             of_strategy ? np_drawing_strategy(d, d->strategy) : "");
    np_html(s->out, "<figure><figcaption><strong>%s</strong><span>%s</span></figcaption>\n", title,
            d->picture->caption);
    bool ok = draw_one(s, d, title, false) && draw_one(s, d, title, true);
    fputs("</figure>\n", s->out);
    return ok;
}

/* Those of all points first; then point by point. */
bool np_page_figures(np_drawing *d, FILE *out)
{
    showing s = {.out = out};
    const np_gallery across = {.no_point = true};
    if (!np_gallery_walk(&across, d, show, &s)) return false;
    for (uint32_t p = 0; p < d->results->points && d->results->points <= NP_POINTS_FEW; p++) {
        const np_gallery one = {.only_points = true, .one_point = true, .point = p};
        if (!np_gallery_walk(&one, d, show, &s)) return false;
    }
    if (s.point > 0) fputs("</details>\n", out);
    if (d->results->points > NP_POINTS_FEW)
        fprintf(
            out,
            "<p>Figures of single points (detection, occupancy) are not among these: there are %u points. "
            "<code>natpulse plot --point N</code> draws them.</p>\n",
            d->results->points);
    return true;
}
