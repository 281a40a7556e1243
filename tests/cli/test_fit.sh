#!/bin/sh
# natpulse fit: a scenario fitted to a simulated capture gives back the parameters it was made with.
#
# Tolerances are stated at each value: three to four standard errors of the estimate at the number of values that
# the capture shows, or 1 % where a value is hardly random.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-fit.XXXXXX") || exit 1
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

# The value of a key of a group, or of a key of the whole (group -), without its comment.
value() { # FILE GROUP KEY
    awk -v group="$2" -v key="$3" '
        /^  - name: / { here = $3 }
        /^[a-z]/ { here = "-" }
        { line = $0; sub(/  #.*/, "", line); name = line; sub(/:.*/, "", name); gsub(/[ -]/, "", name) }
        here == group && name == key { sub(/^[^:]*: /, "", line); print line; exit }' "$1"
}

# The n-th parameter of a distribution (or the constant itself) in seconds, bytes, or as it is.
parameter() { # DISTRIBUTION N
    printf '%s\n' "$1" | sed 's/^[a-z]*(//; s/)$//; s/[a-z_]*=//g' | awk -v n="$2" '
        { text = $n; total = 0; plain = 1
          while (match(text, /^[0-9.]+(ns|us|ms|s|m|h|d)/)) {
              part = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1); plain = 0
              unit = part; gsub(/[0-9.]/, "", unit)
              total += part * (unit == "ns" ? 1e-9 : unit == "us" ? 1e-6 : unit == "ms" ? 1e-3 : unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 86400)
          }
          printf "%.9g\n", plain ? text + 0 : total }'
}

family() { # WHAT TEXT FAMILY
    case $2 in
    "$3("*) ;;
    *) fail "$1: $3 expected, '$2' found" ;;
    esac
}
near() { # WHAT FOUND EXPECTED SHARE
    awk -v x="$2" -v y="$3" -v share="$4" 'BEGIN { d = x - y; if (d < 0) d = -d; exit !(d <= share * y) }' &&
        printf '%-44s %12s for %12s (within %s)\n' "$1" "$2" "$3" "$4" || fail "$1: $2 found, $3 expected, within $4 of it"
}
is() { # WHAT FOUND EXPECTED
    [ "$2" = "$3" ] && printf '%-44s %s\n' "$1" "$2" || fail "$1: '$2' found, '$3' expected"
}

# An exponential, or in a sample out of fifty the Weibull that it is one of: of a shape that is 1 within four standard
# errors (0.78 / sqrt(values)), whose mean is nearly scale (1 + 0.42 (1 / shape - 1)).
exponential() { # WHAT TEXT MEAN SHARE SHAPE
    case $2 in
    weibull*)
        near "$1, shape" "$(parameter "$2" 2)" 1 "$5"
        near "$1, mean" "$(awk -v a="$(parameter "$2" 1)" -v b="$(parameter "$2" 2)" 'BEGIN { print a * (1 + 0.4228 * (1 / b - 1)) }')" "$3" "$4"
        ;;
    *)
        family "$1" "$2" exponential
        near "$1, mean" "$(parameter "$2" 1)" "$3" "$4"
        ;;
    esac
}

refit() { # NAME STRATEGY: simulates $dir/NAME.yaml, fits $dir/NAME-fit.yaml
    "$N" run "$dir/$1.yaml" -q --seed "$seed" --replicas 1 --pcap "$dir/$1.pcapng" --strategy "$2" -o "$dir/x.json" || fail "run $1: status $?"
    "$N" fit "$dir/$1.pcapng" -o "$dir/$1-fit.yaml" || { echo "fit $1: status $?"; exit 1; }
    "$N" check "$dir/$1-fit.yaml" >"$dir/out" 2>&1 || fail "check of $1: $(cat "$dir/out")"
    f=$dir/$1-fit.yaml
}

# ---- pushes, requests, upkeep ----

cat >"$dir/push.yaml" <<'YAML'
name: push
duration: 4h
warmup: 0s
nat: {profile: lru-box, capacity: 8k, timeouts: {tcp_established: 24h}}
access: {delay: 25ms}
core: {delay: 40ms}
servers: {count: 3}
clients:
  - {name: phones, count: 120, arrival: uniform(0s 10m), workload: {opens: server, loop: open, gap: exponential(5m), request: lognormal(median=180B sigma=0.5)}}
  - {name: household, count: 6, measure: false, connection: per-request, workload: {gap: exponential(30s), request: 350B, response: lognormal(median=4212B sigma=1.366 cap=2MB), service: 30ms}}
strategies:
  - {name: keepalive, keepalive: {idle: 60s, interval: 10s, probes: 6}}
  - {name: heartbeat, heartbeat: {every: 30s, timeout: 10s, misses: 2, bytes: 6B, answer_bytes: 2B}}
  - {name: pings, heartbeat: {every: 40s, from: server, timeout: 10s, misses: 2, bytes: 30B, answer_bytes: 12B}}
YAML
for s in keepalive heartbeat pings; do
    echo "-- pushes and requests, $s"
    refit push "$s"
    near 'access delay' "$(parameter "$(value "$f" - access | tr -d '{}' | sed 's/delay: //')" 1)" 0.025 0.01
    near 'core delay' "$(parameter "$(value "$f" - core | tr -d '{}' | sed 's/delay: //')" 1)" 0.040 0.01
    is servers "$(value "$f" - servers)" '{count: 3}'
    is 'push clients' "$(value "$f" tcp-pushes count)" 120
    is 'push opens' "$(value "$f" tcp-pushes opens)/$(value "$f" tcp-pushes loop)" server/open
    v=$(value "$f" tcp-pushes arrival) # 120 values: the ends are known to 9 spacings
    family 'push arrival' "$v" uniform
    near 'push arrival, latest' "$(parameter "$v" 2)" 600 0.075
    v=$(value "$f" tcp-pushes gap) # about 5500 values
    exponential 'push gap' "$v" 300 0.08 0.042
    v=$(value "$f" tcp-pushes request)
    family 'push size' "$v" lognormal
    near 'push size, median' "$(parameter "$v" 1)" 180 0.05
    near 'push size, sigma' "$(parameter "$v" 2)" 0.5 0.07
    is 'push answer' "$(value "$f" tcp-pushes response)" 0B
    is 'request clients' "$(value "$f" tcp-requests count)" 6
    is 'request opens' "$(value "$f" tcp-requests opens)/$(value "$f" tcp-requests loop)" client/closed
    v=$(value "$f" tcp-requests gap) # about 2800 values
    exponential 'think time' "$v" 30 0.07 0.06
    is 'request size' "$(value "$f" tcp-requests request)" 350B
    v=$(value "$f" tcp-requests response)
    family 'response size' "$v" lognormal
    near 'response size, median' "$(parameter "$v" 1)" 4212 0.1
    near 'response size, sigma' "$(parameter "$v" 2)" 1.366 0.05
    near 'service time' "$(parameter "$(value "$f" tcp-requests service)" 1)" 0.030 0.01
    grep -qE '^    (keepalive|heartbeat): ' "$f" || fail "$s: no upkeep recognised"
    case $s in
    keepalive) is upkeep "$(sed -nE 's/^    (keepalive: \{idle: [^,]*),.*/\1/p' "$f")" 'keepalive: {idle: 1m' ;;
    heartbeat) is upkeep "$(sed -nE 's/^    (heartbeat: .*), timeout.*/\1/p' "$f")" 'heartbeat: {every: 30s, from: client, bytes: 6B, answer_bytes: 2B' ;;
    pings) is upkeep "$(sed -nE 's/^    (heartbeat: .*), timeout.*/\1/p' "$f")" 'heartbeat: {every: 40s, from: server, bytes: 30B, answer_bytes: 12B' ;;
    esac
done

# The circle closes: the fitted scenario makes about as many packets as the one it was fitted to.
"$N" run "$f" -q --seed "$seed" --replicas 1 --pcap "$dir/again.pcapng" -o "$dir/x.json" || fail "the fitted scenario: status $?"
"$N" fit "$dir/again.pcapng" -o "$dir/again.yaml" || fail "fitted again: status $?"
packets() { sed -nE 's/^# ([0-9]+) packets, .*/\1/p' "$1"; }
near 'packets of the fitted scenario' "$(packets "$dir/again.yaml")" "$(packets "$f")" 0.1

# ---- a keepalive that is not answered shows its interval and its count ----

echo '-- a NAT that forgets'
cat >"$dir/forget.yaml" <<'YAML'
name: forget
duration: 4h
warmup: 0s
nat: {profile: lru-box, timeouts: {tcp_established: 2m, tcp_transitory: 2m}}
access: {delay: 25ms}
core: {delay: 40ms}
clients:
  - {name: phones, count: 20, workload: {opens: server, loop: open, gap: exponential(10m), request: 200B}}
strategies:
  - {name: late, keepalive: {idle: 150s, interval: 12s, probes: 5}}
YAML
refit forget late
is keepalive "$(sed -nE 's/^    (keepalive: .*\}).*/\1/p' "$f")" 'keepalive: {idle: 2m30s, interval: 12s, probes: 5}'

# ---- a capture hardly longer than the gaps: those still open at its end count ----

echo '-- long gaps'
cat >"$dir/slow.yaml" <<'YAML'
name: slow
duration: 2h
warmup: 0s
nat: {profile: lru-box, timeouts: {tcp_established: 24h}}
clients:
  - {name: phones, count: 150, workload: {opens: server, loop: open, gap: exponential(1h), request: 200B}}
strategies: [{name: plain}]
YAML
refit slow plain
v=$(value "$f" tcp-pushes gap) # about 300 values; without the open ones the mean would be 36 min or less
exponential 'long gap' "$v" 3600 0.2 0.18

# ---- other families, other ways to connect ----

echo '-- families'
cat >"$dir/kinds.yaml" <<'YAML'
name: kinds
duration: 6h
warmup: 0s
nat: {profile: lru-box, capacity: 8k, timeouts: {tcp_established: 24h, udp: 10m, udp_stream: 10m}}
access: {delay: 15ms}
core: {delay: 20ms}
clients:
  - {name: talkers, count: 30, workload: {gap: weibull(scale=40s shape=2), request: pareto(scale=200B shape=2.5), response: uniform(1kB 9kB), service: 50ms}}
  - {name: sensors, count: 30, transport: udp, measure: false, workload: {opens: client, loop: open, gap: uniform(60s 100s), request: 400B}}
  - {name: polls, count: 4, measure: false, connection: per-request, workload: {loop: open, gap: 2m, request: 120B, response: 500B}}
strategies:
  - {name: one}
  - {name: three, connection: pool, pool: 3}
YAML
for s in one three; do
    refit kinds "$s"
    is 'talkers open' "$(value "$f" tcp-exchanges opens)/$(value "$f" tcp-exchanges loop)" client/closed
    v=$(value "$f" tcp-exchanges gap) # about 17 000 values
    family 'gap' "$v" weibull
    near 'gap, scale' "$(parameter "$v" 1)" 40 0.03
    near 'gap, shape' "$(parameter "$v" 2)" 2 0.04
    v=$(value "$f" tcp-exchanges request)
    family 'size' "$v" pareto
    near 'size, scale' "$(parameter "$v" 1)" 200 0.01
    near 'size, shape' "$(parameter "$v" 2)" 2.5 0.04
    v=$(value "$f" tcp-exchanges response)
    family 'answer' "$v" uniform
    near 'answer, least' "$(parameter "$v" 1)" 1000 0.01
    near 'answer, most' "$(parameter "$v" 2)" 9000 0.01
    near 'service time' "$(parameter "$(value "$f" tcp-exchanges service)" 1)" 0.05 0.01
    [ "$s" = one ] || is pool "$(sed -nE 's/^    (pool: .*)/\1/p' "$f")" 'pool: 3'
done
is 'sensors' "$(value "$f" udp-exchanges count) $(value "$f" udp-exchanges loop)" '30 open'
v=$(value "$f" udp-exchanges gap)
family 'sensor gap' "$v" uniform
near 'sensor gap, least' "$(parameter "$v" 1)" 60 0.01
near 'sensor gap, most' "$(parameter "$v" 2)" 100 0.01
is 'polls' "$(value "$f" tcp-requests count) $(value "$f" tcp-requests loop) $(value "$f" tcp-requests gap)" '4 open 2m'

# ---- what has no name is written beside the scenario ----

echo '-- no name'
sed 's/gap: weibull(scale=40s shape=2)/gap: empirical(5s 6s 7s 60s 61s 62s)/' "$dir/kinds.yaml" >"$dir/odd one.yaml"
refit 'odd one' one
is 'a gap without a name' "$(value "$f" tcp-exchanges gap)" 'empirical(odd_one-fit-tcp-exchanges-gap.csv)'
near 'mean of the file' "$(awk 'NR > 1 { n++; s += $1 } END { print s / n }' "$dir/odd_one-fit-tcp-exchanges-gap.csv")" 33.5 0.03
"$N" fit "$dir/odd one.pcapng" >"$dir/inline.yaml" && "$N" check "$dir/inline.yaml" >/dev/null || fail 'without a file: no scenario'
is 'without a file' "$(value "$dir/inline.yaml" tcp-exchanges gap | sed 's/(.*//')" empirical
"$N" fit "$dir/odd one.pcapng" -o "$dir/second.yaml" && sed 's/odd_one-fit/second/' "$dir/odd one-fit.yaml" | cmp -s - "$dir/second.yaml" || fail 'fitted twice, two scenarios'

# ---- trouble ----

"$N" fit "$dir/absent.pcap" 2>"$dir/err"
[ $? -eq 3 ] && grep -q absent.pcap "$dir/err" || fail "no capture: $(cat "$dir/err")"
"$N" fit "$dir/push.pcapng" --inside 172.16.0.0/12 -o "$dir/none.yaml" 2>"$dir/err"
[ $? -eq 3 ] && grep -q -- '--inside' "$dir/err" && [ ! -e "$dir/none.yaml" ] || fail "nothing inside: $(cat "$dir/err")"
"$N" fit "$dir/push.pcapng" --inside 10.0.0.0/99 2>"$dir/err"
[ $? -eq 2 ] || fail 'a bad prefix was taken'
"$N" fit "$dir/slow.pcapng" --filter 'tcp[tcpflags] == tcp-syn' 2>"$dir/err"
[ $? -eq 3 ] && grep -q 'none of its 150 connections shows a workload: 150 were not answered' "$dir/err" || fail "nothing said: $(cat "$dir/err")"
"$N" fit "$dir/odd one.pcapng" -o "$dir/absent/x.yaml" 2>"$dir/err"
[ $? -eq 4 ] || fail 'a folder that is not there'
[ ! -w /dev/full ] || { "$N" fit "$dir/odd one.pcapng" >/dev/full 2>"$dir/err"; [ $? -eq 4 ] || fail 'a full disk'; }

# ---- real captures: whatever comes out is a scenario that runs ----

pcaps=${NP_PCAPS:-$root/../shared/pcaps}
seen=0
real() { # CAPTURE OPTION...
    "$N" fit "$@" -o "$dir/real.yaml" 2>"$dir/err"
    status=$?
    case $status in
    0)
        "$N" run "$dir/real.yaml" -q --replicas 1 --jobs 1 --set duration=1m -o "$dir/x.json" >"$dir/out" 2>&1 || fail "$*: $(cat "$dir/out")"
        # Without an end a heavy tail makes one draw larger than all others.
        ! grep -E 'pareto\([^)]*shape=[01]\.[0-9]*\)' "$dir/real.yaml" || fail "$*: a tail without an end"
        seen=$((seen + 1))
        ;;
    3) [ -s "$dir/err" ] || fail "$*: not a word" ;;
    *) fail "$*: status $status: $(cat "$dir/err")" ;;
    esac
}
for p in "$pcaps"/*/*.pcap "$pcaps"/*/*.pcapng "$pcaps"/*/*.gz; do
    [ -f "$p" ] || continue
    real "$p"
    # Inside is whoever sent the first packet that is seen to go somewhere.
    client=$("$N" replay "$p" --inside 0.0.0.0/1,::/1 --verdicts - -o "$dir/y.json" 2>/dev/null | awk -F, 'NR > 1 { print $3 == "out" ? $5 : $7; exit }')
    [ -z "$client" ] || real "$p" --inside "$client"
done
echo "$seen real captures made scenarios that run"
exit $bad
