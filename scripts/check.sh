#!/bin/sh
# npm run check: format, lint, types, room boundaries and unit tests. Run it at every step.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
[ -d node_modules ] || sh scripts/install.sh
bin=node_modules/.bin
sh scripts/node.sh $bin/oxfmt --check . >/tmp/batuta-fmt.$$ 2>&1 || { cat /tmp/batuta-fmt.$$; rm -f /tmp/batuta-fmt.$$; echo "run: npm run format" >&2; exit 1; }
rm -f /tmp/batuta-fmt.$$
sh scripts/node.sh $bin/oxlint --type-aware --quiet
sh scripts/node.sh $bin/tsc -p .
sh scripts/node.sh --test --test-isolation=none --test-reporter=dot 'src/**/*.test.ts' 'test/*.test.ts'
