/** What the application is told. Times are milliseconds since the Unix epoch. */
export type ApplicationEvent = {
  readonly at: number;
  readonly room: string;
  /** The address of the server where it happened. */
  readonly server: string;
} & (
  | {
      /**
       * The first server of the cluster has opened the room; the last one has let it go; it was deleted.
       */
      readonly type: "room-opened" | "room-closed" | "room-deleted";
    }
  | {
      /** A connection to the room began or ended. */
      readonly type: "user-joined" | "user-left";
      /** Names the connection, and no other. */
      readonly connection: string;
      /** For whom the access was given; `null` when that is not known. */
      readonly subject: string | null;
    }
);
