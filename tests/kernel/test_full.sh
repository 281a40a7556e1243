#!/bin/sh
# A full table: whom does the real kernel refuse or drop early, who survives, and whom does natpulse?
#
# The maximum is one number for the whole machine. Where it can be set it is made small for some seconds and then
# restored, by a process that waits for the end of this one, whatever that end is. Elsewhere a table is filled to the
# maximum that stands. The number of hash buckets, on which early drop depends, is left alone.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
most=600000 # flows that this test is willing to make
max_file=/proc/sys/net/netfilter/nf_conntrack_max

if [ -z "${NP_LAB:-}${NP_FULL:-}" ]; then
    [ -r $max_file ] || lab_skip "needs conntrack: there is no $max_file"
    standing=$(cat $max_file)
    NP_FULL=standing
    export NP_FULL
    if (echo "$standing" >$max_file) 2>/dev/null; then
        NP_FULL=small
        status=$(mktemp)
        (
            echo 16384 >$max_file
            sh "$0" "$@"
            echo $? >"$status"
        ) 2>&1 | (
            trap '' HUP INT TERM
            cat
            echo "$standing" >$max_file
        )
        result=$(cat "$status")
        rm -f "$status"
        exit "${result:-1}"
    fi
    [ "$standing" -le $most ] || lab_skip "the maximum cannot be set here, and the one that stands, $standing, is too large to fill"
fi
natpulse=${NATPULSE:-build/natpulse}
lab_enter "$0" "$@"

work=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-full.XXXXXX") || exit 1
trap '[ -n "${NP_KEEP:-}" ] || rm -rf "$work"' EXIT
[ -z "${NP_KEEP:-}" ] || echo "kept in $work"
lab_compile "$work/flood" "$here/flood.c" "$here/netlab.c" "$here/wire.c" || exit 1
python3 "$here/full.py" --natpulse "$natpulse" --work "$work" --maximum "$(cat $max_file)" \
    --buckets "$(cat /proc/sys/net/netfilter/nf_conntrack_buckets)"
