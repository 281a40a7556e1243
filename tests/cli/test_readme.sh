#!/bin/sh
# Runs every command that README.md shows in a block marked `sh`, in order, in a copy of the tree's data, and fails on
# the first that does. Then each line of a block marked `text` must be one that a command has printed. `./scripts/demo`
# is run as built; installing commands are the exception: they are what set up this very run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
natpulse=$(cd "$(dirname "${NATPULSE:-build/natpulse}")" && pwd)/natpulse
[ -x "$natpulse" ] || { echo "no $natpulse"; exit 1; }
command -v gnuplot >/dev/null 2>&1 || { echo "gnuplot is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/tests"
ln -s "$natpulse" "$work/bin/natpulse"
cp -R "$root/scenarios" "$root/scripts" "$work/"
cp -R "$root/tests/conformance" "$work/tests/"
export NATPULSE="$natpulse" NATPULSE_PROFILES="$work/scenarios/profiles"
PATH=$work/bin:$PATH
cd "$work"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$root/README.md" >commands
[ -s commands ] || { echo "README.md shows no commands"; exit 1; }
n=0
while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    command=${line%%#*}
    case $command in
    './scripts/test'* | 'make'* | 'sudo make'* | 'git clone'* | 'cd natpulse'*) continue ;;
    './scripts/demo'*) command='./scripts/demo --built' ;;
    esac
    n=$((n + 1))
    sh -c "$command" >out 2>err </dev/null || { echo "failed: $line"; tail -n 5 out err; exit 1; }
    cat out >>printed
    echo "ran: $line"
done <commands
[ "$n" -ge 5 ] || { echo "only $n commands in README.md"; exit 1; }
awk '/^```text$/ {on = 1; next} /^```$/ {on = 0} on' "$root/README.md" | sed 's/ *$//' | sort -u >shown
sed 's/ *$//' printed | sort -u >had
odd=$(comm -23 shown had)
[ -z "$odd" ] || { echo "README.md shows what no command printed:"; echo "$odd"; exit 1; }
