/*
 * All links of one kind and direction: one configuration, numbered from 0. Each behaves as a link of its own
 * (natpulse/link.h) whose entity is `first` plus its number, with NP_LINK_DOWN when `first` has it.
 *
 * A link whose fate at a moment hangs on that moment only (constant delay, no loss or an independent one, no
 * rate, no outages) needs no memory: so a million of them cost nothing.
 */
#ifndef NATPULSE_LINKS_H
#define NATPULSE_LINKS_H

#include "natpulse/link.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct np_links np_links;

/* `c` must outlive them. NULL when memory is out. */
np_links *np_links_create(const np_link_config *c, np_key key, uint32_t first, uint32_t count);
void np_links_destroy(np_links *l); /* NULL is allowed */

/* As np_link_send over link i < count, except that `now` must not run backwards over all of them: *arrival is
   a time or NP_LOST. False only when memory is out. */
bool np_links_send(np_links *l, uint32_t i, np_time now, uint32_t bytes, np_time *arrival);

/* As np_link_up and np_link_next_change for link i. */
bool np_links_up(np_links *l, uint32_t i, np_time now);
np_time np_links_next_change(const np_links *l, uint32_t i);

/* Fetches what sending over link i will touch. */
void np_links_prefetch(const np_links *l, uint32_t i);

size_t np_links_bytes(const np_links *l); /* memory held, all in */

#endif
