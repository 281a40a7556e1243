/*
 * The page: one file that can be sent to somebody. It asks nothing of a network and runs no script (its
 * policy forbids both to the browser as well), and reads well on paper.
 *
 *     name, about                 the question
 *     the answer                  one sentence with its interval, and what it leaves open
 *     what was simulated          the scenario in words
 *     results                     tables
 *     figures                     inline SVG
 *     warnings                    in full
 *     to run it again             commands, and the scenario itself
 *
 * It is well-formed as XML, so that a damaged one is found. It depends on the results alone: no date, no
 * host.
 */
#include "page.h"
#include "answer.h"
#include "html.h"
#include "natpulse/output.h"
#include "words.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CIRCUMSTANCES_OPEN 8 /* a longer table of answers is folded */

static void put_top(const np_results *r, FILE *out)
{
    const char *name = *r->scenario ? r->scenario : "Results";
    np_html(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
            "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
            "'unsafe-inline'\"/>\n"
            "<title>%s - natpulse</title>\n<style>\n",
            name);
    fputs(np_page_style, out);
    np_html(out, "</style>\n</head>\n<body>\n<header>\n<p class=\"kind\">natpulse report</p>\n<h1>%s</h1>\n",
            name);
    if (*r->about) np_html(out, "<p class=\"about\">%s</p>\n", r->about);
    uint32_t n = r->point[0].strategies;
    fprintf(out, "<p class=\"facts\">%u strateg%s", n, n == 1 ? "y" : "ies");
    if (r->points > 1) fprintf(out, " · %u points", r->points);
    if (r->replicas > 0) fprintf(out, " · %u replica%s", r->replicas, r->replicas == 1 ? "" : "s");
    double seconds = r->point[0].duration_s;
    char duration[40];
    if (!isnan(seconds))
        np_html(out, " of %s", np_time_format(duration, sizeof duration, np_from_seconds(seconds)));
    if (*r->seed) np_html(out, " · seed %s", r->seed);
    fputs("</p>\n<nav><a href=\"#answer\">Answer</a><a href=\"#scenario\">Scenario</a><a "
          "href=\"#results\">Results</a>"
          "<a href=\"#figures\">Figures</a>",
          out);
    if (r->warning.n > 0) fputs("<a href=\"#warnings\">Warnings</a>", out);
    fputs("<a href=\"#again\">Run it again</a></nav>\n</header>\n<main>\n", out);
}

/* ---- the answer ---- */

/* "98.4 % (97.4 to 99.4)": in a table the kind of interval need not be said again. */
static void put_short_share(const np_estimate *e, FILE *out)
{
    static const char kind[] = "95 % interval ";
    char share[96];
    np_share_text(share, e);
    const char *told = strstr(share, kind);
    fprintf(out, "%.*s%s", told ? (int)(told - share) : (int)strlen(share), share,
            told ? told + strlen(kind) : "");
}

static void put_each(const np_answer *a, FILE *out)
{
    if (a->circumstances == 0) return;
    bool folded = a->circumstances > CIRCUMSTANCES_OPEN;
    if (folded)
        fprintf(out, "<details><summary>In each of the %u circumstances</summary>\n", a->circumstances);
    fputs("<div class=\"box\" role=\"region\" aria-label=\"The answer in each circumstance\" tabindex=\"0\">"
          "<table class=\"prose\"><thead><tr><th scope=\"col\">where</th><th scope=\"col\">the cheapest that "
          "reaches "
          "the target</th><th scope=\"col\">reachable, with its 95 % interval</th><th "
          "scope=\"col\">upkeep</th></tr>"
          "</thead><tbody>\n",
          out);
    for (uint32_t i = 0; i < a->circumstances; i++) {
        const np_at_circumstance *at = &a->at[i];
        char bytes[24];
        np_html(out, "<tr><th scope=\"row\">%s</th><td>%s</td><td>", at->circumstance,
                at->choice ? at->choice : "nothing is shown to");
        if (!at->choice && !isnan(at->reachable.mean)) fputs("at best ", out);
        if (!isnan(at->reachable.mean))
            put_short_share(&at->reachable, out);
        else
            fputs("-", out);
        bool costs = at->choice && !isnan(at->upkeep.mean);
        fprintf(out, "</td><td>%s%s</td></tr>\n", costs ? np_bytes_text(bytes, at->upkeep.mean) : "-",
                costs ? "/h" : "");
    }
    fputs("</tbody></table></div>\n", out);
    if (folded) fputs("</details>\n", out);
}

static bool put_answer(const np_results *r, const np_page_options *o, FILE *out)
{
    np_answer a;
    if (!np_answer_of(r, o->target, &a)) return false;
    np_html(out, "<section class=\"answer\" id=\"answer\">\n<h2>The answer</h2>\n<p class=\"lead\">%s</p>\n",
            a.sentence);
    if (*a.doubts) np_html(out, "<p>%s</p>\n", a.doubts);
    if (r->warning.n > 0)
        fprintf(
            out,
            "<p class=\"warned\">There %s <a href=\"#warnings\">%u warning%s</a> about these results.</p>\n",
            r->warning.n == 1 ? "is" : "are", r->warning.n, r->warning.n == 1 ? "" : "s");
    put_each(&a, out);
    fputs("</section>\n", out);
    return true;
}

/* ---- what was simulated ---- */

static bool put_words(const np_results *r, const np_scenario *s, FILE *out)
{
    np_words w;
    if (!np_words_of(s, r->arena, &w)) return false;
    fputs("<ul>\n", out);
    for (uint32_t i = 0; i < w.sentences; i++) np_html(out, "<li>%s</li>\n", w.sentence[i]);
    fputs("</ul>\n<h3>The strategies</h3>\n<dl>\n", out);
    for (uint32_t i = 0; i < s->strategies; i++)
        np_html(out, "<dt>%s</dt><dd>%s</dd>\n", s->strategy[i].name, w.strategy[i]);
    fputs("</dl>\n", out);
    return true;
}

static void put_names(const np_results *r, FILE *out)
{
    fputs("<p>The result file does not hold the scenario; it names the strategies", out);
    for (uint32_t i = 0; i < r->point[0].strategies; i++)
        np_html(out, "%s‘%s’", i == 0 ? " " : ", ", r->point[0].strategy[i].name);
    for (uint32_t v = 0; v < r->varied; v++)
        np_html(out, "%s%s", v == 0 ? ", and varies " : ", ", r->path[v]);
    fputs(".</p>\n", out);
}

/* A text that is not the results' own would tell lies. */
static bool is_of(const np_scenario *s, const np_results *r)
{
    bool same = s->strategies == r->point[0].strategies;
    for (uint32_t i = 0; same && i < s->strategies; i++)
        same = strcmp(s->strategy[i].name, r->point[0].strategy[i].name) == 0;
    return same;
}

static bool put_scenario(const np_results *r, FILE *out)
{
    fputs("<section id=\"scenario\">\n<h2>What was simulated</h2>\n", out);
    np_scenario *s = *r->yaml ? np_words_scenario(r->yaml) : NULL;
    bool same = s && is_of(s, r), ok = true;
    if (same)
        ok = put_words(r, s, out);
    else
        put_names(r, out);
    np_scenario_destroy(s);
    fputs("</section>\n", out);
    return ok;
}

/* ---- results, figures, warnings ---- */

static void put_remarks(const np_remarks *all, const char *title, FILE *out)
{
    if (all->n == 0) return;
    np_html(out, "<h3>%s</h3>\n<ul>\n", title);
    for (uint32_t i = 0; i < all->n; i++) np_html(out, "<li>%s</li>\n", all->remark[i].text);
    fputs("</ul>\n", out);
}

static void put_results(const np_results *r, FILE *out)
{
    fputs("<section id=\"results\">\n<h2>Results</h2>\n", out);
    np_page_tables(r, out);
    put_remarks(&r->expect, "What was expected", out);
    put_remarks(&r->precision, "Precision", out);
    fputs("</section>\n", out);
}

static bool put_figures(const np_results *r, const np_page_options *o, FILE *out, np_error *e)
{
    fputs("<section id=\"figures\">\n<h2>Figures</h2>\n", out);
    bool ok = true;
    if (o->no_figures) {
        fputs("<p>This page was made without figures.</p>\n", out);
    } else {
        const char *directory = getenv("TMPDIR");
        char scripts[PATH_MAX];
        np_drawing d = {.results = r,
                        .metric = o->metric,
                        .bare = true,
                        .scripts = scripts,
                        .directory = directory && *directory ? directory : "/tmp",
                        .format = "svg",
                        .e = e};
        ok = np_drawing_scripts(scripts, e) && np_drawing_begin(&d);
        if (ok) {
            ok = np_page_figures(&d, out);
            np_drawing_remove(&d);
        }
    }
    fputs("</section>\n", out);
    return ok;
}

static void put_warnings(const np_results *r, FILE *out)
{
    if (r->warning.n == 0) return;
    fputs("<section id=\"warnings\" class=\"warnings\">\n<h2>Warnings</h2>\n<ul>\n", out);
    for (uint32_t i = 0; i < r->warning.n; i++)
        np_html(out, "<li><code>%s</code>: %s</li>\n", r->warning.remark[i].name, r->warning.remark[i].text);
    fputs("</ul>\n</section>\n", out);
}

/* ---- again ---- */

/* A file name from the scenario's: letters, digits and dashes. */
static void file_name(const char *name, char *file, size_t size)
{
    size_t n = 0;
    for (; *name && n + 1 < size && n < 60; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x80 && isalnum(c))
            file[n++] = (char)tolower(c);
        else if (n > 0 && file[n - 1] != '-')
            file[n++] = '-';
    }
    while (n > 0 && file[n - 1] == '-') n--;
    file[n] = 0;
    if (n == 0) snprintf(file, size, "scenario");
}

static void put_again(const np_results *r, FILE *out)
{
    char file[64];
    file_name(r->scenario, file, sizeof file);
    fputs("<section id=\"again\">\n<h2>To run it again</h2>\n", out);
    np_html(out, "<p>Made by natpulse %s from the scenario with digest <code>%s</code>, seed %s.",
            *r->version ? r->version : "?", *r->digest ? r->digest : "?", *r->seed ? r->seed : "?");
    fputs(" The same version, scenario and seed give the same figures, with any number of threads.</p>\n", out);
    if (*r->yaml) {
        np_html(out,
                "<p>Save the text below as <code>%s.yaml</code> (seed and replicas are in it), then:</p>\n"
                "<pre>natpulse run %s.yaml -o %s.json\nnatpulse report %s.json -o %s.html</pre>\n",
                file, file, file, file, file);
        np_html(out,
                "<details><summary>The scenario, with every default filled "
                "in</summary>\n<pre>%s</pre></details>\n",
                r->yaml);
    } else {
        np_html(out,
                "<pre>natpulse run %s.yaml --seed %s --replicas %s -o %s.json\nnatpulse report %s.json -o "
                "%s.html</pre>\n",
                file, *r->seed ? r->seed : "1",
                r->replicas ? np_arena_format(r->arena, "%u", r->replicas) : "10", file, file, file);
    }
    fputs("</section>\n", out);
}

bool np_page_write(const np_results *r, const np_page_options *o, FILE *out, np_error *e)
{
    put_top(r, out);
    if (!put_answer(r, o, out) || !put_scenario(r, out)) return np_fail_memory(e, "the page");
    put_results(r, out);
    if (!put_figures(r, o, out, e)) return false;
    put_warnings(r, out);
    put_again(r, out);
    fputs("</main>\n<footer><p>A simulation: its figures hold for the scenario above, not for every network. "
          "Intervals "
          "are 95 % confidence intervals of the mean over replicas (Student’s "
          "t).</p></footer>\n</body>\n</html>\n",
          out);
    return true;
}

bool np_report_page(const char *results, const np_page_options *o, FILE *out, np_error *e)
{
    np_results r;
    if (!np_results_read(results, &r, e)) return false;
    bool ok = np_page_write(&r, o, out, e);
    np_arena_destroy(r.arena);
    return ok;
}
