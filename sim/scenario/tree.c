/*
 * From text to a tree, by way of libfyaml's events.
 *
 * libfyaml's own document builder is not used: it would resolve aliases (a bomb grows exponentially) and
 * print or refuse duplicate keys in its own way. From events the tree is built with a stack of known depth,
 * every node knows its line and column, and nothing recurses over foreign nesting.
 *
 * libfyaml is told to collect its complaints, so it prints nothing. The bytes are looked at before it sees
 * them: only UTF-8 without control characters reaches the parser.
 */
#include "tree.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *np_file_read(const char *path, size_t most, size_t *bytes, const char **why)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        *why = strerror(errno);
        return NULL;
    }
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(f);
        *why = "it is a directory";
        return NULL;
    }
    size_t room = 65536, used = 0;
    char *text = NULL;
    *why = NULL;
    for (;;) {
        char *grown = realloc(text, room + 1);
        if (!grown) {
            *why = "out of memory";
            break;
        }
        text = grown;
        used += fread(text + used, 1, room - used, f);
        if (used < room) {
            if (ferror(f)) *why = "it cannot be read";
            break;
        }
        if (used > most) break;
        room *= 2;
    }
    fclose(f);
    if (!*why && used > most) *why = "it is too big";
    if (*why) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *bytes = used;
    return text;
}

/* ---- nodes ---- */

np_node *np_node_get(const np_node *map, const char *key)
{
    for (np_node *n = map->first; n; n = n->next)
        if (strcmp(n->key->text, key) == 0) return n;
    return NULL;
}

np_node *np_node_make(np_arena *arena, np_node_kind kind, const np_node *where)
{
    np_node *n = np_arena_alloc(arena, sizeof *n);
    if (n)
        *n = (np_node){.kind = kind, .line = where->line, .column = where->column, .source = where->source};
    return n;
}

void np_node_append(np_node *parent, np_node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

void np_node_remove(np_node *parent, const np_node *child)
{
    np_node *before = NULL;
    for (np_node *n = parent->first; n; before = n, n = n->next) {
        if (n != child) continue;
        if (before)
            before->next = n->next;
        else
            parent->first = n->next;
        if (parent->last == n) parent->last = before;
        return;
    }
}

np_node *np_node_copy(np_arena *arena, const np_node *n)
{
    np_node *copy = np_node_make(arena, n->kind, n);
    if (!copy) return NULL;
    copy->text = n->text;
    copy->key = n->key;
    for (const np_node *child = n->first; child; child = child->next) {
        np_node *c = np_node_copy(arena, child);
        if (!c) return NULL;
        np_node_append(copy, c);
    }
    return copy;
}

const char *np_node_what(const np_node *n)
{
    static const char *const what[] = {"a text", "a list", "a map", "broken"};
    return what[n->kind];
}

/* ---- reading ---- */

/* Length of the UTF-8 character at p (RFC 3629: shortest form, no surrogates), 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || length > left) return 0;
    for (size_t i = 1; i < length; ++i)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] > 0x9f) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
    return length;
}

/* Looks at the bytes before the parser does; *end_line and *end_column become the place behind them. */
static bool is_text(const char *text, size_t bytes, const np_source *source, np_report *r, int *end_line,
                    int *end_column)
{
    int line = source->first_line, column = source->first_column;
    for (size_t i = 0; i < bytes;) {
        const unsigned char *p = (const unsigned char *)text + i;
        size_t length = utf8_length(p, bytes - i);
        bool control = length == 1 && ((*p < 0x20 && *p != '\n' && *p != '\r' && *p != '\t') || *p == 0x7f);
        if (length == 0 || control) {
            np_report_at(r, source, line, column,
                         "byte 0x%02x is no text: a YAML file in UTF-8 is expected here", *p);
            return false;
        }
        i += length;
        if (*p == '\n') {
            ++line;
            column = 1;
        } else {
            ++column;
        }
    }
    *end_line = line;
    *end_column = column;
    return true;
}

/* A tree under construction. */
typedef struct builder {
    np_arena *arena;
    np_report *report;
    const np_source *source;
    np_node *open[NP_YAML_DEPTH]; /* from the root down */
    np_node *key[NP_YAML_DEPTH];  /* of a map: the key whose value comes next, or NULL */
    int depth;
    np_node *root;
    uint32_t nodes;
    int line, column;           /* of the event in hand */
    int last_line, last_column; /* just behind the text */
} builder;

#define complain(b, ...) np_report_at((b)->report, (b)->source, (b)->line, (b)->column, __VA_ARGS__)

static void set_position(builder *b, struct fy_event *event)
{
    const struct fy_mark *m = fy_event_start_mark(event);
    if (!m || m->line < 0) return; /* an empty value has no place of its own: that of its key stays */
    b->line = b->source->first_line + m->line;
    b->column = m->line == 0 ? b->source->first_column + m->column : m->column + 1;
}

static char *copy_scalar(builder *b, struct fy_token *token)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : "";
    if (!text) length = 0;
    char *copy = np_arena_alloc(b->arena, length + 1);
    if (!copy) {
        b->report->no_memory = true;
        return NULL;
    }
    if (length > 0) memcpy(copy, text, length);
    return copy;
}

/* Hangs a node where it belongs. False: the document is refused. */
static bool place(builder *b, np_node *n)
{
    if (++b->nodes > NP_YAML_NODES) {
        complain(b, "more than %d values: no scenario needs so many", NP_YAML_NODES);
        return false;
    }
    if (b->depth == 0) {
        b->root = n;
        return true;
    }
    np_node *parent = b->open[b->depth - 1];
    if (parent->kind == NP_NODE_LIST) {
        np_node_append(parent, n);
        return true;
    }
    np_node **key = &b->key[b->depth - 1];
    if (*key) {
        n->key = *key;
        *key = NULL;
        np_node_append(parent, n);
        return true;
    }
    if (n->kind != NP_NODE_TEXT) {
        complain(b, "a key must be a text, found %s", np_node_what(n));
        return false;
    }
    *key = n;
    return true;
}

static bool open_node(builder *b, np_node_kind kind)
{
    np_node where = {.line = b->line, .column = b->column, .source = b->source};
    np_node *n = np_node_make(b->arena, kind, &where);
    if (!n) {
        b->report->no_memory = true;
        return false;
    }
    if (!place(b, n)) return false;
    if (b->depth == NP_YAML_DEPTH) {
        complain(b, "nested deeper than %d: no scenario needs that", NP_YAML_DEPTH);
        return false;
    }
    b->open[b->depth] = n;
    b->key[b->depth++] = NULL;
    return true;
}

static bool take_scalar(builder *b, np_node_kind kind, struct fy_token *token)
{
    np_node where = {.line = b->line, .column = b->column, .source = b->source};
    np_node *n = np_node_make(b->arena, kind, &where);
    char *text = copy_scalar(b, token);
    if (!n || !text) {
        b->report->no_memory = true;
        return false;
    }
    n->text = text;
    size_t length = token ? fy_token_get_text_length(token) : 0;
    if (strlen(text) != length) {
        complain(b, "a NUL character in a text");
        n->kind = NP_NODE_BROKEN;
    }
    return place(b, n);
}

static void refuse_decoration(builder *b, struct fy_event *event)
{
    if (fy_event_get_anchor_token(event) && event->type != FYET_ALIAS)
        complain(b, "anchors (&name) are not allowed: aliases are not either");
    if (fy_event_get_tag_token(event)) complain(b, "tags (!name) are not allowed: every key knows its type");
}

/* Takes one event. False: the document is refused, a finding says why. */
static bool take(builder *b, struct fy_event *event)
{
    set_position(b, event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (b->root) {
            complain(b, "a second document: a file holds one");
            return false;
        }
        return true;
    case FYET_MAPPING_START: refuse_decoration(b, event); return open_node(b, NP_NODE_MAP);
    case FYET_SEQUENCE_START: refuse_decoration(b, event); return open_node(b, NP_NODE_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END: b->depth--; return true;
    case FYET_SCALAR: refuse_decoration(b, event); return take_scalar(b, NP_NODE_TEXT, event->scalar.value);
    case FYET_ALIAS:
        b->column--; /* the mark is behind the asterisk */
        complain(b, "aliases (*name) are not allowed: write the value out, or put it into a profile");
        return take_scalar(b, NP_NODE_BROKEN, NULL);
    default: return true;
    }
}

static void report_syntax(builder *b, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
    if (!error) {
        complain(b, "this is no YAML");
        return;
    }
    int line = error->line < 1 ? 1 : error->line, column = error->column < 1 ? 1 : error->column;
    if (line == 1) column += b->source->first_column - 1;
    line += b->source->first_line - 1;
    if (line > b->last_line) { /* a text without a newline at its end: libfyaml counts one more line */
        line = b->last_line;
        column = b->last_column;
    }
    np_report_at(b->report, b->source, line, column, "%s", error->msg);
}

static np_node *build(builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    bool good = true;
    struct fy_event *event;
    while (good && (event = fy_parser_parse(parser))) {
        good = take(b, event);
        fy_parser_event_free(parser, event);
    }
    if (!good) return NULL;
    if (fy_parser_get_stream_error(parser)) {
        report_syntax(b, diag);
        return NULL;
    }
    if (!b->root)
        np_report_at(b->report, b->source, b->source->first_line, b->source->first_column,
                     "nothing here: a map of keys and values is expected");
    return b->root;
}

np_node *np_yaml_read(const char *text, size_t bytes, const np_source *source, np_arena *arena, np_report *r)
{
    int last_line, last_column;
    if (!is_text(text, bytes, source, r, &last_line, &last_column)) return NULL;

    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.level = FYET_ERROR;
    quiet.colorize = false;
    np_node *root = NULL;
    struct fy_diag *diag = fy_diag_create(&quiet);
    struct fy_parser *parser = NULL;
    if (diag) {
        fy_diag_set_collect_errors(diag, true);
        struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
                                      .diag = diag};
        parser = fy_parser_create(&config);
    }
    if (parser && fy_parser_set_string(parser, text, bytes) == 0) {
        builder b = {.arena = arena,
                     .report = r,
                     .source = source,
                     .line = source->first_line,
                     .column = source->first_column,
                     .last_line = last_line,
                     .last_column = last_column};
        root = build(&b, parser, diag);
    } else {
        r->no_memory = true;
    }
    if (parser) fy_parser_destroy(parser);
    if (diag) fy_diag_destroy(diag);
    return root;
}

/* ---- writing ---- */

/* Plain style is used for texts that no YAML rule can read as anything else. */
static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./%()+=- ";
    size_t length = strlen(text);
    return length > 0 && strspn(text, safe) == length && strchr(" -%=", text[0]) == NULL &&
           text[length - 1] != ' ' && strcmp(text, "...") != 0;
}

void np_yaml_text(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (const char *p = text; *p; ++p) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

void np_yaml_flow(FILE *out, const np_node *n)
{
    if (n->kind == NP_NODE_TEXT) {
        np_yaml_text(out, n->text);
        return;
    }
    bool map = n->kind == NP_NODE_MAP;
    putc(map ? '{' : '[', out);
    for (const np_node *c = n->first; c; c = c->next) {
        if (map) {
            np_yaml_text(out, c->key->text);
            fputs(": ", out);
        }
        np_yaml_flow(out, c);
        if (c->next) fputs(", ", out);
    }
    putc(map ? '}' : ']', out);
}
