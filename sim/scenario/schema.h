/*
 * What a scenario may say: tables of keys. One table entry drives reading, messages, `show` and the list of
 * keys.
 *
 *     top ── nat (profile) ──────────────────────────── schema_nat.c
 *      │        └──── timeouts, adaptive, expiry, ports    schema_nat_times.c, schema_nat_ports.c
 *      ├──── access, core ─── up, down, loss, outages    schema_link.c
 *      ├──── clients[] ────── workload, radio (profiles) schema_clients.c, schema_radio.c
 *      │        └──── churn                             schema_churn.c, with the downtimes of servers and nat
 *      ├──── strategies[] ─── keepalive, heartbeat       schema_strategies.c
 *      ├──── precision                                   schema_precision.c
 *      ├──── expect[]                                    schema_expect.c
 *      └──── servers, tcp, reconnect                     schema_top.c
 *
 * A section reads a map into the struct at `base`. Fields are read in the order of the table, whatever the
 * order in the file, so a later field may rely on an earlier one. A section with a `kind` can also be a name
 * of a profile, or have the key `profile` beside others, which then override it; in profile files the key is
 * `base`.
 */
#ifndef NATPULSE_SCHEMA_H
#define NATPULSE_SCHEMA_H

#include "tree.h"
#include "units.h"
#include <stddef.h>

typedef struct np_field np_field;
typedef struct np_section np_section;
typedef struct np_profiles np_profiles;

/* One reading of one tree. */
typedef struct np_loading {
    np_arena *arena; /* of the result */
    np_report *report;
    np_profiles *profiles;
    np_scenario *scenario;        /* so far; NULL when only a profile is read */
    const struct np_chain *chain; /* of profiles being read, for profile.c */
} np_loading;

/* One writing of one text. */
typedef struct np_writer {
    FILE *out;
    int depth;      /* of indentation */
    bool dash;      /* the next key begins an entry of a list */
    bool profile;   /* a profile is written, not a scenario */
    bool rows_only; /* only what results depend on */
} np_writer;

typedef struct np_choice {
    const char *name; /* NULL ends a table */
    int value;
} np_choice;

typedef enum np_type {
    NP_TYPE_TEXT,    /* const char * */
    NP_TYPE_WHOLE,   /* an unsigned integer of .size bytes, or np_time; .unit COUNT, SIZE or TIME */
    NP_TYPE_REAL,    /* double */
    NP_TYPE_CHOICE,  /* a word of .choice: an integer of .size bytes */
    NP_TYPE_LISTED,  /* const char *, one of .listed() */
    NP_TYPE_DIST,    /* np_dist */
    NP_TYPE_PORTION, /* np_portion: a count, or a share of something */
    NP_TYPE_SECTION, /* a map: .section */
    NP_TYPE_OWN,     /* .read and .write */
} np_type;

struct np_field {
    const char *key;
    const char *meaning; /* one line, for the list of keys */
    np_type type;
    np_measure unit;
    size_t offset, size;
    double least, most; /* inclusive; most 0: unlimited */
    const char *zero;   /* the word for 0 ("unlimited", "none"); then 0 is allowed whatever `least` says */
    bool positive_mean; /* DIST: time must pass */
    bool required;
    bool inherited; /* written in profiles only: the scenario's struct holds it elsewhere */
    bool unwritten; /* another field holds the outcome */
    const np_choice *choice;
    const char *const *(*listed)(void);
    const np_section *section; /* SECTION; OWN: what its parts are, for the list of keys */
    const char *form;          /* OWN: what is expected */
    void (*read)(np_loading *l, const np_field *f, const np_node *n, void *base);
    void (*write)(np_writer *w, const np_field *f, const void *base); /* NULL: never written */
};

#define NP_FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

#define NP_FIGURES_MOST 8

struct np_section {
    const char *name; /* for messages */
    const char *kind; /* of its profiles; NULL: none */
    const np_field *field;
    uint32_t fields;
    void (*begin)(void *base);                                      /* before the first layer */
    void (*layered)(np_loading *l, const np_node *map, void *base); /* after each layer */
    void (*check)(np_loading *l, const np_node *n, void *base);     /* after the last */
    void (*off)(void *base);                                        /* for the word `off` */
    bool (*is_off)(const void *base);
    struct {
        const char *path, *heading; /* NULL: as the path */
    } figure[NP_FIGURES_MOST];      /* of a kind: the keys that tell its profiles apart */
};

#define NP_FIELDS(table) .field = table, .fields = sizeof(table) / sizeof *(table)

extern const np_section np_section_top;                       /* np_scenario */
extern const np_section np_section_nat;                       /* np_nat_draft */
extern const np_section np_section_fill_step;                 /* np_fill_draft */
extern const np_section np_section_link;                      /* np_link_config */
extern const np_section np_section_client;                    /* np_group */
extern const np_section np_section_workload;                  /* np_group */
extern const np_section np_section_strategy;                  /* np_strategy */
extern const np_section np_section_keepalive;                 /* np_strategy */
extern const np_section np_section_heartbeat;                 /* np_beat_config */
extern const np_section np_section_churn;                     /* np_churn */
extern const np_section np_section_crash, np_section_restart; /* np_downtime */
extern const np_section np_section_nat_restart;               /* np_nat_restart */
extern const np_section np_section_radio;                     /* np_radio_config */

extern const np_choice np_choice_bool[], np_choice_connection[], np_choice_transport[];

/* A number of mappings, or a share of the capacity. */
typedef struct np_portion {
    uint32_t count;
    double share; /* 0: the count says it */
} np_portion;

#define NP_PORTION_UNSAID (-1.0) /* .share: neither */

/* np_fill_step before the capacity is known. */
typedef struct np_fill_draft {
    np_portion above, until;
    np_time most;
} np_fill_draft;

/* A NAT configuration while `memory` and `entry_bytes` may still become its capacity, of which others are
   shares. */
typedef struct np_nat_draft {
    np_nat_config nat;
    uint64_t memory, entry_bytes;
    np_portion start, end, per_host; /* of nat.adaptive, nat.ports */
    np_fill_draft step[NP_FILL_STEPS_MOST];
    uint32_t steps;
    np_nat_restart restart;
} np_nat_draft;

/* The draft of a finished configuration. */
np_nat_draft np_nat_draft_of(const np_nat_config *c, const np_nat_restart *restart);

/* No time or size in a scenario is longer than this, so that sums of a few cannot overflow. */
#define NP_LONGEST_TIME (3650.0 * (double)NP_DAY)
#define NP_LARGEST_SIZE 4e9

/* ---- read.c ---- */

/* Reads a node into the struct at base: a map, a profile's name, `off` or `none`. */
void np_section_read(np_loading *l, const np_section *s, const np_node *n, void *base);

/* Whether a map of that section may have this key: one of its own, or what every profile or scenario may say.
 */
bool np_section_knows(const np_section *s, const np_node *map, const char *key);

/* The same without begin and check: one layer of several. */
void np_section_layer(np_loading *l, const np_section *s, const np_node *n, void *base);

/* The child with that key; where there is none (or n is no map) n itself: where to complain about the key. */
const np_node *np_node_at(const np_node *n, const char *key);

/* True when it is of that kind; else complains ("nat: expected a map, found a list"). BROKEN: false,
 * silently. */
bool np_node_expect(np_loading *l, const np_node *n, np_node_kind kind, const char *name,
                    const char *expected);

/* The section of profiles of a kind; NULL when there is none. */
const np_section *np_section_of_kind(const char *kind);

/* Where a list of clients or strategies is read: complains about names that are empty or there twice. */
void np_check_names(np_loading *l, const np_node *list, const char *what);

/* ---- profile.c ---- */

/* Reads the profile that n names, with those it is based on below it, into base. */
void np_profile_layer(np_loading *l, const np_section *s, const np_node *n, void *base);

np_profiles *np_profiles_create(np_arena *arena,
                                const char *dir); /* dir: of the scenario; NULL when out of memory */
bool np_is_profile_kind(const char *kind);

/* Names of the profiles of a kind, sorted, each once, ended by NULL: free() the array, the names are the
   arena's. NULL when out of memory. */
const char **np_profile_names(const np_profiles *p, const char *kind, np_arena *arena, size_t *count);

/* "no nat profiles are found in A, B; ...", for when there is none at all. Returns buf. */
#define NP_PLACES 800
char *np_profile_places(const np_profiles *p, const char *kind, char *buf, size_t size);

/* The file of a profile; NULL when there is none. A name with a slash or an ending is a path, from dir. */
const char *np_profile_file(np_profiles *p, const char *kind, const char *name, const char *dir);

/* The tree of the profile that n names, of one that was read before without findings; NULL otherwise. */
const np_node *np_profile_tree(np_loading *l, const np_section *s, const np_node *n);

/* The file of a scenario: the path itself, or where a bare name is found beside a folder of profiles. */
const char *np_scenario_file(np_profiles *p, const char *name);

/* The tree of a profile's file. NULL after a finding, at n where the file cannot be had. */
const np_node *np_profile_load(np_loading *l, const char *path, const np_node *n);

/* The folder of a path, and its last part without the ending. NULL when out of memory. */
const char *np_path_dir(np_arena *arena, const char *path);
const char *np_path_stem(np_arena *arena, const char *path);

/* ---- write.c ---- */

void np_section_write(np_writer *w, const np_section *s, const void *base);
void np_write_key(np_writer *w, const char *key); /* indentation, key and colon */

/* One field's value on one line, without its key (not for SECTION). */
void np_field_write(np_writer *w, const np_field *f, const void *base);

/* ---- override.c, grid.c ---- */

/* Puts a copy of value where path says; `at` is where to complain about the path. Says whether it could. */
bool np_override_apply(np_report *r, np_arena *arena, np_node *root, const char *path, const np_node *at,
                       const np_node *value);

/* ---- scenario.c ---- */

/* Reads a whole tree into *s: defaults, then what the tree says. s->name is what it is called by default. */
void np_scenario_read(np_loading *l, const np_node *root, np_scenario *s);

/* What a scenario is that says nothing (s->name is left alone). */
void np_scenario_defaults(np_scenario *s);

/* Where the i-th --set is from, for findings. NULL when out of memory. */
const np_source *np_override_source(np_loading *l, uint32_t i, const np_override *o);

/* Reads and puts in --set overrides, in order; a path that is set is no longer varied. */
void np_overrides_put(np_loading *l, np_node *root, const np_override *set, uint32_t sets);

/* Tries each value of `vary`. */
void np_grid_check(np_loading *l, const np_node *root);

#endif
