#!/bin/sh
# natpulse plot: the figures that a result allows, in each format, and nothing half made.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v gnuplot >/dev/null || { echo 'gnuplot is not installed'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-plot.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$root" || exit 1
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}

"$N" run scenarios/quickstart.yaml --set duration=30m --set warmup=2m --set nat.capacity=96 --replicas 3 -o "$dir/r.json" &&
    "$N" run scenarios/quickstart.yaml --set duration=30m --set warmup=2m --set nat.capacity=96 --replicas 3 -o "$dir/r.csv" || exit 1

for f in svg png pdf; do
    "$N" plot "$dir/r.json" -o "$dir/$f" --format $f >"$dir/out" 2>"$dir/err" || fail "$f: status $?: $(cat "$dir/err")"
    [ "$(ls -A "$dir/$f" | tr '\n' ' ')" = "causes.$f detection.$f occupancy.$f pareto.$f ranking.$f reachability.$f " ] || fail "$f: $(ls -A "$dir/$f")"
    [ "$(wc -l <"$dir/out")" -eq 6 ] || fail "$f: names printed: $(cat "$dir/out")"
    while read -r name; do [ -s "$name" ] || fail "$f: $name is not there"; done <"$dir/out"
done
head -c 8 "$dir/png/detection.png" | od -An -c | grep -q 'P   N   G' || fail 'no PNG'
head -c 5 "$dir/pdf/detection.pdf" | grep -q '%PDF-' || fail 'no PDF'
for name in detection occupancy reachability; do
    grep -q 'Linux keepalive' "$dir/svg/$name.svg" || grep -q 'no breaks: ' "$dir/svg/$name.svg" || fail "$name: no names"
    grep -q 'quickstart' "$dir/svg/$name.svg" || fail "$name: no title"
done
"$N" plot "$dir/r.json" -o "$dir/again" >/dev/null && cmp -s "$dir/svg/detection.svg" "$dir/again/detection.svg" ||
    fail 'drawn twice, two figures'

# A CSV has no distributions: the figure that can be drawn is the same, and the rest is said.
"$N" plot "$dir/r.csv" -o "$dir/csv" >"$dir/out" 2>"$dir/err" || fail "csv: status $?: $(cat "$dir/err")"
[ "$(ls -A "$dir/csv" | tr '\n' ' ')" = 'causes.svg pareto.svg ranking.svg reachability.svg ' ] || fail "csv: $(ls -A "$dir/csv")"
for name in causes pareto ranking reachability; do
    cmp -s "$dir/csv/$name.svg" "$dir/svg/$name.svg" || fail "csv: another $name than from the .json"
done
grep -q 'detection' "$dir/err" || fail 'csv: nothing said of the figures it cannot give'

# A grid: across its points, and of single points only when asked. Each strategy has a figure over two paths.
"$N" run scenarios/interval.yaml --set duration=30m --set warmup=2m --replicas 3 -q -o "$dir/g.json" || exit 1
"$N" plot "$dir/g.json" -o "$dir/grid" >"$dir/out" 2>"$dir/err" || fail "grid: status $?: $(cat "$dir/err")"
[ "$(ls -A "$dir/grid" | tr '\n' ' ')" = 'causes.svg heat.svg interval.svg pareto.svg ranking.svg ' ] || fail "grid: $(ls -A "$dir/grid")"
grep -q 'there are 10' "$dir/err" || fail 'grid: nothing said of the points that are left out'
for text in 30s 8m 320 640 strategies.heartbeat.heartbeat.every; do
    for name in heat interval; do grep -qF ">$text<" "$dir/grid/$name.svg" || grep -qF "$text" "$dir/grid/$name.svg" || fail "$name: no '$text'"; done
done
"$N" plot "$dir/g.json" -o "$dir/grid" --point 3 --metric breaks_per_conn_hour >/dev/null 2>&1 || fail "grid, one point: status $?"
[ -s "$dir/grid/occupancy-3.svg" ] && [ ! -e "$dir/grid/occupancy-2.svg" ] || fail "grid, one point: $(ls -A "$dir/grid")"
"$N" plot "$dir/g.json" -o "$dir/grid" --point 10 2>"$dir/err"
[ $? -eq 2 ] && grep -q 'points are 0 to 9' "$dir/err" || fail "grid, no such point: $(cat "$dir/err")"

# Names that mean something to a shell or to gnuplot are only names.
cat >"$dir/evil.csv" <<'CSV'
point,strategy,replica,key,value
0,"`touch evil`",0,reachable_fraction,0.5
0,"`touch evil`",0,breaks_per_conn_hour,1
0,"`touch evil`",0,breaks_expired_per_conn_hour,1
0,"`touch evil`",0,upkeep_bytes_per_conn_hour,100
0,"it's ""$(touch evil)"" {/*3 x}_a^b
@ %s \\",0,reachable_fraction,0.25
0,"it's ""$(touch evil)"" {/*3 x}_a^b
@ %s \\",0,breaks_per_conn_hour,2
0,"it's ""$(touch evil)"" {/*3 x}_a^b
@ %s \\",0,upkeep_bytes_per_conn_hour,0
CSV
"$N" plot "$dir/evil.csv" -o "$dir/evil" >/dev/null 2>"$dir/err" || fail "evil names: $(cat "$dir/err")"
find "$dir" "$root/evil" -name evil -type f 2>/dev/null | grep -q . && fail 'a name was run as a command'
for name in reachability pareto ranking causes; do
    grep -q 'touch evil' "$dir/evil/$name.svg" || fail "evil names are not shown in $name"
    grep -q '{/\*3 x}_a^b @ %' "$dir/evil/$name.svg" || fail "an evil name is cut in $name"
done

# Trouble leaves nothing.
mkdir "$dir/none" "$dir/fake"
PATH="$dir/none" "$N" plot "$dir/r.json" -o "$dir/nognuplot" >/dev/null 2>"$dir/err"
[ $? -eq 4 ] && grep -q 'gnuplot is not installed.*package' "$dir/err" || fail "no gnuplot: $(cat "$dir/err")"
[ -z "$(ls -A "$dir/nognuplot")" ] || fail "no gnuplot: left $(ls -A "$dir/nognuplot")"
printf '#!/bin/sh\necho "line 3: it hurts" >&2\necho half >figure\nexit 1\n' >"$dir/fake/gnuplot"
chmod +x "$dir/fake/gnuplot"
PATH="$dir/fake:$PATH" "$N" plot "$dir/r.json" -o "$dir/broken" >/dev/null 2>"$dir/err"
[ $? -eq 4 ] && grep -q 'it hurts' "$dir/err" || fail "a failing gnuplot: $(cat "$dir/err")"
[ -z "$(ls -A "$dir/broken")" ] || fail "a failing gnuplot: left $(ls -A "$dir/broken")"
printf 'nonsense\n' >"$dir/bad.json"
"$N" plot "$dir/bad.json" -o "$dir/bad" 2>"$dir/err"
[ $? -eq 3 ] && grep -q 'bad.json:1' "$dir/err" || fail "a damaged result: $(cat "$dir/err")"
exit $bad
