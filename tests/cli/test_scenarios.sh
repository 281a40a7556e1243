#!/bin/sh
# Every scenario of the tree is valid, opens with what it is about, and runs, its whole grid: one replica of a tenth of
# its duration, with no figure that is not a number; and has a figure of moderate size in the gallery.
set -eu
cd "$(dirname "$0")/../.."
natpulse=${NATPULSE:-build/natpulse}
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-scenarios.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# Seconds of "4h", "25m", "90s".
seconds() {
    case $1 in
    *h) echo $((${1%h} * 3600)) ;;
    *m) echo $((${1%m} * 60)) ;;
    *) echo "${1%s}" ;;
    esac
}

for file in scenarios/*.yaml; do
    name=$(basename "$file" .yaml)
    head -1 "$file" | grep -q '^# .*?$' || { echo "$file does not open with a question"; exit 1; }
    "$natpulse" check "$file" >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
    long=$(sed -n 's/^duration: *\([0-9]*[hms]\).*/\1/p' "$file")
    short=$(($(seconds "$long") / 10))
    # Times at which something happens are moved along.
    at=$(sed -n 's/.*restart: {at: \[\([0-9]*m\)\].*/\1/p' "$file" | head -1)
    set -- --set "duration=${short}s" --set "warmup=$((short / 10))s" --replicas 1 --quiet
    if [ -n "$at" ]; then
        set -- "$@" --set "nat.restart.at=[$((short / 3))s]" --set "servers.restart.at=[$((short / 2))s]"
    fi
    "$natpulse" run "$file" "$@" -o "$dir/$name.json" >"$dir/out" 2>&1 || { echo "$file:"; cat "$dir/out"; exit 1; }
    if grep -qi '[^a-z]\(nan\|inf\)[^a-z]' "$dir/$name.json"; then echo "$file: a figure that is no number"; exit 1; fi
    case $name in interval | advise | advise-udp) continue ;; esac
    [ -s "scenarios/figures/$name.svg" ] || { echo "$file has no figure in the gallery"; exit 1; }
done
for figure in scenarios/figures/*.svg; do
    [ "$(wc -c <"$figure")" -lt 60000 ] || { echo "$figure is larger than 60 kB"; exit 1; }
done
