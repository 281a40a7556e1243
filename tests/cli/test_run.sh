#!/bin/sh
# natpulse run: formats, the same bytes for any number of jobs, what is left behind when something goes wrong.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-run.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
run() { "$N" run "$root/scenarios/quickstart.yaml" --set duration=15m --set warmup=1m --replicas 3 "$@"; }

# The same bytes whatever --jobs says, and whether through a file, a pipe or an option.
for f in table json jsonl csv md; do
    run --jobs 1 --format $f >"$dir/one.$f" 2>"$dir/err" || fail "$f: status $?: $(cat "$dir/err")"
    run --jobs 2 --format $f >"$dir/two.$f" 2>"$dir/err" || fail "$f: status $?: $(cat "$dir/err")"
    cmp -s "$dir/one.$f" "$dir/two.$f" || fail "$f: --jobs 1 and --jobs 2 differ"
    [ ! -s "$dir/err" ] || fail "$f: wrote to standard error: $(cat "$dir/err")"
done
for f in json jsonl csv md; do
    run -o "$dir/file.$f" || fail "-o file.$f: status $?"
    cmp -s "$dir/one.$f" "$dir/file.$f" || fail "-o file.$f is not what --format $f prints"
done
run --format csv -o "$dir/odd.xyz" && cmp -s "$dir/one.csv" "$dir/odd.xyz" || fail '--format does not win over the extension'
run --seed 77 --format csv >"$dir/other.csv"
cmp -s "$dir/one.csv" "$dir/other.csv" && fail 'another seed gives the same numbers'

# Each result begins with version, digest and seed and ends with its warnings.
for f in table json jsonl csv md; do
    head -c 400 "$dir/one.$f" | grep -q 'natpulse' || fail "$f: no version at the beginning"
    head -c 400 "$dir/one.$f" | grep -q 'digest' || fail "$f: no digest at the beginning"
    tail -n 9 "$dir/one.$f" | grep -q 'few-replicas' || fail "$f: no warnings at the end"
    grep -q "$(printf '\033')" "$dir/one.$f" && fail "$f: colour in a file"
done

# Independent readers.
if command -v python3 >/dev/null; then
    python3 - "$dir/one.json" "$dir/one.csv" "$dir/one.jsonl" <<'PY' || fail 'python does not agree'
import csv, json, sys
def no_constant(name):
    raise ValueError(name)
doc = json.load(open(sys.argv[1]), parse_constant=no_constant)
rows = list(csv.DictReader(line for line in open(sys.argv[2], newline="") if not line.startswith("#")))
lines = [json.loads(line, parse_constant=no_constant) for line in open(sys.argv[3])]
names = [s["name"] for s in doc["points"][0]["strategies"]]
keys = set(doc["points"][0]["strategies"][0]["metrics"])
assert doc["replicas"] == 3 and len(names) == len(set(names)) and "reachable_fraction" in keys
for s in doc["points"][0]["strategies"]:
    for key, figure in s["metrics"].items():
        if key.endswith("_s"):
            continue
        values = [r["value"] for r in rows if r["strategy"] == s["name"] and r["key"] == key]
        assert len(values) == 3, (s["name"], key, values)
        meant = [float(v) for v in values if v]
        if figure is None:
            assert not meant
        else:
            mean = sum(meant) / len(meant)
            assert abs(mean - figure["mean"]) <= 1e-9 * max(1, abs(mean)), (key, mean, figure)
            assert figure["ci95"] is None or figure["ci95"][0] <= figure["mean"] <= figure["ci95"][1]
        runs = [l["metrics"][key] for l in lines if l.get("strategy") == s["name"]]
        assert [float(v) if v else None for v in values] == runs, (key, values, runs)
assert doc["points"][0]["strategies"][0]["versus_first"] == {}
PY
fi

# A grid: every point, with its values.
run --set nat.capacity=64 --format csv | sed '/^#/d' | head -n 1 | grep -qx 'point,strategy,replica,key,value' ||
    fail 'the header of a CSV without vary'
sed 's/^replicas:.*/replicas: 2/' "$root/scenarios/quickstart.yaml" >"$dir/grid.yaml"
printf 'vary:\n  nat.capacity: [128, 1k]\n  seed: [1, 2]\n' >>"$dir/grid.yaml"
NATPULSE_PROFILES="$root/scenarios/profiles" "$N" run "$dir/grid.yaml" --set duration=5m --set warmup=1m -o "$dir/grid.csv" ||
    fail "a grid: status $?"
sed -n 's/^\([0-9]*,[^,]*,[^,]*\),.*/\1/p' "$dir/grid.csv" | sort -u | tr '\n' ' ' >"$dir/points"
[ "$(cat "$dir/points")" = '0,128,1 1,128,2 2,1k,1 3,1k,2 ' ] || fail "points of the grid: $(cat "$dir/points")"

# Trouble: a full disk, a directory that is not there, a bad scenario, a reader that leaves.
if [ -w /dev/full ]; then
    for f in table json jsonl csv md; do
        run --format $f >/dev/full 2>"$dir/err"
        [ $? -eq 4 ] && [ -s "$dir/err" ] || fail "$f on a full disk: no status 4 or no word"
    done
fi
run -o "$dir/absent/x.json" 2>"$dir/err"
[ $? -eq 4 ] && grep -q 'absent' "$dir/err" || fail "a directory that is not there: $(cat "$dir/err")"
run --set nat.capacity=0 -o "$dir/bad.json" 2>"$dir/err"
[ $? -eq 2 ] && grep -q 'capacity' "$dir/err" && [ ! -e "$dir/bad.json" ] || fail 'a capacity of 0 was not refused'
{ run --format csv 2>"$dir/err"; echo $? >"$dir/status"; } | head -n 1 >/dev/null
[ "$(cat "$dir/status")" -eq 0 ] && [ ! -s "$dir/err" ] || fail "a closed pipe: $(cat "$dir/status" "$dir/err")"

# Interrupted: status 4, a word, and no file, whole or in part.
"$N" run "$root/scenarios/quickstart.yaml" --set duration=2000h -o "$dir/long.json" 2>"$dir/err" &
pid=$!
sleep 0.5
kill -INT $pid
wait $pid
[ $? -eq 4 ] && grep -q 'stopped after' "$dir/err" || fail "interrupted: $(cat "$dir/err")"
ls -A "$dir" | grep -q 'long.json' && fail 'an interrupted run left a file'
exit $bad
