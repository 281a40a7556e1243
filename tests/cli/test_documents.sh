#!/bin/sh
# Results for others, held against what the design says of them, by a reader that forgives nothing: the JSON document
# key by key, its intervals computed again from the rows of the CSV, JSON lines against both, and lines that come while
# runs are still under way.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v python3 >/dev/null || { echo 'python3 is not installed'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-documents.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# One point and grids; a replica alone; a precision; expectations; names that need quoting.
golden=$root/tests/golden
cp "$golden/tcp.yaml" "$dir/one.yaml"
sed 's/^replicas: .*/replicas: 1/' "$golden/tcp.yaml" >"$dir/alone.yaml"
cp "$golden/precision.yaml" "$dir/precision.yaml"
{
    sed -e 's/^replicas: .*/replicas: 3/' -e "s/name: persistent/name: 'a \"b\", c'/" "$golden/churn.yaml"
    printf 'vary: {nat.capacity: [40, 400], "strategies.pool.pool": [1, 2]}\n'
    printf 'expect:\n  - reachable_fraction of keepalive > 1%%\n  - handshakes < 1\n'
} >"$dir/grid.yaml"
for s in one alone precision grid; do
    for f in json csv jsonl; do
        "$N" run "$dir/$s.yaml" --quiet -o "$dir/$s.$f" 2>"$dir/err"
        [ $? = "$([ $s = grid ] && echo 1 || echo 0)" ] || fail "$s.$f: $(cat "$dir/err")"
    done
done
"$N" list figures >"$dir/figures" || fail 'list figures'
cat >"$dir/check.py" <<'PY'
import csv, json, math, re, sys
folder, name = sys.argv[1:]

# DESIGN, section 3: the keys that everybody may rely on.
PROMISED = '''reachable_fraction breaks_per_conn_hour false_closes_per_conn_hour messages_sent messages_delivered messages_late
    messages_lost reconnects_per_conn_hour handshakes upkeep_packets_per_conn_hour upkeep_bytes_per_conn_hour
    payload_bytes_per_conn_hour wakeups_per_conn_hour energy_j_per_conn_hour server_open_mean server_open_peak
    server_zombie_fraction server_memory_bytes nat_entries_mean nat_entries_peak nat_inserts nat_evictions_live
    nat_evictions_dead nat_expiries_live nat_refused nat_unknown_in nat_unknown_out'''.split() + [
    f'breaks_{c}_per_conn_hour' for c in 'evicted expired nat_restart roamed client_gone server_gone refused '
                                         'client_knew server_knew healed open'.split()]
SPREADS = ['client_detect_s', 'server_detect_s', 'message_delay_s']
PARTS = ['p50', 'p95', 'p99', 'max', 'censored']
listed = [line.split()[0] for line in open(f'{folder}/figures').read().splitlines()[1:]]
METRICS = [k for k in listed if k not in SPREADS]
assert set(PROMISED) <= set(METRICS) and listed == METRICS + SPREADS, listed

def no_constant(c): raise ValueError(c)
def no_twice(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)
def parse(text): return json.loads(text, parse_constant=no_constant, object_pairs_hook=no_twice)
def keys(o, wanted, optional=()):
    assert isinstance(o, dict) and set(wanted) <= set(o) <= set(wanted) | set(optional), (list(o), wanted)
def real(x): assert isinstance(x, float) and math.isfinite(x), x
def whole(x, least=0): assert type(x) is int and x >= least, x
def text(x): assert isinstance(x, str), x
def digest(x): assert re.fullmatch('[0-9a-f]{16}', x), x

# Student's t by Simpson's rule over its density, inverted by halving: not how natpulse does it.
def inside(df, t, steps=2000):
    c = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    f = lambda x: c * (1 + x * x / df) ** (-(df + 1) / 2)
    h = t / steps
    return 2 * h / 3 * (f(0) + f(t) + sum((4 if k % 2 else 2) * f(k * h) for k in range(1, steps)))
known_t = {}
def student(df):
    if df not in known_t:
        low, high = 0.0, 20.0
        for _ in range(45):
            mid = (low + high) / 2
            low, high = (mid, high) if inside(df, mid) < 0.95 else (low, mid)
        known_t[df] = low
    return known_t[df]
def estimate(values):
    v = [x for x in values if x is not None]
    if not v: return None
    mean = math.fsum(v) / len(v)
    if len(v) == 1: return mean, None
    half = student(len(v) - 1) * math.sqrt(math.fsum((x - mean) ** 2 for x in v) / (len(v) - 1) / len(v))
    return mean, half
def near(a, b, scale): return abs(a - b) <= 1e-8 * max(1e-3, abs(scale))
def same(got, values, mean_key, where):
    want = estimate(values)
    if want is None:
        assert got is None, where
        return
    keys(got, [mean_key, 'ci95'])
    real(got[mean_key])
    scale = max(abs(x) for x in values if x is not None)
    assert near(got[mean_key], want[0], scale), (where, got, want)
    if want[1] is None:
        assert got['ci95'] is None, where
        return
    low, high = got['ci95']
    real(low), real(high)
    assert near((high - low) / 2, want[1], scale) and near((high + low) / 2, want[0], scale), (where, got, want)
    assert low <= got[mean_key] <= high, (where, got)

# ---- CSV: tidy ----
raw = open(f'{folder}/{name}.csv', newline='').read()
assert '\r' not in raw and raw.endswith('\n')
lines = raw.splitlines(keepends=True)
assert re.match('# natpulse [0-9]', lines[0]) and re.search('digest [0-9a-f]{16}, seed [0-9]+, replicas [0-9]+', lines[1])
rows = list(csv.DictReader(line for line in lines if not line.startswith('#')))
varied = list(rows[0])[1:-4]
assert list(rows[0]) == ['point'] + varied + ['strategy', 'replica', 'key', 'value'], list(rows[0])
value, vary = {}, {}
for r in rows:
    at = (int(r['point']), r['strategy'], int(r['replica']), r['key'])
    assert at not in value, at
    value[at] = float(r['value']) if r['value'] else None
    vary.setdefault(at[0], {k: r[k] for k in varied})
    assert vary[at[0]] == {k: r[k] for k in varied}
    assert value[at] is None or math.isfinite(value[at])
in_csv = METRICS + [f'{s}.{p}' for s in SPREADS for p in PARTS]

# ---- JSON: the design's document ----
doc = parse(open(f'{folder}/{name}.json', encoding='utf-8').read())
keys(doc, ['natpulse', 'scenario', 'seed', 'replicas', 'points', 'digest', 'about', 'yaml', 'warnings'], ['expect'])
assert list(doc)[:5] == ['natpulse', 'scenario', 'digest', 'seed', 'replicas'] and list(doc)[-1] == 'warnings'
assert re.fullmatch(r'[0-9]+\.[0-9]+\.[0-9]+', doc['natpulse'])
text(doc['scenario']), text(doc['about']), text(doc['yaml']), digest(doc['digest']), whole(doc['seed']), whole(doc['replicas'], 1)
used = 0
for p, point in enumerate(doc['points']):
    keys(point, ['vary', 'strategies', 'digest', 'replicas', 'nat_capacity', 'duration_s', 'warmup_s'], ['precision'])
    digest(point['digest']), whole(point['replicas'], 1), whole(point['nat_capacity'], 1), real(point['duration_s']), real(point['warmup_s'])
    assert point['vary'] == vary[p] and point['replicas'] <= doc['replicas']
    replicas = range(point['replicas'])
    first = point['strategies'][0]['name']
    for strategy in point['strategies']:
        keys(strategy, ['name', 'metrics', 'versus_first', 'series', 'curves'])
        text(strategy['name'])
        n = strategy['name']
        assert list(strategy['metrics']) == METRICS + SPREADS
        assert list(strategy['versus_first']) == ([] if n == first else METRICS)
        for key in in_csv:
            assert all((p, n, r, key) in value for r in replicas), (p, n, key)
            used += len(replicas)
        for key in METRICS:
            own = [value[p, n, r, key] for r in replicas]
            same(strategy['metrics'][key], own, 'mean', (p, n, key))
            if n == first: continue
            other = [value[p, first, r, key] for r in replicas]
            paired = [None if a is None or b is None else a - b for a, b in zip(own, other)]
            got = strategy['versus_first'][key]
            if got is not None and any(abs(x) > 1e-12 * (abs(a) + abs(b)) for x, a, b in zip(paired, own, other) if x is not None):
                want = estimate(paired)
                keys(got, ['mean_difference', 'ci95'])
                scale = max(abs(x) for x in own + other if x is not None)
                assert near(got['mean_difference'], want[0], scale), (p, n, key, got, want)
                if want[1] is not None:
                    assert near((got['ci95'][1] - got['ci95'][0]) / 2, want[1], scale), (p, n, key, got, want)
            else:
                assert (got is None) == (estimate(paired) is None)
        for key in SPREADS:
            s = strategy['metrics'][key]
            each = [[value[p, n, r, f'{key}.{part}'] for part in PARTS] for r in replicas]
            if s is None:
                assert all(x is None for e in each for x in e)
                continue
            keys(s, PARTS + ['count'])
            whole(s['count']), whole(s['censored'])
            assert s['censored'] == sum(e[4] for e in each)
            if s['count'] == 0:
                assert all(s[k] is None for k in PARTS[:4])
                continue
            assert s['p50'] <= s['p95'] <= s['p99'] <= s['max'] == max(e[3] for e in each if e[3] is not None)
            lows = [e[0] for e in each if e[0] is not None]
            assert min(lows) * 0.99 <= s['p50'] <= max(lows) * 1.01, (key, s, lows)  # quantiles: to 1 %
            curve = strategy['curves'][key]
            assert all(a[0] < b[0] and a[1] <= b[1] for a, b in zip(curve, curve[1:])) and 0 <= curve[0][1] and curve[-1][1] <= 1
            assert abs(curve[-1][1] - s['count'] / (s['count'] + s['censored'])) < 1e-9
        keys(strategy['curves'], SPREADS)
        keys(strategy['series'], ['nat_entries'])
        for x in strategy['series']['nat_entries']: real(x)
    for goal in point.get('precision', []):
        keys(goal, ['key', 'within', 'reached', 'widest', 'strategy', 'text'])
assert used == len(rows), (used, len(rows))
for w in doc['warnings']:
    keys(w, ['name', 'text'])
    assert re.fullmatch('[a-z-]+', w['name']) and w['text']
    assert f'# warning {w["name"]}: ' in raw
for x in doc.get('expect', []):
    keys(x, ['expect', 'holds', 'value', 'strategy', 'point', 'text'])
    assert isinstance(x['holds'], bool)

# ---- JSON lines: about, a line for each run in order, the end ----
lines = [parse(line) for line in open(f'{folder}/{name}.jsonl', encoding='utf-8')]
assert {k: doc[k] for k in ('natpulse', 'scenario', 'digest', 'seed')} == {k: lines[0][k] for k in ('natpulse', 'scenario', 'digest', 'seed')}
runs = [line for line in lines if 'replica' in line]
assert [(r['point'], r['replica']) for r in runs] == sorted((r['point'], r['replica']) for r in runs)
assert len(runs) * len(in_csv) == len(rows)
for r in runs:
    keys(r, ['point', 'vary', 'strategy', 'replica', 'metrics'])
    assert r['vary'] == vary[r['point']] and list(r['metrics']) == METRICS + SPREADS
    for key in METRICS: assert r['metrics'][key] == value[r['point'], r['strategy'], r['replica'], key], key
    for key in SPREADS:
        for part in PARTS:
            s = r['metrics'][key]
            assert (None if s is None else s[part]) == value[r['point'], r['strategy'], r['replica'], f'{key}.{part}']
assert lines[-1]['warnings'] == doc['warnings'] and lines[-1].get('expect') == doc.get('expect')
PY
for s in one alone precision grid; do
    python3 "$dir/check.py" "$dir" $s 2>"$dir/err" || fail "$s: $(tail -n 3 "$dir/err")"
done

# Lines come while runs are under way: the second run's is there when thousands are still to come.
mkfifo "$dir/lines"
"$N" run "$dir/one.yaml" --replicas 2000 --jobs 1 --quiet --format jsonl >"$dir/lines" 2>"$dir/err" &
pid=$!
python3 - "$dir/lines" $pid <<'PY' || fail 'no lines while it runs'
import json, os, sys
with open(sys.argv[1]) as f:
    seen = [json.loads(f.readline()) for _ in range(3)]
    os.kill(int(sys.argv[2]), 0)
assert 'natpulse' in seen[0] and seen[2]['replica'] == 0
PY
wait $pid || fail "its reader has left: status $?: $(cat "$dir/err")"
exit $bad
