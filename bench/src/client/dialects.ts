import * as encoding from "lib0/encoding";

/**
 * How the clients of a server speak to it. Sync and awareness messages are the same in all
 * dialects.
 */
export interface Dialect {
  /** The path of the URL that a client of this room connects to. */
  path(room: string): string;
  /** The bytes before every message of this room, in both directions. */
  prefix(room: string): Uint8Array;
  /** The messages, without prefix, that a client sends first. */
  readonly greeting: readonly Uint8Array[];
  /** Whether clients echo other clients' presence to the server when it is new to them. */
  readonly returnsPresence: boolean;
}

export type DialectName = "y-websocket" | "hocuspocus";

const NOTHING = new Uint8Array();
const MESSAGE_AUTH = 2;
const AUTH_TOKEN = 0;
const PROVIDER_VERSION = "4.7.0";

/** The dialect of y-websocket 1 to 3. */
const yWebsocket: Dialect = {
  path: (room) => `/${room}`,
  prefix: () => NOTHING,
  greeting: [],
  returnsPresence: true,
};

/**
 * The dialect of `@hocuspocus/provider` 4: every message names its document, and the first one
 * carries a token. It sends only its own presence, and does not echo presence from the server.
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
