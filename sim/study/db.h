/*
 * The results database of a sweep: a SQLite file. Its tables are in db_schema.c.
 */
#ifndef NATPULSE_STUDY_DB_H
#define NATPULSE_STUDY_DB_H

#include "plan.h"
#include "points.h"
#include <sqlite3.h>

typedef struct np_db {
    sqlite3 *sql;
    char *path;    /* as messages name it */
    bool checked;  /* it was ours, and undamaged, when it was opened */
    bool switched; /* its journal is this writer's, to be put back */
    sqlite3_stmt *begin, *commit, *rollback, *put_run, *put_value, *put_spread;
    uint8_t *bytes; /* for a sketch */
    size_t room;
} np_db;

typedef enum np_db_access {
    NP_DB_READ,   /* it must be a results database; changes nothing */
    NP_DB_WRITE,  /* makes the file when it is not there */
    NP_DB_SHARED, /* the same on a file system that several machines share */
} np_db_access;

/* Opens a database and looks whether it is one of ours and undamaged: a foreign, later or broken one is
   NP_TROUBLE_INPUT. A new or empty file has no tables yet: np_db_begin_study. False and *e on trouble;
   np_db_close in any case. */
bool np_db_open(np_db *d, const char *path, np_db_access access, np_error *e);
void np_db_close(np_db *d);

/* Writes what the study is into an empty database; in another, looks whether it is of the same study, and
   says in *e what differs. */
bool np_db_begin_study(np_db *d, const np_points *points, np_error *e);

/* Notes in the plan every run that is there. */
bool np_db_fill_plan(np_db *d, np_plan *plan, const np_precision *precision, np_error *e);

/* Writes one run, in a transaction of its own. A run that is there already stays. */
bool np_db_put(np_db *d, np_study_unit u, const np_result *r, np_error *e);

/* ---- for its readers ---- */

/* Prepares a statement. NULL and *e on trouble. */
sqlite3_stmt *np_db_prepare(np_db *d, const char *sql, np_error *e);

/* One step: 1 a row, 0 the end, -1 trouble. */
int np_db_step(np_db *d, sqlite3_stmt *s, np_error *e);

/* What SQLite has to say, as an error while doing `what`. Returns false. */
bool np_db_fail(const np_db *d, const char *what, np_error *e);

/* The contents cannot be: NP_TROUBLE_INPUT. Returns false. */
bool np_db_damaged(const np_db *d, const char *what, np_error *e);

/* Numbers of a row, which may hold anything. False when it is no whole number of that range, no finite number
   (NaN for NULL). */
bool np_db_whole(sqlite3_stmt *s, int column, uint64_t least, uint64_t most, uint64_t *out);
bool np_db_real(sqlite3_stmt *s, int column, double *out);
const char *np_db_text(sqlite3_stmt *s, int column); /* never NULL; valid until the next step */

/* ---- db_schema.c ---- */

/* "natp": tells file(1) and us what the file is. */
#define NP_DB_APPLICATION 0x6e617470
#define NP_DB_FORMAT      1 /* of the tables */

typedef struct np_db_object {
    const char *name;
    const char *sql;
    const char *order; /* of a table: the columns that number its rows; NULL: not a table */
} np_db_object;

extern const np_db_object np_db_object_list[]; /* ends with a NULL name */

bool np_db_make_tables(np_db *d, np_error *e);

/* Whether every table is as np_db_make_tables makes it, and nothing would act by itself. */
bool np_db_check_tables(np_db *d, np_error *e);

#endif
