#!/bin/sh
# expect and precision: the status says whether what is expected holds, the result says where it does not and how many
# replicas the precision took.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-expect.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export NATPULSE_PROFILES="$root/scenarios/profiles"
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# The base: nothing is reachable after its mapping expired, a heartbeat keeps it.
base() {
    printf '%s\n' 'name: check' 'duration: 2h' 'warmup: 10m' 'replicas: 5' \
        'nat: {profile: lru-box, timeouts: {tcp_established: 5m}}' \
        'clients: [{name: phones, count: 10, workload: {profile: push, gap: 100h}, arrival: uniform(11m 20m)}]' 'strategies:' \
        '  - {name: nothing}' '  - {name: heartbeat, heartbeat: {every: 60s, timeout: 10s}}'
}
# run STATUS EXPECTATION...: what run ends with
run() {
    status=$1
    shift
    { base; echo 'expect:'; for x in "$@"; do printf "  - '%s'\n" "$x"; done; } >"$dir/s.yaml"
    "$N" run "$dir/s.yaml" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$status" ] || fail "expect $*: status $got, not $status: $(cat "$dir/err")"
}
run 0 'reachable_fraction of "heartbeat" > 99%'
grep -q '^expect: reachable_fraction of "heartbeat" > 99%: holds: ' "$dir/out" || fail "the result does not say that it holds"
[ ! -s "$dir/err" ] || fail "something on standard error: $(cat "$dir/err")"
run 1 'reachable_fraction of nothing > 99%' 'reachable_fraction of nothing < 50%'
grep -q '^expect: reachable_fraction of nothing > 99%: does not hold: ' "$dir/out" || fail "the result does not say that it does not hold"
grep -q '^expect: reachable_fraction of nothing < 50%: holds: ' "$dir/out" || fail "the one that holds is missing"
[ "$(wc -l <"$dir/err")" = 1 ] || fail "not one line about the one that does not hold: $(cat "$dir/err")"
run 1 'reachable_fraction > 99%' # of every strategy
grep -q "does not hold: .* at worst, for 'nothing'" "$dir/out" || fail "it does not name the worst: $(grep expect "$dir/out")"
run 0 'nat_refused <= 0' 'handshakes >= 10' 'upkeep_packets_per_conn_hour of heartbeat < 1k' \
    'upkeep_packets_per_conn_hour of heartbeat > 60' 'client_detect_s.p95 of heartbeat < 2m'
run 1 'client_detect_s.max of nothing < 1s' # nobody ever learns: no time is no short time
run 1 'energy_j_per_conn_hour of nothing < 5' # has no meaning without a radio
run 0 'client_detect_s.censored of nothing >= 10'

# The same in every format, and in a sweep.
run 1 'handshakes < 5'
for f in json jsonl csv md; do
    "$N" run "$dir/s.yaml" --format $f >"$dir/$f" 2>/dev/null
    [ $? = 1 ] || fail "--format $f: status is not 1"
    grep -q 'handshakes < 5' "$dir/$f" || fail "--format $f does not name the expectation"
done
"$N" sweep "$dir/s.yaml" -o "$dir/s.db" --quiet 2>"$dir/err"
[ $? = 1 ] || fail 'sweep: status is not 1'
grep -q 'expect: handshakes < 5: does not hold: ' "$dir/err" || fail "sweep says: $(cat "$dir/err")"
# Expectations are no part of what the rows depend on.
base >"$dir/t.yaml"
"$N" sweep "$dir/t.yaml" -o "$dir/s.db" 2>"$dir/err" || fail "without the expectation: $(cat "$dir/err")"
grep -q 'are there already' "$dir/err" || fail "without the expectation it runs again"

# With vary it must hold at every point.
{ base; echo 'expect: reachable_fraction of heartbeat > 99%'; echo 'vary: {strategies.heartbeat.heartbeat.every: [1m, 10m]}'; } >"$dir/v.yaml"
"$N" run "$dir/v.yaml" >"$dir/out" 2>"$dir/err"
[ $? = 1 ] || fail 'vary: status is not 1'
grep -q 'at point 1' "$dir/err" || fail "vary: $(cat "$dir/err")"

# Precision: reached, and not.
precise() { # MAX
    { base; echo "precision: {nat_inserts: 30%, payload_bytes_per_conn_hour: 8%, max_replicas: $1}"; } |
        sed 's/gap: 100h/gap: exponential(10m)/' >"$dir/p.yaml"
    "$N" run "$dir/p.yaml" --format json -o "$dir/p.json" && "$N" run "$dir/p.yaml" >"$dir/p.txt"
}
precise 500 || fail 'precision failed'
grep -qE '^precision: payload_bytes_per_conn_hour within 8 %: reached with [0-9]+ replicas' "$dir/p.txt" || fail "not reached: $(grep precision "$dir/p.txt")"
precise 6 || fail 'precision failed'
grep -q '^precision: payload_bytes_per_conn_hour within 8 %: not reached with 6 replicas, the maximum' "$dir/p.txt" || fail "reached: $(grep precision "$dir/p.txt")"
grep -q '^warning: precision-missed' "$dir/p.txt" || fail 'no warning'
if command -v python3 >/dev/null; then
    precise 500
    python3 - "$dir/p.json" <<'PY' || fail 'the document does not bear it out'
import json, sys
p = json.load(open(sys.argv[1]))['points'][0]
assert 5 < p['replicas'] < 500, p['replicas']
for goal in p['precision']:
    assert goal['reached']
    for s in p['strategies']:
        m = s['metrics'][goal['key']]
        width = (m['ci95'][1] - m['ci95'][0]) / 2 / m['mean'] if m['mean'] else 0
        assert width <= goal['within'] and width <= goal['widest'] * (1 + 1e-9), (goal, m)
PY
fi
# As many replicas asked for outright give the same numbers.
n=$(sed -n 's/.*"replicas": \([0-9]*\),$/\1/p' "$dir/p.json" | head -n 1)
base | sed "s/gap: 100h/gap: exponential(10m)/; s/^replicas: 5/replicas: $n/" >"$dir/n.yaml"
"$N" run "$dir/n.yaml" --format csv | grep -v '^#' >"$dir/n.csv"
"$N" run "$dir/p.yaml" --format csv | grep -v '^#' | cmp - "$dir/n.csv" || fail "$n replicas at once are not those of the rounds"
exit $bad
