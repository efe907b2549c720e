import type {
  ActivityFigures,
  ActivityPoint,
  ConnectionRecord,
  MetadataEvent,
  RoomRecord,
  RoomsQuery,
  ServerActivity,
} from "../storage/metadata.ts";

/** A minimal in-memory model of the metadata. */
export interface MetadataModel {
  readonly rooms: Map<string, RoomRecord>;
  readonly connections: Map<string, ConnectionRecord>;
  /** The time until which each deleted room is closed. */
  readonly tombstones: Map<string, number>;
}

export function applyToModel(
  { rooms, connections, tombstones }: MetadataModel,
  event: MetadataEvent,
): void {
  switch (event.type) {
    case "room-opened": {
      const { room: name, at } = event;
      if (rooms.has(name)) return;
      rooms.set(name, { name, createdAt: at, updatedAt: null, bytes: 0 });
      return;
    }
    case "room-saved": {
      const { room: name, at, bytes } = event;
      const { createdAt, updatedAt } = rooms.get(name) ?? { createdAt: at, updatedAt: null };
      if ((updatedAt ?? 0) > at) return;
      rooms.set(name, { name, createdAt, updatedAt: at, bytes });
      return;
    }
    case "room-unused":
      if (rooms.get(event.room)?.updatedAt === null) rooms.delete(event.room);
      return;
    case "room-deleted":
      rooms.delete(event.room);
      return;
    case "tombstone-set": {
      const { room, until } = event;
      tombstones.set(room, Math.max(until, tombstones.get(room) ?? 0));
      return;
    }
    case "tombstone-removed":
      tombstones.delete(event.room);
      return;
    case "connected": {
      const { connection, room, server, at } = event;
      if (connections.has(connection)) return;
      connections.set(connection, {
        connection,
        room,
        server,
        connectedAt: at,
        disconnectedAt: null,
      });
      return;
    }
    case "disconnected": {
      const known = connections.get(event.connection);
      if (known === undefined || known.disconnectedAt !== null) return;
      connections.set(event.connection, { ...known, disconnectedAt: event.at });
    }
  }
}

export function modelConnections(
  { connections }: MetadataModel,
  { from, to, limit }: { from: number; to: number; limit: number },
): ConnectionRecord[] {
  return [...connections.values()]
    .filter(({ connectedAt, disconnectedAt }) => {
      return connectedAt < to && (disconnectedAt === null || disconnectedAt >= from);
    })
    .sort((one, other) => {
      return one.connectedAt - other.connectedAt || (one.connection < other.connection ? -1 : 1);
    })
    .slice(0, limit);
}

export function modelRooms(
  rooms: readonly RoomRecord[],
  { search = "", sort, descending }: Omit<RoomsQuery, "after" | "limit">,
): RoomRecord[] {
  const keyOf = ({ createdAt, updatedAt, bytes }: RoomRecord) =>
    ({ name: 0, created: createdAt, updated: updatedAt ?? -1, bytes })[sort];
  const direction = descending ? -1 : 1;
  return rooms
    .filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()))
    .sort((one, other) => {
      const order = keyOf(one) - keyOf(other) || compareBytes(one.name, other.name);
      return direction * order;
    });
}

function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Buckets must begin at `from`. */
export function modelActivity(
  recorded: readonly ServerActivity[],
  { from, to, bucket }: { from: number; to: number; bucket: number },
): ActivityPoint[] {
  const points: ActivityPoint[] = [];
  for (let at = from; at < to; at += bucket) {
    const minutes = new Map<number, Map<string, ActivityFigures>>();
    for (const one of recorded.filter(({ minute }) => minute >= at && minute < at + bucket)) {
      const servers = minutes.get(one.minute) ?? new Map<string, ActivityFigures>();
      minutes.set(one.minute, servers.set(one.server, larger(one, servers.get(one.server))));
    }
    const sums = [...minutes.values()].map((servers) => sum([...servers.values()]));
    const { connections, rooms } = sums.reduce(larger, NOTHING);
    points.push({ at, connections, rooms, connects: sum(sums).connects });
  }
  return points;
}

const NOTHING: ActivityFigures = { connections: 0, rooms: 0, connects: 0 };

function larger(one: ActivityFigures, other: ActivityFigures = NOTHING): ActivityFigures {
  return {
    connections: Math.max(one.connections, other.connections),
    rooms: Math.max(one.rooms, other.rooms),
    connects: Math.max(one.connects, other.connects),
  };
}

function sum(all: readonly ActivityFigures[]): ActivityFigures {
  const total = (name: keyof ActivityFigures) => all.reduce((sum, one) => sum + one[name], 0);
  return { connections: total("connections"), rooms: total("rooms"), connects: total("connects") };
}
