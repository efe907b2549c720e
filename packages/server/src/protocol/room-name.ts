/** The room name is not acceptable. The message says why. */
export class RoomNameError extends Error {
  override readonly name = "RoomNameError";
}

/** Makes a name fit into the keys of every store, with room for a prefix. */
const MAX_BYTES = 512;

/**
 * Returns the room that a WebSocket URL names: its path without the leading slash and the query. It
 * may contain slashes. Browsers percent-encode characters that a path cannot contain, so it is
 * decoded.
 *
 * @param url the request target, such as `/drafts/one?token=…`
 * @throws RoomNameError
 */
export function roomOfUrl(url: string): string {
  const path = url.slice(1).split(/[?#]/, 1)[0] ?? "";
  return checkRoomName(decodeRoomName(path));
}

/** @throws RoomNameError */
export function checkRoomName(name: string): string {
  if (name === "") throw new RoomNameError("the room name is empty");
  if (Buffer.byteLength(name) > MAX_BYTES) {
    throw new RoomNameError(`the room name is longer than ${MAX_BYTES} bytes`);
  }
  if (!name.isWellFormed() || /\p{Cc}/u.test(name)) {
    throw new RoomNameError("the room name contains control characters");
  }
  return name;
}

/** A percent sign that does not begin an escape: browsers leave it unchanged in a path. */
const BARE_PERCENT = /%(?![0-9a-f]{2})/gi;

/**
 * Decodes a room name from a URL. A percent sign that does not begin an escape stands for itself.
 *
 * @throws RoomNameError if the escapes are not UTF-8
 */
export function decodeRoomName(path: string): string {
  try {
    return decodeURIComponent(path.replace(BARE_PERCENT, "%25"));
  } catch (error) {
    throw new RoomNameError("the room name is not valid percent-encoded UTF-8", { cause: error });
  }
}
