#!/bin/sh
# Captures out, read by tshark: nothing malformed, every checksum good, no remark that the scenario did not cause,
# as many keepalives as we counted; and the inside replayed through the same NAT loses the same mappings.
set -u
N=${NATPULSE:?the program under test}
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-pcap.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
NATPULSE_PROFILES=$root/scenarios/profiles
export NATPULSE_PROFILES
seed=${NP_SEED:-1}
echo "NP_SEED=$seed"
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# Without reassembly: a repetition that is cut otherwise than the original would count as malformed there.
shark() { tshark -r "$@" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -o tcp.desegment_tcp_streams:FALSE 2>/dev/null; }

# All that is asked of a capture's packets, in one reading: $dir/seen, a line a packet.
fields='frame.interface_name _ws.malformed _ws.short ip.checksum.status tcp.checksum.status udp.checksum.status
    _ws.expert.severity tcp.flags tcp.options.wscale.shift tcp.options.timestamp.tsval tcp.options.timestamp.tsecr
    tcp.options.sack_perm tcp.options.mss_val tcp.analysis.keep_alive tcp.analysis.keep_alive_ack
    tcp.analysis.duplicate_ack tcp.analysis.flags tcp.analysis.ack_lost_segment tcp.analysis.window_full
    tcp.analysis.zero_window tcp.analysis.window_update tcp.analysis.reused_ports tcp.analysis.retransmission
    tcp.stream'
look() { # FILE
    shark "$1" -T fields $(printf -- '-e %s ' $fields) >"$dir/seen"
}
# Packets of which a condition holds: awk, with the fields' names without dots and prefixes, "" where there is none.
frames() { # CONDITION
    awk -F '\t' 'NR == FNR { if (substr($8, length($8)) ~ /[4567cdef]/) was_reset[$24] = 1; next }
    {
        inside = $1 == "inside"; outside = $1 == "outside"; malformed = $2; short = $3; ip_sum = $4; tcp_sum = $5; udp_sum = $6
        severity = 0; n = split($7, all, ","); for (i = 1; i <= n; i++) if (all[i] > severity) severity = all[i] + 0
        flags = substr($8, length($8) - 1); syn = flags ~ /[2367abef]$/; ack = flags ~ /^[13579bdf]/; reset = flags ~ /[4567cdef]$/
        wscale = $9; tsval = $10; tsecr = $11; sack = $12; mss = $13; keep_alive = $14; keep_alive_ack = $15; duplicate_ack = $16
        remark = $17; unseen = $18; window_full = $19; zero_window = $20; window_update = $21; reused = $22; repeated = $23
        half_open = was_reset[$24]
        if ('"$1"') found++ } END { print found + 0 }' "$dir/seen" "$dir/seen"
}
ERROR=8388608 WARNING=6291456 # of Wireshark's expert information
same() { # WHAT EXPECTED FOUND
    [ "$2" -eq "$3" ] || fail "$1: $2 expected, $3 found"
}

scenario() { # the links
    cat <<YAML
name: captures
duration: 15m
warmup: 0s
seed: $seed
replicas: 1
nat: {profile: lru-box}
$1
servers: {count: 2}
clients:
  - {name: phones, count: 12, workload: {opens: server, loop: open, gap: exponential(5m), request: 200B}}
  - {name: talkers, count: 4, workload: chat}
  - {name: household, count: 2, workload: web, measure: false}
  - {name: sensors, count: 4, transport: udp, measure: false, workload: {opens: client, gap: 40s, request: 3kB, response: 20B}}
strategies:
  - {name: plain}
  - {name: keepalive, keepalive: {idle: 45s, interval: 10s, probes: 6}}
  - {name: both sides, keepalive: {idle: 50s, interval: 10s, probes: 6, at: both}}
  - {name: heartbeat, heartbeat: {every: 30s, timeout: 10s, misses: 2}}
YAML
}

# What every capture must be. Leaves counts of our own in $probes_in, $acks_in, $probes_out, $acks_out.
sound() { # FILE STDERR
    read -r packets_in probes_in acks_in packets_out probes_out acks_out <<COUNTS
$(sed -nE 's/^natpulse: .*: ([0-9]+) packets inside \(([0-9]+) keepalive probes, ([0-9]+) ACKs of them, [0-9]+ of heartbeats\), ([0-9]+) outside \(([0-9]+), ([0-9]+), [0-9]+\)$/\1 \2 \3 \4 \5 \6/p' "$2")
COUNTS
    [ -n "${acks_out:-}" ] || fail "$1: no counts: $(cat "$2")"
    look "$1"
    same "$1: packets inside" "$packets_in" "$(frames inside)"
    same "$1: packets outside" "$packets_out" "$(frames outside)"
    same "$1: malformed packets" 0 "$(frames 'malformed || short')"
    same "$1: IP checksums found good" $((packets_in + packets_out)) "$(frames 'ip_sum == 1')"
    same "$1: TCP and UDP checksums found good" $((packets_in + packets_out)) "$(frames 'tcp_sum == 1 || udp_sum == 1')"
    same "$1: errors" 0 "$(frames "severity >= $ERROR")"
    same "$1: SYNs without window scale, timestamps, SACK and MSS" 0 "$(frames 'syn && !(wscale == 7 && tsval && sack && mss == 1460)')"
    same "$1: echoed timestamps of SYNs" 0 "$(frames 'syn && !ack && tsecr != 0')"
    same "$1: segments that echo nothing" 0 "$(frames 'ack && tsecr != "" && tsecr == 0')"
}
# Where a probe crosses data or the other side's probe, tshark calls the ACK it draws a duplicate one.
keepalives() { # WHAT
    same "$1: probes inside" "$probes_in" "$(frames 'inside && keep_alive')"
    same "$1: probes outside" "$probes_out" "$(frames 'outside && keep_alive')"
}
answers() { # WHAT
    same "$1: answers inside" "$acks_in" "$(frames 'inside && (keep_alive_ack || duplicate_ack)')"
    same "$1: answers outside" "$acks_out" "$(frames 'outside && (keep_alive_ack || duplicate_ack)')"
}

# Nothing is lost: nothing to remark but openings, closings and keepalives. The talkers' and phones' answers may
# cross a probe (see above).
scenario 'access: {delay: 25ms}
core: {delay: 40ms}' >"$dir/clean.yaml"
for s in plain keepalive 'both sides' heartbeat; do
    "$N" run "$dir/clean.yaml" --pcap "$dir/clean.pcapng" --strategy "$s" -o "$dir/x.json" 2>"$dir/err" || fail "$s: status $?: $(cat "$dir/err")"
    sound "$dir/clean.pcapng" "$dir/err"
    case $s in
    plain | heartbeat) same "$s: probes" 0 "$probes_in" ;;
    *) [ "$probes_in" -gt 100 ] && [ "$probes_in" -eq "$probes_out" ] || fail "$s: $probes_in probes inside, $probes_out outside" ;;
    esac
    keepalives "$s"
    answers "$s"
    same "$s: remarks" 0 "$(frames 'remark && !keep_alive && !keep_alive_ack && !duplicate_ack')"
    same "$s: resets" 0 "$(frames reset)"
    same "$s: warnings" 0 "$(frames "severity >= $WARNING")"
done
cp "$dir/clean.pcapng" "$dir/first.pcapng"
"$N" run "$dir/clean.yaml" -q --pcap "$dir/clean.pcapng" --strategy heartbeat -o "$dir/x.json" 2>"$dir/err"
cmp -s "$dir/first.pcapng" "$dir/clean.pcapng" || fail 'the same run gave another capture'
[ ! -s "$dir/err" ] || fail "--quiet was not: $(cat "$dir/err")"

# Losses on both links. What is lost before the box was never seen at it, so there may be a hole where it was, and
# repetitions, out of order to who had seen later data; but nothing is acknowledged that did not pass.
scenario 'access: {delay: 25ms, jitter: exponential(2ms), loss: {gilbert: {mean_loss: 1%, mean_burst: 400ms}}}
core: {delay: 40ms, loss: 0.5%}' >"$dir/lossy.yaml"
for s in keepalive heartbeat; do
    "$N" run "$dir/lossy.yaml" --pcap "$dir/lossy.pcapng" --strategy "$s" -o "$dir/x.json" 2>"$dir/err" || fail "lossy $s: status $?: $(cat "$dir/err")"
    sound "$dir/lossy.pcapng" "$dir/err"
    keepalives "lossy $s"
    same "lossy $s: remarks that loss does not explain" 0 "$(frames 'unseen || window_full || zero_window || window_update || reused')"
    [ "$(frames repeated)" -gt 0 ] || fail "lossy $s: no retransmission at all"
done

# A full table: the inside replayed through the same NAT gives each packet the same verdict, and as many evictions
# and expiries.
nat='--set nat.capacity=40 --set nat.timeouts.tcp_established=4m --set nat.timeouts.tcp_transitory=3m --set nat.timeouts.udp=30s --set nat.timeouts.udp_stream=30s'
for s in plain keepalive heartbeat; do
    "$N" run "$dir/lossy.yaml" $nat -q --pcap "$dir/full.pcapng" --events "$dir/events.csv" --strategy "$s" -o "$dir/x.json" || fail "full $s: status $?"
    "$N" replay "$dir/full.pcapng" $nat --inside 10.0.0.0/8 --adopt never --after-loss dead --verdicts "$dir/verdicts.csv" -o "$dir/replay.json" || fail "replay $s: status $?"
    evicted=$(awk -F, '$2 == "evicted"' "$dir/events.csv" | wc -l)
    [ "$evicted" -gt 100 ] || fail "full $s: only $evicted evictions"
    same "replay $s: evictions" "$evicted" "$(sed -n 's/^ *"evictions": \([0-9]*\),*$/\1/p' "$dir/replay.json")"
    # The table at the last packet inside: what expires later, a replay of the inside does not see.
    last=$(shark "$dir/full.pcapng" -Y 'frame.interface_name == "inside"' -T fields -e frame.time_epoch | tail -n 1)
    same "replay $s: expiries" "$(awk -F, -v last="$last" '$2 == "expired" && $1 <= last' "$dir/events.csv" | wc -l)" \
        "$(sed -n 's/^ *"expiries": \([0-9]*\),*$/\1/p' "$dir/replay.json")"
    shark "$dir/full.pcapng" -T fields -e frame.interface_name -e ip.src -e ip.id -e frame.time_epoch >"$dir/frames"
    awk -F '\t' '{ place[NR] = $1; src[NR] = $2; id[NR] = $3; at[NR] = $4 }
        END { for (i = 1; i <= NR; i++) if (place[i] == "inside")
            print i - 1, src[i] !~ /^10\./ || (place[i + 1] == "outside" && id[i + 1] == id[i] && at[i + 1] == at[i]) ? "forward" : "drop" }' "$dir/frames" >"$dir/passed"
    awk -F, 'NR > 1 { print $1, $9 }' "$dir/verdicts.csv" >"$dir/replayed"
    cmp -s "$dir/passed" "$dir/replayed" || fail "replay $s: other verdicts: $(diff "$dir/passed" "$dir/replayed" | head -n 4)"
    grep -q drop "$dir/passed" || fail "full $s: nothing was dropped"
done

# Other worlds: TLS, NAT behind NAT, boxes that reset and restart, clients that roam and vanish, servers that restart, a
# connection for each request, heartbeats of all kinds. What each causes is allowed, what nothing causes is not.
cat >"$dir/worlds.yaml" <<YAML
name: worlds
duration: 20m
warmup: 0s
seed: $seed
replicas: 1
nat: {profile: lru-box, capacity: 60, timeouts: {tcp_established: 4m, tcp_transitory: 3m}}
access: {delay: 25ms, jitter: exponential(2ms), loss: 0.5%}
core: {delay: 40ms}
servers: {count: 2}
clients:
  - {name: phones, count: 15, workload: {opens: server, loop: open, gap: exponential(2m), request: uniform(1B 9kB)}, churn: {vanish: {every: exponential(15m), back: 1m}, roam: {every: exponential(6m)}}}
  - {name: household, count: 3, workload: web, measure: false}
  - {name: sensors, count: 4, transport: udp, measure: false, workload: {opens: client, gap: 40s, request: 900B, response: 20B}}
strategies:
  - {name: keepalive, keepalive: {idle: 40s, interval: 10s, probes: 4, at: both}}
  - {name: tls 1.2, tls: 1.2, keepalive: {idle: 50s, interval: 10s, probes: 4}}
  - {name: tls 1.3, tls: 1.3, heartbeat: {every: 30s, timeout: 10s, misses: 2}}
  - {name: requests, connection: per-request, poll: 1m}
  - {name: pool, connection: pool, pool: 3, heartbeat: {strategy: jittered, every: 20s, timeout: 5s, misses: 1, from: both}, keepalive: {idle: 60s, interval: 15s, probes: 3}}
YAML
cat >"$dir/datagrams.yaml" <<YAML
$(sed '/^clients:/,$d' "$dir/worlds.yaml")
clients:
  - {name: players, count: 20, transport: udp, workload: {opens: client, gap: exponential(20s), request: uniform(1B 1400B), response: 100B}, churn: {roam: {every: exponential(5m)}}}
strategies:
  - {name: beats, heartbeat: {every: 25s, timeout: 5s, misses: 2}}
YAML
sed 's/^nat: .*/nat: [{profile: lru-box, capacity: 60, timeouts: {tcp_established: 4m}}, {profile: linux, capacity: 40, timeouts: {tcp_established: 3m}}]/' "$dir/worlds.yaml" >"$dir/chain.yaml"
world() { # SCENARIO STRATEGY SET...
    file=$1 s=$2
    shift 2
    "$N" run "$dir/$file.yaml" "$@" --pcap "$dir/world.pcapng" --strategy "$s" -o "$dir/x.json" 2>"$dir/err" || fail "$s $*: status $?: $(cat "$dir/err")"
    sound "$dir/world.pcapng" "$dir/err"
    keepalives "$s $*"
    # A server that still holds what its client has lost answers a new SYN with an ACK of the old numbers, and is reset
    # (RFC 9293 3.5.1, half-open connections): tshark takes both for one connection.
    same "$s $*: remarks that nothing explains" 0 "$(frames 'unseen && !half_open || window_full || zero_window || window_update')"
    printf '%-12s %-50s %6s packets inside, %4s probes\n' "$s" "$*" "$packets_in" "$probes_in"
}
for s in keepalive 'tls 1.2' 'tls 1.3' requests pool; do world worlds "$s"; done
world datagrams beats
world worlds keepalive --set nat.at_expiry=reset-both --set nat.unknown_outbound=reset --set nat.unknown_inbound=reset
world worlds keepalive --set nat.restart.every=4m --set nat.restart.new_address=yes
world worlds pool --set servers.restart.every=5m --set servers.restart.down=10s
world worlds keepalive --set nat.profile=linux
world datagrams beats --set nat.restart.every=3m
world chain keepalive
world chain 'tls 1.3'

# A box that resets what it does not know: its resets are seen on the side they go to, and only there.
"$N" run "$dir/lossy.yaml" $nat --set nat.unknown_outbound=reset -q --pcap "$dir/reset.pcapng" --strategy keepalive -o "$dir/x.json" || fail "resets: status $?"
shark "$dir/reset.pcapng" -Y 'tcp.flags.reset == 1 && ip.src == 198.18.0.0/15' -T fields -e frame.interface_name | sort | uniq -c >"$dir/resets"
[ "$(awk '$2 == "inside" { print $1 }' "$dir/resets")" -gt "$(awk '$2 == "outside" { n = $1 } END { print n + 0 }' "$dir/resets")" ] || fail "resets of the box: $(cat "$dir/resets")"

# Two pcap files: the same packets, each place by itself, and the same replay.
packets_of() { shark "$@" -T fields -e frame.time_epoch -e frame.len -e eth.src -e ip.src -e ip.dst -e ip.id -e tcp.seq_raw -e tcp.checksum -e udp.checksum; }
"$N" run "$dir/lossy.yaml" $nat --pcap "$dir/two.pcap" --strategy heartbeat -o "$dir/x.json" 2>"$dir/err" || fail "two files: status $?"
grep -q "two-inside.pcap.*two-outside.pcap" "$dir/err" || fail "two files: no word about their names: $(cat "$dir/err")"
[ ! -e "$dir/two.pcap" ] || fail 'two files and a third'
for place in inside outside; do
    case $(capinfos -T -r -m -t -E "$dir/two-$place.pcap") in
    *,nsecpcap,ether) ;;
    *) fail "two files: $(capinfos -T -r -m -t -E "$dir/two-$place.pcap")" ;;
    esac
    packets_of "$dir/two-$place.pcap" >"$dir/by-file"
    packets_of "$dir/full.pcapng" -Y "frame.interface_name == \"$place\"" >"$dir/by-interface"
    cmp -s "$dir/by-file" "$dir/by-interface" || fail "two files: $place differs: $(diff "$dir/by-file" "$dir/by-interface" | head -n 4)"
done
"$N" replay "$dir/two-inside.pcap" $nat --inside 10.0.0.0/8 --adopt never --after-loss dead -o "$dir/two.json" || fail "replay of two files: status $?"
for key in evictions expiries hurt forward drop; do
    same "replay of one of two files: $key" "$(sed -n "s/^ *\"$key\": \([0-9]*\),*\$/\1/p" "$dir/replay.json" | head -n 1)" "$(sed -n "s/^ *\"$key\": \([0-9]*\),*\$/\1/p" "$dir/two.json" | head -n 1)"
done

# The events: one run, told as CSV and as JSON lines.
[ "$(sed -n 's/^# scenario captures, digest [0-9a-f]*, //p' "$dir/events.csv")" = "seed $seed, replica 0, strategy heartbeat" ] || fail "events: $(head -n 2 "$dir/events.csv")"
[ "$(sed -n 3p "$dir/events.csv")" = 'time,event,cause,client,connection' ] || fail 'events: no names of columns'
grep -qE '^[0-9]+\.[0-9]{9},break,evicted,[0-9]+,[0-9]+$' "$dir/events.csv" || fail 'events: no break by eviction'
grep -qE '^[0-9]+\.[0-9]{9},client_knew,heartbeat,[0-9]+,[0-9]+$' "$dir/events.csv" || fail 'events: no detection by heartbeat'
awk -F, '/^[0-9]/ { if ($1 + 0 < last) exit 1; last = $1 + 0 }' "$dir/events.csv" || fail 'events: out of order'
"$N" run "$dir/lossy.yaml" $nat -q --events "$dir/events.jsonl" --strategy heartbeat -o "$dir/x.json" || fail "events.jsonl: status $?"
same 'JSON lines' "$(sed '/^#/d' "$dir/events.csv" | wc -l)" "$(wc -l <"$dir/events.jsonl")" # a head each
if command -v python3 >/dev/null; then
    python3 - "$dir/events.csv" "$dir/events.jsonl" <<'PY' || fail 'CSV and JSON lines differ'
import csv, json, sys
rows = list(csv.DictReader(l for l in open(sys.argv[1]) if not l.startswith("#")))
lines = [json.loads(l) for l in open(sys.argv[2])]
assert lines[0]["strategy"] == "heartbeat" and lines[0]["replica"] == 0
for row, line in zip(rows, lines[1:], strict=True):
    assert float(row["time"]) == line["time"] and row["event"] == line["event"]
    for key in "cause", "client", "connection":
        assert row[key] == ("" if line[key] is None else str(line[key])), (row, line)
PY
fi

# Which run: the first strategy when none is named, and it says so; replicas differ; trouble.
"$N" run "$dir/clean.yaml" --set duration=2m --pcap "$dir/a.pcapng" -o "$dir/x.json" 2>"$dir/err"
grep -q "recording 'plain', the first of 4 strategies" "$dir/err" || fail "no word about the strategy: $(cat "$dir/err")"
"$N" run "$dir/clean.yaml" -q --set duration=2m --pcap "$dir/b.pcapng" --replica 1 -o "$dir/x.json"
cmp -s "$dir/a.pcapng" "$dir/b.pcapng" && fail 'replica 1 is replica 0'
"$N" run "$dir/clean.yaml" --pcap "$dir/c.pcapng" --strategy keepalve 2>"$dir/err"
[ $? -eq 2 ] && grep -q "did you mean 'keepalive'" "$dir/err" && [ ! -e "$dir/c.pcapng" ] || fail "a strategy that is not there: $(cat "$dir/err")"
"$N" run "$dir/clean.yaml" --strategy plain 2>"$dir/err" && fail '--strategy alone was taken'
"$N" run "$dir/clean.yaml" --pcap - 2>"$dir/err" >/dev/null && fail 'two results on standard output'
"$N" run "$dir/clean.yaml" -q --set duration=2m --pcap - -o "$dir/x.json" | cmp -s - "$dir/a.pcapng" || fail 'the capture on standard output is another'
if [ -w /dev/full ]; then
    "$N" run "$dir/clean.yaml" -q --set duration=2m --pcap /dev/full -o "$dir/y.json" 2>"$dir/err"
    [ $? -eq 4 ] && [ -s "$dir/err" ] && [ ! -e "$dir/y.json" ] || fail 'a full disk: no status 4, no word, or a result'
fi
exit $bad
