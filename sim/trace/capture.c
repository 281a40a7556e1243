/*
 * Captures in: several files under one clock.
 *
 *     savefile -> head --.
 *     savefile -> head --+-- binary heap by (time, file number) -> decode -> np_captured
 *     savefile -> head --'
 *
 * Each file has its next packet read ahead (its head); the heap's root is the earliest. Its bytes stay in the
 * reader's buffer until that file is read again, so nothing is copied: a packet is decoded when it is taken,
 * and the file is read again at the call after that.
 *
 * Time never runs backwards for the caller: a packet that claims an earlier time than the last one bears the
 * last one's time, and is counted. The order of the packets of one file is kept whatever their times say.
 *
 * Damage: a file is used up to the place where its reader gives up. Only when not one file gave a packet or a
 * clean end is that an error.
 *
 * Memory: a read buffer and a packet buffer for each file, and the decoder's fragment memory.
 * Cost: one file, no heap work; k files, O(log k) a packet, and O(1) where they follow each other in time.
 */
#include "natpulse/capture.h"
#include "decode.h"
#include "savefile.h"
#include <inttypes.h>
#include <stdlib.h>

typedef struct source {
    np_savefile *file; /* NULL: not used any more */
    np_frame head;
    bool passes;      /* the filter lets the head through */
    uint64_t packets; /* read */
    uint64_t size;    /* bytes on disk, as np_savefile_size */
} source;

struct np_capture {
    source *source;
    const char **path; /* the caller's texts */
    uint32_t files;
    const char *filter;      /* the caller's, or NULL */
    uint32_t *heap, in_heap; /* numbers of files that have a head */
    bool primed;
    bool root_used; /* the root's head was given out: read its file before anything else */
    bool any_time;
    np_time last;
    uint64_t n;
    np_capture_counts counts;
    np_decoder decoder;
};

/* ---- opening ---- */

/* Adds a file and what is wrong with it to a list, as long as there is room. */
static void note(char *list, size_t size, const np_savefile *f, const char *why, uint64_t after)
{
    static const char more[] = "; ...";
    size_t n = strlen(list), room = size - n;
    if (n >= sizeof more && strcmp(list + n - (sizeof more - 1), more) == 0) return;
    int wrote = snprintf(list + n, room, "%s%s: %s", n ? "; " : "", np_savefile_name(f), why);
    if (after > 0 && (size_t)wrote < room)
        wrote += snprintf(list + n + wrote, room - (size_t)wrote, ", after %" PRIu64 " packets", after);
    if ((size_t)wrote + sizeof more <= room) return;
    if (n + sizeof more > size) n = size - sizeof more;
    strcpy(list + n, more);
}

static void leave_out(np_capture *c, source *s, const char *why)
{
    c->counts.unused_files++;
    note(c->counts.unused_text, sizeof c->counts.unused_text, s->file, why, 0);
    np_savefile_close(s->file);
    s->file = NULL;
}

static bool open_all(np_capture *c, np_error *e)
{
    np_error misfit = {0}; /* of the filter */
    bool stdin_used = false;
    uint32_t left = 0;
    for (uint32_t i = 0; i < c->files; i++) {
        source *s = &c->source[i];
        np_error why = {0};
        bool is_stdin = strcmp(c->path[i], "-") == 0;
        if (is_stdin && stdin_used)
            return np_fail(e, NP_TROUBLE_USAGE, "standard input (-) is named twice; it can be read once");
        stdin_used |= is_stdin;
        if (!(s->file = np_savefile_open(c->path[i], e))) return false;
        s->size = np_savefile_size(s->file);
        if (!c->filter || np_savefile_filter(s->file, c->filter, &why)) {
            left++;
            continue;
        }
        if (!misfit.kind) misfit = why;
        leave_out(c, s, why.text);
    }
    if (left > 0 || !misfit.kind) return true;
    if (e) *e = misfit;
    return false;
}

np_capture *np_capture_open(const char *const *path, uint32_t files, const char *filter, np_error *e)
{
    if (files == 0) {
        np_fail(e, NP_TROUBLE_USAGE, "no capture was named");
        return NULL;
    }
    np_capture *c = calloc(1, sizeof *c);
    if (c) {
        c->source = calloc(files, sizeof *c->source);
        c->heap = calloc(files, sizeof *c->heap);
        c->path = calloc(files, sizeof *c->path);
    }
    bool ok = c && c->source && c->heap && c->path;
    if (!ok) np_fail_memory(e, "a capture");
    if (ok) {
        np_decoder_init(&c->decoder);
        memcpy(c->path, path, files * sizeof *path);
        c->files = files;
        c->filter = filter && filter[0] ? filter : NULL;
        ok = open_all(c, e);
    }
    if (ok) return c;
    np_capture_close(c);
    return NULL;
}

void np_capture_close(np_capture *c)
{
    if (!c) return;
    for (uint32_t i = 0; c->source && i < c->files; i++) np_savefile_close(c->source[i].file);
    free(c->source);
    free(c->heap);
    free(c->path);
    free(c);
}

np_capture *np_capture_again(const np_capture *c, np_error *e)
{
    for (uint32_t i = 0; i < c->files; i++) {
        bool is_stdin = strcmp(c->path[i], "-") == 0;
        if (c->source[i].size > 0 && !is_stdin) continue;
        np_fail(e, NP_TROUBLE_USAGE,
                "%s: its packets are needed twice, but it gives them once; store them in a file first",
                is_stdin ? "standard input" : c->path[i]);
        return NULL;
    }
    return np_capture_open(c->path, c->files, c->filter, e);
}

void np_capture_progress(const np_capture *c, uint64_t *done, uint64_t *all)
{
    bool known = true;
    *done = *all = 0;
    for (uint32_t i = 0; i < c->files; i++) {
        const source *s = &c->source[i];
        known &= s->size > 0;
        *all += s->size;
        *done += s->file ? np_savefile_read(s->file) : s->size; /* closed: there is no more to read */
    }
    if (known) return;
    *done = c->counts.bytes;
    *all = 0;
}

/* ---- reading and merging ---- */

/* Reads a file's next packet. False at its end, be it clean or not. */
static bool read_head(np_capture *c, source *s)
{
    int got = np_savefile_next(s->file, &s->head, &s->passes);
    if (got == 1) {
        s->packets++;
        return true;
    }
    if (got == 0) return false;
    const char *why = np_savefile_trouble(s->file);
    if (np_savefile_interrupted(s->file)) {
        c->counts.interrupted = true;
    } else if (s->packets == 0) {
        leave_out(c, s, why);
    } else {
        c->counts.cut_files++;
        note(c->counts.cut_text, sizeof c->counts.cut_text, s->file, why, s->packets);
    }
    return false;
}

static bool before(const np_capture *c, uint32_t a, uint32_t b)
{
    np_time x = c->source[a].head.time, y = c->source[b].head.time;
    return x < y || (x == y && a < b);
}

static void sift_down(np_capture *c, uint32_t i)
{
    uint32_t moving = c->heap[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= c->in_heap) break;
        if (child + 1 < c->in_heap && before(c, c->heap[child + 1], c->heap[child])) child++;
        if (!before(c, c->heap[child], moving)) break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = moving;
}

static bool prime(np_capture *c, np_error *e)
{
    c->primed = true;
    for (uint32_t i = 0; i < c->files; i++)
        if (c->source[i].file && read_head(c, &c->source[i])) c->heap[c->in_heap++] = i;
    if (c->counts.unused_files == c->files)
        return np_fail(e, NP_TROUBLE_INPUT, "%s; no packet could be read", c->counts.unused_text);
    for (uint32_t i = c->in_heap / 2; i-- > 0;) sift_down(c, i);
    return true;
}

/* The file whose head is the earliest; NULL at the end of all. */
static source *take_earliest(np_capture *c)
{
    if (c->root_used) {
        if (!read_head(c, &c->source[c->heap[0]])) c->heap[0] = c->heap[--c->in_heap];
        if (c->in_heap > 1) sift_down(c, 0);
    }
    c->root_used = c->in_heap > 0;
    return c->root_used ? &c->source[c->heap[0]] : NULL;
}

/* Of a pcapng with interfaces of several link types. */
static void note_strange(np_capture *c, const source *s)
{
    if (c->counts.strange_packets++ > 0) return;
    char why[256];
    np_decode_refusal(s->head.link, why, sizeof why);
    snprintf(c->counts.strange_text, sizeof c->counts.strange_text, "%s: %s", np_savefile_name(s->file), why);
}

int np_capture_next(np_capture *c, np_captured *out, np_error *e)
{
    if (!c->primed && !prime(c, e)) return -1;
    source *s = take_earliest(c);
    while (s && !s->passes) {
        c->n++;
        c->counts.filtered++;
        s = take_earliest(c);
    }
    if (!s) return 0;

    const np_frame *f = &s->head;
    np_time t = f->time;
    if (c->any_time && t < c->last) {
        t = c->last;
        c->counts.backwards++;
    }
    c->any_time = true;
    c->last = t;
    out->n = c->n++;
    out->time = t;
    out->wire = f->wire;
    out->decoded =
        np_decoder_decode(&c->decoder, f->link, f->data, f->captured, f->wire, t, &out->packet, &out->quoted);
    if (out->decoded == NP_DECODED_NOT_IP && !np_decode_knows(f->link)) note_strange(c, s);
    c->counts.packets++;
    c->counts.bytes += f->captured;
    c->counts.by_decoded[out->decoded]++;
    return 1;
}

const np_capture_counts *np_capture_count(const np_capture *c)
{
    return &c->counts;
}
