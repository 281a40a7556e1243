/*
 * A progress bar on standard error, for people only.
 *
 *     [##########..............]  41 %  205/500 runs  52/s  6 s left
 */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS 24
#define REDRAW_S  0.1 /* often enough to look alive */

static double monotonic_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void np_progress_begin(np_progress *p, bool wanted, const char *what)
{
    const char *term = getenv("TERM");
    *p = (np_progress){.shown = wanted && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0),
                       .began = monotonic_s(),
                       .what = what};
}

static void draw(const np_progress *p, uint32_t done, uint32_t all, double elapsed)
{
    char bar[BAR_CELLS + 1], left[32] = "";
    uint32_t full = (uint32_t)((uint64_t)done * BAR_CELLS / all);
    for (uint32_t i = 0; i < BAR_CELLS; i++) bar[i] = i < full ? '#' : '.';
    bar[BAR_CELLS] = 0;
    double rate = elapsed > 0 ? (done - p->before) / elapsed : 0;
    if (rate > 0 && done < all) {
        double s = (all - done) / rate;
        if (s < 99) {
            snprintf(left, sizeof left, "  %.0f s left", s);
        } else if (s < 99 * 60) {
            snprintf(left, sizeof left, "  %.0f min left", s / 60);
        } else {
            snprintf(left, sizeof left, "  %.1f h left", s / 3600);
        }
    }
    fprintf(stderr, "\r[%s] %3u %%  %u/%u %s  %.*f/s%s\033[K", bar, (unsigned)((uint64_t)done * 100 / all),
            done, all, p->what, rate < 10 ? 1 : 0, rate, left);
    fflush(stderr);
}

/* Of what has no known size, such as a pipe. */
static void draw_endless(const np_progress *p, uint32_t done, double elapsed)
{
    double rate = elapsed > 0 ? (done - p->before) / elapsed : 0;
    fprintf(stderr, "\r%u %s  %.*f/s\033[K", done, p->what, rate < 10 ? 1 : 0, rate);
    fflush(stderr);
}

void np_progress_step(void *progress, uint32_t done, uint32_t all)
{
    np_progress *p = progress;
    if (!p->stepped) p->before = done; /* what an earlier sweep did says nothing about this one's rate */
    p->stepped = true;
    if (!p->shown || done + all == 0) return;
    double now = monotonic_s();
    if ((done < all || all == 0) && now - p->drawn < REDRAW_S) return;
    p->drawn = now;
    if (all > 0)
        draw(p, done, all, now - p->began);
    else
        draw_endless(p, done, now - p->began);
}

void np_progress_end(np_progress *p)
{
    if (p->shown && p->drawn > 0) fputs("\r\033[K", stderr);
    p->shown = false;
}
