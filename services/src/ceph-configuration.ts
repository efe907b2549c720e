/** Paths and addresses of one small Ceph cluster. */
export interface CephLayout {
  readonly directory: string;
  readonly clusterId: string;
  /** An otherwise unused loopback address, so that the daemons can use fixed ports. */
  readonly address: string;
  /** The port of the gateway on 127.0.0.1. */
  readonly gatewayPort: number;
}

const MONITOR_PORT = 26_789;

/** The address of the monitor in Ceph's notation. */
export function monitorAddress({ address }: CephLayout): string {
  return `v2:${address}:${MONITOR_PORT}`;
}

/** The text of `ceph.conf`: one monitor, one store in memory, one gateway, no passwords. */
export function cephConfiguration(layout: CephLayout): string {
  const { directory, clusterId, address, gatewayPort } = layout;
  return `[global]
fsid = ${clusterId}
mon host = ${monitorAddress(layout)}
public addr = ${address}
cluster addr = ${address}
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = ${MONITOR_PORT + 1}
ms bind port max = ${MONITOR_PORT + 100}
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms client mode = crc
ms cluster mode = crc
ms service mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 2
run dir = ${directory}/run
admin socket = ${directory}/run/$cluster-$name.asok
pid file = ${directory}/run/$name.pid
log file = ${directory}/$name.log
keyring = ${directory}/keyring
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
rgw rados pool pg num min = 1
mon osd report timeout = 900
osd mon report interval = 1

[mon.a]
mon data = ${directory}/mon
mon addr = ${address}:${MONITOR_PORT}
mon initial members = a
mon cluster log file = ${directory}/cluster.log

[osd.0]
osd data = ${directory}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd class load list = *
osd class default list = *

[client.rgw]
# Without tcp_nodelay, every response waits for an acknowledgement.
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1
rgw data = ${directory}/rgw
rgw dns name = localhost
rgw enable usage log = false
rgw enable ops log = false
rgw thread pool size = 16
rgw run sync thread = false
# With a cache, changes to buckets wait half a minute for a gateway that was killed.
rgw cache enabled = false
`;
}
