#!/bin/sh
# natpulse over MPI ranks on one machine: the same rows as one thread, whatever the number of ranks; a rank that dies
# leaves a whole database; ranks of a program without MPI are refused.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v mpirun >/dev/null && command -v "${MPICC:-mpicc}" >/dev/null || { echo "Open MPI (mpirun, mpicc) is not installed"; exit 77; }
mpirun --version 2>&1 | grep -q 'Open MPI' || { echo "mpirun is not Open MPI's"; exit 77; }
case $N in *san/*) echo "Open MPI itself leaks: not under ASan"; exit 77 ;; esac
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PMIX_MCA_gds=hash
export NATPULSE_PROFILES="$root/scenarios/profiles"
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-ranks.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
M=$(dirname "$N")/natpulse-mpi
env -u B "${MAKE:-make}" -s -C "$root" MPI=1 "B=$(cd "$(dirname "$N")" && pwd)" all >"$dir/make" 2>&1 || { cat "$dir/make"; exit 1; }
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# ranks N ARGUMENT...
ranks() {
    n=$1
    shift
    mpirun --oversubscribe --mca btl self,vader -n "$n" "$@"
}
ranks 2 true >/dev/null 2>"$dir/err" || { echo "mpirun cannot start two ranks here: $(head -n 1 "$dir/err")"; exit 77; }
scenario=$root/tests/crash/sweep.yaml
"$N" sweep "$scenario" -o "$dir/one.db" --jobs 1 --quiet || fail 'one thread'
"$N" sweep --dump "$dir/one.db" >"$dir/one"
for n in 1 2 5; do
    ranks $n "$M" sweep "$scenario" -o "$dir/$n.db" --quiet >"$dir/out" 2>"$dir/err" || fail "$n ranks: $(cat "$dir/err")"
    [ ! -s "$dir/out" ] || fail "$n ranks: $(cat "$dir/out")"
    "$N" sweep --dump "$dir/$n.db" | cmp - "$dir/one" || fail "$n ranks: other rows"
done
# By itself the same program needs no mpirun.
"$M" sweep "$scenario" -o "$dir/alone.db" --quiet && "$M" sweep --dump "$dir/alone.db" | cmp - "$dir/one" || fail 'alone: other rows'

# One voice: rank 0 complains, and all of them end.
ranks 3 "$M" sweep "$dir/none.yaml" -o "$dir/x.db" >"$dir/out" 2>"$dir/err" && fail 'a scenario that is not there: status 0'
[ "$(grep -c 'cannot read the scenario' "$dir/err")" = 1 ] || fail "a scenario that is not there: $(cat "$dir/err")"
ranks 2 "$N" sweep "$scenario" -o "$dir/x.db" >"$dir/out" 2>"$dir/err" && fail 'ranks without MPI: status 0'
grep -q 'built without MPI' "$dir/err" || fail "ranks without MPI: $(cat "$dir/err")"
[ ! -e "$dir/x.db" ] || fail 'ranks without MPI wrote'

# Ranks that die: another one each time, rank 0 too. What was finished is there, and the rest is done by the next.
long="$scenario --set duration=30m"
"$N" sweep $long -o "$dir/long.db" --quiet || fail 'a longer sweep'
"$N" sweep --dump "$dir/long.db" >"$dir/long"
before=0
for victim in 1 2 0; do
    # Each rank writes its pid down before it becomes natpulse.
    rm -f "$dir"/pid.*
    ranks 3 sh -c 'echo $$ >"$0/pid.$OMPI_COMM_WORLD_RANK"; exec "$@"' "$dir" \
        "$M" sweep $long -o "$dir/dead.db" --quiet >"$dir/out" 2>"$dir/err" &
    job=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.1
        now=$("$N" sweep --status "$dir/dead.db" --format json 2>/dev/null | sed 's/.*"done": \([0-9]*\),.*/\1/')
        [ -n "$now" ] && [ "$now" -gt "$before" ] && break
    done
    kill -KILL "$(cat "$dir/pid.$victim")" 2>/dev/null
    wait $job && fail "rank $victim died: status 0"
    now=$("$N" sweep --status "$dir/dead.db" --format json | sed 's/.*"done": \([0-9]*\),.*/\1/')
    [ "${now:-0}" -gt "$before" ] || fail "rank $victim died: $before runs before, ${now:-none} after"
    before=$now
done
ranks 3 "$M" sweep $long -o "$dir/dead.db" --quiet 2>"$dir/err" || fail "the rest: $(cat "$dir/err")"
"$N" sweep --dump "$dir/dead.db" | cmp - "$dir/long" || fail 'other rows after ranks died'
exit $bad
