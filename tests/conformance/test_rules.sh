#!/bin/sh
# The rules beside this file, asked of the shipped profiles: the whole table against the one kept here (table.txt, taken
# over by `make golden-update`), whatever the seed; that every rule can be met and missed (turns); that every eviction
# policy has a rule that it keeps and others do not; that all of Linux's live cases are met; that README.md shows the table as it is.
set -u
N=${NATPULSE:-build/natpulse}
case $N in /*) ;; *) N=$PWD/$N ;; esac
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-rules.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export NATPULSE_RULES=tests/conformance NATPULSE_PROFILES=scenarios/profiles
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
conform() { "$N" conform --no-progress "$@"; }

# ---- the table ----
table=tests/conformance/table.txt
conform >"$dir/whole" || fail "conform: status $?"
sed 1d "$dir/whole" >"$dir/table.txt"
[ -e "$table" ] || : >"$dir/none"
old=$table
[ -e "$table" ] || old=$dir/none
if ! diff -u "$old" "$dir/table.txt" >"$dir/diff"; then
    echo "$table: $(grep -c '^-[^-]' "$dir/diff") lines gone, $(grep -c '^+[^+]' "$dir/diff") come"
    sed -n '3,60p' "$dir/diff"
    if [ "${NP_GOLDEN:-}" = update ]; then
        cp "$dir/table.txt" "$table" || exit 1
    else
        fail "other results than those kept; if that is meant: make golden-update, and commit the difference with the reason"
    fi
fi
[ "${NP_GOLDEN:-}" != update ] || exit $bad

# Chance decides no result.
conform --seed 77 | sed 1d | cmp -s - "$dir/table.txt" || fail "another seed gives another table"

if grep -q '^| profile | RFC ' README.md; then
    conform --format md >"$dir/table.md" || fail "conform --format md: status $?"
    grep '^|' "$dir/table.md" >"$dir/rows"
    sed -n '/^| profile | RFC /,/^$/p' README.md | grep '^|' | cmp -s - "$dir/rows" ||
        fail "README.md does not show what natpulse conform --format md prints"
fi

# ---- each rule turns ----
# The result of the rule for one box, as turns says it.
result() { # RULE PROFILE KEY=VALUE...
    rule=$1
    profile=$2
    shift 2
    for set in "$@"; do shift && set -- "$@" --set "nat.$set"; done
    conform "$profile" --rule "$rule" --format csv "$@" >"$dir/one" 2>&1
    sed -n -e '$s/.*,does not,.*/does-not/p' -e '$s/.*,meets,$/meets/p' -e '$s/.*,not applicable,.*/not-applicable/p' "$dir/one"
}
n=0
while read -r rule want profile sets; do
    case $rule:$want in :* | '#'*:* | *:code) continue ;; esac
    # shellcheck disable=SC2086
    got=$(result "$rule" "$profile" $sets)
    [ "$got" = "$want" ] || { fail "$rule, $profile $sets: $want expected"; tail -n 1 "$dir/one"; }
    n=$((n + 1))
done <tests/conformance/turns
[ $n -gt 100 ] || fail "only $n turns"
for file in tests/conformance/rfc*/*.rule; do
    rule=$(basename "$file" .rule)
    grep -q "^$rule  *meets" tests/conformance/turns || fail "$rule: no box in turns meets it"
    grep -qE "^$rule  *(does-not|code)" tests/conformance/turns || fail "$rule: no box in turns does not"
done

# ---- policies and cases ----
"$N" list evict | awk 'NR > 1 {print $1}' >"$dir/policies"
while read -r policy; do
    [ -e "tests/conformance/evict/evict-$policy.rule" ] || { fail "evict $policy has no rule"; continue; }
    # Of all policies' rules it keeps its own. Where nothing lingers dead in the table expired-heads is refuse.
    rm -rf "$dir/rules"
    mkdir "$dir/rules"
    for rule in tests/conformance/evict/*.rule; do
        sed "s/^only .*/only   evict $policy/" "$rule" >"$dir/rules/${rule##*/}"
    done
    [ "$policy" != expired-heads ] || rm "$dir/rules/evict-refuse.rule"
    conform lru-box --rules "$dir/rules" --set "nat.evict=$policy" --format csv >"$dir/one" 2>&1
    met=$(sed -n 's/^lru-box,rules,evict-\([^,]*\),.*,meets,$/\1/p' "$dir/one" | tr '\n' ' ')
    [ "$met" = "$policy " ] || { fail "evict $policy keeps the rules of: $met"; grep "evict-$policy," "$dir/one"; }
done <"$dir/policies"
count=$(conform linux --format csv | grep -c ',linux-[0-9]*,.*,meets,$')
[ "$count" = 24 ] || fail "linux meets $count of the 24 live cases"
exit $bad
