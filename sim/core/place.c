/*
 * Where the running program is (natpulse/place.h), as Linux, FreeBSD and NetBSD tell it.
 */
#include "natpulse/place.h"
#include <string.h>
#include <unistd.h>

char *np_program_dir(char *buf, size_t size)
{
    static const char *const links[] = {"/proc/self/exe", "/proc/curproc/file", "/proc/curproc/exe"};
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof links / sizeof *links; ++i) {
        ssize_t n = readlink(links[i], buf, size - 1);
        if (n <= 0) continue;
        buf[n] = '\0';
        char *slash = strrchr(buf, '/');
        if (slash) *slash = '\0';
        if ((size_t)n < size - 1) return buf;
        break; /* it was cut */
    }
    buf[0] = '\0';
    return buf;
}
