/*
 * The work directory of a figure, and gnuplot in it.
 */
#include "drawing.h"
#include "figures.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const work_files[] = {"job", "values", "client", "server", "entries", "figure", "log"};

bool np_drawing_path(const np_drawing *d, const char *name, char *path)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", d->work, name);
    return n < PATH_MAX || np_fail(d->e, NP_TROUBLE_USAGE, "%s: the path is too long", d->directory);
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

void np_drawing_quote(FILE *f, const char *s)
{
    fputc('\'', f);
    for (; *s; s++) {
        if (*s == '\'') fputc('\'', f);
        fputc((unsigned char)*s < ' ' ? ' ' : *s, f);
    }
    fputc('\'', f);
}

void np_drawing_text(FILE *job, const char *name, const char *text)
{
    fprintf(job, "%s = ", name);
    np_drawing_quote(job, text);
    fputc('\n', job);
}

void np_drawing_note(const np_drawing *d, FILE *job, const char *why, np_left_out *out)
{
    char note[400];
    size_t used = 0;
    for (uint32_t i = 0; i < d->point->strategies && used < sizeof note; i++) {
        if (!out(&d->point->strategy[i])) continue;
        int n =
            snprintf(note + used, sizeof note - used, "%s%s", used ? ", " : why, d->point->strategy[i].name);
        used += (size_t)(n > 0 ? n : 0);
    }
    np_drawing_text(job, "np_note", used ? note : "");
}

/* ---- what jobs share ---- */

/* Pixels under the panels: a line for the note, one for each row of the legend. */
#define NOTE_LINE     32
#define LEGEND_LINE   27
#define LEGEND_SAMPLE 110 /* the line and the gaps of an entry */
#define LEGEND_LETTER 11  /* what gnuplot, which must guess, reserves for a letter */

/* Columns of the legend that fit under the figure. */
static int legend_columns(const char *const *name, uint32_t names)
{
    int longest = 1;
    for (uint32_t i = 0; i < names; i++) {
        int n = np_text_width(name[i]);
        if (n > longest) longest = n;
    }
    int columns = (NP_WIDTH - NP_PANEL_LEFT) / (LEGEND_LETTER * longest + LEGEND_SAMPLE);
    return columns < 1 ? 1 : columns > 4 ? 4 : columns;
}

void np_drawing_frame(const np_drawing *d, FILE *job, const char *title, const char *const *name,
                      uint32_t names, bool has_legend)
{
    np_drawing_text(job, "np_format", d->format);
    np_drawing_text(job, "np_title", title);
    np_drawing_text(job, "np_scripts", d->scripts);
    int columns = legend_columns(name, names), rows = ((int)names + columns - 1) / columns;
    int legend = has_legend ? (int)(LEGEND_LINE * rows) : 0;
    fprintf(job, "np_width = %d.0\nnp_height = %d.0\nnp_left = %d\nnp_right = %d\nnp_panel = %d\n", NP_WIDTH,
            NP_HEIGHT + legend, NP_PANEL_LEFT, NP_PANEL_RIGHT, NP_PANEL_HEIGHT);
    fprintf(job, "np_foot_low = %d\nnp_foot_high = %d\n", NP_PANEL_LOW + legend, NP_PANEL_HIGH + legend);
    fprintf(job, "np_legend = %d\nnp_legend_columns = %d\nnp_note_line = %d\n", legend, columns, NOTE_LINE);
    fprintf(job, "np_strategies = %u\narray Name[%u]\n", names, names);
    for (uint32_t i = 0; i < names; i++) {
        fprintf(job, "Name[%u] = ", i + 1);
        np_drawing_quote(job, name[i]);
        fputc('\n', job);
    }
}

void np_drawing_load(FILE *job, const char *name)
{
    fprintf(job, "load np_scripts.'/style.gp'\nload np_scripts.'/%s.gp'\nset output\n", name);
}

/* ---- places ---- */

static bool has_scripts(const char *directory)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/style.gp", directory);
    return n < PATH_MAX && access(path, R_OK) == 0;
}

bool np_drawing_scripts(char *found, np_error *e)
{
    static const char *const beside[] = {"scripts/plot", "../scripts/plot", "../share/natpulse/plot"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1); /* Linux; elsewhere the other places do */
    if (n > 0) {
        self[n] = 0;
        *strrchr(self, '/') = 0;
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

bool np_drawing_begin(np_drawing *d)
{
    int n = snprintf(d->work, sizeof d->work, "%s/.natpulse-plot-XXXXXX", d->directory);
    return (n < PATH_MAX && mkdtemp(d->work)) ||
           np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", d->directory, strerror(errno));
}

bool np_drawing_place(const np_drawing *d, const char *target)
{
    char path[PATH_MAX];
    if (!np_drawing_gnuplot(d) || !np_drawing_path(d, "figure", path)) return false;
    return rename(path, target) == 0 || np_fail(d->e, NP_TROUBLE_RUN, "%s: %s", target, strerror(errno));
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

bool np_drawing_gnuplot(const np_drawing *d)
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
