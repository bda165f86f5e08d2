#!/bin/sh
# Installs the npm packages when they are missing and, as root on Debian or Ubuntu, the system packages
# whose program is missing. Arguments: PROGRAM-OR-FILE:PACKAGE …
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stamp=node_modules/.batuta-installed
if [ ! -f "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
  echo "installing npm packages …" >&2
  # Not `npm ci`: it insists on optional packages of other platforms, which not every registry offers.
  npm install --no-save --no-audit --no-fund >&2
  touch "$stamp"
fi
# The bundle starts faster than the sources. It is made again when a source looks newer; whether it may be used is
# decided by what the sources are, at every start, so without it, and whatever becomes of it, the sources run.
bundle=dist/bundle/manifest.json
if [ -d node_modules/esbuild ] && { [ ! -f "$bundle" ] || [ -n "$(find src scripts package.json -newer "$bundle" -print -quit)" ]; }; then
  sh scripts/node.sh scripts/bundle.ts || echo "could not bundle: starts take a little longer" >&2
fi
missing=
for pair in "$@"; do
  probe=${pair%%:*}
  case $probe in
    /*) [ -e "$probe" ] || [ -e "/opt/cni/bin/${probe##*/}" ] || missing="$missing ${pair#*:}" ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$probe" >/dev/null 2>&1 || missing="$missing ${pair#*:}" ;;
  esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing system packages:$missing …" >&2
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || { apt-get update >/dev/null && apt-get install -y --no-install-recommends $missing >&2; }
else
  echo "missing:$missing. As root on Debian or Ubuntu: apt-get install$missing. Without them nodes are simulated." >&2
fi
