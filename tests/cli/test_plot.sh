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
    [ "$(ls -A "$dir/$f" | tr '\n' ' ')" = "detection.$f occupancy.$f reachability.$f " ] || fail "$f: $(ls -A "$dir/$f")"
    [ "$(wc -l <"$dir/out")" -eq 3 ] || fail "$f: names printed: $(cat "$dir/out")"
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
[ "$(ls -A "$dir/csv")" = reachability.svg ] || fail "csv: $(ls -A "$dir/csv")"
grep -q 'detection' "$dir/err" || fail 'csv: nothing said of the figures it cannot give'

# Names that mean something to a shell or to gnuplot are only names.
cat >"$dir/evil.csv" <<'CSV'
point,strategy,replica,key,value
0,"`touch evil`",0,reachable_fraction,0.5
0,"`touch evil`",0,breaks_per_conn_hour,1
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
grep -q 'touch evil' "$dir/evil/reachability.svg" || fail 'evil names are not shown'

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
