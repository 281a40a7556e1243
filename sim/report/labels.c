/*
 * Places are tried on rings around the point, the nearest first; the first that covers nothing is taken, else
 * the one that covers least. (Tried and lost: pushing overlapping labels apart by forces, which does not end
 * where points coincide.)
 */
#include "labels.h"
#include <math.h>

#define BESIDE 11.0 /* from a point's middle to its label: a point is 14 pixels wide */
#define RINGS  5
#define POINT  8.0 /* half of what a point keeps free around it */
#define BAR    3.0 /* half of what an interval bar does */

typedef struct box {
    double left, right, bottom, top;
} box;

static double overlap(const box *a, const box *b)
{
    double w = fmin(a->right, b->right) - fmax(a->left, b->left),
           h = fmin(a->top, b->top) - fmax(a->bottom, b->bottom);
    return w > 0 && h > 0 ? w * h : 0;
}

static box label_box(const np_label *l, double line)
{
    return (box){l->at_x - 2, l->at_x + l->width + 2, l->at_y - line / 2, l->at_y + line / 2};
}

/* What the i-th label covers where it stands now: points and bars of all, labels placed before it, the
 * outside. */
static double cost(const np_label *label, uint32_t i, uint32_t n, double width, double height, double line)
{
    box at = label_box(&label[i], line);
    double own = (at.right - at.left) * (at.top - at.bottom);
    const box panel = {0, width, 0, height};
    double sum = 4 * (own - overlap(&at, &panel));
    for (uint32_t k = 0; k < n; k++) {
        const np_label *p = &label[k];
        const box point = {p->x - POINT, p->x + POINT, p->y - POINT, p->y + POINT};
        const box bar = {p->x - BAR, p->x + BAR, p->low, p->high};
        sum += overlap(&at, &point) + overlap(&at, &bar);
        if (k < i) {
            box other = label_box(p, line);
            sum += overlap(&at, &other);
        }
    }
    return sum;
}

static void put(np_label *l, uint32_t place, double line)
{
    /* Right, left, above right, below right, above left, below left, above, below. */
    static const int toward[8][2] = {{1, 0}, {-1, 0}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}, {0, 1}, {0, -1}};
    const int *to = toward[place % 8];
    double ring = place / 8, out = BESIDE + ring * line;
    double dx = to[0] > 0 ? out : to[0] < 0 ? -out - l->width : -l->width / 2;
    double dy = to[1] * (ring > 0 || to[0] == 0 ? out + line / 4 : line * 0.8);
    l->at_x = l->x + (to[1] && to[0] ? dx - to[0] * BESIDE / 2 : dx);
    l->at_y = l->y + dy;
    l->far = ring > 0;
}

void np_labels_place(np_label *label, uint32_t n, double width, double height, double line)
{
    for (uint32_t i = 0; i < n; i++) {
        double least = INFINITY;
        uint32_t best = 0;
        for (uint32_t place = 0; place < 8 * RINGS && least > 0; place++) {
            put(&label[i], place, line);
            double c = cost(label, i, n, width, height, line);
            if (c >= least) continue;
            least = c;
            best = place;
        }
        put(&label[i], best, line);
    }
}
