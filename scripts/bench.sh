#!/bin/sh
# npm run bench [-- NAME …]: every benchmark in bench/, or the ones named.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh scripts/install.sh
[ $# -gt 0 ] || set -- $(cd bench && ls -- *.bench.ts | sed 's/\.bench\.ts$//')
for name in "$@"; do
  echo "== $name"
  sh scripts/node.sh "bench/$name.bench.ts"
done
