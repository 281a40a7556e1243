/*
 * The work directory of a figure, its job, and gnuplot in it.
 *
 * A figure is drawn in a directory of its own: data files, a job that says what is particular to this result
 * (names, ranges, where labels go) and loads the script that says how the figure looks
 * (scripts/plot/NAME.gp). gnuplot runs there with fixed file names, so no name of the user's is ever part of
 * a command; names of strategies and varied values go into single-quoted strings, in which gnuplot expands
 * nothing.
 */
#include "drawing.h"
#include "figures.h"
#include "natpulse/place.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const work_files[] = {"job",   "values", "client", "server", "entries",
                                         "front", "names",  "figure", "log"};

bool np_drawing_begin(np_drawing *d)
{
    int n = snprintf(d->work, sizeof d->work, "%s/.natpulse-plot-XXXXXX", d->directory);
    return (n < PATH_MAX && mkdtemp(d->work)) ||
           np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", d->directory, strerror(errno));
}

bool np_drawing_path(const np_drawing *d, const char *name, char *path)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", d->work, name);
    return n < PATH_MAX || np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->work);
}

FILE *np_drawing_create(const np_drawing *d, const char *name)
{
    char path[PATH_MAX];
    if (!np_drawing_path(d, name, path)) return NULL;
    FILE *f = fopen(path, "w");
    if (!f) np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", path, strerror(errno));
    return f;
}

bool np_drawing_finish(const np_drawing *d, FILE *f)
{
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok;
    return ok || np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", d->work, strerror(errno));
}

void np_drawing_remove(const np_drawing *d)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof work_files / sizeof *work_files; i++) {
        if (np_drawing_path(d, work_files[i], path)) unlink(path);
    }
    rmdir(d->work);
}

static void quote(FILE *f, const char *s, bool format)
{
    fputc('\'', f);
    for (; *s; s++) {
        if (*s == '\'' || (format && *s == '%')) fputc(*s, f);
        fputc((unsigned char)*s < ' ' ? ' ' : *s, f);
    }
    fputc('\'', f);
}

void np_drawing_quote(FILE *job, const char *text)
{
    quote(job, text, false);
}

void np_drawing_text(FILE *job, const char *name, const char *text)
{
    fprintf(job, "%s = ", name);
    np_drawing_quote(job, text);
    fputc('\n', job);
}

void np_drawing_element(FILE *job, const char *array, uint32_t i, const char *text)
{
    fprintf(job, "%s[%u] = ", array, i);
    np_drawing_quote(job, text);
    fputc('\n', job);
}

void np_drawing_tic(FILE *job, const char *array, uint32_t i, const char *text)
{
    fprintf(job, "%s[%u] = ", array, i);
    quote(job, text, true);
    fputc('\n', job);
}

const char *np_drawing_cut(const char *text, int letters, char buf[NP_CUT])
{
    size_t n = 0;
    if (np_text_width(text) <= letters) return text;
    if (letters > 100) letters = 100;
    for (int left = letters - 1; text[n] && n + 8 < NP_CUT; n++) {
        bool begins = ((unsigned char)text[n] & 0xC0) != 0x80;
        if (begins && left-- <= 0) break;
    }
    snprintf(buf, NP_CUT, "%.*s…", (int)n, text);
    return buf;
}

const char *np_drawing_fit(const char *text, double pixels, char buf[NP_CUT])
{
    int letters = np_text_width(text);
    const char *shown = text;
    while (np_text_pixels(shown) > pixels && letters > 1) shown = np_drawing_cut(text, --letters, buf);
    return shown;
}

void np_drawing_names(FILE *job, uint32_t most)
{
    if (most == 0) most = 1; /* gnuplot has no empty arrays */
    fprintf(job, "np_names = 0\narray Text[%u]\narray TextX[%u]\narray TextY[%u]\narray TextOf[%u]\n", most,
            most, most, most);
}

void np_drawing_name(FILE *job, uint32_t *n, int panel, const char *text, double x, double y)
{
    ++*n;
    np_drawing_element(job, "Text", *n, text);
    fprintf(job, "TextX[%u] = %.9g\nTextY[%u] = %.9g\nTextOf[%u] = %d\nnp_names = %u\n", *n, x, *n, y, *n,
            panel, *n);
}

bool np_drawing_has(const np_drawing *d, uint32_t strategy, np_metric m)
{
    const np_results *r = d->results;
    bool one = d->picture->scope == NP_SCOPE_POINT;
    for (uint32_t p = one ? d->point : 0; p < (one ? d->point + 1 : r->points); p++) {
        if (!isnan(r->point[p].strategy[strategy].value[m].mean)) return true;
    }
    return false;
}

#define NOTE_SIDE 8 /* pixels that it keeps free at its right end */

/* The names that a note has room for. */
static void write_note(const np_drawing *d, FILE *job, const char *why, np_left_out *out, np_metric m)
{
    char note[400];
    size_t used = 0;
    const np_read_point *p = np_drawing_point(d);
    double left = d->width - NP_PANEL_LEFT - NOTE_SIDE;
    for (uint32_t i = 0; i < p->strategies; i++) {
        const char *name = p->strategy[i].name, *joint = used ? ", " : why;
        if (out ? !out(&p->strategy[i]) : np_drawing_has(d, i, m)) continue;
        left -= np_text_pixels(joint) + np_text_pixels(name);
        bool fits = left > (i + 1 < p->strategies ? np_text_pixels(", …") : 0) &&
                    used + strlen(joint) + strlen(name) + 8 < sizeof note;
        int n = snprintf(note + used, sizeof note - used, "%s%s", joint, fits ? name : "…");
        used += (size_t)(n > 0 ? n : 0);
        if (!fits) break;
    }
    np_drawing_text(job, "np_note", used ? note : "");
}

void np_drawing_note(const np_drawing *d, FILE *job, const char *why, np_left_out *out)
{
    write_note(d, job, why, out, NP_METRIC_COUNT);
}

void np_drawing_note_without(const np_drawing *d, FILE *job, const char *why, np_metric m)
{
    write_note(d, job, why, NULL, m);
}

/* ---- gnuplot ---- */

/* gnuplot's own words, its last line. */
static void last_line(const np_drawing *d, char *text, size_t size)
{
    char path[PATH_MAX], line[300];
    *text = 0;
    FILE *f = np_drawing_path(d, "log", path) ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (*line) snprintf(text, size, "%s", line + strspn(line, " "));
    }
    if (f) fclose(f);
}

#define NO_PROGRAM 127 /* what shells say too */

static void become_gnuplot(const np_drawing *d)
{
    int none = open("/dev/null", O_RDONLY), log = -1;
    if (chdir(d->work) == 0) log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (none < 0 || log < 0 || dup2(none, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(1);
    execlp("gnuplot", "gnuplot", "-d", "job", (char *)NULL); /* -d: not the user's own settings */
    _exit(errno == ENOENT ? NO_PROGRAM : 1);
}

static bool run_gnuplot(const np_drawing *d)
{
    pid_t child = fork();
    if (child == 0) become_gnuplot(d);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (child < 0) return np_fail(d->e, NP_TROUBLE_RUN, "starting gnuplot failed: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM) {
        return np_fail(
            d->e, NP_TROUBLE_RUN,
            "gnuplot is not installed: figures need it (package gnuplot-nox or gnuplot on Debian, gnuplot "
            "elsewhere)");
    }
    char path[PATH_MAX], why[300];
    struct stat drawn_file;
    if (!np_drawing_path(d, "figure", path)) return false;
    if (status == 0 && stat(path, &drawn_file) == 0 && drawn_file.st_size > 0) return true;
    last_line(d, why, sizeof why);
    return np_fail(d->e, NP_TROUBLE_RUN, "gnuplot failed: %s", *why ? why : "it wrote no figure");
}

/* ---- the job ---- */

/* Pixels above the panels for the title; under them for tics and the axis' name, a line for the note, and one
   for each row of the legend. */
#define TITLE         66
#define TITLE_LINE    24
#define TITLE_SIDE    8
#define NO_TITLE      32
#define AXIS          85
#define NOTE_LINE     32
#define UNDER_LINE    24
#define LEGEND_LINE   27
#define LEGEND_SAMPLE 110 /* the line and the gaps of an entry */
#define LEGEND_LETTER 11  /* what gnuplot, which must guess, reserves for a letter */

const char *np_drawing_strategy(const np_drawing *d, uint32_t i)
{
    return d->results->point[0].strategy[i].name;
}

void np_drawing_legend(const np_drawing *d, np_layout *l)
{
    l->entries = d->results->point[0].strategies;
    l->entry = np_drawing_strategy;
}

static const char *entry_of(const np_drawing *d, const np_layout *l, uint32_t i)
{
    return l->entry ? l->entry(d, i) : l->name[i];
}

/* Columns of the legend that fit under the figure. */
static int legend_columns(const np_drawing *d, const np_layout *l, int width)
{
    int longest = 1;
    for (uint32_t i = 0; i < l->entries; i++) {
        int n = np_text_width(entry_of(d, l, i));
        if (n > longest) longest = n;
    }
    int columns = (width - l->left) / (LEGEND_LETTER * longest + LEGEND_SAMPLE);
    return columns < 1 ? 1 : columns > 4 ? 4 : columns;
}

static const np_layout plain = {.panels = 2,
                                .panel = NP_PANEL_HEIGHT,
                                .gap = NP_PANEL_GAP,
                                .left = NP_PANEL_LEFT,
                                .right = NP_PANEL_RIGHT};

/* "bars: 95 % intervals over 10 replicas"; a page has said it already. */
static bool interval_text(const np_drawing *d, char *text, size_t size)
{
    const np_results *r = d->results;
    if (d->bare || !d->picture->interval || r->replicas == 1) return false;
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t p = 0; p < r->points; p++) {
        if (r->point[p].replicas < least) least = r->point[p].replicas;
        if (r->point[p].replicas > most) most = r->point[p].replicas;
    }
    int n = snprintf(text, size, "%s: 95 %% intervals over ", d->picture->interval);
    if (least == 0)
        snprintf(text + n, size - (size_t)n, "the replicas");
    else if (least == most)
        snprintf(text + n, size - (size_t)n, "%u replicas", most);
    else
        snprintf(text + n, size - (size_t)n, "%u to %u replicas", least, most);
    return true;
}

/* "after a name: nat.capacity, access.loss" */
static bool values_text(const np_drawing *d, char *text, size_t size)
{
    const np_results *r = d->results;
    if (!d->picture->values || r->points == 1) return false;
    size_t used = (size_t)snprintf(text, size, "%s: ", d->picture->values);
    for (uint32_t v = 0; v < r->varied && used < size; v++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", v > 0 ? ", " : "", r->path[v]);
    return true;
}

/* The grey lines that a figure has by what it is. Returns how many. */
static int write_unders(const np_drawing *d, FILE *job, int width)
{
    char text[2][300], cut[NP_CUT];
    int n = 0;
    if (d->picture) {
        n += interval_text(d, text[n], sizeof text[n]);
        n += values_text(d, text[n], sizeof text[n]);
    }
    fprintf(job, "np_unders = %d\narray Under[2]\n", n);
    for (int i = 0; i < n; i++)
        np_drawing_element(job, "Under", (uint32_t)i + 1,
                           np_drawing_fit(text[i], width - NP_PANEL_LEFT - NOTE_SIDE, cut));
    return n;
}

/* One line, or two where one does not hold it: what the figure is, and of what. Returns how many. A script
   that has Title[] from style.gp finds no np_title. */
static int write_title(const np_drawing *d, FILE *job, const char *title, const char *of, int width)
{
    char one[600], cut[NP_CUT];
    double room = width - 2 * TITLE_SIDE;
    snprintf(one, sizeof one, "%.200s%s%.380s", title, *of ? ": " : "", of);
    int lines = d->bare || !d->picture ? 0 : np_text_pixels(one) <= room || !*of ? 1 : 2;
    np_drawing_text(job, "np_title", d->bare || lines > 0 ? "" : np_drawing_fit(one, room, cut));
    fprintf(job, "np_titles = %d\narray Title[2]\n", lines);
    if (lines > 0) np_drawing_element(job, "Title", 1, np_drawing_fit(lines > 1 ? title : one, room, cut));
    if (lines > 1) np_drawing_element(job, "Title", 2, np_drawing_fit(of, room, cut));
    return lines;
}

/* `of`: what follows the title, after a colon or on a line of its own. */
static void write_frame(const np_drawing *d, FILE *job, const char *title, const char *of, const np_layout *l)
{
    int width = d->width ? d->width : NP_WIDTH, columns = legend_columns(d, l, width),
        legend = LEGEND_LINE * (((int)l->entries + columns - 1) / columns),
        unders = write_unders(d, job, width), foot = AXIS + NOTE_LINE + UNDER_LINE * unders + legend,
        panels = l->panels * l->panel + (l->panels - 1) * l->gap;
    np_drawing_text(job, "np_format", d->format);
    np_drawing_text(job, "np_scripts", d->scripts);
    int titles = write_title(d, job, title, of, width);
    fprintf(job, "np_width = %d.0\nnp_height = %d.0\nnp_left = %d\nnp_right = %d\nnp_bare = %d\n", width,
            foot + panels + (d->bare ? NO_TITLE : TITLE) + (titles > 1 ? TITLE_LINE : 0), l->left, l->right,
            d->bare);
    fprintf(job, "np_panels = %d\nnp_panel = %d\narray Foot[%d]\n", l->panels, l->panel, l->panels);
    for (int i = 0; i < l->panels; i++) { /* from the top */
        fprintf(job, "Foot[%d] = %d\n", i + 1, foot + (l->panels - 1 - i) * (l->panel + l->gap));
    }
    fprintf(job, "np_foot_high = Foot[1]\nnp_foot_low = Foot[%d]\n", l->panels);
    fprintf(job, "np_legend = %d\nnp_legend_columns = %d\nnp_note_line = %d\nnp_note = ''\n", legend, columns,
            NOTE_LINE);
    fprintf(job, "np_side = %d\nnp_under_line = %d\nnp_note_left = %d\n", NP_SIDE, UNDER_LINE,
            l->left < NP_PANEL_LEFT ? l->left : NP_PANEL_LEFT);
}

int np_drawing_legend_letters(const np_drawing *d)
{
    int width = d->width ? d->width : NP_WIDTH;
    return (width - NP_PANEL_LEFT - LEGEND_SAMPLE) / (int)(NP_LETTER + 0.6);
}

static void write_names(const np_drawing *d, FILE *job, uint32_t n, const np_layout *names)
{
    char cut[NP_CUT];
    fprintf(job, "np_strategies = %u\narray Name[%u]\n", n, n);
    for (uint32_t i = 0; i < n; i++)
        np_drawing_element(job, "Name", i + 1,
                           np_drawing_cut(entry_of(d, names, i), np_drawing_legend_letters(d), cut));
}

void np_drawing_frame(const np_drawing *d, FILE *job, const char *title, const char *const *name,
                      uint32_t names, bool legend)
{
    np_layout l = plain;
    l.name = name;
    l.entries = legend ? names : 0;
    write_frame(d, job, title, "", &l);
    write_names(d, job, names, &l);
}

void np_drawing_load(FILE *job, const char *script)
{
    fprintf(job, "load np_scripts.'/style.gp'\nload np_scripts.'/%s.gp'\nset output\n", script);
}

bool np_drawing_place(const np_drawing *d, const char *target)
{
    char path[PATH_MAX];
    if (!run_gnuplot(d) || !np_drawing_path(d, "figure", path)) return false;
    return rename(path, target) == 0 || np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", target, strerror(errno));
}

/* "quickstart, nat.capacity = 320": of what a figure is. */
static void write_of(const np_drawing *d, char *text, size_t size)
{
    const char *name = d->results->scenario, *of = "";
    if (d->picture->scope == NP_SCOPE_POINT) of = np_drawing_point(d)->vary;
    if (d->picture->scope == NP_SCOPE_STRATEGY) of = np_drawing_strategy(d, d->strategy);
    snprintf(text, size, "%s%s%s", name, *name && *of ? ", " : "", of);
}

bool np_drawing_draw(const np_drawing *d)
{
    FILE *job = np_drawing_create(d, "job");
    if (!job) return false;
    char of[400];
    np_layout l = plain;
    const np_layout names = {.entry = np_drawing_strategy};
    write_of(d, of, sizeof of);
    if (d->picture->lay_out) d->picture->lay_out(d, &l);
    write_frame(d, job, d->picture->title, of, &l);
    write_names(d, job, d->results->point[0].strategies, &names);
    bool ok = d->picture->write(d, job);
    np_drawing_load(job, d->picture->name);
    ok = np_drawing_finish(d, job) && ok;
    return ok && run_gnuplot(d);
}

/* ---- the scripts ---- */

static bool has_scripts(const char *directory)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/style.gp", directory);
    return n < PATH_MAX && access(path, R_OK) == 0;
}

/* Beside the program (in its source tree, or installed), then where it was to be installed, then here. */
bool np_drawing_scripts(char *found, np_error *e)
{
    static const char *const beside[] = {"scripts/plot", "../scripts/plot", "../share/natpulse/plot"};
    char self[PATH_MAX];
    if (np_program_dir(self, sizeof self)[0]) {
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            char at[2 * PATH_MAX];
            snprintf(at, sizeof at, "%s/%s", self, beside[i]);
            if (has_scripts(at) && realpath(at, found)) return true;
        }
    }
    static const char *const fixed[] = {NP_PREFIX "/share/natpulse/plot", "scripts/plot"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (has_scripts(fixed[i]) && realpath(fixed[i], found)) return true;
    }
    return np_fail(e, NP_TROUBLE_RUN,
                   "the gnuplot scripts are missing: looked for style.gp beside the program, in %s and in %s",
                   fixed[0], fixed[1]);
}
