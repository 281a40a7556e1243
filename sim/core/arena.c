/*
 * An arena: blocks in a list, the newest at the head; a request is cut from the head block.
 *
 *     arena -> block (being filled) -> block (full) -> ... -> NULL
 *
 * A request too big for a common block gets one of its own, put second, so that the head's room is not
 * given up. An allocation costs a few instructions, destroying costs one free() a block. Memory is zeroed
 * by calloc, which is free for fresh pages.
 */
#include "natpulse/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384
#define ALIGN       _Alignof(max_align_t)

typedef struct block {
    struct block *next;
    size_t used, room;
    _Alignas(max_align_t) char data[];
} block;

struct np_arena {
    block *head; /* NULL at first */
};

np_arena *np_arena_create(void)
{
    return calloc(1, sizeof(np_arena));
}

void np_arena_destroy(np_arena *a)
{
    if (!a) return;
    for (block *b = a->head; b;) {
        block *next = b->next;
        free(b);
        b = next;
    }
    free(a);
}

static block *block_create(size_t room)
{
    block *b = calloc(1, sizeof(block) + room);
    if (b) b->room = room;
    return b;
}

void *np_arena_alloc(np_arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - sizeof(block) - ALIGN) return NULL;
    bytes = (bytes + ALIGN - 1) & ~(ALIGN - 1);
    if (bytes == 0) bytes = ALIGN; /* so that two allocations never share an address */

    block *b = a->head;
    if (!b || b->room - b->used < bytes) {
        bool big = bytes > BLOCK_BYTES / 4;
        b = block_create(big ? bytes : BLOCK_BYTES);
        if (!b) return NULL;
        block **place = big && a->head ? &a->head->next : &a->head;
        b->next = *place;
        *place = b;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    return p;
}

char *np_arena_text(np_arena *a, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = np_arena_alloc(a, size);
    return copy ? memcpy(copy, s, size) : NULL;
}

char *np_arena_format(np_arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : np_arena_alloc(a, (size_t)n + 1);
    if (text) vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
