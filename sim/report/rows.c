/*
 * Names of rows.
 */
#include "rows.h"
#include "figures.h"
#include <string.h>

#define SHARE_MOST 0.42 /* of the width that names may take */
#define BESIDE     26   /* pixels from a name to the axis and to the edge */

const char *np_row_name(const np_results *r, uint32_t point, uint32_t strategy, int letters)
{
    const np_read_point *p = &r->point[point];
    const char *name = p->strategy[strategy].name;
    for (uint32_t v = 0; name && v < r->varied && r->points > 1; v++)
        name = np_arena_format(r->arena, "%s, %s", name, p->value[v]);
    char cut[NP_CUT];
    return name ? np_arena_text(r->arena, np_drawing_cut(name, letters, cut)) : NULL;
}

int np_row_margin(const np_drawing *d, int *letters)
{
    const np_results *r = d->results;
    int longest = 0, most = (int)(SHARE_MOST * d->width);
    double widest = 0;
    for (uint32_t p = 0; p < r->points; p++) {
        int values = 0;
        double pixels = 0;
        for (uint32_t v = 0; v < r->varied && r->points > 1; v++) {
            values += 2 + np_text_width(r->point[p].value[v]);
            pixels += np_text_pixels(", ") + np_text_pixels(r->point[p].value[v]);
        }
        for (uint32_t s = 0; s < r->point[p].strategies; s++) {
            int n = values + np_text_width(r->point[p].strategy[s].name);
            double wide = pixels + np_text_pixels(r->point[p].strategy[s].name);
            if (n > longest) longest = n;
            if (wide > widest) widest = wide;
        }
    }
    int margin = BESIDE + (int)widest;
    *letters = margin <= most ? longest : (int)((most - BESIDE) / NP_LETTER);
    return margin <= most ? margin : most;
}
