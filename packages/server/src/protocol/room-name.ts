/** A room name that this server does not accept. The message says why. */
export class RoomNameError extends Error {
  override readonly name = "RoomNameError";
}

/** So that a name fits the key of every store, with room for a prefix. */
const MAX_BYTES = 512;

/**
 * The room that a WebSocket URL names: its path without the leading slash and without the query.
 * It may hold slashes. Browsers percent-encode what a path cannot hold, so it is decoded.
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
    throw new RoomNameError("the room name holds control characters");
  }
  return name;
}

/** A percent sign that begins no escape: browsers leave it in a path as it is. */
const BARE_PERCENT = /%(?![0-9a-f]{2})/gi;

/**
 * A room name as it is written in a URL. A percent sign that begins no escape stands for itself.
 *
 * @throws RoomNameError when the escapes are not UTF-8
 */
export function decodeRoomName(path: string): string {
  try {
    return decodeURIComponent(path.replace(BARE_PERCENT, "%25"));
  } catch (error) {
    throw new RoomNameError("the room name is not valid percent-encoded UTF-8", { cause: error });
  }
}
