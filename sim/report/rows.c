/*
 * Names of rows.
 */
#include "rows.h"
#include "figures.h"
#include <string.h>

#define SHARE_MOST 0.42 /* of the width that names may take */
#define BESIDE     22   /* pixels from a name to the axis and to the edge */

/* The bytes of the first `letters` code points. */
static size_t bytes_of(const char *s, int letters)
{
    size_t n = 0;
    while (s[n] && (letters > 0 || ((unsigned char)s[n] & 0xC0) == 0x80))
        letters -= ((unsigned char)s[n++] & 0xC0) != 0x80;
    while (((unsigned char)s[n] & 0xC0) == 0x80) n++;
    return n;
}

const char *np_row_name(const np_results *r, uint32_t point, uint32_t strategy, int letters)
{
    const np_read_point *p = &r->point[point];
    const char *name = p->strategy[strategy].name;
    for (uint32_t v = 0; name && v < r->varied && r->points > 1; v++)
        name = np_arena_format(r->arena, "%s, %s", name, p->value[v]);
    if (!name || np_text_width(name) <= letters) return name;
    return np_arena_format(r->arena, "%.*s…", (int)bytes_of(name, letters - 1), name);
}

int np_row_margin(const np_drawing *d, int *letters)
{
    const np_results *r = d->results;
    int longest = 0, most = (int)(SHARE_MOST * d->width);
    for (uint32_t p = 0; p < r->points; p++) {
        int values = 0;
        for (uint32_t v = 0; v < r->varied && r->points > 1; v++)
            values += 2 + np_text_width(r->point[p].value[v]);
        for (uint32_t s = 0; s < r->point[p].strategies; s++) {
            int n = values + np_text_width(r->point[p].strategy[s].name);
            if (n > longest) longest = n;
        }
    }
    int margin = BESIDE + (int)(NP_LETTER * longest);
    *letters = margin <= most ? longest : (int)((most - BESIDE) / NP_LETTER);
    return margin <= most ? margin : most;
}
