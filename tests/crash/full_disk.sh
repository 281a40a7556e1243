#!/bin/sh
# A sweep whose disk is full says so, keeps every run that was finished, and goes on when there is room: with the same
# rows as one that never lacked any. The disk is a limit on file sizes, and, where a mount namespace can be made, a
# small tmpfs of the test's own.
set -u
N=${NATPULSE:-build/natpulse}
here=$(cd "$(dirname "$0")" && pwd)
case $N in /*) ;; *) N=$PWD/$N ;; esac
fail() { echo "$*"; exit 1; }
sweep() { "$N" sweep "$here/sweep.yaml" -o "$1" --quiet --jobs 2; }
done_in() { "$N" sweep --status "$1" --format json | sed 's/.*"done": \([0-9]*\),.*/\1/'; }

# refused FILE STATUS: what a sweep without room must look like; the runs that are there go to $had
refused() {
    [ "$2" = 4 ] || fail "$what: status $2, not 4: $(cat "$dir/err")"
    [ "$(wc -l <"$dir/err")" = 1 ] || fail "$what: more than one line: $(cat "$dir/err")"
    grep -qE 'disk is full|File too large|No space left|disk I/O' "$dir/err" || fail "$what: $(cat "$dir/err")"
}

if [ "${1:-}" = inside ]; then # in a mount namespace: $2 is a directory of the test's own
    dir=$2
    mkdir "$dir/disk" || exit 1
    mount -t tmpfs -o size=64k natpulse-test "$dir/disk" 2>/dev/null || exit 77
    file=$dir/disk/results.db had=0
    for size in 64k 128k 200k 300k 500k 800k; do
        what="a disk of $size"
        mount -o "remount,size=$size" "$dir/disk" || fail "cannot remount"
        sweep "$file" 2>"$dir/err"
        refused "$file" $?
        if [ -s "$file" ] && now=$(done_in "$file" 2>/dev/null) && [ -n "$now" ]; then
            [ "$now" -ge "$had" ] || fail "$what: $had runs were there, now $now"
            had=$now
        fi
    done
    [ "$had" -gt 0 ] || fail "no run was ever kept"
    mount -o remount,size=64M "$dir/disk"
    sweep "$file" 2>"$dir/err" || fail "with room: $(cat "$dir/err")"
    "$N" sweep --dump "$file" >"$dir/rows" && cmp "$dir/whole" "$dir/rows" || fail "other rows after a full disk"
    echo "a full tmpfs: $had runs kept, the same rows"
    exit 0
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-full.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
sweep "$dir/whole.db" || fail "the sweep that has room failed"
"$N" sweep --dump "$dir/whole.db" >"$dir/whole" || fail "cannot dump it"

for kib in 8 32 100 200 400 700; do
    what="files of at most $kib KiB" file=$dir/limited.db
    rm -f "$file"*
    (ulimit -f $((kib * 2)) && sweep "$file") 2>"$dir/err"
    refused "$file" $?
    sweep "$file" 2>"$dir/err" || fail "$what, then none: $(cat "$dir/err")"
    "$N" sweep --dump "$file" >"$dir/rows" && cmp "$dir/whole" "$dir/rows" || fail "$what: other rows"
done
echo "a limit on file sizes: the same rows"

# Standard output that is full is told too.
if [ -w /dev/full ]; then
    "$N" sweep --show "$dir/whole.db" >/dev/full 2>"$dir/err"
    [ $? = 4 ] || fail "a full standard output: status is not 4"
fi

unshare -m true 2>/dev/null || { echo "no mount namespaces here: a limit on file sizes only"; exit 0; }
unshare -m --propagation private sh "$0" inside "$dir"
status=$?
[ $status != 77 ] || { echo "no tmpfs here: a limit on file sizes only"; exit 0; }
exit $status
