import type { ConnectionRecord, MetadataEvent, RoomRecord } from "../../src/storage/metadata.ts";

/** The metadata, kept in the simplest way. */
export interface MetadataModel {
  readonly rooms: Map<string, RoomRecord>;
  readonly connections: Map<string, ConnectionRecord>;
}

export function applyToModel({ rooms, connections }: MetadataModel, event: MetadataEvent): void {
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
    case "room-deleted":
      rooms.delete(event.room);
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
