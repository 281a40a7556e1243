#!/bin/sh
# A full table: whom does the real kernel refuse or drop early, who survives, and whom does natpulse?
#
# The maximum is one number for the whole machine. Where it can be set it is made small for some minutes and then
# restored, by this process or by one that sees it die. Elsewhere a table is filled to the maximum that stands. The
# number of hash buckets, on which early drop depends, is left alone.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
most=600000 # flows that this test is willing to make

if [ -z "${NP_LAB:-}${NP_FULL:-}" ]; then
    [ -r $lab_max ] || lab_skip "needs conntrack: there is no $lab_max"
    lab_lock
    standing=$(cat $lab_max)
    NP_FULL=standing
    export NP_FULL
    if (echo "$standing" >$lab_max) 2>/dev/null; then
        NP_FULL=small
        (
            trap '' HUP INT TERM
            while kill -0 $$ 2>/dev/null; do sleep 0.2; done
            echo "$standing" >$lab_max
        ) >/dev/null 2>&1 </dev/null &
        trap 'echo "$standing" >$lab_max; kill -9 $!' EXIT
        tied= # to this process: what it runs dies with it
        ! setpriv --pdeathsig KILL true 2>/dev/null || tied='setpriv --pdeathsig KILL'
        worst=0
        # In a table of 4000 the collector stops at 95 %, in the larger one at its 257.
        for run in 16384 '4000 emergency'; do
            echo "${run%% *}" >$lab_max
            mixtures=${run#"${run%% *}"}
            # shellcheck disable=SC2086
            $tied sh "$0" $mixtures || { worst=$?; [ $worst -ne 77 ] || break; }
        done
        exit $worst
    fi
    [ "$standing" -le $most ] || lab_skip "the maximum cannot be set here, and the one that stands, $standing, is too large to fill"
fi
natpulse=${NATPULSE:-build/natpulse}
lab_enter "$0" "$@"

lab_work full || exit 1
lab_compile "$work/flood" "$here/flood.c" "$here/netlab.c" "$here/wire.c" || exit 1
python3 "$here/full.py" --natpulse "$natpulse" --work "$work" --maximum "$(cat $lab_max)" \
    --buckets "$(cat /proc/sys/net/netfilter/nf_conntrack_buckets)" "$@"
