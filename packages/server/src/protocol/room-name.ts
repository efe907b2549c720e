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
  return checkRoomName(decodePath(path));
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

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new RoomNameError("the room name is not valid percent-encoded UTF-8", { cause: error });
  }
}
