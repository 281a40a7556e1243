#!/bin/sh
# natpulse bench: its JSON has the promised keys and no others, what it does not know is bad usage.
set -u
natpulse=${NATPULSE:-build/natpulse}
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# keys FILE: every key of a JSON file, in order, on one line
keys() { tr -d ' \n' <"$1" | grep -o '"[a-z_]*":' | tr -d '":' | tr '\n' ' '; }

expect() { # WHAT EXPECTED GOT
    [ "$2" = "$3" ] && return
    printf '%s: expected "%s", got "%s"\n' "$1" "$2" "$3"
    failed=1
}

"$natpulse" bench table --flows 1000 --format json >"$dir/table" || { echo "bench table failed"; failed=1; }
expect 'keys of table' 'table lookups_per_s batched_lookups_per_s bare_refreshes_per_s bytes_per_entry flows ' "$(keys "$dir/table")"
grep -q '"flows": 1000$' "$dir/table" || { echo "flows is not what was asked for"; failed=1; }

"$natpulse" bench box --flows 100 -o "$dir/box.json" || { echo "bench box failed"; failed=1; }
expect 'keys of box' "box flows trackers $(for _ in none flags states pf linux conntrack; do printf 'tracker packets_per_s share_of_none bytes_per_entry '; done)" \
    "$(keys "$dir/box.json")"
expect 'box names its trackers' 6 "$("$natpulse" bench box --flows 100 | grep -c 'of none')"

"$natpulse" bench world --clients 100 -o "$dir/world.json" || { echo "bench world failed"; failed=1; }
expect 'keys of world' 'world clients packet_events_per_s bytes_per_connection ' "$(keys "$dir/world.json")"
expect 'world names its parts' 2 "$("$natpulse" bench world --clients 1 | grep -c -e 'M/s' -e 'B/connection')"

"$natpulse" bench replay --packets 2000 --capture "$dir/kept.pcap" -o "$dir/replay.json" || { echo "bench replay failed"; failed=1; }
expect 'keys of replay' 'replay packets bytes bare_packets_per_s packets_per_s share_of_bare curve_packets_per_s curve_times_replay ' "$(keys "$dir/replay.json")"
grep -q "\"bytes\": $(wc -c <"$dir/kept.pcap" | tr -d ' ')," "$dir/replay.json" || { echo "the bytes are not the capture's"; failed=1; }
mkdir "$dir/tmp"
expect 'replay names its parts' 3 "$(TMPDIR="$dir/tmp" "$natpulse" bench replay --packets 1000 --snaplen 100 | grep -c 'M packets/s')"
expect 'what replay leaves' '' "$(ls "$dir/tmp")"

for wrong in 'nonsense' '--format csv table' '--flows 0 table' 'table queue' '--packets 0 replay'; do
    # shellcheck disable=SC2086
    "$natpulse" bench $wrong >"$dir/out" 2>"$dir/err"
    expect "status of bench $wrong" 2 $?
    expect "standard output of bench $wrong" '' "$(cat "$dir/out")"
    [ -s "$dir/err" ] || { echo "bench $wrong says nothing"; failed=1; }
done
exit $failed
