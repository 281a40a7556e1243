#!/bin/sh
# natpulse over MPI ranks on one machine: the same rows as one thread, whatever the number of ranks; a rank that dies
# costs its run and no more, where mpirun lets the others live, and leaves a whole database where it does not; a rank
# that hangs, or is told to stop, is done without; ranks of a program without MPI are refused.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v mpirun >/dev/null && command -v "${MPICC:-mpicc}" >/dev/null || { echo "Open MPI (mpirun, mpicc) is not installed"; exit 77; }
mpirun --version 2>&1 | grep -q 'Open MPI' || { echo "mpirun is not Open MPI's"; exit 77; }
command -v timeout >/dev/null || { echo 'no timeout(1), and ranks that wait for ever must end'; exit 77; }
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
launch='timeout -k 5 300 mpirun --oversubscribe --mca btl self,vader'
# ranks N ARGUMENT...
ranks() {
    n=$1
    shift
    $launch -n "$n" "$@"
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

# Ranks that die. Each rank writes its pid down before it becomes natpulse.
long="$scenario --set duration=1h" # some seconds: none of these may be done before it is killed
"$N" sweep $long -o "$dir/long.db" --quiet || fail 'a longer sweep'
"$N" sweep --dump "$dir/long.db" >"$dir/long"
done_in() { "$N" sweep --status "$1" --format json 2>/dev/null | sed 's/.*"done": \([0-9]*\),.*/\1/'; }
# begin DATABASE ARGUMENT...: three ranks, $job, of which some runs are done
begin() {
    file=$1
    shift
    rm -f "$dir"/pid.*
    $launch -n 3 sh -c 'echo $$ >"$0/pid.$OMPI_COMM_WORLD_RANK"; exec "$@"' "$dir" \
        "$M" sweep "$@" -o "$file" --no-progress >"$dir/out" 2>"$dir/err" &
    job=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        sleep 0.1
        now=$(done_in "$file")
        [ "${now:-0}" -gt 0 ] && break
    done
}
# ended WHO: the ranks of `begin` are no more
ended() {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        for rank in 0 1 2; do
            state=$(ps -o stat= -p "$(cat "$dir/pid.$rank")" 2>/dev/null)
            case $state in '' | Z*) ;; *) break ;; esac
        done
        case $state in '' | Z*) return ;; esac
        sleep 0.5
    done
    fail "$1: a rank is still there"
}

# One that is told to stop leaves, and the others go on, whatever mpirun would do with the dead.
begin "$dir/left.db" $long
kill -TERM "$(cat "$dir/pid.2")"
wait $job || fail "rank 2 was told to stop: status $?: $(cat "$dir/err")"
grep -q '^natpulse: rank 2 leaves' "$dir/err" || fail "rank 2 was told to stop: $(cat "$dir/err")"
"$N" sweep --dump "$file" | cmp - "$dir/long" || fail 'rank 2 was told to stop: other rows'
# All of them are, by mpirun, which is told itself.
begin "$dir/stopped.db" $long
kill -TERM $job
wait $job
# It kills them a second later: rank 0 may not come to say how far it was.
[ ! -s "$dir/err" ] || grep -q 'stopped with [0-9]* of [0-9]* runs' "$dir/err" || fail "all were told to stop: $(cat "$dir/err")"
grep -q 'leaves' "$dir/err" && fail "all were told to stop: $(cat "$dir/err")"
"$N" sweep $long -o "$dir/stopped.db" --quiet && "$N" sweep --dump "$dir/stopped.db" | cmp - "$dir/long" ||
    fail 'all were told to stop: other rows'

# By default mpirun ends them all. What was finished is there, and the rest is done by the next.
for victim in 1 2 0; do
    begin "$dir/dead-$victim.db" $long
    kill -KILL "$(cat "$dir/pid.$victim")" 2>/dev/null
    wait $job && fail "rank $victim died: status 0"
    now=$(done_in "$file")
    [ "${now:-0}" -gt 0 ] || fail "rank $victim died: ${now:-none} done"
    ranks 3 "$M" sweep $long -o "$file" --quiet 2>"$dir/err" || fail "rank $victim died, the rest: $(cat "$dir/err")"
    "$N" sweep --dump "$file" | cmp - "$dir/long" || fail "rank $victim died: other rows"
done

# Where it lets the others live, one death is a run done again, two leave rank 0 to do it all.
export OMPI_MCA_orte_enable_recovery=1
for victims in 1 '1 2'; do
    begin "$dir/live-${victims% *}${victims#* }.db" $long
    for victim in $victims; do kill -KILL "$(cat "$dir/pid.$victim")"; done
    wait $job || fail "ranks $victims died, the others live: status $?: $(cat "$dir/err")"
    for victim in $victims; do
        grep -q "^natpulse: rank $victim is gone" "$dir/err" || fail "ranks $victims died, and nobody said so: $(cat "$dir/err")"
    done
    "$N" sweep --dump "$file" | cmp - "$dir/long" || fail "ranks $victims died, the others live: other rows"
    ended "ranks $victims died"
done
# Without rank 0 the others end by themselves.
begin "$dir/dead0.db" $long
kill -KILL "$(cat "$dir/pid.0")"
wait $job
ended 'rank 0 died'
now=$(done_in "$dir/dead0.db")
[ "${now:-0}" -gt 0 ] || fail 'rank 0 died: nothing is there'

# One that hangs for longer than ten seconds, and goes on: its run was done by another meanwhile.
begin "$dir/hung.db" $long --set replicas=60
hung=$(cat "$dir/pid.1")
kill -STOP "$hung"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    sleep 0.5
    grep -q 'rank 1 is gone' "$dir/err" && break
done
grep -q 'rank 1 is gone; another does its run' "$dir/err" || fail "a rank that hangs: $(cat "$dir/err")"
kill -CONT "$hung"
wait $job || fail "a rank that hung: status $?: $(cat "$dir/err")"
"$N" sweep $long --set replicas=60 -o "$dir/unhung.db" --quiet && "$N" sweep --dump "$dir/unhung.db" >"$dir/unhung"
"$N" sweep --dump "$dir/hung.db" | cmp - "$dir/unhung" || fail 'a rank that hung: other rows'
ended 'a rank that hung'
exit $bad
