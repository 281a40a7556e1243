/*
 * YAML text as a tree of located nodes: maps, lists and texts, nothing else.
 */
#ifndef NATPULSE_TREE_H
#define NATPULSE_TREE_H

#include "findings.h"

/* Limits on foreign text. A scenario of hundreds of strategies stays far below them. */
#define NP_YAML_BYTES 4000000 /* of one file */
#define NP_YAML_NODES 50000
#define NP_YAML_DEPTH 24

typedef enum np_node_kind {
    NP_NODE_TEXT,
    NP_NODE_LIST,
    NP_NODE_MAP,
    NP_NODE_BROKEN, /* reported already: readers pass over it */
} np_node_kind;

typedef struct np_node {
    np_node_kind kind;
    int line, column; /* from 1 */
    const np_source *source;
    const char *text;      /* TEXT */
    struct np_node *key;   /* of a map's value: its key, a TEXT */
    struct np_node *first; /* LIST, MAP: children in file order */
    struct np_node *last;
    struct np_node *next; /* sibling */
} np_node;

/* The whole content of a file: at most `most` bytes, ended by a NUL that is not counted. free() it.
   NULL, and *why says in a few words. */
char *np_file_read(const char *path, size_t most, size_t *bytes, const char **why);

/* Reads one YAML document. NULL after a finding. Aliases, anchors and tags are refused; so are bytes that
   are no UTF-8, control characters, and more of anything than the limits above. `text` is not kept. */
np_node *np_yaml_read(const char *text, size_t bytes, const np_source *source, np_arena *arena, np_report *r);

/* The value of a key, the first when it is there twice; NULL when it is not there. */
np_node *np_node_get(const np_node *map, const char *key);

np_node *np_node_make(np_arena *arena, np_node_kind kind, const np_node *where);
void np_node_append(np_node *parent, np_node *child);
void np_node_remove(np_node *parent, const np_node *child);
np_node *np_node_copy(np_arena *arena, const np_node *n);

/* Writes a text so that YAML reads it back the same, in block and flow style. */
void np_yaml_text(FILE *out, const char *text);
/* Writes a node on one line (flow style). */
void np_yaml_flow(FILE *out, const np_node *n);

/* What a node is, for messages: "a map", "a list", "a text". */
const char *np_node_what(const np_node *n);

/* A finding at a node. */
#define np_report_node(r, n, ...) np_report_at(r, (n)->source, (n)->line, (n)->column, __VA_ARGS__)

#endif
