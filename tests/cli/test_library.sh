#!/bin/sh
# The library as another program meets it: installed, found by pkg-config, and giving what the command gives.
set -u
N=${NATPULSE:?the program under test}
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
command -v pkg-config >/dev/null 2>&1 || { echo 'pkg-config is not installed'; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-library.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
${MAKE:-make} -s -C "$root" install-lib PREFIX="$dir/usr" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
cat >"$dir/reach.c" <<'C'
/* Prints how reachable each strategy of a scenario keeps its connections. */
#include <natpulse/study.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    np_error e = {0};
    np_findings findings = {0};
    np_scenario *scenario = argc == 2 ? np_scenario_load(argv[1], NULL, 0, &findings, &e) : NULL;
    if (!scenario) return np_findings_print(&findings, stderr), np_findings_clear(&findings), 2;
    np_study_options options = {.path = argv[1]};
    np_study *study = np_study_run(scenario, &options, &findings, &e);
    if (!study) return fprintf(stderr, "%s\n", e.text), 4;
    for (uint32_t i = 0; i < scenario->strategies; i++) {
        const np_column *c = &study->point[0].column[i];
        printf("%s %.17g\n", c->strategy, c->value[NP_METRIC_REACHABLE].mean);
    }
    np_study_destroy(study);
    np_scenario_destroy(scenario);
    np_findings_clear(&findings);
    return 0;
}
C
flags=$(PKG_CONFIG_PATH="$dir/usr/lib/pkgconfig" pkg-config --cflags --libs natpulse) || exit 1
# shellcheck disable=SC2086
${CC:-cc} -std=c17 -Wall -Wextra -Werror -o "$dir/reach" "$dir/reach.c" $flags || exit 1
cp "$root/scenarios/quickstart.yaml" "$dir/"
sed -i 's/^replicas:.*/replicas: 2/; s/^duration:.*/duration: 30m/' "$dir/quickstart.yaml"
NATPULSE_PROFILES=$root/scenarios/profiles
export NATPULSE_PROFILES
"$dir/reach" "$dir/quickstart.yaml" >"$dir/library" || exit 1
"$N" run "$dir/quickstart.yaml" --format json >"$dir/command" 2>/dev/null || exit 1
python3 - "$dir" <<'PY'
import json, sys
d = sys.argv[1]
want = [(s['name'], s['metrics']['reachable_fraction']) for s in json.load(open(d + '/command'))['points'][0]['strategies']]
rows = [line.rsplit(' ', 1) for line in open(d + '/library').read().splitlines()]
assert len(rows) == len(want) > 3, (rows, want)
for (name, w), (n, v) in zip(want, rows):
    assert n == name and (v == 'nan' if w is None else abs(float(v) - w['mean']) <= 1e-9), (n, v, name, w)
PY
