export interface Settings {
  /** The WebSocket URL of the server. */
  readonly server: string;
  readonly room: string;
  readonly token: string | null;
  /** What others see beside the cursor. */
  readonly name: string;
}

/**
 * Reads the part of an address after the `#`, which browsers send to nobody:
 * `#room=notes&token=…&name=Ada&server=wss://collab.example.com`. All of it may be left out.
 */
export function settingsOf(hash: string): Settings {
  const settings = new URLSearchParams(hash.slice(1));
  return {
    server: settings.get("server") ?? "ws://127.0.0.1:1234",
    room: settings.get("room") ?? "rich-text",
    token: settings.get("token"),
    name: settings.get("name") ?? "Somebody",
  };
}

/**
 * Whether a token lets its owner write. What it says is only believed to show the right page: the
 * server checks it.
 */
export function mayWrite(token: string | null): boolean {
  const payload = token?.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/");
  if (payload === undefined) return true;
  try {
    const { access = "read-write" } = JSON.parse(atob(payload));
    return access === "read-write";
  } catch {
    // Tokens may have any form; then the server says what they are good for.
    return true;
  }
}
