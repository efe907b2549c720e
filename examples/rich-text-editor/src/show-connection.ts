import type { WebsocketProvider } from "y-websocket";

/** Says how the connection is. When the server has refused it, the provider does not try again. */
export function showConnection(provider: WebsocketProvider, line: Element | null): void {
  const say = (text: string) => {
    if (line !== null) line.textContent = text;
  };
  provider.on("sync", (synced) => {
    if (synced) say("Connected");
  });
  provider.on("connection-close", () => say("Offline: edits are kept and sent later"));
  provider.on("closed", ({ code, reason }) => {
    say(`The server does not let you in: ${reason === "" ? `code ${code}` : reason}`);
  });
}
