#!/bin/sh
# Two and three sweeps at once into one new file, begun in the same moment or while another is about to end, while a
# reader asks how far they are: all end well, the rows are those of one alone, and one file is left.
# NP_ROUNDS=N for another number of rounds, NP_SEED=N for other moments.
set -u
N=${NATPULSE:-build/natpulse}
here=$(cd "$(dirname "$0")" && pwd)
rounds=${NP_ROUNDS:-24} seed=${NP_SEED:-1}
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-at-once.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() {
    echo "seed $seed, round $round: $*"
    bad=1
}
sweep() {
    "$N" sweep "$here/sweep.yaml" --set duration=2m --set warmup=10s --set replicas=2 --set precision.max_replicas=2 \
        -o "$1" --quiet --jobs 1
}
round=0
sweep "$dir/whole.db" || fail "one alone"
"$N" sweep --dump "$dir/whole.db" >"$dir/whole" || fail "cannot dump it"

# Until the file "over" is there.
ask() {
    while [ ! -e "$dir/over" ]; do
        "$N" sweep --status "$1" >"$dir/status" 2>"$dir/asked" && continue
        # Before the first of them has made its tables.
        grep -qE 'is empty|unable to open' "$dir/asked" || cat "$dir/asked" >>"$dir/refused"
    done
}
pauses=$(awk -v seed="$seed" -v n="$rounds" 'BEGIN {
    srand(seed); for (i = 0; i < 2 * n; i++) printf "%.3f\n", i % 4 < 2 ? 0 : rand() * 0.1}')
set -- $pauses
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    rm -f "$dir/over" "$dir/refused" "$dir/x.db"*
    ask "$dir/x.db" &
    reader=$!
    sweep "$dir/x.db" 2>"$dir/err1" &
    one=$!
    sleep "$1"
    sweep "$dir/x.db" 2>"$dir/err2" &
    two=$!
    sleep "$2"
    shift 2
    three=
    if [ $((round % 2)) = 0 ]; then
        sweep "$dir/x.db" 2>"$dir/err3" &
        three=$!
    fi
    wait $one || fail "the first: $(cat "$dir/err1")"
    wait $two || fail "the second: $(cat "$dir/err2")"
    [ -z "$three" ] || wait $three || fail "the third: $(cat "$dir/err3")"
    : >"$dir/over"
    wait $reader
    [ ! -s "$dir/refused" ] || fail "the reader: $(head -n 1 "$dir/refused")"
    for left in "$dir"/x.db-*; do
        [ ! -e "$left" ] || fail "is left: $left"
    done
    "$N" sweep --dump "$dir/x.db" | cmp - "$dir/whole" || fail "other rows"
done
[ $bad = 0 ] && echo "$rounds rounds: all ended well, the same rows"
exit $bad
