#!/bin/sh
# Real sockets through the real kernel's NAT, and the same scenarios simulated: when probes and retransmissions are sent,
# and when each end learns that its connection is dead. The cases are in sockets.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lab"
root=$(cd "$here/../.." && pwd)
build=${B:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
libs=
for floor in scenario world nat host net core; do
    libs="$libs $build/lib$floor.a"
    [ -f "$build/lib$floor.a" ] || lab_skip "needs $build/lib$floor.a (make builds it)"
done
lab_enter "$0" "$@"

lab_work sockets || exit 1
sanitize=
case $build in */san*) sanitize=-fsanitize=address,undefined ;; esac
lab_compile "$work/ends" "$here/ends.c" "$here/netlab.c" "$here/wire.c" || exit 1
# shellcheck disable=SC2086,SC2046
lab_compile "$work/simulate" $sanitize -flto=auto -I"$root/include" "$here/simulate.c" $libs \
    $(pkg-config --libs libfyaml 2>/dev/null || echo -lfyaml) -lm -pthread || exit 1
python3 "$here/sockets.py" --work "$work" "$@"
