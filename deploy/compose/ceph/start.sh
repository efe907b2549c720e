#!/bin/sh
# S3 on one machine: a Ceph cluster of one monitor, one store and one gateway, all in $DIRECTORY.
# The gateway listens at $ADDRESS:$PORT. It has one user, $AWS_ACCESS_KEY_ID with
# $AWS_SECRET_ACCESS_KEY. SIGTERM stops everything; the data is still there after a restart.
set -eu

MONITOR_PORT=${MONITOR_PORT:-6789}
export CEPH_CONF="$DIRECTORY/ceph.conf"

configure() {
  mkdir -p "$DIRECTORY/mon" "$DIRECTORY/osd" "$DIRECTORY/rgw" "$DIRECTORY/run"
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat "$DIRECTORY/fsid")
mon host = v2:127.0.0.1:$MONITOR_PORT
public addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = $((MONITOR_PORT + 1))
ms bind port max = $((MONITOR_PORT + 20))
# Only the gateway is reachable from outside, so the others need neither keys nor encryption.
auth cluster required = none
auth service required = none
auth client required = none
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms mon client mode = crc
keyring = $DIRECTORY/keyring
# One store, so one copy, and as few placement groups as possible.
osd pool default size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
rgw rados pool pg num min = 1
mon data avail crit = 1
# A single monitor needs no quorum, so it does not have to wait.
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
osd mon report interval = 1
run dir = $DIRECTORY/run
admin socket = $DIRECTORY/run/\$name.asok
log to file = false
log to stderr = true
mon cluster log to file = false
mon data = $DIRECTORY/mon
osd data = $DIRECTORY/osd
# A sparse file: it only takes the space that is used.
bluestore block size = ${STORE_BYTES:-10737418240}
osd memory target = 939524096
rgw data = $DIRECTORY/rgw
rgw frontends = beast endpoint=$ADDRESS:$PORT
rgw enable usage log = false
debug rgw = 0
rgw thread pool size = 16
CONF
}

wait_for() { # wait_for <command>…
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "timed out after 30 s: $*" >&2
  exit 1
}

is_up() { ceph osd stat | grep -q ' 1 up'; }

prepare_monitor() {
  ceph-authtool --create-keyring "$DIRECTORY/keyring" --gen-key -n client.admin
  ceph-authtool "$DIRECTORY/keyring" --gen-key -n mon.
  ceph-authtool "$DIRECTORY/keyring" --gen-key -n client.rgw
  monmaptool --create --clobber --fsid "$(cat "$DIRECTORY/fsid")" \
    --addv a "[v2:127.0.0.1:$MONITOR_PORT]" "$DIRECTORY/monmap"
  ceph-mon --mkfs -i a --monmap "$DIRECTORY/monmap"
}

prepare_store() {
  id=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$id" 0
  ceph-osd -i 0 --mkfs --osd-uuid "$id"
}

gateway= store= monitor=
stop() {
  # Each needs the next one to shut down cleanly.
  for pid in $gateway $store $monitor; do
    kill "$pid" 2>/dev/null || continue
    wait "$pid" || true
  done
}
trap 'stop; exit 0' TERM INT
trap stop EXIT

mkdir -p "$DIRECTORY"
is_new=
if [ ! -e "$DIRECTORY/ready" ]; then
  # Remove what an interrupted first start left behind.
  find "$DIRECTORY" -mindepth 1 -delete
  cat /proc/sys/kernel/random/uuid >"$DIRECTORY/fsid"
  is_new=yes
fi
configure
[ -z "$is_new" ] || prepare_monitor
ceph-mon -f -i a &
monitor=$!
wait_for ceph --connect-timeout 2 mon stat
[ -z "$is_new" ] || prepare_store
ceph-osd -f -i 0 &
store=$!
wait_for is_up
if [ -n "$is_new" ]; then
  radosgw-admin -n client.rgw user create --uid=symphony --display-name=symphony \
    --access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY" >/dev/null
  touch "$DIRECTORY/ready"
fi
radosgw -f -n client.rgw &
gateway=$!
wait "$gateway"
