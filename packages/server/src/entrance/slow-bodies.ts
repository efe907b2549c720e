import type { IncomingMessage } from "node:http";

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
