import * as encoding from "lib0/encoding";

/** How the clients of a server speak to it. Their sync and awareness messages are the same in all. */
export interface Dialect {
  /** The path of the URL that a client of this room connects to. */
  path(room: string): string;
  /** The bytes before every message of this room, in both directions. */
  prefix(room: string): Uint8Array;
  /** The messages, without prefix, with which a client begins. */
  readonly greeting: readonly Uint8Array[];
  /** Clients send presence of others that is new to them back to the server. */
  readonly returnsPresence: boolean;
}

export type DialectName = "y-websocket" | "hocuspocus";

const NOTHING = new Uint8Array();
const MESSAGE_AUTH = 2;
const AUTH_TOKEN = 0;
const PROVIDER_VERSION = "4.7.0";

/** As y-websocket 1 to 3 speak. */
const yWebsocket: Dialect = {
  path: (room) => `/${room}`,
  prefix: () => NOTHING,
  greeting: [],
  returnsPresence: true,
};

/**
 * As `@hocuspocus/provider` 4 speaks: every message names its document, and the first one brings a
 * token. It passes on only its own presence: what the server sent is not sent back.
 */
const hocuspocus: Dialect = {
  path: () => "/",
  prefix: (room) => encoding.encode((encoder) => encoding.writeVarString(encoder, room)),
  greeting: [
    encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, MESSAGE_AUTH);
      encoding.writeVarUint(encoder, AUTH_TOKEN);
      encoding.writeVarString(encoder, "");
      encoding.writeVarString(encoder, PROVIDER_VERSION);
    }),
  ],
  returnsPresence: false,
};

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  "y-websocket": yWebsocket,
  hocuspocus,
};
