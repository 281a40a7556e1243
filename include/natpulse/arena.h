/*
 * Memory that lives and dies together: many small strings and arrays, one owner.
 */
#ifndef NATPULSE_ARENA_H
#define NATPULSE_ARENA_H

#include <stddef.h>

typedef struct np_arena np_arena;

np_arena *np_arena_create(void);    /* NULL when memory is out */
void np_arena_destroy(np_arena *a); /* NULL is allowed */

/* Zeroed, aligned for anything. NULL when memory is out. */
void *np_arena_alloc(np_arena *a, size_t bytes);

/* Copies of text; printf-style text. NULL when memory is out. */
char *np_arena_text(np_arena *a, const char *s);
char *np_arena_format(np_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
