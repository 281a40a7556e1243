/*
 * Where the running program is: its data lie beside it.
 */
#ifndef NATPULSE_PLACE_H
#define NATPULSE_PLACE_H

#include <stddef.h>

/* Puts the folder of the running program into buf, "" when the system does not tell or there is no room.
   Returns buf. */
char *np_program_dir(char *buf, size_t size);

#endif
