/** An event that is sent to the application. Times are in milliseconds since the Unix epoch. */
export type ApplicationEvent = {
  readonly at: number;
  readonly room: string;
  /** The address of the server where it happened. */
  readonly server: string;
} & (
  | {
      /**
       * The first server in the cluster opened the room; the last one unloaded it; the room was deleted.
       */
      readonly type: "room-opened" | "room-closed" | "room-deleted";
    }
  | {
      /** A connection to the room was opened or closed. */
      readonly type: "user-joined" | "user-left";
      /** Unique ID of the connection. */
      readonly connection: string;
      /** The subject that was granted access; `null` if unknown. */
      readonly subject: string | null;
    }
);
