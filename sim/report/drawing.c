/*
 * The work directory of a figure, and gnuplot in it.
 */
#include "drawing.h"
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
