/*
 * Result files: whole or not at all, and nothing left beside them.
 *
 * Devices are opened through nodes of our own (or without the right to touch the machine's): were the code
 * broken, root would rename a file over /dev/null.
 *
 * What needs a process of its own (limits, signals, standard output) runs in a child, whose exit status
 * tells which expectation failed (by line).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "natpulse/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static char *in_dir(const char *name)
{
    static char path[4][512];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) ++n;
    closedir(d);
    return n - 2;
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/natpulse-output-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));) {
        if (f->d_name[0] != '.') remove(in_dir(f->d_name));
    }
    if (d) closedir(d);
    return rmdir(dir);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_content(const char *path, const char *want)
{
    char text[256] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, want);
}

/* Runs f in a child; it returns 0 or the line that failed. */
static void in_child(int (*f)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int line = f();
        if (line) dprintf(STDERR_FILENO, "failed at line %d\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#define EXPECT(x)                                                                                            \
    if (!(x)) return __LINE__

static void appears_at_commit(void **state)
{
    np_error e;
    char *path = in_dir("result");
    (void)state;
    np_output *o = np_output_open(path, &e);
    assert_non_null(o);
    fputs("all of it\n", np_output_file(o));
    assert_int_equal(access(path, F_OK), -1);
    assert_true(np_output_commit(o, &e));
    assert_content(path, "all of it\n");
    assert_int_equal(entries(), 1);

    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
}

static void replaces_or_leaves(void **state)
{
    np_error e;
    struct stat st;
    char *path = in_dir("result");
    (void)state;
    put(path, "old");
    chmod(path, 0640);
    np_output *o = np_output_open(path, &e);
    fputs("new", np_output_file(o));
    assert_content(path, "old");
    np_output_abandon(o);
    assert_content(path, "old");
    assert_int_equal(entries(), 1);

    o = np_output_open(path, &e);
    fputs("new", np_output_file(o));
    assert_true(np_output_commit(o, &e));
    assert_content(path, "new");
    assert_int_equal(entries(), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* Two at once on one name, and a name that a killed process left behind. */
static void passes_over_others(void **state)
{
    np_error e;
    char *path = in_dir("result"), left[160];
    (void)state;
    snprintf(left, sizeof left, "%s.%ld-0", path, (long)getpid());
    put(left, "left behind");
    np_output *a = np_output_open(path, &e), *b = np_output_open(path, &e);
    assert_true(a && b);
    fputs("a", np_output_file(a));
    fputs("b", np_output_file(b));
    assert_true(np_output_commit(b, &e));
    assert_true(np_output_commit(a, &e));
    assert_content(path, "a");
    assert_content(left, "left behind");
    assert_int_equal(entries(), 2);
}

static void follows_links(void **state)
{
    np_error e;
    struct stat st;
    (void)state;
    put(in_dir("real"), "old");
    assert_int_equal(symlink("real", in_dir("link")), 0);
    np_output *o = np_output_open(in_dir("link"), &e);
    fputs("new", np_output_file(o));
    assert_true(np_output_commit(o, &e));
    assert_int_equal(lstat(in_dir("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_content(in_dir("real"), "new");
}

static void names_the_trouble(void **state)
{
    np_error e;
    (void)state;
    assert_null(np_output_open(in_dir("no/such/place"), &e));
    assert_int_equal(e.kind, NP_TROUBLE_RUN);
    assert_non_null(strstr(e.text, "no/such/place"));
    assert_non_null(strstr(e.text, strerror(ENOENT)));
    assert_null(np_output_open(dir, &e));
    assert_non_null(strstr(e.text, "directory"));
    assert_null(np_output_open("", &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    assert_null(np_output_open("", NULL));

    if (geteuid() == 0) return; /* permissions do not stop root */
    put(in_dir("read-only"), "precious");
    chmod(in_dir("read-only"), 0444);
    assert_null(np_output_open(in_dir("read-only"), &e));
    chmod(dir, 0555);
    assert_null(np_output_open(in_dir("result"), &e));
    chmod(dir, 0755);
    assert_non_null(strstr(e.text, strerror(EACCES)));
}

/* The disk is full: a limit on the size of files stands for it. Both for an error met while writing and
   for one met at the end. */
static int full_disk(void)
{
    static const size_t sizes[] = {20000, 100000};
    struct rlimit limit = {10000, 10000};
    np_error e;
    char big[1000];
    memset(big, 'x', sizeof big);
    signal(SIGXFSZ, SIG_IGN);
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 2; ++i) {
        for (int buffered = 0; buffered < 2; ++buffered) {
            static char room[200000];
            np_output *o = np_output_open(in_dir("result"), &e);
            EXPECT(o);
            if (buffered) setvbuf(np_output_file(o), room, _IOFBF, sizeof room);
            for (size_t n = 0; n < sizes[i]; n += sizeof big) fwrite(big, 1, sizeof big, np_output_file(o));
            EXPECT(!np_output_commit(o, &e));
            EXPECT(e.kind == NP_TROUBLE_RUN && strstr(e.text, strerror(EFBIG)));
        }
    }
    return 0;
}

/* Room comes back before the end, but some bytes are lost already. */
static int disk_full_for_a_while(void)
{
    struct rlimit limit;
    np_error e;
    char big[20000];
    memset(big, 'x', sizeof big);
    signal(SIGXFSZ, SIG_IGN);
    EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 10000;
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    np_output *o = np_output_open(in_dir("result"), &e);
    EXPECT(o);
    fwrite(big, 1, sizeof big, np_output_file(o));
    limit.rlim_cur = limit.rlim_max;
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(!np_output_commit(o, &e));
    EXPECT(strstr(e.text, "cannot write"));
    return 0;
}

static void leaves_nothing_on_a_full_disk(void **state)
{
    (void)state;
    in_child(full_disk);
    in_child(disk_full_for_a_while);
    assert_int_equal(entries(), 0);
    put(in_dir("result"), "old");
    in_child(full_disk);
    assert_int_equal(entries(), 1);
    assert_content(in_dir("result"), "old");
}

/* A device that may be written to by its name and cannot be harmed; NULL when there is none. */
static const char *device(const char *name, const char *own)
{
    struct stat st;
    if (stat(name, &st) != 0 || !S_ISCHR(st.st_mode)) return NULL;
    if (geteuid() != 0) return name;
    char *path = in_dir(own);
    if (mknod(path, S_IFCHR | 0600, st.st_rdev) != 0) return NULL;
    int fd = open(path, O_WRONLY); /* fails where nodes have no meaning (nodev) */
    if (fd >= 0) close(fd);
    return fd >= 0 ? path : NULL;
}

static void writes_devices_as_they_stand(void **state)
{
    np_error e;
    struct stat st;
    const char *null = device("/dev/null", "null"), *full = device("/dev/full", "full");
    (void)state;
    if (null) {
        np_output *o = np_output_open(null, &e);
        assert_non_null(o);
        fputs("x", np_output_file(o));
        assert_true(np_output_commit(o, &e));
        assert_int_equal(stat(null, &st), 0);
        assert_true(S_ISCHR(st.st_mode));
    }
    if (full) {
        np_output *o = np_output_open(full, &e);
        assert_non_null(o);
        fputs("x", np_output_file(o));
        assert_false(np_output_commit(o, &e));
        assert_non_null(strstr(e.text, full));
        assert_non_null(strstr(e.text, strerror(ENOSPC)));
    }
    printf("devices: null %s, full %s\n", null ? "tested" : "not to be had",
           full ? "tested" : "not to be had");
}

static void writes_into_a_fifo(void **state)
{
    np_error e;
    char text[8] = "";
    struct stat st;
    (void)state;
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    int fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
    np_output *o = np_output_open(in_dir("fifo"), &e);
    assert_non_null(o);
    fputs("hello", np_output_file(o));
    assert_true(np_output_commit(o, &e));
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_string_equal(text, "hello");
    close(fd);
    assert_int_equal(stat(in_dir("fifo"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(entries(), 1);
}

/* The reader has gone: before the first byte is written, and after some were. */
static int broken_pipe(void)
{
    int p[2];
    char big[5000];
    np_error e;
    memset(big, 'x', sizeof big);
    signal(SIGPIPE, SIG_IGN);
    for (int large = 0; large < 2; ++large) {
        EXPECT(pipe(p) == 0 && dup2(p[1], STDOUT_FILENO) >= 0);
        close(p[1]);
        close(p[0]);
        np_output *o = np_output_open(large ? "-" : NULL, &e);
        EXPECT(o);
        for (int i = 0; i < (large ? 100 : 1); ++i)
            fwrite(big, 1, large ? sizeof big : 10, np_output_file(o));
        EXPECT(np_output_commit(o, &e));
        clearerr(stdout);
    }
    return 0;
}

static int full_stdout(void)
{
    np_error e;
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0) return 0;
    EXPECT(dup2(fd, STDOUT_FILENO) >= 0);
    np_output *o = np_output_open("-", &e);
    fputs("x", np_output_file(o));
    EXPECT(!np_output_commit(o, &e));
    EXPECT(strstr(e.text, "standard output") && strstr(e.text, strerror(ENOSPC)));
    return 0;
}

/* Standard output redirected to a file, and that file (by two names) given as the path too. */
static int stdout_by_name(void)
{
    np_error e;
    int fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    printf("one ");
    EXPECT(symlink("/dev/stdout", in_dir("stdout")) == 0);
    np_output *o = np_output_open(in_dir("stdout"), &e);
    EXPECT(o);
    fputs("two ", np_output_file(o));
    EXPECT(np_output_commit(o, &e));
    printf("three ");
    o = np_output_open(in_dir("log"), &e);
    EXPECT(o);
    fputs("four", np_output_file(o));
    EXPECT(np_output_commit(o, &e));
    return 0;
}

static void standard_output(void **state)
{
    (void)state;
    in_child(broken_pipe);
    in_child(full_stdout);
    in_child(stdout_by_name);
    assert_content(in_dir("log"), "one two three four");
    assert_int_equal(entries(), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(appears_at_commit), T(replaces_or_leaves), T(passes_over_others),
        T(follows_links),     T(names_the_trouble),  T(leaves_nothing_on_a_full_disk),
        T(standard_output),   T(writes_into_a_fifo), T(writes_devices_as_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
