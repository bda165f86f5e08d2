#!/bin/sh
# Runs a script with the Node 24 that the project uses.
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/find-node.sh"
exec "$BATUTA_NODE" --disable-warning=ExperimentalWarning "$@"
