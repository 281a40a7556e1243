#!/bin/sh
# natpulse conform: its formats say the same, steps are shown, rules of one's own are read, and what is wrong is said
# where it stands.
set -u
N=${NATPULSE:-build/natpulse}
case $N in /*) ;; *) N=$PWD/$N ;; esac
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-conform.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
export NATPULSE_RULES=tests/conformance NATPULSE_PROFILES=scenarios/profiles
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}
# Status, standard output and standard error of a call.
run() {
    "$N" conform "$@" >"$dir/out" 2>"$dir/err"
    status=$?
}
wants() { # STATUS TEXT: of the call just made; the text in either output
    [ $status = "$1" ] || fail "status $status, not $1: $last"
    cat "$dir/out" "$dir/err" | grep -qF -- "$2" || { fail "no '$2': $last"; head -n 5 "$dir/out" "$dir/err"; }
}
call() {
    last="natpulse conform $*"
    run "$@"
}

# ---- formats ----
call lru-box linux --format csv
wants 0 'lru-box,rfc4787,4787-5,must,RFC 4787 REQ-5,does not,'
grep -v '^#' "$dir/out" >"$dir/csv"
rows=$(($(wc -l <"$dir/csv") - 1))
rules=$(ls tests/conformance/*/*.rule | wc -l)
[ $rows = $((2 * rules)) ] || fail "$rows rows for two profiles and $rules rules"
if command -v python3 >/dev/null 2>&1; then
    "$N" conform lru-box linux -f json >"$dir/json" || fail "json: status $?"
    "$N" conform lru-box linux -f md >"$dir/md" || fail "md: status $?"
    "$N" conform lru-box linux >"$dir/table" || fail "table: status $?"
    python3 - "$dir" <<'PY' || bad=1
import csv, json, re, sys
d = sys.argv[1] + "/"
doc = json.load(open(d + "json"))
rows = list(csv.DictReader(open(d + "csv")))
said = {(r["profile"], r["rule"]): r for r in rows}
for p in doc["profiles"]:
    for name, r in p["rules"].items():
        row = said.pop((p["name"], name))
        assert row["result"] == r["result"] and row["why"] == (r["why"] or ""), (p["name"], name)
assert not said
assert [r["name"] for r in doc["rules"]] == [r["rule"] for r in rows if r["profile"] == "linux"]
# A block of the table: codes above marks.
mark = {"+": "meets", "-": "does not", ".": "not applicable"}
block, seen = None, 0
for line in open(d + "table"):
    words = line.split()
    if line.startswith("RFC "):
        group, codes = words[1], words[2:]
    elif len(words) > 2 and words[0] in ("linux", "lru-box") and set(words[1:]) <= set(mark) and codes and len(words) == 1 + len(codes):
        for code, m in zip(codes, words[1:]):
            row = [r for r in rows if r["profile"] == words[0] and r["rule"] == group + "-" + code][0]
            assert row["result"] == mark[m], (words[0], group, code)
            seen += 1
    elif line.startswith("linux  "):
        codes = []
assert seen == 2 * sum(r["folder"].startswith("rfc") for r in doc["rules"]), seen
# A row of Markdown: broken musts, (advice not followed), [not applicable].
head = None
for line in open(d + "md"):
    cells = [c.strip() for c in line.strip().strip("|").split("|")]
    if line.startswith("| profile"):
        head = cells
    elif line.startswith("| `"):
        for group, cell in zip(head[1:], cells[1:]):
            parts = {"does not": [], "not applicable": []}
            advice = re.search(r"\(([^)]*)\)", cell)
            none = re.search(r"\[([^]]*)\]", cell)
            parts["does not"] = re.sub(r"\([^)]*\)|\[[^]]*\]|all", "", cell).split() + (advice[1].split() if advice else [])
            parts["not applicable"] = none[1].split() if none else []
            for what, codes in parts.items():
                want = [r["rule"].split("-", 1)[1] for r in rows if r["profile"] == cells[0].strip("`") and
                        r["folder"] == "rfc" + group[4:] and r["result"] == what]
                assert sorted(codes) == sorted(want), (cells[0], group, what, codes, want)
PY
fi
call lru-box -o "$dir/result.csv"
[ $status = 0 ] || fail "status $status: $last"
grep -v '^#' "$dir/result.csv" | head -n $((rules + 1)) >"$dir/one"
head -n $((rules + 1)) "$dir/csv" | cmp -s - "$dir/one" || fail "-o FILE.csv is not --format csv"
[ ! -s "$dir/out" ] || fail "-o FILE writes to standard output too"

# ---- steps ----
call lru-box rfc-ideal --rule 4787-5
wants 0 'RFC 4787 REQ-5 (must)'
grep -q '^- .*+118.9 c1:5000 < s:4500 udp .*| drop (no-mapping); no mapping$' "$dir/out" || fail "the step that is otherwise is not marked"
grep -q '^+ .*| forward from 192.0.2.1:5000 (created)' "$dir/out" || fail "the step that is met is not marked"
grep -qx 'lru-box: does not' "$dir/out" && grep -qx 'rfc-ideal: meets' "$dir/out" || fail "the results are missing"
call lru-box --rule 6888-8
wants 0 'not applicable: it needs endpoint-independent filtering'
call lru-box --rule evict-lru
wants 0 'with capacity 8, because the table must be full'
call lru-box --rule 4787-5 --rule 5508-2 -f csv
[ "$(grep -vc '^[#p]' "$dir/out")" = 2 ] || fail "two rules, not two rows"

# ---- rules of one's own, and profiles ----
mkdir "$dir/mine"
printf 'rule mine\nsource me\n> udp = forward udp 30\n' >"$dir/mine/a-1.rule"
call lru-box --rules "$dir/mine" -f csv
wants 0 'lru-box,mine,a-1,must,me,meets,'
call lru-box --rules "$dir/mine" --set nat.timeouts.udp=31s -f csv
wants 0 'udp, 31 s left'
printf 'base: lru-box\ntimeouts: {udp: 33s}\n' >"$dir/mine/box.yaml"
call "$dir/mine/box.yaml" --rules "$dir/mine" -f csv
wants 0 'udp, 33 s left'

# ---- what is wrong ----
printf 'rule mine\nsource me\n> udp = forwrad\n5 > udp\n4 > udp\n' >"$dir/mine/b.rule"
call lru-box --rules "$dir/mine"
wants 2 "$dir/mine/b.rule:3:9: error: \"forwrad\": expected a verdict; did you mean \"forward\"?"
wants 2 "$dir/mine/b.rule:5:1: error: time runs backwards"
rm "$dir/mine/b.rule"
printf 'rule mine\nsource me\nset colour=red because\nset colour=red because of it\n> udp\n' >"$dir/mine/b.rule"
call lru-box --rules "$dir/mine"
wants 2 "b.rule:3:16: error: set: expected \`because\`"
printf 'rule mine\nsource me\nset colour=red because of it\n> udp\n' >"$dir/mine/b.rule"
call lru-box --rules "$dir/mine"
wants 2 "$dir/mine/b.rule:3:5: error: "
rm "$dir/mine/b.rule"
call lru-box --rule 4787-55
wants 2 "there is no such rule; did you mean '4787-5'?"
call lru-bax
wants 2 'did you mean "lru-box"?'
call lru-box --rules "$dir/nowhere"
wants 2 'No such file or directory'
call lru-box --format jsonl
wants 2 'expected table, md, csv or json'
call lru-box --set capacity=5
wants 2 'expected a path that begins with nat.'
mkdir "$dir/none"
call lru-box --rules "$dir/none"
wants 2 'there is no rule (NAME.rule) in it'
call lru-box -o "$dir/none/x/y.csv"
wants 4 'cannot create'
if [ -e /dev/full ]; then
    "$N" conform lru-box >/dev/full 2>"$dir/err" && fail "a full disk is no success"
fi
"$N" conform lru-box 2>"$dir/err" | head -n 1 >/dev/null
[ ! -s "$dir/err" ] || { fail "a reader who has seen enough is complained of"; cat "$dir/err"; }
exit $bad
