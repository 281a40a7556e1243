/*
 * natpulse bench [table|box|queue|world|replay]
 *
 * Each figure is the median of several repetitions after a warm-up, in processor time of this process: one
 * core's, whatever else the machine is doing meanwhile.
 */
#include "cli.h"
#include "natpulse/bench_box.h"
#include "natpulse/bench_queue.h"
#include "natpulse/bench_replay.h"
#include "natpulse/bench_table.h"
#include "natpulse/output.h"
#include "natpulse/world.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPETITIONS       5
#define WORLD_REPETITIONS 3
#define TABLE_PACKETS     ((uint64_t)4 << 20) /* a repetition: the whole sequence once */
#define BOX_PACKETS       ((uint64_t)1 << 20) /* a repetition */
#define HOLD_BATCH        4096                /* holds between two looks at the clock */
#define HOLD_SECONDS      0.05                /* a repetition */
#define WARM_SECONDS      2.0                 /* at most, before the first */
#define WORLD_MINUTES     10                  /* simulated: ten heartbeats a client */
#define PACKETS_MOST      1000000000          /* of a capture: 640 GB */

static const size_t pending[] = {64, 1024, 16384, 262144, 1048576};

#define PENDINGS (sizeof pending / sizeof *pending)

/* One line of the queue's table. */
typedef struct queue_row {
    const char *kind, *delays;
    double ns[PENDINGS];
} queue_row;

/* One line of the box's table. */
typedef struct box_row {
    double packets_per_s, share_of_none, bytes_per_entry;
} box_row;

typedef struct figures {
    bool table, box, queue, world, replay; /* measured */
    uint32_t flows, clients;
    double lookups_per_s, batched_lookups_per_s, bare_refreshes_per_s, bytes_per_entry;
    box_row box_row[NP_BENCH_BOX_KINDS];
    queue_row *row;
    size_t rows;
    double packet_events_per_s;
    size_t bytes_per_connection;
    const char *capture; /* where it is kept; NULL: nowhere */
    uint64_t packets, capture_bytes;
    uint32_t snaplen;
    double bare_packets_per_s, box_packets_per_s, curve_packets_per_s;
} figures;

/* ---- measuring ---- */

static double processor_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
    return x[n / 2];
}

static bool interrupted(np_error *e)
{
    return np_cli_stop && !np_fail(e, NP_TROUBLE_RUN, "stopped before the end");
}

/* The three ways take turns, so that whatever slows the machine down slows all of them down. */
static bool look_up_in_turn(np_bench_table *b, double *rate, np_error *e)
{
    static uint64_t (*const way[])(np_bench_table *, uint64_t) = {
        np_bench_table_single, np_bench_table_batched, np_bench_table_bare};
    double sample[3][REPETITIONS];
    for (int i = -1; i < REPETITIONS; i++) { /* one to warm up */
        for (int w = 0; w < 3; w++) {
            if (interrupted(e)) return false;
            double began = processor_seconds();
            uint64_t found = way[w](b, TABLE_PACKETS);
            if (i >= 0) sample[w][i] = (double)found / (processor_seconds() - began);
        }
    }
    for (int w = 0; w < 3; w++) rate[w] = median(sample[w], REPETITIONS);
    return true;
}

static bool measure_table(figures *f, np_error *e)
{
    np_bench_table *b = np_bench_table_create(f->flows, e);
    if (!b) return false;
    double rate[3];
    f->bytes_per_entry = np_bench_table_bytes_per_entry(b);
    f->table = look_up_in_turn(b, rate, e);
    np_bench_table_destroy(b);
    if (!f->table) return false;
    f->lookups_per_s = rate[0];
    f->batched_lookups_per_s = rate[1];
    f->bare_refreshes_per_s = rate[2];
    return true;
}

/* Packets a second, or 0 when interrupted. */
static double box_rate(np_bench_box *b, np_error *e)
{
    if (interrupted(e)) return 0;
    double began = processor_seconds();
    uint64_t passed = np_bench_box_packets(b, BOX_PACKETS);
    return (double)passed / (processor_seconds() - began);
}

/* One kind of box beside one without a tracker, in turn: the share is the median of those of each turn. */
static bool compare_box(figures *f, np_bench_box_kind kind, np_bench_box *none, np_error *e)
{
    double plain[REPETITIONS], tracked[REPETITIONS], share[REPETITIONS];
    np_bench_box *b = np_bench_box_create(kind, f->flows, e);
    bool ok = b != NULL;
    for (int i = -1; ok && i < REPETITIONS; i++) {
        double p = box_rate(none, e), t = box_rate(b, e);
        ok = p > 0 && t > 0;
        if (i >= 0) plain[i] = p, tracked[i] = t, share[i] = t / p;
    }
    if (ok) {
        f->box_row[NP_BENCH_BOX_NONE].packets_per_s = median(plain, REPETITIONS);
        f->box_row[kind] = (box_row){median(tracked, REPETITIONS), median(share, REPETITIONS),
                                     np_bench_box_bytes_per_entry(b)};
    }
    np_bench_box_destroy(b);
    return ok;
}

static bool measure_box(figures *f, np_error *e)
{
    np_bench_box *none = np_bench_box_create(NP_BENCH_BOX_NONE, f->flows, e);
    if (!none) return false;
    f->box = true;
    f->box_row[NP_BENCH_BOX_NONE] = (box_row){0, 1, np_bench_box_bytes_per_entry(none)};
    for (np_bench_box_kind k = NP_BENCH_BOX_NONE + 1; f->box && k < NP_BENCH_BOX_KINDS; k++)
        f->box = compare_box(f, k, none, e);
    np_bench_box_destroy(none);
    return f->box;
}

/* Holds for about `seconds` and at least `least` of them. Returns nanoseconds a hold, 0 when memory is out.
 */
static double hold(np_bench_queue *b, uint64_t least, double seconds)
{
    double began = processor_seconds(), took = 0;
    uint64_t n = 0;
    for (; n < least || took < seconds; n += HOLD_BATCH) {
        if (!np_bench_queue_hold(b, HOLD_BATCH, NULL)) return 0;
        took = processor_seconds() - began;
        if (took > WARM_SECONDS) break;
    }
    return took / (double)n * 1e9;
}

static bool ns_per_hold(uint32_t kind, size_t n, np_bench_delays delays, double *ns, np_error *e)
{
    np_bench_queue *b = np_bench_queue_create(kind, n, delays);
    double sample[REPETITIONS];
    bool ok = b && hold(b, 2 * n, HOLD_SECONDS) > 0;
    for (int i = 0; ok && i < REPETITIONS; i++) ok = (sample[i] = hold(b, 0, HOLD_SECONDS)) > 0;
    np_bench_queue_destroy(b);
    if (!ok) return np_fail_memory(e, "an event queue to be measured");
    *ns = median(sample, REPETITIONS);
    return true;
}

static bool measure_queue(figures *f, np_error *e)
{
    uint32_t kinds = 0;
    while (np_bench_queue_kind(kinds)) kinds++;
    f->row = calloc(kinds * NP_BENCH_DELAYS_COUNT, sizeof *f->row);
    if (!f->row) return np_fail_memory(e, "the event queue's figures");
    for (np_bench_delays d = 0; d < NP_BENCH_DELAYS_COUNT; d++)
        for (uint32_t k = 0; k < kinds; k++) {
            queue_row *row = &f->row[f->rows++];
            *row = (queue_row){.kind = np_bench_queue_kind(k), .delays = np_bench_delays_name(d)};
            for (size_t p = 0; p < PENDINGS; p++)
                if (interrupted(e) || !ns_per_hold(k, pending[p], d, &row->ns[p], e)) return false;
        }
    f->queue = true;
    return true;
}

/* Clients that do nothing but send a heartbeat over UDP every minute, 50 ms from the server, through links
   that lose one packet in a hundred and a box with room for all. */
static bool run_world(uint32_t clients, uint64_t *events, np_error *e)
{
    const np_dist never = np_dist_constant((double)(10 * WORLD_MINUTES * NP_MINUTE));
    np_group group = {
        .name = "clients",
        .count = clients,
        .work = {.shape = "exchange",
                 .name = "silence",
                 .gap = never,
                 .count = np_dist_constant(1),
                 .request = np_dist_constant(1)},
        .transport = NP_UDP,
        .connection = NP_CONNECTION_PERSISTENT,
        .measure = true,
        .arrival = {.kind = NP_DIST_UNIFORM, .a = 0, .b = (double)NP_MINUTE},
    };
    np_strategy strategy = {.name = "heartbeat 60 s", .connection = NP_CONNECTION_PERSISTENT};
    np_beat_defaults(&strategy.beat);
    strategy.beat.strategy = "fixed";
    strategy.beat.every = NP_MINUTE;

    np_link_config access = {.delay = 20 * NP_MILLISECOND, .loss_kind = NP_LOSS_INDEPENDENT, .loss = 0.01};
    np_link_config core = {.delay = 30 * NP_MILLISECOND};
    np_world_config world = {
        .duration = WORLD_MINUTES * NP_MINUTE,
        .warmup = NP_MINUTE,
        .seed = 1,
        .nats = 1,
        .access_up = access,
        .access_down = access,
        .core_up = core,
        .core_down = core,
        .servers = 1,
        .reconnect = {.least = NP_SECOND, .most = NP_MINUTE},
        .group = &group,
        .groups = 1,
    };
    np_tcp_defaults(&world.tcp);
    np_nat_config *nat = &world.nat[0];
    np_nat_defaults(nat);
    nat->capacity = clients + clients / 8;
    nat->timeout[NP_TIMEOUT_UDP] = nat->timeout[NP_TIMEOUT_UDP_STREAM] = 3 * NP_MINUTE;
    nat->ports.addresses = clients / 16384 + 1; /* a quarter of an address's ports in use */

    np_result *result = np_world_run(&world, &strategy, 0, NULL, &np_cli_stop, e);
    if (!result) return false;
    *events = result->packet_events;
    np_result_destroy(result);
    return true;
}

static bool measure_world(figures *f, np_error *e)
{
    double sample[WORLD_REPETITIONS];
    for (int i = 0; i < WORLD_REPETITIONS; i++) {
        uint64_t events;
        double began = processor_seconds();
        if (!run_world(f->clients, &events, e)) return false;
        sample[i] = (double)events / (processor_seconds() - began);
    }
    f->packet_events_per_s = median(sample, WORLD_REPETITIONS);
    f->bytes_per_connection = np_world_connection_bytes();
    f->world = true;
    return true;
}

/* The three readers take turns, so that whatever slows the machine down slows all of them down. */
static bool read_in_turn(figures *f, const np_bench_replay *b, np_error *e)
{
    double sample[3][REPETITIONS];
    for (int i = -1; i < REPETITIONS; i++) { /* one to warm up, and to get the file into the page cache */
        for (int reader = 0; reader < 3; reader++) {
            if (interrupted(e)) return false;
            double began = processor_seconds();
            bool ok = reader == 0   ? np_bench_replay_bare(b, e)
                      : reader == 1 ? np_bench_replay_box(b, &np_cli_stop, e)
                                    : np_bench_replay_curve(b, &np_cli_stop, e);
            if (!ok) return false;
            if (i >= 0) sample[reader][i] = (double)f->packets / (processor_seconds() - began);
        }
    }
    f->bare_packets_per_s = median(sample[0], REPETITIONS);
    f->box_packets_per_s = median(sample[1], REPETITIONS);
    f->curve_packets_per_s = median(sample[2], REPETITIONS);
    return true;
}

static bool measure_replay(figures *f, np_error *e)
{
    np_bench_replay *b = np_bench_replay_create(f->capture, f->packets, f->snaplen, e);
    if (!b) return false;
    f->capture_bytes = np_bench_replay_bytes(b);
    f->replay = read_in_turn(f, b, e);
    np_bench_replay_destroy(b);
    return f->replay;
}

/* ---- printing ---- */

static void print_boxes(const figures *f, FILE *out)
{
    fprintf(out, "%swhole box, %" PRIu32 " TCP connections, data and ACKs, by tracker\n",
            f->table ? "\n" : "", f->flows);
    for (np_bench_box_kind k = 0; k < NP_BENCH_BOX_KINDS; k++)
        fprintf(out, "  %-12s %6.2f M packets/s, %3.0f %% of none, %4.0f B/entry\n", np_bench_box_name(k),
                f->box_row[k].packets_per_s * 1e-6, 100 * f->box_row[k].share_of_none,
                f->box_row[k].bytes_per_entry);
}

static void print_table(const figures *f, FILE *out)
{
    if (f->table)
        fprintf(out,
                "flow table, %" PRIu32 " flows, Zipf 1.0\n"
                "  lookup and refresh       %6.1f M/s\n"
                "  the same in batches      %6.1f M/s\n"
                "  refresh without lookup   %6.1f M/s\n"
                "  memory                   %6.1f B/entry\n",
                f->flows, f->lookups_per_s * 1e-6, f->batched_lookups_per_s * 1e-6,
                f->bare_refreshes_per_s * 1e-6, f->bytes_per_entry);
    if (f->box) print_boxes(f, out);
    if (f->queue) {
        fprintf(out, "%sevent queue, ns a pop and a push, by events pending\n  %-14s%-12s",
                f->table || f->box ? "\n" : "", "kind", "delays");
        for (size_t p = 0; p < PENDINGS; p++) fprintf(out, "%9zu", pending[p]);
        for (size_t r = 0; r < f->rows; r++) {
            fprintf(out, "\n  %-14s%-12s", f->row[r].kind, f->row[r].delays);
            for (size_t p = 0; p < PENDINGS; p++) fprintf(out, "%9.1f", f->row[r].ns[p]);
        }
        fputc('\n', out);
    }
    if (f->world)
        fprintf(out,
                "%ssimulation, %" PRIu32 " clients with a heartbeat every 60 s, 50 ms, 1 %% loss\n"
                "  packet events            %6.2f M/s\n"
                "  memory                   %6zu B/connection\n",
                f->table || f->box || f->queue ? "\n" : "", f->clients, f->packet_events_per_s * 1e-6,
                f->bytes_per_connection);
    if (f->replay)
        fprintf(out,
                "%sa capture of %" PRIu64 " packets, %.0f MB\n"
                "  a bare libpcap loop      %6.2f M packets/s\n"
                "  replay through one box   %6.2f M packets/s, %.0f %% of the bare loop\n"
                "  curve of all table sizes %6.2f M packets/s, %.2f times one replay\n",
                f->table || f->box || f->queue || f->world ? "\n" : "", f->packets,
                (double)f->capture_bytes * 1e-6, f->bare_packets_per_s * 1e-6, f->box_packets_per_s * 1e-6,
                100 * f->box_packets_per_s / f->bare_packets_per_s, f->curve_packets_per_s * 1e-6,
                f->box_packets_per_s / f->curve_packets_per_s);
}

static json_t *box_json(const figures *f)
{
    json_t *list = json_array();
    for (np_bench_box_kind k = 0; k < NP_BENCH_BOX_KINDS; k++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f}", "tracker", np_bench_box_name(k),
                                              "packets_per_s", f->box_row[k].packets_per_s, "share_of_none",
                                              f->box_row[k].share_of_none, "bytes_per_entry",
                                              f->box_row[k].bytes_per_entry));
    return json_pack("{s:I, s:o}", "flows", (json_int_t)f->flows, "trackers", list);
}

static json_t *queue_json(const figures *f)
{
    json_t *list = json_array();
    for (size_t r = 0; r < f->rows; r++)
        for (size_t p = 0; p < PENDINGS; p++)
            json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:f}", "kind", f->row[r].kind, "pending",
                                                  (json_int_t)pending[p], "delays", f->row[r].delays,
                                                  "ns_per_hold", f->row[r].ns[p]));
    return list;
}

/* False, with errno, when writing fails. */
static bool print_json(const figures *f, FILE *out)
{
    json_t *all = json_object();
    if (f->table)
        json_object_set_new(all, "table",
                            json_pack("{s:f, s:f, s:f, s:f, s:I}", "lookups_per_s", f->lookups_per_s,
                                      "batched_lookups_per_s", f->batched_lookups_per_s,
                                      "bare_refreshes_per_s", f->bare_refreshes_per_s, "bytes_per_entry",
                                      f->bytes_per_entry, "flows", (json_int_t)f->flows));
    if (f->box) json_object_set_new(all, "box", box_json(f));
    if (f->queue) json_object_set_new(all, "queue", queue_json(f));
    if (f->world)
        json_object_set_new(all, "world",
                            json_pack("{s:I, s:f, s:I}", "clients", (json_int_t)f->clients,
                                      "packet_events_per_s", f->packet_events_per_s, "bytes_per_connection",
                                      (json_int_t)f->bytes_per_connection));
    if (f->replay)
        json_object_set_new(all, "replay",
                            json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "packets",
                                      (json_int_t)f->packets, "bytes", (json_int_t)f->capture_bytes,
                                      "bare_packets_per_s", f->bare_packets_per_s, "packets_per_s",
                                      f->box_packets_per_s, "share_of_bare",
                                      f->box_packets_per_s / f->bare_packets_per_s, "curve_packets_per_s",
                                      f->curve_packets_per_s, "curve_times_replay",
                                      f->box_packets_per_s / f->curve_packets_per_s));
    bool ok = json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 && fputc('\n', out) != EOF;
    json_decref(all);
    return ok;
}

static bool write_figures(const figures *f, np_format format, const char *path, np_error *e)
{
    np_output *out = np_output_open(path, e);
    if (!out) return false;
    if (format == NP_FORMAT_TABLE) {
        print_table(f, np_output_file(out));
    } else if (!print_json(f, np_output_file(out))) {
        np_fail(e, NP_TROUBLE_RUN, "writing the figures failed: %s", strerror(errno));
        np_output_abandon(out);
        return false;
    }
    return np_output_commit(out, e);
}

/* ---- the subcommand ---- */

typedef struct part {
    const char *name;
    bool (*measure)(figures *f, np_error *e);
} part;

static const part parts[] = {{"table", measure_table},
                             {"box", measure_box},
                             {"queue", measure_queue},
                             {"world", measure_world},
                             {"replay", measure_replay}};

#define PARTS (sizeof parts / sizeof *parts)

static bool is_part(const char *name)
{
    for (size_t i = 0; i < PARTS; i++)
        if (strcmp(name, parts[i].name) == 0) return true;
    return false;
}

/* Measures the part `only`, or all when it is NULL. */
static int bench(const char *only, figures *f, np_format format, const char *path)
{
    np_error e;
    bool ok = true;
    for (size_t i = 0; ok && i < PARTS; i++)
        if (!only || strcmp(only, parts[i].name) == 0) ok = parts[i].measure(f, &e);
    ok = ok && write_figures(f, format, path, &e);
    free(f->row);
    return ok ? 0 : np_cli_fail(&e);
}

int np_cmd_bench(int argc, char **argv)
{
    const char *output = NULL, *format_name = NULL;
    np_number flows = {.value = 1000000}, clients = {.value = 100000}, packets = {.value = 300000},
              snaplen = {0};
    const char *capture = NULL;
    const np_option option[] = {
        {"flows", 0, "N", "flows in the table and the boxes (1000000)", .number = &flows, .least = 1,
         .most = NP_TABLE_MOST},
        {"clients", 0, "N", "clients of the simulation (100000)", .number = &clients, .least = 1,
         .most = NP_TABLE_MOST / 2},
        {"packets", 0, "N", "packets of the capture (300000), some 640 bytes each", .number = &packets,
         .least = 1, .most = PACKETS_MOST},
        {"snaplen", 0, "N", "cut them to so many bytes (whole)", .number = &snaplen, .least = 64,
         .most = 65535},
        {"capture", 0, "FILE", "keep the capture there", .text = &capture},
        {"output", 'o', "FILE", "write the figures there (standard output)", .text = &output},
        {"format", 'f', "FORMAT", "table or json (by FILE's extension, else table)", .text = &format_name},
        {0},
    };
    const np_usage usage = {
        "[table|box|queue|world|replay]", 0, 1,
        "Measures how fast one core of this machine does what a simulation is made of: finding a packet's\n"
        "mapping in a large flow table (beside only refreshing it), a whole box with each tracker beside\n"
        "one without, taking the next event from the queue (beside the queues it was "
        "chosen\n"
        "over), and whole simulated packets; and how fast a capture made for it (in TMPDIR) is read by a\n"
        "bare libpcap loop, by a replay and by the curve, in turn.",
        option};
    int status = np_cli_parse(&usage, &argc, argv);
    if (status != NP_CLI_GO) return status;
    np_format format;
    const char *only = argc > 1 ? argv[1] : NULL;
    if (only && !is_part(only))
        return np_cli_misused("bench: '%s' is none of table, queue, world, replay", only);
    if (!np_cli_format(format_name, output, &format)) return NP_TROUBLE_USAGE;
    if (format != NP_FORMAT_TABLE && format != NP_FORMAT_JSON)
        return np_cli_misused("bench: the format must be table or json");
    figures f = {.flows = (uint32_t)flows.value,
                 .clients = (uint32_t)clients.value,
                 .packets = packets.value,
                 .snaplen = (uint32_t)snaplen.value,
                 .capture = capture};
    return bench(only, &f, format, output);
}
