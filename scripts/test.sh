#!/bin/sh
# npm test: installs what is missing, then the whole suite: checks, unit tests, end-to-end tests with real clients.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh scripts/install.sh containerd:containerd runc:runc nft:nftables ip:iproute2 conntrack:conntrack /usr/lib/cni/ptp:containernetworking-plugins /bin/busybox:busybox-static skopeo:skopeo podman:podman buildah:buildah docker-registry:docker-registry openssl:openssl curl:curl
CHECK_REPORTER=spec sh scripts/check.sh
sh scripts/node.sh scripts/fetch-clients.ts
[ "$(id -u)" != 0 ] || sh scripts/node.sh scripts/make-hello-image.ts dist/images
sh scripts/node.sh --test --test-concurrency=1 --test-reporter=spec 'test/**/*.e2e.ts'
