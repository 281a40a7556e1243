#!/bin/sh
# Golden results: each scenario beside this file gives the results in its NAME.csv and NAME.sums, the same bytes with
# one thread, two and eight, through `run` and through `sweep`, by every compiler. What changes them changes what
# natpulse says: meant changes are taken over by `make golden-update`, which shows the difference, and are committed
# with the reason.
#
# NAME.csv is the CSV of `run` without its comments and without figures that are 0 or have no meaning; NAME.sums are
# checksums of what is too long to keep: every row of the database but the text of the scenario, the whole JSON,
# and the events of one run of each strategy. The version and the digest of the scenario are in neither.
# NP_GOLDEN=update writes the files anew.
set -u
N=${NATPULSE:-build/natpulse}
case $N in /*) ;; *) N=$PWD/$N ;; esac
cd "$(dirname "$0")" || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-golden.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
    return 1
}
# Without what a new version or a new key with a default changes.
plain() { sed -e '/^ "natpulse": /d' -e '/^ *"digest": /d' -e '/^ "yaml": /d' "$1"; }
rows() { grep -v -e '^study	' -e '^point	' "$1"; }
sum() { cksum | cut -d ' ' -f 1; }

# The results of scenario $1, in $dir/$1.csv and $dir/$1.sums.
make() {
    "$N" run "$1.yaml" --jobs 1 --quiet --format csv >"$dir/whole.csv" || fail "$1: run: status $?" || return
    grep -v '^#' "$dir/whole.csv" | awk -F, 'NR == 1 || ($NF != "" && $NF != 0)' >"$dir/$1.csv"
    "$N" run "$1.yaml" --jobs 2 --quiet --format json >"$dir/json" || fail "$1: run --format json: status $?" || return
    rm -f "$dir/db"*
    "$N" sweep "$1.yaml" --jobs 8 --quiet -o "$dir/db" || fail "$1: sweep: status $?" || return
    "$N" sweep --dump "$dir/db" >"$dir/dump" || fail "$1: sweep --dump: status $?" || return
    {
        printf 'json %s\n' "$(plain "$dir/json" | sum)"
        printf 'rows %s\n' "$(rows "$dir/dump" | sum)"
        sed -n 's/^strategy	[0-9]*	//p' "$dir/dump" | while read -r strategy; do
            "$N" run "$1.yaml" --jobs 1 --quiet --replicas 1 --strategy "$strategy" --events "$dir/events.csv" >"$dir/out" ||
                echo "$1: run --events: status $?"
            printf 'events of %s %s\n' "$strategy" "$(grep -v '^#' "$dir/events.csv" | sum)"
        done
    } >"$dir/$1.sums"
}

# Scenario $1 with other numbers of jobs, and shown out of the database.
make_again() {
    for jobs in 2 8; do
        "$N" run "$1.yaml" --jobs $jobs --quiet --format csv | cmp - "$dir/whole.csv" || fail "$1: run --jobs $jobs"
        "$N" run "$1.yaml" --jobs $jobs --quiet --format json | cmp - "$dir/json" || fail "$1: run --jobs $jobs, JSON"
    done
    rm -f "$dir/db1"*
    "$N" sweep "$1.yaml" --jobs 1 --quiet -o "$dir/db1" && "$N" sweep --dump "$dir/db1" | cmp - "$dir/dump" ||
        fail "$1: sweep --jobs 1"
    "$N" sweep --show "$dir/db" --format json | cmp - "$dir/json" || fail "$1: sweep --show"
}

changed=0
for yaml in *.yaml; do
    name=${yaml%.yaml}
    make "$name" || continue
    make_again "$name"
    for file in "$name.csv" "$name.sums"; do
        [ -e "$file" ] || : >"$dir/none"
        old=$file
        [ -e "$file" ] || old=$dir/none
        diff -u "$old" "$dir/$file" >"$dir/diff" && continue
        changed=$((changed + 1))
        echo "$file: $(grep -c '^-[^-]' "$dir/diff") lines gone, $(grep -c '^+[^+]' "$dir/diff") come"
        sed -n '3,40p' "$dir/diff"
        [ "${NP_GOLDEN:-}" != update ] || cp "$dir/$file" "$file" || exit 1
    done
done
if [ "${NP_GOLDEN:-}" = update ]; then
    echo "$changed of $(ls ./*.csv ./*.sums | wc -l) files of golden results changed"
elif [ "$changed" != 0 ]; then
    fail "other results than the golden ones; if that is meant: make golden-update, and commit the difference with the reason"
fi
exit $bad
