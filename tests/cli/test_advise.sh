#!/bin/sh
# natpulse advise: the answer is one that arithmetic knows, every command it prints gives the figure it stands for, the
# bytes do not depend on threads, and mistakes are told under the name of the option that made them.
set -u
N=${NATPULSE:?the program under test}
N=$(cd "$(dirname "$N")" && pwd)/$(basename "$N")
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-advise.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export NATPULSE_PROFILES="$root/scenarios/profiles"
cd "$dir" || exit 1
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# A box that forgets after five minutes; nothing else happens. Names with a blank, a quote and an equals sign.
cat >base.yaml <<'Y'
name: base
duration: 2h
warmup: 10m
replicas: 3
nat: {profile: lru-box, timeouts: {tcp_established: 5m, tcp_transitory: 5m}}
clients: [{name: users, count: 4, workload: {profile: push, gap: 100h}, arrival: uniform(0s 1m)}]
strategies:
  - {name: "it's a beat", heartbeat: {every: 1m, timeout: 10s, misses: 2, server_closes_after: 150s}}
  - {name: alive, keepalive: {idle: 1m, interval: 10s, probes: 6}}
  - {name: nothing}
  - {name: mute}
  - {name: "=slow", keepalive: {idle: 1m, interval: 75s, probes: 9}}
Y
ladder=30s,1m,2m,4m,270s,6m,10m

"$N" advise base.yaml --ladder $ladder -o a.txt || fail "status $?"
grep -q '^Set a TCP keepalive with an idle time of 4 min 30 s (6 probes, 10 s apart)' a.txt || fail "the answer: $(sed -n 4,7p a.txt)"
grep -q '6 min does not hold behind lru-box' a.txt || fail 'the next longer interval is not told'
grep -q '^warning: few-replicas: 3 replicas' a.txt || fail 'no word about three replicas'
# Two boxes and a third that is YAML: the shortest counts, and each is named.
"$N" advise base.yaml --nat 'linux,{profile: lru-box, timeouts: {tcp_established: 90s}}' --nat cisco-asa --ladder $ladder \
    --format json -o b.json || fail "several NATs: status $?"
grep -q 'with an idle time of 1 min ' b.json || fail "several NATs: $(grep '"answer"' b.json)"
grep -q '"name": "timeout-not-seen".*linux' b.json || fail 'nobody says that five days were not seen'

# The same bytes, whatever the threads; in every format.
for f in table json csv md; do
    "$N" advise base.yaml --nat linux,lru-box --ladder $ladder --set nat.capacity=50 --format $f --jobs 1 >one || fail "$f: status $?"
    "$N" advise base.yaml --nat linux,lru-box --ladder $ladder --set nat.capacity=50 --format $f --jobs 8 >eight
    cmp one eight || fail "$f depends on the threads"
    mv one one.$f
done
grep -q '^| longest that holds | it.s a beat heartbeat.every | alive keepalive.idle | nothing | mute | =slow keepalive.idle |$' one.md || fail "markdown: $(grep longest one.md)"
[ "$(sed -n 4p one.csv)" = 'candidate,nat,interval_s,holds,key,mean,low,high' ] || fail "csv: $(sed -n 4p one.csv)"

# Every command that is printed gives the figures it stands for, to the byte.
PATH=$dir/bin:$PATH
mkdir bin && ln -s "$N" bin/natpulse
if command -v python3 >/dev/null 2>&1; then
    python3 - b.json one.json <<'P' || fail 'a printed command does not give its figures'
import json, subprocess, sys
runs = 0
for path in sys.argv[1:]:
    advice, seen = json.load(open(path)), {}
    assert len(advice["trials"]) >= 2 * len(advice["candidates"])
    for t in advice["trials"]:
        command = t["command"]
        if command not in seen:
            p = subprocess.run(["sh", "-c", command + " --format json"], capture_output=True, text=True)
            assert p.returncode == 0, (command, p.stderr)
            seen[command] = json.loads(p.stdout)
            runs += 1
        point = seen[command]["points"][0]
        assert point["digest"] == t["digest"], command
        row = [s for s in point["strategies"] if s["name"] == t["candidate"]]
        assert len(row) == 1 and json.dumps(row[0]["metrics"]) == json.dumps(t["metrics"]), command
print(runs, "commands repeated")
P
else
    echo 'python3 is not there: the commands are run, their figures not compared'
fi
# Those of the table are the same as those of JSON, each once, and run as they stand.
"$N" advise base.yaml --ladder $ladder -q >a.txt
sed -n 's/^ *[0-9, ]*   \(natpulse run .*\)/\1/p' a.txt >commands
[ "$(wc -l <commands)" -ge 5 ] || fail "only $(wc -l <commands) commands"
[ "$(sort -u commands | wc -l)" = "$(wc -l <commands)" ] || fail 'a command is there twice'
while IFS= read -r line; do
    sh -c "$line" >out 2>err </dev/null || fail "does not run: $line: $(cat err)"
done <commands
sed -n '/^```sh$/,/^```$/p' one.md | grep '^natpulse' >commands
while IFS= read -r line; do
    sh -c "$line" >out 2>err </dev/null || fail "does not run: $line: $(cat err)"
done <commands

# A target that nobody meets: status 1, and what comes nearest.
"$N" advise base.yaml --ladder $ladder --set nat.capacity=3 >out 2>err
[ $? = 1 ] || fail 'a target that nobody meets: status is not 1'
grep -q '^No candidate meets reachable_fraction > 99.9% behind lru-box for sure. Nearest comes ' out || fail "nobody: $(sed -n 4,6p out)"
[ ! -s err ] || fail "something on standard error: $(cat err)"
# Many NATs: one that is too small for all, and more evidence than a table shows; Markdown and CSV have all of it.
many=$(seq 20 39 | sed 's/.*/{profile: lru-box, timeouts: {tcp_established: &s}}/' | paste -sd, -)
"$N" advise base.yaml --ladder 10s,15s,30s,35s --replicas 2 --nat "$many,{profile: lru-box, capacity: 3}" >out 2>err
[ $? = 1 ] || fail "many NATs: status is not 1: $(cat err)"
grep -q 'behind the other 20 it holds' out || fail "many NATs: $(sed -n 4,6p out)"
left=$(sed -n 's/^\([0-9]*\) more lines, .*/\1/p' out)
shown=$(grep -c '^ *[0-9][0-9]*   .*  \(yes\|no\|unsure\)  ' out)
"$N" advise base.yaml --ladder 10s,15s,30s,35s --replicas 2 --nat "$many,{profile: lru-box, capacity: 3}" -o all.md -q
[ $((left + shown)) = "$(grep -c '^| [0-9][0-9]* |' all.md)" ] || fail "$shown lines and $left more are not those of Markdown"
[ "$shown" -le 48 ] || fail "$shown lines of evidence are too many to read"
# Several targets, another cost, and profiles as candidates, of which one learns.
"$N" advise base.yaml --ladder $ladder --target 'reachable_fraction > 99%' --target 'wakeups_per_conn_hour < 200' --cost wakeups \
    --heartbeat mqtt,mars --keepalive linux >out 2>err || fail "profiles: $(cat err)"
grep -q "^longest that holds   linux keepalive   mqtt heartbeat    mars heartbeat" out || fail "profiles: $(grep longest out)"
grep -q 'wake-ups, [0-9.]* k\?B of upkeep an hour' out || fail "the cost asked for comes first: $(sed -n 4,8p out)"
# The scenario's own targets, unless others are given.
{ cat base.yaml; echo 'expect: [reachable_fraction of alive > 3%, nat_entries_mean < 0]'; echo 'vary: {seed: [1, 2]}'; } >own.yaml
"$N" advise own.yaml --ladder $ladder >out 2>err
[ $? = 1 ] || fail "own targets: status is not 1: $(cat err)"
grep -q 'meets nat_entries_mean < 0 ' out || fail "own targets: $(sed -n 4,6p out)"

# Our own scenarios, cut short: found by name, changed by options.
short="--replicas 2 --duration 10m --ladder 10s,30s,1m -q"
# shellcheck disable=SC2086
"$N" advise $short --workload iot --clients 5 --background none --radio wifi --cost energy -o out.json || fail "advise: status $?"
for s in 'duration=10m' 'clients.clients.workload=iot' 'clients.clients.count=5' 'clients.background.count=0' 'clients.clients.radio=wifi' 'replicas=2'; do
    grep -q -- "natpulse run advise .*--set $s" out.json || fail "no --set $s in the commands"
done
# shellcheck disable=SC2086
"$N" advise $short --transport udp --clients 3 --background scan:1 -o out.json
[ $? -le 1 ] || fail 'advise over UDP'
grep -q 'natpulse run advise-udp .*--set clients.background.workload=scan --set clients.background.count=1 ' out.json || fail 'background over UDP'
{ "$N" show advise -o shown.yaml && "$N" check shown.yaml >out; } || fail 'show advise is no scenario'

# Mistakes: status 2, nothing on standard output, and words that name the option and what would be right.
wrong() { # WORDS ARGUMENT...
    words=$1
    shift
    "$N" advise "$@" >out 2>err
    got=$?
    [ $got = 2 ] || fail "advise $*: status $got"
    [ ! -s out ] || fail "advise $*: something on standard output"
    grep -qF -- "$words" err || fail "advise $*: $(cat err)"
}
wrong '--nat:1:1: error: there is no nat profile "lru-bx"; did you mean "lru-box"?' --nat lru-bx
wrong '--nat names linux twice' --nat linux,lru-box --nat linux
wrong 'nothing before or after a comma' --nat linux,,lru-box
wrong 'nothing before or after a comma' --nat ''
wrong '--target:1:1: error: expect: there is no figure "reachable"' --target 'reachable > 1'
wrong 'leave out the strategy' base.yaml --target 'reachable_fraction of alive > 1%'
wrong '--cost upkeep: expected upkeep_bytes' --cost upkeep
wrong 'energy has no meaning without a radio' base.yaml --cost energy
wrong "--ladder: '5' is no interval" --ladder 5
wrong '--ladder: 1m comes after 2m' --ladder 2m,1m
wrong 'too short for an interval of 10s' --duration 20s
wrong '--duration:1:1: error: duration: "soon" is not a duration' --duration soon
wrong '--workload:1:1: error: there is no workload profile "pusch"; did you mean "push"?' --workload pusch
wrong '--background:1:1: error: count: "many" is not a count' --background web:many
wrong 'expected WORKLOAD:CLIENTS' --background web:
wrong '--radio:1:1: error: there is no radio profile "5g"' --radio 5g
wrong '--transport quic: expected tcp or udp' --transport quic
wrong 'for yours expected --set clients.NAME.workload=VALUE' base.yaml --workload push
wrong "'mq tt' is no name of a profile" --heartbeat 'mq tt'
wrong 'there is no heartbeat profile "mqt"; did you mean "mqtt"?' --heartbeat mqt
wrong '--set:1:14: error: capacity: "0" is too small' --duration 1h --set nat.capacity=0
wrong '--set:2:14: error: capacity: "0" is too small' --nat linux --duration 1h --set seed=3 --set nat.capacity=0
wrong '--replicas 1: expected a whole number from 2' --replicas 1
wrong 'expected --format table, json, csv or md' --format jsonl
wrong 'cannot read the scenario' nowhere.yaml
exit $bad
