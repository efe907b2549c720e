import { randomRoomName } from "./names.ts";

/**
 * The room that this page's address names, after the `#`. A page that was opened without one gets
 * a new room, and the address says so at once, so that it can be copied and shared.
 */
export function roomOfPage(): string {
  const room = roomOfHash(location.hash) ?? randomRoomName();
  // Replaced, not pushed: the back button leaves the page instead of making another room.
  history.replaceState(null, "", `#${encodeURIComponent(room)}`);
  return room;
}

function roomOfHash(hash: string): string | undefined {
  const room = decoded(hash.slice(1)).trim();
  // A browser resolves these as folders of the server's URL, even when they are encoded.
  return room === "" || room === "." || room === ".." ? undefined : room;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray `%`: somebody typed the name by hand and means it as it is.
    return text;
  }
}
