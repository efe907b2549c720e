#!/usr/bin/env bash
# Installs missing system packages with apt-get: the services of a cluster, and everything else that
# the tests need.
#
# Usage: install.sh [services]    only the services
set -euo pipefail

missing=()
need() { # need <command> <package>…
  command -v "$1" >/dev/null || missing+=("${@:2}")
}
need redis-server redis-server
need haproxy haproxy
need radosgw ceph-mon ceph-osd radosgw ceph-common
# Its programs are not on the PATH.
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=(postgresql)
if [ "${1:-}" != services ]; then
  need chromium-headless-shell chromium-headless-shell
  need nginx nginx-light
  need pgbouncer pgbouncer
  need openssl openssl
  need java openjdk-17-jre-headless
  # The compiler builds the library that injects disk failures.
  { command -v gcc >/dev/null && [ -e /usr/include/stdio.h ]; } || missing+=(gcc libc6-dev)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

export DEBIAN_FRONTEND=noninteractive
# Packages start their services on installation; here each test starts its own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
