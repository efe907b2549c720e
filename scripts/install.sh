#!/usr/bin/env bash
# Installs with apt-get what is missing of the system: the services of a cluster, and what else the
# tests need.
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
# Its programs are not in the search path.
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=(postgresql)
if [ "${1:-}" != services ]; then
  need chromium-headless-shell chromium-headless-shell
  need nginx nginx-light
  need pgbouncer pgbouncer
  need openssl openssl
  need java openjdk-17-jre-headless
  # The compiler builds the library that makes disk operations fail on purpose.
  { command -v gcc >/dev/null && [ -e /usr/include/stdio.h ]; } || missing+=(gcc libc6-dev)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

export DEBIAN_FRONTEND=noninteractive
# Packages start their services when they are installed; here everybody starts their own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
