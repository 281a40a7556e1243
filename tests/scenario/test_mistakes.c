/*
 * Each mistake is reported where it is and says what would be right; all of them at once, in file order.
 */
#include "bench.h"

static const struct row {
    const char *yaml, *expected;
} rows[] = {
    {MINIMAL, "ok"},

    /* keys */
    {MINIMAL "nat: {capcity: 5}\n", "x:5:7: unknown key \"capcity\" in nat; did you mean \"capacity\"?"},
    {MINIMAL "durtaion: 1h\n", "x:5:1: unknown key \"durtaion\" in the scenario; did you mean \"duration\"?"},
    {MINIMAL "reconnect:\n  xyzzy: 1\n",
     "x:6:3: unknown key \"xyzzy\" in reconnect; known: least, most, jitter"},
    {MINIMAL "seed: 1\nseed: 2\n", "x:6:1: key \"seed\" is there twice; first on line 5"},
    {"clients:\n  - {name: a, count: 1, workload: push}\n"
     "strategies:\n  - {name: s, keepalive: {base: linux}}\n",
     "x:4:27: unknown key \"base\" in keepalive; known: idle, interval, probes, at, profile"},

    /* churn, downtimes, restarts */
    {"clients:\n  - {name: a, count: 1, workload: push, churn: {vanish: {every: 0s}}}\nstrategies:\n  - "
     "{name: s}\n",
     "x:2:65: every: 0s takes no time; expected a mean of 1us or more"},
    {"clients:\n  - {name: a, count: 1, workload: push, churn: {vanish: {back: 1h}}}\nstrategies:\n  - "
     "{name: s}\n",
     "x:2:57: vanish needs the key \"every\": from its coming to its vanishing"},
    {"clients:\n  - {name: a, count: 1, workload: push, churn: {sleep: {every: 1h}}}\nstrategies:\n  - "
     "{name: s}\n",
     "x:2:56: sleep needs the key \"for\": time asleep"},
    {"clients:\n  - {name: a, count: 1, workload: push, churn: {away: 1h}}\nstrategies:\n  - {name: s}\n",
     "x:2:55: away: nobody goes away without session; expected how long a session lasts beside it"},
    {MINIMAL "servers: {crash: {down: 1m}}\n", "x:5:18: it never happens; expected every or at"},
    {MINIMAL "servers: {crash: {every: 1h}}\n", "x:5:18: crash needs the key \"down\": how long it takes"},
    {MINIMAL "servers: {restart: {at: [30m, 20m, 2h], down: 1s}}\n",
     "x:5:31: at: \"20m\" is not after the one before; expected rising times\n"
     "x:5:36: at: at \"2h\" the run is over; expected a time within its duration"},
    {MINIMAL "servers: {restart: {at: 30m, down: 1s}}\n",
     "x:5:25: at: expected a list of durations since the start, found a text"},
    {MINIMAL "reconnect: {jitter: some}\n", "x:5:21: jitter: there is no \"some\"; known: full, none, equal"},

    /* sizes that would be negative */
    {"clients:\n  - {name: a, count: 1, workload: {profile: push, request: normal(mean=100B "
     "sd=80B)}}\nstrategies:\n  - {name: s}\n",
     "x:2:60: request: 11 % of these sizes would be negative; expected an sd of at most a third of the mean, "
     "or a "
     "lognormal, weibull or pareto"},
    {MINIMAL "access: {jitter: normal(mean=5ms sd=5ms)}\n",
     "x:5:18: jitter: 16 % of these times would be negative; expected an sd of at most a third of the mean, "
     "or a "
     "lognormal, weibull or pareto"},
    {"clients:\n  - {name: a, count: 1, workload: {profile: web, count: normal(mean=3 sd=2)}}\nstrategies:\n "
     " - "
     "{name: s}\n",
     "x:2:57: count: 6.7 % of these counts would be negative; expected an sd of at most a third of the mean, "
     "or a "
     "lognormal, weibull or pareto"},
    {MINIMAL "  - {name: t, parallel: 6}\n",
     "x:5:25: parallel: only connection: per-request has any use for it; a pool's size is the key \"pool\""},

    /* what does not go together in a box */
    {MINIMAL "nat: {adaptive: {start: 2k, end: 1k}}\n",
     "x:5:25: adaptive.start is 2000 and adaptive.end 1000; the start must be below"},
    {MINIMAL "nat: {ports: {range: 5000-5009, block: 20}}\n",
     "x:5:40: ports.block is 20, but ports.range has 10 ports"},
    {MINIMAL "nat: {capacity: 100, ports: {per_host: 200}}\n",
     "x:5:40: ports.per_host is 200, but capacity is only 100"},
    {MINIMAL "nat:\n  expiry: lazy\n  at_expiry: reset-both\n",
     "x:7:14: at_expiry sends a reset when a mapping expires, which expiry lazy does not notice; it goes "
     "with "
     "exact or sweep"},
    {MINIMAL "nat: {tracker: linux, filtering: endpoint-independent}\n",
     "x:5:34: filtering must be address-and-port-dependent with tracker linux, which follows single flows of "
     "every protocol"},
    {MINIMAL "nat: {expiry: {sweep: 0s}}\n", "x:5:23: sweep: \"0s\" is too small; expected 1ms to 3650d"},
    {MINIMAL "nat: {expiry: {every: 1s}}\n",
     "x:5:15: expiry needs the key \"sweep\": how often mappings past their deadline are taken\n"
     "x:5:16: unknown key \"every\" in expiry; known: sweep"},
    {MINIMAL "nat: {expiry: never}\n",
     "x:5:15: expiry: \"never\" is not exact, lazy, linux, pf or {sweep: DURATION}"},
    {MINIMAL "nat: {tracker: conntrack}\n",
     "x:5:16: tracker: there is no \"conntrack\"; known: none, linux, flags, pf, states"},

    /* types */
    {MINIMAL "duration: [1h]\n",
     "x:5:11: duration: expected a duration (such as 30s, 250ms or 2h4m), found a list"},
    {MINIMAL "servers: 3\n", "x:5:10: servers: expected a map of keys, found a text"},
    {MINIMAL "servers:\n", "x:5:1: servers: expected a map of keys, found nothing"},
    {MINIMAL "nat: [[1]]\n", "x:5:7: nat: expected a map of keys or the name of a profile, found a list"},
    {MINIMAL "nat: []\n", "x:5:6: nat: the list is empty; expected profile or map"},
    {MINIMAL "nat: [pf, pf, pf, pf, pf]\n", "x:5:23: nat: too many boxes in a row; expected at most 4"},
    {"clients: a\nstrategies:\n  - {name: s}\n",
     "x:1:10: clients: expected a list of client groups, found a text"},
    {"- a\n- b\n", "x:1:1: the scenario: expected a map of keys, found a list"},
    {"just words\n", "x:1:1: the scenario: expected a map of keys, found a text"},
    {MINIMAL "vary: {nat.capacity: 5}\n",
     "x:5:22: nat.capacity: expected a list of values, such as [1k, 2k], found a text"},

    /* units and ranges */
    {MINIMAL "duration: 10\n", "x:5:11: duration: \"10\" is not a duration (such as 30s, 250ms or 2h4m)"},
    {MINIMAL "duration: 0\n", "x:5:11: duration: \"0\" is too small; expected 1ms to 3650d"},
    {"clients:\n  - {name: a, count: 0, workload: push}\nstrategies:\n  - {name: s}\n",
     "x:2:22: count: a measured group has at least one client; expected that or measure: false"},
    {MINIMAL "nat: {capacity: 0}\n", "x:5:17: capacity: \"0\" is too small; expected 1 to 64Mi"},
    {MINIMAL "nat: {capacity: 1.5}\n", "x:5:17: capacity: \"1.5\" is not a count (such as 200, 10k or 64Ki)"},
    {MINIMAL "nat: {capacity: -5}\n", "x:5:17: capacity: \"-5\" is not a count (such as 200, 10k or 64Ki)"},
    {MINIMAL "nat: {capacity: 1T}\n", "x:5:17: capacity: \"1T\" is too large; expected 1 to 64Mi"},
    {MINIMAL "access: {loss: 101%}\n", "x:5:16: loss: \"101%\" is too large; expected 0% to 100%"},
    {MINIMAL "access: {loss: 1.5}\n", "x:5:16: loss: \"1.5\" is too large; expected 0% to 100%"},
    {MINIMAL "access: {rate: 64}\n",
     "x:5:16: rate: \"64\" is not a rate (such as 64kbit/s, 10Mbit/s or 1MB/s) or unlimited"},
    {MINIMAL "servers: {memory_per_connection: 20KB}\n",
     "x:5:34: memory_per_connection: \"20KB\" is not a size (such as 200B, 1.5MB or 64KiB)"},
    {MINIMAL "tcp: {timestamps: maybe}\n",
     "x:5:19: timestamps: there is no \"maybe\"; known: true, false, yes, no"},
    {MINIMAL "tcp: {rto_min: 5m}\n", "x:5:16: rto_min: it is above rto_max; expected at most that"},
    {MINIMAL "duration: 1h\nwarmup: 2h\n",
     "x:6:9: warmup: nothing would be left of the duration of 1h; expected less than that"},
    {MINIMAL "seed: 18446744073709551616\n",
     "x:5:7: seed: \"18446744073709551616\" is not a count (such as 200, 10k or 64Ki)"},

    /* words */
    {MINIMAL "nat: {evict: lruu}\n", "x:5:14: evict: there is no \"lruu\"; did you mean \"lru\"?"},
    {MINIMAL "nat: {refresh: sideways}\n",
     "x:5:16: refresh: there is no \"sideways\"; known: both, outbound, inbound, udp-outbound"},
    {MINIMAL "nat: {unknown_inbound: adopt}\n",
     "x:5:24: unknown_inbound: there is no \"adopt\"; known: drop, reset"},
    {MINIMAL "nat: lru-boks\n", "x:5:6: there is no nat profile \"lru-boks\"; did you mean \"lru-box\"?"},
    {MINIMAL "nat: {profile: nowhere/box.yaml}\n",
     "x:5:16: profile: cannot read \"DIR/nowhere/box.yaml\": No such file or directory"},

    /* nat */
    {MINIMAL "nat: {capacity: 5, memory: 1MB, entry_bytes: 100}\n",
     "x:5:20: capacity and memory are both given; expected one of them"},
    {MINIMAL "nat: {memory: 1MB}\n",
     "x:5:15: memory needs entry_bytes beside it: the bytes one mapping takes"},
    {MINIMAL "nat: {memory: 1B, entry_bytes: 100}\n",
     "x:5:15: memory: there is room for 0 mappings; expected 1 to 67108864"},
    {MINIMAL "nat: {ports: {range: 5}}\n",
     "x:5:22: range: \"5\" is not a range of ports (such as 1024-65535)"},
    {MINIMAL "nat: {ports: {range: 9-5}}\n",
     "x:5:22: range: \"9-5\" runs backwards; expected the lower port first"},
    {MINIMAL "nat: {ports: {range: 9-70000}}\n",
     "x:5:22: range: \"9-70000\" is out of range; expected ports from 1 to 65535"},
    {MINIMAL "nat: {timeouts: {udp: 0s}}\n", "x:5:23: udp: \"0s\" is too small; expected 1ms to 3650d"},
    {MINIMAL "nat: {timeouts: {tcp_transitory: soon}}\n",
     "x:5:34: tcp_transitory: \"soon\" is not a duration (such as 30s, 250ms or 2h4m)"},

    /* links */
    {MINIMAL "access: {loss: {gilbert: {mean_loss: 1%}}}\n",
     "x:5:26: gilbert needs the key \"mean_burst\": mean length of a bad spell"},
    {MINIMAL "access: {up: {dealy: 1s}}\n",
     "x:5:15: unknown key \"dealy\" in a link; did you mean \"delay\"?"},
    {MINIMAL "core: {delay: fast}\n",
     "x:5:15: delay: \"fast\" is not a duration (such as 30s, 250ms or 2h4m)"},
    {MINIMAL "core: {outages: {up: 0s, down: 1s}}\n",
     "x:5:22: up: 0s takes no time; expected a mean of 1us or more"},

    /* distributions */
    {MINIMAL "access: {jitter: exponental(5ms)}\n",
     "x:5:18: jitter: there is no distribution \"exponental\"; did you mean \"exponential\"?"},
    {MINIMAL "access: {jitter: uniform(5ms)}\n",
     "x:5:18: jitter: too few arguments; expected uniform(low high)"},
    {MINIMAL "access: {jitter: uniform(5ms 2ms)}\n", "x:5:18: jitter: the high of uniform is below its low"},
    {MINIMAL "access: {jitter: weibull(scale=5ms sharp=2)}\n",
     "x:5:18: jitter: weibull has no parameter \"sharp\"; expected weibull(scale shape), and cap=VALUE"},
    {MINIMAL "access: {jitter: empirical(none.csv)}\n",
     "x:5:18: jitter: cannot read \"none.csv\": No such file or directory"},

    /* clients */
    {"strategies:\n  - {name: s}\n",
     "x:1:1: the scenario needs the key \"clients\": the groups behind the box"},
    {"clients: []\nstrategies:\n  - {name: s}\n",
     "x:1:10: clients: no group is measured; expected at least one without measure: false"},
    {"clients:\n  - {name: a, count: 1, workload: push}\n",
     "x:1:1: the scenario needs the key \"strategies\": ways of keeping connections: the columns of the "
     "comparison"},
    {"clients:\n  - {name: a, workload: push}\n  - {name: a, count: 1, workload: push}\nstrategies: []\n",
     "x:2:5: a client group needs the key \"count\": clients in it\n"
     "x:3:12: name: there is a client group \"a\" already, on line 2\n"
     "x:4:13: strategies: there are 0; expected 1 to 256"},
    {"clients:\n  - {name: a, count: 1, workload: {request: 1kB}}\nstrategies:\n  - {name: s}\n",
     "x:2:35: workload needs the key \"gap\": the time between rounds"},
    {"clients:\n  - {name: a, count: 1, workload: {request: 1kB, gap: 0s, loop: open}}\nstrategies:\n  - "
     "{name: s}\n",
     "x:2:55: gap: rounds that come whatever happens (loop: open) need time between them; expected a mean of "
     "1us or "
     "more"},
    {MINIMAL "vary: {clients.a.measure: [no]}\n",
     "x:5:28: with this value: clients: no group is measured; expected at least one without measure: false"},

    /* strategies */
    {MINIMAL "  - {name: s}\n", "x:5:12: name: there is a strategy \"s\" already, on line 4"},
    {MINIMAL "  - {name: t, keepalive: linus}\n",
     "x:5:26: there is no keepalive profile \"linus\"; did you mean \"linux\"?"},
    {MINIMAL "  - {name: t, heartbeat: {timeout: 1s}}\n",
     "x:5:26: heartbeat needs the key \"every\" for strategy: fixed: the time from one beat to the next"},
    {MINIMAL "  - {name: t, heartbeat: {strategy: mars, least: 1m, every: 1m}}\n",
     "x:5:26: heartbeat needs the key \"most\" for strategy: mars: where it ends\n"
     "x:5:26: heartbeat needs the key \"step\" for strategy: mars: how fine it is\n"
     "x:5:61: every: only fixed, jittered, piggyback and passive have any use for it"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, least: 30s, most: 2m}}\n",
     "x:5:45: least: only jittered, mars and search have any use for it\n"
     "x:5:56: most: only mars and search have any use for it"},
    {MINIMAL "  - {name: t, heartbeat: {strategy: jittered, every: 1m, least: 61s}}\n",
     "x:5:65: least: 1m1s is longer than every of 1m; expected at most that"},
    {MINIMAL "  - {name: t, heartbeat: {strategy: jittered, every: 10s, timeout: 9s}}\n",
     "x:5:68: timeout: 9s is longer than the 8s until the next beat; expected at most that, or strategy: "
     "fixed, "
     "which can have several beats out"},
    {MINIMAL "  - {name: t, heartbeat: {profile: mars, timeout: none}}\n",
     "x:5:51: timeout: strategy: mars learns from answers that do not come; expected a duration"},
    {MINIMAL "  - {name: t, heartbeat: {profile: mars, strategy: fixed, every: 1m}}\n", "ok"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, server_closes_after: 60s}}\n",
     "x:5:59: server_closes_after: 1m of silence pass between two beats that are up to 1m apart, so every "
     "idle "
     "connection would be closed; expected more than that"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, from: server, answer_bytes: 0, timeout: none, "
             "server_closes_after: "
             "30s}}\n",
     "ok"},
    {MINIMAL "  - {name: t, heartbeat: {profile: mars, client_closes_after: 9m}}\n",
     "x:5:63: client_closes_after: 9m of silence pass between two beats that are up to 9m40s apart, so every "
     "idle "
     "connection would be closed; expected more than that"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, timeout: 130ms}}\n",
     "x:5:47: timeout: no answer can come within 130ms, because a round trip takes 130ms; expected more than "
     "that"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, server_enforces: {strikes: 1}}}\n",
     "x:5:55: server_enforces needs the key \"every\": how often a client may beat without complaint"},
    {MINIMAL "  - {name: t, connection: per-request, poll: 1m, heartbeat: mqtt}\n",
     "x:5:61: heartbeat: connection: per-request closes each connection after one exchange, so there is "
     "nothing to "
     "keep open; leave one of the two out"},
    {MINIMAL "  - {name: t, tls: 1.4}\n", "x:5:20: tls: there is no \"1.4\"; did you mean \"1.2\"?"},
    {"clients:\n  - {name: a, count: 1, workload: push, transport: udp}\nstrategies:\n  - {name: s, tls: "
     "1.3}\n",
     "x:4:20: tls: the clients \"a\" use udp, which has no TLS records; add what their protocol takes to the "
     "sizes of "
     "their messages"},
    {"clients:\n  - {name: a, count: 1, workload: push, radio: lta}\nstrategies:\n  - {name: s}\n",
     "x:2:48: there is no radio profile \"lta\"; did you mean \"lte\"?"},
    {"clients:\n  - {name: a, count: 1, workload: push, radio: {second_tail: 1s, tail_power: "
     "5}}\nstrategies:\n  - "
     "{name: s}\n",
     "x:2:78: tail_power: \"5\" is not a power (such as 1.2W or 60mW)"},
    {"clients:\n  - {name: a, count: 1, workload: push, radio: {second_tail: 1s}}\nstrategies:\n  - {name: "
     "s}\n",
     "x:2:62: second_tail: it follows the tail, and there is none; expected the key \"tail\" too"},
    {"clients:\n  - {name: a, count: 1, workload: push}\n  - {name: b, count: 1, workload: web, measure: no, "
     "radio: "
     "lte}\nstrategies:\n  - {name: s}\n",
     "x:3:60: radio: energy is a figure, and this group is not measured; leave one of the two out"},
    {MINIMAL "  - {name: t, heartbeat: {every: 10s, timeout: 21s, misses: 2}}\n",
     "x:5:48: timeout: 21s is longer than 2 beats every 10s take; expected at most every times misses"},
    {MINIMAL "  - {name: t, heartbeat: {every: 10s, timeout: 20s, misses: 2}}\n", "ok"},
    {MINIMAL "  - {name: t, heartbeat: {every: 1m, answer_bytes: 0}}\n",
     "x:5:52: answer_bytes: beats without answers would all be missed; expected timeout: none beside it"},
    {MINIMAL "  - {name: t, connection: per-request}\n",
     "x:5:27: connection: per-request needs the key \"poll\", because the server opens the workload of \"a\" "
     "and can reach "
     "a client only when it asks"},
    {MINIMAL "  - {name: t, connection: pool}\n",
     "x:5:27: connection: a pool needs the key \"pool\": how many"},
    {MINIMAL "  - {name: t, pool: 4}\n", "x:5:21: pool: only connection: pool has any use for it"},
    {MINIMAL "  - {name: t, clients: [b]}\n", "x:5:25: clients: there is no client group \"b\"; known: a"},
    {"clients:\n  - {name: a, count: 1, workload: push, transport: udp}\nstrategies:\n  - {name: s, "
     "keepalive: linux}\n",
     "x:4:26: keepalive: the clients \"a\" use udp, which has no connection for the stack to probe; use a "
     "heartbeat"},
    {"clients:\n  - {name: a, count: 1, workload: push}\n  - {name: b, count: 1, workload: web, measure: "
     "no}\n"
     "strategies:\n  - {name: s, clients: [a, b]}\n",
     "x:5:28: clients: \"b\" is not measured, so no strategy applies to it"},

    /* vary */
    {MINIMAL "vary: {nat.capcity: [1, 2]}\n",
     "x:5:8: unknown key \"capcity\" in nat; did you mean \"capacity\"?"},
    {MINIMAL "vary: {nat.capacity: [1, 0, x]}\n",
     "x:5:26: capacity: \"0\" is too small; expected 1 to 64Mi\n"
     "x:5:29: capacity: \"x\" is not a count (such as 200, 10k or 64Ki)"},
    {MINIMAL "vary: {clients.b.count: [1]}\n",
     "x:5:8: clients.b.count: there is no \"b\" in that list; known: a"},
    {MINIMAL "vary: {replicas: [1]}\n", "x:5:8: replicas cannot be varied"},
    {MINIMAL "vary: {nat..capacity: [1]}\n",
     "x:5:8: \"nat..capacity\" is no path; expected keys with dots between them, such as nat.capacity"},
    {MINIMAL "vary: {seed: []}\n", "x:5:14: seed: there are 0 values; expected 1 to 4096"},

    /* YAML itself */
    {"", "x:1:1: nothing here: a map of keys and values is expected"},
    {"# only a comment\n", "x:1:1: nothing here: a map of keys and values is expected"},
    {MINIMAL "nat: {capacity: 5\n", "x:6:1: missing comma in flow mapping"},
    {MINIMAL "about: it: is\n", "x:5:10: invalid nested block mapping on the same line"},
    {MINIMAL "\tnat: 1\n", "x:5:1: tab character may not be used as indentation"},
    {"a: \"x\n", "x:1:5: double-quoted scalar without closing quote"},
    {MINIMAL "---\nname: y\n", "x:5:1: a second document: a file holds one"},
    {MINIMAL "name: &x y\nabout: *x\n",
     "x:5:10: anchors (&name) are not allowed: aliases are not either\n"
     "x:6:8: aliases (*name) are not allowed: write the value out, or put it into a profile"},
    {MINIMAL "name: !!str y\n", "x:5:13: tags (!name) are not allowed: every key knows its type"},
    {MINIMAL "name: \"a\\0b\"\n", "x:5:8: a NUL character in a text"},
    {MINIMAL "? [a, b]\n: c\n", "x:5:3: a key must be a text, found a list"},
    {"name: \xff\n", "x:1:7: byte 0xff is no text: a YAML file in UTF-8 is expected here"},
    {"name: \xc0\x80\n", "x:1:7: byte 0xc0 is no text: a YAML file in UTF-8 is expected here"},
    {"name: a\x01\n", "x:1:8: byte 0x01 is no text: a YAML file in UTF-8 is expected here"},

    /* several at once, in file order whatever the order of the checks */
    {"strategies:\n"
     "  - {name: s, keepalive: {idel: 1m}}\n"
     "clients:\n"
     "  - {name: a, count: none, workload: push}\n"
     "nat: {capacity: 0, evict: lifo}\n"
     "core: {loss: 2}\n"
     "vary: {access.delay: [1s, 1x]}\n",
     "x:2:27: unknown key \"idel\" in keepalive; did you mean \"idle\"?\n"
     "x:4:22: count: \"none\" is not a count (such as 200, 10k or 64Ki)\n"
     "x:5:17: capacity: \"0\" is too small; expected 1 to 64Mi\n"
     "x:5:27: evict: there is no \"lifo\"; did you mean \"fifo\"?\n"
     "x:6:14: loss: \"2\" is too large; expected 0% to 100%\n"
     "x:7:27: delay: \"1x\" is not a duration (such as 30s, 250ms or 2h4m)"},
};

/* The folder's name is another each time. */
static void hide_dir(char *text)
{
    for (char *at; (at = strstr(text, bench_dir));) {
        memcpy(at, "DIR", 3);
        memmove(at + 3, at + strlen(bench_dir), strlen(at + strlen(bench_dir)) + 1);
    }
}

static void test_each(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        bench_put("x", rows[i].yaml);
        char *text = bench_findings("x", NULL, 0);
        hide_dir(text);
        if (strcmp(text, rows[i].expected) != 0) {
            print_error("---- of\n%s---- expected\n%s\n---- got\n%s\n", rows[i].yaml, rows[i].expected, text);
            ++bad;
        }
        free(text);
    }
    assert_int_equal(bad, 0);
}

static void test_printed_form(void **state)
{
    (void)state;
    bench_put("x", MINIMAL "seed: x\n");
    np_findings findings;
    np_error e;
    assert_null(np_scenario_load(bench_path("x"), NULL, 0, &findings, &e));
    char expected[800], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    np_findings_print(&findings, out);
    fclose(out);
    snprintf(expected, sizeof expected,
             "%s:5:7: error: seed: \"x\" is not a count (such as 200, 10k or 64Ki)\n", bench_path("x"));
    assert_string_equal(text, expected);
    assert_int_equal(e.kind, NP_TROUBLE_USAGE);
    free(text);
    np_findings_clear(&findings);
    assert_int_equal(findings.n, 0);
}

static void test_no_file(void **state)
{
    (void)state;
    char *text = bench_findings("nothing", NULL, 0);
    assert_string_equal(text, "nothing:1:1: cannot read the scenario: No such file or directory");
    free(text);
    text = bench_findings("", NULL, 0);
    assert_non_null(strstr(text, "it is a directory"));
    free(text);
}

static void test_overrides(void **state)
{
    static const struct {
        const char *path, *value, *expected;
    } sets[] = {
        {"nat.capacty", "1k", "--set:1:1: unknown key \"capacty\" in nat; did you mean \"capacity\"?"},
        {"nat.capacity", "0", "--set:1:14: capacity: \"0\" is too small; expected 1 to 64Mi"},
        {"clients.b.count", "3", "--set:1:1: clients.b.count: there is no \"b\" in that list; known: a"},
        {"clients.a", "3", "--set:1:1: clients.a: a key must follow the name"},
        {"seed", "[1", "--set:1:8: flow sequence without a closing bracket"},
        {"seed", "", "--set:1:6: nothing here: a map of keys and values is expected"},
        {"", "1", "--set:1:1: \"\" is no path; expected keys with dots between them, such as nat.capacity"},
        {"seed.x", "1", "--set:1:1: seed: expected a count (such as 200, 10k or 64Ki), found a map"},
    };
    (void)state;
    bench_put("x", MINIMAL);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; ++i) {
        np_override set = {sets[i].path, sets[i].value};
        char *text = bench_findings("x", &set, 1);
        assert_string_equal(text, sets[i].expected);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_printed_form),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
