/*
 * Mappings that are gone and not forgotten: another flow table, whose entries are the dead by both keys, the
 * longest dead first. When it is full that one is forgotten: a box remembers as many dead as it can have
 * living.
 */
#ifndef NP_NAT_GRAVES_H
#define NP_NAT_GRAVES_H

#include "natpulse/table.h"

/* Whoever was buried under one of these keys before is forgotten. `now` must not be before the last burial.
 */
void np_graves_bury(np_table *graves, const np_tuple *inside, const np_addr *external, uint16_t external_port,
                    np_time now);

/* Forgets whoever is buried under this inside key. */
void np_graves_forget(np_table *graves, const np_tuple *inside);

#endif
