import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { MalformedError } from "../protocol/malformed-error.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { problem } from "../runtime/http/problem.ts";
import { streamParts } from "../runtime/http/stream-parts.ts";
import {
  decodePeerRequest,
  encodePeerState,
  PEER_PATH,
  type PeerAnswer,
  type PeerRequest,
} from "./peers.ts";
import type { ServersOnly } from "./servers-only.ts";

/** More than a state vector of a million clients takes. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

/** Answers peer requests for the documents in memory. */
export interface PeerAnswers {
  answerPeer(room: string, request: PeerRequest): Promise<PeerAnswer>;
}

/** The route on which other servers request documents from this one. */
export function peerRoutes(only: ServersOnly, rooms: PeerAnswers): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post(PEER_PATH, only, bodyLimit({ maxSize: MAX_REQUEST_BYTES }), async (c) => {
    let asked: ReturnType<typeof decodePeerRequest>;
    try {
      asked = decodePeerRequest(new Uint8Array(await c.req.arrayBuffer()));
    } catch (error) {
      if (error instanceof MalformedError) return problem(400, error.message);
      throw error;
    }
    return respond(await rooms.answerPeer(asked.room, asked.request));
  });
  return app;
}

function respond(answer: PeerAnswer): Response {
  switch (answer.type) {
    case "absent":
      return problem(404, "this server does not hold the document");
    case "opening":
      return problem(409, "this server is opening the document itself");
    case "state":
      return streamParts(encodePeerState(answer.state));
  }
}
