#!/bin/sh
# natpulse report: one page that stands alone. Its text is looked at by itself; how it is laid out, in a real browser
# (headless Chromium) at the width of a desk and of telephones, light and dark: nothing may be wider than the window,
# and in figures nothing may be cut off or missing. Without Chromium that part is skipped.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v gnuplot >/dev/null || { echo 'gnuplot is not installed'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-report.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$root" || exit 1
bad=0
fail() {
    printf '%s\n' "$*"
    bad=1
}

# One point and a grid; and names that mean something to HTML, gnuplot and XML.
short='--set duration=40m --set warmup=5m --replicas 3 --quiet'
"$N" run scenarios/quickstart.yaml $short --set nat.capacity=96 -o "$dir/one.json" &&
    "$N" run scenarios/interval.yaml $short -o "$dir/grid.json" &&
    "$N" sweep scenarios/interval.yaml $short -o "$dir/grid.db" || exit 1
cat >"$dir/evil.yaml" <<'YAML'
name: "<script>alert(1)</script> & \"quotes\" 'n' ]]> <!--"
about: "</p><img src=x onerror=alert(2)> https://example.invalid/x.css \u0001 100 % &amp; %s %n"
duration: 40m
warmup: 5m
seed: 5
replicas: 3
nat: {profile: lru-box, capacity: 96}
servers: {count: 1}
clients:
  - {name: phones, count: 12, workload: push}
  - {name: household, count: 4, workload: web, measure: false}
strategies:
  - {name: "<b onclick='x()'>bold</b>"}
  - {name: "a name that goes on and on, as if somebody wanted to say all there is to say, äöü → ✓", keepalive: {idle: 60s, interval: 10s, probes: 6}}
  - {name: "&lt;5%&gt; </svg></style>", heartbeat: {every: 5m, timeout: 10s, misses: 2}}
YAML
"$N" run "$dir/evil.yaml" --quiet -o "$dir/evil.json" && "$N" run "$dir/evil.yaml" --quiet -o "$dir/evil.csv" || exit 1

for f in one.json grid.json grid.db evil.json evil.csv; do
    page=$dir/${f%.*}-${f##*.}.html
    "$N" report "$dir/$f" -o "$page" >"$dir/out" 2>&1 || fail "$f: status $?: $(cat "$dir/out")"
    [ ! -s "$dir/out" ] || fail "$f: says $(cat "$dir/out")"
    if command -v xmllint >/dev/null; then
        xmllint --noout "$page" 2>"$dir/err" || fail "$f: not well-formed: $(head -n 3 "$dir/err")"
    fi
    for id in answer scenario results figures again; do grep -q "id=\"$id\"" "$page" || fail "$f: no section $id"; done
    grep -q '<svg role="img"' "$page" || fail "$f: no figure"
    # Alone: no script, nothing fetched. Text may name addresses; attributes may not.
    if grep -nE '<(script|link|iframe|img|object|embed|image|form|base)|[ "]on[a-z]+="|@import|url\(' "$page" | head -n 3 | grep .; then
        fail "$f: not alone"
    fi
    grep -oE '(href|src)="[^"]*"' "$page" | grep -vE 'href="#' | grep . && fail "$f: refers to something outside"
    grep -oE "href='[^']*'" "$page" | grep -vE "href='#gp" | grep . && fail "$f: a figure refers to something outside"
done
cmp -s "$dir/grid-json.html" "$dir/grid-db.html" || fail 'a sweep and a run of the same scenario have other pages'
"$N" report "$dir/one.json" >"$dir/again.html" && cmp -s "$dir/again.html" "$dir/one-json.html" || fail 'twice, two pages'
grep -q '&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;' "$dir/evil-json.html" || fail 'a name is not escaped'
grep -q '‘tuned keepalive’' "$dir/one-json.html" || fail 'the answer names nobody'
# gnuplot says nothing of a text that it finds no room for.
for text in 'minus no upkeep' 'reachable (% of the time)' 'breaks per connection-hour' 'mappings in the NAT' 'heartbeat 5 min' evicted; do
    [ "$(grep -cF "<text>$text</text>" "$dir/one-json.html")" -ge 1 ] || fail "no '$text' in the figures"
done
grep -q 'phones: 40 clients over TCP' "$dir/one-json.html" || fail 'the scenario is not told'

# The scenario that the page holds gives the same results.
python3 - "$dir/grid-json.html" "$dir/held.yaml" <<'PY' || fail 'no scenario in the page'
import html, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
open(sys.argv[2], "w", encoding="utf-8").write(html.unescape(re.search(r"filled in</summary>\n<pre>(.*?)</pre>", text, re.S)[1]))
PY
"$N" run "$dir/held.yaml" --quiet -o "$dir/held.json" && cmp -s "$dir/held.json" "$dir/grid.json" ||
    fail 'the scenario in the page gives other results'

# The commands that the page prints, word for word, in a folder that holds what it says to save: the same results, the
# same page.
mkdir -p "$dir/again/scripts" "$dir/bin"
case $N in /*) ;; *) N=$root/$N ;; esac
ln -s "$N" "$dir/bin/natpulse"
ln -s "$root/scripts/plot" "$dir/again/scripts/plot"
for page in one-json grid-json evil-json; do
    python3 - "$dir/$page.html" "$dir/again" <<'PY' || fail "$page: no commands in the page"
import html, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
section = text[text.index('<section id="again">'):]
name = re.search(r"<code>([a-z0-9-]+\.yaml)</code>", section)[1]
commands, scenario = [html.unescape(p) for p in re.findall(r"<pre>(.*?)</pre>", section, re.S)][:2]
assert commands.startswith("natpulse run " + name) and commands.count("natpulse ") == 2, commands
open(f"{sys.argv[2]}/{name}", "w", encoding="utf-8").write(scenario)
open(f"{sys.argv[2]}/commands", "w").write(commands + "\n")
open(f"{sys.argv[2]}/name", "w").write(name[:-5])
PY
    (cd "$dir/again" && PATH="$dir/bin:$PATH" sh -e ./commands >out 2>&1) || fail "$page: the commands: $(cat "$dir/again/out")"
    cmp -s "$dir/again/$(cat "$dir/again/name").json" "$dir/${page%-json}.json" || fail "$page: run again, other results"
    cmp -s "$dir/again/$(cat "$dir/again/name").html" "$dir/$page.html" || fail "$page: run again, another page"
done

# The answer, found again from the document: whoever is cheapest of those whose whole interval is above the target.
for target in 1 20 50 90 99 99.9 99.9999; do
    "$N" report "$dir/one.json" --no-figures --target $target% >"$dir/answer.html" || fail "--target $target%"
    python3 - "$dir/one.json" "$dir/answer.html" $target <<'PY' || fail "the answer at $target %"
import html, json, re, sys
strategies = json.load(open(sys.argv[1]))["points"][0]["strategies"]
text = open(sys.argv[2], encoding="utf-8").read()
answer = html.unescape(re.sub("<[^>]*>", "", re.search(r'id="answer".*?</section>', text, re.S)[0])).split("\n")
answer = next(line for line in answer if "reachable at least" in line)
target = float(sys.argv[3]) / 100
known = [(s["name"], s["metrics"]["reachable_fraction"], s["metrics"]["upkeep_bytes_per_conn_hour"]) for s in strategies]
known = [k for k in known if k[1] and k[1]["ci95"]]
good = [k for k in known if k[1]["ci95"][0] >= target]
if good:
    name, reach, cost = min(good, key=lambda k: k[2]["mean"])
    assert re.match(f"‘{re.escape(name)}’ (is the cheape(r|st) of|alone keeps)", answer), (answer, name)
    said = re.search(r"of upkeep", answer) and re.search(r"for ([0-9.]+) (B|kB|MB) of upkeep", answer)
    size = float(said[1]) * {"B": 1, "kB": 1e3, "MB": 1e6}[said[2]]
    assert abs(size - cost["mean"]) <= 0.006 * cost["mean"] + 0.5, (answer, cost)
else:
    assert answer.startswith("Nothing here is shown"), answer
    name, reach, _ = max(known, key=lambda k: k[1]["mean"])
    assert f"the best, ‘{name}’" in answer, (answer, name)
mean, low, high = re.search(r"([0-9.]+) % \(95 % interval ([0-9.]+) to ([0-9.]+) %\)", answer).groups()
digits = lambda t: 10.0 ** -len(t.partition(".")[2])
ci = [max(reach["ci95"][0], 0), min(reach["ci95"][1], 1)]
assert abs(float(mean) - 100 * reach["mean"]) <= digits(mean) * 1.001, (answer, reach)
assert float(low) <= 100 * ci[0] + 1e-9 < float(low) + digits(low) * 1.001, (answer, reach)
assert float(high) + 1e-9 >= min(100 * ci[1], 100 - digits(high)) and float(high) - digits(high) * 1.001 < 100 * ci[1], (answer, reach)
PY
done

# Options and trouble.
"$N" report "$dir/one.json" --no-figures --target 99.9% >"$dir/bare.html" && ! grep -q '<svg' "$dir/bare.html" &&
    grep -q 'at least 99.9 % of the time' "$dir/bare.html" || fail '--no-figures --target'
"$N" report "$dir/one.json" --target 100% 2>"$dir/err"
[ $? -eq 2 ] && grep -q 'such as 99.9%' "$dir/err" || fail "--target 100%: $(cat "$dir/err")"
"$N" report "$dir/one.json" --metric reachable_fractoin 2>"$dir/err"
[ $? -eq 2 ] && grep -q "did you mean 'reachable_fraction'" "$dir/err" || fail "--metric: $(cat "$dir/err")"
mkdir "$dir/none"
PATH="$dir/none" "$N" report "$dir/one.json" -o "$dir/never.html" 2>"$dir/err"
[ $? -eq 4 ] && grep -q 'gnuplot is not installed' "$dir/err" && [ ! -e "$dir/never.html" ] || fail "no gnuplot: $(cat "$dir/err")"
printf '{' >"$dir/bad.json"
"$N" report "$dir/bad.json" -o "$dir/never.html" 2>"$dir/err"
[ $? -eq 3 ] && [ ! -e "$dir/never.html" ] || fail "a damaged file: $(cat "$dir/err")"
[ $bad -eq 0 ] || exit 1

# ---- in a browser ----

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo 'the text is as it should be; Chromium is not installed, so nothing is known of the layout'; exit 77; }

# A page that shows the other pages in frames of given widths, and says what does not fit.
cat >"$dir/harness.html" <<'HTML'
<!DOCTYPE html><html><body><pre id="said">nothing measured</pre><script>
const pages = PAGES, widths = [1280, 390, 320], said = [];
function look(doc, win, name, width) {
    const root = doc.documentElement, say = s => said.push(`${name} at ${width}: ${s}`);
    if (root.scrollWidth > root.clientWidth) say(`${root.scrollWidth - root.clientWidth} pixels too wide`);
    for (const e of doc.querySelectorAll('h1,h2,h3,p,li,dt,dd,.box,pre,figure,section,details')) {
        const r = e.getBoundingClientRect();
        if (r.width > 0 && r.right > root.clientWidth + 1) say(`<${e.tagName} ${e.className}> ends at ${r.right}`);
    }
    for (const d of doc.querySelectorAll('details')) d.open = true; /* figures in them count too */
    let figures = 0;
    for (const f of doc.querySelectorAll('figure')) {
        const shown = [...f.querySelectorAll('svg[role=img]')].filter(s => s.getBoundingClientRect().width > 0);
        const title = f.querySelector('strong').textContent;
        if (shown.length !== 1) { say(`${title}: ${shown.length} drawings are shown`); continue; }
        figures++;
        const svg = shown[0], box = svg.getBoundingClientRect(), drawn = svg.querySelector('g').getBBox();
        const whole = svg.viewBox.baseVal;
        if (box.width < 200 || box.height < 60) say(`${title}: only ${box.width} x ${box.height}`);
        if (drawn.width < 0.6 * whole.width) say(`${title}: the drawing is nearly empty`);
        if (svg.querySelectorAll('text').length < 3) say(`${title}: no texts`);
        for (const t of svg.querySelectorAll('text')) {
            const r = t.getBoundingClientRect();
            if (r.width === 0) continue;
            const out = Math.max(box.left - r.left, r.right - box.right, box.top - r.top, r.bottom - box.bottom);
            if (out > 1) say(`${title}: "${t.textContent}" is cut off by ${out.toFixed(1)}`);
            if (r.height < 7) say(`${title}: "${t.textContent}" is ${r.height} high`);
        }
        for (const u of svg.querySelectorAll('use'))
            if (!doc.getElementById(u.getAttribute('href').slice(1))) say(`${title}: no mark ${u.getAttribute('href')}`);
    }
    if (figures < 3) say(`${figures} figures`);
    const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return (r + g + b) / 3; };
    const ground = light(win.getComputedStyle(doc.body).backgroundColor), ink = light(win.getComputedStyle(doc.body).color);
    if (Math.abs(ground - ink) < 120) say('text and ground are too near');
    return ground < 128 ? 'dark' : 'light';
}
async function all() {
    for (const name of pages) for (const width of widths) {
        const frame = document.createElement('iframe');
        frame.style.cssText = `border:0;width:${width}px;height:900px`;
        frame.src = name;
        const loaded = new Promise(done => frame.onload = done);
        document.body.append(frame);
        await loaded;
        const scheme = look(frame.contentDocument, frame.contentWindow, name, width);
        said.push(`measured ${name} ${width} ${scheme}`);
        frame.remove();
    }
    document.getElementById('said').textContent = said.join('\n') + '\nthe end';
}
all().catch(e => document.getElementById('said').textContent = 'failed: ' + e + '\nthe end');
</script></body></html>
HTML
pages='["one-json.html","grid-json.html","evil-json.html","evil-csv.html"]'
sed -i.bak "s/PAGES/$pages/" "$dir/harness.html"

# look SCHEME NUMBER: Blink's own number for what the reader prefers.
look() {
    mkdir "$dir/profile-$1"
    timeout -k 5 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
        --user-data-dir="$dir/profile-$1" --allow-file-access-from-files --blink-settings=preferredColorScheme="$2" \
        --virtual-time-budget=60000 --dump-dom "file://$dir/harness.html" >"$dir/$1.dom" 2>"$dir/$1.err"
    status=$?
    sed -n '/<pre id="said">/,/^the end/p' "$dir/$1.dom" | sed 's/.*<pre id="said">//' >"$dir/$1.said"
    grep -q '^the end' "$dir/$1.said" || {
        echo "Chromium ($1) did not come to an end: status $status"
        tail -n 3 "$dir/$1.err"
        exit 1
    }
    grep -vE '^(measured|the end)' "$dir/$1.said" && fail "^ $1"
    [ "$(grep -c "^measured .* $1\$" "$dir/$1.said")" -eq 12 ] || fail "$1: $(grep -c measured "$dir/$1.said") measured: $(grep measured "$dir/$1.said" | head -n 2)"
}
look light 1
look dark 0
exit $bad
