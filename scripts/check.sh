#!/bin/sh
# npm run check: format, lint, types, room boundaries and unit tests. Run it at every step.
# The unit tests run beside the rest; what they say is shown at the end.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
[ -d node_modules ] || sh scripts/install.sh || exit 1
bin=node_modules/.bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0
# Compiled code and the state of the type checker are kept between runs: a test that starts threads or processes
# compiles in each of them otherwise.
cache=$root/node_modules/.cache
mkdir -p "$cache"
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$cache/compiled}"
tests() {
  sh scripts/node.sh --test --test-isolation=none --test-reporter="${CHECK_REPORTER:-dot}" "$@"
}
tests 'src/store/**/*.test.ts' >"$out/store" 2>&1 & store=$!
tests 'src/apiserver/**/*.test.ts' >"$out/apiserver" 2>&1 & apiserver=$!
tests 'src/!(store|apiserver)/**/*.test.ts' 'test/*.test.ts' >"$out/rest" 2>&1 & rest=$!
sh scripts/node.sh $bin/oxfmt --check . >"$out/format" 2>&1 || { cat "$out/format"; echo "check: run npm run format" >&2; failed=1; }
sh scripts/node.sh $bin/oxlint --type-aware --quiet || failed=1
sh scripts/node.sh $bin/tsc -p . --incremental --tsBuildInfoFile "$cache/types.tsbuildinfo" || failed=1
for pid in $store $apiserver $rest; do wait "$pid" || failed=1; done
cat "$out/store" "$out/apiserver" "$out/rest"
exit $failed
