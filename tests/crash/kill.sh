#!/bin/sh
# A sweep killed at random moments, 200 times, and started again each time: after every kill the file is whole and
# has lost no run, and at the end of every sweep its rows are those of one never killed, byte for byte.
# NP_KILLS=N kills another number of times, NP_SEED=N at other moments.
set -u
N=${NATPULSE:-build/natpulse}
here=$(cd "$(dirname "$0")" && pwd)
kills=${NP_KILLS:-200} seed=${NP_SEED:-1}
command -v timeout >/dev/null || { echo "no timeout(1)"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-kill.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
now() { date +%s.%N; }
fail() { echo "$*"; exit 1; }
done_in() { "$N" sweep --status "$1" --format json | sed 's/.*"done": \([0-9]*\),.*/\1/'; }
sweep() { "$N" sweep "$here/sweep.yaml" -o "$1" --quiet --jobs 2; }

began=$(now)
sweep "$dir/whole.db" || fail "the sweep that is not killed failed"
middle=$(now)
"$N" sweep --dump "$dir/whole.db" >"$dir/whole" || fail "cannot dump it"
runs=$(done_in "$dir/whole.db")
ended=$(now)
# How long to let a sweep live: at most a third of its time, and what starting takes.
longest=$(echo "$began $middle $ended" | awk '{a = ($2 - $1) / 3; s = ($3 - $2); if (a > 0.1 + s) a = 0.1 + s; print a}')
moments=$(awk -v seed="$seed" -v n="$kills" -v most="$longest" 'BEGIN {
    srand(seed); for (i = 0; i < 20 * n; i++) printf "%.4f\n", 0.002 + rand() * most}')

killed=0 finished=0 before=0 file=$dir/killed.db
for moment in $moments; do
    timeout -s KILL "$moment" "$N" sweep "$here/sweep.yaml" -o "$file" --quiet --jobs 2 2>"$dir/err"
    case $? in
    137) killed=$((killed + 1)) ;;
    0)  finished=$((finished + 1))
        "$N" sweep --dump "$file" >"$dir/rows" || fail "cannot dump a resumed sweep"
        cmp "$dir/whole" "$dir/rows" || fail "seed $seed: other rows after $killed kills"
        rm -f "$file"*
        before=0
        [ "$killed" -lt "$kills" ] || break
        continue ;;
    *) fail "seed $seed, after $killed kills: $(cat "$dir/err")" ;;
    esac
    [ -s "$file" ] || continue # killed before anything was written
    if now=$(done_in "$file" 2>"$dir/err") && [ -n "$now" ]; then
        [ "$now" -ge "$before" ] || fail "seed $seed: $before runs were there, after kill $killed $now"
        before=$now
    else
        # A file without tables is as good as none; anything else is damage.
        grep -q 'is empty' "$dir/err" && [ "$before" = 0 ] || fail "seed $seed, kill $killed: $(cat "$dir/err")"
    fi
done
[ "$killed" -ge "$kills" ] || fail "only $killed kills"
[ "$finished" -ge 1 ] || fail "no sweep got to its end"
echo "$killed kills over $finished sweeps of $runs runs: no run lost, the same rows"
