#!/bin/sh
# npm start: installs what is missing, then runs `batuta up` with the arguments given.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh scripts/install.sh containerd:containerd runc:runc nft:nftables ip:iproute2 conntrack:conntrack /usr/lib/cni/ptp:containernetworking-plugins /bin/busybox:busybox-static
if [ "$(id -u)" = 0 ] && [ -x /bin/busybox ]; then
  [ dist/images/hello-2.tar -nt scripts/make-hello-image.ts ] || sh scripts/node.sh scripts/make-hello-image.ts dist/images >/dev/null
  set -- --preload "$root/dist/images" "$@"
fi
exec "$root/bin/batuta" up "$@"
