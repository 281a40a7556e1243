#!/bin/sh
# The figures of `natpulse plot` in a real browser (headless Chromium): in none is a text cut off or over another, whatever
# the names, the numbers and the count of strategies; each says what its bars and bands are.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v gnuplot >/dev/null || { echo 'gnuplot is not installed'; exit 77; }
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo 'Chromium is not installed, and gnuplot does not say where its texts end'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-figures.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$root" || exit 1
export NATPULSE_PROFILES="$root/scenarios/profiles"
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# Many strategies, every cause, a radio, names and values of any length; reachability between 0 and all.
cat >"$dir/many.yaml" <<'YAML'
name: a study whose name is rather long for what it is about
duration: 1h
warmup: 10m
seed: 3
replicas: 3
nat: {profile: lru-box, capacity: 100}
access: {delay: 20ms, loss: {gilbert: {mean_loss: 1%, mean_burst: 400ms}}}
clients:
  - {name: phones, count: 12, workload: push, radio: lte, churn: {vanish: {every: exponential(5h), back: exponential(10m)}, roam: {every: exponential(4h)}}}
  - {name: household, count: 3, workload: web, measure: false}
servers: {count: 2, restart: {every: exponential(3h), down: 10s}, crash: {every: exponential(5h), down: 2m}}
strategies:
  - {name: nothing at all}
  - {name: "Linux's default keepalive, as it is", keepalive: linux}
  - {name: keepalive 60 s, keepalive: {idle: 60s, interval: 10s, probes: 6}}
  - {name: MMMM WWWW, keepalive: {idle: 5m, interval: 10s, probes: 6}}
  - {name: hb 15 s, heartbeat: {every: 15s, timeout: 10s, misses: 2}}
  - {name: hb 30 s, heartbeat: {every: 30s, timeout: 10s, misses: 2}}
  - {name: hb 1 min, heartbeat: {every: 1m, timeout: 10s, misses: 2, server_closes_after: 150s}}
  - {name: hb 2 min, heartbeat: {every: 2m, timeout: 10s, misses: 2, server_closes_after: 5m}}
  - {name: hb 4 min, heartbeat: {every: 4m, timeout: 10s, misses: 2}}
  - {name: Mars, heartbeat: mars}
  - {name: binary search, heartbeat: search}
  - {name: polling, connection: per-request, poll: 5m}
vary:
  nat.restart.every: [exponential(30h), exponential(2h)]
YAML
# One strategy whose figures hardly vary: axes with long numbers.
cat >"$dir/fine.yaml" <<'YAML'
name: fine
duration: 30m
warmup: 5m
replicas: 3
nat: {profile: lru-box, capacity: 40, restart: {at: [15m]}}
access: {delay: 20ms, jitter: exponential(1ms)}
clients: [{name: phones, count: 30, workload: push}]
strategies:
  - {name: heartbeat, heartbeat: {every: 20s, timeout: 10s, misses: 2}}
  - {name: other heartbeat, heartbeat: {every: 21s, timeout: 10s, misses: 2}}
YAML
"$N" run "$dir/many.yaml" -q -o "$dir/many.json" && "$N" run "$dir/fine.yaml" -q -o "$dir/fine.json" &&
    "$N" run scenarios/quickstart.yaml --set duration=1h --set warmup=5m --replicas 3 -q -o "$dir/quickstart.json" &&
    "$N" run scenarios/interval.yaml --set duration=1h --set warmup=10m --replicas 3 -q -o "$dir/interval.json" || exit 1
figures=0
{
    cat <<'HTML'
<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><pre id="said">nothing measured</pre>
HTML
    for f in many fine quickstart interval; do
        "$N" plot "$dir/$f.json" -o "$dir/all/$f" -q 2>"$dir/err" || fail "$f: $(cat "$dir/err")"
        for svg in "$dir/all/$f"/*.svg; do
            printf '<div class="figure" title="%s">' "$f/${svg##*/}"
            sed -n '/<svg/,$p' "$svg"
            printf '</div>\n'
        done
    done
    cat <<'HTML'
<script>
const said = [];
for (const d of document.querySelectorAll('.figure')) {
    const svg = d.querySelector('svg'), box = svg.getBoundingClientRect(), seen = [];
    for (const t of svg.querySelectorAll('text')) {
        const r = t.getBoundingClientRect(), text = t.textContent.trim();
        if (r.width === 0 || text === '') continue;
        const out = Math.max(box.left - r.left, r.right - box.right, box.top - r.top, r.bottom - box.bottom);
        if (out > 1) said.push(`${d.title}: "${text}" is cut off by ${out.toFixed(1)}`);
        /* the height of a line is more than that of its letters */
        seen.push({text, left: r.left + 1, right: r.right - 1, top: r.top + 4, bottom: r.bottom - 4});
    }
    for (let i = 0; i < seen.length; i++) for (let k = 0; k < i; k++) {
        const a = seen[i], b = seen[k], w = Math.min(a.right, b.right) - Math.max(a.left, b.left),
              h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (w > 0 && h > 0) said.push(`${d.title}: "${a.text}" is over "${b.text}"`);
    }
    said.push(`measured ${d.title} ${seen.length}`);
}
document.getElementById('said').textContent = said.join('\n') + '\nthe end';
</script></body></html>
HTML
} >"$dir/harness.html"
mkdir "$dir/profile"
timeout -k 5 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
    --user-data-dir="$dir/profile" --virtual-time-budget=60000 --dump-dom "file://$dir/harness.html" >"$dir/dom" 2>"$dir/err"
sed -n '/<pre id="said">/,/^the end/p' "$dir/dom" | sed 's/.*<pre id="said">//' >"$dir/said"
grep -q '^the end' "$dir/said" || { echo 'Chromium did not come to an end'; tail -n 3 "$dir/err"; exit 1; }
grep -vE '^(measured|the end)' "$dir/said" && bad=1
figures=$(grep -c '^measured' "$dir/said")
[ "$figures" -ge 20 ] || fail "only $figures figures"

# What gnuplot finds no place for it leaves out without a word.
has() { # FIGURE TEXT...
    figure=$1
    shift
    for text in "$@"; do grep -qF ">$text<" "$dir/all/$figure.svg" || fail "$figure: no '$text'"; done
}
for f in many fine quickstart; do
    has $f/pareto 'reachable (% of the time)' 'upkeep (bytes per connection-hour)' 'wake-ups per connection-hour'
    has $f/ranking 'reachable (% of the time)' 'difference (points)'
    has $f/causes 'breaks per connection-hour'
done
has many/pareto 'radio energy (J per connection-hour)'
has interval/interval 'reachable (%)' 'breaks (1/h)' 'upkeep (bytes/h)' strategies.heartbeat.heartbeat.every
has interval/heat 'reachable (% of the time)' 'breaks per connection-hour' capacity
for f in many/reachability-1 fine/reachability quickstart/reachability; do
    has $f 'reachable (% of the time)' 'breaks per connection-hour' 'upkeep (bytes per connection-hour)'
done
has many/detection-0 'breaks the client knows of (%)' 'breaks the server knows of (%)' 'time since the break'
has many/occupancy-0 'mappings in the NAT' 'time (min)' 'How full the NAT is' \
    'a study whose name is rather long for what it is about, nat.restart.every = exponential(30h)'

# A reader who has nothing but the figure.
for name in many/ranking many/pareto many/causes interval/interval quickstart/reachability quickstart/ranking; do
    grep -qE '>(bars|bands|±|bars and ±): 95 % intervals over 3 replicas<' "$dir/all/$name.svg" || fail "$name does not say what its bars are"
done
for name in many/ranking many/causes many/pareto; do
    grep -q ': nat.restart.every<' "$dir/all/$name.svg" || fail "$name does not say what the values are"
done
grep -q 'without this figure: polling' "$dir/all/many/ranking.svg" || fail 'polling is missing, and nothing says so'
# Twelve strategies, twelve kinds of lines.
kinds=$(sed -n "s/.*stroke='\\([^']*\\)'.*stroke-dasharray='\\([^']*\\)'.*/\\1 \\2/p" "$dir/all/many/occupancy-0.svg" | sort -u | wc -l)
[ "$kinds" -ge 11 ] || fail "$kinds kinds of dashed lines for twelve strategies"
exit $bad
