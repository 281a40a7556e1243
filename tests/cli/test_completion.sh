#!/bin/sh
# Completion in bash offers what the program knows: every subcommand, the options of its help, profiles, formats, keys.
set -u
command -v bash >/dev/null 2>&1 || { echo 'there is no bash here'; exit 77; }
N=${NATPULSE:?the program under test}
case $N in /*) ;; *) N=$PWD/$N ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
NATPULSE_PROFILES=$root/scenarios/profiles NATPULSE_RULES=$root/tests/conformance
export NATPULSE_PROFILES NATPULSE_RULES
bad=0

# offers WORDS-BEFORE LAST-WORD: what is offered for the last one, a line each.
offers() {
    bash -c '
        . "$1/sim/cli/natpulse.bash"
        compopt() { :; }
        COMP_WORDS=("$2" $3 "$4") COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _natpulse
        printf "%s\n" "${COMPREPLY[@]}"' bash "$root" "$N" "$1" "$2"
}
# expect WORDS-BEFORE LAST-WORD LINE...: exactly these.
expect() {
    before=$1 last=$2
    shift 2
    want=$(printf '%s\n' "$@" | sort)
    got=$(offers "$before" "$last" | sort)
    [ "$got" = "$want" ] || { echo "natpulse $before '$last': offers"; echo "$got"; echo "in place of"; echo "$want"; bad=1; }
}

for c in $("$N" help | awk '/^  [a-z]+ +[a-z]/ {print $1}'); do
    offers '' "$c" | grep -qx "$c" || { echo "does not offer $c"; bad=1; }
    expect "$c" -- $("$N" help "$c" | grep -oE '^ +(-[a-z], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+')
done
expect '' rep replay report
expect help ver version
expect 'replay --nat' lru- lru-box
expect conform lru- lru-box
expect 'conform lru-box' openw openwrt
expect 'conform --rule' 4787-12 4787-12 4787-12a 4787-12b
expect 'replay --compare' exp expired-heads
expect 'run --format' '' table json jsonl csv md
expect 'replay -f' j json
expect 'run --set' nat.capa nat.capacity=
expect list rad radio
expect 'run' scen ''
exit $bad
