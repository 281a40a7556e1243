#!/bin/sh
# Every include goes to the same floor or a lower one, and floors of the same height do not know each other.
# A public header natpulse/NAME.h belongs to the floor that holds sim/FLOOR/NAME.c.
cd "$(dirname "$0")/../.."
height() {
    case $1 in
    core) echo 1 ;; net) echo 2 ;; nat | host) echo 3 ;; world) echo 4 ;;
    trace | scenario) echo 5 ;; study) echo 6 ;; report) echo 7 ;; cli) echo 8 ;; *) echo 0 ;;
    esac
}
floor_of() { # natpulse/NAME.h
    name=${1#natpulse/}
    name=${name%.h}
    for f in sim/*/"$name.c"; do # the command line's files are commands: no header is theirs
        case $f in sim/cli/*) continue ;; esac
        [ -f "$f" ] && { f=${f#sim/}; echo "${f%%/*}"; return; }
    done
    echo unknown
}
bad=0
check() { # FILE FLOOR
    grep -hoE '^#include "[^"]+"' "$1" | cut -d'"' -f2 | while read -r inc; do
        case $inc in
        natpulse/*) to=$(floor_of "$inc") ;;
        */*) to=unknown ;;
        *) [ -f "sim/$2/$inc" ] && to=$2 || to=unknown ;;
        esac
        [ "$to" = "$2" ] && continue
        if [ "$to" = unknown ]; then echo "$1: includes $inc, which belongs to no floor"
        elif [ "$(height "$to")" -ge "$(height "$2")" ]; then echo "$1: $2 includes $inc of $to, which is not below it"
        fi
    done
}
out=$(
    for f in sim/*/*.[ch]; do floor=${f#sim/}; check "$f" "${floor%%/*}"; done
    for h in include/natpulse/*.h; do
        floor=$(floor_of "natpulse/${h##*/}")
        [ "$floor" = unknown ] && echo "$h: no sim/*/$(basename "$h" .h).c, so it belongs to no floor"
        check "$h" "$floor"
    done
    for d in sim/*/; do d=${d#sim/}; [ "$(height "${d%/}")" -gt 0 ] || echo "sim/$d is no floor of the house"; done
)
[ -z "$out" ] || { printf '%s\n' "$out"; exit 1; }
echo "every include goes downwards"
