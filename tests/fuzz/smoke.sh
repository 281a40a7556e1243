#!/bin/sh
# Every fuzz target, for a moment: that it builds, takes inputs and finds nothing at once. `make fuzz` is the long run.
# Usage: B=build tests/fuzz/smoke.sh
set -u
b=${B:-build}
b=${b%/san} # the targets have sanitizers of their own
command -v "${FUZZ_CC:-clang}" >/dev/null 2>&1 || { echo "libFuzzer needs clang, which is not installed"; exit 77; }
echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }' >"${TMPDIR:-/tmp}/natpulse-fuzz-$$.c"
"${FUZZ_CC:-clang}" -w -fsanitize=fuzzer -o "${TMPDIR:-/tmp}/natpulse-fuzz-$$" "${TMPDIR:-/tmp}/natpulse-fuzz-$$.c" 2>/dev/null
status=$?
rm -f "${TMPDIR:-/tmp}/natpulse-fuzz-$$.c" "${TMPDIR:-/tmp}/natpulse-fuzz-$$"
[ $status -eq 0 ] || { echo "clang has no libFuzzer here (libclang-rt-dev on Debian)"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/natpulse-smoke.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
make -s B="$b" LTO=0 SAN=0 CFLAGS= fuzzers >"$dir/build" 2>&1 || { cat "$dir/build"; exit 1; }
status=0
for f in "$b"/fuzz/tests/fuzz/fuzz_*; do
    case $f in *.o | *.d | *.corpus) continue ;; esac
    [ -x "$f" ] || continue
    NP_PCAPS="$dir/none" tests/fuzz/seeds "$f" "$dir/corpus-${f##*/}" # the same inputs wherever it runs
    "$f" -seed=1 -runs=2000 -max_total_time=20 -artifact_prefix="$dir/" "$dir/corpus-${f##*/}" >"$dir/log" 2>&1 ||
        { echo "$f:"; tail -n 40 "$dir/log"; status=1; }
done
exit $status
