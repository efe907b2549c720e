import type { WebsocketProvider } from "y-websocket";

export type Connection =
  | { readonly state: "connecting" }
  /** Connected, and both sides have what the other had. */
  | { readonly state: "synced" }
  /** Not connected; the provider keeps trying. */
  | { readonly state: "offline" }
  /** The server refused this room for good; the provider has given up. */
  | { readonly state: "refused"; readonly reason: string };

/** Calls `onChange` now and whenever the connection of `provider` changes. */
export function watchConnection(
  provider: WebsocketProvider,
  onChange: (connection: Connection) => void,
): void {
  let current: Connection = { state: "connecting" };
  const change = (next: Connection) => {
    if (next.state === current.state) return;
    current = next;
    onChange(next);
  };
  onChange(current);
  provider.on("sync", (synced) => {
    if (synced) change({ state: "synced" });
  });
  // Every failed attempt ends here as well, so a page without a server says "offline" steadily
  // instead of flickering between "offline" and "connecting".
  provider.on("connection-close", () => change({ state: "offline" }));
  provider.on("closed", ({ code, reason }) => {
    change({ state: "refused", reason: reason === "" ? `code ${code}` : reason });
  });
}

/** What to tell the reader about a connection. */
export function describeConnection(connection: Connection): string {
  switch (connection.state) {
    case "connecting":
      return "Connecting…";
    case "synced":
      return "Connected, synced";
    case "offline":
      return "Offline: edits are kept and sent later";
    case "refused":
      return `The server refused this room: ${connection.reason}`;
  }
}
