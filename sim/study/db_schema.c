/*
 * The tables of a results database.
 *
 *     study      what was simulated: one row
 *     strategy   its strategies, numbered
 *     point      its points, numbered; vary: their values
 *     precision  the goals of `precision`
 *     run        a row for each finished run
 *     value      its figures, by key; NULL: has no meaning there
 *     spread     its distributions, by key: quantiles, and the whole sketch for exact merging
 *     result     a view for queries: value with the names of strategy and point
 *
 * A run and its rows of value and spread come and go in one transaction. Tables whose rows are numbered by
 * what they are (WITHOUT ROWID) have no order of arrival that could show.
 *
 * A file may come from anywhere. Ours is one whose tables have exactly this text, so that no generated
 * column, check or trigger of a stranger's runs; other tables, indexes and views may stand beside them.
 */
#include "db.h"
#include <string.h>

const np_db_object np_db_object_list[] = {
    {"study",
     "CREATE TABLE study(natpulse TEXT NOT NULL, scenario TEXT NOT NULL, about TEXT NOT NULL, digest TEXT "
     "NOT NULL, "
     "seed INTEGER NOT NULL, replicas INTEGER NOT NULL, max_replicas INTEGER NOT NULL, duration_ns INTEGER "
     "NOT NULL, "
     "warmup_ns INTEGER NOT NULL, yaml TEXT NOT NULL)",
     "digest"},
    {"strategy", "CREATE TABLE strategy(strategy INTEGER PRIMARY KEY, name TEXT NOT NULL)", "strategy"},
    {"point",
     "CREATE TABLE point(point INTEGER PRIMARY KEY, digest TEXT NOT NULL, nat_capacity INTEGER NOT NULL, "
     "duration_ns INTEGER NOT NULL, warmup_ns INTEGER NOT NULL)",
     "point"},
    {"vary",
     "CREATE TABLE vary(point INTEGER NOT NULL, position INTEGER NOT NULL, path TEXT NOT NULL, value TEXT "
     "NOT NULL, "
     "PRIMARY KEY(point, position)) WITHOUT ROWID",
     "point, position"},
    {"precision",
     "CREATE TABLE precision(position INTEGER PRIMARY KEY, key TEXT NOT NULL, share REAL NOT NULL)",
     "position"},
    {"run",
     "CREATE TABLE run(point INTEGER NOT NULL, strategy INTEGER NOT NULL, replica INTEGER NOT NULL, "
     "conn_hours REAL NOT NULL, packet_events INTEGER NOT NULL, table_was_full INTEGER NOT NULL, "
     "nat_entries BLOB NOT NULL, PRIMARY KEY(point, strategy, replica)) WITHOUT ROWID",
     "point, strategy, replica"},
    {"value",
     "CREATE TABLE value(point INTEGER NOT NULL, strategy INTEGER NOT NULL, replica INTEGER NOT NULL, "
     "key TEXT NOT NULL, value REAL, PRIMARY KEY(point, strategy, replica, key)) WITHOUT ROWID",
     "point, strategy, replica, key"},
    {"spread",
     "CREATE TABLE spread(point INTEGER NOT NULL, strategy INTEGER NOT NULL, replica INTEGER NOT NULL, "
     "key TEXT NOT NULL, p50 REAL, p95 REAL, p99 REAL, max REAL, count INTEGER NOT NULL, censored INTEGER "
     "NOT NULL, "
     "sketch BLOB NOT NULL, PRIMARY KEY(point, strategy, replica, key)) WITHOUT ROWID",
     "point, strategy, replica, key"},
    {"result",
     "CREATE VIEW result AS SELECT v.point, (SELECT group_concat(path || '=' || value, ', ') FROM vary WHERE "
     "vary.point = v.point) AS vary, s.name AS strategy, v.replica, v.key, v.value FROM value AS v JOIN "
     "strategy AS s "
     "ON s.strategy = v.strategy",
     NULL},
    {0},
};

bool np_db_make_tables(np_db *d, np_error *e)
{
    for (const np_db_object *o = np_db_object_list; o->name; o++) {
        if (sqlite3_exec(d->sql, o->sql, NULL, NULL, NULL) != SQLITE_OK)
            return np_db_fail(d, "making its tables", e);
    }
    char sql[100];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", NP_DB_APPLICATION,
             NP_DB_FORMAT);
    if (sqlite3_exec(d->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
        return np_db_fail(d, "making its tables", e);
    return true;
}

static bool check_one(np_db *d, sqlite3_stmt *s, const np_db_object *o, np_error *e)
{
    sqlite3_bind_text(s, 1, o->name, -1, SQLITE_STATIC);
    int got = np_db_step(d, s, e);
    bool same = got == 1 && strcmp(np_db_text(s, 0), o->sql) == 0;
    sqlite3_reset(s);
    if (got < 0 || same) return same;
    return np_fail(e, NP_TROUBLE_INPUT, "%s: the table %s is %s natpulse makes it", d->path, o->name,
                   got == 0 ? "missing, or not where" : "not as");
}

bool np_db_check_tables(np_db *d, np_error *e)
{
    sqlite3_stmt *s = np_db_prepare(d, "SELECT sql FROM sqlite_master WHERE name = ?1", e);
    bool ok = s != NULL;
    for (const np_db_object *o = np_db_object_list; ok && o->name; o++) ok = check_one(d, s, o, e);
    sqlite3_finalize(s);
    if (!ok) return false;

    s = np_db_prepare(d, "SELECT name FROM sqlite_master WHERE type = 'trigger'", e);
    int got = s ? np_db_step(d, s, e) : -1;
    if (got == 1) np_fail(e, NP_TROUBLE_INPUT, "%s: has a trigger, which natpulse never makes", d->path);
    sqlite3_finalize(s);
    return got == 0;
}
