/*
 * Overrides: one value put into the tree before it is read, so that it passes the same checks as what stood
 * there.
 *
 *     nat.capacity    strategies.heartbeat 30 s.heartbeat.every    clients.phones.count
 *
 * A path is keys with dots between them. In a list of named entries the next part is a name; names may hold
 * dots and spaces, the longest that fits wins. In other lists it is a number, from 0 (nat.0.capacity). Maps
 * that are not there yet are made. Where a name of a profile stands, it becomes {profile: NAME} with the new key
 * beside it.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

/* One application of one override. */
typedef struct setting {
    np_report *report;
    np_arena *arena;
    const char *path;
    const np_node *at;
} setting;

static bool out_of_memory(setting *s)
{
    s->report->no_memory = true;
    return false;
}

/* An empty map, or a text, with a key, where the path stands. */
static np_node *make_child(setting *s, np_node *map, const char *key, size_t length, np_node_kind kind)
{
    np_node *child = np_node_make(s->arena, kind, s->at);
    np_node *name = np_node_make(s->arena, NP_NODE_TEXT, s->at);
    char *text = np_arena_alloc(s->arena, length + 1);
    if (!child || !name || !text) {
        out_of_memory(s);
        return NULL;
    }
    memcpy(text, key, length);
    name->text = text;
    child->key = name;
    np_node_append(map, child);
    return child;
}

static np_node *find(const np_node *map, const char *key, size_t length)
{
    for (np_node *n = map->first; n; n = n->next)
        if (strlen(n->key->text) == length && memcmp(n->key->text, key, length) == 0) return n;
    return NULL;
}

/* What stood there in one word becomes a map: the profile of that name, else nothing. */
static bool open_text(setting *s, np_node *n, const char *key)
{
    bool profile = np_is_profile_kind(key) && strcmp(n->text, "off") != 0 && n->text[0] != '\0';
    np_node word = *n;

    n->kind = NP_NODE_MAP;
    n->text = NULL;
    if (!profile) return true;
    np_node *base = make_child(s, n, "profile", strlen("profile"), NP_NODE_TEXT);
    if (!base) return false;
    base->text = word.text;
    base->line = word.line;
    base->column = word.column;
    base->source = word.source;
    return true;
}

/* The entry of a list whose number the rest of the path begins with; moves *rest behind it. */
static np_node *find_numbered(const np_node *list, const char **rest)
{
    enum { MOST_DIGITS = 4 };
    size_t digits = strspn(*rest, "0123456789");
    if (digits == 0 || digits > MOST_DIGITS || (*rest)[digits] != '.') return NULL;
    unsigned long number = strtoul(*rest, NULL, 10);
    np_node *entry = list->first;
    while (entry && number-- > 0) entry = entry->next;
    if (entry) *rest += digits + 1;
    return entry;
}

/* The entry of a list whose name the rest of the path begins with; moves *rest behind it. */
static np_node *find_entry(setting *s, const np_node *list, const char **rest)
{
    enum { MOST_NAMES = 64 };
    const char *names[MOST_NAMES + 1];
    np_node *found = NULL;
    size_t longest = 0, n = 0;
    const char *numbered = *rest;

    for (np_node *entry = list->first; entry; entry = entry->next) {
        const np_node *name = entry->kind == NP_NODE_MAP ? np_node_get(entry, "name") : NULL;
        if (!name || name->kind != NP_NODE_TEXT) continue;
        if (n < MOST_NAMES) names[n++] = name->text;
        size_t length = strlen(name->text);
        char after = strncmp(*rest, name->text, length) == 0 ? (*rest)[length] : '?';
        if ((after == '.' || after == '\0') && length > longest) {
            found = entry;
            longest = length;
        }
    }
    names[n] = NULL;
    if (!found && (found = find_numbered(list, &numbered))) {
        *rest = numbered;
        return found;
    }
    if (!found) {
        char word[NP_QUOTED], quoted[NP_QUOTED], hint[NP_HINT];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(*rest, "."), *rest);
        np_report_node(s->report, s->at, "%s: there is no %s in that list%s", s->path,
                       np_quote(quoted, sizeof quoted, word), np_hint(hint, sizeof hint, word, names));
        return NULL;
    }
    *rest += longest;
    if (**rest == '\0') {
        np_report_node(s->report, s->at, "%s: a key must follow the name", s->path);
        return NULL;
    }
    ++*rest;
    return found;
}

static bool put(setting *s, np_node *map, const char *key, const np_node *value)
{
    np_node *child = find(map, key, strlen(key));
    if (!child) child = make_child(s, map, key, strlen(key), NP_NODE_TEXT);
    np_node *copy = child ? np_node_copy(s->arena, value) : NULL;
    if (!copy) return out_of_memory(s);
    copy->key = child->key;
    copy->next = child->next;
    *child = *copy;
    return true;
}

bool np_override_apply(np_report *r, np_arena *arena, np_node *root, const char *path, const np_node *at,
                       const np_node *value)
{
    setting s = {r, arena, path, at};
    np_node *node = root;
    const char *rest = path;

    for (;;) {
        size_t length = strcspn(rest, ".");
        if (length == 0) {
            char quoted[NP_QUOTED];
            np_report_node(r, at, "%s is no path; expected keys with dots between them, such as nat.capacity",
                           np_quote(quoted, sizeof quoted, path));
            return false;
        }
        if (rest[length] == '\0') return put(&s, node, rest, value);

        np_node *child = find(node, rest, length);
        if (!child) child = make_child(&s, node, rest, length, NP_NODE_MAP);
        if (!child) return false;
        rest += length + 1;
        if (child->kind == NP_NODE_BROKEN) return false;
        const char *key = child->key->text;
        if (child->kind == NP_NODE_LIST && !(child = find_entry(&s, child, &rest))) return false;
        if (child->kind == NP_NODE_BROKEN || child->kind == NP_NODE_LIST) return false;
        if (child->kind == NP_NODE_TEXT && !open_text(&s, child, key)) return false;
        node = child;
    }
}
