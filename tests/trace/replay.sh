#!/bin/sh
# natpulse replay and curve from the outside: results, exit statuses, messages, and that no half-written file stays.
# Usage: NATPULSE=path/to/natpulse tests/trace/replay.sh
set -u
natpulse=${NATPULSE:?names the binary}
capture=scenarios/captures/keepalive.pcap
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-replay.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

command=replay
# status EXPECTED ARGS...: runs $command with its output in $dir/out and $dir/err.
status() {
    expected=$1
    shift
    "$natpulse" $command "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got -eq "$expected" ] || { fail "status $got, not $expected: $command $*"; cat "$dir/err"; }
}
says() { grep -qF -e "$1" "$dir/out" "$dir/err" || { fail "no '$1' in:"; cat "$dir/out" "$dir/err"; }; }
silent() { [ ! -s "$dir/err" ] || { fail "unexpected on standard error:"; cat "$dir/err"; }; }
same() { [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"; }

# A large enough table keeps all but the silent UDP flow, which outlives its 30 seconds.
status 0 "$capture"
silent
says 'profile   lru-box'
says '264 over 40.999s'
says '1 of 24 flows would have lost their mapping'
says 'table-never-full'

# A small one hurts those who kept quiet; keepalive and heartbeat survive.
status 0 "$capture" --set nat.capacity=12 --flows "$dir/flows.csv" --verdicts "$dir/verdicts.csv"
says '3 of 24 flows would have lost their mapping'
same "$(head -n 1 "$dir/verdicts.csv")" \
    'n,time,dir,proto,src,sport,dst,dport,verdict,reason,out_src,out_sport,out_dst,out_dport' 'verdict columns'
same "$(wc -l <"$dir/verdicts.csv" | tr -d ' ')" 265 'verdict rows'
same "$(awk -F, 'NF != 14' "$dir/verdicts.csv")" '' 'rows without 14 fields'
same "$(awk -F, '$11 + $12 > 0 && $10 < 30' "$dir/flows.csv" | wc -l | tr -d ' ')" 0 'hurt flows that were not idle'
same "$(awk -F, 'NR > 1 { n += $8 } END { print n }' "$dir/flows.csv")" 264 'packets of all flows'
same "$(awk -F, 'NR > 1 && $10 < 30 && $7 - $6 > 30' "$dir/flows.csv" | wc -l | tr -d ' ')" 3 'long flows kept alive'

# JSON says the same; the extension chooses it.
status 0 "$capture" --set nat.capacity=12 -o "$dir/summary.json"
same "$(cat "$dir/out")" '' 'standard output with -o'
grep -q '"hurt": 3$' "$dir/summary.json" || fail 'JSON without "hurt": 3'
grep -q '"every_s": 30' "$dir/summary.json" || fail 'JSON without intervals'

# Where tshark is, its conversations have the same packets and bytes.
if command -v tshark >/dev/null 2>&1; then
    theirs=$(tshark -n -r "$capture" -T fields -e frame.len -e ip.proto 2>/dev/null |
        awk '{ n++; b += $1 } END { print n, b }')
    ours=$(awk -F, 'NR > 1 { n += $8; b += $9 } END { print n, b }' "$dir/flows.csv")
    same "$ours" "$theirs" 'packets and bytes'
    same "$(tshark -n -r "$capture" -q -z conv,tcp -z conv,udp 2>/dev/null | grep -c '<->')" 24 'conversations'
fi

# Standard input, and the same capture twice, merged.
"$natpulse" replay "$capture" | grep -v ^captures >"$dir/by-name"
"$natpulse" replay - <"$capture" | grep -v ^captures >"$dir/by-stdin"
cmp -s "$dir/by-name" "$dir/by-stdin" || fail 'standard input differs from the file'
status 0 "$capture" "$capture"
says '528 over 40.999s'
status 0 "$capture" --filter 'tcp port 80'
says '150 over'
says '114 more left out'

# A file cut short is used up to the cut, and says so.
head -c 5000 "$capture" >"$dir/cut.pcap"
status 0 "$dir/cut.pcap"
says 'packets-cut: 1 of 1 files could not be read to the end'
says 'truncated'
status 0 "$capture" --inside 192.0.2.0/24
says 'nothing-inside: no packet goes between an inside address and another; name the addresses of the clients by --inside'
status 0 "$capture" --inside 0.0.0.0/0
says 'all that have one go from inside to inside'

# Files that cannot be used, in part or at all, are named and spoil nothing; alone they are an error.
: >"$dir/empty.pcap"
echo 'Dear Sir or Madam' >"$dir/letter.pcap"
head -c 10 "$capture" >"$dir/head.pcap"
head -c 24 "$capture" | tr '\001' '\153' >"$dir/relay.pcap" # link type 107 for 1
{ head -c 32 "$capture"; printf '\377\377\377\177\377\377\377\177'; tail -c +41 "$capture"; } >"$dir/absurd.pcap"
gzip -c "$capture" | head -c 200 >"$dir/cut.pcap.gz"
"$natpulse" replay "$capture" --format json | sed '/"captures"/,/]/d; /"warnings"/,$d' >"$dir/alone"
for command in replay curve; do
    status 0 "$dir"/*.pcap "$capture"
    says '1 of 7 files could not be read to the end: '"$dir/cut.pcap: the file is truncated"
    says '5 of 7 files gave no packet: '
    for name in empty letter head relay absurd; do says "$dir/$name.pcap: "; done
    says 'link type FRELAY (107) is not among those'
    for name in empty letter head relay absurd; do
        status 3 "$dir/$name.pcap"
        says "natpulse: $dir/$name.pcap: "
    done
done
command=replay
rm "$dir/cut.pcap" "$dir/cut.pcap.gz"
"$natpulse" replay "$dir"/*.pcap "$capture" --format json | sed '/"captures"/,/]/d; /"warnings"/,$d' >"$dir/among"
cmp -s "$dir/alone" "$dir/among" || fail "files that are none changed the result: $(diff "$dir/alone" "$dir/among")"
"$natpulse" fit "$dir"/*.pcap "$capture" >"$dir/out" 2>"$dir/err" || fail "fit: $(cat "$dir/err")"
says '# warning files-unused: 5 of 6 files gave no packet'
rm "$dir"/*.pcap

# As many files as the system allows, more than it allows at first: all are open at once.
mkdir "$dir/many"
for i in 0 1 2 3 4 5 6 7 8 9; do for k in 0 1 2 3 4 5 6 7 8 9; do ln "$capture" "$dir/many/$i$k.pcap" 2>/dev/null || cp "$capture" "$dir/many/$i$k.pcap"; done; done
(ulimit -S -n 60 && exec "$natpulse" replay "$dir"/many/*.pcap >"$dir/out" 2>"$dir/err") || fail 'a hundred files'
says '26400 over 40.999s'
(ulimit -n 60 && exec "$natpulse" replay "$dir"/many/*.pcap >"$dir/out" 2>"$dir/err")
same $? 3 'status when there are too many files'
says 'ulimit -n'
rm -r "$dir/many"

# A signal ends the reading of a pipe that has nothing to give, at once, whatever comes through it; what was read
# counts, and it is no damage.
if [ -r /proc/self/status ]; then
    mkfifo "$dir/pipe"
    gzip -c "$capture" >"$dir/packed.gz"
    for file in "$capture" "$dir/packed.gz"; do
        for command in replay curve fit; do
            { cat "$file"; exec sleep 60; } >"$dir/pipe" &
            writer=$!
            "$natpulse" $command - <"$dir/pipe" >"$dir/out" 2>"$dir/err" &
            reader=$!
            # Once it catches SIGINT (number 2) and waits within read(2), it is signalled.
            tries=0
            until grep -q '^SigCgt:.*[2367abef]$' /proc/$reader/status && grep -q '^State:.*S' /proc/$reader/status; do
                tries=$((tries + 1))
                [ $tries -lt 200 ] || break
                sleep 0.1
            done
            sleep 0.5 # for what is in the pipe
            kill -INT $reader
            wait $reader
            same $? 4 "status of an interrupted $command"
            kill $writer 2>/dev/null || fail "$command waited for the end of the pipe"
            wait $writer 2>/dev/null
            says interrupted
            says 264
            ! grep -q 'packets-cut' "$dir/out" || fail "a signal is taken for damage: $(cat "$dir/out")"
        done
    done
    rm "$dir/pipe" "$dir/packed.gz"
fi
command=replay

# The same packed, by name and through standard input.
gzip -c "$capture" >"$dir/packed.gz"
"$natpulse" replay "$dir/packed.gz" | grep -v ^captures >"$dir/by-gzip"
cmp -s "$dir/by-name" "$dir/by-gzip" || fail 'a compressed capture differs from the plain one'
"$natpulse" replay - <"$dir/packed.gz" | grep -v ^captures >"$dir/by-gzip"
cmp -s "$dir/by-name" "$dir/by-gzip" || fail 'a compressed capture through standard input differs'

# Policies side by side; over time as rows and as a figure.
status 0 "$capture" --set nat.capacity=12 --compare lru,fifo,belady --timeline "$dir/time.csv"
says 'lru-box (lru | fifo | belady, 12 mappings)'
grep -q '^lru  *3 ' "$dir/out" || fail 'lru is not what it is alone'
# What a heartbeat would have kept is known of a table that evicts the longest idle, and of one that evicts none.
grep -qE '^ +5s +100\.0 +- +- ' "$dir/out" || fail "what is known of heartbeats: $(cat "$dir/out")"
says 'a heartbeat need not keep a mapping'
status 0 "$capture" --set nat.capacity=12 --set nat.evict=fifo --format json
same "$(grep -c '"flows": null' "$dir/out")" 10 'intervals unknown to fifo'
status 0 "$capture" --set nat.evict=fifo
grep -qE '^ +20s +1 +100.0 %' "$dir/out" && grep -qE '^ +30s +0 +0.0 %' "$dir/out" || fail "no eviction, and a timeout of 30 s: $(cat "$dir/out")"
same "$(head -n 1 "$dir/time.csv")" 'evict,time_s,entries,evicted,expired,packets_lost' 'timeline columns'
same "$(awk -F, '$1 == "lru" { n += $4 + $5 } END { print n }' "$dir/time.csv")" \
    "$(awk -F, 'NR > 1 { n += $11 + $12 } END { print n }' "$dir/flows.csv")" 'losses over time'
status 2 "$capture" --compare lru,bellady
says "did you mean 'belady'"
status 2 "$capture" --compare lru,fifo --verdicts "$dir/v.csv"
status 2 "$capture" --compare lru,fifo --public 192.0.2.1
says 'several boxes cannot be compared'
status 2 - --set nat.evict=belady <"$capture"
says 'standard input: its packets are needed twice'
status 2 "$capture" --figure "$dir/figure.jpg"
says 'expected .svg, .png or .pdf'
if command -v gnuplot >/dev/null 2>&1; then
    status 0 "$capture" --set nat.capacity=12 --compare lru,fifo --figure "$dir/figure.svg"
    grep -q '</svg>' "$dir/figure.svg" || fail 'no figure'
fi

# The curve says what a replay of each size says.
command=curve
status 0 "$capture" --timeouts none,30s,2m
says '30s'
status 0 "$capture" --timeouts 1h --sizes 1,4,8,12,24 --format csv
same "$(head -n 1 "$dir/out")" 'capacity,timeout_s,flows_hurt,packets_hurt,share,share_low,share_high' 'curve columns'
for closed in keep leave; do
    status 0 "$capture" --timeouts 1h --sizes 1,4,8,12,24 --format csv --closed $closed
    cp "$dir/out" "$dir/curve.csv"
    for size in 1 4 8 12 24; do
        "$natpulse" replay "$capture" --closed $closed --set nat.capacity=$size --set nat.timeouts.udp=1h \
            --set nat.timeouts.udp_stream=1h --set nat.timeouts.icmp=1h -o "$dir/one.json"
        same "$(awk -F, -v c=$size '$1 == c { print $3 "," $4 }' "$dir/curve.csv")" \
            "$(awk '/"hurt"/ && !h { gsub(/[^0-9]/, ""); h = $0 } /"losses"/ { l = 1 } l && /"packets"/ { gsub(/[^0-9]/, ""); print h "," $0; exit }' "$dir/one.json")" \
            "curve and replay at $size, closed $closed"
    done
done
status 0 "$capture" --sample 50% -o "$dir/curve.json"
grep -q '"ci95"' "$dir/curve.json" || fail 'a sampled curve without intervals'
status 2 "$capture" --timeouts 30
says "'30' is no timeout"
status 2 "$capture" --sizes 0
status 2 "$capture" --sizes 4x
status 2 "$capture" --sample 0
status 2 "$capture" --sample 150%
status 2 "$capture" --nat rfc-ideal
says 'lru only'
status 2 "$capture" --set nat.refresh=outbound
says 'nat.refresh=both'
status 2 "$capture" --format md
status 3 "$dir/missing.pcap"
if command -v gnuplot >/dev/null 2>&1; then
    status 0 "$capture" --figure "$dir/figure.svg"
    grep -q '</svg>' "$dir/figure.svg" || fail 'no figure'
fi
command=replay

# Mistakes.
status 2
status 2 "$capture" --filter 'tcp port 80 adn udp'
says "after 'tcp port 80'"
status 2 "$capture" --inside 10.0.0.0/33
says "'10.0.0.0/33' is no address prefix"
status 2 "$capture" --public fd00::1
status 2 "$capture" --adopt always
says 'expected first or never'
status 2 "$capture" --after-loss heal
status 2 "$capture" --format csv
says 'table or json'
status 2 "$capture" --verdicts -
status 2 "$capture" --set nat.capacity=0
status 2 "$capture" --set nat.capactiy=12
says capacity
status 2 "$capture" --nat no-such-box
status 3 "$dir/missing.pcap"
says 'cannot open'
status 3 "$dir"
says 'is a directory'
: >"$dir/empty"
status 3 "$dir/empty"
says 'is empty'
status 3 "$0"
says 'is no capture'

# Nothing half-written stays, whatever went wrong.
mkdir "$dir/results"
status 3 "$capture" "$dir/missing.pcap" --verdicts "$dir/results/v" --flows "$dir/results/f" -o "$dir/results/s.json"
same "$(ls "$dir/results")" '' 'files left by a failed replay'
status 4 "$capture" --verdicts "$dir/results/none/v"
if [ -c /dev/full ]; then
    status 4 "$capture" --verdicts /dev/full -o "$dir/results/s.json"
    same "$(ls "$dir/results")" '' 'files left by a full disk'
    "$natpulse" replay "$capture" >/dev/full 2>"$dir/err"
    same $? 4 'status with a full standard output'
fi

# A reader who leaves early is no error.
same "$({ "$natpulse" replay "$capture" -o "$dir/s.json" --verdicts - 2>"$dir/err"; echo $? >"$dir/status"; } | head -n 1)" \
    "$(head -n 1 "$dir/verdicts.csv")" 'first row through a pipe'
same "$(cat "$dir/status" "$dir/err")" 0 'status and words on a broken pipe'

[ $failures -eq 0 ]
