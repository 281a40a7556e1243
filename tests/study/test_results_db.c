/*
 * Sweeps of a fake world into a database: what comes out is what a study in memory has, wherever the sweep
 * was stopped; and files that were damaged by chance or malice are refused or read, never more (run with
 * SAN=1 to see that).
 */
#include "fake_world.h"
#include "natpulse/random.h"
#include "natpulse/results_db.h"
#include "natpulse/sweep.h"
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static uint64_t seed = 1;
static char in_memory[] = "/dev/shm/natpulse-db-XXXXXX", on_disk[] = "/tmp/natpulse-db-XXXXXX";
static char *directory = in_memory; /* a few hundred files, each waiting for its disk, take a minute */

enum { PLACES = 4 };
static const char *in_directory(const char *name)
{
    static char path[PLACES][200];
    static int turn;
    turn = (turn + 1) % PLACES;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

static int begin(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) != 0) directory = on_disk;
    return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static void spit(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static char *dump(const char *path)
{
    np_error e = {0};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool ok = np_results_dump(path, out, &e);
    fclose(out);
    if (ok) return text;
    free(text);
    return NULL;
}

static void execute(const char *path, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

typedef struct quota {
    uint32_t left;
} quota;

/* Ends the sweep after so many runs. */
static bool count_down(void *q, const np_finished *f, np_error *e)
{
    (void)f;
    return --((quota *)q)->left > 0 || np_fail(e, NP_TROUBLE_RUN, "that is all");
}

typedef struct asked {
    const char *scenario;
    np_override set[2];
    uint32_t sets, jobs, runs; /* runs: at most; 0: all */
} asked;

static const asked whole = {.scenario = "grid", .jobs = 1};

static bool sweep(const char *path, const asked *a, np_sweep_outcome *outcome, np_error *e)
{
    np_findings f = {0};
    np_scenario *s = np_scenario_load(a->scenario, a->set, a->sets, &f, e);
    quota q = {a->runs};
    np_study_options o = {.jobs = a->jobs,
                          .set = a->set,
                          .sets = a->sets,
                          .path = a->scenario,
                          .each = a->runs ? count_down : NULL,
                          .each_ctx = &q};
    bool ok = np_sweep_run(s, path, &o, outcome, &f, e);
    np_scenario_destroy(s);
    return ok;
}

static void must_sweep(const char *path, const asked *a)
{
    np_error e = {0};
    np_sweep_outcome outcome;
    if (!sweep(path, a, &outcome, &e)) fail_msg("%s", e.text);
    assert_true(outcome.done == outcome.all);
}

/* ---- what goes in comes out ---- */

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void same_estimates(const np_estimate *a, const np_estimate *b)
{
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        assert_int_equal(a[m].n, b[m].n);
        assert_true(same_number(a[m].mean, b[m].mean) && same_number(a[m].low, b[m].low) &&
                    same_number(a[m].high, b[m].high));
    }
}

static void equals_a_study_in_memory(void **state)
{
    (void)state;
    np_error e = {0};
    np_findings f = {0};
    const char *path = in_directory("equal.db");
    must_sweep(path, &whole);
    np_study *a = np_results_load(path, &e);
    if (!a) fail_msg("%s", e.text);
    np_scenario *scenario = np_scenario_load("grid", NULL, 0, &f, &e);
    np_study_options o = {.jobs = 2, .path = "grid"};
    np_study *b = np_study_run(scenario, &o, &f, &e);
    assert_string_equal(a->version, b->version);
    assert_string_equal(a->scenario->name, scenario->name);
    assert_string_equal(a->scenario->digest, scenario->digest);
    assert_true(a->scenario->world.seed == scenario->world.seed);
    assert_true(a->scenario->world.duration == scenario->world.duration);
    assert_int_equal(a->replicas, b->replicas);
    assert_int_equal(a->points, b->points);
    assert_true(a->missing == 0);
    assert_true(a->packet_events == b->packet_events);
    assert_int_equal(a->warnings, b->warnings);
    for (uint32_t w = 0; w < a->warnings; w++) assert_string_equal(a->warned[w].text, b->warned[w].text);
    for (uint32_t p = 0; p < a->points; p++) {
        assert_string_equal(a->point[p].digest, b->point[p].digest);
        assert_string_equal(a->point[p].vary[0].path, b->point[p].vary[0].path);
        assert_string_equal(a->point[p].vary[0].value, b->point[p].vary[0].value);
        assert_int_equal(a->loaded[p]->world.nat[0].capacity, b->loaded[p]->world.nat[0].capacity);
        for (uint32_t c = 0; c < 3; c++) {
            const np_column *x = &a->point[p].column[c], *y = &b->point[p].column[c];
            assert_string_equal(x->strategy, y->strategy);
            same_estimates(x->value, y->value);
            same_estimates(x->versus_first, y->versus_first);
            assert_memory_equal(x->occupancy, y->occupancy, sizeof x->occupancy);
            for (int d = 0; d < NP_SPREAD_COUNT; d++) {
                uint8_t one[5000], two[5000];
                assert_int_equal(x->spread[d] != NULL, y->spread[d] != NULL);
                if (!x->spread[d]) continue;
                size_t n = np_quantile_encode(x->spread[d], sizeof one, one);
                assert_int_equal(np_quantile_encode(y->spread[d], sizeof two, two), n);
                assert_memory_equal(one, two, n);
            }
            for (uint32_t r = 0; r < x->replicas; r++) {
                assert_true(x->replica[r]->table_was_full == y->replica[r]->table_was_full);
                assert_true(x->replica[r]->packet_events == y->replica[r]->packet_events);
            }
        }
    }
    np_study_destroy(a);
    np_study_destroy(b);
    np_scenario_destroy(scenario);
}

static void stopped_anywhere_ends_the_same(void **state)
{
    (void)state;
    np_error e = {0};
    const char *path = in_directory("whole.db");
    must_sweep(path, &whole);
    char *rows = dump(path);
    assert_non_null(rows);
    for (uint32_t runs = 1; runs < 24; runs++) {
        for (uint32_t jobs = 1; jobs <= 4; jobs += 3) {
            np_sweep_outcome outcome;
            np_results_state at;
            const char *part = in_directory("part.db");
            remove(part);
            asked some = whole;
            some.runs = runs;
            assert_false(sweep(part, &some, &outcome, &e));
            assert_string_equal(e.text, "that is all");
            assert_true(np_results_status(part, &at, &e));
            assert_true(at.done == runs && at.all == 24);
            np_study *s = np_results_load(part, &e);
            /* Points in order, replicas within: those count that all three strategies have. */
            assert_int_equal(s != NULL, runs >= 3);
            if (s) {
                assert_true(s->missing == 24 - runs);
                assert_int_equal(s->point[0].column[2].replicas, runs >= 12 ? 4 : runs / 3);
                assert_int_equal(s->point[1].column[0].replicas, runs <= 12 ? 0 : (runs - 12) / 3);
                bool warned = false;
                for (uint32_t w = 0; w < s->warnings; w++)
                    warned |= s->warned[w].which == NP_WARNING_INCOMPLETE;
                assert_true(warned);
            }
            np_study_destroy(s);
            some = whole;
            some.jobs = jobs;
            assert_true(sweep(part, &some, &outcome, &e));
            assert_true(outcome.before == runs && outcome.done == 24);
            char *again = dump(part);
            assert_string_equal(rows, again);
            free(again);
        }
    }
    free(rows);
}

static void threads_do_not_show(void **state)
{
    (void)state;
    const char *one = in_directory("one.db"), *many = in_directory("many.db");
    asked a = whole;
    a.sets = 1;
    a.set[0] = (np_override){"replicas", "15"};
    must_sweep(one, &a);
    a.jobs = 7;
    must_sweep(many, &a);
    char *x = dump(one), *y = dump(many);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

/* ---- several at once ---- */

typedef struct at_once {
    pthread_t thread;
    pthread_barrier_t *start;
    const char *path;
    int times;
    bool ok;
    np_error error;
} at_once;

/* All set out at the same moment; the file is soon whole, and then they only open and close it. */
static void *sweep_at_once(void *arg)
{
    at_once *a = arg;
    np_sweep_outcome outcome;
    if (a->start) pthread_barrier_wait(a->start);
    a->ok = true;
    for (int i = 0; a->ok && i < a->times; i++) a->ok = sweep(a->path, &whole, &outcome, &a->error);
    return NULL;
}

/* One file, whose header (byte 18) says that it needs no log beside it: it can be read where nothing is
 * written. */
static bool stands_alone(const char *path)
{
    static const char *suffix[] = {"-wal", "-shm", "-journal"};
    char name[220];
    size_t size;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        if (access(name, F_OK) == 0) return false;
    }
    char *bytes = slurp(path, &size);
    bool alone = size > 18 && bytes[18] == 1;
    free(bytes);
    return alone;
}

/* One who writes keeps the journal from being switched, and SQLite itself would not wait for that. */
static void a_writer_is_waited_for(void **state)
{
    (void)state;
    sqlite3 *writer;
    at_once late = {.path = in_directory("held.db"), .times = 1};
    must_sweep(late.path, &whole);
    assert_int_equal(sqlite3_open(late.path, &writer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(writer, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&late.thread, NULL, sweep_at_once, &late), 0);
    usleep(
        100000); /* to let it come to where it waits: were it not there yet, it would only have less to do */
    assert_int_equal(sqlite3_exec(writer, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(writer);
    pthread_join(late.thread, NULL);
    if (!late.ok) fail_msg("%s", late.error.text);
}

/* Their first and their last moments meet: all make the file, all close it, and one file is left. */
static void several_begin_and_end_together(void **state)
{
    (void)state;
    const char *path = in_directory("together.db");
    must_sweep(path, &whole);
    char *rows = dump(path);
    for (int round = 0; round < 40; round++) {
        at_once all[4];
        pthread_barrier_t start;
        pthread_barrier_init(&start, NULL, 4);
        remove(path);
        for (int i = 0; i < 4; i++) {
            all[i] = (at_once){.path = path, .times = 1 + round % 4, .start = &start};
            assert_int_equal(pthread_create(&all[i].thread, NULL, sweep_at_once, &all[i]), 0);
        }
        for (int i = 0; i < 4; i++) pthread_join(all[i].thread, NULL);
        pthread_barrier_destroy(&start);
        for (int i = 0; i < 4; i++) {
            if (!all[i].ok) fail_msg("round %d: %s", round, all[i].error.text);
        }
        assert_true(stands_alone(path));
        char *again = dump(path);
        assert_string_equal(rows, again);
        free(again);
    }
    free(rows);
}

/* A file that is refused stays as it is, its journal's kind too. */
static void a_stranger_is_left_alone(void **state)
{
    (void)state;
    const char *path = in_directory("stranger.db");
    size_t before_size, after_size;
    execute(path, "PRAGMA journal_mode = WAL; CREATE TABLE mine(a); INSERT INTO mine VALUES(5)");
    char *before = slurp(path, &before_size);
    np_error e = {0};
    np_sweep_outcome outcome;
    assert_false(sweep(path, &whole, &outcome, &e));
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
    char *after = slurp(path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
}

/* ---- other studies ---- */

static void refused(const char *path, const asked *a, np_trouble kind, const char *why)
{
    np_error e = {0};
    np_sweep_outcome outcome;
    char *before = dump(path), *after;
    assert_false(sweep(path, a, &outcome, &e));
    if (!strstr(e.text, why)) fail_msg("expected '%s' in '%s'", why, e.text);
    assert_int_equal(e.kind, kind);
    after = dump(path);
    if (before) assert_string_equal(before, after);
    free(before);
    free(after);
}

static void other_studies_are_refused(void **state)
{
    (void)state;
    const char *path = in_directory("other.db");
    must_sweep(path, &whole);
    asked a = whole;
    a.sets = 1;
    a.set[0] = (np_override){"replicas", "5"};
    refused(path, &a, NP_TROUBLE_USAGE, "made from another scenario: replicas was 4 and is 5");
    a = whole;
    a.scenario = "flat";
    refused(path, &a, NP_TROUBLE_USAGE, "made from another scenario: it had vary, which is gone");
    execute(path, "UPDATE study SET seed = 8");
    refused(path, &whole, NP_TROUBLE_USAGE, "was made with seed 8, not 9");
    execute(path, "UPDATE study SET seed = 9, natpulse = '0.0.9'");
    refused(path, &whole, NP_TROUBLE_USAGE, "was made by natpulse 0.0.9, this is " NP_VERSION);
}

/* ---- bytes from anywhere ---- */

/* Everything that reads or continues a file, one after the other; says whether it could be loaded. */
static bool try_all(const char *path)
{
    np_error e = {0};
    np_results_state at;
    np_sweep_outcome outcome;
    np_study *s = np_results_load(path, &e);
    bool ok = s != NULL;
    assert_true(ok || e.kind == NP_TROUBLE_INPUT || e.kind == NP_TROUBLE_RUN);
    assert_null(strpbrk(e.text, "\n\x1b"));
    np_study_destroy(s);
    np_results_status(path, &at, &e);
    free(dump(path));
    sweep(path, &whole, &outcome, &e);
    return ok;
}

static void lies_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool loads;
    } lie[] = {
        {"CREATE TABLE mine(a); CREATE INDEX i ON value(key, value); CREATE VIEW v AS SELECT 1; ANALYZE",
         true},
        {"INSERT INTO value VALUES(0, 0, 0, 'from another version', 5)", true},
        {"DELETE FROM run WHERE point = 1", true},
        {"DELETE FROM run WHERE replica = 1", true}, /* a gap: what is behind it does not count */
        {"DELETE FROM run", false},
        {"CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM value; END", false},
        {"DROP TABLE vary", false},
        {"DROP VIEW result", false},
        {"ALTER TABLE run ADD COLUMN more", false},
        {"ALTER TABLE study RENAME COLUMN yaml TO text", false},
        {"PRAGMA application_id = 5", false},
        {"PRAGMA user_version = 2", false},
        {"DELETE FROM study", false},
        {"INSERT INTO study SELECT * FROM study", false},
        {"UPDATE study SET replicas = 0", false},
        {"UPDATE study SET replicas = -1", false},
        {"UPDATE study SET replicas = 'many'", false},
        {"UPDATE study SET max_replicas = 1", false},
        {"UPDATE study SET max_replicas = 1000000000000", false},
        {"UPDATE study SET duration_ns = -5", false},
        {"UPDATE study SET seed = x'00'", false},
        {"UPDATE study SET scenario = char(27) || '[2J' || char(10)", true},
        {"DELETE FROM strategy", false},
        {"DELETE FROM strategy WHERE strategy = 0", false},
        {"UPDATE strategy SET strategy = 77 WHERE strategy = 2", false},
        {"DELETE FROM point", false},
        {"DELETE FROM point WHERE point = 0", false},
        {"UPDATE point SET nat_capacity = -1", false},
        {"UPDATE point SET nat_capacity = 1.5", false},
        {"UPDATE point SET warmup_ns = 9223372036854775807", false},
        {"DELETE FROM vary", true},
        {"DELETE FROM vary WHERE point = 1", false},
        {"UPDATE vary SET position = 3", false},
        {"INSERT INTO vary VALUES(7, 0, 'a', 'b')", false},
        {"INSERT INTO precision VALUES(0, 'reachable_fraction', 0.0001)", true},
        {"INSERT INTO precision VALUES(0, 'unheard of', 0.1)", false},
        {"INSERT INTO precision VALUES(0, 'reachable_fraction', 7)", false},
        {"INSERT INTO run SELECT 9, strategy, replica, conn_hours, packet_events, table_was_full, "
         "nat_entries FROM run "
         "WHERE point = 0",
         false},
        {"UPDATE run SET replica = replica + 99999", false},
        {"UPDATE run SET packet_events = 'x'", false},
        {"UPDATE run SET conn_hours = 9e999", false},
        {"UPDATE run SET table_was_full = 7", false},
        {"UPDATE run SET nat_entries = x'00'", false},
        {"UPDATE run SET nat_entries = 'text'", false},
        {"UPDATE value SET value = 'text' WHERE key = 'nat_inserts'", false},
        {"UPDATE value SET value = 9e999 WHERE key = 'nat_inserts'", false},
        {"UPDATE value SET value = x'' WHERE key = 'nat_inserts'", false},
        {"UPDATE spread SET sketch = x''", false},
        {"UPDATE spread SET sketch = 5", false},
        {"UPDATE spread SET sketch = zeroblob(1000)", false},
        {"UPDATE spread SET sketch = zeroblob(20000000)", false},
        {"UPDATE spread SET sketch = x'01ffffffffffffffff'", false},
        {"UPDATE study SET yaml = zeroblob(900000)", true},
    };
    const char *good = in_directory("good.db"), *bad = in_directory("bad.db");
    size_t size;
    must_sweep(good, &whole);
    char *bytes = slurp(good, &size);
    for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
        spit(bad, bytes, size);
        execute(bad, lie[i].sql);
        if (try_all(bad) != lie[i].loads) fail_msg("%s: %s", lie[i].sql, lie[i].loads ? "refused" : "loaded");
    }
    free(bytes);
}

static void damage_is_survived(void **state)
{
    (void)state;
    const char *good = in_directory("good2.db"), *bad = in_directory("bad2.db");
    np_key key = np_key_make(seed, 3);
    uint64_t draw = 0;
    size_t size;
    must_sweep(good, &whole);
    char *bytes = slurp(good, &size), *copy = malloc(size);
    for (int round = 0; round < 400; round++) {
        memcpy(copy, bytes, size);
        uint64_t flips = 1 + np_random(key, 0, 1, draw++) % 8;
        bool header = round % 4 == 0; /* of the file or of a page, where the structure is */
        for (; flips > 0; flips--) {
            uint64_t r = np_random(key, 0, 1, draw++), at = (r >> 16) % size;
            if (header) at = at / 4096 * 4096 + (r >> 8) % 100;
            copy[at < size ? at : 0] = (char)(r % 256);
        }
        size_t n = round % 10 == 9 ? np_random(key, 0, 1, draw++) % size : size;
        spit(bad, copy, n);
        try_all(bad);
        char journal[220];
        snprintf(journal, sizeof journal, "%s-journal", bad);
        remove(journal);
        snprintf(journal, sizeof journal, "%s-wal", bad);
        remove(journal);
    }
    free(bytes);
    free(copy);
}

static void odd_names_and_files(void **state)
{
    (void)state;
    np_error e = {0};
    np_sweep_outcome outcome;
    assert_null(np_results_load(in_directory("not there.db"), &e));
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
    spit(in_directory("empty.db"), "", 0);
    assert_null(np_results_load(in_directory("empty.db"), &e));
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
    must_sweep(in_directory("empty.db"), &whole); /* an empty file is as good as none */
    spit(in_directory("text.db"),
         "not a database, but longer than the header of one would be, which is 100 bytes "
         "and some more to be sure of it",
         110);
    assert_null(np_results_load(in_directory("text.db"), &e));
    assert_int_equal(e.kind, NP_TROUBLE_INPUT);
    refused(in_directory("text.db"), &whole, NP_TROUBLE_INPUT, "is no SQLite database");
    assert_false(sweep(directory, &whole, &outcome, &e));
    assert_int_equal(e.kind, NP_TROUBLE_RUN);
    assert_false(sweep("", &whole, &outcome, &e));
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    char before[1000];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(directory), 0);
    must_sweep(":memory:", &whole); /* a file of that name, not what SQLite takes it for */
    assert_int_equal(access("./:memory:", R_OK), 0);
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_a_study_in_memory),
        cmocka_unit_test(stopped_anywhere_ends_the_same),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(other_studies_are_refused),
        cmocka_unit_test(lies_are_found),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(odd_names_and_files),
        cmocka_unit_test(a_writer_is_waited_for),
        cmocka_unit_test(several_begin_and_end_together),
        cmocka_unit_test(a_stranger_is_left_alone),
    };
    if (getenv("NP_SEED")) seed = strtoull(getenv("NP_SEED"), NULL, 10);
    printf("NP_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, begin, end);
}
