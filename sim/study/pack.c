/*
 * A result as bytes: figures, series, counts, then each distribution with its length, 0 for none. Numbers are
 * 8 bytes, the lowest first.
 */
#include "pack.h"
#include <stdlib.h>
#include <string.h>

#define FIXED (8 * (NP_METRIC_COUNT + NP_SERIES_POINTS + 3))

static uint8_t *put(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++) *to++ = (uint8_t)(v >> 8 * i);
    return to;
}

static const uint8_t *get(const uint8_t *from, uint64_t *v)
{
    *v = 0;
    for (int i = 0; i < 8; i++) *v |= (uint64_t)*from++ << 8 * i;
    return from;
}

static uint8_t *put_real(uint8_t *to, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put(to, bits);
}

static const uint8_t *get_real(const uint8_t *from, double *v)
{
    uint64_t bits;
    from = get(from, &bits);
    memcpy(v, &bits, sizeof bits);
    return from;
}

uint8_t *np_result_pack(const np_result *r, size_t *size)
{
    size_t spread[NP_SPREAD_COUNT];
    *size = FIXED;
    for (int s = 0; s < NP_SPREAD_COUNT; s++) {
        spread[s] = r->spread[s] ? np_quantile_encode(r->spread[s], 0, NULL) : 0;
        *size += 8 + spread[s];
    }
    uint8_t *bytes = malloc(*size), *to = bytes;
    if (!bytes) return NULL;
    for (int m = 0; m < NP_METRIC_COUNT; m++) to = put_real(to, r->value[m]);
    for (int i = 0; i < NP_SERIES_POINTS; i++) to = put_real(to, r->occupancy[i]);
    to = put_real(to, r->conn_hours);
    to = put(to, r->packet_events);
    to = put(to, r->table_was_full);
    for (int s = 0; s < NP_SPREAD_COUNT; s++) {
        to = put(to, spread[s]);
        if (r->spread[s]) to += np_quantile_encode(r->spread[s], spread[s], to);
    }
    return bytes;
}

/* True when it took a whole result. */
static bool read_all(np_result *r, const uint8_t *from, const uint8_t *end)
{
    uint64_t full, n;
    if (end - from < FIXED) return false;
    for (int m = 0; m < NP_METRIC_COUNT; m++) from = get_real(from, &r->value[m]);
    for (int i = 0; i < NP_SERIES_POINTS; i++) from = get_real(from, &r->occupancy[i]);
    from = get_real(from, &r->conn_hours);
    from = get(from, &r->packet_events);
    from = get(from, &full);
    r->table_was_full = full != 0;
    for (int s = 0; s < NP_SPREAD_COUNT; s++) {
        if (end - from < 8) return false;
        from = get(from, &n);
        if (n > (uint64_t)(end - from)) return false;
        bool damaged;
        if (n > 0 && !(r->spread[s] = np_quantile_decode(from, n, &damaged))) return false;
        from += n;
    }
    return from == end;
}

np_result *np_result_unpack(const uint8_t *bytes, size_t size)
{
    np_result *r = calloc(1, sizeof *r);
    if (!r || read_all(r, bytes, bytes + size)) return r;
    np_result_destroy(r);
    return NULL;
}
