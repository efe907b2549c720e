import { AccessDeniedError, AccessUnavailableError } from "../auth/access.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import { RoomNameError } from "../protocol/room-name.ts";
import { TooLargeError } from "../protocol/too-large-error.ts";
import { RegistryError } from "../replication/registry.ts";
import { DeletedError } from "../room/deleted-rooms.ts";
import { ClosedError } from "../room/room-table.ts";
import { WorkerError } from "../room/workers/worker-errors.ts";
import { CorruptedError, StorageError } from "../storage/errors.ts";

/**
 * Why this server closes a WebSocket. `y-websocket` 3.1 does not reconnect after 4400 to 4499; other
 * providers do.
 */
export type CloseCode = number & { readonly __brand: "CloseCode" };

/** The longest reason that fits into a close frame, in bytes of UTF-8. */
const MAX_REASON_BYTES = 123;

const code = (value: number) => value as CloseCode;

/** The room has as many connections to this server as it may have. */
export class RoomFullError extends Error {
  override readonly name = "RoomFullError";

  constructor(most: number) {
    super(`the room has reached its limit of ${most} connections`);
  }
}

export const CloseCode = {
  malformed: code(1007),
  internal: code(1011),
  restarting: code(1012),
  tryAgainLater: code(1013),
  badRoom: code(4400),
  unauthenticated: code(4401),
  forbidden: code(4403),
  deleted: code(4404),
  roomFull: code(4409),
  tooLarge: code(4413),
  tooMany: code(4429),

  /** The code with which a connection is closed because of this error. */
  of(error: unknown): CloseCode {
    if (error instanceof MalformedError) return CloseCode.malformed;
    if (error instanceof TooLargeError) return CloseCode.tooLarge;
    if (error instanceof RoomNameError) return CloseCode.badRoom;
    if (error instanceof AccessDeniedError) return CloseCode[error.denial];
    if (error instanceof AccessUnavailableError) return CloseCode.tryAgainLater;
    if (error instanceof RoomFullError) return CloseCode.roomFull;
    if (error instanceof DeletedError) return CloseCode.deleted;
    if (error instanceof ClosedError) return CloseCode.restarting;
    if (error instanceof CorruptedError) return CloseCode.internal;
    if (error instanceof StorageError || error instanceof RegistryError)
      return CloseCode.tryAgainLater;
    if (error instanceof WorkerError) return CloseCode.tryAgainLater;
    return CloseCode.internal;
  },

  /** The close reason. It hides details of the error that concern only the operator. */
  text(value: CloseCode, error?: unknown): string {
    switch (value) {
      case CloseCode.malformed:
      case CloseCode.badRoom:
      case CloseCode.tooLarge:
      case CloseCode.unauthenticated:
      case CloseCode.forbidden:
      case CloseCode.roomFull:
        return error instanceof Error ? shorten(error.message) : "refused";
      case CloseCode.restarting:
        return "the server is restarting";
      case CloseCode.deleted:
        return "the room has been deleted";
      case CloseCode.tryAgainLater:
        return unavailability(error);
      case CloseCode.internal:
        return "the server failed to process the document; see the server's log";
      default:
        return "refused";
    }
  },
};

/** Names what is unavailable, so that a client's developer knows where to look. */
function unavailability(error: unknown): string {
  if (error instanceof AccessUnavailableError) {
    return "access cannot be decided right now; try again later";
  }
  if (error instanceof RegistryError)
    return "the other servers cannot be found right now; try again later";
  if (error instanceof WorkerError)
    return "the document cannot be processed right now; try again later";
  return "the document cannot be read right now; try again later";
}

function shorten(text: string): string {
  const bytes = Buffer.alloc(MAX_REASON_BYTES);
  // `write` never writes part of a character.
  return bytes.toString("utf8", 0, bytes.write(text));
}
