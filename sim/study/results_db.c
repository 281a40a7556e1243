/*
 * Reading a results database: into a study, as a state, as text.
 *
 * Nothing is believed: sizes come from counting rows that are there, never from a number in a row; every
 * number is checked for its kind and range, every sketch by its decoder.
 */
#include "natpulse/results_db.h"
#include "conclude.h"
#include "db.h"
#include "natpulse/arena.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_POINTS     1000000
#define MOST_STRATEGIES 100000
#define MOST_REPLICAS   100000
#define COLUMNS_BARE    100000 /* points times strategies without any run: 400 MB */
#define LONGEST         ((uint64_t)3650 * NP_DAY)

typedef struct reading {
    np_db db;
    np_error *e;
    np_study *study;
    np_scenario *scenario; /* of the study, made up from the tables */
} reading;

static bool damaged(reading *r, const char *what)
{
    return np_db_damaged(&r->db, what, r->e);
}

static bool memory(reading *r)
{
    return np_fail_memory(r->e, r->db.path);
}

/* Calls `row` for each row of a query; it returns false after filling *e. */
static bool each_row(reading *r, const char *sql, bool (*row)(reading *r, sqlite3_stmt *s))
{
    sqlite3_stmt *s = np_db_prepare(&r->db, sql, r->e);
    int got = -1;
    bool ok = s != NULL;
    while (ok && (got = np_db_step(&r->db, s, r->e)) == 1) ok = row(r, s);
    sqlite3_finalize(s);
    return ok && got == 0;
}

static bool count_rows(reading *r, const char *sql, uint64_t least, uint64_t most, uint32_t *out)
{
    sqlite3_stmt *s = np_db_prepare(&r->db, sql, r->e);
    uint64_t n = 0;
    bool ok = s && np_db_step(&r->db, s, r->e) == 1 &&
              (np_db_whole(s, 0, least, most, &n) || damaged(r, "as many points or strategies as cannot be"));
    sqlite3_finalize(s);
    *out = (uint32_t)n;
    return ok;
}

static const char *keep_text(reading *r, sqlite3_stmt *s, int column)
{
    return np_arena_text(r->study->arena, np_db_text(s, column));
}

/* ---- what was simulated ---- */

static bool read_study(reading *r, sqlite3_stmt *s)
{
    np_scenario *to = r->scenario;
    uint64_t replicas, most, duration, warmup;
    if (to->name) return damaged(r, "two studies in one file");
    r->study->version = keep_text(r, s, 0);
    to->name = keep_text(r, s, 1);
    to->about = keep_text(r, s, 2);
    r->study->yaml = keep_text(r, s, 9);
    if (!r->study->version || !to->name || !to->about || !r->study->yaml) return memory(r);
    snprintf(to->digest, sizeof to->digest, "%s", np_db_text(s, 3));
    if (sqlite3_column_type(s, 4) != SQLITE_INTEGER || !np_db_whole(s, 5, 1, MOST_REPLICAS, &replicas) ||
        !np_db_whole(s, 6, replicas, MOST_REPLICAS, &most) || !np_db_whole(s, 7, 1, LONGEST, &duration) ||
        !np_db_whole(s, 8, 0, LONGEST, &warmup))
        return damaged(r, "its row of what was simulated");
    to->world.seed = (uint64_t)sqlite3_column_int64(s, 4);
    to->replicas = (uint32_t)replicas;
    to->precision.max_replicas = (uint32_t)most;
    to->world.duration = (np_time)duration;
    to->world.warmup = (np_time)warmup;
    return true;
}

static bool read_strategy(reading *r, sqlite3_stmt *s)
{
    np_scenario *to = r->scenario;
    uint64_t n;
    if (!np_db_whole(s, 0, to->strategies, to->strategies, &n)) return damaged(r, "its list of strategies");
    to->strategy[to->strategies].name = keep_text(r, s, 1);
    return to->strategy[to->strategies++].name || memory(r);
}

static bool read_goal(reading *r, sqlite3_stmt *s)
{
    np_precision *to = &r->scenario->precision;
    int metric = np_metric_find(np_db_text(s, 0));
    double share;
    if (to->goals == NP_METRIC_COUNT || metric < 0 || !np_db_real(s, 1, &share) || !(share > 0 && share < 1))
        return damaged(r, "its list of precisions");
    to->goal[to->goals++] = (np_goal){.metric = (np_metric)metric, .share = share};
    return true;
}

/* The paths of the grid, from its first point. */
static bool read_path(reading *r, sqlite3_stmt *s)
{
    np_scenario *to = r->scenario;
    uint64_t n;
    if (!np_db_whole(s, 0, to->varied, to->varied, &n)) return damaged(r, "its list of varied paths");
    to->vary[to->varied].path = keep_text(r, s, 1);
    return to->vary[to->varied++].path || memory(r);
}

/* A point's scenario has the figures that reports mention; its arena is NULL: it lives in the study's. */
static bool read_point(reading *r, sqlite3_stmt *s)
{
    np_study *to = r->study;
    uint64_t n, capacity, duration, warmup;
    if (!np_db_whole(s, 0, to->points, to->points, &n) || !np_db_whole(s, 2, 0, UINT32_MAX, &capacity) ||
        !np_db_whole(s, 3, 1, LONGEST, &duration) || !np_db_whole(s, 4, 0, LONGEST, &warmup))
        return damaged(r, "its list of points");
    np_scenario *at = np_arena_alloc(to->arena, sizeof *at);
    np_point *p = &to->point[to->points];
    p->digest = keep_text(r, s, 1);
    p->vary = np_arena_alloc(to->arena, (r->scenario->varied + 1) * sizeof *p->vary);
    if (!at || !p->digest || !p->vary) return memory(r);
    *at = *r->scenario;
    at->world.nat[0].capacity = (uint32_t)capacity;
    at->world.duration = (np_time)duration;
    at->world.warmup = (np_time)warmup;
    to->loaded[to->points++] = at;
    return true;
}

static bool read_vary(reading *r, sqlite3_stmt *s)
{
    uint64_t point, position;
    const np_scenario *from = r->scenario;
    if (!np_db_whole(s, 0, 0, r->study->points - 1, &point) ||
        !np_db_whole(s, 1, 0, (uint64_t)from->varied - 1, &position) || from->varied == 0)
        return damaged(r, "its values of varied paths");
    np_override *to = &r->study->point[point].vary[position];
    *to = (np_override){.path = from->vary[position].path, .value = keep_text(r, s, 2)};
    return to->value || memory(r);
}

static bool check_vary(reading *r)
{
    for (uint32_t p = 0; p < r->study->points; p++) {
        for (uint32_t v = 0; v < r->scenario->varied; v++) {
            if (!r->study->point[p].vary[v].value) return damaged(r, "a point without a value");
        }
    }
    return true;
}

static bool read_plan(reading *r)
{
    np_study *s = r->study;
    np_scenario *c = r->scenario;
    uint32_t points, strategies, varied;
    if (!count_rows(r, "SELECT count(*) FROM point", 1, MOST_POINTS, &points) ||
        !count_rows(r, "SELECT count(*) FROM strategy", 1, MOST_STRATEGIES, &strategies) ||
        !count_rows(r, "SELECT count(*) FROM vary WHERE point = 0", 0, MOST_POINTS, &varied))
        return false;
    uint32_t runs;
    if (!count_rows(r, "SELECT count(*) FROM run", 0, UINT32_MAX, &runs)) return false;
    if ((uint64_t)points * strategies > (uint64_t)COLUMNS_BARE + runs)
        return np_fail(r->e, NP_TROUBLE_INPUT,
                       "%s: has %u points of %u strategies, and too few runs to show them", r->db.path,
                       points, strategies);
    c->strategy = np_arena_alloc(s->arena, strategies * sizeof *c->strategy);
    c->vary = np_arena_alloc(s->arena, (varied + 1) * sizeof *c->vary);
    c->precision.goal = np_arena_alloc(s->arena, NP_METRIC_COUNT * sizeof *c->precision.goal);
    if (!c->strategy || !c->vary || !c->precision.goal) return memory(r);
    if (!each_row(
            r,
            "SELECT natpulse, scenario, about, digest, seed, replicas, max_replicas, duration_ns, warmup_ns, "
            "yaml FROM study",
            read_study))
        return false;
    if (!c->name) return damaged(r, "it does not say what was simulated");
    if (!each_row(r, "SELECT strategy, name FROM strategy ORDER BY strategy", read_strategy) ||
        !each_row(r, "SELECT key, share FROM precision ORDER BY position", read_goal) ||
        !each_row(r, "SELECT position, path FROM vary WHERE point = 0 ORDER BY position", read_path))
        return false;
    if (!np_study_lay_out(s, points, r->e)) return false;
    s->points = 0; /* counted up while they are read */
    s->loaded = np_arena_alloc(s->arena, points * sizeof *s->loaded);
    if (!s->loaded) return memory(r);
    bool ok =
        each_row(r, "SELECT point, digest, nat_capacity, duration_ns, warmup_ns FROM point ORDER BY point",
                 read_point) &&
        each_row(r, "SELECT point, position, value FROM vary", read_vary) && check_vary(r);
    for (uint32_t p = 0; p < s->points; p++) {
        for (uint32_t i = 0; i < c->strategies; i++) s->point[p].column[i].strategy = c->strategy[i].name;
    }
    return ok;
}

/* ---- runs ---- */

/* The first three columns of a row name a run: its column, or NULL when it cannot be. */
static np_column *column_of(reading *r, sqlite3_stmt *s, uint64_t *replica)
{
    uint64_t point, strategy;
    bool ok = np_db_whole(s, 0, 0, (uint64_t)r->study->points - 1, &point) &&
              np_db_whole(s, 1, 0, (uint64_t)r->scenario->strategies - 1, &strategy) &&
              np_db_whole(s, 2, 0, MOST_REPLICAS - 1, replica);
    return ok ? &r->study->point[point].column[strategy] : NULL;
}

/* The run of a row, or NULL: after a gap in the replicas, or left out since the column has no such run. */
static np_result *run_of(reading *r, sqlite3_stmt *s)
{
    uint64_t replica;
    np_column *c = column_of(r, s, &replica);
    return c && replica < c->replicas ? c->replica[replica] : NULL;
}

static bool read_run(reading *r, sqlite3_stmt *s)
{
    uint64_t replica, events, full;
    np_column *c = column_of(r, s, &replica);
    const uint8_t *entries = sqlite3_column_blob(s, 6);
    double hours;
    if (!c || !np_db_real(s, 3, &hours) || !np_db_whole(s, 4, 0, INT64_MAX, &events) ||
        !np_db_whole(s, 5, 0, 1, &full) || sqlite3_column_bytes(s, 6) != NP_SERIES_POINTS * 8 || !entries)
        return damaged(r, "a run");
    if (replica != c->replicas) return true; /* behind a gap */
    np_result *one = calloc(1, sizeof *one);
    if (!one) return memory(r);
    for (int m = 0; m < NP_METRIC_COUNT; m++) one->value[m] = NAN;
    for (int i = 0; i < NP_SERIES_POINTS; i++) {
        uint64_t bits = 0;
        for (int b = 0; b < 8; b++) bits |= (uint64_t)entries[8 * i + b] << 8 * b;
        memcpy(&one->occupancy[i], &bits, sizeof bits);
    }
    one->conn_hours = hours;
    one->packet_events = events;
    one->table_was_full = full;
    if (!np_study_place(c, (uint32_t)replica, one)) return memory(r);
    c->replicas++;
    return true;
}

/* Figures that this natpulse does not know are passed over: the file may be another version's. */
static bool read_value(reading *r, sqlite3_stmt *s)
{
    np_result *one = run_of(r, s);
    int metric = np_metric_find(np_db_text(s, 3));
    if (!one || metric < 0) return true;
    return np_db_real(s, 4, &one->value[metric]) || damaged(r, "a figure that is no number");
}

static bool read_spread(reading *r, sqlite3_stmt *s)
{
    np_result *one = run_of(r, s);
    int spread = np_spread_find(np_db_text(s, 3));
    if (!one || spread < 0) return true;
    const uint8_t *bytes = sqlite3_column_blob(s, 4);
    bool bad = !bytes || one->spread[spread];
    if (!bad) one->spread[spread] = np_quantile_decode(bytes, (size_t)sqlite3_column_bytes(s, 4), &bad);
    if (bad) return damaged(r, "a distribution");
    return one->spread[spread] || memory(r);
}

/* Keeps the replicas that all strategies of a point have. */
static void trim(np_study *s)
{
    for (uint32_t p = 0; p < s->points; p++) {
        uint32_t all = UINT32_MAX;
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            if (s->point[p].column[c].replicas < all) all = s->point[p].column[c].replicas;
        }
        for (uint32_t c = 0; c < s->scenario->strategies; c++) {
            np_column *column = &s->point[p].column[c];
            for (uint32_t i = all; i < column->replicas; i++) {
                np_result_destroy(column->replica[i]);
                column->replica[i] = NULL;
            }
            column->replicas = all;
        }
    }
}

/* The plan as the sweep that goes on would have it. NULL and *e on trouble. */
static np_plan *plan_of(reading *r)
{
    const np_scenario *c = r->scenario;
    np_plan *plan = np_plan_create(r->study->points, c->strategies, c->replicas, &c->precision);
    if (!plan) {
        memory(r);
    } else if (!np_db_fill_plan(&r->db, plan, &c->precision, r->e)) {
        np_plan_destroy(plan);
        plan = NULL;
    }
    return plan;
}

static bool read_runs(reading *r)
{
    np_plan *plan = plan_of(r);
    if (!plan) return false;
    uint64_t done = np_plan_units_done(plan), all = np_plan_units(plan);
    np_plan_destroy(plan);
    r->study->missing = all > done ? all - done : 0;
    bool ok =
        each_row(r,
                 "SELECT point, strategy, replica, conn_hours, packet_events, table_was_full, nat_entries "
                 "FROM run ORDER BY 1, 2, 3",
                 read_run) &&
        each_row(r, "SELECT point, strategy, replica, key, value FROM value", read_value) &&
        each_row(r, "SELECT point, strategy, replica, key, sketch FROM spread", read_spread);
    if (!ok) return false;
    trim(r->study);
    if (!np_study_conclude(r->study, r->e)) return false;
    return r->study->replicas > 0 ||
           np_fail(r->e, NP_TROUBLE_INPUT, "%s: no point has a finished run of every strategy yet",
                   r->db.path);
}

/* ---- the three ways ---- */

static bool begin(reading *r, const char *path)
{
    r->study = np_study_create(NULL, r->e);
    if (!r->study || !np_db_open(&r->db, path, NP_DB_READ, r->e)) return false;
    r->scenario = np_arena_alloc(r->study->arena, sizeof *r->scenario);
    if (!r->scenario) return memory(r);
    r->study->scenario = r->scenario;
    /* One moment for all queries, though a sweep may be writing. */
    return sqlite3_exec(r->db.sql, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ||
           np_db_fail(&r->db, "reading", r->e);
}

np_study *np_results_load(const char *path, np_error *e)
{
    reading r = {.e = e};
    bool ok = begin(&r, path) && read_plan(&r) && read_runs(&r);
    np_db_close(&r.db);
    if (ok) return r.study;
    np_study_destroy(r.study);
    return NULL;
}

static void copy_clean(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    for (; *to; to++) {
        if ((unsigned char)*to < ' ' || *to == 0x7f) *to = '?';
    }
}

bool np_results_status(const char *path, np_results_state *out, np_error *e)
{
    reading r = {.e = e};
    np_plan *plan = begin(&r, path) && read_plan(&r) ? plan_of(&r) : NULL;
    if (plan) {
        const np_scenario *c = r.scenario;
        *out = (np_results_state){.seed = c->world.seed,
                                  .points = r.study->points,
                                  .strategies = c->strategies,
                                  .replicas = c->replicas,
                                  .max_replicas = c->precision.max_replicas,
                                  .done = np_plan_units_done(plan),
                                  .all = np_plan_units(plan)};
        copy_clean(out->scenario, sizeof out->scenario, c->name);
        copy_clean(out->version, sizeof out->version, r.study->version);
        copy_clean(out->digest, sizeof out->digest, c->digest);
        for (uint32_t p = 0; p < out->points; p++) out->settled += np_plan_settled(plan, p);
    }
    bool ok = plan != NULL;
    np_plan_destroy(plan);
    np_db_close(&r.db);
    np_study_destroy(r.study);
    return ok;
}

/* ---- as text ---- */

static void dump_text(const char *s, int n, FILE *out)
{
    for (int i = 0; i < n; i++) {
        switch (s[i]) {
        case '\t': fputs("\\t", out); break;
        case '\n': fputs("\\n", out); break;
        case '\\': fputs("\\\\", out); break;
        default: fputc(s[i], out);
        }
    }
}

static void dump_value(sqlite3_stmt *s, int column, FILE *out)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_NULL: fputs("\\N", out); break;
    case SQLITE_INTEGER: fprintf(out, "%lld", (long long)sqlite3_column_int64(s, column)); break;
    case SQLITE_FLOAT: fprintf(out, "%a", sqlite3_column_double(s, column)); break;
    case SQLITE_TEXT: dump_text(np_db_text(s, column), sqlite3_column_bytes(s, column), out); break;
    default: {
        const uint8_t *bytes = sqlite3_column_blob(s, column);
        for (int i = 0; i < sqlite3_column_bytes(s, column); i++) fprintf(out, "%02x", bytes[i]);
    }
    }
}

static bool dump_table(np_db *d, const np_db_object *o, FILE *out, np_error *e)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY %s", o->name, o->order);
    sqlite3_stmt *s = np_db_prepare(d, sql, e);
    int got = s ? 1 : -1;
    while (got == 1 && (got = np_db_step(d, s, e)) == 1) {
        fputs(o->name, out);
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            fputc('\t', out);
            dump_value(s, i, out);
        }
        fputc('\n', out);
    }
    sqlite3_finalize(s);
    return got == 0;
}

bool np_results_dump(const char *path, FILE *out, np_error *e)
{
    np_db d;
    bool ok = np_db_open(&d, path, NP_DB_READ, e) &&
              (sqlite3_exec(d.sql, "BEGIN", NULL, NULL, NULL) == SQLITE_OK || np_db_fail(&d, "reading", e));
    for (const np_db_object *o = np_db_object_list; ok && o->name; o++) {
        if (o->order) ok = dump_table(&d, o, out, e);
    }
    np_db_close(&d);
    return ok;
}
