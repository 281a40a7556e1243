#!/bin/sh
# natpulse sweep: the same numbers as run, whatever the threads; resumed after SIGINT; status, show, dump; refusals; the
# queries of scenarios/SWEEPS.md.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-sweep.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
scenario=$dir/grid.yaml
sed 's/^replicas:.*/replicas: 4/; s/^duration:.*/duration: 15m/; s/^warmup:.*/warmup: 1m/' \
    "$root/scenarios/quickstart.yaml" >"$scenario"
printf 'vary:\n  nat.capacity: [100, 400]\n  access.delay: [10ms, 30ms]\n' >>"$scenario"
export NATPULSE_PROFILES="$root/scenarios/profiles"
runs=96 # 4 points, 6 strategies, 4 replicas

# Not a word but the last line, on standard error; --quiet leaves that out too.
"$N" sweep "$scenario" -o "$dir/one.db" --jobs 1 >"$dir/out" 2>"$dir/err" || fail "status $?: $(cat "$dir/err")"
[ ! -s "$dir/out" ] || fail "something on standard output: $(head -n 3 "$dir/out")"
grep -q "all $runs runs are there; " "$dir/err" || fail "the last line: $(cat "$dir/err")"
ls "$dir"/one.db-* >/dev/null 2>&1 && fail 'a finished sweep leaves more than one file'
"$N" sweep "$scenario" -o "$dir/eight.db" --jobs 8 --quiet 2>"$dir/err" || fail '--jobs 8'
[ ! -s "$dir/err" ] || fail "--quiet: $(cat "$dir/err")"
"$N" sweep --dump "$dir/one.db" >"$dir/one" || fail '--dump'
"$N" sweep --dump "$dir/eight.db" >"$dir/eight"
cmp "$dir/one" "$dir/eight" || fail '--jobs 1 and --jobs 8 have other rows'
[ "$(grep -c '^run	' "$dir/one")" = $runs ] || fail "$(grep -c '^run	' "$dir/one") runs in the dump"

# The report of a database is the report of run.
for f in table json jsonl csv md; do
    "$N" run "$scenario" --format $f >"$dir/run.$f" 2>"$dir/err" || fail "run: $(cat "$dir/err")"
    "$N" sweep --show "$dir/one.db" --format $f >"$dir/show.$f" 2>"$dir/err" || fail "--show: $(cat "$dir/err")"
    cmp "$dir/run.$f" "$dir/show.$f" || fail "--show --format $f is not what run prints"
done
"$N" sweep --show "$dir/one.db" -o "$dir/file.json" && cmp "$dir/run.json" "$dir/file.json" || fail '--show -o FILE.json'

# JSON lines while it runs: the lines of run, in the order in which runs end.
"$N" sweep "$scenario" -o "$dir/lines.db" --format jsonl --quiet >"$dir/lines" || fail '--format jsonl'
grep '"point"' "$dir/lines" | sort >"$dir/a"
grep '"point"' "$dir/run.jsonl" | sort >"$dir/b"
cmp "$dir/a" "$dir/b" || fail 'other JSON lines than run'
[ "$(wc -l <"$dir/a")" = $runs ] || fail 'not a line for each run'

# Interrupted, asked and resumed.
long="$scenario --set duration=45m --set replicas=6 --set warmup=5m"
"$N" sweep $long -o "$dir/whole.db" --quiet --jobs 2 || fail 'a longer sweep'
"$N" sweep --dump "$dir/whole.db" >"$dir/whole"
for wait in 0.1 0.5; do
    "$N" sweep $long -o "$dir/part.db" --jobs 1 >"$dir/out" 2>"$dir/err" &
    pid=$!
    sleep $wait
    kill -INT $pid
    wait $pid
    status=$?
    # Before it could catch the signal it just ends.
    if [ $status != 130 ] && [ $status != 0 ]; then
        [ $status = 4 ] || fail "SIGINT: status $status"
        grep -q "^natpulse: stopped with [0-9]* of 144 runs in .*; the same command does the others$" "$dir/err" ||
            fail "SIGINT: $(cat "$dir/err")"
        "$N" sweep --status "$dir/part.db" >"$dir/status" || fail '--status of a stopped sweep'
        grep -qE '^[0-9]+ of 144 runs done' "$dir/status" || fail "--status: $(cat "$dir/status")"
    fi
done
"$N" sweep $long -o "$dir/part.db" --quiet || fail 'the rest'
"$N" sweep --dump "$dir/part.db" | cmp - "$dir/whole" || fail 'other rows after SIGINT'
"$N" sweep $long -o "$dir/part.db" 2>"$dir/err" && grep -q 'are there already' "$dir/err" || fail 'a finished sweep again'
"$N" sweep --status "$dir/part.db" | grep -q '144 of 144 runs done (100 %), 4 of 4 points complete' || fail 'status at the end'
"$N" sweep --status "$dir/part.db" --format json | grep -q '"done": 144, "all": 144, "points_complete": 4}' || fail 'status as JSON'

# Two at once into one file.
"$N" sweep $long -o "$dir/two.db" --quiet --jobs 1 2>"$dir/err1" &
first=$!
"$N" sweep $long -o "$dir/two.db" --quiet --jobs 1 2>"$dir/err2" || fail "two at once: $(cat "$dir/err2")"
wait $first || fail "two at once: $(cat "$dir/err1")"
"$N" sweep --dump "$dir/two.db" | cmp - "$dir/whole" || fail 'two at once: other rows'

# refused STATUS WORDS ARGUMENT...
refused() {
    status=$1 words=$2
    shift 2
    "$N" sweep "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$status" ] || fail "sweep $*: status $got, not $status: $(cat "$dir/err")"
    grep -qF -- "$words" "$dir/err" || fail "sweep $*: no '$words' in: $(cat "$dir/err")"
    [ ! -s "$dir/out" ] || fail "sweep $*: wrote to standard output"
}
refused 2 'was made with seed 1, not 5; give another file, or --seed 1' "$scenario" -o "$dir/one.db" --seed 5
refused 2 'replicas was 4 and is 3; give another file' "$scenario" -o "$dir/one.db" --replicas 3
refused 2 'strategies.tuned keepalive.keepalive.idle was 1m and is 2m' "$scenario" -o "$dir/one.db" \
    --set 'strategies.tuned keepalive.keepalive.idle=2m'
refused 2 'expected -o RESULTS' "$scenario"
refused 2 'takes a database' "$scenario" -o "$dir/x.json"
refused 2 'only jsonl' "$scenario" -o "$dir/x.db" --format csv
refused 2 'expected one of' --show --status "$dir/one.db"
refused 2 'cannot read the scenario' "$dir/none.yaml" -o "$dir/x.db"
refused 3 'is no SQLite database' "$scenario" -o "$scenario"
refused 3 'is no SQLite database' --show "$scenario"
refused 3 'unable to open' --status "$dir/none.db"
refused 4 'unable to open' "$scenario" -o "$dir/none/x.db"
[ ! -e "$dir/x.db" ] || fail 'a refused sweep made its file'
head -c 20000 "$dir/one.db" >"$dir/cut.db"
refused 3 'damaged' --show "$dir/cut.db"
refused 3 'damaged' "$scenario" -o "$dir/cut.db"

# What nobody reads any more ends quietly.
"$N" sweep $long -o "$dir/pipe.db" --quiet --format jsonl 2>"$dir/err" | head -n 2 >/dev/null
[ ! -s "$dir/err" ] || fail "a closed pipe: $(cat "$dir/err")"

# The queries of the manual.
if command -v sqlite3 >/dev/null; then
    awk '/^```sql$/ {n++; on = 1; next} /^```$/ {on = 0} on {print >(dir "/query" n)}' dir="$dir" "$root/scenarios/SWEEPS.md"
    for q in 1 2 3; do
        sqlite3 -bail "$dir/one.db" <"$dir/query$q" >"$dir/answer$q" 2>"$dir/err" || fail "query $q: $(cat "$dir/err")"
        [ -s "$dir/answer$q" ] || fail "query $q has no answer"
    done
    [ ! -e "$dir/query4" ] || fail 'more than three queries: test them'
    [ "$(wc -l <"$dir/answer1")" = 24 ] || fail 'query 1 has not a row for each point and strategy'
    # Their numbers are those of the report.
    if command -v python3 >/dev/null; then
        python3 - "$dir" <<'PY' || fail 'the queries and the report do not agree'
import csv, json, math, sys
d = sys.argv[1]
points = json.load(open(d + '/run.json'))['points']
near = lambda a, b: abs(a - b) <= 1e-9 * max(1, abs(b))
rows = list(csv.reader(open(d + '/answer1'), delimiter='|'))
for p in points:
    vary = ', '.join(f'{k}={v}' for k, v in p['vary'].items())
    for s in p['strategies']:
        m = s['metrics']['reachable_fraction']
        got = [r[3] for r in rows if r[0] == vary and r[1] == s['name']]
        assert len(got) == 1 and (got[0] == '' if m is None else near(float(got[0]), m['mean'])), (vary, s['name'], got, m)
rows = list(csv.reader(open(d + '/answer2'), delimiter='|'))
want = [(s['name'], s['versus_first']['upkeep_bytes_per_conn_hour']) for p in points for s in p['strategies'][1:]]
assert len(rows) == len(want)
for (name, w), r in zip(want, rows):
    assert r[0] == name
    if w is None: assert r[1] == ''; continue
    assert near(float(r[1]), w['mean_difference']), (r, w)
    half = (w['ci95'][1] - w['ci95'][0]) / 2
    assert abs(3.182446305 * float(r[2] or 0) / 2 - half) < 1e-6 * max(1, half), (r, w)  # t at 3 degrees of freedom
PY
    fi
fi
exit $bad
