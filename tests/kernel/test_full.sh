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
        # The status comes through the pipe, which all that runs here holds open until it ends.
        exec 4>&1
        result=$(
            {
                worst=0
                # in a table of 4000 the collector stops at 95 %, in the larger one at its 257
                for run in 16384 '4000 emergency'; do
                    # shellcheck disable=SC2086
                    set -- $run
                    echo "$1" >$max_file
                    shift
                    NP_FULL=small sh "$0" "$@" >&4 2>&4 5>&1 || { worst=$?; [ $worst -eq 77 ] && break; }
                done
                echo $worst
            } | (
                trap '' HUP INT TERM
                cat
                echo "$standing" >$max_file
            )
        )
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
    --buckets "$(cat /proc/sys/net/netfilter/nf_conntrack_buckets)" "$@"
