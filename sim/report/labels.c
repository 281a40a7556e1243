/*
 * Places are tried row by row, from the point's own height outwards, and in each row a few positions along x;
 * the cheapest is taken: see the prices below. (Tried and lost: pushing
 * overlapping labels apart by forces, which does not end where points coincide; eight directions on rings,
 * too few where points stand in a row.)
 */
#include "labels.h"
#include <math.h>

#define BESIDE 13.0 /* from a point's middle to its label: a point is up to 18 pixels wide */
#define ROWS   8    /* up, and as many down */
#define SHIFTS 5
#define POINT  8.0 /* half of what a point keeps free around it */
#define BAR    3.0 /* half of what an interval bar does */

/* Covering a name or a point is this much worse than being crossed by a line, which costs as if it were so
   many pixels wide and is worse than standing a row farther off. Lines are walked in so many steps. */
#define COVERS     10.0
#define LINE_WIDTH 10.0
#define ROW_COST   15.0
#define LINE_STEPS 24

typedef struct box {
    double left, right, bottom, top;
} box;

void np_label_end(const np_label *l, double line, double *x, double *y)
{
    *x = l->at_x - 3;
    *y = l->at_y;
    if (l->at_x > l->x) return;
    *x = l->at_x + l->width + 3;
    if (*x < l->x) return;
    *x = l->x;
    *y += l->at_y > l->y ? -line / 2 : line / 2;
}

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

/* What the line from a point to its far label covers of a box. */
static double crossing(const np_label *l, const box *over, double line)
{
    if (!l->far) return 0;
    double dx, dy;
    np_label_end(l, line, &dx, &dy);
    dx -= l->x;
    dy -= l->y;
    int inside = 0;
    for (int k = 1; k < LINE_STEPS; k++) {
        double x = l->x + dx * k / LINE_STEPS, y = l->y + dy * k / LINE_STEPS;
        inside += over->left < x && x < over->right && over->bottom < y && y < over->top;
    }
    return LINE_WIDTH * hypot(dx, dy) * inside / LINE_STEPS;
}

/* What the i-th label covers where it stands now: points and bars of all, labels placed before it, the
 * outside. */
static double cost(const np_label *label, uint32_t i, uint32_t all, double width, double height, double line)
{
    box at = label_box(&label[i], line);
    double own = (at.right - at.left) * (at.top - at.bottom);
    const box panel = {0, width, 0, height};
    double sum = COVERS * (own - overlap(&at, &panel));
    for (uint32_t k = 0; k < all; k++) {
        const np_label *p = &label[k];
        const box point = {p->x - POINT, p->x + POINT, p->y - POINT, p->y + POINT};
        const box bar = {p->x - BAR, p->x + BAR, p->low, p->high};
        sum += COVERS * overlap(&at, &point) + overlap(&at, &bar);
        bool apart = fabs(p->x - label[i].x) > POINT || fabs(p->y - label[i].y) > POINT;
        if (apart) sum += crossing(&label[i], &point, line); /* it would lead to the wrong point */
        if (k < i) {
            box other = label_box(p, line);
            sum += COVERS * overlap(&at, &other) + crossing(&label[i], &other, line) + crossing(p, &at, line);
        }
    }
    return sum;
}

/* Place 0 is right of the point, place 1 left of it; those above and below in its column come next. */
static void put(np_label *l, int place, double line)
{
    int row = (place / SHIFTS + 1) / 2, shift = place % SHIFTS;
    double left = -BESIDE - l->width, right = BESIDE, middle = -l->width / 2;
    const double along[SHIFTS] = {row ? middle : right, row ? right : left, row ? left : right, middle / 2,
                                  middle * 1.5};
    l->at_x = l->x + along[shift];
    l->at_y = l->y + (place / SHIFTS % 2 ? 1 : -1) * row * 1.15 * line;
    l->far = row > 1 || (row == 1 && (shift == 1 || shift == 2));
}

void np_labels_place(np_label *label, uint32_t n, uint32_t all, double width, double height, double line)
{
    for (uint32_t i = 0; i < n; i++) {
        double least = INFINITY;
        int best = 0;
        for (int place = 0; place < SHIFTS * (2 * ROWS + 1); place++) {
            put(&label[i], place, line);
            double c = cost(label, i, all, width, height, line) + ROW_COST * (place / SHIFTS + 1) / 2;
            if (c >= least) continue;
            least = c;
            best = place;
        }
        put(&label[i], best, line);
    }
}
