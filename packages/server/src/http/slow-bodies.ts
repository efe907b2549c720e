import type { IncomingMessage, ServerResponse } from "node:http";

/** How often the progress of a body is checked. */
const LOOK_MS = 30_000;
/** Minimum progress in that time: 1 KB per second. */
const PROGRESS_BYTES = 30 * 1024;

/**
 * Ends a request whose body arrives slower than 1 KB per second. The total time a body may take depends
 * on its size: 64 MB over a slow network take half an hour.
 */
export function endSlowBody(request: IncomingMessage): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === "0")) return;
  const { socket } = request;
  let bytes = socket.bytesRead;
  const timer = setInterval(() => {
    const progress = socket.bytesRead - bytes;
    bytes = socket.bytesRead;
    // While the socket is paused, nothing can arrive.
    if (!request.complete && progress < PROGRESS_BYTES && !socket.isPaused()) socket.destroy();
  }, LOOK_MS).unref();
  for (const event of ["end", "close"]) request.once(event, () => clearInterval(timer));
}

/** Bodies up to this size are read to the end even if unwanted, so that the connection can be reused. */
const SMALL_BYTES = 256 * 1024;
/** How long a client has to read why the rest of its body was refused. */
const UNREAD_MS = 1_000;

/**
 * Stops reading a large body once its request has been answered, usually with a refusal, and closes the
 * connection. Node would keep reading at full speed and discard the data.
 */
export function leaveUnread(request: IncomingMessage, response: ServerResponse): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && Number(length ?? 0) <= SMALL_BYTES) return;
  const { socket } = request;
  response.once("finish", () => {
    if (request.complete) return;
    // Code that discards the rest of the request resumes the socket later in this turn.
    const pause = () => setImmediate(() => request.complete || socket.pause());
    request.on("resume", pause);
    pause();
    setTimeout(() => request.complete || socket.destroy(), UNREAD_MS).unref();
  });
}
