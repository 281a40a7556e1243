#!/bin/sh
# The kernel's LRU hash of BPF and `evict: bpf-lru`, side by side: who is evicted by each new flow. NP_SEED=N repeats a run.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
root=$(cd "$here/../.." && pwd)
build=${B:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
libs=
for floor in nat net core; do
    libs="$libs $build/lib$floor.a"
    [ -f "$build/lib$floor.a" ] || lab_skip "needs $build/lib$floor.a (make builds it)"
done
lab_enter "$0" "$@"

seed=${NP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "NP_SEED=$seed"
lab_work bpf || exit 1
sanitize=
case $build in */san*) sanitize=-fsanitize=address,undefined ;; esac
# shellcheck disable=SC2086
lab_compile "$work/bpf_lru" $sanitize -flto=auto -I"$root/include" "$here/bpf_lru.c" "$here/netlab.c" $libs -lm || exit 1
"$work/bpf_lru" "$seed"
