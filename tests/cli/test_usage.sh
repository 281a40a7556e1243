#!/bin/sh
# The command line itself: help, version, misspelt words, exit statuses.
set -u
N=${NATPULSE:?the program under test}
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-usage.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

# try STATUS TEXT ARGUMENT...: runs natpulse; wants that status, and TEXT somewhere in what it prints.
try() {
    want=$1 text=$2
    shift 2
    "$N" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    if [ "$got" -ne "$want" ] || ! cat "$dir/out" "$dir/err" | grep -qF -- "$text"; then
        printf 'natpulse %s: status %s instead of %s, or no "%s" in:\n' "$*" "$got" "$want" "$text"
        cat "$dir/out" "$dir/err"
        bad=1
    fi
}

try 2 'usage: natpulse SUBCOMMAND'
try 0 'usage: natpulse SUBCOMMAND' help
try 0 'usage: natpulse SUBCOMMAND' --help
try 0 'natpulse 0.' version
try 0 'natpulse 0.' --version
try 0 'usage: natpulse run [OPTION]... SCENARIO' help run
try 0 '--set PATH=VALUE' run --help
try 0 'usage: natpulse plot' help plot
try 2 "did you mean 'replay'?" reply
try 2 "did you mean 'run'?" rnu
try 2 "did you mean 'version'?" help verison
try 2 "'natpulse help' lists them" frobnicate
try 2 'did you mean --replicas?' run --replcas 3 x.yaml
try 2 'did you mean --seed?' run --sede=3 x.yaml
try 2 'did you mean --no-progress?' run --noprogress x.yaml
try 2 "'natpulse help run' lists them" run --frobnicate x.yaml
try 2 'no option -x' run -x
try 2 'expected SCENARIO' run
try 2 "one operand too many: 'b.yaml'" run a.yaml b.yaml
try 2 '--seed needs a value' run x.yaml --seed
try 2 'expected a whole number' run --seed=-1 x.yaml
try 2 'expected a whole number from 1 to' run --replicas=0 x.yaml
try 2 'expected a whole number' run --jobs 2k x.yaml
try 2 '--quiet takes no value' run --quiet=yes x.yaml
try 2 'expected PATH=VALUE' run --set nat.capacity x.yaml
try 2 "did you mean 'json'?" run --format jsn x.yaml
try 2 'the extension tells no format' run -o result.xyz x.yaml
try 2 'the extension tells no format' run -oresult x.yaml
try 2 'expected svg, png or pdf' plot --format gif r.json
try 2 'no-such.yaml' run no-such.yaml
try 3 'no-such.json' plot no-such.json

# Help goes to standard output, complaints to standard error.
"$N" help run >"$dir/out" 2>"$dir/err"
[ ! -s "$dir/err" ] || { echo 'help wrote to standard error'; bad=1; }
"$N" rnu >"$dir/out" 2>"$dir/err"
[ ! -s "$dir/out" ] || { echo 'a complaint went to standard output'; bad=1; }

# Every subcommand of the table explains itself in lines of at most 110 columns.
for c in $("$N" help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    try 0 "usage: natpulse $c" help "$c"
    long=$(awk 'length($0) > 110' "$dir/out")
    [ -z "$long" ] || { printf 'help %s: too long: %s\n' "$c" "$long"; bad=1; }
done

if [ -w /dev/full ]; then
    "$N" help >/dev/full 2>"$dir/err"
    [ $? -eq 4 ] && grep -q 'standard output' "$dir/err" || { echo 'a full disk was not reported'; bad=1; }
fi
exit $bad
