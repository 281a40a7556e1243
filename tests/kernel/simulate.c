/*
 * The same as `ends`, simulated: a scenario with one client, one strategy, one connection; its packets and
 * what each end learns, in the form that `ends` prints.
 *
 *     simulate SCENARIO [--set PATH=VALUE]... [--lose-up MASK] [--lose-down MASK]
 *
 * Bit i of a mask: the i-th packet from the box to the server (up), or from the box to the client (down), is
 * lost.
 */
#include "natpulse/scenario.h"
#include <stdlib.h>

#define SETS_MOST 32

typedef struct tale {
    np_time start;
    uint32_t isn[2];
    uint16_t port; /* of the first connection; the client may open another later */
    bool shown[2], known[2];
} tale;

static void on_packet(void *ctx, np_time when, np_place where, bool outbound, const np_packet *p)
{
    tale *t = ctx;
    int side = !outbound;
    uint16_t port = outbound ? p->sport : p->dport;
    if (where != (outbound ? NP_PLACE_INSIDE : NP_PLACE_OUTSIDE)) return;
    if (outbound && !t->shown[0]) t->start = when, t->port = port;
    if (port != t->port) return;
    if (!t->shown[side]) t->isn[side] = p->seq;
    t->shown[side] = true;
    printf("packet %.6f %s %u %u %u\n", np_seconds(when - t->start), side ? "server" : "client",
           p->flags & ~NP_PSH, p->seq - t->isn[side], p->payload);
}

static void on_notice(void *ctx, const np_notice *n)
{
    tale *t = ctx;
    bool server = n->kind == NP_NOTICE_SERVER_KNEW;
    if (n->kind == NP_NOTICE_FALSE_CLOSE ||
        ((n->kind == NP_NOTICE_CLIENT_KNEW || server) && !t->known[server])) {
        printf("knew %.6f %s %s\n", np_seconds(n->when - t->start), server ? "server" : "client",
               n->cause ? n->cause : "?");
        t->known[server] = true;
    }
}

int main(int argc, char **argv)
{
    np_override set[SETS_MOST] = {0};
    uint32_t sets = 0;
    const char *path = NULL;
    uint64_t lose_up = 0, lose_down = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--set") && sets < SETS_MOST) {
            char *equals = strchr(value, '=');
            if (!equals) return 2;
            *equals = '\0';
            set[sets++] = (np_override){value, equals + 1};
        } else if (!strcmp(argv[i], "--lose-up")) {
            lose_up = strtoull(value, NULL, 0);
        } else if (!strcmp(argv[i], "--lose-down")) {
            lose_down = strtoull(value, NULL, 0);
        } else {
            path = argv[i];
            continue;
        }
        i++;
    }
    np_findings findings = {0};
    np_error e = {0};
    np_scenario *s = np_scenario_load(path, set, sets, &findings, &e);
    if (!s) {
        np_findings_print(&findings, stderr);
        return 2;
    }
    np_world_config *w = &s->world;
    if (lose_up) w->core_up.loss_kind = NP_LOSS_MASK, w->core_up.mask = lose_up;
    if (lose_down) w->access_down.loss_kind = NP_LOSS_MASK, w->access_down.mask = lose_down;
    tale t = {0};
    np_listener listener = {.packet = on_packet, .notice = on_notice, .ctx = &t};
    np_result *r = np_world_run(w, &s->strategy[0], 0, &listener, NULL, &e);
    if (!r) {
        fprintf(stderr, "%s\n", e.text);
        return 4;
    }
    np_result_destroy(r);
    np_scenario_destroy(s);
    return 0;
}
