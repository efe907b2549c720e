import type { LiveRooms } from "../fleet/live-rooms.ts";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { ServerObserver } from "../hooks/server-observer.ts";
import type { ActivityRecorder } from "../metadata/activity-recorder.ts";
import type { ConnectionRecords } from "../metadata/connection-records.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import type { Notifications } from "./open-notifications.ts";

/** The parts of a server that hear of what happens. */
export interface ObservingParts {
  readonly metadata: Pick<MetadataWriter, "add">;
  readonly records?: ConnectionRecords;
  readonly liveRooms?: LiveRooms;
  readonly activity?: ActivityRecorder;
  readonly notifications?: Notifications;
  /** `undefined` if the application provides none. */
  readonly hooks?: HookCalls | undefined;
}

/** Tells the parts of a server what happens. */
export function observe(parts: ObservingParts): ServerObserver {
  const { metadata, records, liveRooms, activity, notifications, hooks } = parts;
  const { changes, events } = notifications ?? { changes: null, events: null };
  return {
    sessionOpened: (session) => {
      const { connection, room, subject } = session;
      records?.connected(connection, room);
      liveRooms?.connected(room);
      activity?.connected(room);
      events?.joined(connection, room, subject);
      hooks?.connected(session);
    },
    sessionClosed: ({ connection, room, subject }, code) => {
      records?.disconnected(connection);
      liveRooms?.disconnected(room);
      activity?.disconnected(room);
      events?.left(connection, room, subject);
      hooks?.disconnected({ room, connection, subject, code });
    },
    roomOpened: (room, isFirstHolder) => {
      metadata.add({ type: "room-opened", room, at: Date.now() });
      if (isFirstHolder) events?.roomOpened(room);
      hooks?.loaded(room);
    },
    roomUnloaded: (room, isUnused) => {
      if (isUnused) metadata.add({ type: "room-unused", room });
      events?.roomUnloaded(room);
    },
    roomStored: (room, bytes, at) => {
      metadata.add({ type: "room-saved", room, at, bytes });
      hooks?.stored({ room, bytes });
    },
    roomDeleted: (room) => {
      metadata.add({ type: "room-deleted", room });
    },
    roomCommitted: (room) => {
      changes?.changed(room);
    },
    updateCommitted: hooks?.wantsChanges
      ? (room, update, author) => hooks.changed(room, update, author)
      : null,
  };
}
