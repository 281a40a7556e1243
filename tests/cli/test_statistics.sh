#!/bin/sh
# What comparisons rest on, with the real simulator: 95 % intervals hold a value that is known beforehand as often as
# they say; replicas are independent; strategies that are equal do not differ by a single bit, and different ones meet
# the same clients, messages and restarts; what happens in the warm-up does not count; warnings come where they should.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v python3 >/dev/null || { echo 'python3 is not installed'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-statistics.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export NATPULSE_PROFILES="$root/scenarios/profiles"
seed=${NP_SEED:-1}
echo "NP_SEED=$seed"
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}

# Datagrams from the clients, one way, each second; one in ten is lost on the way. 4 clients and 100 s: 40 of 400.
cat >"$dir/loss.yaml" <<'YAML'
name: loss
duration: 110s
warmup: 10s
replicas: 5
nat: {name: box, capacity: 100, timeouts: {udp: 1m, udp_stream: 1m}}
access: {delay: 10ms, loss: 10%}
core: {delay: 10ms}
clients:
  - {name: sensors, count: 4, transport: udp, arrival: 0s, workload: {opens: client, loop: open, gap: 1s, request: 100B}}
strategies:
  - {name: one}
  - {name: other}
YAML
i=0
while [ $i -lt 300 ]; do
    i=$((i + 1))
    "$N" run "$dir/loss.yaml" --seed $((seed * 1000 + i)) --jobs 1 --quiet --format json >"$dir/loss-$i.json" || fail "run: status $?"
done
python3 - "$dir" <<'PY' || fail 'the intervals'
import json, math, sys
held, means, halves, firsts = 0, [], [], []
for i in range(1, 301):
    s = json.load(open(f'{sys.argv[1]}/loss-{i}.json'))['points'][0]['strategies']
    sent, lost = (s[0]['metrics'][k] for k in ('messages_sent', 'messages_lost'))
    assert abs(sent['mean'] - 400) <= 4, sent
    low, high = lost['ci95']
    truth = 0.1 * sent['mean']
    held += low <= truth <= high
    means.append(lost['mean'])
    halves.append((high - low) / 2)
    # Equal strategies: nothing differs, not in the last bit.
    assert s[1]['metrics'] == s[0]['metrics'], i
    for key, d in s[1]['versus_first'].items():
        assert d is None or (d['mean_difference'] == 0 and d['ci95'] == [0, 0]), (i, key, d)
# 95 % of 300 are 285; 272 or fewer, or 298 or more, come once in a thousand times each.
assert 272 < held < 299, f'{held} of 300 intervals hold what is true'
# The mean of five has a fifth of the variance of one, 36: were replicas alike, it would be more.
mean = math.fsum(means) / 300
variance = math.fsum((m - mean) ** 2 for m in means) / 299
assert abs(mean - 40) < 4 * math.sqrt(36 / 5 / 300), mean
# A variance estimated from 300 is off by 8 % (one standard deviation).
assert 0.67 < variance / (36 / 5) < 1.33, variance
print(f'{held} of 300 intervals hold the true value; mean {mean:.2f} of 40, variance of means {variance:.2f} of 7.2')
PY

# Strategies that do different things meet the same world: what clients come and go, what is said to whom, when the box
# restarts. Replicas and seeds meet others.
cat >"$dir/common.yaml" <<'YAML'
name: common
duration: 40m
warmup: 5m
replicas: 4
nat: {profile: lru-box, capacity: 60, restart: {every: exponential(20m)}}
access: {delay: 20ms, jitter: exponential(2ms), loss: {gilbert: {mean_loss: 1%, mean_burst: 300ms}}}
clients:
  - {name: phones, count: 12, workload: push, churn: {session: exponential(30m), away: exponential(5m)}}
  - {name: household, count: 3, workload: web, measure: false}
strategies:
  - {name: nothing}
  - {name: keepalive, keepalive: {idle: 60s, interval: 10s, probes: 6}}
  - {name: heartbeat, heartbeat: {every: 45s, timeout: 10s, misses: 2}}
YAML
"$N" run "$dir/common.yaml" --seed "$seed" --quiet --format csv >"$dir/a.csv" && "$N" run "$dir/common.yaml" --seed $((seed + 1)) --quiet --format csv >"$dir/b.csv" || fail 'common'
python3 - "$dir/a.csv" "$dir/b.csv" <<'PY' || fail 'common random numbers'
import csv, sys
def read(path):
    out = {}
    for r in csv.DictReader(line for line in open(path) if not line.startswith('#')):
        out[r['strategy'], int(r['replica']), r['key']] = r['value']
    return out
a, b = read(sys.argv[1]), read(sys.argv[2])
for r in range(4):
    for key in 'messages_sent', 'clients_mean', 'deserted_fraction':
        seen = {a[s, r, key] for s in ('nothing', 'keepalive', 'heartbeat')}
        assert len(seen) == 1, (r, key, seen)
    # ... and yet do different things in it.
    assert len({a[s, r, 'upkeep_bytes_per_conn_hour'] for s in ('nothing', 'keepalive', 'heartbeat')}) == 3
values = {x['nothing', r, 'clients_mean'] for x in (a, b) for r in range(4)}
assert len(values) == 8, values
PY

# Pairs are worth something: the difference of two strategies varies by a tenth of what it would in worlds of their own
# (0.07 to 0.15 in thirty replicas of eight seeds).
"$N" run "$dir/common.yaml" --seed "$seed" --replicas 30 --quiet --format csv >"$dir/many.csv" || fail 'thirty replicas'
python3 - "$dir/many.csv" <<'PY' || fail 'pairs'
import csv, math, sys
v = {}
for r in csv.DictReader(line for line in open(sys.argv[1]) if not line.startswith('#')):
    v[r['strategy'], int(r['replica']), r['key']] = float(r['value'] or 'nan')
key = 'wire_bytes_per_conn_hour'
def variance(x): return math.fsum((y - math.fsum(x) / len(x)) ** 2 for y in x) / (len(x) - 1)
one, other = ([v[s, r, key] for r in range(30)] for s in ('keepalive', 'heartbeat'))
paired, apart = variance([x - y for x, y in zip(one, other)]), variance(one) + variance(other)
assert paired < 0.3 * apart, (paired, apart)
PY

# The warm-up: a restart of the box counts when it comes after, and neither packets nor messages of before do.
restart() { # AT WARMUP KEY
    "$N" run "$dir/common.yaml" --set nat.restart=off --set "nat.restart.at=[$1]" --set clients.phones.churn=off --set nat.capacity=1k --set warmup=$2 --replicas 1 --seed "$seed" --quiet --format csv |
        sed -n "s/^0,keepalive,0,$3,//p"
}
[ "$(restart 8m 10m breaks_nat_restart_per_conn_hour)" = 0 ] || fail "a restart within the warm-up counts"
[ "$(restart 12m 10m breaks_nat_restart_per_conn_hour)" != 0 ] || fail "a restart after the warm-up does not count"
few=$(restart 39m 35m messages_sent) all=$(restart 39m 0s messages_sent)
[ "${few:-0}" -gt 0 ] && [ "$all" -gt $((3 * few)) ] || fail "messages: $few after 35 of 40 minutes, $all in all"

# Warnings: each where it belongs, and none of them where there is no reason.
warned() { # NAME YES|NO ARGUMENT...
    name=$1 wanted=$2
    shift 2
    "$N" run "$dir/common.yaml" --seed "$seed" --quiet "$@" >"$dir/out" 2>"$dir/err" || fail "$name $*: $(cat "$dir/err")"
    if grep -q "^warning: $name: " "$dir/out"; then got=yes; else got=no; fi
    [ $got = "$wanted" ] || fail "$name with $*: $got, not $wanted: $(grep warning "$dir/out")"
}
warned few-replicas yes
warned few-replicas no --replicas 5
warned table-never-full no
warned table-never-full yes --set nat.capacity=5k
warned warmup-too-long no
warned warmup-too-long yes --set warmup=25m
warned censored yes
warned deserted no
warned deserted yes --set clients.phones.count=1 --set 'clients.phones.churn.away=exponential(2h)'
warned wide-interval yes --replicas 2
[ $bad = 0 ] || exit 1
# An interval wider than the difference it is about: equal means, noise of their own.
python3 - "$dir/out" <<'PY' || fail "wide-interval names no numbers: $(grep wide "$dir/out")"
import re, sys
w = re.search(r'wide-interval: (\S+) of .*? is (\S+), anywhere from (\S+) to (\S+);', open(sys.argv[1]).read())
mean, low, high = (float(x) for x in w.group(2, 3, 4))
assert low <= mean <= high and high - low > abs(mean), w.group()
PY
exit $bad
