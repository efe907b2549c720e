/** Makes a response from several byte arrays. */
export function streamParts(
  parts: readonly Uint8Array[],
  contentType: string = "application/octet-stream",
): Response {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return new Response(streamOf(parts), {
    headers: {
      "content-type": contentType,
      "content-length": String(length),
      "cache-control": "no-store",
    },
  });
}

/**
 * Streams one piece at a time, as the other server reads them, so a large document is never copied
 * whole.
 */
function streamOf(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const pieces = piecesOf(parts);
  return new ReadableStream({
    pull: (controller) => {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

const PIECE_BYTES = 256 * 1024;

function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      // A copy, because shared memory cannot be sent.
      yield part.slice(at, at + PIECE_BYTES);
    }
  }
}
