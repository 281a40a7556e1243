#!/bin/sh
# The top level holds what the design names, and nothing tracked holds a path of somebody's machine.
cd "$(dirname "$0")/../.."
command -v git >/dev/null 2>&1 && git rev-parse --git-dir >/dev/null 2>&1 || { echo "not a git checkout"; exit 77; }
odd=$(git ls-files | cut -d/ -f1 | sort -u | grep -vE '^(sim|include|scenarios|tests|scripts|Makefile|README\.md|LICENSE|\..*)$')
[ -z "$odd" ] || { echo "beside what belongs at the top level: $odd"; exit 1; }
homes=$(git grep -nE '(/home/|/root/|/Users/)[a-z]' -- . ':!tests/layers/test_tree.sh' || true)
[ -z "$homes" ] || { echo "$homes"; exit 1; }
