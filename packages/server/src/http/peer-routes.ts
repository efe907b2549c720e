import { createHash, timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import {
  decodePeerRequest,
  encodePeerState,
  PEER_PATH,
  type PeerAnswer,
  type PeerRequest,
} from "../cluster/peers.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import { problem } from "./problem.ts";

/** A state vector of a million clients takes less. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
/** Browsers send at least one of these; servers send none. */
const BROWSER_HEADERS = ["origin", "sec-fetch-mode", "sec-fetch-site"];

/** Whoever holds documents. */
export interface PeerAnswers {
  answerPeer(room: string, request: PeerRequest): Promise<PeerAnswer>;
}

/** Where other servers ask this one for documents. */
export function peerRoutes(secret: string, documents: PeerAnswers): Hono {
  const expected = digest(`Bearer ${secret}`);
  const app = new Hono();
  app.post(PEER_PATH, bodyLimit({ maxSize: MAX_REQUEST_BYTES }), async (c) => {
    if (BROWSER_HEADERS.some((name) => c.req.header(name) !== undefined)) {
      return problem(403, "this is not for browsers");
    }
    // Digests have the same length, whatever was sent, and take the same time to compare.
    if (!timingSafeEqual(digest(c.req.header("authorization") ?? ""), expected)) {
      return problem(401, "CLUSTER_SECRET is not the same on both servers");
    }
    let asked: ReturnType<typeof decodePeerRequest>;
    try {
      asked = decodePeerRequest(new Uint8Array(await c.req.arrayBuffer()));
    } catch (error) {
      if (error instanceof MalformedError) return problem(400, error.message);
      throw error;
    }
    return respond(await documents.answerPeer(asked.room, asked.request));
  });
  return app;
}

function respond(answer: PeerAnswer): Response {
  switch (answer.type) {
    case "absent":
      return problem(404, "this server does not hold the document");
    case "opening":
      return problem(409, "this server is opening the document itself");
    case "state": {
      const parts = encodePeerState(answer.state);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      return new Response(streamOf(parts), {
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(length),
          "cache-control": "no-store",
        },
      });
    }
  }
}

/** One piece at a time, as the other server takes them: a large document is not copied as a whole. */
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
      // A copy: what lies in shared memory cannot be sent.
      yield part.slice(at, at + PIECE_BYTES);
    }
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
