#!/bin/sh
# Crafted packets through the real kernel's masquerading router and through `natpulse replay`: verdict by verdict
# and translation by translation.
#
# Runs side by side, each in namespaces of its own, one a row: tcp_loose, what becomes of packets without a flow, and
# tcp_be_liberal.
# NP_SEED=N repeats a run; NP_KERNEL_LONG=1 makes many more packets.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
natpulse=${NATPULSE:-build/natpulse}
lab_enter "$0" "$@"

seed=${NP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
groups=1100 spread=24 longest=30
[ -z "${NP_KERNEL_LONG:-}" ] || { groups=2500; spread=90; longest=90; }
echo "NP_SEED=$seed"
lab_work packets || exit 1
lab_compile "$work/inject" "$here/inject.c" "$here/plan.c" "$here/plan_tcp.c" "$here/netlab.c" "$here/wire.c" || exit 1

# one NAME SEED LOOSE KIND LIBERAL: makes the namespaces and injects
one() {
    dir=$work/$1
    mkdir "$dir" && lab_build "$1" && lab_neighbours "$1" && lab_rules "$1" "$4" || return 1
    "$work/inject" --timeouts --seed "$2" >"$dir/timeouts" || return 1
    while read -r name seconds; do
        case $name in
        udp) key=udp_timeout ;;
        udp_stream) key=udp_timeout_stream ;;
        icmp) key=icmp_timeout ;;
        *) key=tcp_timeout_${name#tcp_} ;;
        esac
        sysctl_ns "router$1" "netfilter/nf_conntrack_$key=$seconds" || return 1
    done <"$dir/timeouts"
    sysctl_ns "router$1" "netfilter/nf_conntrack_tcp_loose=$3" "netfilter/nf_conntrack_tcp_be_liberal=$5" || return 1
    echo "seed $2 loose $3 kind $4 liberal $5" >"$dir/setting"
    "$work/inject" --seed "$2" --groups "$groups" --spread "$spread" --longest "$longest" --suffix "$1" --out "$dir" \
        >"$dir/log" 2>&1
}

runs=
n=0
for setting in '1 drop 0' '0 drop 0' '1 reset 0' '0 reset 0' '1 leak 0' '1 drop 1'; do
    n=$((n + 1))
    # shellcheck disable=SC2086
    one "$n" $((seed + n)) $setting &
    runs="$runs $!"
done
failed=0
for pid in $runs; do wait "$pid" || failed=1; done
for i in $(seq "$n"); do
    [ $failed -eq 0 ] || { echo "run $i failed:"; cat "$work/$i/log"; }
done
[ $failed -eq 0 ] || exit 1
python3 "$here/compare.py" --natpulse "$natpulse" "$work"/[0-9]*
