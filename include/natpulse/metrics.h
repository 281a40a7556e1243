/*
 * What is measured: the one list of figures, their keys in JSON, CSV and SQLite, their units and meanings.
 * Everything that prints, stores or compares figures walks this list.
 *
 * "Per connection-hour" is per hour in which one measured client wanted a connection (its session time after
 * the warm-up), whether it had one or not. Packets and bytes are counted where they are sent, lost or not, both
 * ends, as IP lengths.
 */
#ifndef NATPULSE_METRICS_H
#define NATPULSE_METRICS_H

#include "natpulse/quantile.h"
#include "natpulse/time.h"

/* X(enumerator, key, unit, short heading, meaning) */
#define NP_METRICS(X)                                                                                                  \
    X(REACHABLE, "reachable_fraction", "", "reachable",                                                                \
      "share of connection time in which a message the server sent at that instant would arrive at its first try")     \
    X(BREAKS, "breaks_per_conn_hour", "1/h", "breaks/h",                                                               \
      "times a connection stopped being usable while an end still believed in it")                                     \
    X(BREAKS_EVICTED, "breaks_evicted_per_conn_hour", "1/h", "evicted/h", "breaks because the mapping was evicted")    \
    X(BREAKS_EXPIRED, "breaks_expired_per_conn_hour", "1/h", "expired/h", "breaks because the mapping timed out")      \
    X(BREAKS_NAT_RESTART, "breaks_nat_restart_per_conn_hour", "1/h", "restart/h", "breaks because the box restarted")  \
    X(BREAKS_ROAMED, "breaks_roamed_per_conn_hour", "1/h", "roamed/h", "breaks because the client changed address")    \
    X(BREAKS_CLIENT_GONE, "breaks_client_gone_per_conn_hour", "1/h", "client gone/h",                                  \
      "breaks because the client vanished without a word")                                                             \
    X(BREAKS_SERVER_GONE, "breaks_server_gone_per_conn_hour", "1/h", "server gone/h",                                  \
      "breaks because the server crashed, or gave the connection up and its word did not arrive")                      \
    X(BREAKS_REFUSED, "breaks_refused_per_conn_hour", "1/h", "refused/h",                                              \
      "connection attempts given up because the box refused them a mapping")                                           \
    X(BREAKS_CLIENT_KNEW, "breaks_client_knew_per_conn_hour", "1/h", "client knew/h", "breaks the client noticed first") \
    X(BREAKS_SERVER_KNEW, "breaks_server_knew_per_conn_hour", "1/h", "server knew/h", "breaks the server noticed first") \
    X(BREAKS_HEALED, "breaks_healed_per_conn_hour", "1/h", "healed/h",                                                 \
      "breaks after which the mapping came back and the connection went on")                                           \
    X(BREAKS_OPEN, "breaks_open_per_conn_hour", "1/h", "open/h",                                                       \
      "breaks that nobody had noticed by the end, or before both ends were gone")                                      \
    X(FALSE_CLOSES, "false_closes_per_conn_hour", "1/h", "false closes/h",                                             \
      "connections given up though the path was fine")                                                                 \
    X(MESSAGES_SENT, "messages_sent", "", "sent", "application messages handed to a connection, or due for one")       \
    X(MESSAGES_DELIVERED, "messages_delivered", "", "delivered", "application messages that arrived")                  \
    X(MESSAGES_LATE, "messages_late", "", "late", "delivered messages that took longer than 10 s")                     \
    X(MESSAGES_LOST, "messages_lost", "", "lost",                                                                      \
      "messages whose connection was given up before they arrived, or that had none to go by")                         \
    X(MESSAGES_PENDING, "messages_pending", "", "pending", "messages still under way or waiting at the end")           \
    X(RECONNECTS, "reconnects_per_conn_hour", "1/h", "reconnects/h", "connections opened to replace one that failed")  \
    X(HANDSHAKES, "handshakes", "", "handshakes", "TCP handshakes that measured clients completed")                    \
    X(UPKEEP_PACKETS, "upkeep_packets_per_conn_hour", "1/h", "upkeep pkt/h",                                           \
      "keepalives, heartbeats, their answers and ACKs, both ways")                                                     \
    X(UPKEEP_BYTES, "upkeep_bytes_per_conn_hour", "B/h", "upkeep B/h", "the same in bytes")                            \
    X(PAYLOAD_BYTES, "payload_bytes_per_conn_hour", "B/h", "payload B/h", "application bytes sent, without headers")   \
    X(WIRE_PACKETS, "wire_packets_per_conn_hour", "1/h", "all pkt/h", "packets of every kind sent, both ways")         \
    X(WIRE_BYTES, "wire_bytes_per_conn_hour", "B/h", "all B/h", "bytes of every kind sent, both ways")                 \
    X(WAKEUPS, "wakeups_per_conn_hour", "1/h", "wake-ups/h",                                                           \
      "times a client sent or received something after a second or more of silence")                                   \
    X(ENERGY, "energy_j_per_conn_hour", "J/h", "J/h", "what the radio took above idle; null without a radio model")    \
    X(SERVER_OPEN_MEAN, "server_open_mean", "", "server conns", "connections the servers held, mean over time")        \
    X(SERVER_OPEN_PEAK, "server_open_peak", "", "peak conns", "the most they held at once")                            \
    X(SERVER_ZOMBIE, "server_zombie_fraction", "", "zombies", "share of them whose client could not use them")         \
    X(SERVER_MEMORY, "server_memory_bytes", "B", "server B", "peak connections times memory per connection")           \
    X(CLIENT_ZOMBIE, "client_zombie_fraction", "", "half-open at client",                                              \
      "share of the connections clients believed in that they could not use")                                          \
    X(SERVER_REFUSED, "server_refused", "", "refused by servers",                                                      \
      "connection attempts that servers reset: at their limit, or restarting")                                         \
    X(CONNECTS_PEAK, "connects_peak_per_s", "1/s", "peak connects/s",                                                  \
      "connection attempts that reached the servers in the busiest second")                                            \
    X(CLIENTS_MEAN, "clients_mean", "", "clients", "measured clients that wanted connections, mean over time")         \
    X(DESERTED, "deserted_fraction", "", "deserted", "share of time without any measured client")                      \
    X(NAT_ENTRIES_MEAN, "nat_entries_mean", "", "NAT entries", "mappings held, mean over time")                        \
    X(NAT_ENTRIES_OVER, "nat_entries_over_mean", "", "entries over",                                                   \
      "of them, those of connections that are over at both ends (TIME_WAIT and the like)")                             \
    X(NAT_ENTRIES_PEAK, "nat_entries_peak", "", "peak entries", "the most at once")                                    \
    X(NAT_INSERTS, "nat_inserts", "", "inserts", "mappings made")                                                      \
    X(NAT_EVICTIONS_LIVE, "nat_evictions_live", "", "evicted live", "evicted though an end still believed in the flow") \
    X(NAT_EVICTIONS_DEAD, "nat_evictions_dead", "", "evicted dead", "evicted when no end did")                         \
    X(NAT_EXPIRIES_LIVE, "nat_expiries_live", "", "expired live", "timed out though an end still believed in the flow") \
    X(NAT_REFUSED, "nat_refused", "", "refused", "packets refused a mapping: table full or no port")                   \
    X(NAT_UNKNOWN_IN, "nat_unknown_in", "", "unknown in", "packets from outside without a mapping")                    \
    X(NAT_UNKNOWN_OUT, "nat_unknown_out", "", "unknown out", "mid-stream packets from inside without a mapping")

typedef enum np_metric {
#define X(e, key, unit, heading, meaning) NP_METRIC_##e,
    NP_METRICS(X)
#undef X
    NP_METRIC_COUNT
} np_metric;

/* Figures that are distributions: X(enumerator, key, unit, heading, meaning) */
#define NP_SPREADS(X)                                                                                                  \
    X(CLIENT_DETECT, "client_detect_s", "s", "client detects", "from a break to the moment the client knows")          \
    X(SERVER_DETECT, "server_detect_s", "s", "server detects", "from a break to the moment the server knows")          \
    X(MESSAGE_DELAY, "message_delay_s", "s", "delay", "from handing a message over to its arrival")

typedef enum np_spread {
#define X(e, key, unit, heading, meaning) NP_SPREAD_##e,
    NP_SPREADS(X)
#undef X
    NP_SPREAD_COUNT
} np_spread;

typedef struct np_metric_info {
    const char *key, *unit, *heading, *meaning;
} np_metric_info;

const np_metric_info *np_metric_about(np_metric m);
const np_metric_info *np_spread_about(np_spread s);
/* By key; -1 when there is none. */
int np_metric_find(const char *key);
int np_spread_find(const char *key);

/* Occupancy of the first box over time: equally spaced instants over the run, warm-up included. */
#define NP_SERIES_POINTS 120

/* What one run (one strategy, one replica, one point of a sweep) gave. */
typedef struct np_result {
    double value[NP_METRIC_COUNT];        /* NaN: has no meaning here (null) */
    np_quantile *spread[NP_SPREAD_COUNT]; /* NULL: has no meaning here */
    double occupancy[NP_SERIES_POINTS];   /* mappings held at (i + 1) / NP_SERIES_POINTS of the run */
    double conn_hours;                    /* the denominator of all "per connection-hour" */
    uint64_t packet_events;               /* packets handled at an endpoint or a box */
    bool table_was_full;
} np_result;

void np_result_destroy(np_result *r); /* and its sketches */

#endif
