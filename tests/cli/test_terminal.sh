#!/bin/sh
# On a terminal, which script(1) makes: a progress bar with rate and time left that goes when the work is done, and
# colour. None of either where it was asked not to be, or where nobody looks.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
script -qec true /dev/null >/dev/null 2>&1 || { echo 'no script(1) that takes -e and -c: there is no terminal'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-terminal.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
unset NO_COLOR
export TERM=xterm-256color NATPULSE_PROFILES="$root/scenarios/profiles"
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# seen COMMAND...: what a terminal shows of it, line by line, in $dir/seen; its status
seen() {
    script -qec "$*" "$dir/raw" >/dev/null </dev/null
    status=$?
    tr '\r' '\n' <"$dir/raw" | grep -v '^Script ' >"$dir/seen"
    return $status
}
bar='\[#*\.*\]  *[0-9]+ %  [0-9]+/[0-9]+ runs  [0-9.]+/s'
escape=$(printf '\033')
# Some two seconds of work, so that there is something to see.
work="$root/tests/crash/sweep.yaml --set duration=20m --set precision=off --set replicas=40 --jobs 1"
little="$root/tests/crash/sweep.yaml --set precision=off --set replicas=4"
quick="$root/tests/golden/chain.yaml"

seen "$N" sweep $work -o "$dir/a.db" || fail "sweep: status $?: $(cat "$dir/seen")"
[ "$(grep -cE "^$bar" "$dir/seen")" -ge 3 ] || fail "no bar: $(head -c 400 "$dir/seen")"
grep -qE "^$bar  [0-9.]+ (s|min|h) left" "$dir/seen" || fail "no time left: $(grep -m 2 runs "$dir/seen")"
# The counts rise, the time left ends within the time there is, and the bar is wiped out before the last word.
grep -oE '[0-9]+/320 runs' "$dir/seen" | cut -d/ -f1 >"$dir/counts"
sort -n "$dir/counts" | cmp -s - "$dir/counts" || fail "the counts do not rise: $(tr '\n' ' ' <"$dir/counts")"
[ "$(sort -u "$dir/counts" | wc -l)" -ge 3 ] || fail "the counts stand still: $(tr '\n' ' ' <"$dir/counts")"
grep -q "^$escape\[Knatpulse: .*all 320 runs are there" "$dir/seen" || fail "the end: $(tail -n 2 "$dir/seen")"
# Of a resumed sweep the rate is that of what it does itself: 280 runs are there at once, and no rate is as if they had
# taken no time.
"$N" sweep $work -o "$dir/b.db" --quiet --format jsonl |
    head -n 150 >/dev/null
seen "$N" sweep $work -o "$dir/b.db" || fail "resumed: status $?"
first=$(grep -oE '[0-9]+/320 runs' "$dir/seen" | head -n 1 | cut -d/ -f1)
[ "$first" -ge 149 ] || fail "resumed, the count begins at $first"
grep -oE 'runs  [0-9.]+/s' "$dir/seen" | grep -oE '[0-9.]+' | sort -n >"$dir/rates"
python3 -c 'import sys; r = [float(x) for x in open(sys.argv[1])]; assert r[-1] < 320 and r[-1] < 100 * max(1, r[len(r) // 2])' "$dir/rates" 2>/dev/null ||
    fail "resumed, rates of $(tr '\n' ' ' <"$dir/rates")"
seen "$N" run $little -o "$dir/c.json" || fail "run: status $?"
grep -qE "^$bar" "$dir/seen" || fail 'run shows no bar'

none() { # WHAT COMMAND...
    what=$1
    shift
    rm -f "$dir"/n.db*
    seen "$@" || fail "$what: status $?"
    grep -qE '/s|\[#|\[\.' "$dir/seen" && fail "$what: a bar: $(grep -m 1 -E '/s|\[#' "$dir/seen")"
}
none --no-progress "$N" sweep $little -o "$dir/n.db" --no-progress
none --quiet "$N" sweep $little -o "$dir/n.db" --quiet
[ ! -s "$dir/seen" ] || [ -z "$(tr -d '\n' <"$dir/seen")" ] || fail "--quiet says $(cat "$dir/seen")"
none 'a dumb terminal' env TERM=dumb "$N" sweep $little -o "$dir/n.db"
none 'standard error in a file' "$N" sweep $little -o "$dir/n.db" "2>$dir/err"

# Colour: only here.
seen "$N" run "$quick" || fail "run: status $?"
grep -q "$escape\[1m" "$dir/seen" || fail 'no colour on a terminal'
seen env NO_COLOR=1 "$N" run "$quick"
grep -q "$escape\[[0-9]*m" "$dir/seen" && fail 'colour under NO_COLOR'
seen env NO_COLOR= "$N" run "$quick"
grep -q "$escape\[1m" "$dir/seen" || fail 'NO_COLOR is empty, and there is no colour'
seen env TERM=dumb "$N" run "$quick"
grep -q "$escape\[[0-9]*m" "$dir/seen" && fail 'colour on a dumb terminal'
seen "$N" run "$quick" -o "$dir/table.txt"
grep -q "$escape" "$dir/table.txt" && fail 'colour in a file'
"$N" run "$quick" | grep -q "$escape" && fail 'colour in a pipe'
# Tables keep to the width of the terminal: what is wider by itself goes to a table of its own.
for columns in 80 60; do
    seen "stty cols $columns; $N run $root/tests/golden/tcp.yaml --quiet"
    sed -e "s/$escape\[[0-9;]*[mK]//g" -e 's/±/+/g' -e '/^warning/d' -e '/^natpulse/d' "$dir/seen" >"$dir/plain"
    [ "$(awk '{if (length($0) > m) m = length($0)} END {print m}' "$dir/plain")" -le $columns ] ||
        fail "wider than $columns: $(awk -v m=$columns 'length($0) > m' "$dir/plain" | head -n 2)"
done
exit $bad
