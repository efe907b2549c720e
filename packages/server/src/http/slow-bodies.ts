import type { IncomingMessage, ServerResponse } from "node:http";

/** How often it is looked at what has come of a body. */
const LOOK_MS = 30_000;
/** What has to come in that time: 1 KB a second. */
const PROGRESS_BYTES = 30 * 1024;

/**
 * Ends a request whose body comes slower than 1 KB a second. How long a body may take altogether
 * depends on how large it is: 64 MB over a slow network take half an hour.
 */
export function endSlowBody(request: IncomingMessage): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === "0")) return;
  const { socket } = request;
  let bytes = socket.bytesRead;
  const timer = setInterval(() => {
    const progress = socket.bytesRead - bytes;
    bytes = socket.bytesRead;
    // Nothing comes while nobody reads.
    if (!request.complete && progress < PROGRESS_BYTES && !socket.isPaused()) socket.destroy();
  }, LOOK_MS).unref();
  for (const event of ["end", "close"]) request.once(event, () => clearInterval(timer));
}

/** A body of this size is read to its end even when nobody wants it: the connection can be used again. */
const SMALL_BYTES = 256 * 1024;
/** How long a client has to read why the rest of its body is not wanted. */
const UNREAD_MS = 1_000;

/**
 * Reads no more of a large body once its request has been answered, most often with a refusal, and
 * ends the connection. Node would read on as fast as it comes, and throw it away.
 */
export function leaveUnread(request: IncomingMessage, response: ServerResponse): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && Number(length ?? 0) <= SMALL_BYTES) return;
  const { socket } = request;
  response.once("finish", () => {
    if (request.complete) return;
    // Whoever lets the rest of the request go by starts the socket again, in this turn.
    const pause = () => setImmediate(() => request.complete || socket.pause());
    request.on("resume", pause);
    pause();
    setTimeout(() => request.complete || socket.destroy(), UNREAD_MS).unref();
  });
}
