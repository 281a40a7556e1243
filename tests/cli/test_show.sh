#!/bin/sh
# show and check find what is meant: scenarios and profiles, by name, by path, by kind; list fits its terminal.
set -u
N=${NATPULSE:?the program under test}
case $N in /*) ;; *) N=$PWD/$N ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
cd "$root" || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-show.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

# try STATUS TEXT ARGUMENT...: the exit status, and the text in what is said either way
try() {
    want=$1 text=$2
    shift 2
    "$N" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got -eq "$want" ] || { echo "natpulse $*: status $got, not $want"; bad=1; }
    cat "$dir/out" "$dir/err" | grep -qF -- "$text" || { echo "natpulse $*: no '$text' in:"; head -3 "$dir/out" "$dir/err"; bad=1; }
}

# ---- profiles ----
try 0 'select: random' show pf
try 0 'select: random' show nat pf
try 0 'select: random' show nat/pf
try 0 'select: random' show scenarios/profiles/nat/pf.yaml
try 0 'capacity: 7' show pf --set nat.capacity=7
try 2 'say nat/linux or keepalive/linux' show linux
try 2 'say nat/linux or keepalive/linux' check linux
try 0 'tracker: linux' show nat/linux
# A pipe can be read but once.
for command in check show; do
    cat scenarios/quickstart.yaml | "$N" $command /dev/stdin >"$dir/out" 2>&1 || { echo "$command of a pipe: $(cat "$dir/out")"; bad=1; }
done
try 0 'interval:' show keepalive linux
try 2 "there is no nat profile \"pff\"; did you mean \"pf\"?" show nat pff
try 2 "there is no scenario or profile 'lru-bx'; did you mean 'lru-box'?" show lru-bx
try 2 'expected one scenario or profile' show nta pf
try 2 'cannot read' show no-such.yaml
try 0 'a profile of nat' check pf scenarios/profiles/nat/linux.yaml
try 2 'capacity: "0" is too small' check pf --set nat.capacity=0

# A file of one's own: of the kind that has its keys.
printf 'base: pf\ncapacity: 5k\n' >"$dir/mine.yaml"
try 0 'capacity: 5000' show "$dir/mine.yaml"
printf 'about: anything\n' >"$dir/vague.yaml"
try 2 'may be a profile of several kinds' show "$dir/vague.yaml"
try 0 'capacity: 4096' show nat "$dir/vague.yaml"
printf 'capacity: 5\nprobes: 3\n' >"$dir/none.yaml"
try 2 'none.yaml:1:1: error:' show "$dir/none.yaml"
printf 'capacity: 5\nports: {per_host: 6}\nat_expiry: reset-both\nexpiry: lazy\n' >"$dir/odd.yaml"
try 2 'odd.yaml:2:19: error: ports.per_host is 6, but capacity is only 5' check "$dir/odd.yaml"
try 2 'odd.yaml:3:12: error: at_expiry sends a reset' check "$dir/odd.yaml"
printf 'base: b.yaml\n' >"$dir/a.yaml"
printf 'base: a.yaml\ncapacity: 3\n' >"$dir/b.yaml"
try 2 'b.yaml:1:7: error: base: the profile "a" is based on itself, by way of "b"' show nat "$dir/a.yaml"
[ "$(wc -l <"$dir/err")" -eq 1 ] || { echo 'a cycle is one mistake'; cat "$dir/err"; bad=1; }

# ---- scenarios ----
try 0 'name: quickstart' show quickstart
try 0 'name: quickstart' show scenarios/quickstart.yaml
try 0 'quickstart: ok' check quickstart
try 0 'name: voice' show voice # a workload has that name too
try 0 'opens:' show workload/voice

# What show prints of a profile is a profile: every file of every kind.
for file in scenarios/profiles/*/*.yaml; do
    kind=$(basename "$(dirname "$file")")
    "$N" show "$file" >"$dir/$kind.yaml" 2>"$dir/err" && "$N" show "$kind" "$dir/$kind.yaml" >"$dir/again" 2>>"$dir/err" ||
        { echo "$file: $(cat "$dir/err")"; bad=1; }
    cmp -s "$dir/$kind.yaml" "$dir/again" || { echo "$file prints as a profile that prints otherwise"; bad=1; }
done

# ---- lists ----
for kind in nat keepalive heartbeat workload radio; do
    files=$(find "scenarios/profiles/$kind" -name '*.yaml' | wc -l)
    rows=$("$N" list "$kind" | wc -l)
    [ "$rows" -eq $((files + 1)) ] || { echo "list $kind: $rows lines for $files profiles"; bad=1; }
done
"$N" list nat | grep -q '^lru-box  *4096  *lru  *1h  *30s  *30s ' || { echo 'list nat: no figures of lru-box'; bad=1; }

if command -v python3 >/dev/null 2>&1; then
    for columns in 80 120 200; do
        python3 - "$N" $columns >"$dir/out" 2>"$dir/err" <<'EOF' || { cat "$dir/err"; bad=1; }
import fcntl, os, pty, struct, sys, termios
leader, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, int(sys.argv[2]), 0, 0))
child = os.fork()
if child == 0:
    os.dup2(terminal, 1)
    os.execv(sys.argv[1], [sys.argv[1], "list", "nat"])
os.close(terminal)
text = b""
while True:
    try:
        part = os.read(leader, 65536)
    except OSError: # its other end is closed
        break
    if not part:
        break
    text += part
assert os.waitpid(child, 0)[1] == 0
lines = text.decode().replace("\r", "").split("\n")
room = max(int(sys.argv[2]), 84) # the figures alone need 84
long = [line for line in lines if len(line) > room]
assert not long, long[0]
assert not [line for line in lines if line.endswith(" ")]
words = " ".join(" ".join(lines).split())
assert "and the outside hears nothing." in words, words[:500]
EOF
    done
fi
exit $bad
