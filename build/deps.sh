#!/usr/bin/env bash
# Installs what is missing on a Debian system: deps.sh build | test | bench | border | fresh. Says what to install elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
want() { # want PACKAGE TEST...: PACKAGE is needed when TEST fails
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || need+=("$package")
}

want pkg-config command -v pkg-config
want gcc command -v gcc
want libc6-dev test -e /usr/include/stdlib.h
want libopus-dev test -e /usr/include/opus/opus.h
want ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
if [ "${1:-build}" = test ]; then
	want sip-tester command -v sipp
	want baresip-core command -v baresip
	want chromium command -v chromium
	want iproute2 command -v ip
	want nodejs command -v node
	want npm command -v npm
fi

if [ "${1:-build}" = bench ]; then
	want sip-tester command -v sipp
	want util-linux command -v taskset
	want kamailio command -v kamailio
	want kamailio-websocket-modules compgen -G '/usr/lib/*/kamailio/modules/websocket.so'
	want rtpengine-daemon command -v rtpengine
fi

if [ "${1:-build}" = border ]; then
	want sip-tester command -v sipp
	want sipvicious command -v svwar
	want iproute2 command -v ip
	want nftables test -x /usr/sbin/nft
fi

if [ "${1:-build}" = fresh ]; then
	want debootstrap command -v debootstrap
	want chromium command -v chromium
fi

if [ ${#need[@]} -gt 0 ]; then
	if ! command -v apt-get >/dev/null; then
		echo "please install: ${need[*]} (Debian package names)" >&2
		exit 1
	fi
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "installing: ${need[*]}"
	$sudo apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

if [ "${1:-build}" = test ] && ! cmp -s tests/browser/package-lock.json tests/browser/node_modules/.installed; then
	(cd tests/browser && npm ci --no-audit --no-fund --silent && cp package-lock.json node_modules/.installed)
fi
