/*
 * The database's life: opened and looked at, begun or compared, a transaction for each run, closed.
 *
 * Durability. While a sweep runs the journal is a write-ahead log with synchronous = NORMAL: a commit is one
 * append, without waiting for the disk. A killed process loses nothing it had committed, since the log is in
 * the system's cache; a power failure loses at most the last runs, never the database, and those are simply
 * run again. Readers (`sweep --status`) never wait. The log needs memory shared by all who have the file
 * open, which does not reach across machines: for a sweep over MPI ranks, whose file is likely on a shared
 * file system, the journal is a rollback journal with synchronous = FULL, a few disk waits a run. Closing
 * turns the log back into a rollback journal, so that a finished file is one file, and can be read from where
 * nothing can be written.
 *
 * Two sweeps into one file at the same time do some runs twice and are otherwise harmless: a run's rows are
 * the same whoever makes them, and the second to come leaves the first's alone.
 *
 * Foreign bytes. What is opened is checked whole (quick_check, and the text of every table) before anything
 * is believed; SQLite's defensive mode is on, views and triggers are off, texts and blobs are limited in
 * size, and readers check every type and range.
 */
#include "db.h"
#include "difference.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS    60000    /* others hold the lock for a transaction, or for a checkpoint */
#define MOST_BYTES 16000000 /* of one text or blob: a scenario is at most 4 MB, a sketch 600 kB */

/* ---- trouble ---- */

#define KEPT "; finished runs are kept, and the same command goes on once there is room"

/* What comes from the file may hold what would move a terminal's cursor. Returns false. */
static bool clean(np_error *e)
{
    for (char *c = e ? e->text : ""; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    }
    return false;
}

bool np_db_damaged(const np_db *d, const char *what, np_error *e)
{
    np_fail(e, NP_TROUBLE_INPUT, "%s: damaged: %s", d->path, what);
    return clean(e);
}

bool np_db_fail(const np_db *d, const char *what, np_error *e)
{
    int code = sqlite3_errcode(d->sql), system = sqlite3_system_errno(d->sql);
    const char *why = sqlite3_errmsg(d->sql);
    switch (code & 0xff) {
    case SQLITE_NOTADB: return np_fail(e, NP_TROUBLE_INPUT, "%s: is no SQLite database", d->path);
    case SQLITE_CORRUPT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:
    case SQLITE_TOOBIG: return np_db_damaged(d, why, e);
    case SQLITE_NOMEM: return np_fail_memory(e, d->path);
    case SQLITE_BUSY:
        return np_fail(e, NP_TROUBLE_RUN, "%s: %s failed: another program has held it for a minute", d->path,
                       what);
    case SQLITE_FULL:
        return np_fail(e, NP_TROUBLE_RUN, "%s: %s failed: the disk is full%s", d->path, what, KEPT);
    case SQLITE_IOERR:
        return np_fail(e, NP_TROUBLE_RUN, "%s: %s failed: %s (is the disk full?)%s", d->path, what,
                       system ? strerror(system) : why, KEPT);
    default:
        return np_fail(e, NP_TROUBLE_RUN, "%s: %s failed: %s%s%s", d->path, what, why, system ? ": " : "",
                       system ? strerror(system) : "");
    }
}

sqlite3_stmt *np_db_prepare(np_db *d, const char *sql, np_error *e)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(d->sql, sql, -1, &s, NULL) == SQLITE_OK) return s;
    np_db_fail(d, "reading", e);
    return NULL;
}

int np_db_step(np_db *d, sqlite3_stmt *s, np_error *e)
{
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) return 1;
    if (code == SQLITE_DONE) return 0;
    np_db_fail(d, "reading", e);
    return -1;
}

bool np_db_whole(sqlite3_stmt *s, int column, uint64_t least, uint64_t most, uint64_t *out)
{
    if (sqlite3_column_type(s, column) != SQLITE_INTEGER) return false;
    *out = (uint64_t)sqlite3_column_int64(s, column);
    return *out >= least && *out <= most;
}

bool np_db_real(sqlite3_stmt *s, int column, double *out)
{
    int type = sqlite3_column_type(s, column);
    *out = type == SQLITE_NULL ? NAN : sqlite3_column_double(s, column);
    return type == SQLITE_NULL || (type == SQLITE_FLOAT && isfinite(*out));
}

const char *np_db_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? text : "";
}

static bool execute(np_db *d, const char *sql, const char *what, np_error *e)
{
    return sqlite3_exec(d->sql, sql, NULL, NULL, NULL) == SQLITE_OK || np_db_fail(d, what, e);
}

/* The one number that a query gives. */
static bool ask(np_db *d, const char *sql, int64_t *out, np_error *e)
{
    sqlite3_stmt *s = np_db_prepare(d, sql, e);
    int got = s ? np_db_step(d, s, e) : -1;
    *out = got == 1 ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return got >= 0;
}

/* ---- opening ---- */

static bool is_empty(np_db *d, bool *empty, np_error *e)
{
    int64_t objects, application;
    if (!ask(d, "SELECT count(*) FROM sqlite_master", &objects, e) ||
        !ask(d, "PRAGMA application_id", &application, e))
        return false;
    *empty = objects == 0 && application == 0;
    return true;
}

static bool check(np_db *d, np_error *e)
{
    int64_t application, format;
    if (!ask(d, "PRAGMA application_id", &application, e) || !ask(d, "PRAGMA user_version", &format, e))
        return false;
    if (application != NP_DB_APPLICATION)
        return np_fail(
            e, NP_TROUBLE_INPUT,
            "%s: a SQLite database, but none of natpulse's results; expected one that `natpulse sweep` made",
            d->path);
    if (format != NP_DB_FORMAT)
        return np_fail(e, NP_TROUBLE_INPUT, "%s: its tables are of format %lld, this natpulse knows %d",
                       d->path, (long long)format, NP_DB_FORMAT);
    sqlite3_stmt *s = np_db_prepare(d, "PRAGMA quick_check(1)", e);
    int got = s ? np_db_step(d, s, e) : -1;
    if (got == 1 && strcmp(np_db_text(s, 0), "ok") != 0) {
        np_db_damaged(d, np_db_text(s, 0), e);
        got = -1;
    }
    sqlite3_finalize(s);
    return got == 1 && np_db_check_tables(d, e);
}

/* Nothing in the file may act by itself, and no value be larger than ours are. */
static void restrain(sqlite3 *sql)
{
    sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_limit(sql, SQLITE_LIMIT_LENGTH, MOST_BYTES);
    sqlite3_busy_timeout(sql, BUSY_MS);
}

/* A process killed while it switched journals leaves one that must be rolled back before the file can be
   read, which a reader may not do: opening it once for writing does. Where nothing can be written it stays as
   it is. */
static void roll_back(const char *path)
{
    sqlite3 *sql = NULL;
    if (sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        restrain(sql);
        sqlite3_exec(sql, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    }
    sqlite3_close(sql);
}

/* 1 to 16 ms, which are returned: not the same for two who met. */
static unsigned pause_a_moment(void)
{
    uint8_t chance;
    sqlite3_randomness(sizeof chance, &chance);
    unsigned ms = 1 + chance % 16;
    sqlite3_sleep((int)ms);
    return ms;
}

/* Switches the journal. SQLite does that as a reader who then wants to write, and there it does not wait for
   others, who could be waiting for this reader: "busy" comes at once, however long its timeout. So it is
   asked again, with nothing held in between, after pauses that are not the others', for `patience_ms`. A file
   system that cannot have the journal asked for keeps its own. Returns SQLite's code. */
static int switch_journal(sqlite3 *sql, const char *mode, unsigned patience_ms)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s", mode);
    sqlite3_busy_timeout(sql, 0);
    int code;
    for (unsigned waited = 0;;) {
        code = sqlite3_exec(sql, pragma, NULL, NULL, NULL);
        if (code != SQLITE_BUSY || waited >= patience_ms) break;
        waited += pause_a_moment();
    }
    sqlite3_busy_timeout(sql, BUSY_MS);
    return code;
}

static bool has_log(np_db *d, bool *log, np_error *e)
{
    sqlite3_stmt *s = np_db_prepare(d, "PRAGMA journal_mode", e);
    bool ok = s && np_db_step(d, s, e) == 1;
    *log = ok && strcmp(np_db_text(s, 0), "wal") == 0;
    sqlite3_finalize(s);
    return ok;
}

bool np_db_open(np_db *d, const char *path, np_db_access access, np_error *e)
{
    *d = (np_db){0};
    /* A name that SQLite would not take for one of a file. */
    const char *before = path[0] == ':' ? "./" : "";
    size_t size = strlen(path) + 3;
    d->path = malloc(size);
    if (!d->path) return np_fail_memory(e, path);
    snprintf(d->path, size, "%s%s", before, path);
    if (path[0] == '\0') return np_fail(e, NP_TROUBLE_USAGE, "the name of the results database is empty");

    int flags = access == NP_DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool opened = sqlite3_open_v2(d->path, &d->sql, flags, NULL) == SQLITE_OK;
    if (!d->sql) return np_fail_memory(e, path);
    restrain(d->sql);
    bool empty;
    if (access == NP_DB_READ && opened && !is_empty(d, &empty, NULL) &&
        (sqlite3_errcode(d->sql) & 0xff) == SQLITE_READONLY)
        roll_back(d->path);
    if (!opened || !is_empty(d, &empty, e)) {
        np_db_fail(d, access == NP_DB_READ ? "opening it" : "opening it for writing", e);
        if (access == NP_DB_READ && e && (sqlite3_errcode(d->sql) & 0xff) == SQLITE_CANTOPEN)
            e->kind = NP_TROUBLE_INPUT;
        return false;
    }
    if (empty && access == NP_DB_READ) return np_fail(e, NP_TROUBLE_INPUT, "%s: is empty", d->path);
    if (!empty && !check(d, e)) return false;
    if (access == NP_DB_READ) return true;
    d->checked = !empty;
    d->switched = true;
    if (switch_journal(d->sql, access == NP_DB_WRITE ? "WAL" : "DELETE", BUSY_MS) != SQLITE_OK)
        return np_db_fail(d, "opening it for writing", e);
    bool log;
    return has_log(d, &log, e) &&
           execute(d, log ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
                   "opening it for writing", e);
}

/* Whoever has the log open keeps all others from ending it, and two who close at the same moment keep each
   other: so it is tried again with nothing open in between. Where another sweep or a reader goes on, it stays
   a log, which is as good, and theirs to end. */
static void end_log(const char *path)
{
    for (int attempt = 0, code = SQLITE_BUSY; attempt < 30 && code == SQLITE_BUSY; attempt++) {
        sqlite3 *sql = NULL;
        code = sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE, NULL);
        if (code == SQLITE_OK) {
            restrain(sql);
            code = switch_journal(sql, "DELETE", 0);
        }
        sqlite3_close(sql);
        if (code == SQLITE_BUSY) pause_a_moment();
    }
}

void np_db_close(np_db *d)
{
    sqlite3_stmt *all[] = {d->begin, d->commit, d->rollback, d->put_run, d->put_value, d->put_spread};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sqlite3_finalize(all[i]);
    bool busy = d->switched && switch_journal(d->sql, "DELETE", 0) == SQLITE_BUSY;
    sqlite3_close(d->sql);
    if (busy) end_log(d->path);
    free(d->path);
    free(d->bytes);
    *d = (np_db){0};
}

/* ---- the study ---- */

static bool bind_and_run(np_db *d, const char *sql, np_error *e, const char *types, ...)
{
    va_list args;
    sqlite3_stmt *s = np_db_prepare(d, sql, e);
    if (!s) return false;
    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 't')
            sqlite3_bind_text(s, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        else if (types[i] == 'r')
            sqlite3_bind_double(s, i + 1, va_arg(args, double));
        else
            sqlite3_bind_int64(s, i + 1, va_arg(args, int64_t));
    }
    va_end(args);
    bool ok = sqlite3_step(s) == SQLITE_DONE || np_db_fail(d, "beginning the study", e);
    sqlite3_finalize(s);
    return ok;
}

static char *canon(const np_scenario *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok = out && np_scenario_canon(s, out);
    if (out) ok = fclose(out) == 0 && ok;
    if (ok) return text;
    free(text);
    return NULL;
}

static bool write_point(np_db *d, const np_points *points, uint32_t p, np_error *e)
{
    const np_scenario *at = np_points_at(points, p);
    bool ok = bind_and_run(d, "INSERT INTO point VALUES(?1, ?2, ?3, ?4, ?5)", e, "itiii", (int64_t)p,
                           at->digest, (int64_t)at->world.nat[0].capacity, (int64_t)at->world.duration,
                           (int64_t)at->world.warmup);
    for (uint32_t v = 0; ok && v < points->base->varied; v++) {
        ok = bind_and_run(d, "INSERT INTO vary VALUES(?1, ?2, ?3, ?4)", e, "iitt", (int64_t)p, (int64_t)v,
                          points->vary[p][v].path, points->vary[p][v].value);
    }
    return ok;
}

static bool write_study(np_db *d, const np_points *points, const char *text, np_error *e)
{
    const np_scenario *s = points->base;
    uint32_t most = s->precision.goals > 0 ? s->precision.max_replicas : s->replicas;
    bool ok =
        np_db_make_tables(d, e) &&
        bind_and_run(d, "INSERT INTO study VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", e, "ttttiiiiit",
                     NP_VERSION, s->name, s->about, s->digest, (int64_t)s->world.seed, (int64_t)s->replicas,
                     (int64_t)most, (int64_t)s->world.duration, (int64_t)s->world.warmup, text);
    for (uint32_t i = 0; ok && i < s->strategies; i++)
        ok = bind_and_run(d, "INSERT INTO strategy VALUES(?1, ?2)", e, "it", (int64_t)i, s->strategy[i].name);
    for (uint32_t i = 0; ok && i < s->precision.goals; i++)
        ok = bind_and_run(d, "INSERT INTO precision VALUES(?1, ?2, ?3)", e, "itr", (int64_t)i,
                          np_metric_about(s->precision.goal[i].metric)->key, s->precision.goal[i].share);
    for (uint32_t p = 0; ok && p < points->points; p++) ok = write_point(d, points, p, e);
    return ok;
}

static bool compare_study(np_db *d, const np_scenario *s, const char *text, np_error *e)
{
    sqlite3_stmt *q = np_db_prepare(d, "SELECT natpulse, digest, seed, yaml FROM study", e);
    int got = q ? np_db_step(d, q, e) : -1;
    bool same = false;
    char what[NP_DIFFERENCE];
    if (got == 0) {
        np_db_damaged(d, "it does not say what was simulated", e);
    } else if (got == 1 && strcmp(np_db_text(q, 0), NP_VERSION) != 0) {
        np_fail(e, NP_TROUBLE_USAGE,
                "%s: was made by natpulse %.20s, this is %s, whose results may differ; give another file",
                d->path, np_db_text(q, 0), NP_VERSION);
        clean(e);
    } else if (got == 1 && (uint64_t)sqlite3_column_int64(q, 2) != s->world.seed) {
        np_fail(e, NP_TROUBLE_USAGE,
                "%s: was made with seed %lld, not %llu; give another file, or --seed %lld", d->path,
                (long long)sqlite3_column_int64(q, 2), (unsigned long long)s->world.seed,
                (long long)sqlite3_column_int64(q, 2));
    } else if (got == 1 && np_difference(np_db_text(q, 3), text, what)) {
        np_fail(e, NP_TROUBLE_USAGE, "%s: was made from another scenario: %s; give another file", d->path,
                what);
    } else if (got == 1) {
        same = true;
    }
    sqlite3_finalize(q);
    return same;
}

bool np_db_begin_study(np_db *d, const np_points *points, np_error *e)
{
    char *text = canon(points->base);
    if (!text) return np_fail_memory(e, "the scenario's text");
    bool empty = false;
    bool ok = execute(d, "BEGIN IMMEDIATE", "beginning the study", e) && is_empty(d, &empty, e);
    if (ok && empty) {
        ok = write_study(d, points, text, e);
    } else if (ok) { /* it may have been filled since it was opened */
        ok = (d->checked || check(d, e)) && compare_study(d, points->base, text, e);
    }
    ok = ok && execute(d, "COMMIT", "beginning the study", e);
    if (!ok && !sqlite3_get_autocommit(d->sql)) sqlite3_exec(d->sql, "ROLLBACK", NULL, NULL, NULL);
    free(text);
    return ok;
}

/* ---- what is there ---- */

/* SELECT r.point, r.strategy, r.replica, the value of each goal in its order. free() it. */
static char *plan_query(const np_precision *precision)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&sql, &size);
    if (!out) return NULL;
    fputs("SELECT r.point, r.strategy, r.replica", out);
    for (uint32_t g = 0; g < precision->goals; g++)
        fprintf(out,
                ", (SELECT value FROM value v WHERE v.point = r.point AND v.strategy = r.strategy AND "
                "v.replica = r.replica AND v.key = '%s')",
                np_metric_about(precision->goal[g].metric)->key);
    fputs(" FROM run r ORDER BY 1, 3, 2", out);
    if (fclose(out) == 0) return sql;
    free(sql);
    return NULL;
}

bool np_db_fill_plan(np_db *d, np_plan *plan, const np_precision *precision, np_error *e)
{
    char *sql = plan_query(precision);
    double *value = calloc(precision->goals + 1, sizeof *value);
    sqlite3_stmt *s = sql && value ? np_db_prepare(d, sql, e) : NULL;
    bool ok = s || (sql && value) || np_fail_memory(e, "the plan");
    int got = s ? 1 : -1;
    while (ok && s && (got = np_db_step(d, s, e)) == 1) {
        uint64_t n[3] = {0};
        for (int i = 0; i < 3; i++) ok = ok && np_db_whole(s, i, 0, UINT32_MAX, &n[i]);
        for (uint32_t g = 0; g < precision->goals; g++) ok = ok && np_db_real(s, 3 + (int)g, &value[g]);
        np_study_unit u = {.point = (uint32_t)n[0], .strategy = (uint32_t)n[1], .replica = (uint32_t)n[2]};
        if (!ok || !np_plan_may_come_to(plan, u)) {
            ok = np_db_damaged(d, "a run that the study does not have", e);
        } else if (!np_plan_done(plan, u, value)) {
            ok = np_fail_memory(e, "the plan");
        }
    }
    sqlite3_finalize(s);
    free(sql);
    free(value);
    return ok && got == 0;
}

/* ---- writing a run ---- */

static bool prepare_writing(np_db *d, np_error *e)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } all[] = {
        {&d->begin, "BEGIN IMMEDIATE"},
        {&d->commit, "COMMIT"},
        {&d->rollback, "ROLLBACK"},
        {&d->put_run, "INSERT INTO run VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"},
        {&d->put_value, "INSERT INTO value VALUES(?1, ?2, ?3, ?4, ?5)"},
        {&d->put_spread, "INSERT INTO spread VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!*all[i].statement && !(*all[i].statement = np_db_prepare(d, all[i].sql, e))) return false;
    }
    return true;
}

/* SQLite makes a NULL of a NaN. */
static bool finish(np_db *d, sqlite3_stmt *s, np_error *e)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE || np_db_fail(d, "writing a run", e);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return ok;
}

static void bind_unit(sqlite3_stmt *s, np_study_unit u)
{
    sqlite3_bind_int64(s, 1, u.point);
    sqlite3_bind_int64(s, 2, u.strategy);
    sqlite3_bind_int64(s, 3, u.replica);
}

static bool put_run(np_db *d, np_study_unit u, const np_result *r, np_error *e)
{
    uint8_t entries[NP_SERIES_POINTS * 8];
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        uint64_t bits;
        memcpy(&bits, &r->occupancy[i], sizeof bits);
        for (int b = 0; b < 8; b++) entries[8 * i + b] = (uint8_t)(bits >> 8 * b);
    }
    bind_unit(d->put_run, u);
    sqlite3_bind_double(d->put_run, 4, r->conn_hours);
    sqlite3_bind_int64(d->put_run, 5, (int64_t)r->packet_events);
    sqlite3_bind_int64(d->put_run, 6, r->table_was_full);
    sqlite3_bind_blob(d->put_run, 7, entries, sizeof entries, SQLITE_STATIC);
    return finish(d, d->put_run, e);
}

static bool put_value(np_db *d, np_study_unit u, np_metric m, double value, np_error *e)
{
    bind_unit(d->put_value, u);
    sqlite3_bind_text(d->put_value, 4, np_metric_about(m)->key, -1, SQLITE_STATIC);
    sqlite3_bind_double(d->put_value, 5, value);
    return finish(d, d->put_value, e);
}

static bool put_spread(np_db *d, np_study_unit u, np_spread which, const np_quantile *q, np_error *e)
{
    static const double p[] = {0.50, 0.95, 0.99};
    size_t n = np_quantile_encode(q, d->room, d->bytes);
    if (n > d->room) {
        uint8_t *grown = realloc(d->bytes, 2 * n);
        if (!grown) return np_fail_memory(e, "a distribution");
        d->bytes = grown;
        d->room = 2 * n;
        n = np_quantile_encode(q, d->room, d->bytes);
    }
    bind_unit(d->put_spread, u);
    sqlite3_bind_text(d->put_spread, 4, np_spread_about(which)->key, -1, SQLITE_STATIC);
    for (int i = 0; i < 3; i++) sqlite3_bind_double(d->put_spread, 5 + i, np_quantile_at(q, p[i]));
    sqlite3_bind_double(d->put_spread, 8, np_quantile_max(q));
    sqlite3_bind_int64(d->put_spread, 9, (int64_t)np_quantile_count(q));
    sqlite3_bind_int64(d->put_spread, 10, (int64_t)np_quantile_censored(q));
    sqlite3_bind_blob(d->put_spread, 11, d->bytes, (int)n, SQLITE_STATIC);
    return finish(d, d->put_spread, e);
}

static bool put_all(np_db *d, np_study_unit u, const np_result *r, np_error *e)
{
    if (!put_run(d, u, r, e)) return false;
    if (sqlite3_changes(d->sql) == 0) return true; /* another sweep was faster */
    for (int m = 0; m < NP_METRIC_COUNT; m++) {
        if (!put_value(d, u, (np_metric)m, r->value[m], e)) return false;
    }
    for (int s = 0; s < NP_SPREAD_COUNT; s++) {
        if (r->spread[s] && !put_spread(d, u, (np_spread)s, r->spread[s], e)) return false;
    }
    return true;
}

bool np_db_put(np_db *d, np_study_unit u, const np_result *r, np_error *e)
{
    if (!prepare_writing(d, e) || !finish(d, d->begin, e)) return false;
    if (put_all(d, u, r, e) && finish(d, d->commit, e)) return true;
    if (!sqlite3_get_autocommit(d->sql)) finish(d, d->rollback, NULL);
    return false;
}
