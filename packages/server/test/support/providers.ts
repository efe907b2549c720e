import { WebsocketProvider as Provider4 } from "@y/websocket";
import * as Y14 from "@y/y";
import { WebsocketProvider as Provider31 } from "y-websocket";
import { WebsocketProvider as Provider1 } from "y-websocket-1";
import { WebsocketProvider as Provider2 } from "y-websocket-2";
import { WebsocketProvider as Provider30 } from "y-websocket-3.0";
import * as Y13 from "yjs";

// Every provider adds a listener for the process exit, and a test opens many providers.
process.setMaxListeners(0);

/** The operations of a shared text that tests use, with either major version of Yjs. */
export interface SharedText {
  toString(): string;
  insert(index: number, content: string): void;
  delete(index: number, length: number): void;
}

export interface SessionOptions {
  /** `false`: `connect()` must be called. */
  readonly connect?: boolean;
  readonly protocols?: string[];
  readonly params?: Record<string, string>;
  /** The initial local awareness state; `null` for a viewer. The provider's default if omitted. */
  readonly presence?: Record<string, unknown> | null;
}

/** One participant: a document, and a real provider that keeps it in a room. */
export interface Session {
  readonly version: string;
  readonly clientId: number;
  /** The root type `text`. */
  readonly text: SharedText;
  readonly isSynced: boolean;
  readonly isConnected: boolean;
  /** The number of connections opened so far. */
  readonly connections: number;
  /** The subprotocol that the server selected. */
  readonly subprotocol: string;
  /** The awareness states of everyone, by client id. */
  readonly presence: ReadonlyMap<number, unknown>;
  setPresence(state: Record<string, unknown> | null): void;
  onSynced(listener: () => void): void;
  connect(): void;
  disconnect(): void;
  /** Closes the socket without announcing that it leaves, like a closed laptop. */
  vanish(): void;
  destroy(): void;
}

/** A session with Yjs 13, the version that the tests themselves use. */
export interface Session13 extends Session {
  readonly doc: Y13.Doc;
}

export interface ProviderVersion<S extends Session = Session> {
  readonly name: string;
  /** Whether the provider can offer subprotocols. */
  readonly offersProtocols: boolean;
  open(wsUrl: string, room: string, options?: SessionOptions): S;
}

/** The common interface of the providers. */
interface Provider {
  readonly synced: boolean;
  readonly wsconnected: boolean;
  shouldConnect: boolean;
  readonly ws: { close(): void; readonly protocol: string } | null;
  readonly awareness: {
    getStates(): ReadonlyMap<number, unknown>;
    setLocalState(state: Record<string, unknown> | null): void;
  };
  on(event: "status", listener: (event: { status: string }) => void): unknown;
  on(event: "sync", listener: (synced: boolean) => void): unknown;
  connect(): void;
  disconnect(): void;
  destroy(): void;
}

interface ProviderOptions {
  readonly connect: boolean;
  readonly disableBc: boolean;
  readonly params: Record<string, string>;
  readonly protocols: string[];
}

export const yWebsocket1 = version13(
  "y-websocket 1.5.4",
  false,
  (url, room, doc, options) => new Provider1(url, room, doc, options),
);
export const yWebsocket2 = version13(
  "y-websocket 2.1.0",
  true,
  (url, room, doc, options) => new Provider2(url, room, doc, options),
);
export const yWebsocket30 = version13(
  "y-websocket 3.0.0",
  true,
  (url, room, doc, options) => new Provider30(url, room, doc, options),
);
export const yWebsocket31 = version13(
  "y-websocket 3.1.0",
  true,
  (url, room, doc, options) => new Provider31(url, room, doc, options),
);
export const yWebsocket4: ProviderVersion = {
  name: "@y/websocket 4.0.0-3",
  offersProtocols: true,
  open: (url, room, options = {}) => {
    const doc = new Y14.Doc();
    const provider = new Provider4(url, room, doc, optionsOf(options));
    return session("@y/websocket 4.0.0-3", doc, doc.get("text"), provider, options);
  },
};

/** All supported providers, oldest first. */
export const providerVersions: readonly ProviderVersion[] = [
  yWebsocket1,
  yWebsocket2,
  yWebsocket30,
  yWebsocket31,
  yWebsocket4,
];

function version13(
  name: string,
  offersProtocols: boolean,
  create: (url: string, room: string, doc: Y13.Doc, options: ProviderOptions) => Provider,
): ProviderVersion<Session13> {
  return {
    name,
    offersProtocols,
    open: (url, room, options = {}) => {
      const doc = new Y13.Doc();
      const provider = create(url, room, doc, optionsOf(options));
      const base = session(name, doc, doc.getText("text"), provider, options);
      return Object.defineProperty(base as Session13, "doc", { value: doc });
    },
  };
}

/** Sessions connect once they have listeners. Without `disableBc` they would bypass the server. */
function optionsOf({ params = {}, protocols = [] }: SessionOptions): ProviderOptions {
  return { connect: false, disableBc: true, params, protocols };
}

function session(
  version: string,
  doc: { readonly clientID: number; destroy(): void },
  text: SharedText,
  provider: Provider,
  options: SessionOptions,
): Session {
  let connections = 0;
  provider.on("status", ({ status }) => {
    if (status === "connected") connections++;
  });
  if (options.presence !== undefined) provider.awareness.setLocalState(options.presence);
  if (options.connect !== false) provider.connect();
  return {
    version,
    clientId: doc.clientID,
    text,
    get isSynced() {
      return provider.synced;
    },
    get isConnected() {
      return provider.wsconnected;
    },
    get connections() {
      return connections;
    },
    get subprotocol() {
      return provider.ws?.protocol ?? "";
    },
    get presence() {
      return provider.awareness.getStates();
    },
    setPresence: (state) => provider.awareness.setLocalState(state),
    onSynced: (listener) => {
      provider.on("sync", (synced) => {
        if (synced) listener();
      });
    },
    connect: () => provider.connect(),
    disconnect: () => provider.disconnect(),
    vanish: () => {
      provider.shouldConnect = false;
      provider.ws?.close();
    },
    destroy: () => {
      provider.destroy();
      doc.destroy();
    },
  };
}
