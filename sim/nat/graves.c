/* The remembered dead. See graves.h. */
#include "graves.h"

#define ALL 0 /* the one class */

static void forget(np_table *graves, uint32_t entry)
{
    if (entry != NP_ENTRY_NONE) np_table_remove(graves, entry);
}

void np_graves_forget(np_table *graves, const np_tuple *inside)
{
    forget(graves, np_table_find_inside(graves, inside));
}

void np_graves_bury(np_table *graves, const np_tuple *inside, const np_addr *external, uint16_t external_port,
                    np_time now)
{
    np_tuple outside = *inside;
    outside.local = *external;
    outside.local_port = external_port;
    np_graves_forget(graves, inside);
    forget(graves, np_table_find_outside(graves, &outside));
    if (np_table_used(graves) == np_table_capacity(graves)) forget(graves, np_table_oldest(graves, ALL));
    np_table_insert(graves, inside, external, external_port, ALL, now);
}
