/*
 * What natpulse replay says. See replay_print.h.
 */
#include "replay_print.h"
#include <inttypes.h>
#include <string.h>

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void find_warnings(const np_replayed *r, np_cli_warnings *w)
{
    const np_replay_summary *s = r->sum;
    np_cli_reading reading = {.read = r->read,
                              .files = r->files,
                              .met = s->outbound + s->inbound,
                              .local = s->local,
                              .filtered = r->filtered,
                              .inside_named = r->inside_named,
                              .stopped = s->stopped};
    np_cli_capture_warnings(&reading, w);
    bool filled = false;
    uint32_t peak = 0;
    for (uint32_t i = 0; i < r->boxes; i++) {
        filled |= s[i].box.evictions + s[i].box.refused > 0 || s[i].entries_peak >= r->nat[i].capacity;
        if (s[i].entries_peak > peak) peak = s[i].entries_peak;
    }
    if (!filled && s->outbound + s->inbound > 0)
        np_cli_warn(w, "table-never-full",
                    "at most %" PRIu32 " of its %" PRIu32
                    " mappings were in use, so the table's size was not put to the test; "
                    "--set nat.capacity=N makes it smaller",
                    peak, r->nat->capacity);
}

/* ---- the table ---- */

static const char *proto_name(uint8_t proto)
{
    return proto == NP_TCP ? "tcp" : proto == NP_UDP ? "udp" : "icmp";
}

static const char *service_name(const np_replay_service *s, char *buf, size_t size)
{
    if (s->proto == NP_TCP || s->proto == NP_UDP)
        snprintf(buf, size, "%s/%u", proto_name(s->proto), s->port);
    else
        snprintf(buf, size, "icmp");
    return buf;
}

static void print_head(const np_replayed *r, FILE *out)
{
    const np_replay_summary *s = r->sum;
    fprintf(out, "natpulse %s replay\n", NP_VERSION);
    np_cli_print_captures(r->file, r->files, out);
    fprintf(out, "%-9s %s (", "profile", r->nat->name);
    for (uint32_t i = 0; i < r->boxes; i++) fprintf(out, "%s%s", i ? " | " : "", r->nat[i].evict);
    fprintf(out, ", %" PRIu32 " mappings%s), seed %" PRIu64 "\n\n", r->nat->capacity,
            r->closed_leave ? ", that leave when their flow ends" : "", r->seed);
    np_cli_print_packets(r->read, r->filtered, s->first, s->last,
                         (uint64_t[]){s->outbound, s->inbound, s->local, s->elsewhere}, out);
    fprintf(out, "%-9s %" PRIu64 " (%" PRIu64 " tcp, %" PRIu64 " udp, %" PRIu64 " icmp echo)\n", "flows",
            s->flows, s->flows_tcp, s->flows_udp, s->flows_icmp);
}

static void print_box(const np_replayed *r, FILE *out)
{
    const np_replay_summary *s = r->sum;
    fprintf(out, "%-9s %" PRIu64 " forward, %" PRIu64 " drop, %" PRIu64 " reset", "verdicts", s->forwarded,
            s->dropped, s->reset);
    const char *before = " (";
    for (int i = 0; i < NP_REASON_COUNT; i++) {
        if (!s->by_reason[i]) continue;
        fprintf(out, "%s%" PRIu64 " %s", before, s->by_reason[i], np_reason_name((np_reason)i));
        before = ", ";
    }
    fprintf(out, "%s\n", before[0] == ',' ? ")" : "");
    fprintf(out,
            "%-9s at most %" PRIu32 " of %" PRIu32 " mappings in use; %" PRIu64 " evicted, %" PRIu64
            " expired, %" PRIu64 " refused a place\n",
            "table", s->entries_peak, r->nat->capacity, s->box.evictions, s->box.expiries, s->box.refused);
}

static void print_saving_unknown(FILE *out)
{
    fputs("-: with that policy a heartbeat need not keep a mapping from being evicted\n", out);
}

static void print_damage(const np_replayed *r, FILE *out)
{
    const np_replay_summary *s = r->sum;
    fprintf(out,
            "\n%" PRIu64 " of %" PRIu64 " flows would have lost their mapping with packets still to come",
            s->flows_hurt, s->flows);
    if (s->flows_hurt == 0) {
        fputc('\n', out);
        return;
    }
    fprintf(out,
            " (%.3g %%):\n%" PRIu64 " mappings lost, %" PRIu64 " evicted and %" PRIu64 " expired; %" PRIu64
            " packets found none\n",
            percent(s->flows_hurt, s->flows), s->losses_evicted + s->losses_expired, s->losses_evicted,
            s->losses_expired, s->packets_hurt);
    fputs("\nheartbeat every   hurt flows it would have kept   packets it would have cost\n", out);
    uint64_t met = s->outbound + s->inbound;
    for (int i = 0; i < NP_REPLAY_INTERVALS; i++) {
        char every[40];
        np_time_format(every, sizeof every, np_replay_interval_s[i] * NP_SECOND);
        if (s->saving_known)
            fprintf(out, "%15s   %10" PRIu64 "  %5.1f %%", every, s->saved_by[i],
                    percent(s->saved_by[i], s->flows_hurt));
        else
            fprintf(out, "%15s   %10s  %5s  ", every, "-", "");
        fprintf(out, "          %14" PRIu64 "  %+.3g %%\n", s->saving_costs[i],
                percent(s->saving_costs[i], met));
    }
    if (!s->saving_known) print_saving_unknown(out);
}

static void print_services(const np_replayed *r, FILE *out)
{
    const np_replay_summary *s = r->sum;
    if (s->services == 0) return;
    fprintf(out, "\n%-12s %10s %10s %8s %12s %12s\n", "protocol", "flows", "hurt", "", "packets",
            "found none");
    for (uint32_t i = 0; i < s->services; i++) {
        const np_replay_service *x = &s->service[i];
        char name[20];
        fprintf(out, "%-12s %10" PRIu64 " %10" PRIu64 " %6.2f %% %12" PRIu64 " %12" PRIu64 "\n",
                service_name(x, name, sizeof name), x->flows, x->flows_hurt, percent(x->flows_hurt, x->flows),
                x->packets, x->packets_hurt);
    }
    if (s->services < s->services_all)
        fprintf(out, "and %" PRIu32 " ports more\n", s->services_all - s->services);
}

/* Side by side, a row a policy. */
static void print_comparison(const np_replayed *r, FILE *out)
{
    fprintf(out, "\n%-22s %10s %9s %10s %10s %10s %10s %10s\n", "evict", "flows hurt", "", "evicted",
            "expired", "found none", "refused", "most held");
    for (uint32_t i = 0; i < r->boxes; i++) {
        const np_replay_summary *s = &r->sum[i];
        fprintf(out,
                "%-22s %10" PRIu64 " %7.3f %% %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                " %10" PRIu32 "\n",
                r->nat[i].evict, s->flows_hurt, percent(s->flows_hurt, s->flows), s->losses_evicted,
                s->losses_expired, s->packets_hurt, s->box.refused, s->entries_peak);
    }
    fprintf(out, "\nheartbeat every   hurt flows it would have kept (%%)   packets it would have cost\n%15s",
            "evict");
    for (uint32_t i = 0; i < r->boxes; i++) fprintf(out, "  %8s", r->nat[i].evict);
    fputc('\n', out);
    for (int k = 0; k < NP_REPLAY_INTERVALS; k++) {
        char every[40];
        fprintf(out, "%15s", np_time_format(every, sizeof every, np_replay_interval_s[k] * NP_SECOND));
        for (uint32_t i = 0; i < r->boxes; i++) {
            int width = (int)strlen(r->nat[i].evict);
            if (width < 8) width = 8;
            if (r->sum[i].saving_known)
                fprintf(out, "  %*.1f", width, percent(r->sum[i].saved_by[k], r->sum[i].flows_hurt));
            else
                fprintf(out, "  %*s", width, "-");
        }
        fprintf(out, "  %14" PRIu64 "\n", r->sum->saving_costs[k]);
    }
    for (uint32_t i = 0; i < r->boxes; i++) {
        if (r->sum[i].saving_known) continue;
        print_saving_unknown(out);
        return;
    }
}

bool np_replay_print_table(const np_replayed *r, FILE *out)
{
    print_head(r, out);
    if (r->compared) {
        print_comparison(r, out);
    } else {
        print_box(r, out);
        print_damage(r, out);
        print_services(r, out);
    }
    np_cli_warnings w = {.n = 0};
    find_warnings(r, &w);
    np_cli_print_warnings(&w, out);
    return true;
}

/* ---- JSON ---- */

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *flows_json(const np_replay_summary *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "all", number(s->flows));
    json_object_set_new(j, "tcp", number(s->flows_tcp));
    json_object_set_new(j, "udp", number(s->flows_udp));
    json_object_set_new(j, "icmp", number(s->flows_icmp));
    json_object_set_new(j, "hurt", number(s->flows_hurt));
    return j;
}

static json_t *verdicts_json(const np_replay_summary *s)
{
    json_t *j = json_object(), *reasons = json_object();
    json_object_set_new(j, np_verdict_name(NP_FORWARD), number(s->forwarded));
    json_object_set_new(j, np_verdict_name(NP_DROP), number(s->dropped));
    json_object_set_new(j, np_verdict_name(NP_RESET), number(s->reset));
    for (int i = 0; i < NP_REASON_COUNT; i++)
        json_object_set_new(reasons, np_reason_name((np_reason)i), number(s->by_reason[i]));
    json_object_set_new(j, "reasons", reasons);
    return j;
}

static json_t *table_json(const np_nat_config *nat, const np_replay_summary *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "capacity", number(nat->capacity));
    json_object_set_new(j, "evict", np_cli_text_json(nat->evict));
    json_object_set_new(j, "peak", number(s->entries_peak));
    json_object_set_new(j, "inserts", number(s->box.inserts));
    json_object_set_new(j, "evictions", number(s->box.evictions));
    json_object_set_new(j, "expiries", number(s->box.expiries));
    json_object_set_new(j, "refused", number(s->box.refused));
    json_object_set_new(j, "no_port", number(s->box.no_port));
    return j;
}

static json_t *saved_json(const np_replay_summary *s)
{
    json_t *all = json_array();
    for (int i = 0; i < NP_REPLAY_INTERVALS; i++) {
        json_t *j = json_object();
        json_object_set_new(j, "every_s", number(np_replay_interval_s[i]));
        json_object_set_new(j, "flows", s->saving_known ? number(s->saved_by[i]) : json_null());
        json_object_set_new(j, "share",
                            s->saving_known && s->flows_hurt
                                ? json_real((double)s->saved_by[i] / (double)s->flows_hurt)
                                : json_null());
        json_object_set_new(j, "packets", number(s->saving_costs[i]));
        json_array_append_new(all, j);
    }
    return all;
}

static json_t *losses_json(const np_replay_summary *s)
{
    json_t *j = json_object();
    json_object_set_new(j, "evicted", number(s->losses_evicted));
    json_object_set_new(j, "expired", number(s->losses_expired));
    json_object_set_new(j, "packets", number(s->packets_hurt));
    return j;
}

static json_t *services_json(const np_replay_summary *s)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < s->services; i++) {
        const np_replay_service *x = &s->service[i];
        json_t *j = json_object();
        json_object_set_new(j, "protocol", json_string(proto_name(x->proto)));
        json_object_set_new(j, "port", number(x->port));
        json_object_set_new(j, "flows", number(x->flows));
        json_object_set_new(j, "hurt", number(x->flows_hurt));
        json_object_set_new(j, "packets", number(x->packets));
        json_object_set_new(j, "packets_lost", number(x->packets_hurt));
        json_array_append_new(all, j);
    }
    return all;
}

/* Puts what a box did into `j`. */
static void box_json(json_t *j, const np_nat_config *nat, const np_replay_summary *s)
{
    json_object_set_new(j, "flows", flows_json(s));
    json_object_set_new(j, "verdicts", verdicts_json(s));
    json_object_set_new(j, "table", table_json(nat, s));
    json_object_set_new(j, "losses", losses_json(s));
    json_object_set_new(j, "saved_by", saved_json(s));
    json_object_set_new(j, "services", services_json(s));
}

bool np_replay_print_json(const np_replayed *r, FILE *out)
{
    const np_replay_summary *s = r->sum;
    bool any = s->first <= s->last;
    json_t *j = json_object();
    json_object_set_new(j, "natpulse", json_string(NP_VERSION));
    json_object_set_new(j, "captures", np_cli_captures_json(r->file, r->files));
    json_object_set_new(j, "profile", np_cli_text_json(r->nat->name));
    json_object_set_new(j, "seed", number(r->seed));
    json_object_set_new(j, "first_s", np_cli_time_json(s->first, any));
    json_object_set_new(j, "last_s", np_cli_time_json(s->last, any));
    json_object_set_new(
        j, "packets",
        np_cli_packets_json(r->read, (uint64_t[]){s->outbound, s->inbound, s->local, s->elsewhere}));
    if (r->compared) {
        json_t *boxes = json_array();
        for (uint32_t i = 0; i < r->boxes; i++) {
            json_t *box = json_object();
            json_object_set_new(box, "evict", np_cli_text_json(r->nat[i].evict));
            box_json(box, &r->nat[i], &s[i]);
            json_array_append_new(boxes, box);
        }
        json_object_set_new(j, "compared", boxes);
    } else {
        box_json(j, r->nat, s);
    }
    np_cli_warnings w = {.n = 0};
    find_warnings(r, &w);
    json_object_set_new(j, "warnings", np_cli_warnings_json(&w));
    /* 17 digits give every double back. */
    bool ok = json_dumpf(j, out, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0;
    if (ok) fputc('\n', out);
    json_decref(j);
    return ok;
}

/* ---- over time ---- */

void np_replay_print_timeline(const np_replayed *r, FILE *out)
{
    fprintf(out, "%stime_s,entries,evicted,expired,packets_lost\n", r->compared ? "evict," : "");
    for (uint32_t i = 0; i < r->boxes; i++) {
        for (uint32_t b = 0; b < r->sum[i].bins; b++) {
            const np_replay_bin *bin = &r->sum[i].bin[b];
            if (r->compared) fprintf(out, "%s,", r->nat[i].evict);
            fprintf(out, "%.9g,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                    np_seconds((np_time)b * r->sum[i].bin_width), bin->entries, bin->evicted, bin->expired,
                    bin->packets_hurt);
        }
    }
}
