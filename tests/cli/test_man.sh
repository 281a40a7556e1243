#!/bin/sh
# The man page and the program agree: every subcommand has an entry in it that names every option of its help.
set -u
natpulse=${NATPULSE:-build/natpulse}
page=$(dirname "$0")/../../sim/cli/natpulse.1
bad=0
for c in $("$natpulse" help | awk '/^  [a-z]+ +[a-z]/ {print $1}'); do
    entry=$(awk -v c="$c" '$1 == ".It" && $2 == "Cm" {on = $3 == c} on' "$page")
    [ -n "$entry" ] || { echo "the man page has no entry for $c"; bad=1; continue; }
    for o in $("$natpulse" help "$c" | grep -oE '(^| )--[a-z][a-z-]*' | sort -u); do
        printf '%s\n' "$entry" | grep -qE "Fl Fl ${o#--}( |$)" || { echo "$c: the man page does not name $o"; bad=1; }
    done
done
for c in $(awk '$1 == ".It" && $2 == "Cm" {print $3}' "$page"); do
    "$natpulse" help "$c" >/dev/null 2>&1 || { echo "the man page knows $c, the program does not"; bad=1; }
done
# Every warning that there is has an entry, and no other.
root=$(cd "$(dirname "$0")/../.." && pwd)
sed -n 's/^\.It Li \([a-z-]*\)$/\1/p' "$page" | sort -u >"${TMPDIR:-/tmp}/natpulse-man.$$"
{
    sed -n 's/^ *\[NP_[A-Z_]*\] = "\([a-z-]*\)",.*/\1/p' "$root/sim/study/warn.c" "$root/sim/study/advise_warn.c"
    tr '\n' ' ' <"$root/sim/cli/captures.c" | cat - "$root"/sim/cli/*.c | grep -oE 'np_cli_warn\( *&?w, *"[a-z-]*"' | sed 's/.*"\(.*\)"/\1/'
} | sort -u | diff "${TMPDIR:-/tmp}/natpulse-man.$$" - || { echo 'the warnings of the man page (<) and of the program (>)'; bad=1; }
rm -f "${TMPDIR:-/tmp}/natpulse-man.$$"
if command -v mandoc >/dev/null 2>&1; then
    mandoc -T lint -W error "$page" || bad=1
elif command -v groff >/dev/null 2>&1; then
    [ -z "$(groff -mandoc -Tutf8 -ww -z "$page" 2>&1)" ] || { groff -mandoc -Tutf8 -ww -z "$page"; bad=1; }
fi
exit $bad
