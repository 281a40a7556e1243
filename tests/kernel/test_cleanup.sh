#!/bin/sh
# A kernel test that is killed in the middle leaves nothing behind: no process, no file, no namespace, and the maximum of
# conntrack's table as it was.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-cleanup.XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
failed=0

complain() {
    echo "$1"
    failed=1
}

# descendants PID: of a process, itself included
descendants() {
    echo "$1"
    for child in $(ps -o pid= --ppid "$1" 2>/dev/null); do descendants "$child"; done
}

# within SECONDS COMMAND...: waits until it holds; false when it does not in time
within() {
    left=$(($1 * 10))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 0.1
    done
}

is_small() { [ "$(cat $lab_max)" -ne "$standing" ]; }
is_restored() { [ "$(cat $lab_max)" -eq "$standing" ]; }
are_gone() {
    for member in $family; do ! kill -0 "$member" 2>/dev/null || return 1; done
}
has_family() { # at least so many processes
    family=$(descendants "$pid" | tr '\n' ' ')
    # shellcheck disable=SC2086
    set -- "$1" $family
    [ $# -gt "$1" ]
}

# kill_in_the_middle TEST WHEN...: starts a test, kills it when the condition holds, and looks
kill_in_the_middle() {
    test=$1
    shift
    sh "$here/$test" >"$TMPDIR/log" 2>&1 &
    pid=$!
    if ! within 60 "$@"; then
        wait $pid
        [ $? -ne 77 ] || { echo "$test: $(tail -n 1 "$TMPDIR/log")"; skipped=1; return; }
        complain "$test: never got to where it was to be killed"
        return
    fi
    sleep 3
    has_family 1
    kill -9 $pid
    wait $pid 2>/dev/null
    rm -f "$TMPDIR/log"
    [ -z "$(ls -A "$TMPDIR")" ] || complain "$test: files are left: $(ls -A "$TMPDIR")"
    within 10 are_gone && return
    complain "$test: of its processes $family some are left"
    for member in $family; do kill -9 "$member" 2>/dev/null; done
}

lab_needs ps
skipped=
[ -r $lab_max ] || lab_skip "needs conntrack: there is no $lab_max"
lab_lock
standing=$(cat $lab_max)
kill_in_the_middle test_packets.sh has_family 8 # the injectors run
[ -z "$skipped" ] || lab_skip "$(tail -n 1 "$TMPDIR/log")"
if (echo "$standing" >$lab_max) 2>/dev/null; then
    kill_in_the_middle test_full.sh is_small
    within 10 is_restored || complain "test_full.sh: the maximum is $(cat $lab_max), and was $standing"
    is_restored || echo "$standing" >$lab_max
else
    echo "the maximum cannot be set here: its restoring is not tried"
fi
exit $failed
