#!/bin/sh
# Every public header compiles by itself.
cd "$(dirname "$0")/../.."
status=0
for h in include/natpulse/*.h; do
    ${CC:-gcc} -std=gnu17 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c "$h" || { echo "$h does not compile by itself"; status=1; }
done
exit $status
